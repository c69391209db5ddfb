//! Convolution.

use super::{Activation, Blocked, GROUP, LANES, Plain, Section};
use alloc::vec;
use alloc::vec::Vec;

description! {
    /// Whether a residual is added before or after the activation.
    pub enum ResidualOrder {
        /// `activation(x + residual)`, as in ResNet.
        BeforeActivation,
        /// `activation(x) + residual`, as in Darknet.
        AfterActivation,
    }
}

description! {
    /// A tensor of the output's shape that is added in the store.
    pub struct Residual {
        /// Where it lies.
        pub view: Blocked,
        /// When it is added.
        pub order: ResidualOrder,
    }
}

description! {
    /// How the loops of a [`Conv`] are cut for the caches.
    pub struct Blocking {
        /// Input channel blocks a chunk; partial sums rest in the output
        /// between chunks.
        pub input_blocks: usize,
        /// Output rows a strip.
        pub rows: usize,
    }
}

description! {
    /// Convolution between channel-blocked tensors by the direct method.
    ///
    /// Input channels are split into `groups` equal runs. With more than one,
    /// each has a multiple of [`LANES`] input and of [`GROUP`] output channels:
    /// the compiler merges smaller groups (see [`pack_conv_weights`]).
    ///
    /// Output pixel `(y, x)` reads input pixels
    /// `(y * stride - pad + k * dilation, ..)`; the input's halo covers those
    /// outside the picture, so no kernel tests for borders.
    pub struct Conv {
        /// Input, with a halo that covers every pixel read.
        pub input: Blocked,
        /// Output.
        pub output: Blocked,
        /// Added in the store.
        pub residual: Option<Residual>,
        /// Packed by [`pack_conv_weights`].
        pub weights: Section,
        /// One value an output channel, padded with zeros to a multiple of
        /// [`GROUP`].
        pub bias: Section,
        /// Height and width of the kernel.
        pub kernel: [usize; 2],
        /// Rows and columns between output pixels.
        pub stride: [usize; 2],
        /// Rows and columns between taps.
        pub dilation: [usize; 2],
        /// Rows above and columns to the left that are padding.
        pub pad: [usize; 2],
        /// Independent runs of channels.
        pub groups: usize,
        /// Applied in the store.
        pub activation: Activation,
        /// Cut of the loops.
        pub blocking: Blocking,
    }
}

description! {
    /// Convolution with as many groups as channels and one filter a channel.
    pub struct DepthwiseConv {
        /// Input, with a halo that covers every pixel read.
        pub input: Blocked,
        /// Output.
        pub output: Blocked,
        /// Added in the store.
        pub residual: Option<Residual>,
        /// Packed by [`pack_depthwise_weights`].
        pub weights: Section,
        /// One value a channel, padded with zeros to a multiple of [`GROUP`].
        pub bias: Section,
        /// Height and width of the kernel.
        pub kernel: [usize; 2],
        /// Rows and columns between output pixels.
        pub stride: [usize; 2],
        /// Rows and columns between taps.
        pub dilation: [usize; 2],
        /// Rows above and columns to the left that are padding.
        pub pad: [usize; 2],
        /// Applied in the store.
        pub activation: Activation,
    }
}

description! {
    /// Copies row-major planes into the middle of larger ones whose border it
    /// fills with zeros.
    pub struct PadPlanes {
        /// Row-major `[planes, height, width]`.
        pub input: Plain,
        /// Row-major `[planes, padded_height, padded_width]`.
        pub output: Plain,
        /// Planes.
        pub planes: usize,
        /// Rows of an input plane.
        pub height: usize,
        /// Columns of an input plane.
        pub width: usize,
        /// Rows of an output plane.
        pub padded_height: usize,
        /// Columns of an output plane.
        pub padded_width: usize,
        /// Rows of zeros above the picture.
        pub top: usize,
        /// Columns of zeros to its left.
        pub left: usize,
    }
}

description! {
    /// Convolution from planar pictures of few channels (a network's first
    /// layer) to a channel-blocked tensor. The pictures hold their padding:
    /// output pixel `(y, x)` reads pixels `(y * stride + k * dilation, ..)`.
    pub struct PlanarConv {
        /// Row-major `[batch, channels, height, width]`, padding included.
        pub input: Plain,
        /// Output.
        pub output: Blocked,
        /// Input channels.
        pub channels: usize,
        /// Input rows, padding included.
        pub height: usize,
        /// Input columns, padding included.
        pub width: usize,
        /// Packed by [`pack_planar_weights`].
        pub weights: Section,
        /// One value an output channel, padded with zeros to a multiple of
        /// [`GROUP`].
        pub bias: Section,
        /// Height and width of the kernel.
        pub kernel: [usize; 2],
        /// Rows and columns between output pixels.
        pub stride: [usize; 2],
        /// Rows and columns between taps.
        pub dilation: [usize; 2],
        /// Applied in the store.
        pub activation: Activation,
    }
}

/// Packs weights `[out, in / groups, kh, kw]` of a convolution with `groups`
/// groups for a [`Conv`] with `merged` groups, which divides `groups`.
///
/// Order: output channel group of 16, input block of 8 (of the merged group),
/// kernel row, kernel column, input lane, output lane. Weights between
/// channels of different original groups, of input lanes past the last
/// channel and of output lanes past the last channel are zero.
///
/// ```
/// use cnnc_runtime::step::pack_conv_weights;
/// // Two groups of 8 -> 8 channels, 1x1, run as one dense group.
/// let weights = vec![1.0; 16 * 8];
/// let packed = pack_conv_weights(&weights, [16, 8, 1, 1], 2, 1);
/// assert_eq!(packed.len(), 16 * 16);
/// assert_eq!(packed.iter().sum::<f32>(), 128.0);
/// ```
#[must_use]
pub fn pack_conv_weights(
    weights: &[f32],
    shape: [usize; 4],
    groups: usize,
    merged: usize,
) -> Vec<f32> {
    let [out, depth, kh, kw] = shape;
    let (group_out, taps) = (out / groups, kh * kw);
    let merged_out = out / merged;
    let merged_depth = depth * (groups / merged);
    let blocks = merged_depth.div_ceil(LANES);
    let group_len = blocks * taps * LANES * GROUP;
    let mut packed = vec![0.0; out.div_ceil(GROUP) * group_len];
    for (o, filter) in weights.chunks_exact((depth * taps).max(1)).enumerate() {
        let first = (o % merged_out) / group_out * depth;
        let target = &mut packed[(o / GROUP) * group_len..][..group_len];
        for (i, kernel) in filter.chunks_exact(taps.max(1)).enumerate() {
            let (block, lane) = ((first + i) / LANES, (first + i) % LANES);
            let start = block * taps * LANES * GROUP + lane * GROUP + o % GROUP;
            for (slot, value) in target[start..].iter_mut().step_by(LANES * GROUP).zip(kernel) {
                *slot = *value;
            }
        }
    }
    packed
}

/// Packs weights `[channels, 1, kh, kw]` for a [`DepthwiseConv`]: block of 8
/// channels, kernel row, kernel column, lane.
#[must_use]
pub fn pack_depthwise_weights(weights: &[f32], channels: usize, taps: usize) -> Vec<f32> {
    let mut packed = vec![0.0; channels.div_ceil(LANES) * taps * LANES];
    for (c, kernel) in weights.chunks_exact(taps.max(1)).enumerate() {
        let start = (c / LANES) * taps * LANES + c % LANES;
        for (slot, value) in packed[start..].iter_mut().step_by(LANES).zip(kernel) {
            *slot = *value;
        }
    }
    packed
}

/// Packs weights `[out, in, kh, kw]` for a [`PlanarConv`]: output channel group
/// of 16, input channel, kernel row, kernel column, output lane.
#[must_use]
pub fn pack_planar_weights(weights: &[f32], out: usize, depth_taps: usize) -> Vec<f32> {
    let mut packed = vec![0.0; out.div_ceil(GROUP) * depth_taps * GROUP];
    for (o, filter) in weights.chunks_exact(depth_taps.max(1)).enumerate() {
        let start = (o / GROUP) * depth_taps * GROUP + o % GROUP;
        for (slot, value) in packed[start..].iter_mut().step_by(GROUP).zip(filter) {
            *slot = *value;
        }
    }
    packed
}
