//! General matrix product.

use super::broadcasting::broadcast;
use super::floats::{check_float, check_same_element, mapped};
use super::matmul::{check_depth, check_number};
use super::reading::{NEWEST, check};
use super::{Activation, AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Dim, Operand, Parsed, Signature, Tensor, TensorType, required,
};
use crate::operation::GeneralProduct;

/// `Gemm`: `activation(alpha * A * B + beta * C)`. Operands: A, B, C (may be
/// empty).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gemm {
    /// Factor of the product.
    pub alpha: f32,
    /// Factor of the offset.
    pub beta: f32,
    /// Whether A is given transposed.
    pub transpose_a: bool,
    /// Whether B is given transposed.
    pub transpose_b: bool,
    /// Applied to the result; never [`Activation::ChannelRelu`].
    pub activation: Activation,
}

impl Gemm {
    /// Rows and columns of an operand as the product sees it.
    fn matrix(tensor_type: &TensorType, transposed: bool) -> Result<[&Dim; 2]> {
        match &tensor_type.shape[..] {
            [rows, columns] if transposed => Ok([columns, rows]),
            [rows, columns] => Ok([rows, columns]),
            _ => Err(Error::shape(format!("expected a matrix, found {tensor_type}"))),
        }
    }

    /// Multiply-adds for operands of these types.
    pub(super) fn multiply_adds(&self, a: &TensorType, result: &TensorType) -> u64 {
        let (Ok([_, depth]), Ok(elements)) =
            (Self::matrix(a, self.transpose_a), result.elements())
        else {
            return 0;
        };
        (elements as u64).saturating_mul(depth.max() as u64)
    }
}

impl Definition for Gemm {
    const NAMES: &'static [&'static str] = &["Gemm"];

    fn name(&self) -> &'static str {
        "Gemm"
    }

    fn attributes(&self) -> Attributes {
        let mut attributes = Attributes::default()
            .with("alpha", Attribute::Float(self.alpha))
            .with("beta", Attribute::Float(self.beta))
            .with("transA", Attribute::Int(self.transpose_a.into()))
            .with("transB", Attribute::Int(self.transpose_b.into()));
        self.activation.write_attribute("activation", &mut attributes);
        attributes
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let mut known = vec!["alpha", "beta", "transA", "transB"];
        if signature.opset == NEWEST {
            known.push("activation");
        }
        check(signature, &known, 3)?;
        let attributes = signature.attributes;
        let gemm = Self {
            alpha: attributes.float_or("alpha", 1.0)?,
            beta: attributes.float_or("beta", 1.0)?,
            transpose_a: attributes.flag("transA")?,
            transpose_b: attributes.flag("transB")?,
            activation: Activation::from_attribute(signature, "activation")?,
        };
        Ok(Parsed::as_written(gemm, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let a = required(operands, 0, "A")?.tensor_type;
        let b = required(operands, 1, "B")?.tensor_type;
        check_number(a)?;
        check_same_element(a, b)?;
        let [rows, depth] = Self::matrix(a, self.transpose_a)?;
        let [other, columns] = Self::matrix(b, self.transpose_b)?;
        check_depth([depth, other], [a, b])?;
        self.activation.check_needs_no_slopes()?;
        if self.activation != Activation::Identity {
            check_float(a)?;
        }
        let result =
            TensorType { element: a.element, shape: vec![rows.clone(), columns.clone()] };
        result.elements()?;
        if let Some(c) = operands.get(2).copied().flatten() {
            check_same_element(a, c.tensor_type)?;
            if broadcast(&result, c.tensor_type)? != result.shape {
                return Err(Error::shape(format!(
                    "expected operand `C` to fit {result}, found {}",
                    c.tensor_type
                )));
            }
        }
        Ok(vec![result])
    }

    fn operation(&self) -> Option<AnyOperation> {
        (self.activation == Activation::Identity).then(|| self.product().into())
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let types = super::reading::inferred(self, operands)?;
        let products = AnyOperation::from(self.product()).evaluate(operands, &types)?;
        match self.activation {
            Activation::Identity => Ok(products),
            activation => products
                .iter()
                .map(|product| mapped(product, |value| activation.apply(value, 1.0)))
                .collect(),
        }
    }
}

impl Gemm {
    /// What it is without its activation.
    const fn product(&self) -> GeneralProduct {
        let Self { alpha, beta, transpose_a, transpose_b, .. } = *self;
        GeneralProduct { alpha, beta, transpose_a, transpose_b }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::ops::testing::Case;

    #[test]
    fn either_matrix_may_be_transposed() {
        let case = |a: [usize; 2], b: [usize; 2], ta, tb| {
            Case::new("Gemm", 13).counting(&a).counting(&b).int("transA", ta).int("transB", tb)
        };
        assert_eq!(case([2, 3], [3, 2], 0, 0).f32s().1, [10.0, 13.0, 28.0, 40.0]);
        assert_eq!(case([3, 2], [3, 2], 1, 0).f32s().1, [20.0, 26.0, 26.0, 35.0]);
        assert_eq!(case([2, 3], [2, 3], 0, 1).f32s().1, [5.0, 14.0, 14.0, 50.0]);
        case([2, 3], [2, 2], 0, 0).refused(ErrorKind::Shape, "3 and 2 values");
    }

    #[test]
    fn empty_sums_are_zero() {
        for (a, b, transposed) in [([2, 0], [0, 2], 0), ([0, 2], [2, 0], 1)] {
            let case = Case::new("Gemm", 13).counting(&a).counting(&b).counting(&[2]);
            let case = case.int("transA", transposed).int("transB", transposed);
            assert_eq!(case.f32s(), (vec![2, 2], vec![0.0, 1.0, 0.0, 1.0]));
        }
    }

    #[test]
    fn integers_are_multiplied_exactly() {
        let matrix = |values: [i32; 4]| Tensor::new(&[2, 2], values.to_vec()).unwrap();
        let case = || {
            let case = Case::new("Gemm", 13).operand(matrix([1, 2, 3, 4]));
            case.operand(matrix([1, 0, 0, 1 << 30])).operand(Tensor::vector(vec![1i32, 2]))
        };
        assert_eq!(case().value(), matrix([2, i32::MIN + 2, 4, 2]));
        let halved = case().with("beta", Attribute::Float(0.5));
        assert_eq!(halved.value(), matrix([1, i32::MIN + 1, 3, 1]));
    }

    #[test]
    fn an_activation_may_follow() {
        let case = |opset| {
            let case = Case::new("Gemm", opset).counting(&[1, 2]).counting(&[2, 2]);
            case.counting(&[2]).with("alpha", Attribute::Float(-1.0))
        };
        let folded = |activation| case(NEWEST).string("activation", activation);
        assert_eq!(folded("Clip(-2.5, 0.0)").f32s().1, [-2.0, -2.0]);
        folded("ChannelRelu").refused(ErrorKind::Malformed, "no slopes");
        case(13).string("activation", "Relu").refused(ErrorKind::Malformed, "unknown attribute");
    }

    #[test]
    fn the_offset_is_broadcast_and_scaled() {
        let case = Case::new("Gemm", 9)
            .counting(&[1, 2])
            .counting(&[2, 2])
            .list(&[])
            .with("alpha", Attribute::Float(2.0));
        case.refused(ErrorKind::Shape, "element type");
        let case = Case::new("Gemm", 9)
            .counting(&[1, 2])
            .counting(&[2, 2])
            .operand(Tensor::scalar(3.0f32))
            .with("alpha", Attribute::Float(2.0))
            .with("beta", Attribute::Float(0.5));
        assert_eq!(case.f32s().1, [5.5, 7.5]);
    }
}
