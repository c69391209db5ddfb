//! Convolution of each channel with a filter of its own.
//!
//! There is no sum over channels, so that a tile is seven pixels of one block
//! of 8 channels: each tap costs a load of the weights and one load a pixel.
//! A vector of 16 lanes would need two pixels side by side, or two planes,
//! whose parts have to be put together; 8 lanes are used there too.

use super::direct::{check_same_shape, check_slopes, slopes};
use super::finish::{Finish, finish};
use super::halo::zero_halo;
use crate::simd::{Isa, Vector, shells};
use crate::step::{DepthwiseConv, GROUP, LANES, ResidualOrder};
use core::ops::Range;

/// Pixels of a tile.
const PIXELS: usize = 7;

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
    for axis in 0..2 {
        let (size, reach, before, after) = if axis == 0 {
            (input.height, output.height, input.halo.top, input.halo.bottom)
        } else {
            (input.width, output.width, input.halo.left, input.halo.right)
        };
        let end = reach.saturating_sub(1) * stride[axis]
            + kernel[axis].saturating_sub(1) * dilation[axis]
            + 1;
        assert!(
            pad[axis] <= before && end <= pad[axis] + size + after,
            "depthwise convolution: the input's halo covers every pixel that is read"
        );
    }
    if let Some(residual) = &conv.residual {
        check_same_shape(&residual.view, output);
    }
    let out = output.channels.div_ceil(GROUP) * GROUP;
    let lanes = output.blocks() * LANES;
    assert!(conv.weights.len >= lanes * kernel[0] * kernel[1], "depthwise convolution: weights");
    assert!(conv.bias.len >= out, "depthwise convolution: bias");
    check_slopes(&conv.activation, out);
}

/// A row of output pixels of a channel block. Strides are in elements.
#[derive(Clone, Copy)]
struct Row {
    /// First pixel at the first tap.
    input: *const f32,
    weights: *const f32,
    bias: *const f32,
    output: *mut f32,
    /// Output pixels.
    count: usize,
    kernel: [usize; 2],
    /// From a kernel row to the next and from a kernel column to the next.
    tap: [usize; 2],
    /// Between the input pixels of adjacent output pixels.
    step: usize,
}

unsafe fn run_block(
    conv: &DepthwiseConv,
    arena: *mut u8,
    weights: *const u8,
    isa: Isa,
    picture: usize,
    block: usize,
) {
    let DepthwiseConv { input, output, kernel, stride, dilation, pad, .. } = conv;
    let place = |tensor: &crate::step::Blocked, row: usize| {
        let offset =
            picture * tensor.batch_stride + block * tensor.plane_stride + row * tensor.row_stride;
        arena.wrapping_add(tensor.origin).cast::<f32>().wrapping_add(offset)
    };
    let before = pad[0] * input.row_stride + pad[1] * LANES;
    let taps = kernel[0] * kernel[1];
    let slopes = slopes(&conv.activation, weights);
    let float = |offset: usize| weights.wrapping_add(offset).cast::<f32>();
    for row in 0..output.height {
        let operands = Row {
            input: place(input, row * stride[0]).wrapping_sub(before),
            weights: float(conv.weights.offset).wrapping_add(block * taps * LANES),
            bias: float(conv.bias.offset).wrapping_add(block * LANES),
            output: place(output, row),
            count: output.width,
            kernel: *kernel,
            tap: [dilation[0] * input.row_stride, dilation[1] * LANES],
            step: stride[1] * LANES,
        };
        let residual = conv.residual.as_ref();
        let rest = Finish {
            pixels: operands.output,
            count: output.width,
            residual: residual.map_or(core::ptr::null(), |residual| place(&residual.view, row)),
            residual_last: residual
                .is_some_and(|residual| residual.order == ResidualOrder::AfterActivation),
            activation: &conv.activation,
            slopes: if slopes.is_null() { slopes } else { slopes.wrapping_add(block * LANES) },
        };
        // SAFETY: the caller vouches for the operands and the instruction set.
        unsafe {
            convolve_row(eight_lanes(isa), &operands);
            finish(isa, &rest);
        }
    }
}

/// The widest instruction set whose vectors are no wider than a block.
fn eight_lanes(isa: Isa) -> Isa {
    match isa {
        Isa::Avx512 => Isa::Avx2,
        Isa::Scalar | Isa::Neon | Isa::Avx2 => isa,
    }
}

shells! {
    /// Sums all taps for a row of pixels.
    fn convolve_row(row: &Row) = convolve_row_body;
}

#[inline(always)]
unsafe fn convolve_row_body<V: Vector>(row: &Row) {
    // SAFETY: the caller has the contract of the tile.
    unsafe {
        for lane in (0..LANES).step_by(V::LANES) {
            let mut x = 0;
            while x + PIXELS <= row.count {
                tile::<V, PIXELS>(row, lane, x);
                x += PIXELS;
            }
            while x < row.count {
                tile::<V, 1>(row, lane, x);
                x += 1;
            }
        }
    }
}

/// Sums all taps for some pixels from column `x` on.
#[inline(always)]
unsafe fn tile<V: Vector, const COUNT: usize>(row: &Row, lane: usize, x: usize) {
    // SAFETY: the caller vouches for the operands and the instruction set.
    unsafe {
        let mut sums = [V::load(row.bias.add(lane)); COUNT];
        let mut weights = row.weights.add(lane);
        let mut line = row.input.add(x * row.step + lane);
        for _ in 0..row.kernel[0] {
            let mut pixels = line;
            for _ in 0..row.kernel[1] {
                let factor = V::load(weights);
                for (i, sum) in sums.iter_mut().enumerate() {
                    *sum = V::load(pixels.add(i * row.step)).fma(factor, *sum);
                }
                weights = weights.add(LANES);
                pixels = pixels.add(row.tap[1]);
            }
            line = line.add(row.tap[0]);
        }
        for (i, sum) in sums.into_iter().enumerate() {
            sum.store(row.output.add((x + i) * LANES + lane));
        }
    }
}

#[cfg(test)]
mod tests;
