//! Sequences of different lengths, backwards.

use super::indices::{check_indices, one_bounded, same};
use super::reading::check;
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{Attribute, Attributes, Operand, Parsed, Signature, TensorType, required};
use crate::operation;

/// `ReverseSequence`. Operands: data, the length of each sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReverseSequence {
    /// Whether the first dimension is time and the second one batch, not the
    /// other way around.
    pub time_first: bool,
}

impl Definition for ReverseSequence {
    const NAMES: &'static [&'static str] = &["ReverseSequence"];

    fn name(&self) -> &'static str {
        "ReverseSequence"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default()
            .with("batch_axis", Attribute::Int(self.time_first.into()))
            .with("time_axis", Attribute::Int((!self.time_first).into()))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &["batch_axis", "time_axis"], 2)?;
        let batch = signature.attributes.int_or("batch_axis", 1)?;
        let time = signature.attributes.int_or("time_axis", 0)?;
        if !matches!((batch, time), (0, 1) | (1, 0)) {
            return Err(Error::malformed(format!(
                "batch and time should be dimensions 0 and 1, but are {batch} and {time}"
            )));
        }
        Ok(Parsed::as_written(Self { time_first: time == 0 }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let data = required(operands, 0, "input")?.tensor_type;
        let lengths = required(operands, 1, "sequence_lens")?.tensor_type;
        check_indices(lengths, "sequence_lens")?;
        let batches = data.shape.get(usize::from(self.time_first));
        match (batches, lengths.shape.as_slice()) {
            (Some(batches), [count]) if data.rank() > 1 && same(batches, count).is_some() => {
                one_bounded(data.clone())
            }
            _ => Err(Error::shape(format!(
                "expected a length for each sequence of {data}, found {lengths}"
            ))),
        }
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(operation::ReverseSequence { time_first: self.time_first }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ops::testing::Case;

    fn reverse(lengths: &[i64]) -> Case {
        Case::new("ReverseSequence", 10).counting(&[2, 3]).list(lengths)
    }

    #[test]
    fn turns_what_is_within_the_length() {
        let rows = |lengths| reverse(lengths).int("batch_axis", 0).int("time_axis", 1).f32s().1;
        assert_eq!(rows(&[3, 2]), [2.0, 1.0, 0.0, 4.0, 3.0, 5.0]);
        assert_eq!(rows(&[0, 1]), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(reverse(&[1, 2, 2]).f32s().1, [0.0, 4.0, 5.0, 3.0, 1.0, 2.0]);
        let pairs = Case::new("ReverseSequence", 10).counting(&[2, 1, 2]).list(&[2]);
        assert_eq!(pairs.f32s().1, [2.0, 3.0, 0.0, 1.0]);
    }

    #[test]
    fn errors() {
        reverse(&[1, 2, 3]).refused(ErrorKind::Shape, "longer than there is time");
        reverse(&[1, 2, -1]).refused(ErrorKind::Shape, "longer than there is time");
        reverse(&[1, 2]).refused(ErrorKind::Shape, "a length for each sequence");
        reverse(&[1]).int("batch_axis", 0).refused(ErrorKind::Malformed, "dimensions 0 and 1");
        let vector = Case::new("ReverseSequence", 10).counting(&[2]).list(&[1]);
        vector.refused(ErrorKind::Shape, "a length for each sequence");
    }
}
