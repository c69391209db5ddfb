//! Element types, dimensions and shapes.

use crate::error::{Error, ErrorKind, Result};
use std::fmt;

/// What the elements of a tensor are. Half-width floats are widened to
/// [`ElementType::F32`] when a model is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum ElementType {
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    Bool,
}

impl ElementType {
    /// Every element type.
    pub const ALL: [Self; 11] = [
        Self::F32,
        Self::F64,
        Self::I8,
        Self::I16,
        Self::I32,
        Self::I64,
        Self::U8,
        Self::U16,
        Self::U32,
        Self::U64,
        Self::Bool,
    ];

    /// Bytes of an element.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 | Self::Bool => 1,
            Self::I16 | Self::U16 => 2,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
        }
    }

    /// The name of the Rust type.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::I8 => "i8",
            Self::I16 => "i16",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::Bool => "bool",
        }
    }

    /// Whether it is a floating-point type.
    #[must_use]
    pub const fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }
}

impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The size of one dimension.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Dim {
    /// Known when the model is compiled.
    Fixed(usize),
    /// Known when it runs, and never more than `max`.
    Bounded {
        /// Names the count; equal names are equal counts.
        symbol: String,
        /// What is planned for.
        max: usize,
    },
}

/// How the symbol of a count begins that no dimension had before.
const FRESH: &str = "?";

impl Dim {
    /// A size that is known only at run time, at most `max`, and that need not
    /// be that of any other dimension. The graph gives it a name of its own.
    #[must_use]
    pub fn fresh(max: usize) -> Self {
        Self::Bounded { symbol: FRESH.to_owned(), max }
    }

    /// A size for which no bound follows from the graph.
    #[must_use]
    pub fn open() -> Self {
        Self::fresh(usize::MAX)
    }

    /// Whether this is [`Dim::fresh`].
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        matches!(self, Self::Bounded { symbol, .. } if symbol == FRESH)
    }

    /// Whether nothing sensible bounds it.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Bounded { max, .. } if *max > MAX_ELEMENTS)
    }

    /// The size, where it is known when the model is compiled.
    #[must_use]
    pub const fn fixed(&self) -> Option<usize> {
        match self {
            Self::Fixed(size) => Some(*size),
            Self::Bounded { .. } => None,
        }
    }

    /// The largest size that it can have.
    #[must_use]
    pub const fn max(&self) -> usize {
        match self {
            Self::Fixed(size) | Self::Bounded { max: size, .. } => *size,
        }
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(size) => write!(f, "{size}"),
            Self::Bounded { max: usize::MAX, .. } => f.write_str("?"),
            Self::Bounded { symbol, max } => write!(f, "{symbol}<={max}"),
        }
    }
}

/// Element type and shape of a tensor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TensorType {
    /// What the elements are.
    pub element: ElementType,
    /// Sizes, outermost first.
    pub shape: Vec<Dim>,
}

/// Most elements that a tensor may have: positions fit `isize` in bytes on
/// every 64-bit machine with room to spare.
const MAX_ELEMENTS: usize = 1 << 40;

impl TensorType {
    /// A type whose sizes are all known.
    #[must_use]
    pub fn fixed(element: ElementType, shape: &[usize]) -> Self {
        Self { element, shape: shape.iter().map(|&size| Dim::Fixed(size)).collect() }
    }

    /// An f32 type whose sizes are all known.
    #[must_use]
    pub fn f32(shape: &[usize]) -> Self {
        Self::fixed(ElementType::F32, shape)
    }

    /// Whether a value may have the type `found` where this one is declared:
    /// sizes that are known only at run time are at most their bounds.
    #[must_use]
    pub fn admits(&self, found: &Self) -> bool {
        let admits = |(declared, found): (&Dim, &Dim)| match (declared, found) {
            (Dim::Bounded { max, .. }, Dim::Fixed(size)) => size <= max,
            (declared, found) => declared == found,
        };
        self.element == found.element
            && self.rank() == found.rank()
            && self.shape.iter().zip(&found.shape).all(admits)
    }

    /// The largest sizes that it can have, outermost first.
    #[must_use]
    pub fn bounds(&self) -> Vec<usize> {
        self.shape.iter().map(Dim::max).collect()
    }

    /// Whether all sizes are known.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.shape.iter().all(|dim| dim.fixed().is_some())
    }

    /// Number of dimensions.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// The sizes, where all are known.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where a size is known only at run time.
    pub fn sizes(&self) -> Result<Vec<usize>> {
        self.shape
            .iter()
            .map(|dim| match dim {
                Dim::Fixed(size) => Ok(*size),
                Dim::Bounded { .. } => Err(Error::unsupported(format!(
                    "the size of {self} depends on the data, which this operator does not take"
                ))),
            })
            .collect()
    }

    /// The four sizes of a tensor of pictures, `[batch, channels, height, width]`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] where the tensor has another rank.
    pub fn picture(&self) -> Result<[usize; 4]> {
        let sizes = self.sizes()?;
        <[usize; 4]>::try_from(sizes.as_slice()).map_err(|_| {
            Error::shape(format!(
                "expected a tensor [batch, channels, height, width], found {self}"
            ))
        })
    }

    /// Number of elements, sizes at their bounds. A size that is open counts as
    /// 1: whoever reads files asks for its bound before anything is planned.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] where the number is absurd.
    pub fn elements(&self) -> Result<usize> {
        let mut sizes = self.shape.iter().map(|dim| match dim {
            _ if dim.is_open() => 1,
            Dim::Fixed(size) | Dim::Bounded { max: size, .. } => *size,
        });
        if self.shape.iter().any(|dim| dim.max() == 0) {
            return Ok(0);
        }
        sizes
            .try_fold(1usize, |product, size| {
                product.checked_mul(size).filter(|&elements| elements <= MAX_ELEMENTS)
            })
            .ok_or_else(|| {
                Error::new(ErrorKind::Shape, format!("{self} has too many elements to compile"))
            })
    }
}

impl fmt::Display for TensorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[", self.element)?;
        for (i, dim) in self.shape.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            write!(f, "{dim}")?;
        }
        f.write_str("]")
    }
}
