//! Convolution.

use super::Lowering;
use super::elementwise::{leading, row_major_strides};
use crate::error::{Error, Result};
use crate::ir::{ElementType, Value, required};
use crate::ops::{Conv, Prologue};
use crate::plan::blocking::{ConvShape, choose_blocking};
use crate::plan::tensor::{BlockedId, PlainId, TensorId};
use crate::plan::weights::Purpose;
use crate::step::{self, BinaryOperation, GROUP, Halo, LANES, Section};

/// Most input channels of a convolution that reads planar pictures.
const PLANAR_CHANNELS: usize = 4;

/// The numbers of a convolution that every kernel needs.
#[derive(Clone, Copy)]
struct Geometry {
    input: [usize; 4],
    output: [usize; 4],
    depth: usize,
    kernel: [usize; 2],
}

impl Geometry {
    /// Rows or columns of input that the taps span, from the first padding on.
    const fn reach(&self, conv: &Conv, axis: usize) -> usize {
        (self.output[2 + axis] - 1) * conv.strides[axis]
            + (self.kernel[axis] - 1) * conv.dilations[axis]
            + 1
    }

    /// The zeros around the input that the taps touch.
    const fn halo(&self, conv: &Conv) -> Halo {
        Halo {
            top: conv.pads[0],
            left: conv.pads[1],
            bottom: self.reach(conv, 0).saturating_sub(conv.pads[0] + self.input[2]),
            right: self.reach(conv, 1).saturating_sub(conv.pads[1] + self.input[3]),
        }
    }
}

impl Lowering<'_> {
    pub(super) fn conv(
        &mut self,
        conv: &Conv,
        operands: &[Option<Value>],
        result: Value,
    ) -> Result<()> {
        let input = required(operands, Conv::INPUT, "input")?;
        let weights = required(operands, Conv::WEIGHTS, "weights")?;
        let [_, depth, kh, kw] = self.picture(weights)?;
        let geometry = Geometry {
            input: self.picture(input)?,
            output: self.picture(result)?,
            depth,
            kernel: [kh, kw],
        };
        if geometry.output.contains(&0) || geometry.input.contains(&0) || kh * kw * depth == 0 {
            return Err(Error::unsupported("a convolution of nothing is not compiled"));
        }
        let channels = geometry.output[1];
        if conv.epilogue.residual.is_none()
            && conv.groups == 1
            && geometry.input[1] <= PLANAR_CHANNELS
            && !self.has_blocked(input)
        {
            return self.planar_conv(conv, geometry, operands, result);
        }
        let input = self.conv_input(conv, geometry, operands)?;
        let operand = |slot| operands.get(slot).copied().flatten();
        let bias = self.channels_section(operand(Conv::BIAS), channels)?;
        let residual = self.residual(conv, operands)?;
        let slopes = operand(Conv::SLOPES);
        let activation = self.store_activation(conv.epilogue.activation, slopes, channels)?;
        let output = self.new_blocked(result)?;
        let mut reads = vec![TensorId::from(input)];
        reads.extend(residual.map(|(id, _)| TensorId::from(id)));

        let kernel = geometry.kernel;
        let (stride, dilation, pad) = (conv.strides, conv.dilations, [conv.pads[0], conv.pads[1]]);
        if conv.groups == channels && conv.groups == geometry.input[1] {
            let weights = self.depthwise_weights(weights, geometry)?;
            self.push(&reads, output, move |p| {
                let residual =
                    residual.map(|(id, order)| step::Residual { view: p.blocked(id), order });
                let (input, output) = (p.blocked(input), p.blocked(output));
                step::DepthwiseConv {
                    input,
                    output,
                    residual,
                    weights,
                    bias,
                    kernel,
                    stride,
                    dilation,
                    pad,
                    activation,
                }
                .into()
            });
            return Ok(());
        }
        let groups = merged_groups(conv.groups, geometry.input[1], channels);
        let weights = self.direct_weights(weights, geometry, conv.groups, groups)?;
        let blocking = choose_blocking(&ConvShape {
            input_blocks: (geometry.input[1] / groups).div_ceil(LANES),
            output: geometry.output,
            kernel,
            stride,
        });
        self.push(&reads, output, move |p| {
            let residual =
                residual.map(|(id, order)| step::Residual { view: p.blocked(id), order });
            let (input, output) = (p.blocked(input), p.blocked(output));
            step::Conv {
                input,
                output,
                residual,
                weights,
                bias,
                kernel,
                stride,
                dilation,
                pad,
                groups,
                activation,
                blocking,
            }
            .into()
        });
        Ok(())
    }

    /// The input in blocked form, with the prologue applied.
    fn conv_input(
        &mut self,
        conv: &Conv,
        geometry: Geometry,
        operands: &[Option<Value>],
    ) -> Result<BlockedId> {
        let value = required(operands, Conv::INPUT, "input")?;
        let halo = geometry.halo(conv);
        let Some(Prologue { activation }) = conv.prologue else {
            return self.blocked(value, halo);
        };
        let input = self.blocked(value, Halo::default())?;
        let channels = geometry.input[1];
        let scale =
            self.channels_section(operands.get(Conv::SCALE).copied().flatten(), channels)?;
        let shift =
            self.channels_section(operands.get(Conv::SHIFT).copied().flatten(), channels)?;
        let activation = self.store_activation(activation, None, channels)?;
        let output = self.tensors.add_blocked(geometry.input);
        self.tensors.ask_halo(output, halo)?;
        self.convert("prologue", &[input.into()], output, move |p| {
            let (input, output) = (p.blocked(input), p.blocked(output));
            step::ScaleShift { input, output, scale, shift, activation }.into()
        });
        Ok(output)
    }

    fn residual(
        &mut self,
        conv: &Conv,
        operands: &[Option<Value>],
    ) -> Result<Option<(BlockedId, step::ResidualOrder)>> {
        let Some(order) = conv.epilogue.residual else { return Ok(None) };
        let value = required(operands, Conv::RESIDUAL, "residual")?;
        Ok(Some((self.blocked(value, Halo::default())?, order)))
    }

    fn planar_conv(
        &mut self,
        conv: &Conv,
        geometry: Geometry,
        operands: &[Option<Value>],
        result: Value,
    ) -> Result<()> {
        let [batch, channels, height, width] = geometry.input;
        let mut input = self.planar_input(conv, geometry, operands)?;
        let [top, left] = [conv.pads[0], conv.pads[1]];
        let padded_height = geometry.reach(conv, 0).max(top + height);
        let padded_width = geometry.reach(conv, 1).max(left + width);
        if [padded_height, padded_width] != [height, width] {
            let planes = batch * channels;
            let source = input;
            let len = [planes, padded_height, padded_width]
                .iter()
                .try_fold(1usize, |product, &size| product.checked_mul(size))
                .filter(|&len| len < isize::MAX as usize / 64)
                .ok_or_else(|| Error::unsupported("the padding is too large to compile"))?;
            input = self.tensors.add_plain(len, ElementType::F32);
            let output = input;
            self.convert("padding", &[source.into()], output, move |p| {
                let (input, output) = (p.plain(source), p.plain(output));
                step::PadPlanes {
                    input,
                    output,
                    planes,
                    height,
                    width,
                    padded_height,
                    padded_width,
                    top,
                    left,
                }
                .into()
            });
        }
        let out_channels = geometry.output[1];
        let weights = required(operands, Conv::WEIGHTS, "weights")?;
        let values = self.constant_f32(weights)?;
        let taps = geometry.depth * geometry.kernel[0] * geometry.kernel[1];
        let weights = self.section(weights, Purpose::Planar, |_| {
            step::pack_planar_weights(values, out_channels, taps)
        });
        let operand = |slot| operands.get(slot).copied().flatten();
        let bias = self.channels_section(operand(Conv::BIAS), out_channels)?;
        let slopes = operand(Conv::SLOPES);
        let activation = self.store_activation(conv.epilogue.activation, slopes, out_channels)?;
        let output = self.new_blocked(result)?;
        let (kernel, stride, dilation) = (geometry.kernel, conv.strides, conv.dilations);
        let (height, width) = (padded_height, padded_width);
        self.push(&[input.into()], output, move |p| {
            let (input, output) = (p.plain(input), p.blocked(output));
            step::PlanarConv {
                input,
                output,
                channels,
                height,
                width,
                weights,
                bias,
                kernel,
                stride,
                dilation,
                activation,
            }
            .into()
        });
        Ok(())
    }

    /// The row-major input with the prologue applied: the mean and deviation
    /// that many exports carry in front of their first layer.
    fn planar_input(
        &mut self,
        conv: &Conv,
        geometry: Geometry,
        operands: &[Option<Value>],
    ) -> Result<PlainId> {
        let input = self.plain(required(operands, Conv::INPUT, "input")?)?;
        let Some(Prologue { activation }) = conv.prologue else { return Ok(input) };
        let channels = geometry.input[1];
        let activation = self.store_activation(activation, None, channels)?;
        let scaled = (BinaryOperation::Mul, Conv::SCALE, step::Activation::Identity);
        let shifted = (BinaryOperation::Add, Conv::SHIFT, activation);
        let mut value = input;
        for (operation, slot, activation) in [scaled, shifted] {
            let left = value;
            let right = self.plain(required(operands, slot, "prologue")?)?;
            value = self.tensors.add_plain(geometry.input.iter().product(), ElementType::F32);
            let output = value;
            let sizes = leading(&geometry.input, 1)?;
            let left_strides = leading(&row_major_strides(&geometry.input), 0)?;
            let right_strides = leading(&[0, 1, 0, 0], 0)?;
            self.convert("prologue", &[left.into(), right.into()], output, move |p| {
                let [left, right, output] = [left, right, output].map(|id| p.plain(id));
                step::Binary {
                    left,
                    right,
                    output,
                    operation,
                    activation,
                    sizes,
                    left_strides,
                    right_strides,
                }
                .into()
            });
        }
        Ok(value)
    }

    fn depthwise_weights(&mut self, weights: Value, geometry: Geometry) -> Result<Section> {
        let values = self.constant_f32(weights)?;
        let taps = geometry.kernel[0] * geometry.kernel[1];
        Ok(self.section(weights, Purpose::Depthwise, |_| {
            step::pack_depthwise_weights(values, geometry.output[1], taps)
        }))
    }

    fn direct_weights(
        &mut self,
        weights: Value,
        geometry: Geometry,
        groups: usize,
        merged: usize,
    ) -> Result<Section> {
        let values = self.constant_f32(weights)?;
        let shape = [geometry.output[1], geometry.depth, geometry.kernel[0], geometry.kernel[1]];
        Ok(self.section(weights, Purpose::Conv { merged }, |_| {
            step::pack_conv_weights(values, shape, groups, merged)
        }))
    }
}

/// The most groups of whole blocks that `groups` groups can be merged into; 1
/// where only a dense convolution with zeros between the groups does.
pub(super) fn merged_groups(groups: usize, input_channels: usize, output_channels: usize) -> usize {
    let whole = |merged: usize| {
        groups.is_multiple_of(merged)
            && (input_channels / merged).is_multiple_of(LANES)
            && (output_channels / merged).is_multiple_of(GROUP)
    };
    (2..=groups).rev().find(|&merged| whole(merged)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::merged_groups;

    #[test]
    fn groups_merge_until_their_channels_fill_blocks() {
        assert_eq!(merged_groups(1, 64, 64), 1);
        assert_eq!(merged_groups(2, 96, 256), 2);
        assert_eq!(merged_groups(32, 128, 128), 8);
        assert_eq!(merged_groups(3, 9, 12), 1);
        assert_eq!(merged_groups(4, 32, 32), 2);
    }
}
