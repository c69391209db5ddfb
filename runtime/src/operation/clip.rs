//! Bounds of elements.

use super::broadcast::map;
use super::{Failure, Input, Native, Operation, Output, with_type};

description! {
    /// `Clip`. Operands: data; the smallest and the largest result, one element
    /// each, which may be absent. The largest wins, and NaN stays.
    pub struct ElementwiseClip;
}

/// The one element of a bound.
fn bound<T: Native>(bound: Option<&Input<'_>>, otherwise: T) -> Result<T, Failure> {
    match bound.map(Input::values::<T>).transpose()? {
        None => Ok(otherwise),
        Some(&[bound]) => Ok(bound),
        Some(_) => Err(Failure("expected bounds of one element")),
    }
}

impl Operation for ElementwiseClip {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data), bounds @ ..] = inputs else {
            return Err(Failure("expected data to clip"));
        };
        let [result] = outputs else { return Err(Failure("expected one result")) };
        let operand = |slot: usize| bounds.get(slot).and_then(Option::as_ref);
        with_type!(data.element(), T: numbers => {
            let low = bound(operand(0), T::LOWEST)?;
            let high = bound(operand(1), T::HIGHEST)?;
            map(data, result, |value: T| {
                let raised = if value < low { low } else { value };
                if raised > high { high } else { raised }
            })
        })
    }
}
