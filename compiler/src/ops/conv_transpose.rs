//! Transposed convolution over two spatial dimensions.

use super::conv::{check_slot, groups, of_each, reads_pictures};
use super::floats::{check_float, check_same_element, rounded, widened};
use super::reading::{NEWEST, check, operand_type};
use super::general_conv_transpose::{read_padding, spread};
use super::sliding::unpadded;
use super::windows::array;
use super::{Activation, AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{Attribute, Attributes, Dim, Operand, Parsed, Signature, Tensor, TensorType, required};
use crate::operation::{self, SlidingAxis};
use crate::step::RANK;

/// `ConvTranspose`: each input pixel, times the kernel, is added to the output.
///
/// Input pixel `i` meets, through tap `k` of the kernel, output pixel
/// `i * stride + k * dilation - pad`. `auto_pad` and `output_shape` are read as
/// the pads and the output padding that they come to.
#[derive(Clone, Debug, PartialEq)]
pub struct ConvTranspose {
    /// Output rows and columns between the places of neighbouring input pixels.
    pub strides: [usize; 2],
    /// Rows and columns cut off above, to the left, below and to the right.
    pub pads: [usize; 4],
    /// Rows and columns between taps.
    pub dilations: [usize; 2],
    /// Rows and columns added below and to the right; they hold what else
    /// reaches them.
    pub output_padding: [usize; 2],
    /// Independent runs of channels.
    pub groups: usize,
    /// Applied before the result is stored. [`Activation::ChannelRelu`] takes
    /// its slopes from slot [`ConvTranspose::SLOPES`].
    pub activation: Activation,
}

impl ConvTranspose {
    /// Slot of the input.
    pub const INPUT: usize = 0;
    /// Slot of the weights `[in, out / groups, kh, kw]`.
    pub const WEIGHTS: usize = 1;
    /// Slot of the bias `[out]`; may be empty.
    pub const BIAS: usize = 2;
    /// Slot of the slopes of [`Activation::ChannelRelu`], one an output channel.
    pub const SLOPES: usize = 3;

    /// Slots in all.
    const SLOTS: usize = 4;

    /// Multiply-adds for an input of this type: every pixel meets every tap.
    pub(super) fn multiply_adds(input: &TensorType, weights: &TensorType) -> u64 {
        of_each(weights, input)
    }

    /// How the kernel, of a single tap here, slides along a dimension.
    const fn axis(&self, axis: usize) -> SlidingAxis {
        SlidingAxis {
            kernel: 1,
            stride: self.strides[axis],
            dilation: self.dilations[axis],
            pad: self.pads[axis],
            pad_end: self.pads[2 + axis],
        }
    }

    /// Rows and columns of the result.
    fn extent(&self, input: [usize; 2], kernel: [usize; 2]) -> Result<[usize; 2]> {
        let mut extent = [0; 2];
        for axis in [0, 1] {
            if kernel[axis] == 0 {
                return Err(Error::shape("expected pictures and kernels with pixels"));
            }
            let window = SlidingAxis { kernel: kernel[axis], ..self.axis(axis) };
            let padded = spread(&window, input[axis])?.saturating_add(self.output_padding[axis]);
            let size = padded.checked_sub(self.pads[axis] + self.pads[2 + axis]);
            extent[axis] = size.filter(|&size| size > 0).ok_or_else(|| {
                Error::shape(format!("of {padded} rows or columns `pads` leave none"))
            })?;
        }
        Ok(extent)
    }
}

impl Definition for ConvTranspose {
    const NAMES: &'static [&'static str] = &["ConvTranspose"];

    /// Pictures of two dimensions and known sizes; all others are more general.
    fn reads(signature: &Signature<'_>) -> bool {
        reads_pictures(signature)
    }

    fn name(&self) -> &'static str {
        "ConvTranspose"
    }

    fn attributes(&self) -> Attributes {
        let ints = |values: &[usize]| Attribute::Ints(values.iter().map(|&v| v as i64).collect());
        let mut attributes = Attributes::default()
            .with("strides", ints(&self.strides))
            .with("pads", ints(&self.pads))
            .with("dilations", ints(&self.dilations))
            .with("output_padding", ints(&self.output_padding))
            .with("group", Attribute::Int(self.groups as i64));
        self.activation.write_attribute("activation", &mut attributes);
        attributes
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let written = [
            "auto_pad",
            "dilations",
            "group",
            "kernel_shape",
            "output_padding",
            "output_shape",
            "pads",
            "strides",
        ];
        match signature.opset {
            NEWEST => check(signature, &[&written[..], &["activation"]].concat(), Self::SLOTS)?,
            _ => check(signature, &written, 3)?,
        }
        let [_, _, height, width] = operand_type(signature, Self::INPUT, "input")?.picture()?;
        let [_, _, kh, kw] = operand_type(signature, Self::WEIGHTS, "weights")?.picture()?;
        if let Some(kernel) = signature.attributes.ints("kernel_shape")?
            && array(kernel, "kernel_shape", 1)? != [kh, kw]
        {
            return Err(Error::shape(format!(
                "attribute `kernel_shape` is {kernel:?}, but the weights have {kh} rows and {kw} columns"
            )));
        }
        if kh == 0 || kw == 0 {
            return Err(Error::shape("expected pictures and kernels with pixels"));
        }
        let mut axes = unpadded(signature, &[kh, kw])?;
        let sizes = [height, width].map(Dim::Fixed);
        for (axis, size) in axes.iter().zip([height, width]) {
            spread(axis, size)?;
        }
        let output_padding = read_padding(signature, &mut axes, &sizes)?;
        let both = |value: fn(&SlidingAxis) -> usize| [0, 1].map(|axis| value(&axes[axis]));
        let (strides, dilations) = (both(|axis| axis.stride), both(|axis| axis.dilation));
        let ([top, left], [bottom, right]) = (both(|axis| axis.pad), both(|axis| axis.pad_end));
        let pads = [top, left, bottom, right];
        let output_padding = [output_padding[0], output_padding[1]];
        let groups = groups(signature)?;
        let activation = Activation::from_attribute(signature, "activation")?;
        let operator = Self { strides, pads, dilations, output_padding, groups, activation };
        Ok(Parsed::as_written(operator, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let input = required(operands, Self::INPUT, "input")?.tensor_type;
        let weights = required(operands, Self::WEIGHTS, "weights")?.tensor_type;
        check_float(input)?;
        check_same_element(input, weights)?;
        let [batch, channels, height, width] = input.picture()?;
        let [depth, group_out, kh, kw] = weights.picture()?;
        if depth != channels || depth == 0 || !depth.is_multiple_of(self.groups) {
            return Err(Error::shape(format!(
                "expected weights for {channels} input channels in {} groups, found {weights}",
                self.groups
            )));
        }
        let out = group_out.checked_mul(self.groups).filter(|&out| out > 0).ok_or_else(|| {
            Error::shape(format!("the weights {weights} have no output channels"))
        })?;
        let [rows, columns] = self.extent([height, width], [kh, kw])?;
        let result = TensorType::fixed(input.element, &[batch, out, rows, columns]);
        result.elements()?;
        let vector = || TensorType::fixed(input.element, &[out]);
        if operands.get(Self::BIAS).copied().flatten().is_some() {
            check_slot(operands, Self::BIAS, "bias", Some(vector()))?;
        }
        let slopes = (self.activation == Activation::ChannelRelu).then(vector);
        check_slot(operands, Self::SLOPES, "slopes", slopes)?;
        Ok(vec![result])
    }

    fn operation(&self) -> Option<AnyOperation> {
        if self.activation != Activation::Identity {
            return None;
        }
        let mut axes = [SlidingAxis::POINT; RANK];
        (axes[0], axes[1]) = (self.axis(0), self.axis(1));
        let mut output_padding = [0; RANK];
        output_padding[..2].copy_from_slice(&self.output_padding);
        let (dimensions, groups) = (2, self.groups);
        Some(operation::GeneralConvTranspose { axes, output_padding, dimensions, groups }.into())
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let types = super::reading::inferred(self, operands)?;
        let result = required(&[types.first()], 0, "result")?;
        let shape @ [batch, out, rows, columns] = result.picture()?;
        let input = required(operands, Self::INPUT, "input")?;
        let weights = required(operands, Self::WEIGHTS, "weights")?;
        let [_, channels, height, width] = input.tensor_type().picture()?;
        let [_, group_out, kh, kw] = weights.tensor_type().picture()?;
        let (input, weights) = (widened(input)?, widened(weights)?);
        let mut sums = vec![0.0; shape.iter().product()];
        let planes = (0..batch).flat_map(|n| (0..channels).map(move |c| (n, c)));
        for ((n, c), plane) in planes.zip(input.chunks_exact((height * width).max(1))) {
            let first = c / (channels / self.groups) * group_out;
            for o in 0..group_out {
                let kernel = &weights[(c * group_out + o) * kh * kw..][..kh * kw];
                let sums = &mut sums[(n * out + first + o) * rows * columns..][..rows * columns];
                self.spread_plane([height, width], plane, kw, kernel, columns, sums);
            }
        }
        let optional = |slot: usize| operands.get(slot).copied().flatten().map(widened).transpose();
        let (bias, slopes) = (optional(Self::BIAS)?, optional(Self::SLOPES)?);
        for (i, sum) in sums.iter_mut().enumerate() {
            let channel = i / (rows * columns) % out;
            let slope = slopes.as_ref().map_or(1.0, |slopes| slopes[channel]);
            let bias = bias.as_ref().map_or(0.0, |bias| bias[channel]);
            *sum = self.activation.apply(*sum + bias, slope);
        }
        Ok(vec![rounded(result.element, &shape, sums)?])
    }
}

impl ConvTranspose {
    /// Adds a plane times a kernel to the sums.
    fn spread_plane(
        &self,
        [height, width]: [usize; 2],
        plane: &[f64],
        kernel_columns: usize,
        kernel: &[f64],
        columns: usize,
        sums: &mut [f64],
    ) {
        let rows = sums.len() / columns;
        // Where tap `k` of input pixel `i` goes, if not to what is cut off.
        let place = |axis: usize, i: usize, k: usize, size: usize| {
            let place = i * self.strides[axis] + k * self.dilations[axis];
            place.checked_sub(self.pads[axis]).filter(|&place| place < size)
        };
        for y in 0..height {
            for (ky, kernel) in kernel.chunks_exact(kernel_columns).enumerate() {
                let Some(row) = place(0, y, ky, rows) else { continue };
                for x in 0..width {
                    for (kx, weight) in kernel.iter().enumerate() {
                        let Some(column) = place(1, x, kx, columns) else { continue };
                        sums[row * columns + column] += plane[y * width + x] * weight;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
