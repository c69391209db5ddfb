//! Where the elements of a tensor lie.

/// Channels in a block of the channel-blocked layout (NCHW8c).
pub const LANES: usize = 8;

/// Output channels in a group of packed convolution weights. Two blocks of
/// [`LANES`]: two AVX2 vectors, one AVX-512 vector, four NEON vectors.
pub const GROUP: usize = 16;

/// Alignment in bytes of everything in the arena and in the weights.
pub const ALIGNMENT: usize = 64;

/// Most dimensions that a strided step handles.
pub const RANK: usize = 8;

description! {
    /// Pixels around the interior of a [`Blocked`] tensor that its readers may
    /// touch. They hold zero.
    #[derive(Default)]
    pub struct Halo {
        /// Rows above.
        pub top: usize,
        /// Columns to the left.
        pub left: usize,
        /// Rows below.
        pub bottom: usize,
        /// Columns to the right.
        pub right: usize,
    }
}

description! {
    /// An f32 tensor `[batch, channels, height, width]` in the channel-blocked
    /// layout: element `(n, c, y, x)` is at
    ///
    /// ```text
    /// origin / 4 + n * batch_stride + (c / 8) * plane_stride + y * row_stride + x * 8 + c % 8
    /// ```
    ///
    /// elements from the start of the arena, for `y` from `-halo.top` to
    /// `height + halo.bottom` and `x` likewise.
    ///
    /// Where `channels` is no multiple of [`LANES`], the last lanes of the last
    /// block hold finite values that nothing depends on: their weights are
    /// zero. The view of some channels of a wider tensor, which is how
    /// concatenation costs nothing, differs only in `origin` and `channels`.
    pub struct Blocked {
        /// Byte position of pixel (0, 0) of the first block.
        pub origin: usize,
        /// Pictures.
        pub batch: usize,
        /// Channels, not rounded up.
        pub channels: usize,
        /// Rows of the interior.
        pub height: usize,
        /// Columns of the interior.
        pub width: usize,
        /// Elements from a picture to the next.
        pub batch_stride: usize,
        /// Elements from a channel block to the next.
        pub plane_stride: usize,
        /// Elements from a row to the next.
        pub row_stride: usize,
        /// Zeros around the interior.
        pub halo: Halo,
    }
}

description! {
    /// A row-major tensor without gaps in the arena.
    pub struct Plain {
        /// Byte position of the first element.
        pub offset: usize,
        /// Elements.
        pub len: usize,
    }
}

description! {
    /// A run of f32 in the weights.
    pub struct Section {
        /// Byte position of the first element.
        pub offset: usize,
        /// Elements.
        pub len: usize,
    }
}

impl Halo {
    /// The smallest halo that covers both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        const fn larger(a: usize, b: usize) -> usize {
            if a > b { a } else { b }
        }
        Self {
            top: larger(self.top, other.top),
            left: larger(self.left, other.left),
            bottom: larger(self.bottom, other.bottom),
            right: larger(self.right, other.right),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.top == 0 && self.left == 0 && self.bottom == 0 && self.right == 0
    }
}

impl Blocked {
    /// Lays out a tensor of this shape (`[batch, channels, height, width]`)
    /// whose storage, halo included, starts at byte `offset`.
    ///
    /// ```
    /// use cnnc_runtime::step::{Blocked, Halo};
    /// let halo = Halo { top: 1, left: 1, bottom: 1, right: 1 };
    /// let tensor = Blocked::new([1, 12, 5, 6], halo, 0);
    /// assert_eq!(tensor.blocks(), 2);
    /// assert_eq!(tensor.row_stride, 8 * 8);
    /// assert_eq!(tensor.plane_stride, 7 * 8 * 8);
    /// assert_eq!(tensor.storage(), 4 * 2 * 7 * 8 * 8);
    /// ```
    #[must_use]
    pub const fn new(shape: [usize; 4], halo: Halo, offset: usize) -> Self {
        let [batch, channels, height, width] = shape;
        let row_stride = (halo.left + width + halo.right) * LANES;
        let plane_stride = (halo.top + height + halo.bottom) * row_stride;
        Self {
            origin: offset + 4 * (halo.top * row_stride + halo.left * LANES),
            batch,
            channels,
            height,
            width,
            batch_stride: channels.div_ceil(LANES) * plane_stride,
            plane_stride,
            row_stride,
            halo,
        }
    }

    /// Channel blocks.
    #[must_use]
    pub const fn blocks(&self) -> usize {
        self.channels.div_ceil(LANES)
    }

    /// Bytes of the storage of a tensor made by [`Blocked::new`].
    #[must_use]
    pub const fn storage(&self) -> usize {
        4 * self.batch * self.batch_stride
    }

    /// Byte range that reading or writing the view, its halo included, may
    /// touch.
    #[must_use]
    pub const fn extent(&self) -> (usize, usize) {
        let before = 4 * (self.halo.top * self.row_stride + self.halo.left * LANES);
        let rows = self.halo.top + self.height + self.halo.bottom;
        let columns = self.halo.left + self.width + self.halo.right;
        if self.batch == 0 || self.channels == 0 || rows == 0 || columns == 0 {
            return (self.origin - before, self.origin - before);
        }
        let last = (self.batch - 1) * self.batch_stride
            + (self.blocks() - 1) * self.plane_stride
            + (rows - 1) * self.row_stride
            + columns * LANES;
        (self.origin - before, self.origin - before + 4 * last)
    }

    /// The view of `channels` channels from channel `first` on, which must be
    /// a multiple of [`LANES`].
    #[must_use]
    pub const fn slice_channels(&self, first: usize, channels: usize) -> Self {
        assert!(first.is_multiple_of(LANES) && first + channels <= self.channels);
        let mut view = *self;
        view.origin += 4 * (first / LANES) * self.plane_stride;
        view.channels = channels;
        view
    }

    /// Whether the interior of each plane is one run without gaps, so that its
    /// pixels may be walked as one long row.
    #[must_use]
    pub const fn rows_are_contiguous(&self) -> bool {
        self.row_stride == self.width * LANES
    }
}

impl Plain {
    /// Byte range of the tensor, for elements of `size` bytes.
    #[must_use]
    pub const fn extent(&self, size: usize) -> (usize, usize) {
        (self.offset, self.offset + self.len * size)
    }
}
