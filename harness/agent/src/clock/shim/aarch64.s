// The replacement of the vDSO's clock functions, for aarch64. Position independent. As the ABI allows a function it changes
// x0-x17 only.
//
// Each function asks the kernel for the true time and adjusts what it says. The parameters are in schism_shim_state; see
// shim/mod.rs for their layout and for why reading them needs no lock.

        .balign 16
schism_shim_begin:

// int clock_gettime(clockid_t w0, struct timespec *x1)
schism_shim_clock_gettime:
        mov     w9, w0
        mov     x8, #113
        svc     #0                      // keeps every register but x0
        cbnz    x0, 2f
        cbz     w9, 1f                  // CLOCK_REALTIME
        cmp     w9, #5                  // CLOCK_REALTIME_COARSE
        b.ne    2f
1:      ldp     x2, x3, [x1]
        mov     x17, x30
        bl      schism_shim_adjust
        mov     x30, x17
        stp     x2, x3, [x1]
        mov     x0, #0
2:      ret

// int gettimeofday(struct timeval *x0, struct timezone *x1)
schism_shim_gettimeofday:
        mov     x9, x0
        mov     x8, #169
        svc     #0
        cbnz    x0, 1f
        cbz     x9, 1f
        ldp     x2, x3, [x9]
        mov     x4, #1000
        mul     x3, x3, x4              // microseconds to nanoseconds
        mov     x17, x30
        bl      schism_shim_adjust
        mov     x30, x17
        mov     x4, #1000
        udiv    x3, x3, x4
        stp     x2, x3, [x9]
        mov     x0, #0
1:      ret

// The true time in x2 (seconds) and x3 (nanoseconds) to the false one there. Keeps x0, x1, x9 and x17.
schism_shim_adjust:
        movz    x10, #0xca00
        movk    x10, #0x3b9a, lsl #16   // 1000000000
        madd    x2, x2, x10, x3         // t
        adr     x11, schism_shim_state
        add     x12, x11, #8
1:      ldarb   w13, [x12]              // the turn, whose lowest bit is the slot
        and     x14, x13, #1
        mov     x15, #24
        madd    x14, x14, x15, x11
        ldp     x3, x4, [x14, #64]      // offset, base
        ldr     x5, [x14, #80]          // rate
        dmb     ishld
        ldrb    w15, [x12]
        cmp     w13, w15
        b.ne    1b                      // the slot was given to another writer meanwhile
        sub     x4, x2, x4
        mul     x6, x4, x5
        smulh   x7, x4, x5
        extr    x6, x7, x6, #32         // ((t - base) * rate) >> 32
        add     x2, x2, x3
        add     x6, x6, x2
        sdiv    x2, x6, x10
        msub    x3, x2, x10, x6
        ret

        .balign 8
schism_shim_state:
        .zero   112
schism_shim_end:
