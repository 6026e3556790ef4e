//! The program `schism`.
fn main() {}
