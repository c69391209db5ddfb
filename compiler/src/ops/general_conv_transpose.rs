//! Transposed convolution over any number of dimensions.

use super::conv::{check_slot, groups};
use super::floats::{check_float, check_same_element};
use super::reading::{check, one, operand_type};
use super::sliding::{
    AutoPad, kernel, known, numbers, padded, pictures, read_pads, unpadded, write,
};
use super::windows::{LARGEST, list};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{Attribute, Attributes, Dim, Operand, Parsed, Signature, TensorType, required};
use crate::operation::{self, SlidingAxis};

/// A `ConvTranspose` that [`super::ConvTranspose`] does not read. Operands: data,
/// weights and, optionally, a bias.
#[derive(Clone, Debug, PartialEq)]
pub struct GeneralConvTranspose {
    /// How the kernel slides along each dimension of the result; padding is
    /// what is cut off.
    pub axes: Vec<SlidingAxis>,
    /// Pixels added at the end of each dimension.
    pub output_padding: Vec<usize>,
    /// Independent runs of channels.
    pub groups: usize,
}

/// Pixels that the input reaches before anything is cut off.
pub(super) fn spread(axis: &SlidingAxis, size: usize) -> Result<usize> {
    if axis.kernel >= LARGEST {
        return Err(Error::malformed("a kernel of that many pixels makes no sense"));
    }
    match size {
        0 => Err(Error::shape("expected pictures and kernels with pixels")),
        _ => Ok((size - 1).saturating_mul(axis.stride).saturating_add(axis.extent())),
    }
}

/// Reads pads and output padding as a node gives them, or as its `auto_pad` and
/// `output_shape` come to. Sets the pads of the windows and gives the rest.
pub(super) fn read_padding(
    signature: &Signature<'_>,
    axes: &mut [SlidingAxis],
    sizes: &[Dim],
) -> Result<Vec<usize>> {
    let most = |axis: &SlidingAxis| axis.stride.max(axis.dilation) - 1;
    let mut added = numbers(signature, "output_padding", axes.len(), 0)?;
    if added.iter().zip(&*axes).any(|(&added, axis)| added > most(axis)) {
        return Err(Error::malformed(format!(
            "expected attribute `output_padding` to be smaller than stride or dilation, found {added:?}"
        )));
    }
    let auto_pad = AutoPad::read(signature)?;
    let output_shape = match signature.attributes.ints("output_shape")? {
        None => None,
        Some(given) => Some(list(given, "output_shape", axes.len(), 1)?),
    };
    let given = output_shape.is_some();
    let wanted = match (output_shape, auto_pad) {
        (Some(shape), _) => shape,
        (None, AutoPad::Given) => {
            read_pads(signature, axes)?;
            return Ok(added);
        }
        (None, AutoPad::None) => return Ok(added),
        (None, AutoPad::Same { .. }) => {
            let products = known(sizes)?.into_iter().zip(&*axes);
            products.map(|(size, axis)| size.saturating_mul(axis.stride)).collect()
        }
    };
    let sizes = known(sizes)?;
    for (index, axis) in axes.iter_mut().enumerate() {
        let padded = spread(axis, sizes[index])?.saturating_add(added[index]);
        let total = padded.saturating_sub(wanted[index]);
        let missing = wanted[index].saturating_sub(padded);
        added[index] += missing;
        if missing > 0 && !given {
            return Err(Error::unsupported(
                "`auto_pad` with strides larger than the kernel means different things to \
                 different tools",
            )
            .help("export the model with `pads` or `output_shape` instead"));
        }
        if added[index] > most(axis) {
            return Err(Error::shape(format!(
                "attribute `output_shape` is {wanted:?}, which is more than the input reaches"
            )));
        }
        if total > LARGEST {
            return Err(Error::malformed(format!("cutting off {total} pixels makes no sense")));
        }
        // Of an odd number of pixels, one more is cut off at the start or end.
        let more_at_end = auto_pad == AutoPad::Same { lower: false };
        axis.pad = if more_at_end { total / 2 } else { total.div_ceil(2) };
        axis.pad_end = total - axis.pad;
    }
    Ok(added)
}

impl GeneralConvTranspose {
    /// Pixels of the result along a dimension.
    fn size(&self, index: usize, size: &Dim) -> Result<Dim> {
        let axis = &self.axes[index];
        let count = |size| operation::GeneralConvTranspose::size(axis, self.output_padding[index], size);
        match *size {
            Dim::Bounded { max: usize::MAX, .. } => Ok(Dim::open()),
            Dim::Bounded { max, .. } => Ok(Dim::fresh(count(max).unwrap_or(0))),
            Dim::Fixed(size) => count(size).map(Dim::Fixed).ok_or_else(|| {
                Error::shape(format!("of the pixels that {size} reach `pads` leave none"))
            }),
        }
    }
}

impl Definition for GeneralConvTranspose {
    const NAMES: &'static [&'static str] = &["ConvTranspose"];

    fn reads(signature: &Signature<'_>) -> bool {
        !super::ConvTranspose::reads(signature)
    }

    fn name(&self) -> &'static str {
        "ConvTranspose"
    }

    fn attributes(&self) -> Attributes {
        let added = self.output_padding.iter().map(|&added| added as i64).collect();
        write(&self.axes, Attributes::default())
            .with("group", Attribute::Int(self.groups as i64))
            .with("output_padding", Attribute::Ints(added))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let known = [
            "auto_pad",
            "dilations",
            "group",
            "kernel_shape",
            "output_padding",
            "output_shape",
            "pads",
            "strides",
        ];
        check(signature, &known, 3)?;
        let sizes = pictures(operand_type(signature, 0, "input")?)?;
        let weights = operand_type(signature, 1, "weights")?;
        let mut axes = unpadded(signature, &kernel(signature, weights, sizes.len())?)?;
        let output_padding = read_padding(signature, &mut axes, sizes)?;
        let groups = groups(signature)?;
        Ok(Parsed::as_written(Self { axes, output_padding, groups }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let data = required(operands, 0, "input")?.tensor_type;
        let weights = required(operands, 1, "weights")?.tensor_type;
        check_float(data)?;
        check_same_element(data, weights)?;
        let unfit = || {
            Error::shape(format!(
                "expected weights for the channels of {data} in {} groups, found {weights}",
                self.groups
            ))
        };
        let sizes = pictures(data)?;
        let [Dim::Fixed(depth), Dim::Fixed(group_out), kernel @ ..] = weights.shape.as_slice()
        else {
            return Err(unfit());
        };
        let kernels = self.axes.iter().map(|axis| Some(axis.kernel));
        let fits = sizes.len() == self.axes.len()
            && self.output_padding.len() == sizes.len()
            && kernels.eq(kernel.iter().map(Dim::fixed))
            && data.shape[1] == Dim::Fixed(*depth)
            && *depth > 0
            && depth.is_multiple_of(self.groups);
        let out = group_out.checked_mul(self.groups).filter(|&out| fits && out > 0);
        let out = Dim::Fixed(out.ok_or_else(unfit)?);
        let mut shape = vec![data.shape[0].clone(), out.clone()];
        for (index, size) in sizes.iter().enumerate() {
            shape.push(self.size(index, size)?);
        }
        if operands.get(2).copied().flatten().is_some() {
            let bias = TensorType { element: data.element, shape: vec![out] };
            check_slot(operands, 2, "bias", Some(bias))?;
        }
        one(TensorType { element: data.element, shape })
    }

    fn operation(&self) -> Option<AnyOperation> {
        let axes = padded(&self.axes, SlidingAxis::POINT).ok()?;
        let output_padding = padded(&self.output_padding, 0).ok()?;
        let (dimensions, groups) = (self.axes.len(), self.groups);
        Some(operation::GeneralConvTranspose { axes, output_padding, dimensions, groups }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn line() -> Case {
        let weights = Tensor::new(&[1, 1, 3], vec![1.0f32, 2.0, 3.0]).unwrap();
        Case::new("ConvTranspose", 11).counting(&[1, 1, 3]).operand(weights)
    }

    #[test]
    fn one_dimension() {
        let case = line().ints("strides", &[2]);
        assert_eq!(case.clone().f32s(), (vec![1, 1, 7], vec![0.0, 0.0, 1.0, 2.0, 5.0, 4.0, 6.0]));
        let cut = case.clone().ints("pads", &[2, 1]).ints("output_padding", &[1]);
        assert_eq!(cut.f32s().1, [1.0, 2.0, 5.0, 4.0, 6.0]);
        let biased = case.operand(Tensor::vector(vec![1.0f32])).string("auto_pad", "SAME_LOWER");
        assert_eq!(biased.f32s().1, [1.0, 2.0, 3.0, 6.0, 5.0, 7.0]);
    }

    #[test]
    fn three_dimensions_in_groups() {
        let weights = Tensor::new(&[2, 1, 1, 1, 2], vec![1.0f32, 2.0, 3.0, 4.0]).unwrap();
        let case = Case::new("ConvTranspose", 11).counting(&[1, 2, 1, 2, 1]).operand(weights);
        let values = vec![0.0, 0.0, 1.0, 2.0, 6.0, 8.0, 9.0, 12.0];
        assert_eq!(case.int("group", 2).f32s(), (vec![1, 2, 1, 2, 2], values));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        line().int("group", 2).refused(ErrorKind::Shape, "in 2 groups");
        line().ints("pads", &[3, 2]).refused(ErrorKind::Shape, "leave none");
        line().ints("output_shape", &[9]).refused(ErrorKind::Shape, "more than");
        line().ints("output_padding", &[1]).refused(ErrorKind::Malformed, "smaller than stride");
        line().counting(&[2]).refused(ErrorKind::Shape, "expected as bias f32[1]");
    }
}
