//! Walks over strided tensors.

use crate::step::RANK;
use core::ops::Range;

/// Elements of a piece, at least where there are as many.
const PIECE: usize = 8192;

/// Sizes and, for each of `N` tensors, the elements from one index to the
/// next, in the fewest dimensions: those that can be walked as one are joined,
/// and the unused ones stand in front with size 1.
#[derive(Clone, Copy)]
pub(super) struct Walk<const N: usize> {
    pub(super) sizes: [usize; RANK],
    pub(super) strides: [[isize; RANK]; N],
}

impl<const N: usize> Walk<N> {
    /// The walk over these sizes.
    pub(super) fn new(sizes: &[usize; RANK], strides: [[isize; RANK]; N]) -> Self {
        let mut walk = Self { sizes: [1; RANK], strides: [[0; RANK]; N] };
        let mut last = RANK;
        for axis in (0..RANK).rev().filter(|&axis| sizes[axis] != 1) {
            let joins = last < RANK
                && strides.iter().zip(&walk.strides).all(|(strides, joined)| {
                    strides[axis] == joined[last] * walk.sizes[last] as isize
                });
            if joins {
                walk.sizes[last] *= sizes[axis];
            } else {
                last -= 1;
                walk.sizes[last] = sizes[axis];
                for (joined, strides) in walk.strides.iter_mut().zip(&strides) {
                    joined[last] = strides[axis];
                }
            }
        }
        walk
    }

    /// Size of the last dimension.
    pub(super) fn row(&self) -> usize {
        self.sizes[RANK - 1]
    }

    /// Into how many pieces it falls, if a row costs as much as `weight` times
    /// its elements.
    pub(super) fn pieces(&self, weight: usize) -> usize {
        let (rows, parts) = self.piece(weight);
        self.rows().div_ceil(rows) * parts
    }

    /// Calls `each` for every row, or part of a long row, of some pieces with
    /// the row's number and indices, for each tensor the elements from its
    /// first to the first of the row, and the part.
    pub(super) fn visit(
        &self,
        weight: usize,
        pieces: Range<usize>,
        mut each: impl FnMut(usize, &[usize; RANK], [isize; N], Range<usize>),
    ) {
        let (rows, parts) = self.piece(weight);
        for piece in pieces {
            let (first, part) = (piece / parts * rows, piece % parts);
            let length = self.row().div_ceil(parts);
            let columns = (part * length).min(self.row())..((part + 1) * length).min(self.row());
            let mut index = self.index(first);
            let mut offsets = self.offsets(&index);
            for row in first..(first + rows).min(self.rows()) {
                each(row, &index, offsets, columns.clone());
                self.advance(&mut index, &mut offsets);
            }
        }
    }

    fn rows(&self) -> usize {
        if self.row() == 0 { 0 } else { self.sizes[..RANK - 1].iter().product() }
    }

    /// Rows of a piece, and parts of a row.
    fn piece(&self, weight: usize) -> (usize, usize) {
        let row = (self.row() * weight).max(1);
        ((PIECE / row).max(1), (row / PIECE).clamp(1, self.row().max(1)))
    }

    /// The indices of a row.
    fn index(&self, mut row: usize) -> [usize; RANK] {
        let mut index = [0; RANK];
        for axis in (0..RANK - 1).rev() {
            index[axis] = row % self.sizes[axis];
            row /= self.sizes[axis];
        }
        index
    }

    fn advance(&self, index: &mut [usize; RANK], offsets: &mut [isize; N]) {
        for axis in (0..RANK - 1).rev() {
            let wraps = index[axis] + 1 == self.sizes[axis];
            for (offset, strides) in offsets.iter_mut().zip(&self.strides) {
                *offset += strides[axis] * if wraps { -(index[axis] as isize) } else { 1 };
            }
            if !wraps {
                index[axis] += 1;
                break;
            }
            index[axis] = 0;
        }
    }

    fn offsets(&self, index: &[usize; RANK]) -> [isize; N] {
        self.strides.map(|strides| {
            index.iter().zip(strides).map(|(&index, stride)| index as isize * stride).sum()
        })
    }
}

/// Whether the places of a walk that starts at `start` lie in a tensor of
/// `len` elements.
pub(super) fn stays_inside(
    start: usize,
    sizes: &[usize; RANK],
    strides: &[isize; RANK],
    len: usize,
) -> bool {
    let (mut lowest, mut highest) = (start as i128, start as i128);
    for (&size, &stride) in sizes.iter().zip(strides) {
        let Some(last) = size.checked_sub(1) else { return true };
        let reach = (last as i128).saturating_mul(stride as i128);
        lowest = lowest.saturating_add(reach.min(0));
        highest = highest.saturating_add(reach.max(0));
    }
    0 <= lowest && highest < len as i128
}

#[cfg(test)]
mod tests {
    use super::{RANK, Walk, stays_inside};
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[test]
    fn dimensions_that_follow_each_other_are_joined() {
        let sizes = [1, 1, 1, 1, 2, 3, 4, 5];
        let whole = [0, 0, 0, 0, 60, 20, 5, 1];
        let channel = [0, 0, 0, 0, 0, 1, 0, 0];
        let walk = Walk::new(&sizes, [whole]);
        assert_eq!((walk.sizes[RANK - 2], walk.row()), (1, 120));
        let walk = Walk::new(&sizes, [whole, channel]);
        assert_eq!(walk.sizes[RANK - 3..], [2, 3, 20]);
        assert_eq!(walk.strides[1][RANK - 3..], [0, 1, 0]);
    }

    #[test]
    fn strides_that_lead_outside_are_noticed() {
        let sizes = [1, 1, 1, 1, 1, 1, 3, 4];
        let strides = [0, 0, 0, 0, 0, 0, 4, -1];
        assert!(stays_inside(3, &sizes, &strides, 12));
        assert!(!stays_inside(2, &sizes, &strides, 12));
        assert!(!stays_inside(3, &sizes, &strides, 11));
        assert!(!stays_inside(0, &sizes, &[isize::MAX; RANK], usize::MAX));
        assert!(!stays_inside(0, &[usize::MAX; RANK], &[isize::MIN; RANK], usize::MAX));
    }

    proptest! {
        #[test]
        fn every_element_is_visited_once(
            sizes in [1..4usize, 1..4usize, 1..4usize, 1..9usize],
            strides in [-9..9isize, -9..9isize, -9..9isize, -1..3isize],
            weight in prop::sample::select(&[1usize, 64, 3000, 100_000][..]),
        ) {
            let place = |index: [usize; 4]| -> isize {
                index.iter().zip(strides).map(|(&index, stride)| index as isize * stride).sum()
            };
            let indices = (0..sizes[0]).flat_map(|a| (0..sizes[1]).map(move |b| (a, b)));
            let indices = indices.flat_map(|(a, b)| (0..sizes[2]).map(move |c| (a, b, c)));
            let expected: Vec<isize> = indices
                .flat_map(|(a, b, c)| (0..sizes[3]).map(move |d| place([a, b, c, d])))
                .collect();
            let pad = |values: [isize; 4], fill| {
                let mut all = [fill; RANK];
                all[RANK - 4..].copy_from_slice(&values);
                all
            };
            let walk = Walk::new(&pad(sizes.map(|size| size as isize), 1).map(|size| size as usize), [pad(strides, 0)]);
            let mut places = Vec::new();
            let mut numbers = Vec::new();
            walk.visit(weight, 0..walk.pieces(weight), |row, _, [offset], columns| {
                let step = walk.strides[0][RANK - 1];
                numbers.extend(columns.clone().map(|i| row * walk.row() + i));
                places.extend(columns.map(|i| offset + i as isize * step));
            });
            prop_assert_eq!(places, expected);
            prop_assert!(numbers.iter().copied().eq(0..numbers.len()));
        }
    }
}
