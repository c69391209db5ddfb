//! Convolution of bytes that stand for real numbers.

use super::general_conv::convolved;
use super::integer_conv::{ATTRIBUTES, check_bytes, check_parameter, read_windows};
use super::reading::{check, one};
use super::sliding::{padded, write};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, ElementType, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation::{self, SlidingAxis};

/// `QLinearConv`. Operands as in the file: data, its scale and zero point,
/// weights, their scales and zero points, the scale and zero point of the
/// result, and optionally a bias.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedConv {
    /// How the kernel slides along each dimension.
    pub axes: Vec<SlidingAxis>,
    /// Independent runs of channels.
    pub groups: usize,
}

/// Slot of the weights.
const WEIGHTS: usize = 3;
/// Slot of the bias.
const BIAS: usize = 8;

impl Definition for QuantizedConv {
    const NAMES: &'static [&'static str] = &["QLinearConv"];

    fn name(&self) -> &'static str {
        "QLinearConv"
    }

    fn attributes(&self) -> Attributes {
        write(&self.axes, Attributes::default()).with("group", Attribute::Int(self.groups as i64))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &ATTRIBUTES, BIAS + 1)?;
        let (axes, groups) = read_windows(signature, WEIGHTS)?;
        Ok(Parsed::as_written(Self { axes, groups }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let data = required(operands, 0, "x")?.tensor_type;
        let weights = required(operands, WEIGHTS, "w")?.tensor_type;
        let zero = required(operands, 7, "y_zero_point")?.tensor_type;
        [data, weights, zero].into_iter().try_for_each(check_bytes)?;
        let names = ["x_scale", "x_zero_point", "", "w_scale", "w_zero_point", "y_scale"];
        for (slot, name) in (1..).zip(names) {
            if slot != WEIGHTS {
                required(operands, slot, name)?;
            }
        }
        let result = convolved(data, weights, &self.axes, self.groups)?;
        let channels = Some(&result.shape[1]);
        let float = ElementType::F32;
        check_parameter(operands, 1, "x_scale", float, None)?;
        check_parameter(operands, 2, "x_zero_point", data.element, None)?;
        check_parameter(operands, 4, "w_scale", float, channels)?;
        check_parameter(operands, 5, "w_zero_point", weights.element, channels)?;
        check_parameter(operands, 6, "y_scale", float, None)?;
        check_parameter(operands, 7, "y_zero_point", zero.element, None)?;
        let bias = TensorType { element: ElementType::I32, shape: vec![result.shape[1].clone()] };
        let found = operands.get(BIAS).copied().flatten().map(|found| found.tensor_type);
        if found.is_some_and(|found| *found != bias) {
            return Err(Error::shape(format!("expected as bias {bias}")));
        }
        one(TensorType { element: zero.element, ..result })
    }

    fn operation(&self) -> Option<AnyOperation> {
        let axes = padded(&self.axes, SlidingAxis::POINT).ok()?;
        let (dimensions, groups) = (self.axes.len(), self.groups);
        Some(operation::QuantizedConv { axes, dimensions, groups }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::{Data, Tensor};
    use crate::ops::testing::Case;

    fn number(data: impl Into<Data>) -> Tensor {
        Tensor::new(&[], data.into()).unwrap()
    }

    /// Two channels of single pixels, with scales of their own.
    fn case(zero: Tensor) -> Case {
        Case::new("QLinearConv", 10)
            .operand(Tensor::new(&[1, 1, 1, 3], vec![0u8, 13, 255]).unwrap())
            .operand(number(vec![0.5f32]))
            .operand(number(vec![10u8]))
            .operand(Tensor::new(&[2, 1, 1, 1], vec![2i8, 3]).unwrap())
            .operand(Tensor::vector(vec![1.0f32, 2.0]))
            .operand(Tensor::vector(vec![0i8, 1]))
            .operand(number(vec![2.0f32]))
            .operand(zero)
    }

    #[test]
    fn rounds_to_the_nearest_even_and_stops_at_the_ends() {
        // Sums are -20, 6, 490 in both channels; times 1/4 and 1/2.
        let value = case(number(vec![7u8])).value();
        assert_eq!(value.integers().unwrap(), [2, 9, 129, 0, 10, 252]);
        let signed = case(number(vec![-1i8])).value();
        assert_eq!(signed.integers().unwrap(), [-6, 1, 121, -11, 2, 127]);
    }

    #[test]
    fn a_bias_is_added_to_the_sum() {
        let biased = case(number(vec![7u8])).operand(Tensor::vector(vec![20i32, 24]));
        assert_eq!(biased.value().integers().unwrap(), [7, 13, 135, 9, 22, 255]);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        case(number(vec![7i32])).refused(ErrorKind::Shape, "i8 or u8");
        let short = case(number(vec![7u8])).operand(Tensor::vector(vec![20i32]));
        short.refused(ErrorKind::Shape, "expected as bias i32[2]");
    }
}
