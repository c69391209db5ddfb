//! Positions of elements in several tensors at once.

use super::Failure;
use crate::step::RANK;

/// Most dimensions that a [`Walk`] counts through.
pub(super) const DIMENSIONS: usize = 2 * RANK;

/// Counts through dimensions, the last one fastest, and gives for each step the
/// position of an element in each of `N` tensors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk<const N: usize> {
    sizes: [usize; DIMENSIONS],
    strides: [[usize; N]; DIMENSIONS],
    counts: [usize; DIMENSIONS],
    rank: usize,
    position: [usize; N],
    left: usize,
}

impl<const N: usize> Walk<N> {
    /// One step, at these positions.
    pub(super) const fn at(position: [usize; N]) -> Self {
        let (sizes, counts) = ([0; DIMENSIONS], [0; DIMENSIONS]);
        Self { sizes, strides: [[0; N]; DIMENSIONS], counts, rank: 0, position, left: 1 }
    }

    /// Counts through one more dimension, faster than those before, along which
    /// elements are so far apart in each tensor.
    ///
    /// # Errors
    /// Where there are too many dimensions or steps.
    pub(super) fn through(mut self, size: usize, strides: [usize; N]) -> Result<Self, Failure> {
        let left = self.left.checked_mul(size).ok_or(Failure("there are too many elements"))?;
        if self.rank == DIMENSIONS {
            return Err(Failure("there are too many dimensions"));
        }
        self.sizes[self.rank] = size;
        self.strides[self.rank] = strides;
        self.rank += 1;
        self.left = left;
        Ok(self)
    }

    /// The same dimensions, from other positions on.
    pub(super) const fn from(mut self, position: [usize; N]) -> Self {
        self.position = position;
        self
    }
}

impl<const N: usize> Iterator for Walk<N> {
    type Item = [usize; N];

    fn next(&mut self) -> Option<[usize; N]> {
        self.left = self.left.checked_sub(1)?;
        let position = self.position;
        for dimension in (0..self.rank).rev() {
            let (size, strides) = (self.sizes[dimension], &self.strides[dimension]);
            self.counts[dimension] += 1;
            if self.counts[dimension] < size {
                for (position, stride) in self.position.iter_mut().zip(strides) {
                    *position += stride;
                }
                break;
            }
            self.counts[dimension] = 0;
            for (position, stride) in self.position.iter_mut().zip(strides) {
                *position -= stride * (size - 1);
            }
        }
        Some(position)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

/// Number of elements, where a tensor has these dimensions among others. Wraps
/// where it is absurd, which only happens beside a dimension of 0.
pub(super) fn count(sizes: &[usize]) -> usize {
    sizes.iter().fold(1, |count, &size| count.wrapping_mul(size))
}

/// How far apart elements are along each dimension of a tensor of these sizes.
pub(super) fn strides(sizes: &[usize]) -> [usize; RANK] {
    let mut strides = [0; RANK];
    let mut stride = 1usize;
    for (place, &size) in strides.iter_mut().zip(sizes).rev() {
        *place = stride;
        stride = stride.saturating_mul(size);
    }
    strides
}

/// How far apart elements of a tensor of these sizes are along each of `rank`
/// dimensions that it is broadcast to: not at all along those it lacks.
pub(super) fn broadcast(sizes: &[usize], rank: usize) -> Result<[usize; RANK], Failure> {
    let missing = rank.checked_sub(sizes.len()).filter(|_| rank <= RANK);
    let missing = missing.ok_or(Failure("an operand has too many dimensions"))?;
    let mut placed = [0; RANK];
    let own = strides(sizes);
    for (place, (&size, stride)) in placed[missing..].iter_mut().zip(sizes.iter().zip(own)) {
        *place = if size == 1 { 0 } else { stride };
    }
    Ok(placed)
}

/// The sizes that tensors of these sizes are broadcast to.
pub(super) fn together(a: &[usize], b: &[usize]) -> Result<([usize; RANK], usize), Failure> {
    let rank = a.len().max(b.len());
    let mut sizes = [1; RANK];
    if rank > RANK {
        return Err(Failure("an operand has too many dimensions"));
    }
    sizes[rank - a.len()..rank].copy_from_slice(a);
    for (size, &other) in sizes[rank - b.len()..rank].iter_mut().zip(b) {
        match (*size, other) {
            (1, _) => *size = other,
            (_, 1) => {}
            (a, b) if a == b => {}
            _ => return Err(Failure("the operands cannot be broadcast together")),
        }
    }
    Ok((sizes, rank))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_last_dimension_fastest() {
        let walk = Walk::at([5, 0]).through(2, [0, 3]).unwrap().through(3, [1, 1]).unwrap();
        let positions: [[usize; 2]; 6] = [[5, 0], [6, 1], [7, 2], [5, 3], [6, 4], [7, 5]];
        assert!(walk.eq(positions));
        assert!(walk.from([1, 0]).map(|[first, _]| first).eq([1, 2, 3, 1, 2, 3]));
        assert_eq!(Walk::at([0]).count(), 1);
        assert_eq!(walk.through(0, [1, 1]).unwrap().count(), 0);
        assert!(Walk::at([0]).through(usize::MAX, [1]).unwrap().through(2, [1]).is_err());
    }

    #[test]
    fn sizes_of_one_are_repeated() {
        assert_eq!(strides(&[2, 3, 4])[..4], [12, 4, 1, 0]);
        assert_eq!(broadcast(&[3, 1], 3).unwrap()[..3], [0, 1, 0]);
        assert_eq!(together(&[2, 1], &[4, 1, 3]).unwrap().0[..3], [4, 2, 3]);
        assert!(together(&[2], &[3]).is_err());
    }
}
