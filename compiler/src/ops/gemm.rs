//! General matrix product.

use super::broadcasting::{broadcast, repeated};
use super::floats::{check_float, check_same_element, rounded, widened};
use super::reading::{NEWEST, check};
use super::{Activation, Definition};
use crate::error::{Error, Result};
use crate::ir::{Attribute, Attributes, Operand, Parsed, Signature, Tensor, TensorType, required};

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
    fn matrix(tensor_type: &TensorType, transposed: bool) -> Result<[usize; 2]> {
        match tensor_type.sizes()?[..] {
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
        (elements as u64).saturating_mul(depth as u64)
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
        check_float(a)?;
        check_same_element(a, b)?;
        let [rows, depth] = Self::matrix(a, self.transpose_a)?;
        let [other, columns] = Self::matrix(b, self.transpose_b)?;
        if depth != other {
            return Err(Error::shape(format!(
                "the matrices have {depth} and {other} values to multiply: {a}, {b}"
            )));
        }
        self.activation.check_needs_no_slopes()?;
        let result = TensorType::fixed(a.element, &[rows, columns]);
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

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        super::reading::inferred(self, operands)?;
        let (a, b) = (required(operands, 0, "A")?, required(operands, 1, "B")?);
        let [rows, depth] = Self::matrix(&a.tensor_type(), self.transpose_a)?;
        let [_, columns] = Self::matrix(&b.tensor_type(), self.transpose_b)?;
        let (element, a, b) = (a.element(), widened(a)?, widened(b)?);
        let c = match operands.get(2).copied().flatten() {
            Some(c) => Some(widened(&repeated(c, &[rows, columns])?)?.into_owned()),
            None => None,
        };
        // Elements from one value of the sum to the next, and from one result
        // to the next.
        let [a_step, a_row] = if self.transpose_a { [rows, 1] } else { [1, depth] };
        let [b_step, b_column] = if self.transpose_b { [1, depth] } else { [columns, 1] };
        let mut results = Vec::with_capacity(rows * columns);
        for row in 0..rows {
            for column in 0..columns {
                let product = |i| a[row * a_row + i * a_step] * b[column * b_column + i * b_step];
                let sum: f64 = (0..depth).map(product).sum();
                let offset = c.as_ref().map_or(0.0, |c| c[row * columns + column]);
                let value = f64::from(self.alpha) * sum + f64::from(self.beta) * offset;
                results.push(self.activation.apply(value, 1.0));
            }
        }
        Ok(vec![rounded(element, &[rows, columns], results)?])
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
