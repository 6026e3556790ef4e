//! `schism index`: the page over all runs, written anew.

use reports::across::Board;

use crate::{
    args::IndexArgs,
    baseline,
    exit::{Exit, Failure},
    index,
    terminal::Terminal,
};

/// Writes it, and says where.
pub(crate) fn index(args: &IndexArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let store = terminal.store()?;
    let index = match args.rebuild {
        true => index::rebuild(&store)?,
        false => index::read(&store)?,
    };
    let page = index::render(&store, &baseline::read(terminal.baseline())?)?;
    if index.unreadable > 0 {
        terminal.say(&format!(
            "{} lines of the index cannot be read; schism index --rebuild makes it anew\n",
            index.unreadable
        ));
    }
    terminal.print(&format!(
        "{} runs, {} findings: {}\n",
        index.entries.len(),
        Board::new(&index).rows.len(),
        page.display()
    ));
    Ok(Exit::Pass)
}
