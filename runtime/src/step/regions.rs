//! Pooling of regions of interest.

use super::{Blocked, Plain};

/// Most rows or columns of bins that the kernels take.
pub const MOST_BINS: usize = 64;

/// Most pixels along a dimension that the bins of a [`RoiAlign`] meet.
pub const MOST_TAPS: usize = 1024;

description! {
    /// Means of regions of a channel-blocked tensor, sampled between pixels, to
    /// a row-major `[regions, channels, rows, columns]`; see
    /// [`GeneralRoiAlign`](crate::operation::GeneralRoiAlign). A region whose
    /// picture does not exist becomes NaN.
    pub struct RoiAlign {
        /// Pictures.
        pub input: Blocked,
        /// `[regions, 4]` f32: left, top, right and bottom of each region.
        pub corners: Plain,
        /// `[regions]` i64: the picture of each region.
        pub pictures: Plain,
        /// Output.
        pub output: Plain,
        /// Most regions.
        pub regions: usize,
        /// Byte position in the arena of how many there are, an i64; `None`
        /// where there are always the most. Beyond them nothing is written.
        pub count: Option<usize>,
        /// Rows and columns of bins.
        pub pooled: [usize; 2],
        /// Pixels of the pictures for one of the corners' coordinates.
        pub scale: f32,
        /// Samples of a bin along each dimension; 0 for one a pixel.
        pub samples: usize,
        /// Whether the centre of the first pixel is at 0.5 and not at 0.
        pub half_pixel: bool,
    }
}

description! {
    /// Largest values of regions of a channel-blocked tensor, to a row-major
    /// `[regions, channels, rows, columns]`; see
    /// [`GeneralMaxRoiPool`](crate::operation::GeneralMaxRoiPool). A region
    /// whose picture does not exist becomes NaN.
    pub struct MaxRoiPool {
        /// Pictures.
        pub input: Blocked,
        /// `[regions, 5]` f32: picture, left, top, right and bottom of each.
        pub corners: Plain,
        /// Output.
        pub output: Plain,
        /// Most regions.
        pub regions: usize,
        /// As [`RoiAlign::count`].
        pub count: Option<usize>,
        /// Rows and columns of bins.
        pub pooled: [usize; 2],
        /// Pixels of the pictures for one of the corners' coordinates.
        pub scale: f32,
    }
}

impl RoiAlign {
    /// Whether there is a kernel for pictures and bins of these sizes.
    #[must_use]
    pub const fn takes(size: [usize; 2], pooled: [usize; 2]) -> bool {
        const fn fits(size: usize, bins: usize) -> bool {
            size <= MOST_TAPS && size + 4 * bins <= MOST_TAPS
        }
        MaxRoiPool::takes(pooled) && fits(size[0], pooled[0]) && fits(size[1], pooled[1])
    }
}

impl MaxRoiPool {
    /// Whether there is a kernel for bins of this number.
    #[must_use]
    pub const fn takes(pooled: [usize; 2]) -> bool {
        const fn fits(bins: usize) -> bool {
            bins > 0 && bins <= MOST_BINS
        }
        fits(pooled[0]) && fits(pooled[1])
    }
}
