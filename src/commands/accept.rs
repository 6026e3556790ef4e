//! `schism accept`: the only writer of `baseline.yaml`.

use std::io::BufRead;

use reports::{
    across::{Accepted, Baseline, Board, Fingerprint, Row},
    escape::{VALUE, inert},
};

use crate::{
    args::AcceptArgs,
    baseline,
    exit::{Exit, Failure},
    index,
    terminal::Terminal,
};

/// Accepts, forgets, or goes through what there is.
pub(crate) fn accept(args: &AcceptArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let path = terminal.baseline();
    let mut known = baseline::read(path)?;
    let board = Board::new(&index::read(&terminal.store()?)?);
    if args.review {
        review(args, &mut known, &board, terminal)?;
        return Ok(Exit::Pass);
    }
    if let Some(print) = &args.remove {
        let print: Fingerprint = print.parse().map_err(Failure::usage)?;
        if !known.remove(&print) {
            return Err(Failure::usage(format!(
                "{} does not have {print}",
                path.display()
            )));
        }
        baseline::write(path, &known)?;
        terminal.print(&format!("not known any more: {print}\n"));
        return Ok(Exit::Pass);
    }
    for row in chosen(args, &board, terminal)? {
        known.accept(accepted(args, row));
        terminal.print(&told(row));
    }
    baseline::write(path, &known)?;
    Ok(Exit::Pass)
}

/// The rows of a fingerprint, of a run, or of one of its findings.
fn chosen<'a>(
    args: &AcceptArgs,
    board: &'a Board,
    terminal: &Terminal,
) -> Result<Vec<&'a Row>, Failure> {
    let what = args.what.as_str();
    if let Ok(print) = what.parse::<Fingerprint>() {
        let row = board.find(&print).ok_or_else(|| {
            Failure::usage(format!("no run shows {print}; schism index lists findings"))
        })?;
        return Ok(vec![row]);
    }
    let (run, number) = super::show::split(what);
    let store = terminal.store()?;
    let dir = store.resolve(run)?;
    let entries = index::read(&store)?.entries;
    let entry = entries.iter().find(|e| e.id == dir.id()).ok_or_else(|| {
        Failure::usage(format!("{run} is not in the index; schism index --rebuild"))
    })?;
    let found = entry.findings.iter();
    let found = found.filter(|f| number.is_none_or(|n| n == f.number));
    let rows: Vec<&Row> = found.filter_map(|f| board.find(&f.fingerprint)).collect();
    if rows.is_empty() {
        return Err(Failure::usage(format!(
            "{what} is no finding; {} has {}",
            entry.id,
            entry.findings.len()
        )));
    }
    Ok(rows)
}

fn accepted(args: &AcceptArgs, row: &Row) -> Accepted {
    Accepted {
        fingerprint: row.fingerprint.clone(),
        case: row.case.clone(),
        title: row.last_seen.title.clone(),
        issue: args.issue.as_deref().map(|text| inert(text, VALUE)),
        owner: args.owner.as_deref().map(|text| inert(text, VALUE)),
        since: baseline::today(),
        expires: args.expires,
        max_rate: args.max_rate,
    }
}

fn told(row: &Row) -> String {
    format!(
        "known: {}  {} ({}), seen in {}\n",
        row.fingerprint,
        row.last_seen.title,
        row.case,
        row.rate.text()
    )
}

/// One question a finding that is open and not known, then one an entry that is out of date. Every answer is written at
/// once; the end of the input is `q`.
fn review(
    args: &AcceptArgs,
    known: &mut Baseline,
    board: &Board,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let today = baseline::today();
    let mut answers = std::io::stdin().lock().lines();
    let mut ask = |question: String| -> char {
        terminal.say(&format!("{question} [y/n/q] "));
        let answer = answers.next().and_then(Result::ok).unwrap_or_default();
        answer.trim().chars().next().unwrap_or('q')
    };
    let new: Vec<&Row> = board
        .rows
        .iter()
        .filter(|row| row.open)
        .filter(|row| {
            let standing = known.standing(&row.fingerprint, today, Some(row.rate));
            !standing.is_known()
        })
        .collect();
    for row in new {
        match ask(format!(
            "accept {}?",
            told(row).trim_start_matches("known: ").trim_end()
        )) {
            'y' => known.accept(accepted(args, row)),
            'n' => continue,
            _ => return Ok(()),
        }
        baseline::write(terminal.baseline(), known)?;
    }
    let stale: Vec<(Fingerprint, String)> = known
        .stale(today, board)
        .into_iter()
        .map(|(a, why)| (a.fingerprint.clone(), format!("{}: {why}", a.title)))
        .collect();
    for (print, why) in stale {
        match ask(format!("forget {print}  {why}?")) {
            'y' => known.remove(&print),
            'n' => continue,
            _ => return Ok(()),
        };
        baseline::write(terminal.baseline(), known)?;
    }
    Ok(())
}
