//! Convolution over any number of dimensions, of sizes that may be known later.

use super::conv::{check_slot, groups};
use super::floats::{check_float, check_same_element};
use super::reading::{check, one, operand_type};
use super::sliding::{counts, kernel, padded, pictures, read, write};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{Attribute, Attributes, Dim, Operand, Parsed, Signature, TensorType, required};
use crate::operation::{self, SlidingAxis};

/// A `Conv` that [`super::Conv`] does not read. Operands: data, weights and,
/// optionally, a bias.
#[derive(Clone, Debug, PartialEq)]
pub struct GeneralConv {
    /// How the kernel slides along each dimension.
    pub axes: Vec<SlidingAxis>,
    /// Independent runs of channels.
    pub groups: usize,
}

/// The type of a convolution's result, its elements being those of the data.
pub(super) fn convolved(
    data: &TensorType,
    weights: &TensorType,
    axes: &[SlidingAxis],
    groups: usize,
) -> Result<TensorType> {
    let unfit = || {
        Error::shape(format!(
            "expected weights for the channels of {data} in {groups} groups, found {weights}"
        ))
    };
    let sizes = pictures(data)?;
    let [Dim::Fixed(out), Dim::Fixed(depth), kernel @ ..] = weights.shape.as_slice() else {
        return Err(unfit());
    };
    let kernels = axes.iter().map(|axis| Some(axis.kernel));
    let fits = sizes.len() == axes.len()
        && kernels.eq(kernel.iter().map(Dim::fixed))
        && *depth > 0
        && data.shape[1].fixed().is_some_and(|channels| depth.checked_mul(groups) == Some(channels))
        && out.is_multiple_of(groups);
    if !fits {
        return Err(unfit());
    }
    let mut shape = vec![data.shape[0].clone(), Dim::Fixed(*out)];
    shape.extend(counts(axes, sizes, false)?);
    Ok(TensorType { element: data.element, shape })
}

impl Definition for GeneralConv {
    const NAMES: &'static [&'static str] = &["Conv"];

    fn reads(signature: &Signature<'_>) -> bool {
        !super::Conv::reads(signature)
    }

    fn name(&self) -> &'static str {
        "Conv"
    }

    fn attributes(&self) -> Attributes {
        write(&self.axes, Attributes::default()).with("group", Attribute::Int(self.groups as i64))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let known = ["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"];
        check(signature, &known, 3)?;
        let sizes = pictures(operand_type(signature, 0, "input")?)?;
        let weights = operand_type(signature, 1, "weights")?;
        let axes = read(signature, &kernel(signature, weights, sizes.len())?, sizes)?;
        Ok(Parsed::as_written(Self { axes, groups: groups(signature)? }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let data = required(operands, 0, "input")?.tensor_type;
        let weights = required(operands, 1, "weights")?.tensor_type;
        check_float(data)?;
        check_same_element(data, weights)?;
        let result = convolved(data, weights, &self.axes, self.groups)?;
        if operands.get(2).copied().flatten().is_some() {
            let bias = TensorType { element: data.element, shape: vec![result.shape[1].clone()] };
            check_slot(operands, 2, "bias", Some(bias))?;
        }
        one(result)
    }

    fn operation(&self) -> Option<AnyOperation> {
        let axes = padded(&self.axes, SlidingAxis::POINT).ok()?;
        let (dimensions, groups) = (self.axes.len(), self.groups);
        Some(operation::GeneralConv { axes, dimensions, groups }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::{Dim, ElementType, Operand, Operator, Tensor, TensorType};
    use crate::ops::testing::Case;
    use crate::ops::{GeneralConv, Op};

    fn ones(shape: &[usize]) -> Tensor {
        Tensor::new(shape, vec![1.0f32; shape.iter().product()]).unwrap()
    }

    fn line(len: usize, kernel: &[usize]) -> Case {
        Case::new("Conv", 11).counting(&[1, 1, len]).operand(ones(kernel))
    }

    #[test]
    fn one_dimension() {
        let case = line(6, &[1, 1, 2]).ints("dilations", &[2]).ints("strides", &[2]);
        assert_eq!(case.clone().f32s(), (vec![1, 1, 2], vec![2.0, 6.0]));
        let biased = case.operand(Tensor::vector(vec![10.0f32])).ints("pads", &[1, 2]);
        assert_eq!(biased.f32s(), (vec![1, 1, 4], vec![11.0, 14.0, 18.0, 15.0]));
    }

    #[test]
    fn automatic_padding_keeps_the_size() {
        let case = |mode| line(4, &[1, 1, 2]).string("auto_pad", mode);
        assert_eq!(case("SAME_UPPER").f32s().1, [1.0, 3.0, 5.0, 3.0]);
        assert_eq!(case("SAME_LOWER").f32s().1, [0.0, 1.0, 3.0, 5.0]);
        assert_eq!(case("VALID").f32s().1, [1.0, 3.0, 5.0]);
    }

    #[test]
    fn three_dimensions_in_groups() {
        let case = Case::new("Conv", 11)
            .counting(&[1, 2, 2, 2, 2])
            .operand(ones(&[2, 1, 2, 1, 2]))
            .int("group", 2);
        assert_eq!(case.f32s(), (vec![1, 2, 1, 2, 1], vec![10.0, 18.0, 42.0, 50.0]));
    }

    #[test]
    fn sizes_may_be_known_later() {
        let named = |max| Dim::Bounded { symbol: "n".to_owned(), max };
        let data = TensorType {
            element: ElementType::F32,
            shape: vec![named(4), Dim::Fixed(3), Dim::Fixed(8), named(9)],
        };
        let weights = TensorType::f32(&[5, 3, 3, 3]);
        let axis = crate::operation::SlidingAxis {
            kernel: 3,
            stride: 1,
            dilation: 1,
            pad: 1,
            pad_end: 1,
        };
        let strided = crate::operation::SlidingAxis { stride: 2, ..axis };
        let op = |axes: [_; 2]| Op::from(GeneralConv { axes: axes.to_vec(), groups: 1 });
        let operands = [&data, &weights].map(|t| Some(Operand::of_type(t)));
        let types = op([axis, axis]).infer(&operands).unwrap();
        assert_eq!(types[0].shape, [named(4), Dim::Fixed(5), Dim::Fixed(8), named(9)]);
        let types = op([strided; 2]).infer(&operands).unwrap();
        assert_eq!(types[0].shape[2..], [Dim::Fixed(4), Dim::fresh(5)]);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        line(6, &[1, 2, 2]).refused(ErrorKind::Shape, "expected weights");
        line(6, &[1, 1, 2, 2]).refused(ErrorKind::Shape, "1 dimensions");
        line(1, &[1, 1, 2]).refused(ErrorKind::Shape, "larger than the padded picture");
        line(6, &[1, 1, 2]).ints("strides", &[1, 1]).refused(ErrorKind::Unsupported, "1 integers");
        line(6, &[1, 1, 2]).ints("kernel_shape", &[3]).refused(ErrorKind::Shape, "kernel_shape");
        line(6, &[1, 1, 2]).counting(&[2]).refused(ErrorKind::Shape, "expected as bias f32[1]");
        Case::new("Conv", 11).counting(&[1, 1]).counting(&[1, 1]).refused(ErrorKind::Shape, "3 to 8");
    }
}
