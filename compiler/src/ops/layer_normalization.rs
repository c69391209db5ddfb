//! Normalisation over the last dimensions.

use super::broadcasting::broadcast;
use super::floats::{check_float, check_same_element};
use super::reading::{axis, check, operand_type};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Dim, ElementType, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation;

/// `LayerNormalization` and `RMSNormalization`. Operands: x, scale, bias (may
/// be empty; only of the former).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerNormalization {
    /// The first of the dimensions that a run of values extends over.
    pub axis: usize,
    /// Added to the variance.
    pub epsilon: f32,
    /// Whether the mean becomes 0; then mean and reciprocal deviation of each
    /// run are results, too.
    pub centred: bool,
}

impl Definition for LayerNormalization {
    const NAMES: &'static [&'static str] = &["LayerNormalization", "RMSNormalization"];

    fn name(&self) -> &'static str {
        if self.centred { "LayerNormalization" } else { "RMSNormalization" }
    }

    fn attributes(&self) -> Attributes {
        Attributes::default()
            .with("axis", Attribute::Int(self.axis as i64))
            .with("epsilon", Attribute::Float(self.epsilon))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let centred = signature.operator == "LayerNormalization";
        check(signature, &["axis", "epsilon", "stash_type"], if centred { 3 } else { 2 })?;
        let attributes = signature.attributes;
        let rank = operand_type(signature, 0, "X")?.rank();
        let axis = axis(attributes.int_or("axis", -1)?, rank)?;
        let epsilon = attributes.float_or("epsilon", 1e-5)?;
        Ok(Parsed::as_written(Self { axis, epsilon, centred }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let input = required(operands, 0, "X")?.tensor_type;
        check_float(input)?;
        required(operands, 1, "scale")?;
        for parameter in operands.iter().skip(1).flatten() {
            check_same_element(input, parameter.tensor_type)?;
            if broadcast(input, parameter.tensor_type)? != input.shape {
                let found = parameter.tensor_type;
                return Err(Error::shape(format!("expected a scale that fits {input}, found {found}")));
            }
        }
        if self.axis >= input.rank() {
            return Err(Error::shape(format!("there is no axis {} in {input}", self.axis)));
        }
        if !self.centred {
            return Ok(vec![input.clone()]);
        }
        let mut runs = TensorType { element: ElementType::F32, shape: input.shape.clone() };
        runs.shape[self.axis..].fill(Dim::Fixed(1));
        runs.elements()?;
        Ok(vec![input.clone(), runs.clone(), runs])
    }

    fn operation(&self) -> Option<AnyOperation> {
        let Self { axis, epsilon, centred } = *self;
        Some(operation::LayerNormalization { axis, epsilon, centred }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn case(operator: &'static str) -> Case {
        Case::new(operator, 23)
            .operand(Tensor::new(&[2, 2], vec![1.0f32, 3.0, -2.0, 2.0]).unwrap())
            .operand(Tensor::vector(vec![2.0f32, 3.0]))
            .with("epsilon", Attribute::Float(0.0))
    }

    #[test]
    fn each_run_has_mean_0_and_variance_1() {
        let values = case("LayerNormalization").counting(&[1]).outputs(3).evaluate().unwrap();
        assert_eq!(values[0].f32s().unwrap(), [-2.0, 3.0, -2.0, 3.0]);
        assert_eq!(values[1], Tensor::new(&[2, 1], vec![2.0f32, 0.0]).unwrap());
        assert_eq!(values[2], Tensor::new(&[2, 1], vec![1.0f32, 0.5]).unwrap());
        let values = case("LayerNormalization").int("axis", 0).outputs(3).evaluate().unwrap();
        assert_eq!(values[1], Tensor::new(&[1, 1], vec![1.0f32]).unwrap());
    }

    #[test]
    fn the_mean_square_alone_may_become_1() {
        let values = case("RMSNormalization").f32s().1;
        let root = 5f32.sqrt();
        assert_eq!(values, [2.0 / root, 9.0 / root, -2.0, 3.0]);
    }

    #[test]
    fn runs_of_nothing_have_no_results() {
        let case = |sizes: &[usize]| {
            Case::new("LayerNormalization", 17).counting(sizes).counting(&[sizes[1]]).outputs(3)
        };
        assert_eq!(case(&[0, 2]).evaluate().unwrap()[1].shape(), [0, 1]);
        assert!(case(&[2, 0]).evaluate().unwrap()[1].f32s().unwrap()[1].is_nan());
    }

    #[test]
    fn parameters_must_fit() {
        let case = |sizes: &[usize]| Case::new("RMSNormalization", 23).counting(&[2, 2]).counting(sizes);
        case(&[3]).refused(ErrorKind::Shape, "broadcast");
        case(&[1, 2, 2]).refused(ErrorKind::Shape, "fits");
        case(&[2]).int("axis", 2).refused(ErrorKind::Shape, "out of range");
    }
}
