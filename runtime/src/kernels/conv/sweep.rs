//! The loops over a layer.
//!
//! ```text
//! picture, channel group, strip of rows
//!     chunk of input channels        partial sums rest in the output
//!         panel of output channels   as many as a tile computes
//!             rows, then tiles along a row
//! ```
//!
//! A piece of work is one panel of one strip. Neighbouring pieces of a strip
//! run chunk by chunk, so that the chunk's input is read from a near cache by
//! all panels but the first.

use super::finish::{Finish, bounds, finish};
use super::halo::zero_halo;
use super::tile::{Place, Tile, TileSet};
use crate::simd::Isa;
use crate::step::{Activation, Blocked, LANES, Residual, ResidualOrder};
use core::ops::Range;

/// A layer, ready to run. Strides are in elements.
pub(super) struct Sweep<'a> {
    pub(super) isa: Isa,
    pub(super) tiles: &'static TileSet,
    /// Start of the arena.
    pub(super) arena: *mut u8,
    /// Input of the first output pixel at the first tap.
    pub(super) input: *const f32,
    /// From a picture to the next in the input.
    pub(super) input_picture: usize,
    /// From an input block (planar: channel) to the next.
    pub(super) input_plane: usize,
    /// Input blocks (planar: channels) of a group of channels.
    pub(super) depth: usize,
    /// Of those, how many are summed in one go.
    pub(super) chunk: usize,
    pub(super) kernel: [usize; 2],
    /// Between kernel rows and kernel columns.
    pub(super) tap: [usize; 2],
    /// Between the input pixels of adjacent output rows and columns.
    pub(super) step: [usize; 2],
    pub(super) weights: *const f32,
    /// Weights of an input block (planar: channel) for 16 output channels.
    pub(super) weights_plane: usize,
    pub(super) bias: *const f32,
    /// Slopes of [`Activation::ChannelRelu`], or null.
    pub(super) slopes: *const f32,
    pub(super) output: &'a Blocked,
    /// From an output pixel to the next in its row: [`LANES`], or more where
    /// others write those between.
    pub(super) output_column: usize,
    pub(super) residual: Option<&'a Residual>,
    pub(super) activation: &'a Activation,
    pub(super) groups: usize,
    /// Rows and columns of the output as it is walked: where rows follow each
    /// other without gaps, a plane is one row.
    pub(super) extent: [usize; 2],
    /// Rows and columns of a strip.
    pub(super) strip: [usize; 2],
}

/// Part of a picture of a group of channels.
struct Strip {
    picture: usize,
    group: usize,
    rows: Range<usize>,
    columns: Range<usize>,
}

/// What the store of a tile does.
#[derive(Clone, Copy)]
struct Store {
    low: f32,
    high: f32,
    residual: Option<ResidualOrder>,
}

impl Sweep<'_> {
    /// Pieces of work.
    pub(super) fn pieces(&self) -> usize {
        self.output.batch * self.groups * self.strips() * self.panels()
    }

    /// Runs some pieces.
    ///
    /// # Safety
    ///
    /// Every operand is where the fields say, nobody else uses the part of the
    /// output that the pieces write, and the processor has the instruction set.
    pub(super) unsafe fn run(&self, pieces: Range<usize>) {
        let panels = self.panels();
        let mut piece = pieces.start;
        while piece < pieces.end {
            let first = piece % panels;
            let end = panels.min(first + pieces.end - piece);
            // SAFETY: the caller has this contract.
            unsafe { self.run_strip(&self.strip_at(piece / panels), first..end) };
            piece += end - first;
        }
    }

    fn strips(&self) -> usize {
        let [rows, columns] = self.strip;
        self.extent[0].div_ceil(rows) * self.extent[1].div_ceil(columns)
    }

    /// Output blocks of a group of channels.
    fn blocks(&self) -> usize {
        self.output.blocks() / self.groups
    }

    fn panels(&self) -> usize {
        self.blocks().div_ceil(self.tiles.wide_blocks)
    }

    fn strip_at(&self, index: usize) -> Strip {
        let across = self.extent[1].div_ceil(self.strip[1]);
        let (outer, strip) = (index / self.strips(), index % self.strips());
        let (row, column) = (strip / across * self.strip[0], strip % across * self.strip[1]);
        Strip {
            picture: outer / self.groups,
            group: outer % self.groups,
            rows: row..self.extent[0].min(row + self.strip[0]),
            columns: column..self.extent[1].min(column + self.strip[1]),
        }
    }

    unsafe fn run_strip(&self, strip: &Strip, panels: Range<usize>) {
        let mut first = 0;
        while first < self.depth {
            let end = self.depth.min(first + self.chunk);
            for panel in panels.clone() {
                // SAFETY: the caller has this contract.
                unsafe { self.run_panel(strip, panel, first..end) };
            }
            first = end;
        }
    }

    /// Sums some input blocks for a panel of output channels of a strip.
    unsafe fn run_panel(&self, strip: &Strip, panel: usize, depth: Range<usize>) {
        let first = strip.group * self.blocks() + panel * self.tiles.wide_blocks;
        let end = (first + self.tiles.wide_blocks).min((strip.group + 1) * self.blocks());
        let last = depth.end == self.depth;
        let store = if last { self.store() } else { Some(Store::PLAIN) };
        let finish_later = store.is_none();
        // SAFETY: the caller vouches for the operands.
        unsafe {
            let residual = store.is_some_and(|store| store.residual.is_some());
            let store = store.unwrap_or(Store::PLAIN);
            let mut place = self.place(strip, first, depth.start);
            if !residual {
                place.residual = core::ptr::null();
            }
            let tile = self.tile(first..end, depth, store);
            let mut row = 0;
            while row < strip.rows.len() {
                let rows = self.run_rows(&tile, place, row..strip.rows.len(), strip.columns.len());
                if finish_later {
                    let row = strip.rows.start + row;
                    self.finish_rows(strip, first..end, row..row + rows);
                }
                row += rows;
            }
            if last {
                let rows = self.output_rows(strip);
                zero_halo(self.arena, self.output, strip.picture, first..end, rows);
            }
        }
    }

    /// Runs the tiles along the first two of some rows, or along the last. Gives
    /// how many.
    unsafe fn run_rows(
        &self,
        tile: &Tile,
        place: Place,
        rows: Range<usize>,
        columns: usize,
    ) -> usize {
        let two = rows.len() >= 2;
        let split = if two { &self.tiles.paired } else { &self.tiles.single };
        let mut column = 0;
        while column < columns {
            let width = split.next(columns - column);
            let two_rows = self.tiles.two_rows(tile.blocks, width).filter(|_| two);
            // SAFETY: the caller vouches for the operands; the tiles lie inside
            // the strip.
            unsafe {
                let first = self.advance(tile, place, rows.start, column);
                if let Some(two_rows) = two_rows {
                    two_rows(tile, first);
                } else {
                    let one_row = self.tiles.one_row(tile.blocks, width);
                    one_row(tile, first);
                    if two {
                        one_row(tile, self.advance(tile, place, rows.start + 1, column));
                    }
                }
            }
            column += width;
        }
        1 + usize::from(two)
    }

    /// What the tiles share that compute some output blocks.
    unsafe fn tile(&self, blocks: Range<usize>, depth: Range<usize>, store: Store) -> Tile {
        let weights_group = self.depth * self.weights_plane;
        let weights = blocks.start / 2 * weights_group + depth.start * self.weights_plane;
        // SAFETY: the caller vouches for the operands.
        unsafe {
            Tile {
                weights: self.weights.add(weights),
                bias: if depth.start == 0 {
                    self.bias.add(blocks.start * LANES)
                } else {
                    core::ptr::null()
                },
                residual_last: store.residual == Some(ResidualOrder::AfterActivation),
                low: store.low,
                high: store.high,
                blocks: blocks.len(),
                depth: depth.len(),
                kernel: self.kernel,
                input_plane: self.input_plane,
                tap: self.tap,
                step: self.step,
                weights_group,
                output_plane: self.output.plane_stride,
                output_row: self.output.row_stride,
                output_column: self.output_column,
                residual_plane: self.residual.map_or(0, |residual| residual.view.plane_stride),
                residual_row: self.residual.map_or(0, |residual| residual.view.row_stride),
            }
        }
    }

    /// Where the first tile of a strip is.
    unsafe fn place(&self, strip: &Strip, block: usize, input_block: usize) -> Place {
        let (row, column) = (strip.rows.start, strip.columns.start);
        let input_block = strip.group * self.depth + input_block;
        let input = strip.picture * self.input_picture
            + input_block * self.input_plane
            + row * self.step[0]
            + column * self.step[1];
        // SAFETY: the caller vouches for the operands.
        unsafe {
            Place {
                input: self.input.add(input),
                output: self
                    .pixel(self.output, strip.picture, block, row, 0)
                    .add(column * self.output_column),
                residual: self.residual.map_or(core::ptr::null(), |residual| {
                    self.pixel(&residual.view, strip.picture, block, row, column)
                }),
            }
        }
    }

    /// The place some rows and columns on.
    unsafe fn advance(&self, tile: &Tile, place: Place, row: usize, column: usize) -> Place {
        // SAFETY: the caller vouches for the operands.
        unsafe {
            Place {
                input: place.input.add(row * tile.step[0] + column * tile.step[1]),
                output: place.output.add(row * tile.output_row + column * tile.output_column),
                residual: if place.residual.is_null() {
                    place.residual
                } else {
                    place.residual.add(row * tile.residual_row + column * LANES)
                },
            }
        }
    }

    /// Address of a pixel of a tensor of the output's shape.
    unsafe fn pixel(
        &self,
        tensor: &Blocked,
        picture: usize,
        block: usize,
        row: usize,
        column: usize,
    ) -> *mut f32 {
        let offset = picture * tensor.batch_stride
            + block * tensor.plane_stride
            + row * tensor.row_stride
            + column * LANES;
        // SAFETY: the caller vouches for the tensor.
        unsafe { self.arena.add(tensor.origin).cast::<f32>().add(offset) }
    }

    /// What the last store does, or `None` where [`finish`] has to do it.
    fn store(&self) -> Option<Store> {
        let [low, high] = bounds(self.activation)?;
        Some(Store { low, high, residual: self.residual.map(|residual| residual.order) })
    }

    /// Applies activation and residual to stored sums.
    unsafe fn finish_rows(&self, strip: &Strip, blocks: Range<usize>, rows: Range<usize>) {
        let column = strip.columns.start;
        for block in blocks {
            for row in rows.clone() {
                // SAFETY: the caller vouches for the operands.
                unsafe {
                    let pixel = |tensor| self.pixel(tensor, strip.picture, block, row, column);
                    let run = Finish {
                        pixels: pixel(self.output),
                        count: strip.columns.len(),
                        residual: self
                            .residual
                            .map_or(core::ptr::null(), |residual| pixel(&residual.view)),
                        residual_last: self.residual.is_some_and(|residual| {
                            residual.order == ResidualOrder::AfterActivation
                        }),
                        activation: self.activation,
                        slopes: if self.slopes.is_null() {
                            self.slopes
                        } else {
                            self.slopes.add(block * LANES)
                        },
                    };
                    finish(self.isa, &run);
                }
            }
        }
    }

    /// The rows of the output tensor whose halo a strip zeroes.
    fn output_rows(&self, strip: &Strip) -> Range<usize> {
        if self.extent[0] == self.output.height {
            return strip.rows.clone();
        }
        // Walked as one row: there is no halo beside rows, and the first and
        // last strip stand for the first and last row.
        let first = if strip.columns.start == 0 { 0 } else { 1 };
        let last = strip.columns.end == self.extent[1];
        first..if last { self.output.height } else { first }
    }
}

impl Store {
    /// Sums as they are.
    const PLAIN: Self = Self { low: f32::NEG_INFINITY, high: f32::INFINITY, residual: None };
}
