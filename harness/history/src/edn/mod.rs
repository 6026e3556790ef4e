//! EDN: the notation of Jepsen's histories, read one op at a time and written.
//!
//! The grammar is that of <https://github.com/edn-format/edn>, with what Clojure prints beyond it: ratios, octal escapes,
//! `##Inf` and `##NaN`, lists of ops.
//!
//! Why our own reader: the crates for EDN parse a whole document into a tree. A history is one document of a gigabyte,
//! and its tree is ten; ours looks at one op, hands it on and forgets it. It also has to survive what a database under test
//! put into an error message: nesting is limited to [`DEPTH`], one op to [`foreign::LONGEST`](crate::foreign::LONGEST) bytes,
//! and every error has a line and a column.
//!
//! The scanner works on a slice and says so when the slice ends too early; whoever owns the
//! buffer reads more and asks again. That keeps refilling out of the inner loops, and costs one op read twice in each buffer.

mod names;
mod scan;
mod write;

pub(crate) use names::Names;
pub use scan::parse;
pub(crate) use scan::{Scanner, Trouble};
pub use write::Writer;

/// How deeply collections may be nested.
pub const DEPTH: usize = 128;
