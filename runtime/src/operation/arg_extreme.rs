//! Where along a dimension the largest or smallest element is.

use super::indexing::{around, joined};
use super::order::is_nan;
use super::{Failure, Input, Native, Operation, Output, with_type};
use crate::step::RANK;

description! {
    /// `ArgMax` and `ArgMin`. NaN counts as what is looked for.
    pub struct ArgExtreme {
        /// The dimension along which elements are compared.
        pub axis: usize,
        /// Whether the largest is wanted, not the smallest.
        pub largest: bool,
        /// Whether the dimension stays, of size 1.
        pub keep: bool,
        /// Whether the last one of equal elements is taken, not the first.
        pub last: bool,
    }
}

impl Operation for ArgExtreme {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data)] = inputs else { return Err(Failure("expected one operand")) };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let [_, size, inner] = around(data.sizes(), self.axis)?;
        let (before, after) = (&data.sizes()[..self.axis], &data.sizes()[self.axis + 1..]);
        let kept: &[usize] = if self.keep { &[1] } else { &[] };
        let mut room = [0; RANK];
        let indices = output.resize::<i64>(joined(&[before, kept, after], &mut room)?)?;
        if indices.is_empty() {
            return Ok(());
        }
        if size == 0 {
            return Err(Failure("of no elements, none is the largest or smallest"));
        }
        with_type!(data.element(), T: numbers => {
            let blocks = data.values::<T>()?.chunks_exact(size * inner);
            for (indices, block) in indices.chunks_exact_mut(inner).zip(blocks) {
                indices.fill(0);
                for (row, values) in block.chunks_exact(inner).enumerate().skip(1) {
                    for (column, (best, &value)) in indices.iter_mut().zip(values).enumerate() {
                        if self.replaces(block[*best as usize * inner + column], value) {
                            *best = row as i64;
                        }
                    }
                }
            }
        });
        Ok(())
    }
}

impl ArgExtreme {
    /// Whether a later element is taken instead of one before.
    fn replaces<T: Native>(&self, old: T, new: T) -> bool {
        match (is_nan(old), is_nan(new)) {
            (true, later) => self.last && later,
            (false, true) => true,
            _ if new == old => self.last,
            _ => (new > old) == self.largest,
        }
    }
}
