//! Element types, and Rust types that elements have.

use core::fmt::Debug;

description! {
    /// What the elements of a tensor are.
    #[derive(Eq)]
    pub enum ElementType {
        /// Single precision.
        F32,
        /// Double precision.
        F64,
        /// 8 bits.
        I8,
        /// 16 bits.
        I16,
        /// 32 bits.
        I32,
        /// 64 bits.
        I64,
        /// 8 bits without sign.
        U8,
        /// 16 bits without sign.
        U16,
        /// 32 bits without sign.
        U32,
        /// 64 bits without sign.
        U64,
        /// Truth values, a byte each.
        Bool,
    }
}

impl ElementType {
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

/// A truth value: false is 0, everything else is true, so that any byte is one.
#[derive(Clone, Copy, Debug, Default)]
#[repr(transparent)]
pub struct Truth(u8);

impl Truth {
    /// Whether it is true.
    #[must_use]
    pub const fn get(self) -> bool {
        self.0 != 0
    }
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        Self(value.into())
    }
}

impl PartialEq for Truth {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl PartialOrd for Truth {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        self.get().partial_cmp(&other.get())
    }
}

mod sealed {
    use crate::operation::{Values, ValuesMut};

    pub trait Sealed: Sized {
        fn slice<'a>(values: Values<'a>) -> Option<&'a [Self]>;
        fn slice_mut<'a>(values: &'a mut ValuesMut<'_>) -> Option<&'a mut [Self]>;
    }
}
pub(super) use sealed::Sealed;

/// A Rust type that elements have.
///
/// Conversions follow `as`: to an integer they cut the fraction off and stop at
/// the ends of the type; between integers they wrap. A truth value counts as 0
/// or 1, and every number but 0 is true.
pub trait Native: Copy + Debug + Default + PartialEq + PartialOrd + Sealed + 'static {
    /// Its element type.
    const ELEMENT: ElementType;
    /// The smallest value; minus infinity where there is one.
    const LOWEST: Self;
    /// The largest value; infinity where there is one.
    const HIGHEST: Self;

    /// As a float.
    fn to_f64(self) -> f64;
    /// From a float.
    fn from_f64(value: f64) -> Self;
    /// As an integer wide enough for all element types.
    fn to_i128(self) -> i128;
    /// From such an integer.
    fn from_i128(value: i128) -> Self;
}

macro_rules! natives {
    ($($type:ty: $variant:ident, $lowest:expr, $highest:expr;)*) => {
        $(impl Sealed for $type {
            fn slice<'a>(values: super::Values<'a>) -> Option<&'a [Self]> {
                match values {
                    super::Values::$variant(values) => Some(values),
                    _ => None,
                }
            }

            fn slice_mut<'a>(values: &'a mut super::ValuesMut<'_>) -> Option<&'a mut [Self]> {
                match values {
                    super::ValuesMut::$variant(values) => Some(values),
                    _ => None,
                }
            }
        })*
    };
    (numbers: $($type:ident: $variant:ident, $lowest:ident, $highest:ident;)*) => {
        natives!($($type: $variant, $type::$lowest, $type::$highest;)*);

        $(impl Native for $type {
            const ELEMENT: ElementType = ElementType::$variant;
            const LOWEST: Self = $type::$lowest;
            const HIGHEST: Self = $type::$highest;

            fn to_f64(self) -> f64 {
                self as f64
            }

            fn from_f64(value: f64) -> Self {
                value as Self
            }

            fn to_i128(self) -> i128 {
                self as i128
            }

            fn from_i128(value: i128) -> Self {
                value as Self
            }
        })*
    };
}

natives! {
    numbers:
    f32: F32, NEG_INFINITY, INFINITY;
    f64: F64, NEG_INFINITY, INFINITY;
    i8: I8, MIN, MAX;
    i16: I16, MIN, MAX;
    i32: I32, MIN, MAX;
    i64: I64, MIN, MAX;
    u8: U8, MIN, MAX;
    u16: U16, MIN, MAX;
    u32: U32, MIN, MAX;
    u64: U64, MIN, MAX;
}

natives!(Truth: Bool, Truth(0), Truth(1););

impl Native for Truth {
    const ELEMENT: ElementType = ElementType::Bool;
    const LOWEST: Self = Self(0);
    const HIGHEST: Self = Self(1);

    fn to_f64(self) -> f64 {
        self.get().into()
    }

    fn from_f64(value: f64) -> Self {
        (value != 0.0).into()
    }

    fn to_i128(self) -> i128 {
        self.get().into()
    }

    fn from_i128(value: i128) -> Self {
        (value != 0).into()
    }
}

/// Runs an expression with `$type` standing for the Rust type of an
/// [`ElementType`]. With `numbers`, `floats` or `integers` after the type, all
/// others become [`Failure`](super::Failure)s; the expression stands in a
/// function that returns such.
#[macro_export]
#[doc(hidden)]
macro_rules! with_type {
    ($element:expr, $type:ident => $body:expr) => {
        match $element {
            $crate::operation::ElementType::F32 => {
                type $type = f32;
                $body
            }
            $crate::operation::ElementType::F64 => {
                type $type = f64;
                $body
            }
            $crate::operation::ElementType::I8 => {
                type $type = i8;
                $body
            }
            $crate::operation::ElementType::I16 => {
                type $type = i16;
                $body
            }
            $crate::operation::ElementType::I32 => {
                type $type = i32;
                $body
            }
            $crate::operation::ElementType::I64 => {
                type $type = i64;
                $body
            }
            $crate::operation::ElementType::U8 => {
                type $type = u8;
                $body
            }
            $crate::operation::ElementType::U16 => {
                type $type = u16;
                $body
            }
            $crate::operation::ElementType::U32 => {
                type $type = u32;
                $body
            }
            $crate::operation::ElementType::U64 => {
                type $type = u64;
                $body
            }
            $crate::operation::ElementType::Bool => {
                type $type = $crate::operation::Truth;
                $body
            }
        }
    };
    ($element:expr, $type:ident: numbers => $body:expr) => {
        match $element {
            $crate::operation::ElementType::F32 => {
                type $type = f32;
                $body
            }
            $crate::operation::ElementType::F64 => {
                type $type = f64;
                $body
            }
            $crate::operation::ElementType::I8 => {
                type $type = i8;
                $body
            }
            $crate::operation::ElementType::I16 => {
                type $type = i16;
                $body
            }
            $crate::operation::ElementType::I32 => {
                type $type = i32;
                $body
            }
            $crate::operation::ElementType::I64 => {
                type $type = i64;
                $body
            }
            $crate::operation::ElementType::U8 => {
                type $type = u8;
                $body
            }
            $crate::operation::ElementType::U16 => {
                type $type = u16;
                $body
            }
            $crate::operation::ElementType::U32 => {
                type $type = u32;
                $body
            }
            $crate::operation::ElementType::U64 => {
                type $type = u64;
                $body
            }
            $crate::operation::ElementType::Bool => {
                return Err($crate::operation::Failure("truth values are no numbers"))
            }
        }
    };
    ($element:expr, $type:ident: floats => $body:expr) => {
        match $element {
            $crate::operation::ElementType::F32 => {
                type $type = f32;
                $body
            }
            $crate::operation::ElementType::F64 => {
                type $type = f64;
                $body
            }
            _ => return Err($crate::operation::Failure("expected floating-point numbers")),
        }
    };
    ($element:expr, $type:ident: integers => $body:expr) => {
        match $element {
            $crate::operation::ElementType::I8 => {
                type $type = i8;
                $body
            }
            $crate::operation::ElementType::I16 => {
                type $type = i16;
                $body
            }
            $crate::operation::ElementType::I32 => {
                type $type = i32;
                $body
            }
            $crate::operation::ElementType::I64 => {
                type $type = i64;
                $body
            }
            $crate::operation::ElementType::U8 => {
                type $type = u8;
                $body
            }
            $crate::operation::ElementType::U16 => {
                type $type = u16;
                $body
            }
            $crate::operation::ElementType::U32 => {
                type $type = u32;
                $body
            }
            $crate::operation::ElementType::U64 => {
                type $type = u64;
                $body
            }
            _ => return Err($crate::operation::Failure("expected integers")),
        }
    };
}
pub use with_type;
