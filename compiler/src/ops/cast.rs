//! Conversion between element types.

use super::broadcasting::elementwise_facts;
use super::reading::{check, one, operand_type};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Data, ElementType, Fact, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation::{ElementConversion, Precision};
use crate::with_data;

/// `Cast`, and `CastLike`, which takes the type of another tensor.
///
/// Floats become integers by dropping the fraction. Integers that do not fit
/// lose their high bits. What a float that does not fit becomes, ONNX leaves
/// undefined: here as in C on most machines, 8-bit, 16-bit and unsigned 32-bit
/// integers lose the high bits of a 64-bit integer, the others stop at their
/// bounds, and NaN becomes 0. `FLOAT16` and `BFLOAT16` are held as f32, as
/// everywhere, but a cast to them rounds to their precision. One like another
/// tensor does not: the type of that tensor is f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cast {
    /// What the elements become.
    pub to: ElementType,
    /// How many digits floats keep.
    pub precision: Precision,
}

/// The numbers of `TensorProto.DataType` in the ONNX specification.
const CODES: [(i64, ElementType, Precision); 13] = [
    (1, ElementType::F32, Precision::Full),
    (2, ElementType::U8, Precision::Full),
    (3, ElementType::I8, Precision::Full),
    (4, ElementType::U16, Precision::Full),
    (5, ElementType::I16, Precision::Full),
    (6, ElementType::I32, Precision::Full),
    (7, ElementType::I64, Precision::Full),
    (9, ElementType::Bool, Precision::Full),
    (10, ElementType::F32, Precision::Half),
    (11, ElementType::F64, Precision::Full),
    (12, ElementType::U32, Precision::Full),
    (13, ElementType::U64, Precision::Full),
    (16, ElementType::F32, Precision::BrainHalf),
];

/// The number of an element type.
pub(super) fn code(element: ElementType, precision: Precision) -> i64 {
    let found = CODES.iter().find(|(_, e, p)| (*e, *p) == (element, precision));
    found.map(|(code, ..)| *code).unwrap_or_default()
}

/// The element type of a number.
pub(super) fn element(code: i64) -> Result<(ElementType, Precision)> {
    let found = CODES.iter().find(|(known, ..)| *known == code);
    found.map(|(_, element, precision)| (*element, *precision)).ok_or_else(|| {
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
        Attributes::default().with("to", Attribute::Int(code(self.to, self.precision)))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        // `saturate` and `round_mode` only concern 8-bit floats.
        let (to, precision) = if signature.operator == "CastLike" {
            check(signature, &["saturate", "round_mode"], 2)?;
            (operand_type(signature, 1, "target_type")?.element, Precision::Full)
        } else {
            check(signature, &["to", "saturate", "round_mode"], 1)?;
            let code = signature.attributes.int("to")?;
            element(*code.ok_or_else(|| Error::malformed("attribute `to` is missing"))?)?
        };
        Ok(Parsed::first(Self { to, precision }, 1))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let operand = required(operands, 0, "input")?.tensor_type;
        one(TensorType { element: self.to, shape: operand.shape.clone() })
    }

    fn facts(&self, operands: &[Option<Operand<'_>>]) -> Option<Vec<Fact>> {
        elementwise_facts(operands, self.to, |[x]: [&Fact; 1]| {
            match (self.to, x.low, x.high) {
                (ElementType::Bool, 0, 0) => Fact::known(0),
                (ElementType::Bool, 1.., _) | (ElementType::Bool, _, ..=-1) => Fact::known(1),
                (ElementType::Bool, ..) => Fact::between(0, 1),
                _ => x.clone(),
            }
        })
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(ElementConversion { precision: self.precision }.into())
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

#[cfg(test)]
mod tests {
    use super::super::testing::Case;
    use super::*;
    use crate::error::ErrorKind;
    use crate::ir::Tensor;

    fn cast(from: impl Into<Data>, code: i64) -> Data {
        let from = from.into();
        let operand = Tensor::new(&[from.len()], from).unwrap();
        Case::new("Cast", 13).int("to", code).operand(operand).value().into_data()
    }

    #[test]
    fn floats_become_integers() {
        let floats = vec![1.9f32, -1.9, 300.0, -1.0, f32::NAN];
        assert_eq!(cast(floats.clone(), 6), Data::I32(vec![1, -1, 300, -1, 0]));
        assert_eq!(cast(floats.clone(), 7), Data::I64(vec![1, -1, 300, -1, 0]));
        // As numpy and ONNX Runtime.
        assert_eq!(cast(floats.clone(), 2), Data::U8(vec![1, 255, 44, 255, 0]));
        assert_eq!(cast(floats, 3), Data::I8(vec![1, -1, 44, -1, 0]));
        assert_eq!(cast(vec![1e300f64, -1e300], 6), Data::I32(vec![i32::MAX, i32::MIN]));
    }

    #[test]
    fn other_types() {
        let booleans = Data::Bool(vec![true, false, false, true, true]);
        assert_eq!(cast(vec![1.5f32, -0.0, 0.0, f32::NAN, 0.1], 9), booleans);
        assert_eq!(cast(vec![2i64, 0, 0, -1, i64::MIN], 9), booleans);
        assert_eq!(cast(booleans.clone(), 9), booleans);
        assert_eq!(cast(vec![true, false], 1), Data::F32(vec![1.0, 0.0]));
        assert_eq!(cast(vec![true, false], 13), Data::U64(vec![1, 0]));
        assert_eq!(cast(vec![200i16, -1], 3), Data::I8(vec![-56, -1]));
        assert_eq!(cast(vec![-1i32], 12), Data::U32(vec![u32::MAX]));
        assert_eq!(cast(vec![1e300f64, 0.1], 1), Data::F32(vec![f32::INFINITY, 0.1]));
        assert_eq!(cast(vec![16_777_217i32], 1), Data::F32(vec![16_777_216.0]));
        // Half-width floats are held as f32.
        assert_eq!(cast(vec![0.1f32, 1e9], 10), Data::F32(vec![0.099_975_586, f32::INFINITY]));
        assert_eq!(cast(vec![0.1f64, 65_000.0], 16), Data::F32(vec![0.100_097_656, 65_024.0]));
        assert_eq!(cast(vec![7u8], 16), Data::F32(vec![7.0]));
    }

    #[test]
    fn every_pair_of_types() {
        for (_, from, _) in CODES {
            let one = converted(&Data::Bool(vec![true, false]), from);
            assert_eq!(one.element(), from);
            for (code, to, _) in CODES {
                assert_eq!(cast(one.clone(), code), converted(&Data::U8(vec![1, 0]), to));
            }
        }
    }

    #[test]
    fn like_another_tensor() {
        let like = Case::new("CastLike", 19)
            .int("saturate", 0)
            .operand(Tensor::scalar(2.5f32))
            .operand(Tensor::vector(vec![0u16; 3]))
            .unknown(2);
        assert_eq!(like.value(), Tensor::scalar(2u16));
        assert_eq!(like.read().unwrap().1.len(), 1);
    }

    #[test]
    fn errors() {
        let case = |code| Case::new("Cast", 24).int("to", code).counting(&[1]);
        case(8).refused(ErrorKind::Unsupported, "strings");
        case(17).refused(ErrorKind::Unsupported, "8-bit floats");
        case(22).refused(ErrorKind::Unsupported, "less than 8 bits");
        case(0).refused(ErrorKind::Malformed, "no element type has number 0");
        case(i64::MIN).refused(ErrorKind::Malformed, "no element type");
        case(1).int("too", 1).refused(ErrorKind::Malformed, "unknown attribute `too`");
        Case::new("Cast", 13).counting(&[1]).refused(ErrorKind::Malformed, "`to` is missing");
        Case::new("Cast", 13).int("to", 1).refused(ErrorKind::Malformed, "input");
    }
}
