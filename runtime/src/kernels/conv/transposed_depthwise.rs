//! Transposed convolution of each channel with a kernel of its own.
//!
//! A piece of work is one phase row of a block of 8 channels: bilinear
//! upsampling by 32 has a thousand phases of few pixels, so the loops over phase
//! columns, rows and pixels are all inside one function. Where phase columns read
//! the same input pixels, as they do there, a row is written from left to right,
//! which memory likes better than a pixel here and there.

use super::direct::{check_slopes, slopes};
use super::finish::{Finish, bounds, finish};
use super::halo::zero_halo;
use super::transposed::check_reach;
use crate::simd::{Isa, Vector, shells};
use crate::step::{DepthwiseConvTranspose, GROUP, LANES, Phase};
use core::ops::Range;

/// Pixels of one phase in a tile.
const PIXELS: usize = 6;

/// Phases side by side in a tile.
const PHASES: usize = 4;

/// Pieces of work.
pub(crate) fn pieces(conv: &DepthwiseConvTranspose) -> usize {
    conv.output.batch * conv.output.blocks() * conv.axes[0].phases(conv.output.height)
}

/// Runs some pieces of a depthwise transposed convolution.
///
/// # Safety
///
/// The processor has `isa`; [`check`] passes; operands lie in the arena and in
/// the weights that start at the two addresses; nobody else uses what the
/// pieces write.
pub(crate) unsafe fn run(
    conv: &DepthwiseConvTranspose,
    arena: *mut u8,
    weights: *const u8,
    isa: Isa,
    pieces: Range<usize>,
) {
    let phases = conv.axes[0].phases(conv.output.height);
    let blocks = conv.output.blocks();
    for piece in pieces {
        let (plane, phase) = (piece / phases, piece % phases);
        // SAFETY: the caller has this contract.
        unsafe { run_rows(conv, arena, weights, isa, [plane / blocks, plane % blocks], phase) };
    }
}

/// Panics unless the numbers of a depthwise transposed convolution belong
/// together, so that every place that it touches lies inside its operands.
pub(crate) fn check(conv: &DepthwiseConvTranspose) {
    let DepthwiseConvTranspose { input, output, axes, .. } = conv;
    assert!(
        input.batch == output.batch && input.channels == output.channels,
        "depthwise transposed convolution: batches or channels"
    );
    check_reach(axes, input, output);
    let taps = axes[0].taps_before(axes[0].phases(output.height), output.height)
        * axes[1].taps_before(axes[1].phases(output.width), output.width);
    let lanes = output.blocks() * LANES;
    assert!(conv.weights.len >= taps * lanes, "depthwise transposed convolution: weights");
    let out = output.channels.div_ceil(GROUP) * GROUP;
    assert!(conv.bias.len >= out, "depthwise transposed convolution: bias");
    check_slopes(&conv.activation, out);
}

/// The pixels of a block of channels in all rows of a phase row. Strides are in
/// elements.
struct Rows<'a> {
    conv: &'a DepthwiseConvTranspose,
    /// First pixel of the block in the input.
    input: *const f32,
    /// Weights of the first phase column for the first block.
    weights: *const f32,
    /// Number of the block.
    block: usize,
    bias: *const f32,
    /// First pixel of the first row in the output.
    output: *mut f32,
    /// The phase of the rows.
    rows: Phase,
    /// Lower and upper bound of what is stored.
    bounds: [f32; 2],
}

unsafe fn run_rows(
    conv: &DepthwiseConvTranspose,
    arena: *mut u8,
    weights: *const u8,
    isa: Isa,
    [picture, block]: [usize; 2],
    phase: usize,
) {
    let DepthwiseConvTranspose { input, output, axes, activation, .. } = conv;
    let place = |tensor: &crate::step::Blocked, row: usize| {
        let offset =
            picture * tensor.batch_stride + block * tensor.plane_stride + row * tensor.row_stride;
        arena.wrapping_add(tensor.origin).cast::<f32>().wrapping_add(offset)
    };
    let float = |offset: usize| weights.wrapping_add(offset).cast::<f32>();
    let columns = axes[1].phases(output.width);
    let taps =
        axes[0].taps_before(phase, output.height) * axes[1].taps_before(columns, output.width);
    let rows = Rows {
        conv,
        input: place(input, 0),
        weights: float(conv.weights.offset).wrapping_add(taps * output.blocks() * LANES),
        block,
        bias: float(conv.bias.offset).wrapping_add(block * LANES),
        output: place(output, phase),
        rows: axes[0].phase(phase, output.height),
        bounds: bounds(activation).unwrap_or([f32::NEG_INFINITY, f32::INFINITY]),
    };
    let slopes = slopes(activation, weights);
    // SAFETY: the caller vouches for the operands and the instruction set.
    unsafe {
        spread_rows(eight_lanes(isa), &rows);
        for row in (phase..output.height).step_by(axes[0].stride) {
            if bounds(activation).is_none() {
                let run = Finish {
                    pixels: place(output, row),
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
                finish(isa, &run);
            }
            zero_halo(arena, output, picture, block..block + 1, row..row + 1);
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
    /// Computes all phase columns of some rows.
    fn spread_rows(rows: &Rows<'_>) = spread_rows_body;
}

#[inline(always)]
unsafe fn spread_rows_body<V: Vector>(rows: &Rows<'_>) {
    let DepthwiseConvTranspose { input, output, axes, .. } = rows.conv;
    let phases = axes[1].phases(output.width);
    let mut weights = rows.weights;
    let mut column = 0;
    while column < phases {
        let columns = axes[1].phase(column, output.width);
        let alike = (column + 1..phases)
            .take_while(|&other| axes[1].phase(other, output.width).reads_the_same(&columns))
            .count()
            + 1;
        let taps = rows.rows.taps * columns.taps;
        let start = rows.rows.start * input.row_stride as isize + columns.start * LANES as isize;
        let mut run = Run {
            input: rows.input.wrapping_offset(start),
            weights: weights.wrapping_add(rows.block * taps * LANES),
            bias: rows.bias,
            output: rows.output.wrapping_add(column * LANES),
            taps: [rows.rows.taps, columns.taps],
            tap: [rows.rows.dilation * input.row_stride, columns.dilation * LANES],
            step: axes[1].stride * LANES,
            phase: output.blocks() * taps * LANES,
            bounds: rows.bounds,
        };
        for _ in 0..rows.rows.count {
            // SAFETY: the caller vouches for the operands and the instruction
            // set.
            unsafe { spread_run::<V>(&run, columns.count, alike) };
            run.input = run.input.wrapping_add(input.row_stride);
            run.output = run.output.wrapping_add(axes[0].stride * output.row_stride);
        }
        weights = weights.wrapping_add(alike * run.phase);
        column += alike;
    }
}

/// Pixels of some phases side by side in one row. Strides are in elements.
struct Run {
    /// First pixel at the first tap.
    input: *const f32,
    weights: *const f32,
    bias: *const f32,
    output: *mut f32,
    /// Rows and columns of taps.
    taps: [usize; 2],
    /// From a row of taps to the next and from a column to the next.
    tap: [usize; 2],
    /// From an output pixel to the next of its phase.
    step: usize,
    /// From the weights of a phase to those of the next.
    phase: usize,
    bounds: [f32; 2],
}

#[inline(always)]
unsafe fn spread_run<V: Vector>(run: &Run, count: usize, phases: usize) {
    // SAFETY: the caller has the contract of the tile.
    unsafe {
        for lane in (0..LANES).step_by(V::LANES) {
            if phases >= PHASES {
                for x in 0..count {
                    let mut phase = 0;
                    while phase + PHASES <= phases {
                        tile::<V, 1, PHASES>(run, lane, x, phase);
                        phase += PHASES;
                    }
                    while phase < phases {
                        tile::<V, 1, 1>(run, lane, x, phase);
                        phase += 1;
                    }
                }
                continue;
            }
            for phase in 0..phases {
                let mut x = 0;
                while x + PIXELS <= count {
                    tile::<V, PIXELS, 1>(run, lane, x, phase);
                    x += PIXELS;
                }
                while x < count {
                    tile::<V, 1, 1>(run, lane, x, phase);
                    x += 1;
                }
            }
        }
    }
}

/// Sums all taps for some pixels from number `x` on of some phases from `phase`
/// on.
#[inline(always)]
unsafe fn tile<V: Vector, const COUNT: usize, const PHASES: usize>(
    run: &Run,
    lane: usize,
    x: usize,
    phase: usize,
) {
    // SAFETY: the caller vouches for the operands and the instruction set.
    unsafe {
        let mut sums = [[V::load(run.bias.add(lane)); COUNT]; PHASES];
        let mut weights = run.weights.wrapping_add(phase * run.phase + lane);
        let mut line = run.input.wrapping_add(x * LANES + lane);
        for _ in 0..run.taps[0] {
            let mut pixels = line;
            for _ in 0..run.taps[1] {
                for (n, sums) in sums.iter_mut().enumerate() {
                    let factor = V::load(weights.add(n * run.phase));
                    for (i, sum) in sums.iter_mut().enumerate() {
                        *sum = V::load(pixels.add(i * LANES)).fma(factor, *sum);
                    }
                }
                weights = weights.wrapping_add(LANES);
                pixels = pixels.wrapping_add(run.tap[1]);
            }
            line = line.wrapping_add(run.tap[0]);
        }
        let (low, high) = (V::splat(run.bounds[0]), V::splat(run.bounds[1]));
        for (n, sums) in sums.into_iter().enumerate() {
            let output = run.output.add(x * run.step + (phase + n) * LANES + lane);
            for (i, sum) in sums.into_iter().enumerate() {
                sum.clamp(low, high).store(output.add(i * run.step));
            }
        }
    }
}
