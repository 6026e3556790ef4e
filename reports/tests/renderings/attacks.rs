//! Text from a system under test, wherever it can enter, is inert in everything that is written.

use schism_reports::{html, junit, summary};

use super::{
    elements,
    hostile::{attacks, report},
    page_elements, renderings,
};

#[test]
fn no_rendering_carries_an_attack() {
    for attack in attacks() {
        let report = report(&attack);
        let benign = page_elements(&html::page(&super::hostile::report("benign")));
        assert_eq!(
            page_elements(&html::page(&report)),
            benign,
            "{attack:?} made elements"
        );
        assert_eq!(
            elements(&junit::document(&report, junit::OnUnknown::Error, &[])),
            elements(&junit::document(
                &super::hostile::report("benign"),
                junit::OnUnknown::Error,
                &[]
            )),
        );
        for (name, text) in renderings(&report) {
            let at = || format!("{attack:?} in {name}");
            let controls = text
                .chars()
                .filter(|c| c.is_control() && *c != '\n' && *c != '\x1b');
            assert_eq!(controls.collect::<String>(), "", "{}", at());
            if name != "colour" {
                assert!(!text.contains('\x1b'), "{}", at());
            }
            assert!(!text.contains(['\u{202e}', '\u{fffe}']), "{}", at());
            for marker in ["##[", "##vso[", "##teamcity["] {
                assert!(!text.contains(marker), "{}", at());
            }
            let commands = text.lines().filter(|l| l.trim_start().starts_with("::"));
            assert_eq!(commands.count(), 0, "{}", at());
            if [
                "html",
                "junit",
                "markdown",
                "markdown of many",
                "explain.md",
            ]
            .contains(&name)
            {
                assert!(!text.contains("<img"), "{}", at());
                assert!(!text.contains("</script"), "{}", at());
                assert!(!text.contains("]]>"), "{}", at());
            }
        }
    }
}

#[test]
fn terminal_colours_are_only_ours() {
    let report = report("\x1b[2J\x1b]0;owned\x07");
    let text = &renderings(&report)[2].1;
    for code in text.split('\x1b').skip(1) {
        let ours = ["[1m", "[2m", "[0m", "[1;31m", "[1;32m", "[1;33m"];
        assert!(ours.iter().any(|o| code.starts_with(o)), "{code:?}");
    }
}

#[test]
fn markdown_keeps_its_table() {
    let page = summary::page(&report("a | b\nc"));
    for row in page.lines().filter(|l| l.starts_with('|')) {
        let cells = row.matches('|').count() - 1;
        assert!(cells == 4 || cells == 6, "{row}");
    }
    assert!(!summary::page(&report("@here [a](http://b)")).contains("@here"));
}

#[test]
fn a_megabyte_is_elided_with_its_length() {
    let report = report(&"é".repeat(1 << 20));
    for (name, text) in renderings(&report) {
        assert!(text.len() < 600_000, "{name}: {} bytes", text.len());
        assert!(text.contains("… (1,048,576 characters)"), "{name}");
    }
    assert!(summary::page(&report).len() <= summary::MAX_BYTES);
}
