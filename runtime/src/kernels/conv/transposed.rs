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
use crate::step::{
    Activation, Blocked, ConvTranspose, GROUP, Halo, LANES, Phase, PhaseColumns, TransposedAxis,
};
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
    let taps = axes[0].taps_before(axes[0].phases(output.height), output.height);
    let out = output.channels.div_ceil(GROUP) * GROUP;
    assert!(conv.weights.len >= taps * weights_of_row(conv), "transposed convolution: weights");
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

/// The phase columns as they are computed.
fn columns(conv: &ConvTranspose) -> impl Iterator<Item = PhaseColumns> + Clone {
    PhaseColumns::all(conv.axes[1], conv.output.width, conv.output.blocks() / conv.groups)
}

/// Weights of all phase columns for each row of taps.
fn weights_of_row(conv: &ConvTranspose) -> usize {
    columns(conv).map(|columns| weights_of(conv, &columns)).sum()
}

/// Weights of some phase columns for each row of taps.
const fn weights_of(conv: &ConvTranspose, columns: &PhaseColumns) -> usize {
    columns.weights(conv.input.channels / conv.groups, conv.output.channels)
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
        let mut weights =
            axes[0].taps_before(strip.phase, output.height) * weights_of_row(self.conv);
        for columns in columns(self.conv) {
            // SAFETY: the caller vouches for the operands.
            unsafe {
                if columns.side_by_side {
                    self.run_side_by_side(strip, &columns, rows, weights, panels.clone());
                } else {
                    self.run_phase(strip, &columns, rows, weights, panels.clone());
                }
            }
            weights += rows.taps * weights_of(self.conv, &columns);
        }
        // SAFETY: the caller vouches for the operands.
        unsafe { self.finish_rows(strip, first..end, panels) };
    }

    /// Computes the pixels of one phase in the rows of a strip.
    unsafe fn run_phase(
        &self,
        strip: &Strip,
        columns: &PhaseColumns,
        rows: Phase,
        weights: usize,
        panels: Range<usize>,
    ) {
        let pixels = self.pixels(strip, columns, rows);
        let bias = self.weights.wrapping_add(self.conv.bias.offset).cast();
        let sweep = self.sweep(&pixels, [rows, columns.phase], weights, bias);
        let before = self.pieces_of(&sweep, strip, rows).start;
        // SAFETY: the caller vouches for the operands.
        unsafe { sweep.run(before + panels.start..before + panels.end) };
    }

    /// Computes the pixels of some phases in the rows of a strip, with the phases
    /// of a block of channels in the place of as many blocks.
    unsafe fn run_side_by_side(
        &self,
        strip: &Strip,
        columns: &PhaseColumns,
        rows: Phase,
        weights: usize,
        panels: Range<usize>,
    ) {
        let all = self.conv.output.blocks();
        let each = rows.taps * weights_of(self.conv, columns) / all;
        for block in self.blocks(panels) {
            let mut pixels = self.pixels(strip, columns, rows);
            pixels.origin += 4 * block * pixels.plane_stride;
            pixels.plane_stride = LANES;
            pixels.channels = columns.count * LANES;
            let bias = self.weights.wrapping_add(self.conv.bias.offset).cast::<f32>();
            // SAFETY: the bias has a value for every lane of every block.
            let bias: [f32; LANES] =
                unsafe { bias.wrapping_add(block * LANES).cast::<[f32; LANES]>().read_unaligned() };
            let bias = [bias; PhaseColumns::MOST];
            let phase = [rows, columns.phase];
            let sweep = self.sweep(&pixels, phase, weights + block * each, bias.as_ptr().cast());
            // SAFETY: the caller vouches for the operands.
            unsafe { sweep.run(self.pieces_of(&sweep, strip, rows)) };
        }
    }

    /// The pixels of a phase as a tensor, but for the distance between columns.
    fn pixels(&self, strip: &Strip, columns: &PhaseColumns, rows: Phase) -> Blocked {
        let ConvTranspose { output, axes, .. } = self.conv;
        Blocked {
            origin: output.origin + 4 * (strip.phase * output.row_stride + columns.first * LANES),
            height: rows.count,
            width: columns.phase.count,
            row_stride: axes[0].stride * output.row_stride,
            halo: Halo::default(),
            ..*output
        }
    }

    /// The convolution that a phase is.
    fn sweep<'s>(
        &'s self,
        pixels: &'s Blocked,
        phase: [Phase; 2],
        weights: usize,
        bias: *const f32,
    ) -> Sweep<'s> {
        let ConvTranspose { input, axes, groups, activation, .. } = self.conv;
        let taps = phase[0].taps * phase[1].taps;
        let start = phase[0].start * input.row_stride as isize + phase[1].start * LANES as isize;
        let all_weights = self.weights.wrapping_add(self.conv.weights.offset).cast::<f32>();
        Sweep {
            isa: self.isa,
            tiles: TileSet::blocked(self.isa),
            arena: self.arena,
            input: self.arena.wrapping_add(input.origin).cast::<f32>().wrapping_offset(start),
            input_picture: input.batch_stride,
            input_plane: input.plane_stride,
            depth: input.blocks() / groups,
            chunk: if taps == 0 { usize::MAX } else { self.conv.blocking.input_blocks },
            kernel: [phase[0].taps, phase[1].taps],
            tap: [phase[0].dilation * input.row_stride, phase[1].dilation * LANES],
            // Where no tap reads, pixels may be further out than the halo.
            step: if taps == 0 { [0, 0] } else { [input.row_stride, LANES] },
            weights: all_weights.wrapping_add(weights),
            weights_plane: taps * LANES * GROUP,
            bias,
            slopes: core::ptr::null(),
            output: pixels,
            output_column: axes[1].stride * LANES,
            residual: None,
            activation: match bounds(activation) {
                Some(_) => activation,
                None => &Activation::Identity,
            },
            groups: *groups,
            extent: [pixels.height, pixels.width],
            strip: [self.conv.blocking.rows, pixels.width.max(1)],
        }
    }

    /// The pieces of a phase that make a strip.
    fn pieces_of(&self, sweep: &Sweep<'_>, strip: &Strip, rows: Phase) -> Range<usize> {
        let strips = self.strips_of(rows);
        let panels = sweep.pieces() / (self.conv.output.batch * self.conv.groups) / strips;
        let first = (strip.plane * strips + strip.index) * panels;
        first..first + panels
    }

    /// The channel blocks of some panels, counted from the first of the group.
    fn blocks(&self, panels: Range<usize>) -> Range<usize> {
        let wide = TileSet::blocked(self.isa).wide_blocks;
        let all = self.conv.output.blocks() / self.conv.groups;
        panels.start * wide..all.min(panels.end * wide)
    }

    const fn strips_of(&self, rows: Phase) -> usize {
        rows.count.div_ceil(self.conv.blocking.rows)
    }

    /// Applies the activation to rows that are computed, and zeroes the halo
    /// beside them.
    unsafe fn finish_rows(&self, strip: &Strip, rows: Range<usize>, panels: Range<usize>) {
        let ConvTranspose { output, axes, groups, activation, .. } = self.conv;
        let (picture, group) = (strip.plane / groups, strip.plane % groups);
        let first = group * (output.blocks() / groups);
        let blocks = self.blocks(panels);
        let blocks = first + blocks.start..first + blocks.end;
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
