//! Sequences of different lengths, backwards.

use super::indexing::product;
use super::{Failure, Input, Operation, Output, with_type};

description! {
    /// `ReverseSequence`. Operands: data, whose first two dimensions are batch
    /// and time, the length of each sequence; what comes after that stays.
    pub struct ReverseSequence {
        /// Whether the first dimension is time, not batch.
        pub time_first: bool,
    }
}

impl Operation for ReverseSequence {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data), Some(lengths)] = inputs else {
            return Err(Failure("expected data and lengths"));
        };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let &[first, second, ref rest @ ..] = data.sizes() else {
            return Err(Failure("expected batch and time"));
        };
        let (batches, times) = if self.time_first { (second, first) } else { (first, second) };
        if lengths.sizes() != [batches] {
            return Err(Failure("expected a length for each sequence"));
        }
        let inner = product(rest);
        with_type!(data.element(), T => {
            let values = data.values::<T>()?;
            let reversed = output.resize::<T>(data.sizes())?;
            if reversed.is_empty() {
                return Ok(());
            }
            for batch in 0..batches {
                let length = usize::try_from(lengths.integer(batch)?).ok();
                let length = length.filter(|&length| length <= times);
                let length = length.ok_or(Failure("a sequence is longer than there is time"))?;
                for time in 0..times {
                    let source = if time < length { length - 1 - time } else { time };
                    let [to, from] = [time, source].map(|time| match self.time_first {
                        true => (time * batches + batch) * inner,
                        false => (batch * times + time) * inner,
                    });
                    reversed[to..to + inner].copy_from_slice(&values[from..from + inner]);
                }
            }
        });
        Ok(())
    }
}
