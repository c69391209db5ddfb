//! How the work on a channel-blocked tensor falls into pieces.

use crate::step::{Blocked, LANES};
use core::ops::Range;

/// Elements of a strip, at least: what a core reads and writes in about a
/// microsecond.
const STRIP: usize = 8192;

/// Pieces of whole rows of one channel block of one picture.
pub(super) struct Strips {
    pictures: usize,
    blocks: usize,
    height: usize,
    rows: usize,
}

/// One piece.
pub(super) struct Strip {
    pub(super) picture: usize,
    pub(super) block: usize,
    pub(super) rows: Range<usize>,
}

impl Strips {
    /// The pieces of a tensor.
    pub(super) fn of(tensor: &Blocked) -> Self {
        let rows = STRIP.div_ceil((tensor.width * LANES).max(1)).clamp(1, tensor.height.max(1));
        Self { pictures: tensor.batch, blocks: tensor.blocks(), height: tensor.height, rows }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.pictures * self.blocks * self.of_plane()
    }

    /// One of them.
    pub(super) fn get(&self, piece: usize) -> Strip {
        let (plane, strip) = (piece / self.of_plane(), piece % self.of_plane());
        let first = strip * self.rows;
        Strip {
            picture: plane / self.blocks,
            block: plane % self.blocks,
            rows: first..(first + self.rows).min(self.height),
        }
    }

    fn of_plane(&self) -> usize {
        self.height.div_ceil(self.rows)
    }
}
