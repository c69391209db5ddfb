//! Operands and results of operations.

use super::RANK;
use crate::operation::ElementType;

description! {
    /// The memory that an [`Array`] lies in.
    pub enum Space {
        /// The arena.
        Arena,
        /// The weights, which only operands do.
        Weights,
    }
}

description! {
    /// The size of a dimension of an [`Array`].
    pub enum Extent {
        /// Known when the network was compiled.
        Fixed {
            /// The size.
            size: usize,
        },
        /// Known by the time the step runs. A result must have this size.
        Counted {
            /// Byte position in the arena of the size, an i64.
            count: usize,
            /// The size is at most this.
            max: usize,
        },
        /// Of a result: the step finds out and writes the size down.
        Found {
            /// Byte position in the arena of the size, an i64.
            count: usize,
            /// The size is at most this.
            max: usize,
        },
    }
}

description! {
    /// A row-major tensor of any element type without gaps, whose sizes may be
    /// known only at run time. It has the place for the largest sizes; its
    /// elements adjoin at whatever sizes it has.
    pub struct Array {
        /// What it lies in.
        pub space: Space,
        /// Byte position of the first element.
        pub offset: usize,
        /// What the elements are.
        pub element: ElementType,
        /// Number of dimensions.
        pub rank: usize,
        /// Sizes, outermost first; beyond `rank` they mean nothing.
        pub sizes: [Extent; RANK],
    }
}

description! {
    /// A condition for a step to run.
    pub struct Guard {
        /// Byte position in the arena of a truth value.
        pub condition: usize,
        /// What it must be.
        pub holds: bool,
    }
}

impl Extent {
    /// The size, or the largest that it can be.
    #[must_use]
    pub const fn max(&self) -> usize {
        match *self {
            Self::Fixed { size } => size,
            Self::Counted { max, .. } | Self::Found { max, .. } => max,
        }
    }
}

impl Array {
    /// The sizes that it has place for; `None` where there are too many.
    #[must_use]
    pub fn extents(&self) -> Option<&[Extent]> {
        self.sizes.get(..self.rank)
    }

    /// Its type as people write it: `f32[300,4]`, `i64[..=300,3]`.
    #[must_use]
    pub fn shape(&self) -> alloc::string::String {
        use core::fmt::Write;
        let mut shape = alloc::string::String::new();
        let element = self.element.name();
        // Writing to a string does not fail.
        let _ = write!(shape, "{element}[");
        for (i, extent) in self.extents().unwrap_or_default().iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            let _ = match extent {
                Extent::Fixed { size } => write!(shape, "{comma}{size}"),
                Extent::Counted { max, .. } | Extent::Found { max, .. } => {
                    write!(shape, "{comma}..={max}")
                }
            };
        }
        shape.push(']');
        shape
    }
}
