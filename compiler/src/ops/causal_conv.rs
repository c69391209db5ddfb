//! Convolution along time, with what came before.

use super::conv::check_slot;
use super::floats::{check_float, check_same_element};
use super::reading::{check, operand_type};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result, printable};
use crate::ir::{Attribute, Attributes, Dim, Operand, Parsed, Signature, TensorType, required};
use crate::operation;

/// `CausalConvWithState`. Operands as in the file: data, weights, and optionally
/// a bias and the state. Results: as the data, and the next state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CausalConv {
    /// Whether `x / (1 + e^-x)` is applied to the result.
    pub silu: bool,
}

impl Definition for CausalConv {
    const NAMES: &'static [&'static str] = &["CausalConvWithState"];

    fn name(&self) -> &'static str {
        "CausalConvWithState"
    }

    fn attributes(&self) -> Attributes {
        let activation = if self.silu { "silu" } else { "none" };
        Attributes::default().with("activation", Attribute::String(activation.to_owned()))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &["activation"], 4)?;
        operand_type(signature, 0, "input")?;
        let silu = match signature.attributes.string_or("activation", "none")? {
            "none" => false,
            "silu" | "swish" => true,
            other => {
                return Err(Error::malformed(format!(
                    "expected attribute `activation` to be none, silu or swish, found `{}`",
                    printable(other)
                )));
            }
        };
        Ok(Parsed::as_written(Self { silu }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let data = required(operands, 0, "input")?.tensor_type;
        let weights = required(operands, 1, "weight")?.tensor_type;
        check_float(data)?;
        check_same_element(data, weights)?;
        let unfit = || {
            Error::shape(format!(
                "expected data [batch, channels, length] and weights [channels, 1, kernel], \
                 found {data} and {weights}"
            ))
        };
        let ([batch, channels, _], [filters, Dim::Fixed(1), Dim::Fixed(kernel)]) =
            (data.shape.as_slice(), weights.shape.as_slice())
        else {
            return Err(unfit());
        };
        let before = kernel.checked_sub(1).filter(|_| channels == filters).ok_or_else(unfit)?;
        let shape = vec![batch.clone(), channels.clone(), Dim::Fixed(before)];
        let state = TensorType { element: data.element, shape };
        let bias = TensorType { element: data.element, shape: vec![channels.clone()] };
        for (slot, what, expected) in [(2, "bias", bias), (3, "past_state", state.clone())] {
            if operands.get(slot).copied().flatten().is_some() {
                check_slot(operands, slot, what, Some(expected))?;
            }
        }
        Ok(vec![data.clone(), state])
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(operation::CausalConv { silu: self.silu }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn case() -> Case {
        let weights = Tensor::new(&[1, 1, 3], vec![1.0f32, 10.0, 100.0]).unwrap();
        Case::new("CausalConvWithState", 27).counting(&[1, 1, 2]).operand(weights).outputs(2)
    }

    #[test]
    fn the_state_is_what_came_before() {
        let first = case().evaluate().unwrap();
        assert_eq!(first[0].f32s().unwrap(), [0.0, 100.0]);
        assert_eq!(first[1].f32s().unwrap(), [0.0, 1.0]);
        let state = Tensor::new(&[1, 1, 2], vec![5.0f32, 7.0]).unwrap();
        let second = case().operand(Tensor::vector(vec![0.5f32])).operand(state).evaluate().unwrap();
        assert_eq!(second[0].f32s().unwrap(), [75.5, 107.5]);
    }

    #[test]
    fn an_activation_follows() {
        let values = case().string("activation", "swish").evaluate().unwrap();
        assert_eq!(values[0].f32s().unwrap(), [0.0, 100.0]);
        case().string("activation", "relu").refused(ErrorKind::Malformed, "silu or swish");
    }

    #[test]
    fn refuses_what_does_not_fit() {
        case().counting(&[2]).refused(ErrorKind::Shape, "expected as bias f32[1]");
        let wide = Case::new("CausalConvWithState", 27).counting(&[1, 2, 2]).counting(&[1, 1, 3]);
        wide.refused(ErrorKind::Shape, "[channels, 1, kernel]");
    }
}
