//! Convolution between channel-blocked tensors.
//!
//! The direct method: no matrix of patches is made. Input and output lie in
//! blocks of 8 channels and the weights in groups of 16 output channels, so
//! that a tile multiplies a value of one pixel with the weights of 16 or 32
//! output channels (Zhang, Franchetti and Low, "High Performance Zero-Memory
//! Overhead Direct Convolutions", 2018).

pub(super) use super::super::slopes::{check_slopes, slopes};
use super::reach::{Window, holds};
use super::sweep::Sweep;
use super::tile::TileSet;
use crate::simd::Isa;
use crate::step::{Blocked, Conv, GROUP, LANES};
use core::ops::Range;

/// Pieces of work of a convolution.
pub(crate) fn pieces(conv: &Conv, isa: Isa) -> usize {
    sweep(conv, core::ptr::null_mut(), core::ptr::null(), isa).pieces()
}

/// Runs some pieces of a convolution.
///
/// # Safety
///
/// The processor has `isa`; [`check`] passes; operands lie in the arena and in
/// the weights that start at the two addresses; nobody else uses what the
/// pieces write.
pub(crate) unsafe fn run(
    conv: &Conv,
    arena: *mut u8,
    weights: *const u8,
    isa: Isa,
    pieces: Range<usize>,
) {
    // SAFETY: the caller has this contract.
    unsafe { sweep(conv, arena, weights, isa).run(pieces) }
}

/// Panics unless the numbers of a convolution belong together, so that every
/// place that it touches lies inside its operands.
pub(crate) fn check(conv: &Conv) {
    let Conv { input, output, kernel, stride, dilation, pad, groups, .. } = conv;
    assert!(
        input.batch == output.batch && *groups > 0 && conv.blocking.input_blocks > 0,
        "convolution: batches, groups or chunk"
    );
    assert!(
        *groups == 1
            || (input.channels.is_multiple_of(groups * LANES)
                && output.channels.is_multiple_of(groups * GROUP)),
        "convolution: a group has whole blocks of channels"
    );
    let window = Window { kernel: *kernel, stride: *stride, dilation: *dilation, pad: *pad };
    assert!(
        window.fits(input, output),
        "convolution: the input's halo covers every pixel that is read"
    );
    if let Some(residual) = &conv.residual {
        check_same_shape(&residual.view, output);
    }
    let depth = (input.channels / groups).next_multiple_of(LANES);
    let out = output.channels.next_multiple_of(GROUP);
    assert!(holds(conv.weights.len, &[out, depth, kernel[0], kernel[1]]), "convolution: weights");
    assert!(conv.bias.len >= out, "convolution: bias");
    check_slopes(&conv.activation, out);
}

/// Panics unless a residual has the output's shape.
pub(super) fn check_same_shape(residual: &Blocked, output: &Blocked) {
    let shape = |tensor: &Blocked| [tensor.batch, tensor.channels, tensor.height, tensor.width];
    assert!(shape(residual) == shape(output), "convolution: residual of the output's shape");
}

/// Whether planes may be walked as one long row: the pixels of a 1x1
/// convolution don't know where a row ends.
fn is_one_row(conv: &Conv) -> bool {
    let flat = |tensor: &Blocked| {
        tensor.rows_are_contiguous() && tensor.halo.left == 0 && tensor.halo.right == 0
    };
    conv.kernel == [1, 1]
        && conv.stride == [1, 1]
        && conv.pad == [0, 0]
        && conv.output.height > 1
        && conv.input.width == conv.output.width
        && flat(&conv.input)
        && flat(&conv.output)
        && conv.residual.as_ref().is_none_or(|residual| flat(&residual.view))
}

fn sweep(conv: &Conv, arena: *mut u8, weights: *const u8, isa: Isa) -> Sweep<'_> {
    let Conv { input, output, kernel, stride, dilation, pad, .. } = conv;
    let tiles = TileSet::blocked(isa);
    let rows = conv.blocking.rows.max(1);
    let (extent, strip) = if is_one_row(conv) {
        let pixels = (rows * output.width).next_multiple_of(tiles.columns);
        ([1, output.height * output.width], [1, pixels])
    } else {
        ([output.height, output.width], [rows, output.width.max(1)])
    };
    let before = pad[0] * input.row_stride + pad[1] * LANES;
    Sweep {
        isa,
        tiles,
        arena,
        input: arena.wrapping_add(input.origin).cast::<f32>().wrapping_sub(before),
        input_picture: input.batch_stride,
        input_plane: input.plane_stride,
        depth: input.blocks() / conv.groups,
        chunk: conv.blocking.input_blocks,
        kernel: *kernel,
        tap: [dilation[0] * input.row_stride, dilation[1] * LANES],
        step: [stride[0] * input.row_stride, stride[1] * LANES],
        weights: weights.wrapping_add(conv.weights.offset).cast(),
        weights_plane: kernel[0] * kernel[1] * LANES * GROUP,
        bias: weights.wrapping_add(conv.bias.offset).cast(),
        slopes: slopes(&conv.activation, weights),
        output,
        output_column: LANES,
        residual: conv.residual.as_ref(),
        activation: &conv.activation,
        groups: conv.groups,
        extent,
        strip,
    }
}

#[cfg(test)]
mod tests;
