//! Reading `report.html` as somebody without a browser would: its text, section by section.
#![allow(dead_code, unreachable_pub, reason = "shared by several test binaries")]
use std::path::Path;

/// A page of a run.
pub struct Page {
    html: String,
    /// What it says, without markup, scripts and styles; white space as single spaces.
    pub text: String,
}

impl Page {
    /// That of the newest run in this directory. Kept where CI collects it.
    pub fn of_latest(shell: &Path, name: &str) -> Self {
        let run = shell.join("runs/latest");
        let html = std::fs::read_to_string(run.join("report.html")).expect("a page of the run");
        if let Some(artefacts) = std::env::var_os("SCHISM_ARTEFACTS") {
            let to = Path::new(&artefacts).join("runs").join(name);
            std::fs::create_dir_all(&to).expect("writable");
            for file in [
                "report.html",
                "verdict.json",
                "summary.md",
                "junit.xml",
                "faults.jsonl",
                "meta.json",
            ] {
                // A run that broke has not all of them.
                let _ = std::fs::copy(run.join(file), to.join(file));
            }
        }
        let text = text(&html);
        Self { html, text }
    }

    /// It says all of these.
    #[track_caller]
    pub fn says(&self, parts: &[&str]) -> &Self {
        for part in parts {
            assert!(
                self.text.contains(part),
                "{part:?} is not in\n{}",
                self.text
            );
        }
        self
    }

    /// It says none of these.
    #[track_caller]
    pub fn never_says(&self, parts: &[&str]) -> &Self {
        for part in parts {
            assert!(!self.text.contains(part), "{part:?} is in\n{}", self.text);
        }
        self
    }

    /// The part with this heading.
    #[track_caller]
    pub fn section(&self, id: &str) -> String {
        let begin = self.html.find(&format!("<section id=\"{id}\""));
        let begin = begin.unwrap_or_else(|| panic!("no section {id}"));
        let end = self.html[begin..].find("</section>").expect("it ends");
        text(&self.html[begin..begin + end])
    }

    /// What must be so of every page: verdict, story, how sure, what to type next; nothing empty, no value that was never
    /// there, no promise about a database.
    #[track_caller]
    pub fn is_whole(&self, verdict: &str) -> &Self {
        assert!(
            self.html.contains(&format!(" {verdict} ")),
            "the title has no {verdict}"
        );
        self.says(&[verdict, "How sure", "Type next", "schism "]);
        self.never_says(&["NaN", "undefined", "[object", "Infinity", " holds"]);
        let static_part = without(&without(&self.html, "script"), "style");
        assert!(!static_part.contains("NaN"), "a drawing has no number");
        assert!(static_part.contains("<p class=\"story\">"), "no story");
        for part in static_part.split("<section").skip(1) {
            let (section, _) = part.split_once("</section>").expect("it ends");
            let (attributes, body) = section.split_once('>').expect("a tag ends");
            let body = ["h1", "h2", "h3", "caption", "figcaption"]
                .iter()
                .fold(body.to_owned(), |body, head| without(&body, head));
            let drawn = ["<svg", "<canvas"].iter().any(|tag| body.contains(tag));
            assert!(drawn || !text(&body).is_empty(), "nothing in {attributes}");
        }
        for list in ["dl", "ul", "table", "tbody", "figure", "details"] {
            for part in static_part.split(&format!("<{list}")).skip(1) {
                let (attributes, body) = part.split_once('>').unwrap_or_default();
                // The explorer's own are filled by its script.
                if attributes.contains("id=\"x-") {
                    continue;
                }
                assert!(
                    !body.trim_start().starts_with(&format!("</{list}>")),
                    "an empty {list}"
                );
            }
        }
        self
    }
}

/// Without these elements; they do not stand in each other.
fn without(html: &str, tag: &str) -> String {
    let (open, close) = (format!("<{tag}"), format!("</{tag}>"));
    let mut parts = html.split(open.as_str());
    let mut rest = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // `<header>` is no `<h1>`, but `<style>` and `<strong>` begin alike.
        let is_it = part.starts_with(['>', ' ', '\n']);
        match (is_it, part.split_once(close.as_str())) {
            (true, Some((_, after))) => rest.push_str(after),
            _ => {
                rest.push_str(&open);
                rest.push_str(part);
            }
        }
    }
    rest
}

fn text(html: &str) -> String {
    let html = without(&without(html, "script"), "style");
    let mut text = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => {
                inside = true;
                text.push(' ');
            }
            '>' => inside = false,
            c if !inside => text.push(c),
            _ => {}
        }
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    [
        ("&#38;", "&"),
        ("&amp;", "&"),
        ("&#39;", "'"),
        ("&#34;", "\""),
        ("&quot;", "\""),
        ("&#60;", "<"),
        ("&lt;", "<"),
        ("&#62;", ">"),
        ("&gt;", ">"),
    ]
    .iter()
    .fold(text, |text, (from, to)| text.replace(from, to))
}
