//! Whole reports, from a history made up in code to the bytes.

mod attacks;
mod consistency;
mod elsewhere;
mod faults;
#[path = "../support/fixture.rs"]
mod fixture;
#[path = "../support/hostile.rs"]
mod hostile;
mod nodes;
mod scale;
mod services;
#[path = "../support/transactions.rs"]
mod transactions;
mod verdicts;

use std::collections::BTreeMap;

use quick_xml::{Reader, events::Event};
use schism_reports::{
    Report, Told, VerdictFile, html,
    junit::{self, OnUnknown},
    summary,
    text::{self, Style},
};

/// Every rendering of a report, by name.
fn renderings(report: &Report) -> Vec<(&'static str, String)> {
    let colour = Style {
        colour: true,
        ascii: false,
        columns: 60,
    };
    let mut cards = String::new();
    let mut explained = String::new();
    for finding in &report.findings {
        cards.push_str(
            &text::card(report, finding.number, Style::PLAIN).expect("it is one of its findings"),
        );
        explained.push_str(&summary::finding(report, finding));
    }
    vec![
        ("html", without_scripts(&html::page(report))),
        ("text", text::summary(report, Style::PLAIN, &[])),
        ("colour", text::summary(report, colour, &[])),
        ("cards", cards),
        (
            "junit",
            junit::document(report, OnUnknown::Error, &["report.html"]),
        ),
        ("markdown", summary::page(report)),
        (
            "markdown of many",
            summary::pages(&[Told::Judged(report); 3]),
        ),
        ("explain.md", explained),
        ("verdict", VerdictFile::new(report, 1).to_json()),
    ]
}

/// Reads a document to its end, tags balanced, and counts its elements by name.
fn elements(xml: &str) -> BTreeMap<String, usize> {
    let mut reader = Reader::from_str(xml);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut depth = 0_usize;
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => {
                depth += 1;
                for attribute in tag.attributes() {
                    attribute.expect("attributes are well-formed");
                }
                *counts.entry(tag.name().as_ref().to_owned()).or_default() += 1;
            }
            Ok(Event::Empty(tag)) => {
                for attribute in tag.attributes() {
                    attribute.expect("attributes are well-formed");
                }
                *counts.entry(tag.name().as_ref().to_owned()).or_default() += 1;
            }
            Ok(Event::End(_)) => depth -= 1,
            Ok(Event::Eof) => break,
            Ok(_) => {}
            Err(e) => panic!("at byte {}: {e}", reader.error_position()),
        }
    }
    assert_eq!(depth, 0, "unclosed elements");
    counts
}

/// The page as it is read: what its scripts say is neither text nor markup. An attack that closed one would show.
fn without_scripts(page: &str) -> String {
    let mut parts = page.split("<script");
    let mut read = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (script, rest) = part.split_once("</script>").expect("scripts end");
        let (attributes, _) = script.split_once('>').expect("a tag ends");
        read.push_str(&format!("<x-script{attributes}/>{rest}"));
    }
    read
}

/// The page as XML: `meta` is its only element without an end.
fn page_elements(page: &str) -> BTreeMap<String, usize> {
    let static_page = without_scripts(page);
    let closed: String = static_page
        .lines()
        .map(|line| match line.strip_prefix("<meta ") {
            Some(rest) => format!("<meta {}/>\n", rest.trim_end_matches('>')),
            None => format!("{line}\n"),
        })
        .collect();
    elements(&closed)
}
