//! The first of the largest elements.

use super::floats::check_float;
use super::reading::one;
use super::softmax::{competition, competition_attributes};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{Attributes, Operand, Parsed, Signature, TensorType, required};
use crate::operation::{GeneralSoftmax, SoftmaxFunction};

/// `Hardmax`: 1 for the first of the largest elements, 0 for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hardmax {
    /// The dimension along which elements compete.
    pub axis: usize,
    /// Whether they do so along all dimensions from `axis` on, as in operator
    /// sets before 13.
    pub through_end: bool,
}

impl Definition for Hardmax {
    const NAMES: &'static [&'static str] = &["Hardmax"];

    fn name(&self) -> &'static str {
        "Hardmax"
    }

    fn attributes(&self) -> Attributes {
        competition_attributes(self.axis, self.through_end)
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let (axis, through_end) = competition(signature)?;
        Ok(Parsed::first(Self { axis, through_end }, 1))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let input = required(operands, 0, "input")?.tensor_type;
        check_float(input)?;
        if self.axis > input.rank() {
            return Err(Error::shape(format!("there is no axis {} in {input}", self.axis)));
        }
        one(input.clone())
    }

    fn operation(&self) -> Option<AnyOperation> {
        let Self { axis, through_end } = *self;
        Some(GeneralSoftmax { axis, through_end, function: SoftmaxFunction::Hardmax }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn case(opset: u32) -> Case {
        let values = vec![1.0f32, 3.0, 3.0, 2.0, 0.0, 4.0];
        Case::new("Hardmax", opset).operand(Tensor::new(&[1, 2, 3], values).unwrap())
    }

    #[test]
    fn the_first_of_the_largest_wins() {
        assert_eq!(case(13).f32s().1, [0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(case(13).int("axis", 1).f32s().1, [0.0, 1.0, 0.0, 1.0, 0.0, 1.0]);
        assert_eq!(case(11).f32s().1, [0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(Case::new("Hardmax", 13).counting(&[2, 0]).f32s(), (vec![2, 0], vec![]));
        case(13).int("axis", 3).refused(ErrorKind::Shape, "out of range");
    }
}
