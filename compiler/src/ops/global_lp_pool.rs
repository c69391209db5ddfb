//! Norms of whole planes.

use super::floats::check_float;
use super::general_pool::exponent;
use super::reading::{check, one};
use super::sliding::pictures;
use super::{AnyOperation, Definition};
use crate::error::Result;
use crate::ir::{
    Attribute, Attributes, Dim, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation::{self, Pooling};

/// `GlobalLpPool`: `(sum of |x|^p)^(1/p)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GlobalLpPool {
    /// The `p` of it.
    pub p: f32,
}

impl Definition for GlobalLpPool {
    const NAMES: &'static [&'static str] = &["GlobalLpPool"];

    fn name(&self) -> &'static str {
        "GlobalLpPool"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default().with("p", Attribute::Int(self.p as i64))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &["p"], 1)?;
        Ok(Parsed::first(Self { p: exponent(signature)? }, 1))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let input = required(operands, 0, "input")?.tensor_type;
        check_float(input)?;
        pictures(input)?;
        let mut result = input.clone();
        result.shape[2..].fill(Dim::Fixed(1));
        one(result)
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(operation::GeneralGlobalPool { kind: Pooling::Norm { p: self.p } }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    #[test]
    fn norms_of_planes() {
        let data = Tensor::new(&[1, 2, 1, 2], vec![3.0f32, -4.0, 0.0, 1.0]).unwrap();
        let case = Case::new("GlobalLpPool", 7).operand(data);
        assert_eq!(case.f32s(), (vec![1, 2, 1, 1], vec![5.0, 1.0]));
        assert_eq!(case.clone().int("p", 1).f32s().1, [7.0, 1.0]);
        Case::new("GlobalLpPool", 7).counting(&[1, 2]).refused(ErrorKind::Shape, "3 to 8");
    }
}
