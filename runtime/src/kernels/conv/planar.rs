//! Convolution of planar pictures of few channels: the first layer.
//!
//! Blocks of 8 input channels would be mostly padding there. The tile reads
//! single channels instead: a pixel is a float, and the stride of the
//! convolution is the distance between the pixels of a tile.

use super::direct::{check_slopes, slopes};
use super::reach::{Window, holds};
use super::sweep::Sweep;
use super::tile::TileSet;
use crate::simd::Isa;
use crate::step::{GROUP, LANES, PlanarConv};
use core::ops::Range;

/// Output pixels of a strip, about: with 16 output channels they take 32 KB,
/// and the input rows under them stay in the nearest cache for all panels.
const STRIP_PIXELS: usize = 512;

/// Pieces of work of a first layer.
pub(crate) fn pieces(conv: &PlanarConv, isa: Isa) -> usize {
    sweep(conv, core::ptr::null_mut(), core::ptr::null(), isa).pieces()
}

/// Runs some pieces of a first layer.
///
/// # Safety
///
/// The processor has `isa`; [`check`] passes; operands lie in the arena and in
/// the weights that start at the two addresses; nobody else uses what the
/// pieces write.
pub(crate) unsafe fn run(
    conv: &PlanarConv,
    arena: *mut u8,
    weights: *const u8,
    isa: Isa,
    pieces: Range<usize>,
) {
    // SAFETY: the caller has this contract.
    unsafe { sweep(conv, arena, weights, isa).run(pieces) }
}

/// Panics unless the numbers of a first layer belong together, so that every
/// place that it touches lies inside its operands.
pub(crate) fn check(conv: &PlanarConv) {
    let PlanarConv { input, output, channels, height, width, kernel, stride, dilation, .. } = conv;
    assert!(
        holds(input.len, &[output.batch, *channels, *height, *width]),
        "first layer: the input's length"
    );
    let window = Window { kernel: *kernel, stride: *stride, dilation: *dilation, pad: [0, 0] };
    for (axis, size) in [height, width].into_iter().enumerate() {
        let reach = window.reach([output.height, output.width], axis);
        assert!(
            reach.is_some_and(|reach| reach <= *size),
            "first layer: the padded picture covers every pixel read"
        );
    }
    let out = output.channels.next_multiple_of(GROUP);
    assert!(
        holds(conv.weights.len, &[out, *channels, kernel[0], kernel[1]]),
        "first layer: weights"
    );
    assert!(conv.bias.len >= out, "first layer: bias");
    check_slopes(&conv.activation, out);
}

fn sweep(conv: &PlanarConv, arena: *mut u8, weights: *const u8, isa: Isa) -> Sweep<'_> {
    let PlanarConv { output, kernel, stride, dilation, width, .. } = conv;
    let plane = conv.height * width;
    let columns = output.width.max(1);
    Sweep {
        isa,
        tiles: TileSet::planar(isa),
        arena,
        input: arena.wrapping_add(conv.input.offset).cast(),
        input_picture: conv.channels * plane,
        input_plane: plane,
        depth: conv.channels,
        chunk: conv.channels.max(1),
        kernel: *kernel,
        tap: [dilation[0] * width, dilation[1]],
        step: [stride[0] * width, stride[1]],
        weights: weights.wrapping_add(conv.weights.offset).cast(),
        weights_plane: kernel[0] * kernel[1] * GROUP,
        bias: weights.wrapping_add(conv.bias.offset).cast(),
        slopes: slopes(&conv.activation, weights),
        output,
        output_column: LANES,
        residual: None,
        activation: &conv.activation,
        groups: 1,
        extent: [output.height, output.width],
        strip: [STRIP_PIXELS.div_ceil(columns), columns],
    }
}

#[cfg(test)]
mod tests;
