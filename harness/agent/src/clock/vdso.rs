//! The vDSO: a small shared library that the kernel maps into every process, so that asking for the time needs no system call.
//!
//! All processes of one kind have the same image, at different addresses; ours is the pristine one that theirs is compared
//! with and mended from. Writing to it through `/proc/PID/mem` gives the process a private copy of the page: nobody else
//! sees a difference, children inherit it, and `execve` begins afresh.

use std::{fs, io, ops::Range};

use object::{
    Endianness, Object, ObjectSegment, ObjectSymbol,
    read::elf::{ElfFile64, FileHeader},
};

use super::shim::{self, STATE, Shim, State};

/// Bytes of an image, and where they go.
pub(super) type Piece = (usize, Vec<u8>);

/// The image as the kernel made it, and how it is to be changed.
pub(super) struct Vdso {
    image: Vec<u8>,
    shim: Shim,
    /// What leads into the shim, at the way into each function.
    detours: Vec<Piece>,
    /// Where the shim goes: behind everything that the image needs.
    at: usize,
}

/// What an image is, to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// As the kernel made it.
    Pristine,
    /// Its functions are the kernel's, but there is something where the shim goes: what is left of one, if it can be read.
    Littered(Option<State>),
    /// Changed by us.
    Ours(State),
}

impl Vdso {
    /// This process's own.
    pub(super) fn own() -> io::Result<Self> {
        let place = mapping("self")?
            .ok_or_else(|| io::Error::other("this kernel gives its processes no vDSO"))?;
        let mut image = vec![0; usize::try_from(place.end - place.start).unwrap_or(0)];
        let memory = fs::File::open("/proc/self/mem")?;
        std::os::unix::fs::FileExt::read_exact_at(&memory, &mut image, place.start)?;
        Self::new(image, shim::shim()).map_err(io::Error::other)
    }

    fn new(image: Vec<u8>, shim: Shim) -> Result<Self, String> {
        let elf = ElfFile64::<Endianness>::parse(&*image).map_err(|e| format!("the vDSO: {e}"))?;
        let machine = elf.elf_header().e_machine(elf.endian());
        if machine != shim::MACHINE {
            return Err(format!("the vDSO is for another machine ({})", machine.0));
        }
        let at = place(&elf, image.len(), shim.code.len())?;
        let mut detours = Vec::new();
        for (name, function) in &shim.functions {
            let symbol = elf.dynamic_symbols().find(|s| s.name() == Ok(*name));
            let from = symbol.ok_or_else(|| format!("the vDSO has no {name}"))?;
            let from = usize::try_from(from.address()).unwrap_or(usize::MAX);
            let jump = shim::detour(from, at + function)
                .filter(|jump| from.checked_add(jump.len()).is_some_and(|end| end <= at))
                .ok_or_else(|| format!("{name} cannot be led elsewhere"))?;
            detours.push((from, jump));
        }
        Ok(Self {
            shim,
            detours,
            at,
            image,
        })
    }

    /// How many bytes the mapping has.
    pub(super) fn len(&self) -> usize {
        self.image.len()
    }

    /// Where the state of a changed image is.
    pub(super) fn state(&self) -> usize {
        self.at + self.shim.state()
    }

    /// Where a function is, for those who call it in a copy of the image.
    pub(super) fn clock_gettime(&self) -> usize {
        self.detours[0].0
    }

    /// What an image is. `Err` if somebody else has changed it, or if it is of another kind than ours.
    pub(super) fn condition(&self, image: &[u8]) -> Result<Condition, String> {
        if image.len() != self.image.len() {
            return Err("its vDSO is not like ours: a 32-bit program?".into());
        }
        let led = self
            .detours
            .iter()
            .filter(|(from, jump)| image[*from..].starts_with(jump))
            .count();
        let mut expected = self.image.clone();
        let room = self.room();
        expected[room.clone()].copy_from_slice(&image[room.clone()]);
        if led > 0 {
            for (from, jump) in &self.detours {
                expected[*from..*from + jump.len()].copy_from_slice(jump);
            }
        }
        if expected != image {
            return Err(
                "its vDSO has been changed by something else, such as another fault injector"
                    .into(),
            );
        }
        let code = &self.shim.code[..self.shim.state()];
        let state = State::decode(&image[self.state()..self.state() + STATE]);
        match state {
            Some(state) if led > 0 && image[self.at..].starts_with(code) => {
                Ok(Condition::Ours(state))
            }
            _ if led > 0 => Err("its vDSO has a shim of another version of schism".into()),
            _ if image[room.clone()] == self.image[room] => Ok(Condition::Pristine),
            state => Ok(Condition::Littered(state)),
        }
    }

    /// Where the shim goes.
    fn room(&self) -> Range<usize> {
        self.at..self.at + self.shim.code.len()
    }

    /// The shim with its state; to be written before the detours.
    pub(super) fn shim(&self, state: &State) -> Piece {
        let mut code = self.shim.code.to_vec();
        let at = self.shim.state();
        code[at..].copy_from_slice(&state.encode());
        (self.at, code)
    }

    /// What leads into the shim.
    pub(super) fn detours(&self) -> &[Piece] {
        &self.detours
    }

    /// What was there instead.
    pub(super) fn originals(&self) -> Vec<Piece> {
        let original =
            |(from, jump): &Piece| (*from, self.image[*from..*from + jump.len()].to_vec());
        self.detours.iter().map(original).collect()
    }

    /// What was where the shim is.
    pub(super) fn nothing(&self) -> Piece {
        (self.at, self.image[self.room()].to_vec())
    }

    /// Whether a thread at this place of the image is in the middle of what the detours overwrite, or of a detour.
    pub(super) fn in_a_way_in(&self, at: usize) -> bool {
        let inside = |(from, jump): &Piece| *from < at && at < from + jump.len();
        self.detours.iter().any(inside)
    }

    /// Whether a thread at this place of the image is in the shim.
    pub(super) fn in_shim(&self, at: usize) -> bool {
        self.room().contains(&at)
    }
}

/// The first place behind all of the image, or behind what the program itself uses, where so much fits and nothing is.
fn place(elf: &ElfFile64<'_>, mapped: usize, length: usize) -> Result<usize, String> {
    let segments = elf.segments().map(|s| s.address() + s.size()).max();
    let header = elf.elf_header();
    let endian = elf.endian();
    let sections = header.e_shoff(endian)
        + u64::from(header.e_shnum(endian)) * u64::from(header.e_shentsize(endian));
    let segments = segments.ok_or("the vDSO has no segments")?;
    let room = |end: u64| {
        let at = usize::try_from(end).ok()?.next_multiple_of(64);
        (at.checked_add(length)? <= mapped).then_some(at)
    };
    // Section headers are for debuggers; nothing that runs reads them.
    room(segments.max(sections))
        .or_else(|| room(segments))
        .ok_or_else(|| "the vDSO leaves no room behind its code".to_owned())
}

/// Where a process has its vDSO; `None` if it has none, as threads of the kernel.
pub(super) fn mapping(process: &str) -> io::Result<Option<Range<u64>>> {
    let maps = fs::read_to_string(format!("/proc/{process}/maps"))?;
    let line = maps.lines().find(|line| line.ends_with("[vdso]"));
    let range = line.and_then(|line| {
        let (low, high) = line.split_once(' ')?.0.split_once('-')?;
        let hex = |text| u64::from_str_radix(text, 16).ok();
        Some(hex(low)?..hex(high)?)
    });
    Ok(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(vdso: &Vdso, pieces: &[Piece]) -> Vec<u8> {
        let mut image = vdso.image.clone();
        for (at, bytes) in pieces {
            image[*at..*at + bytes.len()].copy_from_slice(bytes);
        }
        image
    }

    #[test]
    fn our_own_is_pristine_and_has_room() {
        let vdso = Vdso::own().unwrap();
        assert_eq!(vdso.condition(&vdso.image), Ok(Condition::Pristine));
        assert!(vdso.image[vdso.room()].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn a_change_of_ours_is_known_and_taken_back_whole() {
        let vdso = Vdso::own().unwrap();
        let state = State {
            turn: 0,
            name: "f1".into(),
            skew: super::super::skew::Skew::new(5, 0.0, 0),
        };
        let mut pieces = vec![vdso.shim(&state)];
        pieces.extend_from_slice(vdso.detours());
        let image = changed(&vdso, &pieces);
        assert_eq!(vdso.condition(&image), Ok(Condition::Ours(state.clone())));
        pieces.extend(vdso.originals());
        assert_eq!(
            vdso.condition(&changed(&vdso, &pieces)),
            Ok(Condition::Littered(Some(state)))
        );
        pieces.push(vdso.nothing());
        assert_eq!(changed(&vdso, &pieces), vdso.image);
    }

    #[test]
    fn a_change_of_somebody_else_is_not_touched() {
        let vdso = Vdso::own().unwrap();
        let mut image = vdso.image.clone();
        image[vdso.clock_gettime()] ^= 0xff;
        assert!(
            vdso.condition(&image)
                .unwrap_err()
                .contains("something else")
        );
        assert!(vdso.condition(&image[1..]).unwrap_err().contains("32-bit"));
        assert!(Vdso::new(vec![0; 8192], shim::shim()).is_err());
    }
}
