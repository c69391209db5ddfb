//! How windows over any number of dimensions are read, written and counted.

use super::windows::{LARGEST, list, same_padding};
use crate::error::{Error, Result, printable};
use crate::ir::{Attribute, Attributes, Dim, Signature, TensorType};
use crate::operation::SlidingAxis;
use crate::step::RANK;

/// Most dimensions that windows slide over: batch and channels are the others.
const MOST: usize = RANK - 2;

/// The dimensions of a tensor that windows slide over.
pub(super) fn pictures(tensor_type: &TensorType) -> Result<&[Dim]> {
    match tensor_type.shape.as_slice() {
        [_, _, sizes @ ..] if (1..=MOST).contains(&sizes.len()) => Ok(sizes),
        _ => Err(Error::shape(format!(
            "expected a tensor [batch, channels, ..] of 3 to {RANK} dimensions, found {tensor_type}"
        ))),
    }
}

/// The kernel that weights have, which are `[_, _, ..kernel]`.
pub(super) fn kernel(
    signature: &Signature<'_>,
    weights: &TensorType,
    dimensions: usize,
) -> Result<Vec<usize>> {
    let found = match weights.shape.as_slice() {
        [_, _, kernel @ ..] if kernel.len() == dimensions => {
            kernel.iter().map(Dim::fixed).collect()
        }
        _ => None,
    };
    let found: Vec<usize> = found.ok_or_else(|| {
        Error::shape(format!("expected weights for {dimensions} dimensions, found {weights}"))
    })?;
    match signature.attributes.ints("kernel_shape")? {
        Some(given) if list(given, "kernel_shape", dimensions, 1)? != found => Err(Error::shape(
            format!("attribute `kernel_shape` is {given:?}, but the weights are {weights}"),
        )),
        _ => Ok(found),
    }
}

/// The attribute `kernel_shape`, which must be there.
pub(super) fn kernel_shape(signature: &Signature<'_>, dimensions: usize) -> Result<Vec<usize>> {
    let given = signature.attributes.ints("kernel_shape")?;
    let given = given.ok_or_else(|| Error::malformed("attribute `kernel_shape` is missing"))?;
    list(given, "kernel_shape", dimensions, 1)
}

/// Integers of an attribute, one a dimension or side.
pub(super) fn numbers(
    signature: &Signature<'_>,
    name: &str,
    count: usize,
    least: usize,
) -> Result<Vec<usize>> {
    match signature.attributes.ints(name)? {
        None => Ok(vec![least; count]),
        Some(given) => list(given, name, count, least),
    }
}

/// Windows with this kernel, without padding.
pub(super) fn unpadded(signature: &Signature<'_>, kernel: &[usize]) -> Result<Vec<SlidingAxis>> {
    let strides = numbers(signature, "strides", kernel.len(), 1)?;
    let dilations = numbers(signature, "dilations", kernel.len(), 1)?;
    if kernel.iter().any(|size| !(1..=LARGEST).contains(size)) {
        return Err(Error::malformed(format!("a window of {kernel:?} pixels makes no sense")));
    }
    let axes = kernel.iter().zip(strides).zip(dilations);
    let axis = |((&kernel, stride), dilation)| SlidingAxis {
        kernel,
        stride,
        dilation,
        ..SlidingAxis::POINT
    };
    Ok(axes.map(axis).collect())
}

/// Sets the padding of windows to what the attribute `pads` says.
pub(super) fn read_pads(signature: &Signature<'_>, axes: &mut [SlidingAxis]) -> Result<()> {
    let pads = numbers(signature, "pads", 2 * axes.len(), 0)?;
    let (before, after) = pads.split_at(axes.len());
    for (axis, (&before, &after)) in axes.iter_mut().zip(before.iter().zip(after)) {
        (axis.pad, axis.pad_end) = (before, after);
    }
    Ok(())
}

/// What the attribute `auto_pad` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AutoPad {
    /// `NOTSET`: the attribute `pads` counts.
    Given,
    /// `VALID`: there is no padding.
    None,
    /// `SAME_UPPER` and `SAME_LOWER`: as much as keeps the size, the odd pixel
    /// at the end or at the start.
    Same {
        /// Whether it is at the start.
        lower: bool,
    },
}

impl AutoPad {
    pub(super) fn read(signature: &Signature<'_>) -> Result<Self> {
        match signature.attributes.string_or("auto_pad", "NOTSET")? {
            "NOTSET" => Ok(Self::Given),
            "VALID" => Ok(Self::None),
            "SAME_UPPER" => Ok(Self::Same { lower: false }),
            "SAME_LOWER" => Ok(Self::Same { lower: true }),
            other => Err(Error::malformed(format!(
                "expected attribute `auto_pad` to be NOTSET, VALID, SAME_UPPER or SAME_LOWER, \
                 found `{}`",
                printable(other)
            ))),
        }
    }
}

/// The windows of a node with this kernel on pictures of these sizes.
pub(super) fn read(
    signature: &Signature<'_>,
    kernel: &[usize],
    sizes: &[Dim],
) -> Result<Vec<SlidingAxis>> {
    let mut axes = unpadded(signature, kernel)?;
    match AutoPad::read(signature)? {
        AutoPad::Given => read_pads(signature, &mut axes)?,
        AutoPad::None => {}
        AutoPad::Same { lower } => {
            for (axis, size) in axes.iter_mut().zip(known(sizes)?) {
                [axis.pad, axis.pad_end] = same_padding(axis, size, lower)?;
            }
        }
    }
    Ok(axes)
}

/// The sizes of pictures, which `auto_pad` needs.
pub(super) fn known(sizes: &[Dim]) -> Result<Vec<usize>> {
    let known: Option<Vec<_>> = sizes.iter().map(Dim::fixed).collect();
    known.ok_or_else(|| {
        Error::unsupported("`auto_pad` needs pictures whose sizes are known")
            .help("export the model with `pads` instead")
    })
}

/// Writes the attributes that [`read`] reads, for the text form.
pub(super) fn write(axes: &[SlidingAxis], attributes: Attributes) -> Attributes {
    let dilations = axes.iter().map(|axis| axis.dilation as i64).collect();
    write_undilated(axes, attributes).with("dilations", Attribute::Ints(dilations))
}

/// Writes them where windows have no dilations.
pub(super) fn write_undilated(axes: &[SlidingAxis], attributes: Attributes) -> Attributes {
    let ints = |value: fn(&SlidingAxis) -> usize| axes.iter().map(move |axis| value(axis) as i64);
    let pads = ints(|axis| axis.pad).chain(ints(|axis| axis.pad_end)).collect();
    attributes
        .with("kernel_shape", Attribute::Ints(ints(|axis| axis.kernel).collect()))
        .with("strides", Attribute::Ints(ints(|axis| axis.stride).collect()))
        .with("pads", Attribute::Ints(pads))
}

/// The number of windows along each dimension.
pub(super) fn counts(axes: &[SlidingAxis], sizes: &[Dim], ceil: bool) -> Result<Vec<Dim>> {
    let count = |(axis, size): (&SlidingAxis, &Dim)| {
        let keeps = axis.stride == 1 && axis.pad + axis.pad_end + 1 == axis.extent();
        match size {
            Dim::Bounded { .. } if keeps => Ok(size.clone()),
            Dim::Bounded { max: usize::MAX, .. } => Ok(Dim::open()),
            Dim::Bounded { max, .. } => Ok(Dim::fresh(axis.count(*max, ceil).unwrap_or(0))),
            Dim::Fixed(size) => axis.count(*size, ceil).map(Dim::Fixed).ok_or_else(|| {
                Error::shape(format!(
                    "a window of {} pixels is larger than the padded picture of {}",
                    axis.extent(),
                    size.saturating_add(axis.pad + axis.pad_end)
                ))
            }),
        }
    };
    axes.iter().zip(sizes).map(count).collect()
}

/// A list in the fixed room of an operation.
pub(super) fn padded<T: Copy>(list: &[T], filling: T) -> Result<[T; RANK]> {
    let mut padded = [filling; RANK];
    let room = padded.get_mut(..list.len());
    room.ok_or_else(|| Error::internal("more dimensions than were read"))?.copy_from_slice(list);
    Ok(padded)
}

#[cfg(test)]
mod tests {
    use crate::ir::{Operator, Tensor};
    use crate::ops::testing::Case;

    /// Values -5 to 5 in a fixed order.
    fn mixed(shape: &[usize]) -> Tensor {
        let count: usize = shape.iter().product();
        let values = (0..count).map(|i| ((i * 7 + 3) % 11) as f32 - 5.0);
        Tensor::new(shape, values.collect::<Vec<_>>()).unwrap()
    }

    /// Checks that an operator of two dimensions, which is evaluated in a way of
    /// its own, gives what its operation gives.
    #[track_caller]
    fn agrees(case: Case) {
        let (operator, operands) = case.read().unwrap();
        let references: Vec<_> = operands.iter().map(Option::as_ref).collect();
        let values = operator.evaluate(&references).unwrap();
        let types: Vec<_> = values.iter().map(Tensor::tensor_type).collect();
        let operation = operator.operation().unwrap();
        assert_eq!(operation.evaluate(&references, &types).unwrap(), values);
    }

    #[test]
    fn operations_agree_with_evaluations_of_two_dimensions() {
        let windows = |case: Case| case.ints("strides", &[2, 1]).ints("pads", &[1, 0, 2, 1]);
        let conv = |name, weights: &[usize]| {
            let case = Case::new(name, 11).operand(mixed(&[2, 4, 7, 6])).operand(mixed(weights));
            windows(case).int("group", 2).ints("dilations", &[1, 2])
        };
        agrees(conv("Conv", &[22, 2, 3, 2]).operand(mixed(&[22])));
        agrees(conv("Conv", &[2, 2, 1, 3]));
        let transposed = conv("ConvTranspose", &[4, 3, 3, 2]).operand(mixed(&[6]));
        agrees(transposed.ints("output_padding", &[1, 0]));
        let pool = |name| {
            let case = Case::new(name, 19).operand(mixed(&[2, 3, 7, 6]));
            windows(case).ints("kernel_shape", &[3, 2]).int("ceil_mode", 1)
        };
        agrees(pool("MaxPool").ints("dilations", &[1, 2]));
        agrees(pool("AveragePool"));
        agrees(pool("AveragePool").int("count_include_pad", 1));
        for name in ["GlobalAveragePool", "GlobalMaxPool"] {
            agrees(Case::new(name, 11).operand(mixed(&[2, 3, 4, 5])));
        }
    }
}
