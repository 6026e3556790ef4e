//! `schism explain`: what a code in a finding or a doubt means.

use checkers::catalogue;

use crate::{
    args::ExplainArgs,
    exit::{Exit, Failure},
    terminal::Terminal,
};

/// Explains a code, or lists them all.
pub(crate) fn explain(args: &ExplainArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let Some(code) = &args.code else {
        terminal.print(&list());
        return Ok(Exit::Pass);
    };
    if let Some(text) = catalogue::explain(code) {
        terminal.print(&text);
        return Ok(Exit::Pass);
    }
    let near = codes()
        .into_iter()
        .map(|known| {
            (
                strsim::damerau_levenshtein(&code.to_lowercase(), &known.to_lowercase()),
                known,
            )
        })
        .filter(|(distance, _)| *distance <= 3)
        .min();
    let hint = near.map_or_else(String::new, |(_, known)| format!("; did you mean {known}?"));
    Err(Failure::usage(format!(
        "there is no code {code:?}{hint}\nschism explain lists them all"
    )))
}

fn codes() -> Vec<&'static str> {
    let rows = catalogue::rows().into_iter().map(|row| row.code);
    rows.chain(catalogue::doubts().iter().map(|doubt| doubt.code))
        .collect()
}

/// Every code with its name: anomalies first, then reasons for doubt.
fn list() -> String {
    let rows = catalogue::rows();
    let doubts = catalogue::doubts();
    let width = codes().iter().map(|code| code.len()).max().unwrap_or(0);
    let rows = rows.iter().map(|row| (row.code, row.name));
    let doubts = doubts.iter().map(|doubt| (doubt.code, doubt.words));
    rows.chain(doubts)
        .map(|(code, what)| format!("{code:<width$}  {what}\n"))
        .collect()
}
