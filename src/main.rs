//! The program `schism`.

use std::process::ExitCode;

fn main() -> ExitCode {
    schism::main()
}
