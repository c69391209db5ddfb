//! Transposed convolution.

use super::{Activation, Blocked, Blocking, GROUP, LANES, Section};
use super::{pack_conv_weights, pack_depthwise_weights};
use alloc::vec;
use alloc::vec::Vec;

description! {
    /// One dimension of a transposed convolution: input position `i` meets,
    /// through tap `k`, output position `i * stride + k * dilation - pad`.
    pub struct TransposedAxis {
        /// Taps of the kernel.
        pub kernel: usize,
        /// Output positions between neighbouring input positions.
        pub stride: usize,
        /// Output positions between taps.
        pub dilation: usize,
        /// Output positions cut off at the start.
        pub pad: usize,
    }
}

description! {
    /// Transposed convolution between channel-blocked tensors.
    ///
    /// Output pixels whose coordinates leave the same remainders on division by
    /// the strides make a *phase*. A phase is a convolution with stride 1 of the
    /// input with some of the taps, backwards (Dumoulin and Visin, "A guide to
    /// convolution arithmetic for deep learning", 2016, section 4); see
    /// [`TransposedAxis::phase`]. So no sum is ever spread over several places.
    ///
    /// Groups are those of a [`Conv`](super::Conv).
    pub struct ConvTranspose {
        /// Input, with a halo that covers every pixel read.
        pub input: Blocked,
        /// Output.
        pub output: Blocked,
        /// Packed by [`pack_transposed_weights`].
        pub weights: Section,
        /// One value an output channel, padded with zeros to a multiple of
        /// [`GROUP`].
        pub bias: Section,
        /// Rows and columns.
        pub axes: [TransposedAxis; 2],
        /// Independent runs of channels.
        pub groups: usize,
        /// Applied in the store.
        pub activation: Activation,
        /// Cut of the loops over a phase.
        pub blocking: Blocking,
    }
}

description! {
    /// Transposed convolution with as many groups as channels and one kernel a
    /// channel, in phases as [`ConvTranspose`].
    pub struct DepthwiseConvTranspose {
        /// Input, with a halo that covers every pixel read.
        pub input: Blocked,
        /// Output.
        pub output: Blocked,
        /// Packed by [`pack_transposed_depthwise_weights`].
        pub weights: Section,
        /// One value a channel, padded with zeros to a multiple of [`GROUP`].
        pub bias: Section,
        /// Rows and columns.
        pub axes: [TransposedAxis; 2],
        /// Applied in the store.
        pub activation: Activation,
    }
}

/// The output positions of one remainder along a dimension, and the
/// convolution with stride 1 that computes them: position number `n` of the
/// phase sums input positions `n + start + j * dilation` times kernel taps
/// `last_tap - j * tap_step`, for `j` below `taps`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase {
    /// Output positions.
    pub count: usize,
    /// Taps that reach them; there may be none.
    pub taps: usize,
    /// See above.
    pub last_tap: usize,
    /// See above.
    pub tap_step: usize,
    /// See above; negative where it starts in the halo.
    pub start: isize,
    /// See above.
    pub dilation: usize,
}

impl TransposedAxis {
    /// Remainders of `size` output positions.
    #[must_use]
    pub const fn phases(&self, size: usize) -> usize {
        if size < self.stride { size } else { self.stride }
    }

    /// The phase of the output positions `remainder`, `remainder + stride`, ..
    /// below `size`.
    ///
    /// A tap reaches them where `k * dilation - pad` leaves the same remainder;
    /// the first that does is followed by every `tap_step`th.
    ///
    /// ```
    /// use cnnc_runtime::step::TransposedAxis;
    /// // Position 2 n + 1 sums input n times tap 3 and input n + 1 times tap 1.
    /// let axis = TransposedAxis { kernel: 4, stride: 2, dilation: 1, pad: 2 };
    /// let phase = axis.phase(1, 8);
    /// assert_eq!((phase.count, phase.taps, phase.last_tap, phase.start), (4, 2, 3, 0));
    /// ```
    #[must_use]
    pub const fn phase(&self, remainder: usize, size: usize) -> Phase {
        let Self { kernel, stride, dilation, pad } = *self;
        let shared = greatest_common_divisor(dilation, stride);
        let tap_step = stride / shared;
        let count = if remainder < size { (size - 1 - remainder) / stride + 1 } else { 0 };
        let first = self.first_tap((remainder + pad) % stride);
        if first >= kernel || first >= tap_step {
            return Phase { count, taps: 0, last_tap: 0, tap_step, start: 0, dilation: 0 };
        }
        let more = (kernel - 1 - first) / tap_step;
        let last_tap = first + more * tap_step;
        let start = (remainder + pad) as isize - (last_tap * dilation) as isize;
        Phase {
            count,
            taps: more + 1,
            last_tap,
            tap_step,
            start: start / stride as isize,
            dilation: dilation / shared,
        }
    }

    /// The first tap that leaves a remainder; one past the stride or the kernel
    /// where none does.
    const fn first_tap(&self, remainder: usize) -> usize {
        if self.dilation == 1 {
            return remainder;
        }
        // Kernels ask for many phases: additions, no divisions.
        let step = self.dilation % self.stride;
        let (mut tap, mut left) = (0, 0);
        while left != remainder && tap < self.kernel && tap <= self.stride {
            left += step;
            if left >= self.stride {
                left -= self.stride;
            }
            tap += 1;
        }
        if left == remainder { tap } else { self.kernel }
    }

    /// The input positions from the first to past the last that any phase
    /// reads; the empty range at 0 where none does.
    #[must_use]
    pub fn reach(&self, size: usize) -> core::ops::Range<isize> {
        let phases = (0..self.phases(size)).map(|remainder| self.phase(remainder, size));
        let reads = phases.filter(|phase| phase.taps > 0).map(|phase| {
            let last = phase.count - 1 + (phase.taps - 1) * phase.dilation;
            phase.start..phase.start + last as isize + 1
        });
        reads
            .reduce(|all, range| all.start.min(range.start)..all.end.max(range.end))
            .unwrap_or(0..0)
    }

    /// Taps of the phases before one; with the number of phases, of all.
    #[must_use]
    pub fn taps_before(&self, remainder: usize, size: usize) -> usize {
        if remainder == self.stride {
            return self.kernel;
        }
        (0..remainder).map(|remainder| self.phase(remainder, size).taps).sum()
    }
}

/// Neighbouring phase columns that are computed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhaseColumns {
    /// The first.
    pub first: usize,
    /// How many: one, or where `side_by_side` some that read the same input.
    pub count: usize,
    /// What all of them are.
    pub phase: Phase,
    /// Whether the phases of a block of channels are computed as if they were
    /// that many blocks: an odd number of blocks leaves half of a [`GROUP`]
    /// empty in each phase, but only in the last of them here.
    pub side_by_side: bool,
}

impl PhaseColumns {
    /// Most phases side by side.
    pub const MOST: usize = 16;

    /// The phase columns of an output with so many columns and channel blocks.
    pub fn all(
        axis: TransposedAxis,
        size: usize,
        blocks: usize,
    ) -> impl Iterator<Item = Self> + Clone {
        let starting_at = move |first: usize| {
            if first >= axis.phases(size) {
                return None;
            }
            let phase = axis.phase(first, size);
            let end = axis.phases(size).min(first + Self::MOST);
            let alike = (first + 1..end)
                .take_while(|&other| axis.phase(other, size).reads_the_same(&phase))
                .count()
                + 1;
            let side_by_side = alike * blocks.div_ceil(2) > blocks * alike.div_ceil(2);
            let count = if side_by_side { alike } else { 1 };
            Some(Self { first, count, phase, side_by_side })
        };
        core::iter::successors(starting_at(0), move |last| starting_at(last.first + last.count))
    }

    /// Packed weights for each row of taps, for so many input and output
    /// channels.
    #[must_use]
    pub const fn weights(&self, input: usize, out: usize) -> usize {
        let outputs = if self.side_by_side {
            out.div_ceil(LANES) * (self.count * LANES).div_ceil(GROUP)
        } else {
            out.div_ceil(GROUP)
        };
        outputs * GROUP * input.div_ceil(LANES) * LANES * self.phase.taps
    }
}

impl Phase {
    /// Whether two phases have as many pixels and sum the same input pixels.
    #[must_use]
    pub const fn reads_the_same(&self, other: &Self) -> bool {
        self.count == other.count
            && self.taps == other.taps
            && self.start == other.start
            && self.dilation == other.dilation
    }
}

const fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// Packs weights `[in, out / groups, kh, kw]` of a transposed convolution with
/// `groups` groups and an output of `size` rows and columns for a
/// [`ConvTranspose`] with `merged` groups.
///
/// Order: phase row, phase column, then as [`pack_conv_weights`] packs the
/// kernel of the phase. Phases side by side: block of 8 output channels, then as
/// [`pack_conv_weights`] packs the kernels of 8 channels a phase; see
/// [`PhaseColumns`].
///
/// ```
/// use cnnc_runtime::step::{TransposedAxis, pack_transposed_weights};
/// let axis = TransposedAxis { kernel: 2, stride: 2, dilation: 1, pad: 0 };
/// let weights = [1.0, 2.0, 3.0, 4.0];
/// let packed = pack_transposed_weights(&weights, [1, 1], 1, 1, [axis; 2], [2, 2]);
/// // The phases of a row read the same pixel: the first has lanes 0 to 7, the
/// // second lanes 8 to 15.
/// assert_eq!([packed[0], packed[8], packed[8 * 16], packed[8 * 16 + 8]], weights);
/// ```
#[must_use]
pub fn pack_transposed_weights(
    weights: &[f32],
    channels: [usize; 2],
    groups: usize,
    merged: usize,
    axes: [TransposedAxis; 2],
    size: [usize; 2],
) -> Vec<f32> {
    let [input, out] = channels;
    let (depth, group_out) = (input / groups, out / groups);
    let blocks = (out / merged).div_ceil(LANES);
    let mut packed = Vec::new();
    for row in 0..axes[0].phases(size[0]) {
        let rows = axes[0].phase(row, size[0]);
        for columns in PhaseColumns::all(axes[1], size[1], blocks) {
            let phase = [rows, columns.phase];
            let taps = rows.taps * columns.phase.taps;
            if columns.side_by_side {
                for block in 0..blocks {
                    let filters = filters_side_by_side(
                        weights,
                        channels,
                        groups,
                        axes,
                        rows,
                        (&columns, size[1]),
                        block,
                    );
                    let shape = [columns.count * LANES, input, rows.taps, columns.phase.taps];
                    packed.extend(pack_conv_weights(&filters, shape, 1, 1));
                }
                continue;
            }
            let mut filters = vec![0.0; out * depth * taps];
            for (o, filter) in filters.chunks_exact_mut((depth * taps).max(1)).enumerate() {
                for (i, filter) in filter.chunks_exact_mut(taps.max(1)).enumerate() {
                    let kernel = (o / group_out * depth + i) * group_out + o % group_out;
                    gather(weights, kernel, axes, phase, filter);
                }
            }
            let shape = [out, depth, rows.taps, columns.phase.taps];
            packed.extend(pack_conv_weights(&filters, shape, groups, merged));
        }
    }
    packed
}

/// Filters of a block of output channels in some phases: phase, channel, input
/// channel, taps. Those between groups, and of channels past the last, are zero.
fn filters_side_by_side(
    weights: &[f32],
    [input, out]: [usize; 2],
    groups: usize,
    axes: [TransposedAxis; 2],
    rows: Phase,
    (columns, width): (&PhaseColumns, usize),
    block: usize,
) -> Vec<f32> {
    let (depth, group_out) = (input / groups, out / groups);
    let taps = rows.taps * columns.phase.taps;
    let mut filters = vec![0.0; columns.count * LANES * input * taps];
    for (n, filter) in filters.chunks_exact_mut((input * taps).max(1)).enumerate() {
        let o = block * LANES + n % LANES;
        if o >= out {
            continue;
        }
        let phase = [rows, axes[1].phase(columns.first + n / LANES, width)];
        let first = o / group_out * depth;
        let filter = &mut filter[first * taps..][..depth * taps];
        for (i, filter) in filter.chunks_exact_mut(taps.max(1)).enumerate() {
            gather(weights, (first + i) * group_out + o % group_out, axes, phase, filter);
        }
    }
    filters
}

/// Packs weights `[channels, 1, kh, kw]` for a [`DepthwiseConvTranspose`] whose
/// output has `size` rows and columns: phase row, phase column, then as
/// [`pack_depthwise_weights`] packs the kernel of the phase.
#[must_use]
pub fn pack_transposed_depthwise_weights(
    weights: &[f32],
    channels: usize,
    axes: [TransposedAxis; 2],
    size: [usize; 2],
) -> Vec<f32> {
    let mut packed = Vec::new();
    for_each_phase(axes, size, |phase| {
        let taps = phase[0].taps * phase[1].taps;
        let mut filters = vec![0.0; channels * taps];
        for (c, filter) in filters.chunks_exact_mut(taps.max(1)).enumerate() {
            gather(weights, c, axes, phase, filter);
        }
        packed.extend(pack_depthwise_weights(&filters, channels, taps));
    });
    packed
}

fn for_each_phase(axes: [TransposedAxis; 2], size: [usize; 2], mut pack: impl FnMut([Phase; 2])) {
    for row in 0..axes[0].phases(size[0]) {
        for column in 0..axes[1].phases(size[1]) {
            pack([axes[0].phase(row, size[0]), axes[1].phase(column, size[1])]);
        }
    }
}

/// The taps of a phase out of kernel number `kernel`.
fn gather(
    weights: &[f32],
    kernel: usize,
    axes: [TransposedAxis; 2],
    [rows, columns]: [Phase; 2],
    taps: &mut [f32],
) {
    let kernel = &weights[kernel * axes[0].kernel * axes[1].kernel..];
    for (j, tap) in taps.iter_mut().enumerate() {
        let row = rows.last_tap - j / columns.taps * rows.tap_step;
        let column = columns.last_tap - j % columns.taps * columns.tap_step;
        *tap = kernel[row * axes[1].kernel + column];
    }
}
