//! Transposed convolution.

use super::Lowering;
use super::conv::merged_groups;
use crate::error::{Error, Result};
use crate::ir::{Value, required};
use crate::ops::ConvTranspose;
use crate::plan::blocking::{ConvShape, choose_blocking, choose_phase_blocking};
use crate::plan::tensor::BlockedId;
use crate::step::{self, Halo, LANES, Section, TransposedAxis};

/// What every kernel of transposed convolutions needs.
#[derive(Clone, Copy)]
struct Layer {
    shape: [usize; 4],
    output_shape: [usize; 4],
    axes: [TransposedAxis; 2],
    input: BlockedId,
    output: BlockedId,
    bias: Section,
    activation: step::Activation,
}

impl Layer {
    /// The convolution with stride 1 that this is, where it does not spread its
    /// pixels: kernel, dilation and padding. What is cut off may be more than a
    /// convolution pads; then it is none.
    fn plain_convolution(&self) -> Option<[[usize; 2]; 3]> {
        let phases = [0, 1].map(|axis| self.axes[axis].phase(0, self.output_shape[2 + axis]));
        let plain = self.axes.iter().all(|axis| axis.stride == 1)
            && phases.iter().all(|phase| phase.start <= 0);
        plain.then(|| {
            let pad = phases.map(|phase| phase.start.unsigned_abs());
            [phases.map(|phase| phase.taps), phases.map(|phase| phase.dilation), pad]
        })
    }

    /// Most taps of a phase along each dimension.
    fn most_taps(&self) -> [usize; 2] {
        [0, 1].map(|axis| {
            let size = self.output_shape[2 + axis];
            let phases = 0..self.axes[axis].phases(size);
            phases.map(|phase| self.axes[axis].phase(phase, size).taps).max().unwrap_or(0)
        })
    }
}

impl Lowering<'_> {
    pub(super) fn conv_transpose(
        &mut self,
        conv: &ConvTranspose,
        operands: &[Option<Value>],
        result: Value,
    ) -> Result<()> {
        let input = required(operands, ConvTranspose::INPUT, "input")?;
        let weights = required(operands, ConvTranspose::WEIGHTS, "weights")?;
        let kernel = self.picture(weights)?;
        let (shape, output_shape) = (self.picture(input)?, self.picture(result)?);
        if shape.contains(&0) || output_shape.contains(&0) || kernel.contains(&0) {
            return Err(Error::unsupported("a convolution of nothing is not compiled"));
        }
        let axes = [0, 1].map(|axis| TransposedAxis {
            kernel: kernel[2 + axis],
            stride: conv.strides[axis],
            dilation: conv.dilations[axis],
            pad: conv.pads[axis],
        });
        let values = self.constant_f32(weights)?;
        let input = self.blocked(input, halo(axes, shape, output_shape))?;
        let channels = output_shape[1];
        let operand = |slot| operands.get(slot).copied().flatten();
        let bias = self.channels_section(operand(ConvTranspose::BIAS), channels)?;
        let slopes = operand(ConvTranspose::SLOPES);
        let activation = self.store_activation(conv.activation, slopes, channels)?;
        let output = self.new_blocked(result)?;
        let layer = Layer { shape, output_shape, axes, input, output, bias, activation };
        if conv.groups == shape[1] && conv.groups == channels {
            self.depthwise_transpose(layer, values);
        } else {
            self.dense_transpose(layer, conv.groups, values);
        }
        Ok(())
    }

    fn depthwise_transpose(&mut self, layer: Layer, weights: &[f32]) {
        let Layer { output_shape, axes, input, output, bias, activation, .. } = layer;
        let [_, channels, rows, columns] = output_shape;
        let packed =
            step::pack_transposed_depthwise_weights(weights, channels, axes, [rows, columns]);
        let weights = self.weights.push(&packed);
        let plain = layer.plain_convolution();
        self.push(&[input.into()], output, move |p| {
            let (input, output) = (p.blocked(input), p.blocked(output));
            if let Some([kernel, dilation, pad]) = plain {
                return step::DepthwiseConv {
                    input,
                    output,
                    residual: None,
                    weights,
                    bias,
                    kernel,
                    stride: [1, 1],
                    dilation,
                    pad,
                    activation,
                }
                .into();
            }
            step::DepthwiseConvTranspose { input, output, weights, bias, axes, activation }.into()
        });
    }

    fn dense_transpose(&mut self, layer: Layer, groups: usize, weights: &[f32]) {
        let Layer { shape, output_shape, axes, input, output, bias, activation } = layer;
        let [batch, channels, rows, columns] = output_shape;
        let merged = merged_groups(groups, shape[1], channels);
        let packed = step::pack_transposed_weights(
            weights,
            [shape[1], channels],
            groups,
            merged,
            axes,
            [rows, columns],
        );
        let weights = self.weights.push(&packed);
        let plain = layer.plain_convolution();
        let phase = [rows.div_ceil(axes[0].stride), columns.div_ceil(axes[1].stride)];
        let phase = ConvShape {
            input_blocks: (shape[1] / merged).div_ceil(LANES),
            output: [batch, channels, phase[0], phase[1]],
            kernel: layer.most_taps(),
            stride: [1, 1],
        };
        let blocking = match plain {
            Some(_) => choose_blocking(&phase),
            None => choose_phase_blocking(&phase, columns),
        };
        self.push(&[input.into()], output, move |p| {
            let (input, output) = (p.blocked(input), p.blocked(output));
            if let Some([kernel, dilation, pad]) = plain {
                return step::Conv {
                    input,
                    output,
                    residual: None,
                    weights,
                    bias,
                    kernel,
                    stride: [1, 1],
                    dilation,
                    pad,
                    groups: merged,
                    activation,
                    blocking,
                }
                .into();
            }
            step::ConvTranspose {
                input,
                output,
                weights,
                bias,
                axes,
                groups: merged,
                activation,
                blocking,
            }
            .into()
        });
    }
}

/// The zeros around the input that the taps touch.
fn halo(axes: [TransposedAxis; 2], input: [usize; 4], output: [usize; 4]) -> Halo {
    let [rows, columns] = [0, 1].map(|axis| {
        let reach = axes[axis].reach(output[2 + axis]);
        let after = reach.end.saturating_sub_unsigned(input[2 + axis]);
        [reach.start.saturating_neg(), after].map(|side| usize::try_from(side).unwrap_or(0))
    });
    Halo { top: rows[0], left: columns[0], bottom: rows[1], right: columns[1] }
}
