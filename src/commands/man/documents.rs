//! What the written documents tell a reader to type and to write is taken by the program as it is now.

use std::path::{Path, PathBuf};

use clap::Parser;

use crate::{args::Cli, config::Layers};

/// A block between fences: its language, and its text with the line it begins in.
struct Block {
    language: String,
    line: usize,
    text: String,
}

fn here(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

fn read(file: &str) -> String {
    std::fs::read_to_string(here(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn blocks(file: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    for (number, line) in read(file).lines().enumerate() {
        match (line.strip_prefix("```"), open) {
            (Some(language), false) => {
                open = true;
                blocks.push(Block {
                    language: language.to_owned(),
                    line: number + 2,
                    text: String::new(),
                });
            }
            (Some(_), true) => open = false,
            (None, true) => {
                let block = blocks.last_mut().expect("one is open");
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, false) => {}
        }
    }
    assert!(!open, "{file}: the last block is not closed");
    blocks
}

/// The arguments of a line that a shell would start schism with; `None` if it starts something else.
fn arguments(line: &str) -> Option<Vec<String>> {
    let mut words = shlex::split(line).unwrap_or_else(|| panic!("no shell takes {line}"));
    if words.first().is_some_and(|word| word == "sudo") {
        words.remove(0);
    }
    let from_source = ["cargo", "run", "--release", "--"];
    if words.len() >= 4 && words[..4] == from_source {
        words.splice(..4, ["schism".to_owned()]);
    }
    (words.first()? == "schism").then_some(words)
}

#[track_caller]
fn assert_taken(place: &str, words: &[String]) {
    if let Err(error) = Cli::try_parse_from(words) {
        assert!(!error.use_stderr(), "{place}: {}\n{error}", words.join(" "));
    }
}

#[test]
fn commands_in_the_documents_are_taken() {
    for (file, least) in [("README.md", 15), ("docs/guide.md", 6)] {
        let mut seen = 0;
        for block in blocks(file).iter().filter(|b| b.language == "console") {
            for (number, line) in block.text.lines().enumerate() {
                let Some(words) = line.strip_prefix("$ ").and_then(arguments) else {
                    continue;
                };
                assert_taken(&format!("{file}:{}", block.line + number), &words);
                seen += 1;
            }
        }
        assert!(seen >= least, "{file}: only {seen} commands were found");
    }
}

#[test]
fn commands_in_the_examples_for_continuous_integration_are_taken() {
    for (file, least) in [
        ("examples/ci/github.yml", 4),
        ("examples/ci/gitlab-ci.yml", 3),
    ] {
        let mut seen = 0;
        for (number, line) in read(file).lines().enumerate() {
            let command = line.trim_start().trim_start_matches("- ");
            let command = command.strip_prefix("run: ").unwrap_or(command);
            if command.starts_with("schism ") {
                // What the shell and the service put there is a number of some sort.
                let line = command.replace("${{ matrix.shard }}", "2");
                let line = line.replace("$CI_NODE_INDEX", "2");
                let line = line.replace("$CI_NODE_TOTAL", "4");
                let words = arguments(&line).expect("it begins with schism");
                assert_taken(&format!("{file}:{}", number + 1), &words);
                seen += 1;
            }
        }
        assert!(seen >= least, "{file}: only {seen} commands were found");
    }
}

#[test]
fn files_in_the_documents_are_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (file, least) in [("README.md", 2), ("docs/guide.md", 5)] {
        let mut seen = 0;
        for block in blocks(file).iter().filter(|b| b.language == "yaml") {
            let path = folder.path().join("block.yaml");
            std::fs::write(&path, &block.text).expect("it can be written");
            let read = match adapter::AdapterFile::is_meant_by(&path) {
                true => adapter::AdapterFile::read(&path)
                    .map(drop)
                    .map_err(|bad| bad.to_string()),
                false => {
                    let mut layers = Layers::defaults();
                    let added = layers.add_file(&path).and_then(|()| layers.config());
                    added.map(drop).map_err(|failure| failure.to_string())
                }
            };
            assert!(read.is_ok(), "{file}:{}: {}", block.line, read.unwrap_err());
            seen += 1;
        }
        assert!(seen >= least, "{file}: only {seen} files were found");
    }
}

#[test]
fn a_command_that_is_not_there_is_noticed() {
    let words = arguments("sudo schism run etcd --lab 5 --no-such-thing   # why").expect("ours");
    assert_eq!(words[1..], ["run", "etcd", "--lab", "5", "--no-such-thing"]);
    assert!(Cli::try_parse_from(words).is_err());
    assert_eq!(arguments("cargo test"), None);
}
