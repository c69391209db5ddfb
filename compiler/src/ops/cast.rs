//! Conversion between element types.

use super::Definition;
use super::reading::{check, one, operand_type};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Data, ElementType, Operand, Parsed, Signature, Tensor, TensorType,
    required,
};
use crate::with_data;

/// `Cast`, and `CastLike`, which takes the type of another tensor.
///
/// Floats become integers by dropping the fraction. Integers that do not fit
/// lose their high bits. What a float that does not fit becomes, ONNX leaves
/// undefined: here as in C on most machines, 8-bit, 16-bit and unsigned 32-bit
/// integers lose the high bits of a 64-bit integer, the others stop at their
/// bounds, and NaN becomes 0. `FLOAT16` and
/// `BFLOAT16` are read as f32, as everywhere: a cast to them rounds no further
/// than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cast {
    /// What the elements become.
    pub to: ElementType,
}

/// The numbers of `TensorProto.DataType` in the ONNX specification.
const CODES: [(i64, ElementType); 13] = [
    (1, ElementType::F32),
    (2, ElementType::U8),
    (3, ElementType::I8),
    (4, ElementType::U16),
    (5, ElementType::I16),
    (6, ElementType::I32),
    (7, ElementType::I64),
    (9, ElementType::Bool),
    (10, ElementType::F32),
    (11, ElementType::F64),
    (12, ElementType::U32),
    (13, ElementType::U64),
    (16, ElementType::F32),
];

fn element(code: i64) -> Result<ElementType> {
    let found = CODES.iter().find(|(known, _)| *known == code);
    found.map(|(_, element)| *element).ok_or_else(|| {
        let what = match code {
            8 => "strings",
            14 | 15 => "complex numbers",
            17..=20 | 24 => "8-bit floats",
            21 | 22 | 25 | 26 => "integers of less than 8 bits",
            23 => "4-bit floats",
            _ => return Error::malformed(format!("attribute `to`: no element type has number {code}")),
        };
        Error::unsupported(format!("a cast to {what} (element type {code}) is not supported"))
    })
}

impl Definition for Cast {
    const NAMES: &'static [&'static str] = &["Cast", "CastLike"];

    fn name(&self) -> &'static str {
        "Cast"
    }

    fn attributes(&self) -> Attributes {
        let code = CODES.iter().find(|(_, element)| *element == self.to).map(|(code, _)| *code);
        Attributes::default().with("to", Attribute::Int(code.unwrap_or_default()))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        // `saturate` and `round_mode` only concern 8-bit floats.
        let to = if signature.operator == "CastLike" {
            check(signature, &["saturate", "round_mode"], 2)?;
            operand_type(signature, 1, "target_type")?.element
        } else {
            check(signature, &["to", "saturate", "round_mode"], 1)?;
            let code = signature.attributes.int("to")?;
            element(*code.ok_or_else(|| Error::malformed("attribute `to` is missing"))?)?
        };
        Ok(Parsed::first(Self { to }, 1))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let operand = required(operands, 0, "input")?.tensor_type;
        one(TensorType { element: self.to, shape: operand.shape.clone() })
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let operand = required(operands, 0, "input")?;
        Ok(vec![Tensor::new(operand.shape(), converted(operand.data(), self.to))?])
    }
}

/// These values as another type.
pub(crate) fn converted(data: &Data, to: ElementType) -> Data {
    fn all<T: Convert<U> + Copy, U>(values: &[T]) -> Vec<U> {
        values.iter().map(|value| value.convert()).collect()
    }
    with_data!(data, values => match to {
        ElementType::F32 => Data::F32(all(values)),
        ElementType::F64 => Data::F64(all(values)),
        ElementType::I8 => Data::I8(all(values)),
        ElementType::I16 => Data::I16(all(values)),
        ElementType::I32 => Data::I32(all(values)),
        ElementType::I64 => Data::I64(all(values)),
        ElementType::U8 => Data::U8(all(values)),
        ElementType::U16 => Data::U16(all(values)),
        ElementType::U32 => Data::U32(all(values)),
        ElementType::U64 => Data::U64(all(values)),
        ElementType::Bool => Data::Bool(all(values)),
    })
}

/// Conversion of an element as [`Cast`] does it.
pub(super) trait Convert<T> {
    fn convert(self) -> T;
}

macro_rules! convert {
    ([$($from:ty),*] as $to:tt) => {
        $(convert!(@each $from as $to, $from);)*
    };
    ([$($from:ty),*] by $through:ty as $to:tt) => {
        $(convert!(@each $from as $to, $through);)*
    };
    (@each $from:ty as ($($to:ty),*), $through:ty) => {
        $(impl Convert<$to> for $from {
            fn convert(self) -> $to {
                self as $through as $to
            }
        })*
    };
}

convert!([f32, f64] as (f32, f64, i32, i64, u64));
convert!([f32, f64] by i64 as (i8, i16, u8, u16, u32));
convert!([i8, i16, i32, i64, u8, u16, u32, u64] as (f32, f64, i8, i16, i32, i64, u8, u16, u32, u64));
convert!([bool] by u8 as (f32, f64, i8, i16, i32, i64, u8, u16, u32, u64));

macro_rules! convert_to_bool {
    ($($from:ty),*) => {
        $(impl Convert<bool> for $from {
            fn convert(self) -> bool {
                self != 0 as $from
            }
        })*
    };
}

convert_to_bool!(f32, f64, i8, i16, i32, i64, u8, u16, u32, u64);

impl Convert<Self> for bool {
    fn convert(self) -> Self {
        self
    }
}
