//! The code for aarch64 (`aarch64.s`), assembled into the read-only data of this program, and its jump.
//!
//! The jump is tested as data on any machine, and the code itself is run under an emulator where there is one. It has not been
//! run in a process of a real machine of that kind.

/// `e_machine` of such an image.
#[cfg(target_arch = "aarch64")]
pub(in crate::clock) const MACHINE: object::elf::Machine = object::elf::EM_AARCH64;

/// `bti c`: where indirect calls may land, on pages that are guarded (Arm ARM, C6.2, BTI). Elsewhere it does nothing.
const BTI_C: u32 = 0xd503_245f;

/// What is written over the way into a function at `from` so that `to` answers: `bti c; b to`. `None` if that is too far
/// for a branch, or not at a multiple of four.
#[cfg_attr(
    not(target_arch = "aarch64"),
    allow(dead_code, reason = "tested everywhere")
)]
pub(in crate::clock) fn detour(from: usize, to: usize) -> Option<Vec<u8>> {
    let branch = i64::try_from(from).ok()? + 4;
    let distance = i64::try_from(to).ok()? - branch;
    let reach = 1 << 27;
    if distance % 4 != 0 || !(-reach..reach).contains(&distance) {
        return None;
    }
    let words = u32::try_from((distance >> 2) & 0x03ff_ffff).ok()?;
    let mut bytes = BTI_C.to_le_bytes().to_vec();
    bytes.extend((0x1400_0000 | words).to_le_bytes());
    Some(bytes)
}

#[cfg(target_arch = "aarch64")]
pub(in crate::clock) use here::shim;

#[cfg(target_arch = "aarch64")]
#[allow(unsafe_code)]
mod here {
    use super::super::Shim;

    core::arch::global_asm!(
        ".pushsection .rodata.schism_shim, \"a\", %progbits",
        ".globl schism_shim_begin, schism_shim_clock_gettime, schism_shim_gettimeofday, schism_shim_end",
        ".hidden schism_shim_begin, schism_shim_clock_gettime, schism_shim_gettimeofday, schism_shim_end",
        include_str!("aarch64.s"),
        ".popsection",
        options(raw)
    );

    unsafe extern "C" {
        static schism_shim_begin: u8;
        static schism_shim_clock_gettime: u8;
        static schism_shim_gettimeofday: u8;
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
                    "__kernel_clock_gettime",
                    at(&raw const schism_shim_clock_gettime),
                ),
                (
                    "__kernel_gettimeofday",
                    at(&raw const schism_shim_gettimeofday),
                ),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io, process::Command};

    use super::*;
    use crate::clock::{
        shim::State,
        skew::{Skew, now},
    };

    fn words(from: usize, to: usize) -> Option<Vec<u32>> {
        let bytes = detour(from, to)?;
        let word = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
        Some(bytes.chunks(4).map(word).collect())
    }

    #[test]
    fn a_detour_is_a_landing_pad_and_a_branch() {
        // As GNU as assembles `b . + 0x2fc` and `b . - 0x304`.
        assert_eq!(words(0x300, 0x600), Some(vec![BTI_C, 0x1400_00bf]));
        assert_eq!(words(0x600, 0x300), Some(vec![BTI_C, 0x17ff_ff3f]));
        assert_eq!(detour(0x300, 0x602), None);
        assert_eq!(detour(0, 1 << 28), None);
    }

    /// Prints what the shim's `clock_gettime` says of CLOCK_REALTIME and CLOCK_MONOTONIC, and its `gettimeofday`.
    const PROGRAM: &str = r"
        .globl _start
_start: sub     sp, sp, #48
        mov     w0, #0
        mov     x1, sp
        bl      schism_shim_clock_gettime
        mov     w0, #1
        add     x1, sp, #16
        bl      schism_shim_clock_gettime
        add     x0, sp, #32
        mov     x1, #0
        bl      schism_shim_gettimeofday
        mov     x0, #1
        mov     x1, sp
        mov     x2, #48
        mov     x8, #64
        svc     #0
        mov     x0, #0
        mov     x8, #93
        svc     #0
";

    /// The times that the program prints, in nanoseconds; `None` without the tools.
    fn run(skew: Skew) -> Option<[i64; 3]> {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let state = State {
            turn: 1,
            name: "test".into(),
            skew,
        };
        let bytes: Vec<String> = state.encode().iter().map(u8::to_string).collect();
        let shim = include_str!("aarch64.s");
        let shim = shim.replace(".zero   112", &format!(".byte {}", bytes.join(",")));
        fs::write(path("a.s"), format!("{shim}{PROGRAM}")).unwrap();
        let tool = |name: &str, args: &[&str]| {
            let out = Command::new(name).args(args).current_dir(&dir).output();
            match out {
                Err(e) if e.kind() == io::ErrorKind::NotFound => None,
                out => {
                    let out = out.unwrap();
                    let said = String::from_utf8_lossy(&out.stderr).into_owned();
                    assert!(out.status.success(), "{name}: {said}");
                    Some(out.stdout)
                }
            }
        };
        tool("aarch64-linux-gnu-as", &["-o", "a.o", "a.s"])?;
        tool("aarch64-linux-gnu-ld", &["-o", "a", "a.o"])?;
        let out = tool("qemu-aarch64", &["./a"])?;
        let numbers: Vec<i64> = out
            .chunks_exact(8)
            .map(|eight| i64::from_le_bytes(eight.try_into().unwrap()))
            .collect();
        let nanoseconds =
            |at: usize, unit: i64| numbers[at] * 1_000_000_000 + numbers[at + 1] * unit;
        Some([nanoseconds(0, 1), nanoseconds(2, 1), nanoseconds(4, 1_000)])
    }

    #[test]
    #[expect(clippy::print_stdout, reason = "a test that does nothing says so")]
    fn the_code_adds_what_it_is_told_under_an_emulator() {
        let ten_minutes = 600_000_000_000;
        for skew in [
            Skew::new(3_600_000, 0.0, 0),
            Skew::new(-86_400_500, 0.0, 0),
            Skew::new(7, -200_000.0, now() - ten_minutes),
        ] {
            let before = now();
            let Some([time, monotonic, day]) = run(skew) else {
                println!("skipped: needs aarch64-linux-gnu-as and -ld, and qemu-aarch64");
                return;
            };
            let after = now();
            for shown in [time, day] {
                // A microsecond for what `gettimeofday` does not show.
                let range = before + skew.at(before) - 1_000..=after + skew.at(after);
                assert!(range.contains(&shown), "{shown} is not in {range:?}");
            }
            assert!(monotonic < before / 2, "the monotonic clock passes through");
        }
    }
}
