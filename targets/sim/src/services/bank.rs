//! A bank whose transfers and reads each take place at one moment. An account is never overdrawn.

use history::{
    Key, Process,
    ops::{Bank, BankCall, BankReturn},
};
use rand::RngExt;

use crate::{
    service::Service,
    system::{Clients, Progress, Rng},
};

/// How many accounts there are; they are named from 0.
pub const ACCOUNTS: i64 = 4;
/// How much is in each account at first.
pub const BALANCE: i64 = 10;

/// What a bank does.
pub(crate) trait Rules {
    /// Whether a read of all accounts is one step.
    fn reads_at_once(&self) -> bool {
        true
    }
    /// Whether a balance is looked at in the step that changes it.
    fn checks_at_once(&self) -> bool {
        true
    }
}

/// Does it right.
pub(crate) struct Honest;

impl Rules for Honest {}

/// A bank.
pub(crate) struct Accounts<R> {
    rules: R,
    balances: Vec<i64>,
}

impl<R> Accounts<R> {
    pub(crate) fn new(rules: R) -> Self {
        Self {
            rules,
            balances: vec![BALANCE; ACCOUNTS as usize],
        }
    }

    fn balance(&mut self, account: &Key) -> &mut i64 {
        match account {
            Key::Int(n) => &mut self.balances[*n as usize],
            Key::Text(_) => unreachable!("the clients use integers"),
        }
    }
}

impl<R: Rules> Service<Bank> for Accounts<R> {
    /// The balances that were read.
    type Stage = Vec<i64>;

    fn serve(
        &mut self,
        _: Process,
        call: &BankCall,
        read: &mut Vec<i64>,
        _: &mut Rng,
    ) -> Progress<BankReturn> {
        match call {
            BankCall::Transfer { from, to, amount } => {
                if read.is_empty() {
                    read.push(*self.balance(from));
                    if !self.rules.checks_at_once() {
                        return Progress::Going;
                    }
                }
                if read[0] < *amount {
                    return Progress::Failed("insufficient-funds");
                }
                *self.balance(from) -= amount;
                *self.balance(to) += amount;
                Progress::Done(BankReturn::Done)
            }
            BankCall::Read => {
                read.push(self.balances[read.len()]);
                while self.rules.reads_at_once() && read.len() < self.balances.len() {
                    read.push(self.balances[read.len()]);
                }
                if read.len() < self.balances.len() {
                    return Progress::Going;
                }
                let balances = read.iter().map(|n| Some(*n));
                let named = (0..).map(Key::Int).zip(balances);
                Progress::Done(BankReturn::Balances(named.collect()))
            }
        }
    }
}

/// Clients that transfer and read.
pub(crate) struct Callers;

impl Clients<Bank> for Callers {
    fn next(&mut self, _: Process, rng: &mut Rng) -> BankCall {
        if rng.random_bool(0.5) {
            return BankCall::Read;
        }
        let from = rng.random_range(0..ACCOUNTS);
        let to = (from + rng.random_range(1..ACCOUNTS)) % ACCOUNTS;
        BankCall::Transfer {
            from: Key::Int(from),
            to: Key::Int(to),
            amount: rng.random_range(1..=8),
        }
    }
}
