//! Counters that begin at zero: each value that was read against the bounds of that moment.
//!
//! The bounds are those of [`Bounds`](crate::Bounds), with every open addition possible. **Sound.** Exact at the moment a
//! value is read; that an addition fails which a value already accepted needed is left to the checker. Holds two sums for
//! each open call.

use history::{
    Index, Key, Outcome,
    ops::{Counter, CounterCall, CounterOp, CounterReturn},
};

use super::{Ended, Map, Watch};

/// Watches every counter.
#[derive(Debug, Default)]
pub struct Counters {
    counters: Map<Option<Key>, One>,
}

/// Sums of amounts, up and down.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    up: i128,
    down: i128,
}

#[derive(Debug, Default)]
struct One {
    certain: Sums,
    possible: Sums,
    /// What was certain when each open call began.
    then: Map<Index, Sums>,
}

impl Sums {
    fn add(&mut self, n: i128) {
        if n < 0 {
            self.down += n;
        } else {
            self.up += n;
        }
    }
}

impl Watch<Counter> for Counters {
    fn name(&self) -> &'static str {
        "counters"
    }

    fn called(&mut self, at: Index, call: &CounterCall) {
        let one = self.counters.entry_ref(&call.key).or_default();
        one.then.insert(at, one.certain);
        if let CounterOp::Add(n) = call.op {
            one.possible.add(i128::from(n));
        }
    }

    fn ended(&mut self, ended: &Ended<'_, Counter>) -> Option<(String, Vec<Index>)> {
        let one = self.counters.get_mut(&ended.call.key)?;
        let then = one.then.remove(&ended.invoked)?;
        let own = match ended.call.op {
            CounterOp::Add(n) => i128::from(n),
            CounterOp::Read => 0,
        };
        match ended.outcome {
            Outcome::Ok(_) => one.certain.add(own),
            Outcome::Fail(_) => one.possible.add_back(own),
            Outcome::Info(_) => {}
        }
        let Outcome::Ok(CounterReturn::Value(value)) = ended.outcome else {
            return None;
        };
        let low = then.up + one.possible.down + own.max(0);
        let high = one.possible.up + then.down + own.min(0);
        let value = i128::from(*value);
        let bound = match () {
            () if value < low => format!("it could not have been less than {low}"),
            () if value > high => format!("it could not have been more than {high}"),
            () => return None,
        };
        let key = ended.call.key.as_ref();
        Some((
            format!(
                "the counter{} was {value}, but {bound}",
                crate::words::on_key(key)
            ),
            vec![ended.invoked],
        ))
    }
}

impl Sums {
    fn add_back(&mut self, n: i128) {
        if n < 0 {
            self.down -= n;
        } else {
            self.up -= n;
        }
    }
}
