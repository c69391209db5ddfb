//! Tensors as little-endian bytes, and as numbers.

use cnnc::error::Result;
use cnnc::ir::{Data, ElementType, Tensor};

macro_rules! all {
    ($data:expr, $values:ident => $body:expr; $truths:ident => $truth:expr) => {
        match $data {
            Data::F32($values) => $body,
            Data::F64($values) => $body,
            Data::I8($values) => $body,
            Data::I16($values) => $body,
            Data::I32($values) => $body,
            Data::I64($values) => $body,
            Data::U8($values) => $body,
            Data::U16($values) => $body,
            Data::U32($values) => $body,
            Data::U64($values) => $body,
            Data::Bool($truths) => $truth,
        }
    };
}

/// The elements, row by row.
#[must_use]
pub fn bytes(tensor: &Tensor) -> Vec<u8> {
    all!(
        tensor.data(),
        values => values.iter().flat_map(|value| value.to_le_bytes()).collect();
        truths => truths.iter().map(|&truth| truth.into()).collect()
    )
}

/// The elements as floats; integers of 64 bits may be rounded.
#[must_use]
#[allow(clippy::unnecessary_cast, reason = "one of the types is f64")]
pub fn numbers(tensor: &Tensor) -> Vec<f64> {
    all!(
        tensor.data(),
        values => values.iter().map(|&value| value as f64).collect();
        truths => truths.iter().map(|&truth| truth.into()).collect()
    )
}

/// A tensor from its elements.
///
/// # Errors
/// Where there are more or fewer than the sizes ask for.
pub fn tensor(element: ElementType, sizes: &[usize], bytes: &[u8]) -> Result<Tensor> {
    macro_rules! read {
        ($type:ty) => {
            bytes
                .as_chunks()
                .0
                .iter()
                .map(|&chunk| <$type>::from_le_bytes(chunk))
                .collect::<Vec<_>>()
        };
    }
    match element {
        ElementType::F32 => Tensor::new(sizes, read!(f32)),
        ElementType::F64 => Tensor::new(sizes, read!(f64)),
        ElementType::I8 => Tensor::new(sizes, read!(i8)),
        ElementType::I16 => Tensor::new(sizes, read!(i16)),
        ElementType::I32 => Tensor::new(sizes, read!(i32)),
        ElementType::I64 => Tensor::new(sizes, read!(i64)),
        ElementType::U8 => Tensor::new(sizes, bytes.to_vec()),
        ElementType::U16 => Tensor::new(sizes, read!(u16)),
        ElementType::U32 => Tensor::new(sizes, read!(u32)),
        ElementType::U64 => Tensor::new(sizes, read!(u64)),
        ElementType::Bool => {
            Tensor::new(sizes, bytes.iter().map(|&byte| byte != 0).collect::<Vec<_>>())
        }
    }
}
