//! Repetition along dimensions.

use super::indexing::{Odometer, size_list};
use super::walk::strides;
use super::{Failure, Input, Operation, Output, with_type};
use crate::step::RANK;

description! {
    /// `Tile`. Operands: data, how often it is repeated along each dimension.
    pub struct Tile;
}

impl Operation for Tile {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data), Some(repeats)] = inputs else {
            return Err(Failure("expected data and repeats"));
        };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let mut room = [0; RANK];
        let repeats = size_list(repeats, &mut room)?;
        if repeats.len() != data.sizes().len() {
            return Err(Failure("expected one number of repeats for each dimension"));
        }
        let mut sizes = [0; RANK];
        let sizes = &mut sizes[..repeats.len()];
        for ((size, &own), &repeats) in sizes.iter_mut().zip(data.sizes()).zip(repeats) {
            *size = own.checked_mul(repeats).ok_or(Failure("a result has too many elements"))?;
        }
        let strides = strides(data.sizes());
        with_type!(data.element(), T => {
            let values = data.values::<T>()?;
            let tiled = output.resize::<T>(sizes)?;
            let (Some((&len, outer)), Some(&own)) = (sizes.split_last(), data.sizes().last())
            else {
                tiled.copy_from_slice(values);
                return Ok(());
            };
            if tiled.is_empty() {
                return Ok(());
            }
            let mut odometer = Odometer::new(outer, [0; RANK]);
            for row in tiled.chunks_exact_mut(len) {
                let indices = odometer.position().iter().zip(data.sizes()).zip(&strides);
                let from: usize = indices.map(|((i, size), stride)| i % size * stride).sum();
                for part in row.chunks_exact_mut(own) {
                    part.copy_from_slice(&values[from..from + own]);
                }
                odometer.advance();
            }
        });
        Ok(())
    }
}
