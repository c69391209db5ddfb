//! Values of floating-point tensors for the reference evaluations, which
//! compute in f64 and round once at the end.

use crate::error::{Error, Result};
use crate::ir::{Data, ElementType, Tensor, TensorType};
use std::borrow::Cow;

/// The values in f64.
pub(super) fn widened(tensor: &Tensor) -> Result<Cow<'_, [f64]>> {
    match tensor.data() {
        Data::F32(values) => Ok(values.iter().map(|&value| f64::from(value)).collect()),
        Data::F64(values) => Ok(Cow::Borrowed(values)),
        other => Err(not_float(other.element())),
    }
}

/// A tensor of the element type from values in f64.
pub(super) fn rounded(element: ElementType, shape: &[usize], values: Vec<f64>) -> Result<Tensor> {
    match element {
        ElementType::F32 => {
            Tensor::new(shape, values.into_iter().map(|value| value as f32).collect::<Vec<_>>())
        }
        ElementType::F64 => Tensor::new(shape, values),
        other => Err(not_float(other)),
    }
}

/// Refuses operands that are not floating-point.
pub(super) fn check_float(tensor_type: &TensorType) -> Result<()> {
    match tensor_type.element.is_float() {
        true => Ok(()),
        false => Err(not_float(tensor_type.element)),
    }
}

/// Refuses an operand whose elements are not those of the first one.
pub(super) fn check_same_element(first: &TensorType, other: &TensorType) -> Result<()> {
    match first.element == other.element {
        true => Ok(()),
        false => Err(Error::shape(format!(
            "expected operands of one element type, found {first} and {other}"
        ))),
    }
}

/// Applies a function to every value.
pub(super) fn mapped(tensor: &Tensor, function: impl Fn(f64) -> f64) -> Result<Tensor> {
    let values = widened(tensor)?.iter().map(|&value| function(value)).collect();
    rounded(tensor.element(), tensor.shape(), values)
}

fn not_float(element: ElementType) -> Error {
    Error::unsupported(format!("this operator is computed on f32 and f64, but found {element}"))
}
