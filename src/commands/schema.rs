//! `schism schema`: the JSON Schemas of what machines read, as this program writes it.

use crate::{
    args::SchemaArgs,
    exit::{Exit, Failure},
    terminal::Terminal,
};

/// Name and schema. A test holds real output against each.
const SCHEMAS: [(&str, &str); 5] = [
    ("events", include_str!("../schemas/events.json")),
    ("finding", include_str!("../schemas/finding.json")),
    ("index", include_str!("../schemas/index.json")),
    ("suite", include_str!("../schemas/suite.json")),
    ("verdict", include_str!("../schemas/verdict.json")),
];

/// Prints one, or the names of all.
pub(crate) fn schema(args: &SchemaArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let Some(name) = &args.name else {
        for (name, _) in SCHEMAS {
            terminal.print(&format!("{name}\n"));
        }
        return Ok(Exit::Pass);
    };
    match SCHEMAS.iter().find(|(known, _)| known == name) {
        Some((_, schema)) => terminal.print(schema),
        None => {
            return Err(Failure::usage(format!(
                "there is no schema {name:?}; there are {}",
                SCHEMAS.map(|(name, _)| name).join(", ")
            )));
        }
    }
    Ok(Exit::Pass)
}
