# The replacement of the vDSO's clock functions, for x86-64. Position independent; needs no stack but for return addresses
# and, in schism_shim_time, 16 bytes. As the ABI allows a function it changes rax, rcx, rdx, rsi, rdi, r8-r11 only.
#
# Each function asks the kernel for the true time and adjusts what it says. The parameters are in schism_shim_state; see
# shim/mod.rs for their layout and for why reading them needs no lock.

        .balign 16
schism_shim_begin:

# int clock_gettime(clockid_t edi, struct timespec *rsi)
schism_shim_clock_gettime:
        mov     eax, 228
        syscall
        test    rax, rax
        jnz     2f
        test    edi, edi                # CLOCK_REALTIME
        jz      1f
        cmp     edi, 5                  # CLOCK_REALTIME_COARSE
        jne     2f
1:      imul    rax, qword ptr [rsi], 1000000000
        add     rax, qword ptr [rsi + 8]
        call    schism_shim_adjust
        mov     qword ptr [rsi], rax
        mov     qword ptr [rsi + 8], rdx
        xor     eax, eax
2:      ret

# int gettimeofday(struct timeval *rdi, struct timezone *rsi)
schism_shim_gettimeofday:
        mov     eax, 96
        syscall
        test    rax, rax
        jnz     1f
        test    rdi, rdi
        jz      1f
        imul    rax, qword ptr [rdi], 1000000000
        imul    rcx, qword ptr [rdi + 8], 1000
        add     rax, rcx
        call    schism_shim_adjust
        mov     qword ptr [rdi], rax
        mov     rax, rdx                # nanoseconds of the second
        xor     edx, edx
        mov     ecx, 1000
        div     rcx
        mov     qword ptr [rdi + 8], rax
        xor     eax, eax
1:      ret

# time_t time(time_t *rdi)
schism_shim_time:
        mov     r8, rdi
        sub     rsp, 24
        xor     edi, edi                # CLOCK_REALTIME
        mov     rsi, rsp
        mov     eax, 228
        syscall
        imul    rax, qword ptr [rsp], 1000000000
        add     rax, qword ptr [rsp + 8]
        add     rsp, 24
        mov     rdi, r8
        call    schism_shim_adjust
        test    rdi, rdi
        jz      1f
        mov     qword ptr [rdi], rax
1:      ret

# The true time in rax, in nanoseconds, to the false one in rax (seconds) and rdx (nanoseconds). Keeps rdi and rsi.
schism_shim_adjust:
        mov     r11, rax
        lea     r8, [rip + schism_shim_state]
1:      movzx   r10d, byte ptr [r8 + 8] # the turn, whose lowest bit is the slot
        mov     r9d, r10d
        and     r9d, 1
        imul    r9d, r9d, 24
        lea     r9, [r8 + r9 + 64]
        mov     rax, r11
        sub     rax, qword ptr [r9 + 8]
        imul    qword ptr [r9 + 16]     # rdx:rax = (t - base) * rate
        shrd    rax, rdx, 32
        add     rax, qword ptr [r9]
        add     rax, r11
        cmp     r10b, byte ptr [r8 + 8]
        jne     1b                      # the slot was given to another writer meanwhile
        cqo
        mov     ecx, 1000000000
        idiv    rcx
        ret

        .balign 8
schism_shim_state:
        .zero   112
schism_shim_end:
