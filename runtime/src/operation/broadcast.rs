//! Operands of several sizes, brought to one.

use super::{Failure, Input, Native, Output};
use crate::step::RANK;
use core::ops::Range;

/// How operands are repeated so that all have the same sizes: they are aligned
/// at the last dimension, and what is missing or 1 is repeated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Broadcast<const N: usize> {
    sizes: [usize; RANK],
    rank: usize,
    /// Elements from one index to the next; 0 repeats.
    strides: [[usize; RANK]; N],
}

/// A run of elements that lie side by side in the result, and evenly spaced in
/// each operand.
#[derive(Clone, Debug)]
pub(super) struct Run<const N: usize> {
    /// The elements of the result.
    pub(super) places: Range<usize>,
    /// Where each operand starts.
    pub(super) starts: [usize; N],
    /// Elements of each operand from one to the next.
    pub(super) steps: [usize; N],
}

impl<const N: usize> Run<N> {
    /// The element of an operand that belongs to the element of the result this
    /// far into the run.
    pub(super) const fn at(&self, operand: usize, index: usize) -> usize {
        self.starts[operand] + index * self.steps[operand]
    }
}

/// Sizes that two operands are broadcast to; `sizes` holds the first.
pub(super) fn widen(sizes: &mut [usize], other: &[usize]) -> Result<(), Failure> {
    let missing = sizes.len().saturating_sub(other.len());
    for (size, &other) in sizes.iter_mut().skip(missing).zip(other) {
        *size = match (*size, other) {
            (size, 1) => size,
            (1, other) => other,
            (size, other) if size == other => size,
            _ => return Err(Failure("operands cannot be broadcast together")),
        };
    }
    Ok(())
}

impl<const N: usize> Broadcast<N> {
    /// Operands of these sizes.
    pub(super) fn new(operands: [&[usize]; N]) -> Result<Self, Failure> {
        let rank = operands.iter().map(|sizes| sizes.len()).max().unwrap_or(0);
        if rank > RANK {
            return Err(Failure("an operand has too many dimensions"));
        }
        let mut sizes = [1; RANK];
        let mut strides = [[0; RANK]; N];
        for (operand, strides) in operands.iter().zip(&mut strides) {
            widen(&mut sizes[..rank], operand)?;
            let mut stride = 1usize;
            let own = operand.iter().zip(&mut strides[rank - operand.len()..rank]);
            for (&size, place) in own.rev() {
                *place = if size == 1 { 0 } else { stride };
                stride = stride.saturating_mul(size);
            }
        }
        Ok(Self { sizes, rank, strides })
    }

    /// Sizes of the result.
    pub(super) fn sizes(&self) -> &[usize] {
        &self.sizes[..self.rank]
    }

    /// How many outer dimensions remain when inner ones are joined to runs, and
    /// the length and the steps of these.
    fn runs(&self) -> (usize, usize, [usize; N]) {
        let (mut len, mut steps) = (1usize, [0; N]);
        for outer in (0..self.rank).rev() {
            let size = self.sizes[outer];
            let own = core::array::from_fn(|operand: usize| self.strides[operand][outer]);
            if len == 1 {
                steps = own;
            } else if size != 1
                && own.iter().zip(&steps).any(|(&own, &step)| Some(own) != len.checked_mul(step))
            {
                return (outer + 1, len, steps);
            }
            len = len.saturating_mul(size);
        }
        (0, len, steps)
    }

    /// Visits all elements of the result in their order, run by run.
    pub(super) fn visit(
        &self,
        mut visit: impl FnMut(Run<N>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if self.sizes().contains(&0) {
            return Ok(());
        }
        let (outer, len, steps) = self.runs();
        let mut index = [0; RANK];
        let mut starts = [0; N];
        let mut place = 0;
        loop {
            visit(Run { places: place..place + len, starts, steps })?;
            place += len;
            let mut dimension = outer;
            loop {
                let Some(next) = dimension.checked_sub(1) else { return Ok(()) };
                dimension = next;
                index[dimension] += 1;
                let wraps = index[dimension] == self.sizes[dimension];
                for (start, strides) in starts.iter_mut().zip(&self.strides) {
                    match wraps {
                        true => *start -= strides[dimension] * (index[dimension] - 1),
                        false => *start += strides[dimension],
                    }
                }
                if !wraps {
                    break;
                }
                index[dimension] = 0;
            }
        }
    }
}

/// `result = function(left, right)` with broadcasting.
pub(super) fn combine<A: Native, B: Native, C: Native>(
    left: &Input<'_>,
    right: &Input<'_>,
    result: &mut Output<'_>,
    function: impl Fn(A, B) -> Result<C, Failure>,
) -> Result<(), Failure> {
    let broadcast = Broadcast::new([left.sizes(), right.sizes()])?;
    let (left, right) = (left.values::<A>()?, right.values::<B>()?);
    let result = result.resize::<C>(broadcast.sizes())?;
    broadcast.visit(|run| {
        for (i, place) in result[run.places.clone()].iter_mut().enumerate() {
            *place = function(left[run.at(0, i)], right[run.at(1, i)])?;
        }
        Ok(())
    })
}

/// `result = function(input)`, of the same sizes.
pub(super) fn map<A: Native, B: Native>(
    input: &Input<'_>,
    result: &mut Output<'_>,
    function: impl Fn(A) -> B,
) -> Result<(), Failure> {
    let result = result.resize::<B>(input.sizes())?;
    for (place, &value) in result.iter_mut().zip(input.values::<A>()?) {
        *place = function(value);
    }
    Ok(())
}

/// The operands of an operation that takes just these, none left out.
pub(super) fn operands<'a, 'b, const N: usize>(
    inputs: &'b [Option<Input<'a>>],
) -> Result<[&'b Input<'a>; N], Failure> {
    let wrong = Failure("an operation has another number of operands than it takes");
    let inputs: &[Option<Input<'a>>; N] = inputs.try_into().map_err(|_| wrong)?;
    let Some(Some(first)) = inputs.first() else { return Err(wrong) };
    let mut operands = [first; N];
    for (operand, input) in operands.iter_mut().zip(inputs) {
        *operand = input.as_ref().ok_or(wrong)?;
    }
    Ok(operands)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The elements of each operand that belong to each of the result.
    fn elements<const N: usize>(operands: [&[usize]; N]) -> (usize, [[usize; N]; 24]) {
        let mut found = [[0; N]; 24];
        let mut runs = 0;
        let broadcast = Broadcast::new(operands).unwrap();
        let visited = broadcast.visit(|run| {
            runs += 1;
            for (i, place) in found[run.places.clone()].iter_mut().enumerate() {
                *place = core::array::from_fn(|operand| run.at(operand, i));
            }
            Ok(())
        });
        visited.unwrap();
        (runs, found)
    }

    #[test]
    fn what_is_missing_or_one_is_repeated() {
        let (runs, found) = elements([&[2, 3, 4], &[3, 1]]);
        assert_eq!(runs, 6);
        for (place, &[left, right]) in found.iter().enumerate() {
            assert_eq!((left, right), (place, place / 4 % 3));
        }
        let (_, found) = elements([&[3, 1, 1], &[2, 4]]);
        for (place, &[left, right]) in found.iter().enumerate() {
            assert_eq!((left, right), (place / 8, place % 8));
        }
    }

    #[test]
    fn equal_sizes_are_one_run() {
        assert_eq!(elements([&[2, 3, 4], &[2, 3, 4]]).0, 1);
        assert_eq!(elements([&[2, 3, 4], &[]]).0, 1);
        assert_eq!(elements([&[1, 2, 1, 12], &[2, 1, 12]]).0, 1);
        assert_eq!(elements([&[1, 2, 1, 12], &[1, 12], &[12]]).0, 2);
    }

    #[test]
    fn nothing_is_visited_where_a_size_is_zero() {
        let broadcast = Broadcast::new([&[2, 0, 3], &[1, 3]]).unwrap();
        assert_eq!(broadcast.sizes(), [2, 0, 3]);
        assert_eq!(broadcast.visit(|_| Err(Failure("visited"))), Ok(()));
        assert!(Broadcast::new([&[2], &[0]]).is_err() && Broadcast::new([&[2], &[3]]).is_err());
    }
}
