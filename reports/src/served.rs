//! The two pages that need a server: a run while it goes on, and windows into its history.
//!
//! Each is a frame of static markup and one script, which its policy names by hash and which may ask nobody but the server
//! that sent it. The script puts what it gets into the page as text only. All links are relative, so that the pages also
//! work below a path of a proxy.

use askama::Template;
use history::Nanos;

use crate::html::hash;

const LIVE: &str = concat!(
    "\"use strict\";(() => {\n",
    include_str!("../templates/served/page.js"),
    include_str!("../templates/served/live.js"),
    "})();"
);

const HISTORY: &str = concat!(
    "\"use strict\";(() => {\n",
    include_str!("../templates/served/page.js"),
    include_str!("../templates/served/history.js"),
    "})();"
);

/// A run, as far as its pages say it before they ask.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its directory.
    pub id: String,
    /// The directory above the one above.
    pub case: String,
    /// The directory above.
    pub faults: String,
    /// Whether it has a report.
    pub report: bool,
    /// How long it took; zero if nobody knows.
    pub duration: Nanos,
}

/// A page, and what it may do.
#[derive(Debug, Clone)]
pub struct Page {
    /// The page.
    pub html: String,
    /// Its content security policy, to be sent with it; it says the same itself.
    pub policy: String,
}

/// A run while it goes on; what it said, once it is over.
pub fn live(run: &Run) -> Page {
    let policy = policy(LIVE);
    let page = LivePage {
        run,
        script: LIVE,
        policy: &policy,
    };
    Page {
        html: page.render().expect("the template writes to memory"),
        policy,
    }
}

/// Windows into a run's history.
pub fn history(run: &Run) -> Page {
    let policy = policy(HISTORY);
    let page = HistoryPage {
        run,
        seconds: run.duration.0.div_ceil(1_000_000_000),
        script: HISTORY,
        policy: &policy,
    };
    Page {
        html: page.render().expect("the template writes to memory"),
        policy,
    }
}

fn policy(script: &str) -> String {
    format!(
        "default-src 'none'; script-src {}; style-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'",
        hash(script)
    )
}

#[derive(Template)]
#[template(path = "served/live.html")]
struct LivePage<'a> {
    run: &'a Run,
    script: &'static str,
    policy: &'a str,
}

#[derive(Template)]
#[template(path = "served/history.html")]
struct HistoryPage<'a> {
    run: &'a Run,
    seconds: u64,
    script: &'static str,
    policy: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_are_inert_and_the_policy_names_the_script_that_is_there() {
        let attacks: Vec<String> =
            serde_json::from_str(include_str!("../tests/hostile.json")).expect("a list of texts");
        for attack in attacks {
            let run = Run {
                id: attack.clone(),
                case: attack.clone(),
                faults: attack.clone(),
                report: true,
                duration: Nanos(1),
            };
            for page in [live(&run), history(&run)] {
                assert_eq!(page.html.matches("<script").count(), 1, "{attack}");
                assert_eq!(page.html.matches("<img").count(), 0, "{attack}");
                assert_eq!(page.html.matches("<svg onload").count(), 0, "{attack}");
                assert!(
                    page.html.contains(&page.policy),
                    "the page says what is sent with it"
                );
                let (_, script) = page.html.split_once("<script>").expect("a script");
                let (script, _) = script.split_once("</script>").expect("its end");
                assert!(
                    page.policy.contains(&hash(script)),
                    "the script is the one that may run"
                );
            }
        }
    }

    #[test]
    fn no_script_makes_markup_or_code_of_text() {
        for script in [LIVE, HISTORY] {
            for bad in [
                "innerHTML",
                "outerHTML",
                "insertAdjacent",
                "document.write",
                "eval(",
                "Function(",
                "</",
            ] {
                assert!(!script.contains(bad), "{bad}");
            }
        }
    }
}
