//! Which chunks of a file are a node's to damage.

/// A node's share of every file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stripe {
    /// Bytes of a chunk.
    pub(super) chunk: u64,
    pub(super) index: u64,
    pub(super) of: u64,
}

/// Bytes `start..end` of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) start: u64,
    pub(super) end: u64,
}

impl Stripe {
    /// All chunks of a file of this length, with whether they are of this stripe; the last one may be short.
    pub(super) fn chunks(self, length: u64) -> impl Iterator<Item = (Chunk, bool)> {
        let count = length.div_ceil(self.chunk);
        (0..count).map(move |number| {
            let start = number * self.chunk;
            let end = length.min(start + self.chunk);
            (Chunk { start, end }, number % self.of == self.index)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chunk_is_whole_on_all_nodes_but_one() {
        let own = |index, of| {
            let stripe = Stripe {
                chunk: 10,
                index,
                of,
            };
            let chunks = stripe.chunks(95).filter(|(_, own)| *own);
            chunks
                .map(|(chunk, _)| (chunk.start, chunk.end))
                .collect::<Vec<_>>()
        };
        assert_eq!(own(2, 3), [(20, 30), (50, 60), (80, 90)]);
        assert_eq!(own(1, 5), [(10, 20), (60, 70)]);
        assert_eq!(own(0, 3).last(), Some(&(90, 95)));
        let mut all: Vec<_> = (0..3).flat_map(|index| own(index, 3)).collect();
        all.sort_unstable();
        assert_eq!(all, own(0, 1));
        assert_eq!(
            Stripe {
                chunk: 10,
                index: 0,
                of: 1
            }
            .chunks(0)
            .count(),
            0
        );
    }
}
