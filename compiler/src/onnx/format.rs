//! How the elements of a tensor are stored in a file.

use crate::error::{Error, Result};
use crate::ir::{Data, ElementType};

/// The stored element types that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    F32,
    F64,
    /// IEEE 754 binary16; becomes f32.
    F16,
    /// The upper half of an f32; becomes f32.
    BF16,
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

/// `TensorProto.DataType` by number. The numbers are read as they are: the
/// schema of the parser is older than the newest models.
const NAMES: [&str; 29] = [
    "undefined",
    "float",
    "uint8",
    "int8",
    "uint16",
    "int16",
    "int32",
    "int64",
    "string",
    "bool",
    "float16",
    "double",
    "uint32",
    "uint64",
    "complex64",
    "complex128",
    "bfloat16",
    "float8e4m3fn",
    "float8e4m3fnuz",
    "float8e5m2",
    "float8e5m2fnuz",
    "uint4",
    "int4",
    "float4e2m1",
    "float8e8m0",
    "uint2",
    "int2",
    "float6e2m3",
    "float6e3m2",
];

/// Appends little-endian numbers. Unoptimised, as build scripts run, this form
/// takes a third of the time of `chunks_exact`: 7 ns an element.
macro_rules! append {
    ($values:expr, $bytes:expr, $type:ty) => {
        $values.extend($bytes.as_chunks().0.iter().map(|&bytes| <$type>::from_le_bytes(bytes)))
    };
}

impl Format {
    /// The format of a number in a file.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Unsupported`], naming the type.
    pub(super) fn of(number: i32) -> Result<Self> {
        Ok(match number {
            1 => Self::F32,
            2 => Self::U8,
            3 => Self::I8,
            4 => Self::U16,
            5 => Self::I16,
            6 => Self::I32,
            7 => Self::I64,
            9 => Self::Bool,
            10 => Self::F16,
            11 => Self::F64,
            12 => Self::U32,
            13 => Self::U64,
            16 => Self::BF16,
            _ => {
                let name = usize::try_from(number).ok().and_then(|number| NAMES.get(number));
                return Err(match name {
                    Some(name) => Error::unsupported(format!("elements of type {name}")),
                    None => Error::malformed(format!("there is no element type {number}")),
                });
            }
        })
    }

    /// What the elements become.
    pub(super) const fn element(self) -> ElementType {
        match self {
            Self::F32 | Self::F16 | Self::BF16 => ElementType::F32,
            Self::F64 => ElementType::F64,
            Self::I8 => ElementType::I8,
            Self::I16 => ElementType::I16,
            Self::I32 => ElementType::I32,
            Self::I64 => ElementType::I64,
            Self::U8 => ElementType::U8,
            Self::U16 => ElementType::U16,
            Self::U32 => ElementType::U32,
            Self::U64 => ElementType::U64,
            Self::Bool => ElementType::Bool,
        }
    }

    /// Bytes of a stored element.
    pub(super) const fn size(self) -> usize {
        match self {
            Self::F16 | Self::BF16 => 2,
            _ => self.element().size(),
        }
    }

    /// Room for so many elements, none there yet.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Malformed`] where there is not so much memory.
    pub(super) fn room(self, elements: usize) -> Result<Data> {
        fn vector<T>(elements: usize) -> Result<Data>
        where
            Data: From<Vec<T>>,
        {
            let mut values = Vec::<T>::new();
            values.try_reserve_exact(elements).map_err(|_| {
                Error::malformed(format!("there is no memory for {elements} elements"))
            })?;
            Ok(values.into())
        }
        match self.element() {
            ElementType::F32 => vector::<f32>(elements),
            ElementType::F64 => vector::<f64>(elements),
            ElementType::I8 => vector::<i8>(elements),
            ElementType::I16 => vector::<i16>(elements),
            ElementType::I32 => vector::<i32>(elements),
            ElementType::I64 => vector::<i64>(elements),
            ElementType::U8 => vector::<u8>(elements),
            ElementType::U16 => vector::<u16>(elements),
            ElementType::U32 => vector::<u32>(elements),
            ElementType::U64 => vector::<u64>(elements),
            ElementType::Bool => vector::<bool>(elements),
        }
    }

    /// Appends elements stored little-endian and without gaps. `data` is from
    /// [`Format::room`] of the same format; bytes of a last element that is
    /// not whole are dropped.
    pub(super) fn append(self, data: &mut Data, bytes: &[u8]) {
        match data {
            Data::F32(values) => match self {
                Self::F16 => values.extend(halves(bytes).map(f16_to_f32)),
                Self::BF16 => values.extend(halves(bytes).map(bf16_to_f32)),
                _ => append!(values, bytes, f32),
            },
            Data::F64(values) => append!(values, bytes, f64),
            Data::I8(values) => append!(values, bytes, i8),
            Data::I16(values) => append!(values, bytes, i16),
            Data::I32(values) => append!(values, bytes, i32),
            Data::I64(values) => append!(values, bytes, i64),
            Data::U8(values) => values.extend_from_slice(bytes),
            Data::U16(values) => append!(values, bytes, u16),
            Data::U32(values) => append!(values, bytes, u32),
            Data::U64(values) => append!(values, bytes, u64),
            Data::Bool(values) => values.extend(bytes.iter().map(|&byte| byte != 0)),
        }
    }
}

fn halves(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes.as_chunks().0.iter().map(|&bytes| u16::from_le_bytes(bytes))
}

/// The value of an IEEE 754 binary16; every one is also an f32.
pub(super) fn f16_to_f32(bits: u16) -> f32 {
    let sign = u32::from(bits >> 15) << 31;
    let exponent = u32::from(bits >> 10 & 0x1f);
    let mantissa = u32::from(bits & 0x3ff);
    match exponent {
        // Subnormal: a multiple of 2^-24.
        0 => {
            let magnitude = mantissa as f32 / (1 << 24) as f32;
            f32::from_bits(magnitude.to_bits() | sign)
        }
        // Infinite or not a number.
        0x1f => f32::from_bits(sign | 0xff << 23 | mantissa << 13),
        // The exponents' biases are 15 and 127.
        _ => f32::from_bits(sign | (exponent + 112) << 23 | mantissa << 13),
    }
}

/// The value of a bfloat16, the upper half of an f32.
pub(super) fn bf16_to_f32(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_widened_exactly() {
        for (bits, value) in [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_95),
            (0x7bff, 65504.0),
            (0x0400, 6.103_515_6e-5),
            (0x03ff, 6.097_555e-5),
            (0x0001, 5.960_464_5e-8),
            (0x8001, -5.960_464_5e-8),
            (0x7c00, f32::INFINITY),
            (0xfc00, f32::NEG_INFINITY),
        ] {
            assert_eq!(f16_to_f32(bits), value, "{bits:#06x}");
        }
        assert!(f16_to_f32(0x7e00).is_nan());
        assert!(f16_to_f32(0x8000).is_sign_negative());
        // Larger bit patterns are larger numbers.
        for bits in 0..0x7c00 {
            assert!(f16_to_f32(bits) < f16_to_f32(bits + 1), "{bits:#06x}");
        }
    }

    #[test]
    fn unreadable_formats_are_named() {
        let message = |number| Format::of(number).unwrap_err().to_string();
        assert_eq!(message(8), "elements of type string");
        assert_eq!(message(17), "elements of type float8e4m3fn");
        assert_eq!(message(28), "elements of type float6e3m2");
        assert_eq!(message(29), "there is no element type 29");
        assert_eq!(message(-1), "there is no element type -1");
    }
}
