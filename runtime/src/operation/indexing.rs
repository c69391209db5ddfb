//! What operations that select by index have in common.

use super::{Failure, Input};
use crate::step::RANK;

/// The place that an index means along a dimension of this size; negative ones
/// count from its end.
pub(super) fn place(index: i64, size: usize) -> Result<usize, Failure> {
    let counted = if index < 0 { index.saturating_add_unsigned(size as u64) } else { index };
    let place = usize::try_from(counted).ok().filter(|&place| place < size);
    place.ok_or(Failure("an index is out of range"))
}

/// The axis that a number means in a tensor of so many dimensions.
pub(super) fn axis(axis: i64, rank: usize) -> Result<usize, Failure> {
    place(axis, rank).map_err(|_| Failure("there is no such dimension"))
}

/// Number of elements; the largest number where that is too small for it.
pub(super) fn product(sizes: &[usize]) -> usize {
    sizes.iter().fold(1, |product: usize, &size| product.saturating_mul(size))
}

/// Sizes one after another.
pub(super) fn joined<'a>(
    pieces: &[&[usize]],
    room: &'a mut [usize; RANK],
) -> Result<&'a mut [usize], Failure> {
    let mut rank = 0;
    for piece in pieces {
        let place = room.get_mut(rank..rank + piece.len());
        place.ok_or(Failure("a result of many dimensions"))?.copy_from_slice(piece);
        rank += piece.len();
    }
    Ok(&mut room[..rank])
}

/// What lies before a dimension, its size, and what lies within one index of
/// it, in elements.
pub(super) fn around(sizes: &[usize], axis: usize) -> Result<[usize; 3], Failure> {
    let size = *sizes.get(axis).ok_or(Failure("there is no such dimension"))?;
    Ok([product(&sizes[..axis]), size, product(&sizes[axis + 1..])])
}

/// Where the part lies that a row of an index tensor names: as many indices as
/// there are sizes, for parts of `inner` elements.
pub(super) fn part(
    indices: &Input<'_>,
    row: usize,
    sizes: &[usize],
    inner: usize,
) -> Result<usize, Failure> {
    let mut offset = 0;
    for (column, &size) in sizes.iter().enumerate() {
        offset = offset * size + place(indices.integer(row * sizes.len() + column)?, size)?;
    }
    Ok(offset * inner)
}

/// Goes over all positions of a tensor row by row, and knows where each lies in
/// another tensor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Odometer<'a> {
    sizes: &'a [usize],
    strides: [usize; RANK],
    position: [usize; RANK],
    offset: usize,
}

impl<'a> Odometer<'a> {
    /// At the first position. An index along a dimension lies `strides` of it
    /// further in the other tensor.
    pub(super) const fn new(sizes: &'a [usize], strides: [usize; RANK]) -> Self {
        Self { sizes, strides, position: [0; RANK], offset: 0 }
    }

    /// The indices of the position.
    pub(super) fn position(&self) -> &[usize] {
        &self.position[..self.sizes.len()]
    }

    /// Where the position lies in the other tensor.
    pub(super) const fn offset(&self) -> usize {
        self.offset
    }

    /// Goes to the next position; after the last one, to the first.
    pub(super) fn advance(&mut self) {
        for (dimension, &size) in self.sizes.iter().enumerate().rev() {
            self.position[dimension] += 1;
            self.offset += self.strides[dimension];
            if self.position[dimension] < size {
                return;
            }
            self.offset -= self.strides[dimension] * self.position[dimension];
            self.position[dimension] = 0;
        }
    }
}

/// The sizes that are the elements of an operand.
pub(super) fn size_list<'a>(
    operand: &Input<'_>,
    room: &'a mut [usize; RANK],
) -> Result<&'a [usize], Failure> {
    let sizes = room.get_mut(..operand.len()).ok_or(Failure("a result of many dimensions"))?;
    for (i, size) in sizes.iter_mut().enumerate() {
        *size = usize::try_from(operand.integer(i)?).map_err(|_| Failure("a size is negative"))?;
    }
    Ok(sizes)
}
