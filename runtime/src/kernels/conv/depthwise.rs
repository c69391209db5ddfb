//! Convolution of each channel with a filter of its own.
//!
//! There is no sum over channels, so that loads and not multiply-adds take the
//! time; see `tile` for what is done about that.

use super::direct::{check_same_shape, check_slopes, slopes};
use super::finish::{Finish, bounds, finish};
use super::halo::zero_halo;
use super::reach::{Window, holds};
use crate::simd::Isa;
use crate::step::{Blocked, DepthwiseConv, GROUP, LANES, ResidualOrder};
use core::ops::Range;
use tile::{Rows, convolve_row, convolve_two_rows, fitting};

mod tile;

/// Pieces of work: one a picture and channel block.
pub(crate) fn pieces(conv: &DepthwiseConv) -> usize {
    conv.output.batch * conv.output.blocks()
}

/// Runs some pieces of a depthwise convolution.
///
/// # Safety
///
/// The processor has `isa`; [`check`] passes; operands lie in the arena and in
/// the weights that start at the two addresses; nobody else uses what the
/// pieces write.
pub(crate) unsafe fn run(
    conv: &DepthwiseConv,
    arena: *mut u8,
    weights: *const u8,
    isa: Isa,
    pieces: Range<usize>,
) {
    let blocks = conv.output.blocks();
    for piece in pieces {
        let (picture, block) = (piece / blocks, piece % blocks);
        // SAFETY: the caller has this contract.
        unsafe {
            run_block(conv, arena, weights, isa, picture, block);
            let rows = 0..conv.output.height;
            zero_halo(arena, &conv.output, picture, block..block + 1, rows);
        }
    }
}

/// Panics unless the numbers of a depthwise convolution belong together, so
/// that every place that it touches lies inside its operands.
pub(crate) fn check(conv: &DepthwiseConv) {
    let DepthwiseConv { input, output, kernel, stride, dilation, pad, .. } = conv;
    assert!(
        input.batch == output.batch && input.channels == output.channels,
        "depthwise convolution: batches or channels"
    );
    assert!(kernel[0] > 0 && kernel[1] > 0, "depthwise convolution: kernel");
    let window = Window { kernel: *kernel, stride: *stride, dilation: *dilation, pad: *pad };
    assert!(
        window.fits(input, output),
        "depthwise convolution: the input's halo covers every pixel that is read"
    );
    if let Some(residual) = &conv.residual {
        check_same_shape(&residual.view, output);
    }
    let out = output.channels.div_ceil(GROUP) * GROUP;
    let lanes = output.blocks() * LANES;
    assert!(
        holds(conv.weights.len, &[lanes, kernel[0], kernel[1]]),
        "depthwise convolution: weights"
    );
    assert!(conv.bias.len >= out, "depthwise convolution: bias");
    check_slopes(&conv.activation, out);
}

/// Runs a channel block of a picture.
unsafe fn run_block(
    conv: &DepthwiseConv,
    arena: *mut u8,
    weights: *const u8,
    isa: Isa,
    picture: usize,
    block: usize,
) {
    let DepthwiseConv { input, output, kernel, stride, dilation, pad, .. } = conv;
    let place = |tensor: &Blocked, row: usize| {
        let offset =
            picture * tensor.batch_stride + block * tensor.plane_stride + row * tensor.row_stride;
        arena.wrapping_add(tensor.origin).cast::<f32>().wrapping_add(offset)
    };
    let before = pad[0] * input.row_stride + pad[1] * LANES;
    let taps = kernel[0] * kernel[1];
    let slopes = slopes(&conv.activation, weights);
    let float = |offset: usize| weights.wrapping_add(offset).cast::<f32>();
    let residual = conv.residual.as_ref();
    let bounds = bounds(&conv.activation).filter(|_| residual.is_none());
    let mut row = 0;
    while row < output.height {
        let rows = Rows {
            input: place(input, row * stride[0]).wrapping_sub(before),
            weights: float(conv.weights.offset).wrapping_add(block * taps * LANES),
            bias: float(conv.bias.offset).wrapping_add(block * LANES),
            output: place(output, row),
            columns: output.width,
            kernel: *kernel,
            tap: [dilation[0] * input.row_stride, dilation[1] * LANES],
            step: stride[1] * LANES,
            output_row: output.row_stride,
            bounds: bounds.unwrap_or([f32::NEG_INFINITY, f32::INFINITY]),
        };
        // Two rows share the input rows between them.
        let shared = stride[0] == dilation[0] && row + 1 < output.height;
        // SAFETY: the caller vouches for the operands and the instruction set.
        unsafe {
            if shared {
                convolve_two_rows(fitting(isa, output.width), &rows);
            } else {
                convolve_row(fitting(isa, output.width), &rows);
            }
        }
        let end = row + 1 + usize::from(shared);
        if bounds.is_none() {
            for row in row..end {
                let rest = Finish {
                    pixels: place(output, row),
                    count: output.width,
                    residual: residual
                        .map_or(core::ptr::null(), |residual| place(&residual.view, row)),
                    residual_last: residual
                        .is_some_and(|residual| residual.order == ResidualOrder::AfterActivation),
                    activation: &conv.activation,
                    slopes: if slopes.is_null() {
                        slopes
                    } else {
                        slopes.wrapping_add(block * LANES)
                    },
                };
                // SAFETY: as above.
                unsafe { finish(isa, &rest) };
            }
        }
        row = end;
    }
}

#[cfg(test)]
mod tests;
