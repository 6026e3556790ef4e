//! What to do next, as data; and the one state machine that decides when.
//!
//! # The contract
//!
//! A [`Generator`] is asked for the next call and answers with a [`Next`]. It is a state machine without a clock, a
//! thread, or a source of randomness: the time and the idle workers are in the [`Context`], and random choices come
//! from a [`Seed`] given when it was made. The same seed and the same answers of the system give the same calls, so a
//! generator is tested as a list of events in virtual time ([`simulate`]).
//!
//! - **An answer is given away.** A call is for *now*, and whoever asked has it: a combinator passes it on, and never
//!   asks a child for a call it may not want. So no call ever waits in a combinator and grows stale. [`any`] can simply
//!   take the first child that has one; a combinator that slows its child down ([`GeneratorExt::stagger`]) does not ask
//!   before a call is due. Jepsen's generators return calls with a future time, which are thrown away and asked for
//!   again; here the answer is [`Next::NotBefore`], which promises nothing and costs nothing.
//! - **A generator does not choose the worker.** It names a set, usually all of `cx.workers`, and the scheduler picks.
//!   Combinators that narrow the set ([`reserve`], [`per_key`], [`each_process`], [`GeneratorExt::on`]) hand their
//!   children a narrowed context, and ask no child that has no idle worker: calls can start at once.
//! - **`Done` is final.** A generator that was done may be asked again, and says so again.
//! - **Waiting ends with any event.** After each, the scheduler asks again, whatever the answer was before.
//! - **`update` tells what happened**: every invocation right after it was given away, every completion. A combinator
//!   passes on what concerns its children's workers. `cx.free` is that after the event.
//!
//! # The scheduler
//!
//! [`Scheduler`] turns answers into steps: start this call on that worker, wait until then, wait for a completion. It
//! keeps who is idle and which process each worker is (a lost call ends the process; worker = process modulo the number
//! of workers), and nothing else. Both drivers, the real one and the one in virtual time, do what it says, so that what
//! is tested in one is what runs in the other. Completions are to be reported before the next poll: a call that starts
//! although another is known to have ended would look concurrent to it, and hide violations.
//!
//! # Reading a workload
//!
//! ```
//! use std::time::Duration;
//!
//! use schism_generator::{GeneratorExt, Seed, log, mix, phases, repeat, sleep};
//! use history::{Key, Register, RegisterCall, RegisterOp};
//!
//! let seed = Seed(7);
//! let on_x = |op| RegisterCall { key: Key::Text("x".into()), op };
//! let load = mix([repeat(on_x(RegisterOp::Read)), repeat(on_x(RegisterOp::Write(1)))], seed.derive("mix"))
//!     .rate(1000.0, seed.derive("rate"))
//!     .time_limit(Duration::from_secs(60));
//! let workload = phases::<Register>([
//!     load.boxed(),
//!     log("waiting for recovery").boxed(),
//!     sleep(Duration::from_secs(10)).boxed(),
//!     repeat(on_x(RegisterOp::Read)).until_ok().boxed(),
//! ]);
//! # let _ = workload;
//! ```

mod combinators;
mod generator;
mod scheduler;
mod seed;
mod simulate;
mod workers;

pub use combinators::*;
pub use generator::{Boxed, Context, Generator, Next};
pub use scheduler::{Scheduler, Step};
pub use seed::{Rng, Seed};
pub use simulate::{System, imperfect, perfect, quick, simulate};
pub use workers::{Worker, Workers};
