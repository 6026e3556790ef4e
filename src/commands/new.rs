//! `schism new`: a folder with all that a database of one's own needs, to be run as it is and edited afterwards.

use std::{fs, path::Path};

use adapter::{AdapterFile, Address};

use crate::{
    args::NewArgs,
    exit::{Exit, Failure},
    terminal::Terminal,
};

/// A nightly run.
const WORKFLOW: &str = include_str!("../../examples/ci/github.yml");
/// Where the service looks for it.
const WORKFLOW_PLACE: &str = ".github/workflows/nightly.yml";

/// Makes the folder.
pub(crate) fn new(args: &NewArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let at: Address = match (&args.http, &args.at) {
        (Some(url), _) => read("--http", url)?,
        (None, Some(at)) => read("--at", at)?,
        (None, None) => read("--at", "localhost:7000")?,
    };
    let folder = Path::new(&args.name);
    let name = folder
        .file_name()
        .and_then(|n| n.to_str())
        .unwrap_or_default();
    if folder.exists() {
        return Err(Failure::usage(format!(
            "{} is there already; nothing was written",
            folder.display()
        )));
    }
    let how = match &args.stdio {
        Some(words) => format!("stdio: {}\n", quoted(words)),
        None => OPS.to_owned(),
    };
    let adapter =
        format!("adapter: {name}\nport: {}\n{how}{LAUNCH}", at.port).replace("NAME", name);
    let config = CONFIG
        .replace("NAME", name)
        .replace("AT", &quoted(&at.to_string()));
    let file = format!("{name}.yaml");
    let failed = |e| Failure::infrastructure(format!("cannot write to {}: {e}", folder.display()));
    // Beside it first, so that what is no adapter leaves nothing.
    let parent = match folder.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let made = tempfile::tempdir_in(parent).map_err(failed)?;
    let write = |name: &str, text: &str| -> std::io::Result<()> {
        let path = made.path().join(name);
        fs::create_dir_all(path.parent().unwrap_or(made.path()))?;
        fs::write(path, text)
    };
    write(&file, &adapter).map_err(failed)?;
    AdapterFile::read(&made.path().join(&file)).map_err(|e| {
        let said = e.to_string();
        let why = said.split_once(&file).map_or(said.as_str(), |(_, why)| why);
        Failure::usage(format!("{name}{why}"))
    })?;
    write("schism.yaml", &config).map_err(failed)?;
    write(WORKFLOW_PLACE, WORKFLOW).map_err(failed)?;
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(made.path(), readable).map_err(failed)?;
    fs::rename(made.keep(), folder).map_err(failed)?;
    let shown = folder.display();
    terminal.print(&format!(
        "{shown}/{file}: how {name} is asked; edit it until this passes:\n    \
         schism adapter test {shown}/{file} --at {at}\n\
         {shown}/schism.yaml: what is run:\n    cd {shown} && schism run\n\
         {shown}/{WORKFLOW_PLACE}: the same every night\n"
    ));
    Ok(Exit::Pass)
}

fn read(option: &str, text: &str) -> Result<Address, Failure> {
    text.parse()
        .map_err(|e| Failure::usage(format!("{option}: {e}")))
}

/// As a text of YAML, whatever is in it: JSON is YAML.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("text always has a JSON form")
}

const OPS: &str = r#"ops:                    # schism man adapter.yaml has all that can be said here
  read:  { get: "/kv/{key}", value: "$.value", absent: 404 }
  write: { put: "/kv/{key}", json: { value: "{value}" } }
  cas:   { post: "/kv/{key}/cas", json: { from: "{from}", to: "{to}" }, mismatch: [409, 412] }
outcomes:               # the usual ones; whatever is not here may have happened
  ok: 2xx
  fail: [refused, 400, 401, 403, 405]
  info: [timeout, reset, 429, 5xx]
"#;

const LAUNCH: &str = r#"# Say how a node is started, and schism can start the database itself and harm it:
# launch:
#   command: NAME --id {node} --listen {address}:{port} --data {data} --peers {others}
"#;

const CONFIG: &str = r#"version: 1
target:
  adapter: NAME.yaml
  at: [AT]   # nodes that others run: they are asked, and no fault can be had
# Once NAME.yaml says `launch`, take `at` away, and:
# cluster: { lab: 5 }            # five nodes on this machine, as root; or { nodes: [db1, db2, db3] }
# faults: [partition, kill, pause]
workloads:
  register: { keys: 16, rate: 200/s }
run: { time: 30s }
"#;
