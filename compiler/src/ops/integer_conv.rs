//! Convolution of bytes whose sums are the result.

use super::conv::groups;
use super::general_conv::convolved;
use super::reading::{check, one, operand_type};
use super::sliding::{kernel, padded, pictures, read, write};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Dim, ElementType, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation::{self, SlidingAxis};

/// `ConvInteger`. Operands: data, weights, the zero point of the data, those of
/// the weights; the last two are optional.
#[derive(Clone, Debug, PartialEq)]
pub struct IntegerConv {
    /// How the kernel slides along each dimension.
    pub axes: Vec<SlidingAxis>,
    /// Independent runs of channels.
    pub groups: usize,
}

/// Windows and groups of a convolution whose weights are in this slot.
pub(super) fn read_windows(
    signature: &Signature<'_>,
    slot: usize,
) -> Result<(Vec<SlidingAxis>, usize)> {
    let sizes = pictures(operand_type(signature, 0, "x")?)?;
    let weights = operand_type(signature, slot, "w")?;
    let axes = read(signature, &kernel(signature, weights, sizes.len())?, sizes)?;
    Ok((axes, groups(signature)?))
}

/// The attributes of a convolution.
pub(super) const ATTRIBUTES: [&str; 6] =
    ["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"];

/// Refuses an operand of other elements, or that is neither a single one nor
/// has one for each of `channels`, where there may be so many.
pub(super) fn check_parameter(
    operands: &[Option<Operand<'_>>],
    slot: usize,
    what: &str,
    element: ElementType,
    channels: Option<&Dim>,
) -> Result<()> {
    let Some(found) = operands.get(slot).copied().flatten() else { return Ok(()) };
    let found = found.tensor_type;
    let fits = match found.shape.as_slice() {
        [] | [Dim::Fixed(1)] => true,
        [dim] => Some(dim) == channels,
        _ => false,
    };
    match fits && found.element == element {
        true => Ok(()),
        false => Err(Error::shape(format!("expected as `{what}` {element} numbers, found {found}"))),
    }
}

/// Refuses elements that are no bytes.
pub(super) fn check_bytes(tensor_type: &TensorType) -> Result<()> {
    match tensor_type.element {
        ElementType::I8 | ElementType::U8 => Ok(()),
        _ => Err(Error::shape(format!("expected i8 or u8 elements, found {tensor_type}"))),
    }
}

impl Definition for IntegerConv {
    const NAMES: &'static [&'static str] = &["ConvInteger"];

    fn name(&self) -> &'static str {
        "ConvInteger"
    }

    fn attributes(&self) -> Attributes {
        write(&self.axes, Attributes::default()).with("group", Attribute::Int(self.groups as i64))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &ATTRIBUTES, 4)?;
        let (axes, groups) = read_windows(signature, 1)?;
        Ok(Parsed::as_written(Self { axes, groups }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let data = required(operands, 0, "x")?.tensor_type;
        let weights = required(operands, 1, "w")?.tensor_type;
        check_bytes(data)?;
        check_bytes(weights)?;
        let result = convolved(data, weights, &self.axes, self.groups)?;
        check_parameter(operands, 2, "x_zero_point", data.element, None)?;
        let channels = Some(&result.shape[1]);
        check_parameter(operands, 3, "w_zero_point", weights.element, channels)?;
        one(TensorType { element: ElementType::I32, ..result })
    }

    fn operation(&self) -> Option<AnyOperation> {
        let axes = padded(&self.axes, SlidingAxis::POINT).ok()?;
        let (dimensions, groups) = (self.axes.len(), self.groups);
        Some(operation::IntegerConv { axes, dimensions, groups }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn case() -> Case {
        Case::new("ConvInteger", 10)
            .operand(Tensor::new(&[1, 1, 1, 3], vec![2u8, 3, 255]).unwrap())
            .operand(Tensor::new(&[2, 1, 1, 2], vec![1i8, -128, 0, 1]).unwrap())
    }

    #[test]
    fn sums_products_less_zero_points() {
        let value = case().value();
        assert_eq!(value, Tensor::new(&[1, 2, 1, 2], vec![-382i32, -32637, 3, 255]).unwrap());
        let zeros = Tensor::vector(vec![1i8, -1]);
        let value = case().operand(Tensor::vector(vec![2u8])).operand(zeros).value();
        assert_eq!(value.integers().unwrap(), [-129, -32637, 2, 507]);
    }

    #[test]
    fn padding_is_the_zero_point() {
        let value = case().operand(Tensor::vector(vec![2u8])).ints("pads", &[0, 0, 0, 1]).value();
        assert_eq!(value.integers().unwrap(), [-128, -32383, 253, 1, 253, 0]);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        case().operand(Tensor::vector(vec![1i8])).refused(ErrorKind::Shape, "x_zero_point");
        let three = case().absent().operand(Tensor::vector(vec![1i8; 3]));
        three.refused(ErrorKind::Shape, "w_zero_point");
        let floats = Case::new("ConvInteger", 10).counting(&[1, 1, 3]).counting(&[1, 1, 2]);
        floats.refused(ErrorKind::Shape, "i8 or u8");
    }
}
