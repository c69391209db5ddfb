//! The same bits as another type.

use super::cast::{code, element};
use super::reading::{check, one};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, ElementType, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation::{BitConversion, Precision};

/// `BitCast`. Floats of 16 bits are refused: they are held as f32, which has
/// other bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitCast {
    /// What the elements become.
    pub to: ElementType,
}

impl Definition for BitCast {
    const NAMES: &'static [&'static str] = &["BitCast"];

    fn name(&self) -> &'static str {
        "BitCast"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default().with("to", Attribute::Int(code(self.to, Precision::Full)))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &["to"], 1)?;
        let to = signature.attributes.int("to")?;
        match element(*to.ok_or_else(|| Error::malformed("attribute `to` is missing"))?)? {
            (to, Precision::Full) => Ok(Parsed::first(Self { to }, 1)),
            _ => Err(Error::unsupported("the bits of 16-bit floats are not kept")),
        }
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let input = required(operands, 0, "input")?.tensor_type;
        if input.element.size() != self.to.size() {
            let to = self.to;
            return Err(Error::shape(format!("expected elements as wide as {to}, found {input}")));
        }
        one(TensorType { element: self.to, shape: input.shape.clone() })
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(BitConversion.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    #[test]
    fn bits_stay() {
        let case = |to, tensor| Case::new("BitCast", 26).int("to", to).operand(tensor);
        let floats = || Tensor::vector(vec![1.0f32, -2.0]);
        let bits = Tensor::vector(vec![0x3f80_0000i32, -0x4000_0000]);
        assert_eq!(case(6, floats()).value(), bits);
        assert_eq!(case(1, bits).value(), floats());
        let double = case(13, Tensor::scalar(1.0f64)).value();
        assert_eq!(double, Tensor::scalar(0x3ff0_0000_0000_0000u64));
        assert_eq!(case(2, Tensor::scalar(-1i8)).value(), Tensor::scalar(255u8));
        case(7, floats()).refused(ErrorKind::Shape, "as wide as i64");
        case(10, Tensor::scalar(1u16)).refused(ErrorKind::Unsupported, "16-bit floats");
    }
}
