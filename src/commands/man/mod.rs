//! `schism man`: the manual, made of the same words as `--help`; and the reference page, which is made of them, too.

mod adapter;
#[cfg(test)]
mod documents;
mod file;

use clap::CommandFactory;

use crate::{
    args::{Cli, ManArgs},
    exit::{Exit, Failure},
    terminal::Terminal,
};

/// The page of the configuration file.
const FILE: &str = "schism.yaml";
/// The page of the file of an adapter.
const ADAPTER: &str = "adapter.yaml";

/// Prints a page, or writes all of them to a folder.
pub(crate) fn man(args: &ManArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let pages = pages()?;
    if let Some(folder) = &args.out {
        let failed = |e| Failure::usage(format!("cannot write to {}: {e}", folder.display()));
        std::fs::create_dir_all(folder).map_err(failed)?;
        for (name, text) in &pages {
            let section = if name == FILE || name == ADAPTER {
                5
            } else {
                1
            };
            std::fs::write(folder.join(format!("{name}.{section}")), text).map_err(failed)?;
        }
        terminal.print(&format!("{} pages in {}\n", pages.len(), folder.display()));
        return Ok(Exit::Pass);
    }
    let wanted = match &args.command {
        Some(page) if page == FILE || page == ADAPTER => page.clone(),
        Some(command) => format!("schism-{command}"),
        None => "schism".to_owned(),
    };
    match pages.iter().find(|(name, _)| *name == wanted) {
        Some((_, text)) => terminal.print(text),
        None => return Err(Failure::usage(format!("there is no page {wanted}(1)"))),
    }
    Ok(Exit::Pass)
}

/// Every command that is not hidden, by its page's name.
fn commands() -> Vec<(String, clap::Command)> {
    let mut root = Cli::command();
    root.build();
    let subs = root.get_subcommands().filter(|c| !c.is_hide_set());
    let subs = subs.filter(|c| c.get_name() != "help");
    let subs: Vec<_> = subs
        .map(|c| (format!("schism-{}", c.get_name()), c.clone()))
        .collect();
    std::iter::once(("schism".to_owned(), root))
        .chain(subs)
        .collect()
}

fn pages() -> Result<Vec<(String, String)>, Failure> {
    let page = |(name, command): (String, clap::Command)| {
        let mut text = Vec::new();
        let named = command.version(env!("CARGO_PKG_VERSION"));
        clap_mangen::Man::new(named)
            .render(&mut text)
            .map_err(|e| Failure::infrastructure(format!("no page can be written: {e}")))?;
        Ok((name, String::from_utf8_lossy(&text).into_owned()))
    };
    let files = [(FILE, file::page()), (ADAPTER, adapter::page())];
    let files = files.map(|(name, text)| Ok((name.to_owned(), text)));
    commands().into_iter().map(page).chain(files).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `--help` says of each command, one after the other.
    fn reference() -> String {
        let mut page = String::from(
            "# The command line\n\nWhat `schism COMMAND --help` says.\n\n\
             <!-- Generated: UPDATE_DOCS=1 cargo test -p schism --lib commands::man -->\n",
        );
        for (name, command) in commands() {
            let help = command.term_width(100).render_long_help().to_string();
            let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
            let title = name.replacen('-', " ", 1);
            page.push_str(&format!(
                "\n## {title}\n\n```text\n{}\n```\n",
                lines.join("\n").trim()
            ));
        }
        page
    }

    #[test]
    fn the_reference_page_is_what_help_says() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/cli.md");
        let page = reference();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, &page).expect("the page can be written");
        }
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            there == page,
            "docs/reference/cli.md is not what --help says; UPDATE_DOCS=1 cargo test -p schism --lib commands::man writes it anew"
        );
    }

    #[test]
    fn every_command_has_a_page_that_says_what_it_does() {
        let pages = pages().unwrap();
        let compare = pages.iter().find(|(name, _)| name == "schism-compare");
        let (_, text) = compare.unwrap();
        assert!(text.contains("what differs between two runs") && text.contains("gate"));
        let of = |wanted: &str| &pages.iter().find(|(name, _)| name == wanted).unwrap().1;
        let file = of(FILE);
        assert!(file.contains("schism.yaml 5") && file.contains("op_timeout"));
        assert!(of(ADAPTER).contains("adapter.yaml 5"));
        let (_, root) = &pages[0];
        assert!(
            root.contains("at least one violation"),
            "exit codes are in the manual"
        );
        assert!(
            pages.iter().all(|(name, _)| name != "schism-node"),
            "hidden ones are not"
        );
    }
}
