//! Arithmetic progressions.

use super::{Failure, Input, Native, Operation, Output, with_type};

description! {
    /// `Range`. Operands: start, limit, step.
    pub struct Progression;
}

impl Operation for Progression {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(start), Some(limit), Some(step)] = inputs else {
            return Err(Failure("expected a start, a limit and a step"));
        };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        with_type!(start.element(), T: numbers => {
            let [start, limit, step] = [start, limit, step].map(|operand| {
                operand.values::<T>()?.first().copied().ok_or(Failure("expected one number"))
            });
            let (start, step) = (start?, step?);
            let values = output.resize::<T>(&[count(start, limit?, step)?])?;
            for (i, value) in values.iter_mut().enumerate() {
                *value = element(start, step, i);
            }
        });
        Ok(())
    }
}

/// How many numbers there are before the limit.
fn count<T: Native>(start: T, limit: T, step: T) -> Result<usize, Failure> {
    if step == T::default() {
        return Err(Failure("the step of a range is 0"));
    }
    let endless = Failure("the range has no end");
    if T::ELEMENT.is_float() {
        // The distance is rounded as the type of the operands would be.
        let distance = T::from_f64(limit.to_f64() - start.to_f64()).to_f64();
        let count = distance / step.to_f64();
        if count.is_nan() || count >= 1e15 {
            return Err(endless);
        }
        let whole = count.max(0.0) as usize;
        return Ok(if whole as f64 == count.max(0.0) { whole } else { whole + 1 });
    }
    let (distance, step) = (limit.to_i128() - start.to_i128(), step.to_i128());
    // Rounded up, for either sign of the step.
    let count = (distance + step - step.signum()) / step;
    usize::try_from(count.max(0)).map_err(|_| endless)
}

fn element<T: Native>(start: T, step: T, index: usize) -> T {
    match T::ELEMENT.is_float() {
        true => {
            let offset = T::from_f64(index as f64 * step.to_f64());
            T::from_f64(start.to_f64() + offset.to_f64())
        }
        // Between start and limit, which are of the type.
        false => T::from_i128(start.to_i128() + index as i128 * step.to_i128()),
    }
}
