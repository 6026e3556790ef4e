//! The code for x86-64 (`x86_64.s`), assembled into the read-only data of this program, and its jump.

/// `e_machine` of such an image.
#[cfg(target_arch = "x86_64")]
pub(in crate::clock) const MACHINE: object::elf::Machine = object::elf::EM_X86_64;

/// What is written over the way into a function at `from` so that `to` answers: `jmp rel32` (Intel SDM, volume 2, JMP).
/// `None` if that is too far.
#[cfg_attr(
    not(target_arch = "x86_64"),
    allow(dead_code, reason = "tested everywhere")
)]
pub(in crate::clock) fn detour(from: usize, to: usize) -> Option<Vec<u8>> {
    let next = i64::try_from(from).ok()? + 5;
    let distance = i32::try_from(i64::try_from(to).ok()? - next).ok()?;
    let mut bytes = vec![0xe9];
    bytes.extend(distance.to_le_bytes());
    Some(bytes)
}

#[cfg(target_arch = "x86_64")]
pub(in crate::clock) use here::shim;

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod here {
    use super::super::Shim;

    core::arch::global_asm!(
        ".pushsection .rodata.schism_shim, \"a\", @progbits",
        ".globl schism_shim_begin, schism_shim_clock_gettime, schism_shim_gettimeofday",
        ".globl schism_shim_time, schism_shim_end",
        ".hidden schism_shim_begin, schism_shim_clock_gettime, schism_shim_gettimeofday",
        ".hidden schism_shim_time, schism_shim_end",
        include_str!("x86_64.s"),
        ".popsection",
        options(raw)
    );

    unsafe extern "C" {
        static schism_shim_begin: u8;
        static schism_shim_clock_gettime: u8;
        static schism_shim_gettimeofday: u8;
        static schism_shim_time: u8;
        static schism_shim_end: u8;
    }

    /// The code.
    pub(in crate::clock) fn shim() -> Shim {
        let begin = &raw const schism_shim_begin;
        let at = |symbol: *const u8| symbol.addr() - begin.addr();
        let length = at(&raw const schism_shim_end);
        Shim {
            // SAFETY: the assembler puts both symbols into one read-only section, in this order.
            code: unsafe { std::slice::from_raw_parts(begin, length) },
            functions: vec![
                (
                    "__vdso_clock_gettime",
                    at(&raw const schism_shim_clock_gettime),
                ),
                (
                    "__vdso_gettimeofday",
                    at(&raw const schism_shim_gettimeofday),
                ),
                ("__vdso_time", at(&raw const schism_shim_time)),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detour_is_a_near_jump() {
        assert_eq!(
            detour(0xaf0, 0x1a20),
            Some(vec![0xe9, 0x2b, 0x0f, 0x00, 0x00])
        );
        assert_eq!(
            detour(0x1a20, 0xaf0),
            Some(vec![0xe9, 0xcb, 0xf0, 0xff, 0xff])
        );
        assert_eq!(detour(0, 1 << 32), None);
    }
}
