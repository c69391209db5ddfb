//! Transposed convolution between channel-blocked tensors.
//!
//! Each phase of the output is a convolution with stride 1 whose output pixels
//! lie apart, so the loops and tiles of the direct method compute it. A piece of
//! work is a strip of output rows of one phase row, with all its phase columns:
//! they fill the gaps between each other's pixels while the rows are in a near
//! cache, and what is left to do to a row can be done when it is whole.

use super::direct::{check_slopes, slopes};
use super::finish::{Finish, bounds, finish};
use super::halo::zero_halo;
use super::sweep::Sweep;
use super::tile::TileSet;
use crate::simd::Isa;
use crate::step::{Activation, Blocked, ConvTranspose, GROUP, Halo, LANES, Phase, TransposedAxis};
use core::ops::Range;

/// Pieces of work of a transposed convolution.
pub(crate) fn pieces(conv: &ConvTranspose, isa: Isa) -> usize {
    let phases = conv.axes[0].phases(conv.output.height);
    conv.output.batch * conv.groups * phases * strips(conv) * panels(conv, isa)
}

/// Runs some pieces of a transposed convolution.
///
/// # Safety
///
/// The processor has `isa`; [`check`] passes; operands lie in the arena and in
/// the weights that start at the two addresses; nobody else uses what the
/// pieces write.
pub(crate) unsafe fn run(
    conv: &ConvTranspose,
    arena: *mut u8,
    weights: *const u8,
    isa: Isa,
    pieces: Range<usize>,
) {
    let (panels, strips) = (panels(conv, isa), strips(conv));
    let phases = conv.axes[0].phases(conv.output.height);
    let layer = Layer { conv, arena, weights, isa };
    let mut piece = pieces.start;
    while piece < pieces.end {
        let first = piece % panels;
        let end = panels.min(first + pieces.end - piece);
        let outer = piece / panels;
        let strip = Strip {
            plane: outer / strips / phases,
            phase: outer / strips % phases,
            index: outer % strips,
        };
        // SAFETY: the caller has this contract.
        unsafe { layer.run_strip(&strip, first..end) };
        piece += end - first;
    }
}

/// Panics unless the numbers of a transposed convolution belong together, so
/// that every place that it touches lies inside its operands.
pub(crate) fn check(conv: &ConvTranspose) {
    let ConvTranspose { input, output, axes, groups, .. } = conv;
    assert!(
        input.batch == output.batch
            && *groups > 0
            && conv.blocking.input_blocks > 0
            && conv.blocking.rows > 0,
        "transposed convolution: batches, groups or blocking"
    );
    assert!(
        *groups == 1
            || (input.channels.is_multiple_of(groups * LANES)
                && output.channels.is_multiple_of(groups * GROUP)),
        "transposed convolution: a group has whole blocks of channels"
    );
    check_reach(axes, input, output);
    let taps = axes[0].taps_before(axes[0].phases(output.height), output.height)
        * axes[1].taps_before(axes[1].phases(output.width), output.width);
    let out = output.channels.div_ceil(GROUP) * GROUP;
    assert!(conv.weights.len >= taps * weights_of_tap(conv), "transposed convolution: weights");
    assert!(conv.bias.len >= out, "transposed convolution: bias");
    check_slopes(&conv.activation, out);
}

/// Panics unless the input's halo covers what the phases read.
pub(super) fn check_reach(axes: &[TransposedAxis; 2], input: &Blocked, output: &Blocked) {
    let rows = (axes[0].reach(output.height), input.height, input.halo.top, input.halo.bottom);
    let columns = (axes[1].reach(output.width), input.width, input.halo.left, input.halo.right);
    for (reach, size, before, after) in [rows, columns] {
        assert!(
            reach.start >= -(before as isize) && reach.end <= (size + after) as isize,
            "transposed convolution: the input's halo covers every pixel that is read"
        );
    }
}

/// Strips of the phase row with the most rows.
const fn strips(conv: &ConvTranspose) -> usize {
    conv.output.height.div_ceil(conv.axes[0].stride).div_ceil(conv.blocking.rows)
}

fn panels(conv: &ConvTranspose, isa: Isa) -> usize {
    (conv.output.blocks() / conv.groups).div_ceil(TileSet::blocked(isa).wide_blocks)
}

/// Weights of a phase, for each of its taps.
const fn weights_of_tap(conv: &ConvTranspose) -> usize {
    let depth = (conv.input.channels / conv.groups).div_ceil(LANES) * LANES;
    conv.output.channels.div_ceil(GROUP) * GROUP * depth
}

/// Some rows of a phase row.
struct Strip {
    /// Number of the group of channels, over all pictures.
    plane: usize,
    /// Phase row.
    phase: usize,
    /// Which rows of it.
    index: usize,
}

struct Layer<'a> {
    conv: &'a ConvTranspose,
    arena: *mut u8,
    weights: *const u8,
    isa: Isa,
}

impl Layer<'_> {
    /// Computes whole output rows of some panels of channels.
    unsafe fn run_strip(&self, strip: &Strip, panels: Range<usize>) {
        let ConvTranspose { output, axes, .. } = self.conv;
        let rows = axes[0].phase(strip.phase, output.height);
        let first = strip.index * self.conv.blocking.rows;
        let end = rows.count.min(first + self.conv.blocking.rows);
        if first >= end {
            return;
        }
        let columns = axes[1].phases(output.width);
        let mut taps = axes[0].taps_before(strip.phase, output.height)
            * axes[1].taps_before(columns, output.width);
        for column in 0..columns {
            let phase = [rows, axes[1].phase(column, output.width)];
            // SAFETY: the caller vouches for the operands.
            unsafe { self.run_phase(strip, column, phase, taps, panels.clone()) };
            taps += phase[0].taps * phase[1].taps;
        }
        // SAFETY: the caller vouches for the operands.
        unsafe { self.finish_rows(strip, first..end, panels) };
    }

    /// Computes the pixels of one phase in the rows of a strip; `taps` are those
    /// of the phases before it.
    unsafe fn run_phase(
        &self,
        strip: &Strip,
        column: usize,
        phase: [Phase; 2],
        taps: usize,
        panels: Range<usize>,
    ) {
        let ConvTranspose { input, output, axes, groups, activation, .. } = self.conv;
        let pixels = Blocked {
            origin: output.origin + 4 * (strip.phase * output.row_stride + column * LANES),
            height: phase[0].count,
            width: phase[1].count,
            row_stride: axes[0].stride * output.row_stride,
            halo: Halo::default(),
            ..*output
        };
        let taps_here = phase[0].taps * phase[1].taps;
        let start = phase[0].start * input.row_stride as isize + phase[1].start * LANES as isize;
        let weights = self.weights.wrapping_add(self.conv.weights.offset).cast::<f32>();
        let activation = match bounds(activation) {
            Some(_) => activation,
            None => &Activation::Identity,
        };
        let sweep = Sweep {
            isa: self.isa,
            tiles: TileSet::blocked(self.isa),
            arena: self.arena,
            input: self.arena.wrapping_add(input.origin).cast::<f32>().wrapping_offset(start),
            input_picture: input.batch_stride,
            input_plane: input.plane_stride,
            depth: input.blocks() / groups,
            chunk: if taps_here == 0 { usize::MAX } else { self.conv.blocking.input_blocks },
            kernel: [phase[0].taps, phase[1].taps],
            tap: [phase[0].dilation * input.row_stride, phase[1].dilation * LANES],
            // Where no tap reads, pixels may be further out than the halo.
            step: if taps_here == 0 { [0, 0] } else { [input.row_stride, LANES] },
            weights: weights.wrapping_add(taps * weights_of_tap(self.conv)),
            weights_plane: taps_here * LANES * GROUP,
            bias: self.weights.wrapping_add(self.conv.bias.offset).cast(),
            slopes: core::ptr::null(),
            output: &pixels,
            output_column: axes[1].stride * LANES,
            residual: None,
            activation,
            groups: *groups,
            extent: [pixels.height, pixels.width],
            strip: [self.conv.blocking.rows, pixels.width.max(1)],
        };
        let all_panels = sweep.pieces() / (output.batch * groups) / self.strips_of(phase[0]);
        let before = (strip.plane * self.strips_of(phase[0]) + strip.index) * all_panels;
        // SAFETY: the caller vouches for the operands.
        unsafe { sweep.run(before + panels.start..before + panels.end) };
    }

    const fn strips_of(&self, rows: Phase) -> usize {
        rows.count.div_ceil(self.conv.blocking.rows)
    }

    /// Applies the activation to rows that are computed, and zeroes the halo
    /// beside them.
    unsafe fn finish_rows(&self, strip: &Strip, rows: Range<usize>, panels: Range<usize>) {
        let ConvTranspose { output, axes, groups, activation, .. } = self.conv;
        let (picture, group) = (strip.plane / groups, strip.plane % groups);
        let group_blocks = output.blocks() / groups;
        let wide = TileSet::blocked(self.isa).wide_blocks;
        let first = group * group_blocks;
        let blocks = first + panels.start * wide..first + group_blocks.min(panels.end * wide);
        let slopes = slopes(activation, self.weights);
        for row in rows {
            let row = row * axes[0].stride + strip.phase;
            // SAFETY: the caller vouches for the operands.
            unsafe {
                if bounds(activation).is_none() {
                    for block in blocks.clone() {
                        let offset = picture * output.batch_stride
                            + block * output.plane_stride
                            + row * output.row_stride;
                        let run = Finish {
                            pixels: self.arena.add(output.origin).cast::<f32>().add(offset),
                            count: output.width,
                            residual: core::ptr::null(),
                            residual_last: false,
                            activation,
                            slopes: if slopes.is_null() {
                                slopes
                            } else {
                                slopes.wrapping_add(block * LANES)
                            },
                        };
                        finish(self.isa, &run);
                    }
                }
                zero_halo(self.arena, output, picture, blocks.clone(), row..row + 1);
            }
        }
    }
}

#[cfg(test)]
mod tests;
