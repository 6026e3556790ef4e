//! Which adapters were seen to tell the truth: `adapters.json` beside the runs. An adapter is known by what its files say, so
//! that one which was changed must be tested again.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use adapter::{AdapterFile, Means};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::exit::Failure;

/// The place in the folder of runs.
const FILE: &str = "adapters.json";
/// Larger files are not an adapter's own words.
const LARGEST: u64 = 1 << 20;

/// When an adapter passed.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Passed {
    adapter: String,
    passed: DateTime<Utc>,
}

type Known = BTreeMap<String, Passed>;

/// Notes that an adapter passed its test.
pub(crate) fn note(runs: &Path, path: &Path, file: &AdapterFile) -> Result<(), Failure> {
    let place = runs.join(FILE);
    let failed = |e| Failure::infrastructure(format!("cannot write {}: {e}", place.display()));
    let mut known = known(&place);
    let passed = Passed {
        adapter: file.name.clone(),
        passed: Utc::now(),
    };
    known.insert(digest(path, file), passed);
    let text = serde_json::to_string_pretty(&known).expect("plain data always has a JSON form");
    fs::create_dir_all(runs).map_err(failed)?;
    let new = PathBuf::from(format!("{}.{}", place.display(), std::process::id()));
    fs::write(&new, text + "\n").map_err(failed)?;
    fs::rename(&new, &place).map_err(failed)
}

/// Whether an adapter passed its test, as it is now.
pub(crate) fn is_noted(runs: &Path, path: &Path, file: &AdapterFile) -> bool {
    known(&runs.join(FILE)).contains_key(&digest(path, file))
}

/// What is not there, or cannot be read any more, is not known.
fn known(place: &Path) -> Known {
    let text = fs::read_to_string(place).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// The files that an adapter's program is made of, as far as its words name them; of those that are too large, and of those
/// that cannot be read, why not.
pub(crate) fn programs(file: &AdapterFile) -> Vec<(PathBuf, Result<Vec<u8>, String>)> {
    let Means::Stdio(words) = &file.means else {
        return Vec::new();
    };
    let named = words.0.iter().map(|word| file.dir.join(word));
    let files = named.filter_map(|path| {
        let about = fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
        let bytes = match about.len() <= LARGEST {
            true => fs::read(&path).map_err(|e| e.to_string()),
            false => Err(format!("it is larger than {} kB", LARGEST >> 10)),
        };
        Some((path, bytes))
    });
    files.collect()
}

/// Of the file, and of the files that its program is made of as far as its words name them.
fn digest(path: &Path, file: &AdapterFile) -> String {
    let mut digest = Sha256::new();
    let own = fs::read(path).map_err(|e| e.to_string());
    let programs = programs(file).into_iter().map(|(_, bytes)| bytes);
    for bytes in std::iter::once(own).chain(programs).flatten() {
        digest.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(bytes);
    }
    let bytes = digest.finalize();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapter_is_known_until_its_file_or_its_program_changes() {
        let dir = tempfile::tempdir().unwrap();
        let (path, program) = (dir.path().join("x.yaml"), dir.path().join("x.py"));
        fs::write(&path, "adapter: x\nport: 1\nstdio: python3 x.py\n").unwrap();
        fs::write(&program, "1\n").unwrap();
        let runs = dir.path().join("runs");
        let is_noted = || is_noted(&runs, &path, &AdapterFile::read(&path).unwrap());
        assert!(!is_noted());
        note(&runs, &path, &AdapterFile::read(&path).unwrap()).unwrap();
        assert!(is_noted());
        fs::write(&program, "2\n").unwrap();
        assert!(!is_noted());
        fs::write(&program, "1\n").unwrap();
        assert!(is_noted());
        fs::write(&path, "adapter: x\nport: 2\nstdio: python3 x.py\n").unwrap();
        assert!(!is_noted());
        fs::write(runs.join(FILE), "{").unwrap();
        assert!(!is_noted(), "what cannot be read is not known");
    }
}
