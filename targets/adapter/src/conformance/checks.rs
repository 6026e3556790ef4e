//! The checks, one after the other.

use std::time::{Duration, Instant};

use history::{Outcome, RegisterOp, RegisterReturn};

use super::{
    Checked, Mark,
    bench::{Bench, Worker, was_given_up, words},
    drills,
    node::OwnNode,
    proxy::{End, Mode},
};
use crate::{AdapterClient, Means};

/// All checks, in their order.
pub const NAMES: [&str; 12] = [
    "starts",
    "says what it does",
    "reads what it wrote",
    "absent is absent",
    "a mismatch is fail",
    "unknown calls refused",
    "keeps the deadline",
    "reconnects",
    "workers are independent",
    "lie drill",
    "clean output",
    "throughput",
];

/// How often workers may seem to wait for each other.
const TRIES: usize = 3;
/// How long an adapter may take to find its node again.
const RECONNECTS: Duration = Duration::from_secs(10);
/// Fewer calls a second than this are too few to find much.
const FLOOR: u64 = 20;

/// What one check came to.
pub(super) struct Seen {
    pub(super) mark: Mark,
    pub(super) saw: String,
    pub(super) fix: String,
}

pub(super) fn good(saw: impl Into<String>) -> Seen {
    Seen {
        mark: Mark::Good,
        saw: saw.into(),
        fix: String::new(),
    }
}

pub(super) fn bad(saw: impl Into<String>, fix: impl Into<String>) -> Seen {
    Seen {
        mark: Mark::Bad,
        saw: saw.into(),
        fix: fix.into(),
    }
}

fn skipped(why: impl Into<String>) -> Seen {
    Seen {
        mark: Mark::Skipped,
        saw: why.into(),
        fix: String::new(),
    }
}

/// Makes them all. Where it does not even start, nothing else is looked at.
pub(super) async fn all(
    bench: &Bench,
    mut own: Option<OwnNode>,
    tell: &mut dyn FnMut(&Checked),
) -> Vec<Checked> {
    let mut page = Page {
        done: Vec::new(),
        tell,
    };
    let mut worker = match bench.worker().await {
        Ok(worker) => worker,
        Err(e) => {
            page.put(bad(
                format!("no relay on this machine: {e}"),
                "see that loopback ports can be opened",
            ));
            return page.rest("it does not start");
        }
    };
    let started = starts(&mut worker).await;
    let goes_on = started.mark == Mark::Good;
    page.put(started);
    if !goes_on {
        return page.rest("it does not start");
    }
    let offers = offers(&mut worker).await;
    let goes_on = offers.mark == Mark::Good;
    page.put(offers);
    if !goes_on {
        return page.rest("it cannot read and write");
    }
    let cas = worker.client().await.is_ok_and(|c| c.has_cas());
    page.put(reads_what_it_wrote(bench, &mut worker).await);
    page.put(absent(bench, &mut worker).await);
    page.put(match cas {
        true => mismatch(bench, &mut worker).await,
        false => skipped("it has no cas"),
    });
    page.put(unknown_calls(&mut worker).await);
    page.put(deadline(bench).await);
    page.put(reconnects(bench, own.as_mut()).await);
    page.put(independent(bench).await);
    page.put(drills::lies(bench, cas, own.as_mut()).await);
    page.put(clean(bench, &worker));
    page.put(throughput(bench, &mut worker).await);
    page.done
}

struct Page<'a> {
    done: Vec<Checked>,
    tell: &'a mut dyn FnMut(&Checked),
}

impl Page<'_> {
    fn put(&mut self, seen: Seen) {
        let Seen { mark, saw, fix } = seen;
        let checked = Checked {
            name: NAMES[self.done.len()],
            mark,
            saw,
            fix,
        };
        (self.tell)(&checked);
        self.done.push(checked);
    }

    fn rest(mut self, why: &str) -> Vec<Checked> {
        while self.done.len() < NAMES.len() {
            self.put(skipped(why));
        }
        self.done
    }
}

async fn starts(worker: &mut Worker) -> Seen {
    let began = Instant::now();
    match worker.client().await {
        Ok(_) => good(format!("in {} ms", began.elapsed().as_millis())),
        Err(why) => bad(
            why,
            "run it by hand, as the file says, in the folder of the file",
        ),
    }
}

async fn offers(worker: &mut Worker) -> Seen {
    let client = match worker.client().await {
        Ok(client) => client,
        Err(why) => {
            return bad(
                why,
                "it started once and then no more: see what it leaves behind",
            );
        }
    };
    let has_cas = client.has_cas();
    let ops: Vec<String> = match client.program() {
        Some(program) => program.ops().to_vec(),
        None => ["read", "write", "cas"][..2 + usize::from(has_cas)]
            .iter()
            .map(ToString::to_string)
            .collect(),
    };
    let list = ops.join(", ");
    let missing: Vec<_> = ["read", "write"]
        .into_iter()
        .filter(|op| !ops.iter().any(|o| o == op))
        .collect();
    match missing.is_empty() {
        true => good(list),
        false => bad(
            format!(
                "it names {}",
                if list.is_empty() { "no ops" } else { &list }
            ),
            format!(
                "{} must be among the ops of its \"ready\"",
                missing.join(" and ")
            ),
        ),
    }
}

async fn reads_what_it_wrote(bench: &Bench, worker: &mut Worker) -> Seen {
    // Zero is what careless code takes for nothing.
    for value in [42, 0] {
        let key = bench.key();
        let wrote = worker.write(key, value).await;
        if !matches!(wrote, Outcome::Ok(_)) {
            return bad(
                format!(
                    "write({key}, {value}) on a node that serves: {}",
                    words(&wrote)
                ),
                "a write that succeeds must be ok: see the request with schism adapter try",
            );
        }
        let read = worker.read(key).await;
        if read != Outcome::Ok(RegisterReturn::Value(Some(value))) {
            return bad(
                format!(
                    "write({key}, {value}) was ok, and then read({key}): {}",
                    words(&read)
                ),
                "see the answer with schism adapter try: the value must come back as a whole number",
            );
        }
    }
    good("42 and 0")
}

async fn absent(bench: &Bench, worker: &mut Worker) -> Seen {
    let key = bench.key();
    let read = worker.read(key).await;
    match &read {
        Outcome::Ok(RegisterReturn::Value(None)) => good("a key that nobody wrote reads as absent"),
        Outcome::Ok(_) => bad(
            format!("read({key}) of a key that nobody wrote: {}", words(&read)),
            "say null for what is not there: a value that nobody wrote is a violation",
        ),
        _ => bad(
            format!("read({key}) of a key that nobody wrote: {}", words(&read)),
            match bench.file.means {
                Means::Http { .. } => {
                    "that the key is not there is an answer, too: say `absent: 404` of the read, or what the status is"
                }
                Means::Stdio(_) => "that the key is not there is an answer, too: \"ok\": null",
            },
        ),
    }
}

async fn mismatch(bench: &Bench, worker: &mut Worker) -> Seen {
    let key = bench.key();
    let wrote = worker.write(key, 1).await;
    let refused = worker.cas(key, 5, 6).await;
    if !matches!(&refused, Outcome::Fail(_)) {
        return bad(
            format!(
                "{key} held 1 (written: {}), and cas({key}, 5 → 6): {}",
                words(&wrote),
                words(&refused)
            ),
            "a comparison that does not hold is fail: it certainly did not happen",
        );
    }
    let swapped = worker.cas(key, 1, 2).await;
    let read = worker.read(key).await;
    let is_two = read == Outcome::Ok(RegisterReturn::Value(Some(2)));
    match (&swapped, is_two) {
        (Outcome::Ok(_), true) => good(words(&refused)),
        _ => bad(
            format!(
                "{key} held 1, cas({key}, 1 → 2): {}; then read: {}",
                words(&swapped),
                words(&read)
            ),
            "a comparison that holds is ok, and the new value is there",
        ),
    }
}

async fn unknown_calls(worker: &mut Worker) -> Seen {
    let program = match worker.client().await.map(AdapterClient::program) {
        Ok(Some(program)) => program,
        Ok(None) => return skipped("a file does only what it says"),
        Err(why) => return bad(why, "it must start again whenever its client is replaced"),
    };
    let asked = tokio::time::timeout(Duration::from_secs(2), program.refuses("no-such-call")).await;
    let fix = "reply \"fail\": \"unsupported\" to calls that it does not know: newer versions may know more";
    match asked {
        Ok(Ok(true)) => good("fail"),
        Ok(Ok(false)) => bad("a call that does not exist was not refused", fix),
        Ok(Err(why)) => bad(format!("a call that does not exist: {why}"), fix),
        Err(_) => bad("no reply to a call that does not exist, within 2s", fix),
    }
}

/// A node that is asked and says nothing: the adapter should say so itself, before it is given up.
async fn deadline(bench: &Bench) -> Seen {
    let Ok(mut worker) = bench.worker().await else {
        return skipped("no relay on this machine");
    };
    let key = bench.key();
    worker.write(key, 1).await;
    worker.proxy.set(Mode::LoseAnswers {
        after: 0,
        end: End::Silence,
    });
    let told = worker.write(key, 2).await;
    worker.proxy.set(Mode::Pass);
    let given_up = was_given_up(&told);
    let again = worker.read(key).await;
    if !matches!(again, Outcome::Ok(_)) {
        return bad(
            format!(
                "a node was silent for one call, and then, with a new client, a read: {}",
                words(&again)
            ),
            "a client that is opened anew must work, whatever became of the one before",
        );
    }
    match (&bench.file.means, given_up) {
        (Means::Http { .. }, _) => good(words(&told)),
        (Means::Stdio(_), false) => good(words(&told)),
        (Means::Stdio(_), true) => Seen {
            mark: Mark::Advice,
            saw: format!("no reply within {:?} where the node was silent; the program was killed", bench.deadline),
            fix: "give the driver a time limit below deadline_ms and reply info: a program that is killed must be started again".to_owned(),
        },
    }
}

async fn reconnects(bench: &Bench, own: Option<&mut OwnNode>) -> Seen {
    let Ok(mut worker) = bench.worker().await else {
        return skipped("no relay on this machine");
    };
    let key = bench.key();
    worker.write(key, 1).await;
    worker.proxy.set(Mode::Down);
    tokio::time::sleep(Duration::from_millis(100)).await;
    for value in 2..5 {
        let told = worker.write(key, value).await;
        if matches!(told, Outcome::Ok(_)) {
            return bad(
                format!("write({key}, {value}) while its node could not be reached: ok"),
                "ok is for what the node acknowledged",
            );
        }
    }
    worker.proxy.set(Mode::Pass);
    let back = finds_it_again(&mut worker, key).await;
    let Some(node) = own else { return back };
    if back.mark != Mark::Good {
        return back;
    }
    node.kill();
    if let Err(e) = node.again(&bench.file.dir) {
        return bad(
            format!("its node could not be started again: {e}"),
            "see `launch`",
        );
    }
    let mut seen = finds_it_again(&mut worker, key).await;
    if seen.mark == Mark::Good {
        seen.saw = format!(
            "{} after its connections were cut, {} after its node was killed and started",
            back.saw, seen.saw
        );
    }
    seen
}

async fn finds_it_again(worker: &mut Worker, key: i64) -> Seen {
    let began = Instant::now();
    loop {
        let told = worker.read(key).await;
        if matches!(told, Outcome::Ok(_)) {
            return good(format!("{} ms", began.elapsed().as_millis()));
        }
        if began.elapsed() > RECONNECTS {
            return bad(
                format!(
                    "its node was away and is back, and {RECONNECTS:?} later: {}",
                    words(&told)
                ),
                "open the connection anew when it is lost, or end: another program is started then",
            );
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Whether one worker goes on while another waits: its call must end first. On a busy machine it may be late for another reason,
/// but hardly every time.
async fn independent(bench: &Bench) -> Seen {
    let mut seen = String::new();
    for _ in 0..TRIES {
        let (Ok(mut stuck), Ok(mut free)) = (bench.worker().await, bench.worker().await) else {
            return skipped("no relay on this machine");
        };
        let (one, other) = (bench.key(), bench.key());
        stuck.write(one, 1).await;
        free.write(other, 1).await;
        stuck.proxy.set(Mode::LoseAnswers {
            after: 0,
            end: End::Silence,
        });
        let is_stuck = stuck.proxy.loses(stuck.proxy.lost());
        let waits = async {
            stuck.write(one, 2).await;
            Instant::now()
        };
        let goes_on = async {
            let waited = tokio::time::timeout(bench.deadline, is_stuck).await;
            let began = Instant::now();
            (free.write(other, 2).await, began, began.elapsed(), waited)
        };
        let (over, (told, began, took, waited)) = tokio::join!(waits, goes_on);
        // Whoever was let go first may be heard of last: long before, or it does not count.
        let late = waited.is_err() || took * 2 > over.saturating_duration_since(began);
        if matches!(told, Outcome::Ok(_)) && !late {
            return good("one goes on while the other waits");
        }
        let when = if late { "only afterwards" } else { "at once" };
        seen = format!("{when}: {}", words(&told));
    }
    bad(
        format!("while one worker's node was silent, another's write ended {seen}"),
        "give each worker a connection of its own, and no lock that others hold",
    )
}

fn clean(bench: &Bench, worker: &Worker) -> Seen {
    match (&bench.file.means, worker.strays.first()) {
        (Means::Http { .. }, _) => skipped("it prints nothing"),
        (Means::Stdio(_), None) => good("nothing on standard output but replies"),
        (Means::Stdio(_), Some(stray)) => bad(
            format!(
                "on its standard output: {}",
                stray.chars().take(100).collect::<String>()
            ),
            "standard output is for replies: print everything else to standard error",
        ),
    }
}

async fn throughput(bench: &Bench, worker: &mut Worker) -> Seen {
    let key = bench.key();
    let began = Instant::now();
    let mut calls = 0;
    while began.elapsed() < Duration::from_secs(1) {
        let op = match calls % 2 {
            0 => RegisterOp::Write(calls as i64),
            _ => RegisterOp::Read,
        };
        worker.ask(key, op).await;
        calls += 1;
    }
    let rate = calls as f64 / began.elapsed().as_secs_f64();
    let saw = format!("{rate:.0} calls a second, one client");
    match rate as u64 {
        FLOOR.. => good(saw),
        _ => Seen {
            mark: Mark::Advice,
            saw,
            fix: "keep the connection open between calls: few calls find few violations".to_owned(),
        },
    }
}
