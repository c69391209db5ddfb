//! Padding.

/// `Pad` of one operand; pads and value are known when it is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Pad {
    /// Where the new elements come from.
    pub mode: PadMode,
    /// Elements before and after, a dimension each; negative ones remove.
    pub pads: Vec<(i64, i64)>,
}

/// Where the new elements of a [`Pad`] come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PadMode {
    /// This value.
    Constant {
        /// The value, exact in f64 for every element type up to 32 bits.
        value: f64,
    },
    /// Mirrored, without repeating the border.
    Reflect,
    /// The border repeated.
    Edge,
    /// From the other side.
    Wrap,
}
