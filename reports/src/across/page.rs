//! `index.html`: one static file over all runs, with nothing to fetch and nothing to run, as `report.html` is. A server shows the
//! same with what goes on now.

use askama::Template;

use crate::{
    across::{Board, CampaignRow, Cell, Ending, Entry, Grid, Health, Index, Row, Trend, campaigns},
    escape::{VALUE, inert},
    number::{count, grouped, list, nanos},
};

/// How many runs the list shows.
const MAX_RUNS: usize = 200;
/// How many findings the board shows.
const MAX_FINDINGS: usize = 500;
/// How many reasons are named.
const MAX_REASONS: usize = 20;

/// What the page allows itself, as it says and as a server should: nothing is loaded, nothing runs.
pub const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// What only a server knows. Everything in it is inert already.
#[derive(Debug, Clone, Default)]
pub struct Now {
    /// Runs without a verdict, those that go on first.
    pub unfinished: Vec<Unfinished>,
    /// What went wrong in making the page.
    pub notes: Vec<String>,
}

/// A run without a verdict.
#[derive(Debug, Clone)]
pub struct Unfinished {
    /// Its directory.
    pub id: String,
    /// What is run.
    pub case: String,
    /// Under which faults.
    pub faults: String,
    /// When it was started.
    pub started: chrono::DateTime<chrono::Utc>,
    /// Whether it goes on.
    pub running: bool,
    /// What it said last of how far it is.
    pub phase: String,
}

/// Renders the page. `known` says what the baseline says of a finding: `known until 2026-12-01`; nothing where it is not in it.
pub fn index_page(index: &Index, known: &dyn Fn(&Row) -> Option<String>) -> String {
    render(index, known, None)
}

/// The same as a server shows it: with what goes on now, and links to what only a server has.
pub fn live_index_page(index: &Index, known: &dyn Fn(&Row) -> Option<String>, now: &Now) -> String {
    render(index, known, Some(now))
}

fn render(index: &Index, known: &dyn Fn(&Row) -> Option<String>, now: Option<&Now>) -> String {
    let (grid, board, health) = (Grid::new(index), Board::new(index), Health::new(index));
    let newest = grid.rows.iter().filter_map(|row| row.cells.last());
    let mut today = Ending::ALL.map(|ending| (ending, 0));
    for cell in newest {
        for (ending, n) in &mut today {
            *n += u64::from(cell.ending == *ending);
        }
    }
    Page {
        known: board
            .rows
            .iter()
            .map(|row| known(row).map(|words| inert(&words, VALUE)))
            .collect(),
        runs: index.entries.iter().rev().take(MAX_RUNS).collect(),
        campaigns: campaigns::rows(index),
        i: index,
        grid,
        board,
        health,
        today,
        now,
    }
    .render()
    .expect("the template writes to memory")
}

#[derive(Template)]
#[template(path = "index.html")]
struct Page<'a> {
    i: &'a Index,
    grid: Grid,
    board: Board,
    known: Vec<Option<String>>,
    health: Health,
    runs: Vec<&'a Entry>,
    campaigns: Vec<CampaignRow>,
    /// How the newest run of each case ended.
    today: [(Ending, u64); 4],
    now: Option<&'a Now>,
}

/// What the template asks for.
impl Page<'_> {
    fn worst(&self) -> &'static str {
        let worst = self.today.iter().find(|(_, n)| *n > 0);
        worst.map_or("unknown", |(ending, _)| ending.word())
    }

    fn total(&self) -> String {
        count(self.i.entries.len() as u64, "run", "runs")
    }

    fn open(&self) -> String {
        let open = self.board.rows.iter().filter(|r| r.open).count();
        count(open as u64, "finding", "findings")
    }

    fn n(&self, n: &u64) -> String {
        grouped(*n)
    }

    fn findings(&self) -> impl Iterator<Item = (&Row, &Option<String>)> {
        self.board.rows.iter().zip(&self.known).take(MAX_FINDINGS)
    }

    fn left_out(&self) -> Option<String> {
        let (all, shown) = (self.i.entries.len(), self.runs.len());
        (shown < all).then(|| {
            format!(
                "The newest {} of {} runs; schism list shows all.",
                grouped(shown as u64),
                grouped(all as u64)
            )
        })
    }

    fn campaigns_left_out(&self) -> Option<String> {
        let (all, shown) = (self.i.campaigns.of, self.campaigns.len());
        (shown < all).then(|| {
            format!(
                "{} of {} suites; the records of all are in suites/.",
                grouped(shown as u64),
                grouped(all as u64)
            )
        })
    }

    fn findings_left_out(&self) -> Option<String> {
        let all = self.board.rows.len();
        (all > MAX_FINDINGS).then(|| {
            format!(
                "{MAX_FINDINGS} of {} findings, the last seen first.",
                grouped(all as u64)
            )
        })
    }

    fn reasons<'b>(&self, reasons: &'b [(String, u64)]) -> &'b [(String, u64)] {
        &reasons[..reasons.len().min(MAX_REASONS)]
    }

    fn more_reasons(&self, reasons: &[(String, u64)]) -> Option<String> {
        let more = reasons.len().saturating_sub(MAX_REASONS);
        (more > 0).then(|| format!("and {} more", grouped(more as u64)))
    }

    fn classes(&self, cell: &Cell) -> String {
        let mut classes = cell.ending.word().to_owned();
        for (is, class) in [(cell.interrupted, " hollow"), (cell.new, " new")] {
            if is {
                classes.push_str(class);
            }
        }
        classes
    }

    fn trend(&self, row: &Row) -> &'static str {
        match row.trend {
            Some(Trend::More) => "↑ more often lately",
            Some(Trend::Less) => "↓ less often lately",
            None => "",
        }
    }

    fn during(&self, row: &Row) -> String {
        match row.last_seen.faults.as_slice() {
            [] => "no fault in force".to_owned(),
            faults => format!("during {}", list(faults)),
        }
    }

    fn blind(&self, row: &Row) -> Option<String> {
        (row.blind > 0).then(|| {
            let all = row.blind + row.rate.of;
            format!(
                "{} of {} could not have shown it",
                grouped(row.blind),
                count(all, "run", "runs")
            )
        })
    }

    fn version(&self, row: &Row) -> Option<String> {
        row.version.as_ref().map(|v| {
            format!(
                "first seen in {}: {}/{} before, {}/{} since; p = {:.3}",
                v.version, v.before.seen, v.before.of, v.after.seen, v.after.of, v.p
            )
        })
    }

    fn when(&self, time: &chrono::DateTime<chrono::Utc>) -> String {
        time.format("%Y-%m-%d %H:%M").to_string()
    }

    fn p99(&self, entry: &Entry) -> String {
        entry.brief.map_or("–".to_owned(), |b| nanos(b.p99))
    }

    fn took(&self, entry: &Entry) -> String {
        nanos(entry.duration)
    }

    fn what(&self, entry: &Entry) -> String {
        let titles = entry.findings.iter().map(|f| &f.title);
        let all: Vec<&str> = titles.chain(&entry.reasons).map(String::as_str).collect();
        match all.len() {
            0..=3 => all.join("; "),
            n => format!("{}; and {} more", all[..3].join("; "), n - 3),
        }
    }

    /// The last values as a line 90 wide and 18 high, from zero up.
    fn spark(&self, values: &[f64]) -> Option<String> {
        let top = values.iter().copied().fold(0.0, f64::max);
        if values.len() < 2 || top <= 0.0 {
            return None;
        }
        let step = 88.0 / (values.len() - 1) as f64;
        let points = values.iter().enumerate();
        let points: Vec<String> = points
            .map(|(i, v)| format!("{:.1},{:.1}", 1.0 + i as f64 * step, 17.0 - v / top * 16.0))
            .collect();
        Some(points.join(" "))
    }
}
