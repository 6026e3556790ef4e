//! What a CI service hears of one run, or of many: on GitHub Actions annotations, a step summary, outputs, a folded log and
//! masked secrets. GitLab, Buildkite and others read `junit.xml` and `summary.md`, which every run has.
//!
//! Annotations go to standard error, where GitHub's runner reads commands as well: standard output is for data.

use std::{
    fs::OpenOptions,
    io::Write,
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use reports::{
    Told, VerdictFile,
    across::Entry,
    github::{self, Kind, Mark, Place},
    summary,
};
use runner::store::Store;

use crate::{args::OnUnknown, baseline, index, pages, terminal::Terminal};

/// Which service to speak to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum CiChoice {
    /// GitHub Actions where GITHUB_ACTIONS says so.
    #[default]
    Auto,
    /// GitHub Actions.
    Github,
    /// None.
    None,
}

/// The service that listens.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ci {
    github: bool,
}

/// A run that is over, as it is told.
pub(crate) struct CiRun<'a> {
    /// How it ended.
    pub(crate) told: Told<'a>,
    /// Where its case is in a configuration.
    pub(crate) place: Option<Place>,
}

impl Ci {
    /// As somebody wants it.
    pub(crate) fn choose(choice: CiChoice) -> Self {
        Self {
            github: match choice {
                CiChoice::Auto => is_on_github(),
                CiChoice::Github => true,
                CiChoice::None => false,
            },
        }
    }

    /// Nobody listens.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// Hides secrets. Only where a runner really reads along: elsewhere this would print them.
    pub(crate) fn hide(&self, secrets: &[String], terminal: &Terminal) {
        if self.github && is_on_github() {
            for secret in secrets {
                terminal.say(&github::masks(secret));
            }
        }
    }

    /// From here on the log is folded.
    pub(crate) fn fold(&self, title: &str, terminal: &Terminal) {
        if self.github {
            terminal.say(&github::group(title));
        }
    }

    /// To here.
    pub(crate) fn unfold(&self, terminal: &Terminal) {
        if self.github {
            terminal.say(github::END_GROUP);
        }
    }

    /// Tells how runs ended, the oldest first. `page` is where all of it can be read. What could not be written.
    pub(crate) fn tell(
        &self,
        runs: &[CiRun<'_>],
        page: Option<&Path>,
        on_unknown: OnUnknown,
        terminal: &Terminal,
    ) -> Vec<String> {
        if !self.github {
            return Vec::new();
        }
        let store = terminal.store().ok();
        let newest_first = runs.iter().rev();
        let marks: Vec<Mark> = newest_first
            .flat_map(|run| marks(run, store.as_ref(), on_unknown, terminal))
            .collect();
        terminal.say(&github::annotations(&marks));
        let told: Vec<Told<'_>> = runs.iter().map(|run| run.told).collect();
        let found: usize = told.iter().map(|run| run.findings()).sum();
        let page = page.map(pages::from_here).unwrap_or_default();
        let outputs = github::outputs(&[
            ("verdict", Told::worst(&told).word()),
            ("findings", &found.to_string()),
            ("report", &page),
        ]);
        let files = [
            ("GITHUB_STEP_SUMMARY", summary::pages(&told)),
            ("GITHUB_OUTPUT", outputs),
        ];
        let written = files.map(|(name, text)| append(name, &text));
        written.into_iter().filter_map(Result::err).collect()
    }
}

/// As the runner says of itself.
fn is_on_github() -> bool {
    std::env::var("GITHUB_ACTIONS").is_ok_and(|v| v == "true")
}

/// Adds to the file that a variable names; other steps' lines stay.
fn append(variable: &str, text: &str) -> Result<(), String> {
    let Some(path) = std::env::var_os(variable).filter(|v| !v.is_empty()) else {
        return Err(format!("{variable} names no file to write to"));
    };
    let path = PathBuf::from(path);
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|e| format!("cannot write {variable} to {}: {e}", path.display()))
}

fn marks(
    run: &CiRun<'_>,
    store: Option<&Store>,
    on_unknown: OnUnknown,
    terminal: &Terminal,
) -> Vec<Mark> {
    let mark = |kind, fingerprint: Option<String>, title: String, text: String| Mark {
        kind,
        fingerprint,
        title,
        text,
        place: run.place.clone(),
    };
    let case = run.told.meta().case();
    let report = match run.told {
        Told::Broken(broken) => {
            let title = format!("schism: {}", broken.class);
            let text = format!("{case}: {}", broken.why);
            return vec![mark(Kind::Error, None, title, text)];
        }
        Told::Judged(report) => report,
    };
    let mut marks = Vec::new();
    let verdict = VerdictFile::new(report, 0);
    let entry = store.and_then(|store| index::of_report(store, &verdict, &report.meta.run));
    let known = known(entry.as_ref(), store, report, terminal);
    // The last to happen is the newest.
    let mut views: Vec<_> = report.findings.iter().collect();
    views.sort_by_key(|view| std::cmp::Reverse(view.finding.from));
    for view in views {
        let seen = entry.iter().flat_map(|e| &e.findings);
        let print = seen
            .clone()
            .find(|seen| seen.number == view.number)
            .map(|seen| seen.fingerprint.to_string());
        let kind = match print.as_ref().is_some_and(|p| known.contains(p)) {
            true => Kind::Notice,
            false => Kind::Error,
        };
        let during: Vec<&str> = view.during.iter().map(|d| d.label.as_str()).collect();
        let during = match during.is_empty() {
            true => String::new(),
            false => format!("\nDuring: {}.", during.join("; ")),
        };
        let show = report.meta.showing(view.number);
        let show = show.map_or_else(String::new, |command| format!("\n{command}"));
        marks.push(mark(
            kind,
            print,
            format!("{} [{}]", view.finding.title, view.finding.code),
            format!("{case}: {}{during}{show}", view.finding.explanation),
        ));
    }
    let kind = match on_unknown {
        OnUnknown::Fail => Some(Kind::Error),
        OnUnknown::Warn => Some(Kind::Warning),
        OnUnknown::Pass => None,
    };
    if let Some(kind) = kind {
        for cause in &report.causes {
            let title = format!("no verdict: {}", cause.code);
            let text = format!("{case}: {} → {}", cause.text, cause.remedy);
            let print = format!("{case} {}", cause.code);
            marks.push(mark(kind, Some(print), title, text));
        }
    }
    marks
}

/// The fingerprints of a run that its baseline knows.
fn known(
    entry: Option<&Entry>,
    store: Option<&Store>,
    report: &reports::Report,
    terminal: &Terminal,
) -> Vec<String> {
    if entry.is_none_or(|entry| entry.findings.is_empty()) {
        return Vec::new();
    }
    let looked_up = store.map(|store| baseline::look_up(store, terminal.baseline(), report));
    match looked_up {
        Some(Ok(Some(verdict))) => verdict.known,
        _ => Vec::new(),
    }
}

/// Where a run's case is: the file that says what to run, and the line that names the target.
pub(crate) fn place(file: &Path) -> Option<Place> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().position(|line| line.starts_with("target:"));
    let root = std::env::var_os("GITHUB_WORKSPACE").map(PathBuf::from);
    let real = file.canonicalize().ok();
    let root = root.and_then(|root| root.canonicalize().ok());
    let within = match (&real, &root) {
        (Some(real), Some(root)) => real.strip_prefix(root).ok(),
        _ => None,
    };
    Some(Place {
        file: within.unwrap_or(file).display().to_string(),
        line: line.map_or(1, |line| line + 1),
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_yaml::Value;

    use super::*;
    use crate::args::Cli;

    const EXAMPLES: [(&str, &str); 2] = [
        ("github.yml", include_str!("../examples/ci/github.yml")),
        (
            "gitlab-ci.yml",
            include_str!("../examples/ci/gitlab-ci.yml"),
        ),
    ];

    /// Every text that a shell runs: `run` of GitHub's steps, `script` of GitLab's jobs.
    fn scripts(value: &Value, all: &mut Vec<String>) {
        match value {
            Value::Mapping(map) => {
                for (key, value) in map {
                    match (key.as_str(), value) {
                        (Some("run"), Value::String(text)) => all.push(text.clone()),
                        (
                            Some("script" | "after_script" | "before_script"),
                            Value::Sequence(lines),
                        ) => {
                            let lines = lines.iter().filter_map(Value::as_str);
                            all.extend(lines.map(str::to_owned));
                        }
                        (_, value) => scripts(value, all),
                    }
                }
            }
            Value::Sequence(items) => items.iter().for_each(|item| scripts(item, all)),
            _ => {}
        }
    }

    /// What the services put in its place is a word to us; which one does not matter.
    fn filled_in(line: &str) -> String {
        let mut out = String::new();
        let mut rest = line;
        while let Some((before, inside)) = rest.split_once("${{") {
            let (_, after) = inside.split_once("}}").expect("an expression ends");
            out.push_str(&format!("{before}1"));
            rest = after;
        }
        out.push_str(rest);
        for variable in ["$CI_NODE_INDEX", "$CI_NODE_TOTAL"] {
            out = out.replace(variable, "1");
        }
        out
    }

    /// The commands of ours in it, each as its words.
    fn commands(text: &str) -> Vec<Vec<String>> {
        let joined = text.replace("\\\n", " ");
        let lines = joined.lines().map(str::trim);
        let ours = lines.filter(|line| line.starts_with("schism "));
        ours.map(|line| shlex::split(&filled_in(line)).expect("a shell would take it"))
            .collect()
    }

    #[test]
    fn every_command_in_the_examples_is_one_of_ours() {
        for (name, text) in EXAMPLES {
            let yaml: Value = serde_yaml::from_str(text).unwrap_or_else(|e| panic!("{name}: {e}"));
            let mut all = Vec::new();
            scripts(&yaml, &mut all);
            let commands: Vec<_> = all.iter().flat_map(|text| commands(text)).collect();
            let has = |word: &str| commands.iter().any(|c| c.get(1).is_some_and(|w| w == word));
            assert!(has("run") && has("merge"), "{name}: {commands:?}");
            let of = |w: &str| {
                w.split_once('/')
                    .is_some_and(|(i, n)| i.parse::<u32>().is_ok() && n.parse::<u32>().is_ok())
            };
            let sharded = |c: &Vec<String>| c.windows(2).any(|w| w[0] == "--shard" && of(&w[1]));
            assert!(commands.iter().any(sharded), "{name}: {commands:?}");
            for command in commands {
                let parsed = Cli::try_parse_from(without_shard(&command));
                assert!(
                    parsed.is_ok(),
                    "{name}: {command:?}: {}",
                    parsed.expect_err("not ok")
                );
            }
        }
    }

    /// Until `schism run` knows `--shard`, which campaigns bring, a command is looked at without it.
    fn without_shard(command: &[String]) -> Vec<String> {
        use clap::CommandFactory;
        let root = Cli::command();
        let run = root.find_subcommand("run").expect("there is one");
        if run.get_arguments().any(|a| a.get_long() == Some("shard")) {
            return command.to_vec();
        }
        let at = command.iter().position(|word| word == "--shard");
        let mut words = command.to_vec();
        if let Some(at) = at {
            words.drain(at..at + 2);
        }
        words
    }

    #[test]
    fn a_place_is_the_line_of_the_target() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = dir.path().join("nightly.yaml");
        std::fs::write(&file, "version: 1\n# x\ntarget: embedded\n").expect("written");
        assert_eq!(place(&file).map(|p| p.line), Some(3));
        std::fs::write(&file, "version: 1\n").expect("written");
        assert_eq!(place(&file).map(|p| p.line), Some(1));
        assert_eq!(place(&dir.path().join("none.yaml")), None);
    }
}
