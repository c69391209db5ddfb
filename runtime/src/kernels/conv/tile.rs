//! The register tile: a few output pixels times one or two groups of channels,
//! summed over all taps of some input channels.
//!
//! Each step loads the weights of one input channel once and multiplies them
//! with one value of each pixel, so that loads stay below the two
//! multiply-adds a cycle. The shapes are what fits into the registers: 14
//! pixels x 2 vectors of 32 registers, 6 x 2 of 16.

use super::split::Split;
use crate::simd::{Isa, Scalar, Vector};
use crate::step::{GROUP, LANES};
use core::hint::black_box;
use core::sync::atomic::{Ordering, compiler_fence};

#[cfg(target_arch = "aarch64")]
use crate::simd::Neon;
#[cfg(target_arch = "x86_64")]
use crate::simd::{Avx2, Avx512};

/// What the tiles of a panel share. Strides are in elements.
pub(super) struct Tile {
    /// Weights of the first output channel group for that channel.
    pub(super) weights: *const f32,
    /// Bias of the first output channel, or null: the sums so far are in the
    /// output.
    pub(super) bias: *const f32,
    /// Whether the residual is added to what was clamped.
    pub(super) residual_last: bool,
    /// Bounds of the result.
    pub(super) low: f32,
    /// See `low`.
    pub(super) high: f32,
    /// Output blocks that exist, of those that the tile computes.
    pub(super) blocks: usize,
    /// Input blocks (channels of planar input) to sum.
    pub(super) depth: usize,
    /// Kernel rows and columns.
    pub(super) kernel: [usize; 2],
    /// From an input block to the next.
    pub(super) input_plane: usize,
    /// From a kernel row to the next and from a kernel column to the next.
    pub(super) tap: [usize; 2],
    /// Between the input pixels of adjacent output rows and columns.
    pub(super) step: [usize; 2],
    /// From a group of 16 output channels to the next in the weights.
    pub(super) weights_group: usize,
    /// From an output block to the next.
    pub(super) output_plane: usize,
    /// From an output row to the next.
    pub(super) output_row: usize,
    /// From an output pixel to the next in its row.
    pub(super) output_column: usize,
    /// From a residual block to the next.
    pub(super) residual_plane: usize,
    /// From a residual row to the next.
    pub(super) residual_row: usize,
}

/// Where a tile is.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// First pixel at the first tap of the first channel.
    pub(super) input: *const f32,
    /// First pixel of the first output block.
    pub(super) output: *mut f32,
    /// First pixel of the first residual block, or null.
    pub(super) residual: *const f32,
}

/// Computes one tile.
///
/// # Safety
///
/// The processor has the instruction set of the function's set. Every place
/// that the operands describe is valid, and nobody else uses the output.
pub(super) type TileFunction = unsafe fn(&Tile, Place);

/// The tiles of an instruction set for one kind of input.
pub(super) struct TileSet {
    /// Output blocks of the wide tiles.
    pub(super) wide_blocks: usize,
    /// Most columns of a tile of one row.
    pub(super) columns: usize,
    /// How a row is cut into tiles.
    pub(super) single: Split,
    /// How two rows together are.
    pub(super) paired: Split,
    wide: Shapes,
    narrow: Shapes,
}

/// Tiles of one row and of two rows, by columns less one.
struct Shapes {
    one_row: &'static [TileFunction],
    two_rows: &'static [TileFunction],
}

impl TileSet {
    /// The tiles for blocked input.
    pub(super) fn blocked(isa: Isa) -> &'static Self {
        match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => &avx2::BLOCKED,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => &avx512::BLOCKED,
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => &neon::BLOCKED,
            #[cfg(not(target_arch = "x86_64"))]
            Isa::Avx2 | Isa::Avx512 => &scalar::BLOCKED,
            #[cfg(not(target_arch = "aarch64"))]
            Isa::Neon => &scalar::BLOCKED,
            Isa::Scalar => &scalar::BLOCKED,
        }
    }

    /// The tiles for planar input.
    pub(super) fn planar(isa: Isa) -> &'static Self {
        match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => &avx2::PLANAR,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => &avx512::PLANAR,
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => &neon::PLANAR,
            #[cfg(not(target_arch = "x86_64"))]
            Isa::Avx2 | Isa::Avx512 => &scalar::PLANAR,
            #[cfg(not(target_arch = "aarch64"))]
            Isa::Neon => &scalar::PLANAR,
            Isa::Scalar => &scalar::PLANAR,
        }
    }

    /// The tile of one row and `columns` columns for so many output blocks.
    pub(super) fn one_row(&self, blocks: usize, columns: usize) -> TileFunction {
        self.shapes(blocks).one_row[columns - 1]
    }

    /// The tile of two rows, where there is one so wide.
    pub(super) fn two_rows(&self, blocks: usize, columns: usize) -> Option<TileFunction> {
        self.shapes(blocks).two_rows.get(columns - 1).copied()
    }

    fn shapes(&self, blocks: usize) -> &Shapes {
        if 2 * blocks > self.wide_blocks { &self.wide } else { &self.narrow }
    }
}

/// Makes the [`TileSet`]s of an instruction set.
macro_rules! tile_sets {
    (
        $set:ident, $vector:ident, $(#[$attribute:meta])*
        vectors: $wide:literal $narrow:literal,
        one_row: [$($one:literal)*],
        two_rows: [$($two:literal)*],
    ) => {
        mod $set {
            use super::{LANES, Place, Shapes, Split, Tile, TileSet, Vector, tile};

            $(#[$attribute])*
            #[inline(never)]
            unsafe fn tile_function<
                const DEPTH: usize,
                const PIXELS: usize,
                const COLUMNS: usize,
                const VECTORS: usize,
            >(
                shared: &Tile,
                place: Place,
            ) {
                // SAFETY: this function has the body's contract.
                unsafe { tile::<super::$vector, DEPTH, PIXELS, COLUMNS, VECTORS>(shared, place) }
            }

            const fn most(columns: &[usize]) -> usize {
                columns[columns.len() - 1]
            }

            pub(super) static BLOCKED: TileSet = TileSet {
                wide_blocks: $wide * super::$vector::LANES / LANES,
                columns: most(&[$($one),*]),
                single: Split::new(most(&[$($one),*]), 0),
                paired: Split::new(most(&[$($one),*]), most(&[$($two),*])),
                wide: Shapes {
                    one_row: &[$(tile_function::<LANES, $one, $one, $wide>),*],
                    two_rows: &[$(tile_function::<LANES, { 2 * $two }, $two, $wide>),*],
                },
                narrow: Shapes {
                    one_row: &[$(tile_function::<LANES, $one, $one, $narrow>),*],
                    two_rows: &[$(tile_function::<LANES, { 2 * $two }, $two, $narrow>),*],
                },
            };

            pub(super) static PLANAR: TileSet = TileSet {
                wide_blocks: $wide * super::$vector::LANES / LANES,
                columns: most(&[$($one),*]),
                single: Split::new(most(&[$($one),*]), 0),
                paired: Split::new(most(&[$($one),*]), 0),
                wide: Shapes {
                    one_row: &[$(tile_function::<1, $one, $one, $wide>),*],
                    two_rows: &[],
                },
                narrow: Shapes {
                    one_row: &[$(tile_function::<1, $one, $one, $narrow>),*],
                    two_rows: &[],
                },
            };
        }
    };
}

tile_sets! {
    scalar, Scalar,
    vectors: 4 2,
    one_row: [1 2 3],
    two_rows: [1],
}

#[cfg(target_arch = "x86_64")]
tile_sets! {
    avx2, Avx2, #[target_feature(enable = "avx2,fma")]
    vectors: 2 1,
    one_row: [1 2 3 4 5 6],
    two_rows: [1 2 3],
}

#[cfg(target_arch = "x86_64")]
tile_sets! {
    avx512, Avx512, #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx2,fma")]
    vectors: 2 1,
    one_row: [1 2 3 4 5 6 7 8 9 10 11 12 13 14],
    two_rows: [1 2 3 4 5 6 7],
}

#[cfg(target_arch = "aarch64")]
tile_sets! {
    neon, Neon,
    vectors: 4 2,
    one_row: [1 2 3 4 5 6],
    two_rows: [1 2 3],
}

/// Repeats a block for every pixel of a tile, with its number as a constant.
///
/// Only constants index the sums before the compiler decides what to keep in
/// registers. It unrolls loops late or not at all where the body is large, and
/// then all sums live on the stack.
macro_rules! for_each_pixel {
    ($count:ident, $pixel:ident => $body:block) => {
        for_each_pixel!(@unrolled $count, $pixel, $body, 0 1 2 3 4 5 6 7 8 9 10 11 12 13)
    };
    (@unrolled $count:ident, $pixel:ident, $body:block, $($number:literal)*) => {
        $(
            if $number < $count {
                #[allow(non_upper_case_globals)]
                const $pixel: usize = $number;
                $body
            }
        )*
    };
}

/// The body of a tile: `PIXELS` pixels in rows of `COLUMNS`, `VECTORS` vectors
/// of output channels, `DEPTH` input channels side by side in memory.
///
/// The kernel's size and all strides are run-time values on purpose: where the
/// compiler knows that taps overlap it keeps their values in registers that the
/// sums need, and spills.
///
/// # Safety
///
/// See [`TileFunction`].
#[inline(always)]
unsafe fn tile<
    V: Vector,
    const DEPTH: usize,
    const PIXELS: usize,
    const COLUMNS: usize,
    const VECTORS: usize,
>(
    t: &Tile,
    place: Place,
) {
    // SAFETY: the caller vouches for the instruction set and every place.
    unsafe {
        let mut sums = start::<V, PIXELS, COLUMNS, VECTORS>(t, place.output);
        let [step_row, step_column] = t.step;
        // A single vector leaves so many registers to loads ahead of time that
        // unrolled lanes spill them.
        let lanes = if VECTORS == 1 { black_box(DEPTH) } else { DEPTH };
        let mut weights = t.weights;
        let mut plane = place.input;
        for _ in 0..t.depth {
            let mut line = plane;
            for _ in 0..t.kernel[0] {
                let mut tap = line;
                for _ in 0..t.kernel[1] {
                    for lane in 0..lanes {
                        let mut factors = [V::splat(0.0); VECTORS];
                        for (n, factor) in factors.iter_mut().enumerate() {
                            let channel = n * V::LANES;
                            let place = channel / GROUP * t.weights_group + channel % GROUP;
                            *factor = V::load(weights.add(lane * GROUP + place));
                        }
                        for_each_pixel!(PIXELS, pixel => {
                            let (row, column) = (pixel / COLUMNS, pixel % COLUMNS);
                            let value = tap.add(row * step_row + column * step_column + lane);
                            let value = V::splat(*value);
                            for (sum, factor) in sums[pixel].iter_mut().zip(factors) {
                                *sum = value.fma(factor, *sum);
                            }
                        });
                        // Where lanes are unrolled, the loads of one must not
                        // move before the sums of another: they would push
                        // those out of their registers.
                        compiler_fence(Ordering::SeqCst);
                    }
                    weights = weights.add(DEPTH * GROUP);
                    tap = tap.add(t.tap[1]);
                }
                line = line.add(t.tap[0]);
            }
            plane = plane.add(t.input_plane);
        }
        end::<V, PIXELS, COLUMNS, VECTORS>(t, place, sums);
    }
}

/// Loads the bias, or the sums of earlier chunks of channels.
#[inline(always)]
unsafe fn start<V: Vector, const PIXELS: usize, const COLUMNS: usize, const VECTORS: usize>(
    t: &Tile,
    output: *const f32,
) -> [[V; VECTORS]; PIXELS] {
    // SAFETY: the caller vouches for the instruction set and every place.
    unsafe {
        let mut sums = [[V::splat(0.0); VECTORS]; PIXELS];
        if t.bias.is_null() {
            for_each_pixel!(PIXELS, pixel => {
                let (row, column) = (pixel / COLUMNS, pixel % COLUMNS);
                let pixel_output = output.add(row * t.output_row + column * t.output_column);
                for (n, sum) in sums[pixel].iter_mut().enumerate() {
                    *sum = load_channels(pixel_output, t.output_plane, t.blocks, n);
                }
            });
        } else {
            let mut bias = [V::splat(0.0); VECTORS];
            for (n, bias) in bias.iter_mut().enumerate() {
                *bias = V::load(t.bias.add(n * V::LANES));
            }
            for_each_pixel!(PIXELS, pixel => {
                sums[pixel] = bias;
            });
        }
        sums
    }
}

/// Adds the residual, clamps and stores.
#[inline(always)]
unsafe fn end<V: Vector, const PIXELS: usize, const COLUMNS: usize, const VECTORS: usize>(
    t: &Tile,
    place: Place,
    sums: [[V; VECTORS]; PIXELS],
) {
    // SAFETY: the caller vouches for the instruction set and every place.
    unsafe {
        let (low, high) = (V::splat(t.low), V::splat(t.high));
        for_each_pixel!(PIXELS, pixel => {
            let (row, column) = (pixel / COLUMNS, pixel % COLUMNS);
            let output = place.output.add(row * t.output_row + column * t.output_column);
            for (n, mut sum) in sums[pixel].into_iter().enumerate() {
                if place.residual.is_null() {
                    sum = sum.clamp(low, high);
                } else {
                    let residual = place.residual.add(row * t.residual_row + column * LANES);
                    let residual = load_channels(residual, t.residual_plane, t.blocks, n);
                    sum = if t.residual_last {
                        sum.clamp(low, high) + residual
                    } else {
                        (sum + residual).clamp(low, high)
                    };
                }
                store_channels(sum, output, t.output_plane, t.blocks, n);
            }
        });
    }
}

/// Loads vector `n` of the channels of a pixel, in the blocks that exist.
#[inline(always)]
unsafe fn load_channels<V: Vector>(pixel: *const f32, plane: usize, blocks: usize, n: usize) -> V {
    let (block, lane) = (n * V::LANES / LANES, n * V::LANES % LANES);
    // SAFETY: the caller vouches for the blocks.
    unsafe {
        let low = pixel.add(block * plane + lane);
        if V::LANES <= LANES {
            V::load(low)
        } else if block + 1 < blocks {
            V::load_halves(low, low.add(plane))
        } else {
            V::load_low_half(low)
        }
    }
}

/// Stores vector `n` of the channels of a pixel, in the blocks that exist.
#[inline(always)]
unsafe fn store_channels<V: Vector>(
    value: V,
    pixel: *mut f32,
    plane: usize,
    blocks: usize,
    n: usize,
) {
    let (block, lane) = (n * V::LANES / LANES, n * V::LANES % LANES);
    // SAFETY: the caller vouches for the blocks.
    unsafe {
        let low = pixel.add(block * plane + lane);
        if V::LANES <= LANES {
            value.store(low);
        } else if block + 1 < blocks {
            value.store_halves(low, low.add(plane));
        } else {
            value.store_low_half(low);
        }
    }
}
