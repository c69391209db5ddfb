//! Sums of products that letters describe.

use super::accumulate::Accumulator;
use super::walk::{DIMENSIONS, Walk, strides};
use super::{Failure, Input, Native, Operation, Output, with_type};
use crate::step::RANK;

/// Most operands of an [`Einsum`].
pub(super) const OPERANDS: usize = 4;

description! {
    /// `Einsum`, of at most four operands. Every dimension has a label; the
    /// result has the labels 0, 1, .. in this order, and sums go over all
    /// others. A dimension of 1 is repeated.
    pub struct Einsum {
        /// Labels of the dimensions of each operand.
        pub operands: [[usize; RANK]; 4],
        /// Number of labels.
        pub labels: usize,
        /// Dimensions of the result.
        pub rank: usize,
    }
}

impl Operation for Einsum {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let Some(Some(first)) = inputs.first() else {
            return Err(Failure("expected an operand"));
        };
        let (sizes, steps) = self.layout(inputs)?;
        let (mut results, mut summands) = (Walk::at([0; OPERANDS]), Walk::at([0; OPERANDS]));
        for (label, (&size, &steps)) in sizes.iter().zip(&steps).enumerate().take(self.labels) {
            if label < self.rank {
                results = results.through(size, steps)?;
            } else {
                summands = summands.through(size, steps)?;
            }
        }
        let sizes = sizes.get(..self.rank).ok_or(Failure("a result of many dimensions"))?;
        if first.element().is_float() {
            with_type!(first.element(), T: floats => {
                sums::<T, f64>(inputs, output.resize(sizes)?, results, summands)
            })
        } else {
            with_type!(first.element(), T: integers => {
                sums::<T, i64>(inputs, output.resize(sizes)?, results, summands)
            })
        }
    }
}

/// What is known of each label: how many values it takes, and how far apart
/// they are in each operand.
type Layout = ([usize; DIMENSIONS], [[usize; OPERANDS]; DIMENSIONS]);

impl Einsum {
    fn layout(&self, inputs: &[Option<Input<'_>>]) -> Result<Layout, Failure> {
        let (mut sizes, mut steps) = ([1; DIMENSIONS], [[0; OPERANDS]; DIMENSIONS]);
        if inputs.len() > OPERANDS || self.labels > DIMENSIONS {
            return Err(Failure("there are too many operands or labels"));
        }
        for (operand, input) in inputs.iter().enumerate() {
            let input = input.as_ref().ok_or(Failure("an operand is missing"))?;
            let own = input.sizes().iter().zip(strides(input.sizes()));
            for (&label, (&size, stride)) in self.operands[operand].iter().zip(own) {
                let known = sizes.get_mut(label).ok_or(Failure("there is no such label"))?;
                match (*known, size) {
                    (_, 1) => continue,
                    (1, _) => *known = size,
                    (known, size) if known == size => {}
                    _ => return Err(Failure("dimensions of one label differ in size")),
                }
                steps[label][operand] += stride;
            }
        }
        Ok((sizes, steps))
    }
}

fn sums<T: Native, A: Accumulator>(
    inputs: &[Option<Input<'_>>],
    results: &mut [T],
    starts: Walk<OPERANDS>,
    summands: Walk<OPERANDS>,
) -> Result<(), Failure> {
    let mut operands: [&[T]; OPERANDS] = [&[]; OPERANDS];
    for (values, input) in operands.iter_mut().zip(inputs) {
        *values = input.as_ref().ok_or(Failure("an operand is missing"))?.values()?;
    }
    let operands = &operands[..inputs.len()];
    for (result, start) in results.iter_mut().zip(starts) {
        let mut sum = A::ZERO;
        for positions in summands.from(start) {
            let mut factors = operands.iter().zip(positions);
            let first = factors.next().map_or(A::ZERO, |(values, i)| A::of(values[i]));
            let product =
                factors.fold(first, |product, (values, i)| product.times(A::of(values[i])));
            sum = sum.add(product);
        }
        *result = sum.element();
    }
    Ok(())
}
