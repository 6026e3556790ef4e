//! `schism list workloads`, `checkers`, `adapters` and `cases`: what there is, as the parts of the program say it of
//! themselves.

use serde_json::{Value, json};

use crate::{
    args::{ListArgs, RunArgs},
    campaign::{self, Case, Flags},
    config::{DEFAULT_FILE, Sources, WorkloadName},
    exit::{Exit, Failure},
    registry,
    subject::{self, About, SUBJECTS, Subject},
    terminal::Terminal,
};

/// Lists what can be judged, and what of it can be run.
pub(crate) fn workloads(args: &ListArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    if args.json {
        let all: Vec<Value> = SUBJECTS
            .iter()
            .map(|s| {
                json!({
                    "workload": s.name, "also": s.also, "about": s.about, "expects": (s.expects)(), "runs": is_run(s),
                })
            })
            .collect();
        terminal.print(&format!("{}\n", json!(all)));
        return Ok(Exit::Pass);
    }
    let mut page = String::new();
    for subject in &SUBJECTS {
        page.push_str(&format!("{}: {}\n", subject.name, subject.about));
        page.push_str(&match is_run(subject) {
            true => format!("    run by      schism run, workload: {}\n", subject.name),
            false => "    run by      other programs; schism check judges what they recorded\n"
                .to_owned(),
        });
        if !subject.also.is_empty() {
            page.push_str(&format!("    also called {}\n", subject.also.join(", ")));
        }
        let expects = (subject.expects)();
        page.push_str(&format!("    expect      {}\n", expects.join(", ")));
    }
    page.push_str("\nthe first of `expect` is judged unless another is named; who judges it: schism list checkers\n");
    terminal.print(&page);
    Ok(Exit::Pass)
}

/// Whether this program can put the load on a system itself.
fn is_run(subject: &Subject) -> bool {
    WorkloadName::ALL
        .iter()
        .any(|workload| workload.word() == subject.name)
}

/// A checker with everything that it is asked for.
struct Known {
    name: String,
    limits: &'static str,
    /// What it decides, and for whom.
    decides: Vec<(String, Vec<Asked>)>,
}

/// Who has it decide.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Asked {
    option: &'static str,
    name: &'static str,
    expect: &'static str,
}

/// Lists what judges.
pub(crate) fn checkers(args: &ListArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let all = all_checkers()?;
    terminal.print(&match args.json {
        true => format!("{}\n", json!(all.iter().map(as_json).collect::<Vec<_>>())),
        false => as_text(&all),
    });
    Ok(Exit::Pass)
}

/// Asked of each kind of history and each expectation, so that none is left out and none is invented.
fn all_checkers() -> Result<Vec<Known>, Failure> {
    let (mut all, mut of_every_run) = (Vec::new(), Vec::new());
    for subject in subject::all() {
        for expect in (subject.expects)() {
            let (own, general) = subject.checkers(expect)?;
            let asked = Asked {
                option: subject.option,
                name: subject.name,
                expect,
            };
            for about in own {
                note(&mut all, about, Some(asked));
            }
            for about in general {
                note(&mut of_every_run, about, None);
            }
        }
    }
    all.append(&mut of_every_run);
    Ok(all)
}

fn note(all: &mut Vec<Known>, about: About, asked: Option<Asked>) {
    let About {
        name,
        decides,
        limits,
    } = about;
    let there = all
        .iter()
        .position(|k| k.name == name && k.limits == limits);
    let at = there.unwrap_or_else(|| {
        all.push(Known {
            name,
            limits,
            decides: Vec::new(),
        });
        all.len() - 1
    });
    let said = &mut all[at].decides;
    match said.iter_mut().find(|(text, _)| *text == decides) {
        Some((_, by)) => by.extend(asked),
        None => said.push((decides, asked.into_iter().collect())),
    }
}

fn as_json(known: &Known) -> Value {
    let decides: Vec<Value> = known
        .decides
        .iter()
        .map(|(text, asked)| {
            let of = asked.iter().map(|a| {
                let sort = a.option.trim_start_matches('-');
                json!({ sort: a.name, "expect": a.expect })
            });
            json!({ "decides": text, "of": of.collect::<Vec<_>>() })
        })
        .collect();
    json!({ "checker": known.name, "limits": known.limits, "decides": decides })
}

fn as_text(all: &[Known]) -> String {
    let mut page = String::new();
    for known in all {
        page.push_str(&format!("{}\n    limits   {}\n", known.name, known.limits));
        for (text, asked) in &known.decides {
            page.push_str(&format!("    decides  {text}\n"));
            page.push_str(&match asked.is_empty() {
                true => "             of every run\n".to_owned(),
                false => format!("             of {}\n", options(asked)),
            });
        }
    }
    page.push_str(
        "\nsound: what it calls a violation is one; complete: it misses none. What a run's checkers said: schism show RUN\n",
    );
    page
}

/// `--workload set-full --expect eventual or last-read; --model set`
fn options(asked: &[Asked]) -> String {
    let mut of: Vec<(String, Vec<&str>)> = Vec::new();
    for a in asked {
        let named = format!("{} {}", a.option, a.name);
        match of.iter_mut().find(|(name, _)| *name == named) {
            Some((_, expects)) => expects.push(a.expect),
            None => of.push((named, vec![a.expect])),
        }
    }
    let each = of
        .iter()
        .map(|(name, expects)| format!("{name} --expect {}", expects.join(" or ")));
    each.collect::<Vec<_>>().join("; ")
}

/// Lists targets.
pub(crate) fn adapters(args: &ListArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let named = |entry: &registry::Entry| match entry.target {
        registry::Target::Adapter => "FILE.yaml",
        _ => entry.name,
    };
    if args.json {
        let all: Vec<Value> = registry::all()
            .map(|t| {
                json!({
                    "adapter": named(t), "about": t.about, "options": t.options, "needs_cluster": t.needs_cluster,
                })
            })
            .collect();
        terminal.print(&format!("{}\n", json!(all)));
        return Ok(Exit::Pass);
    }
    for entry in registry::all() {
        terminal.print(&format!(
            "{}: {}\n    options  {}\n",
            named(entry),
            entry.about,
            entry.options.join(", ")
        ));
    }
    terminal.print("\nto make the file of an adapter: schism new; what stands in it: schism man adapter.yaml\n");
    Ok(Exit::Pass)
}

/// Lists the cases of a configuration.
pub(crate) fn cases(args: &ListArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let said = RunArgs {
        what: args.target.clone().into_iter().collect(),
        ..RunArgs::default()
    };
    let sources = Sources::of(&said)?;
    if !sources.names.is_empty() {
        return Err(Failure::usage(format!(
            "{} is neither a configuration file nor a target; the cases of ./{DEFAULT_FILE}: schism list cases",
            sources.names[0]
        )));
    }
    let cases = campaign::expand(&sources, &Flags { faults: None })?;
    if args.json {
        let all: Vec<Value> = cases.iter().map(case_as_json).collect();
        terminal.print(&format!("{}\n", json!(all)));
        return Ok(Exit::Pass);
    }
    let width = |of: fn(&Case) -> String| {
        let widths = cases.iter().map(|case| of(case).chars().count());
        widths.max().unwrap_or_default()
    };
    let target = |case: &Case| case.config.target.adapter.clone();
    let (names, targets) = (width(Case::name), width(target));
    for case in &cases {
        let seeds = match case.draws.len() {
            1 => "1 seed".to_owned(),
            n => format!("{n} seeds"),
        };
        let line = format!(
            "{:<names$}  {} of {:<targets$}  {seeds}, {:?} each",
            case.name(),
            case.workload,
            target(case),
            case.config.run.time.0,
        );
        terminal.print(&format!("{}\n", reports::escape::inert(&line, 300)));
    }
    terminal.print(
        "\nto run some of them: schism run NAME …, with * and ?; or schism run -E 'fault(kill)'\n",
    );
    Ok(Exit::Pass)
}

fn case_as_json(case: &Case) -> Value {
    json!({
        "name": case.name(), "case": case.case, "faults": case.faults, "workload": case.workload,
        "target": case.config.target.adapter, "kinds": case.kinds,
        "seeds": case.draws.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "seconds": case.config.run.time.0.as_secs_f64(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_expectation_has_a_checker_that_says_what_it_decides_and_how_far() {
        let all = all_checkers().unwrap();
        for subject in subject::all() {
            for expect in (subject.expects)() {
                let asked = Asked {
                    option: subject.option,
                    name: subject.name,
                    expect,
                };
                let of = all.iter().flat_map(|k| &k.decides);
                assert!(
                    of.clone().any(|(_, by)| by.contains(&asked)),
                    "nobody judges {} as {expect}",
                    subject.name
                );
            }
        }
        for known in &all {
            // Words of this program never promise that a property holds.
            let said = known.decides.iter().map(|(text, _)| text.as_str());
            for text in said.chain([known.limits]) {
                assert!(
                    !text.is_empty() && !text.contains("holds"),
                    "{}: {text:?}",
                    known.name
                );
            }
            let told = ["sound", "never fails"];
            assert!(
                told.iter().any(|word| known.limits.starts_with(word)),
                "{}: is what it finds certain? {:?}",
                known.name,
                known.limits
            );
        }
    }

    #[test]
    fn the_checkers_of_every_run_come_last_and_once() {
        let all = all_checkers().unwrap();
        let general: Vec<&str> = all
            .iter()
            .filter(|k| k.decides.iter().all(|(_, by)| by.is_empty()))
            .map(|k| k.name.as_str())
            .collect();
        assert_eq!(general, ["coverage", "cap", "stats"]);
        let last: Vec<&str> = all[all.len() - 3..]
            .iter()
            .map(|k| k.name.as_str())
            .collect();
        assert_eq!(last, general);
    }

    #[test]
    fn what_is_said_to_run_is_what_a_configuration_can_name() {
        let run: Vec<&str> = SUBJECTS
            .iter()
            .filter(|s| is_run(s))
            .map(|s| s.name)
            .collect();
        assert_eq!(run, WorkloadName::ALL.map(WorkloadName::word));
    }
}
