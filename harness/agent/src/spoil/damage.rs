//! Choosing what to damage, and doing it. All reading and choosing comes first, then the record, and last the damage, so
//! that whatever is interrupted where, undo finds all it needs.

use std::{fs::File, path::PathBuf, thread, time::Duration};

use rand::{RngExt, SeedableRng, seq::IndexedRandom};
use rand_pcg::Pcg64;

use super::{
    files,
    layout::{Chunk, Stripe},
    record::{self, Piece},
    request::{Damage, PIECE, Request},
    undo::{self, Now},
};
use crate::answer::Failure;

/// The most that is read into memory and written to the record.
const LIMIT: u64 = 256 << 20;

/// A file and its chunks with data: those of the stripe, and the others.
struct Candidate {
    path: PathBuf,
    file: File,
    own: Vec<Chunk>,
    others: Vec<Chunk>,
}

/// Damages what was asked for, and says what.
pub(super) fn apply(request: &Request) -> Result<String, Failure> {
    request.check()?;
    let mut rng = Pcg64::seed_from_u64(request.seed);
    let candidates = candidates(request)?;
    let chosen = choose(request, &candidates, &mut rng)?;
    let mut pieces = Vec::new();
    match request.damage {
        Damage::Flip { bits } => {
            for (candidate, chunk) in chosen {
                pieces.extend(flipped(candidate, chunk, bits, &mut rng)?);
            }
        }
        Damage::Truncate { bytes } => {
            for (candidate, chunk) in chosen {
                pieces.push(cut(candidate, chunk, bytes)?);
            }
        }
        Damage::Misplace {} => {
            for (candidate, chunk) in chosen {
                pieces.extend(misplaced(request, candidate, chunk, &mut rng)?);
            }
        }
        Damage::Stale { after_ms } => pieces = stale(&chosen, Duration::from_millis(after_ms))?,
    }
    // The end of a file that was shortened meanwhile.
    pieces.retain(|piece| !piece.before.is_empty());
    if pieces.is_empty() {
        return Err(Failure(match request.damage {
            Damage::Stale { .. } => {
                "nothing of it has changed meanwhile: an old copy would be no damage".into()
            }
            _ => "nothing of it could be damaged: what would be put there is there already".into(),
        }));
    }
    record::save(&request.record, &pieces)?;
    strike(request, &pieces)
}

/// Does it. What the system has written since it was read stays as it is: undo could not give it back.
fn strike(request: &Request, pieces: &[Piece]) -> Result<String, Failure> {
    let (mut done, mut bytes) = (0_usize, 0_usize);
    let mut places = Vec::new();
    for piece in pieces {
        let Some(file) = files::open(&piece.file)? else {
            continue;
        };
        if undo::now(&file, piece)? == Now::Whole {
            undo::put(&file, piece, &piece.after)?;
            done += 1;
            bytes += piece.before.len();
            if places.len() < 8 {
                places.push(format!("{}@{}", piece.file.display(), piece.at));
            }
        }
    }
    if done == 0 {
        record::remove(&request.record)?;
        return Err(Failure(
            "the system wrote all of it again before it could be damaged".into(),
        ));
    }
    let more = done - places.len();
    let more = if more == 0 {
        String::new()
    } else {
        format!(" and {more} more")
    };
    Ok(format!(
        "{done} pieces of {bytes} bytes: {}{more}",
        places.join(" ")
    ))
}

fn candidates(request: &Request) -> Result<Vec<Candidate>, Failure> {
    let stripe = Stripe {
        chunk: request.chunk,
        index: request.index,
        of: request.of,
    };
    let mut candidates = Vec::new();
    for path in files::named(request)? {
        let Some(file) = files::open(&path)? else {
            continue;
        };
        let length = file
            .metadata()
            .map_err(Failure::io("looking at", &path))?
            .len();
        let (mut own, mut others) = (Vec::new(), Vec::new());
        for (chunk, ours) in stripe.chunks(length) {
            let last = chunk.end == length;
            if matches!(request.damage, Damage::Truncate { .. }) && !(ours && last) {
                continue;
            }
            if files::read(&file, &path, chunk)?
                .iter()
                .any(|byte| *byte != 0)
            {
                if ours { &mut own } else { &mut others }.push(chunk);
            }
        }
        candidates.push(Candidate {
            path,
            file,
            own,
            others,
        });
    }
    Ok(candidates)
}

/// Draws for each chunk of the stripe; if all are spared, one is taken nevertheless.
fn choose<'a>(
    request: &Request,
    candidates: &'a [Candidate],
    rng: &mut Pcg64,
) -> Result<Vec<(&'a Candidate, Chunk)>, Failure> {
    let all: Vec<(&Candidate, Chunk)> = candidates
        .iter()
        .flat_map(|candidate| candidate.own.iter().map(move |chunk| (candidate, *chunk)))
        .collect();
    let last_resort = all.choose(rng).copied().ok_or_else(|| {
        Failure(format!(
            "of {} files no chunk of {} bytes with data in it is this node's (stripe {} of {}): smaller chunks may help",
            candidates.len(),
            request.chunk,
            request.index,
            request.of
        ))
    })?;
    let mut chosen: Vec<_> = all
        .into_iter()
        .filter(|_| rng.random_bool(request.probability))
        .collect();
    if chosen.is_empty() {
        chosen.push(last_resort);
    }
    let bytes: u64 = chosen
        .iter()
        .map(|(_, chunk)| chunk.end - chunk.start)
        .sum();
    if bytes > LIMIT {
        return Err(Failure(format!(
            "{} MiB would be damaged, and at most {} are: a lower probability or fewer files may help",
            bytes >> 20,
            LIMIT >> 20
        )));
    }
    Ok(chosen)
}

/// Flips bits in pieces that hold data.
fn flipped(
    candidate: &Candidate,
    chunk: Chunk,
    bits: u32,
    rng: &mut Pcg64,
) -> Result<Vec<Piece>, Failure> {
    let bytes = files::read(&candidate.file, &candidate.path, chunk)?;
    let with_data: Vec<usize> = bytes
        .chunks(PIECE as usize)
        .enumerate()
        .filter(|(_, piece)| piece.iter().any(|byte| *byte != 0))
        .map(|(number, _)| number * PIECE as usize)
        .collect();
    let mut after = bytes.clone();
    for _ in 0..bits {
        // Zeroed meanwhile: there is nothing left to damage.
        let Some(start) = with_data.choose(rng) else {
            break;
        };
        let end = after.len().min(start + PIECE as usize);
        let at = rng.random_range(*start..end);
        after[at] ^= 1 << rng.random_range(0..8_u32);
    }
    Ok(differences(candidate, chunk.start, &bytes, &after))
}

/// Cuts off the end of a file, within its last chunk.
fn cut(candidate: &Candidate, chunk: Chunk, bytes: u64) -> Result<Piece, Failure> {
    let at = chunk.start.max(chunk.end.saturating_sub(bytes));
    let tail = Chunk { start: at, ..chunk };
    Ok(Piece {
        file: candidate.path.clone(),
        at,
        before: files::read(&candidate.file, &candidate.path, tail)?,
        after: Vec::new(),
    })
}

/// Overwrites a chunk by another one.
fn misplaced(
    request: &Request,
    candidate: &Candidate,
    chunk: Chunk,
    rng: &mut Pcg64,
) -> Result<Vec<Piece>, Failure> {
    let sources = if request.of == 1 {
        &candidate.own
    } else {
        &candidate.others
    };
    let sources: Vec<Chunk> = sources.iter().copied().filter(|c| *c != chunk).collect();
    let Some(source) = sources.choose(rng) else {
        return Ok(Vec::new());
    };
    let read = |chunk| files::read(&candidate.file, &candidate.path, chunk);
    Ok(differences(
        candidate,
        chunk.start,
        &read(chunk)?,
        &read(*source)?,
    ))
}

/// Waits, and takes what has changed meanwhile back to what it was.
fn stale(chosen: &[(&Candidate, Chunk)], wait: Duration) -> Result<Vec<Piece>, Failure> {
    let read = |candidate: &Candidate, chunk| files::read(&candidate.file, &candidate.path, chunk);
    let old: Vec<Vec<u8>> = chosen
        .iter()
        .map(|(candidate, chunk)| read(candidate, *chunk))
        .collect::<Result<_, _>>()?;
    thread::sleep(wait);
    let mut pieces = Vec::new();
    for ((candidate, chunk), old) in chosen.iter().zip(old) {
        let new = read(candidate, *chunk)?;
        pieces.extend(differences(candidate, chunk.start, &new, &old));
    }
    Ok(pieces)
}

/// The pieces in which two versions differ, as far as both go.
fn differences(candidate: &Candidate, start: u64, before: &[u8], after: &[u8]) -> Vec<Piece> {
    let common = before.len().min(after.len());
    let versions = before[..common]
        .chunks(PIECE as usize)
        .zip(after[..common].chunks(PIECE as usize));
    versions
        .enumerate()
        .filter(|(_, (before, after))| before != after)
        .map(|(number, (before, after))| Piece {
            file: candidate.path.clone(),
            at: start + number as u64 * PIECE,
            before: before.to_vec(),
            after: after.to_vec(),
        })
        .collect()
}
