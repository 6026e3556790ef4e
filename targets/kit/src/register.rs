//! Registers, as a database offers them.

use std::{fmt::Display, future::Future};

use history::{Key, Outcome, Reason, RegisterCall, RegisterOp, RegisterReturn};
use runner::Client;

use crate::Certainty;

/// A client that can read and write registers.
pub trait Register: Send + 'static {
    /// The database's own error.
    type Error: Display + Send;
    /// What an error says about a write or a cas, and a short class to count it by (`timeout`, `refused`). The one
    /// decision that only the author can make. Reads change nothing, so for them only the class matters.
    fn classify(error: &Self::Error) -> (Certainty, &'static str);
    /// Reads a key; `None` is absent.
    fn read(&mut self, key: &Key) -> impl Future<Output = Result<Option<i64>, Self::Error>> + Send;
    /// Writes a key.
    fn write(
        &mut self,
        key: &Key,
        value: i64,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
    /// Sets a key to `to` if it is `from`, and says whether it did; `None` where the database has no such call.
    fn cas(
        &mut self,
        _key: &Key,
        _from: i64,
        _to: i64,
    ) -> impl Future<Output = Result<Option<bool>, Self::Error>> + Send {
        async { Ok(None) }
    }
}

/// Lets a [`Register`] be driven as a [`Client`].
#[derive(Debug)]
pub struct Via<T>(pub T);

impl<T: Register> Client<history::Register> for Via<T> {
    async fn invoke(&mut self, call: &RegisterCall) -> Outcome<RegisterReturn> {
        let key = &call.key;
        let result = match call.op {
            RegisterOp::Read => match self.0.read(key).await {
                Ok(value) => return Outcome::Ok(RegisterReturn::Value(value)),
                // A read that failed observed nothing and changed nothing: whatever became of it, it is as if it had
                // not been.
                Err(e) => return Outcome::Fail(reason::<T>(&e)),
            },
            RegisterOp::Write(value) => self.0.write(key, value).await.map(|()| Some(true)),
            RegisterOp::Cas { from, to } => self.0.cas(key, from, to).await,
        };
        match result {
            Ok(Some(true)) => Outcome::Ok(RegisterReturn::Done),
            Ok(Some(false)) => Outcome::Fail(Reason::new("cas-mismatch")),
            Ok(None) => Outcome::Fail(Reason::new("unsupported")),
            Err(e) => match T::classify(&e).0 {
                Certainty::DidNotHappen => Outcome::Fail(reason::<T>(&e)),
                Certainty::MayHaveHappened => Outcome::Info(reason::<T>(&e)),
            },
        }
    }
}

fn reason<T: Register>(error: &T::Error) -> Reason {
    Reason::with_detail(T::classify(error).1, &error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers every call with the same error.
    struct Broken(Certainty);

    struct Why(Certainty);

    impl Display for Why {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("because")
        }
    }

    impl Register for Broken {
        type Error = Why;
        fn classify(error: &Why) -> (Certainty, &'static str) {
            (error.0, "broken")
        }
        async fn read(&mut self, _: &Key) -> Result<Option<i64>, Why> {
            Err(Why(self.0))
        }
        async fn write(&mut self, _: &Key, _: i64) -> Result<(), Why> {
            Err(Why(self.0))
        }
    }

    async fn ask(certainty: Certainty, op: RegisterOp) -> Outcome<RegisterReturn> {
        Via(Broken(certainty))
            .invoke(&RegisterCall {
                key: Key::Int(1),
                op,
            })
            .await
    }

    #[tokio::test]
    async fn only_writes_can_be_indeterminate() {
        let why = Reason::with_detail("broken", "because");
        let (never, maybe) = (Certainty::DidNotHappen, Certainty::MayHaveHappened);
        assert_eq!(
            ask(never, RegisterOp::Write(1)).await,
            Outcome::Fail(why.clone())
        );
        assert_eq!(
            ask(maybe, RegisterOp::Write(1)).await,
            Outcome::Info(why.clone())
        );
        assert_eq!(ask(maybe, RegisterOp::Read).await, Outcome::Fail(why));
    }

    #[tokio::test]
    async fn a_database_without_cas_refuses_it_definitely() {
        let cas = RegisterOp::Cas { from: 1, to: 2 };
        assert_eq!(
            ask(Certainty::MayHaveHappened, cas).await,
            Outcome::Fail(Reason::new("unsupported"))
        );
    }
}
