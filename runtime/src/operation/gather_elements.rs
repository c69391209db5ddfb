//! Elements, each by its own index along a dimension.

use super::indexing::{Odometer, place};
use super::walk::strides;
use super::{Failure, Input, Operation, Output, with_type};

description! {
    /// `GatherElements`. Operands: data, indices; the result has the sizes of
    /// the latter.
    pub struct GatherElements {
        /// The dimension that is indexed.
        pub axis: usize,
    }
}

impl Operation for GatherElements {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data), Some(indices)] = inputs else {
            return Err(Failure("expected data and indices"));
        };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let indexed = Indexed::new(data.sizes(), indices.sizes(), self.axis)?;
        with_type!(data.element(), T => {
            let data = data.values::<T>()?;
            let gathered = output.resize::<T>(indices.sizes())?;
            let mut odometer = indexed.odometer;
            for (i, value) in gathered.iter_mut().enumerate() {
                *value = data[indexed.place(&odometer, indices.integer(i)?)?];
                odometer.advance();
            }
        });
        Ok(())
    }
}

/// A tensor that is indexed element by element along a dimension.
#[derive(Clone, Copy, Debug)]
pub(super) struct Indexed<'a> {
    size: usize,
    stride: usize,
    /// Over the indices; where each would lie in the tensor if it were 0.
    pub(super) odometer: Odometer<'a>,
}

impl<'a> Indexed<'a> {
    /// A tensor of these sizes and indices of those.
    pub(super) fn new(data: &[usize], indices: &'a [usize], axis: usize) -> Result<Self, Failure> {
        let size = *data.get(axis).ok_or(Failure("there is no such dimension"))?;
        if data.len() != indices.len() {
            return Err(Failure("there are not as many dimensions of indices as of data"));
        }
        let mut pairs = data.iter().zip(indices).enumerate();
        if !indices.contains(&0) && pairs.any(|(i, (data, indices))| i != axis && indices > data) {
            return Err(Failure("there are more indices than data"));
        }
        let mut strides = strides(data);
        let stride = core::mem::take(&mut strides[axis]);
        Ok(Self { size, stride, odometer: Odometer::new(indices, strides) })
    }

    /// Where the element lies that an index at a position names.
    pub(super) fn place(&self, odometer: &Odometer<'_>, index: i64) -> Result<usize, Failure> {
        Ok(odometer.offset() + place(index, self.size)? * self.stride)
    }
}
