//! Tables of a few rows that are written together: each write becomes visible at one moment, or not at all.

use history::{
    Process,
    ops::{Rows, RowsCall, RowsOp, RowsReturn},
};
use rand::RngExt;

use crate::{
    service::Service,
    system::{Clients, Progress, Rng},
};

const ROWS: usize = 3;
/// Of a hundred writes, how many are rolled back.
const ROLLED_BACK: u32 = 10;

/// What a table does.
pub(crate) trait Rules {
    /// Whether the rows of a write become visible one by one.
    fn tears(&self) -> bool {
        false
    }
    /// Whether a write that is rolled back leaves what it wrote.
    fn leaves(&self) -> bool {
        false
    }
}

/// Does it right.
pub(crate) struct Honest;

impl Rules for Honest {}

/// A table.
pub(crate) struct Table<R> {
    rules: R,
    rows: [Option<i64>; ROWS],
}

impl<R> Table<R> {
    pub(crate) fn new(rules: R) -> Self {
        Self {
            rules,
            rows: [None; ROWS],
        }
    }
}

impl<R: Rules> Service<Rows> for Table<R> {
    /// How many rows are written.
    type Stage = usize;

    fn serve(
        &mut self,
        _: Process,
        call: &RowsCall,
        written: &mut usize,
        rng: &mut Rng,
    ) -> Progress<RowsReturn> {
        let RowsOp::Write(value) = call.op else {
            return Progress::Done(RowsReturn::Rows(self.rows.to_vec()));
        };
        let rolled_back = *written == 0 && rng.random_range(0..100) < ROLLED_BACK;
        if rolled_back && !self.rules.leaves() {
            return Progress::Failed("rolled-back");
        }
        self.rows[*written] = Some(value);
        *written += 1;
        while *written < ROWS && !self.rules.tears() {
            self.rows[*written] = Some(value);
            *written += 1;
        }
        match (rolled_back, *written < ROWS) {
            (true, _) => Progress::Failed("rolled-back"),
            (false, true) => Progress::Going,
            (false, false) => Progress::Done(RowsReturn::Done),
        }
    }
}

/// Clients that write all rows, or read all.
#[derive(Default)]
pub(crate) struct Callers {
    value: i64,
}

impl Clients<Rows> for Callers {
    fn next(&mut self, _: Process, rng: &mut Rng) -> RowsCall {
        let op = match rng.random_bool(0.5) {
            true => RowsOp::Read,
            false => {
                self.value += 1;
                RowsOp::Write(self.value)
            }
        };
        RowsCall { key: None, op }
    }
}
