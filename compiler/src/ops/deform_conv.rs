//! Convolution whose taps are moved by numbers.

use super::conv::groups;
use super::floats::{check_float, check_same_element};
use super::general_conv::convolved;
use super::reading::{check, one, operand_type};
use super::sliding::{kernel, pictures, read, write};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{Attribute, Attributes, Dim, Operand, Parsed, Signature, TensorType, required};
use crate::operation::{self, SlidingAxis};

/// `DeformConv` over two dimensions. Operands as in the file: data, weights,
/// moves, and optionally a bias and factors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeformConv {
    /// How the kernel slides along rows and columns.
    pub axes: [SlidingAxis; 2],
    /// Independent runs of channels.
    pub groups: usize,
    /// Runs of channels whose taps move together.
    pub offset_groups: usize,
}

impl Definition for DeformConv {
    const NAMES: &'static [&'static str] = &["DeformConv"];

    fn name(&self) -> &'static str {
        "DeformConv"
    }

    fn attributes(&self) -> Attributes {
        write(&self.axes, Attributes::default())
            .with("group", Attribute::Int(self.groups as i64))
            .with("offset_group", Attribute::Int(self.offset_groups as i64))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let known = ["dilations", "group", "kernel_shape", "offset_group", "pads", "strides"];
        check(signature, &known, 5)?;
        let input = operand_type(signature, 0, "X")?;
        let sizes = pictures(input)?;
        let weights = operand_type(signature, 1, "W")?;
        let axes = read(signature, &kernel(signature, weights, sizes.len())?, sizes)?;
        let axes = <[SlidingAxis; 2]>::try_from(axes).map_err(|_| {
            Error::unsupported(format!("`DeformConv` is for pictures of 2 dimensions, not {input}"))
        })?;
        let offset_groups = signature.attributes.int_or("offset_group", 1)?;
        let offset_groups = usize::try_from(offset_groups).ok().filter(|&groups| groups > 0);
        let offset_groups = offset_groups
            .ok_or_else(|| Error::malformed("expected attribute `offset_group` to be positive"))?;
        let operator = Self { axes, groups: groups(signature)?, offset_groups };
        Ok(Parsed::as_written(operator, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let data = required(operands, 0, "X")?.tensor_type;
        let weights = required(operands, 1, "W")?.tensor_type;
        check_float(data)?;
        check_same_element(data, weights)?;
        let result = convolved(data, weights, &self.axes, self.groups)?;
        let divides = data.shape[1].fixed().is_some_and(|c| c.is_multiple_of(self.offset_groups));
        if !divides {
            let groups = self.offset_groups;
            return Err(Error::shape(format!("{data} has no channels for {groups} offset groups")));
        }
        let taps = self.axes[0].kernel.saturating_mul(self.axes[1].kernel);
        let taps = taps.saturating_mul(self.offset_groups);
        // Sizes that are known later are compared then.
        let of_place = |slot: usize, what: &str, count: usize| {
            let Some(found) = operands.get(slot).copied().flatten() else { return Ok(()) };
            let found = found.tensor_type;
            let [batch, _, rows, columns] = result.shape.as_slice() else { return Ok(()) };
            let expected = [batch, &Dim::Fixed(count), rows, columns];
            let fits = |(found, expected): (&Dim, &Dim)| {
                found.fixed().zip(expected.fixed()).is_none_or(|(found, expected)| found == expected)
            };
            let shape = found.shape.iter().zip(expected);
            match found.rank() == 4 && found.element == data.element && shape.clone().all(fits) {
                true => Ok(()),
                false => Err(Error::shape(format!(
                    "expected as `{what}` {count} numbers for each pixel of {result}, found {found}"
                ))),
            }
        };
        required(operands, 2, "offset")?;
        of_place(2, "offset", taps.saturating_mul(2))?;
        of_place(4, "mask", taps)?;
        let bias = TensorType { element: data.element, shape: vec![result.shape[1].clone()] };
        let found = operands.get(3).copied().flatten().map(|found| found.tensor_type);
        if found.is_some_and(|found| *found != bias) {
            return Err(Error::shape(format!("expected as bias {bias}")));
        }
        one(result)
    }

    fn operation(&self) -> Option<AnyOperation> {
        let Self { axes, groups, offset_groups } = *self;
        Some(operation::DeformConv { axes, groups, offset_groups }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    /// One tap on 3 x 3 pixels, moved by half a row and a column to the right.
    fn case() -> Case {
        let moves = [vec![0.5f32; 9], vec![1.0; 9]].concat();
        Case::new("DeformConv", 19)
            .counting(&[1, 1, 3, 3])
            .operand(Tensor::new(&[1, 1, 1, 1], vec![2.0f32]).unwrap())
            .operand(Tensor::new(&[1, 2, 3, 3], moves).unwrap())
    }

    #[test]
    fn taps_are_moved() {
        let values = vec![5.0, 7.0, 0.0, 11.0, 13.0, 0.0, 7.0, 8.0, 0.0];
        assert_eq!(case().f32s(), (vec![1, 1, 3, 3], values));
    }

    #[test]
    fn taps_have_factors() {
        let factors = Tensor::new(&[1, 1, 3, 3], vec![0.5f32; 9]).unwrap();
        let biased = case().operand(Tensor::vector(vec![1.0f32])).operand(factors);
        assert_eq!(biased.f32s().1, [3.5, 4.5, 1.0, 6.5, 7.5, 1.0, 4.5, 5.0, 1.0]);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        case().int("offset_group", 2).refused(ErrorKind::Shape, "2 offset groups");
        case().int("offset_group", 0).refused(ErrorKind::Malformed, "positive");
        case().ints("strides", &[2, 1]).refused(ErrorKind::Shape, "`offset` 2 numbers");
        let line = Case::new("DeformConv", 19).counting(&[1, 1, 3]).counting(&[1, 1, 1]);
        line.counting(&[1, 1, 3]).refused(ErrorKind::Unsupported, "2 dimensions");
    }
}
