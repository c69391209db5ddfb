//! A product with a gate.

use super::floats::{check_float, check_same_element};
use super::reading::{check, one};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{Attribute, Attributes, Dim, Operand, Parsed, Signature, TensorType, required};
use crate::operation::{Arithmetic, ElementFunction, ElementwiseArithmetic};

/// `SwiGLU`: `a * b / (1 + exp(-alpha * a))` of two operands of the same type
/// and sizes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SwiGlu {
    /// Factor in the exponent.
    pub alpha: f32,
}

impl Definition for SwiGlu {
    const NAMES: &'static [&'static str] = &["SwiGLU"];

    fn name(&self) -> &'static str {
        "SwiGLU"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default().with("alpha", Attribute::Float(self.alpha))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &["alpha"], 2)?;
        Ok(Parsed::first(Self { alpha: signature.attributes.float_or("alpha", 1.0)? }, 2))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let gate = required(operands, 0, "gate")?.tensor_type;
        let value = required(operands, 1, "value")?.tensor_type;
        check_float(gate)?;
        check_same_element(gate, value)?;
        let known = |(a, b): (&Dim, &Dim)| match (a, b) {
            (Dim::Fixed(a), Dim::Fixed(b)) => a == b,
            _ => true,
        };
        if gate.rank() != value.rank() || !gate.shape.iter().zip(&value.shape).all(known) {
            return Err(Error::shape(format!(
                "expected a gate and a value of the same sizes, found {gate} and {value}"
            )));
        }
        let sizes = gate.shape.iter().zip(&value.shape);
        let sizes = sizes.map(|(a, b)| if a.fixed().is_some() { a } else { b });
        one(TensorType { element: gate.element, shape: sizes.cloned().collect() })
    }

    fn operation(&self) -> Option<AnyOperation> {
        let (function, then) =
            (Arithmetic::GatedSwish { alpha: self.alpha }, ElementFunction::Identity);
        Some(ElementwiseArithmetic { function, then }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::{Attribute, Tensor};
    use crate::ops::testing::Case;

    #[test]
    fn the_gate_scales_the_value() {
        let case = || {
            let gate = Case::new("SwiGLU", 28).operand(Tensor::vector(vec![0.0f32, 1.0, -1.0]));
            gate.operand(Tensor::vector(vec![5.0f32, 2.0, 2.0]))
        };
        assert_eq!(case().f32s().1, [0.0, 1.462_117_2, -0.537_882_86]);
        let steeper = case().with("alpha", Attribute::Float(2.0)).f32s().1;
        assert_eq!(steeper[1], 1.761_594_2);
        let broadcast = Case::new("SwiGLU", 28).counting(&[2]).counting(&[1]);
        broadcast.refused(ErrorKind::Shape, "same sizes");
    }
}
