//! What the readers of operators that select by index have in common.

use crate::error::{Error, Result};
use crate::ir::{Dim, ElementType, Fact, Operand, TensorType};

/// Refuses indices that are no integers of 32 or 64 bits.
pub(super) fn check_indices(indices: &TensorType, what: &str) -> Result<()> {
    match indices.element {
        ElementType::I32 | ElementType::I64 => Ok(()),
        other => {
            Err(Error::shape(format!("operand `{what}` should be i32 or i64, but is {other}")))
        }
    }
}

/// Refuses a first operand of another number of dimensions.
pub(super) fn check_rank(tensor_type: &TensorType, rank: usize, what: &str) -> Result<()> {
    match tensor_type.rank() == rank {
        true => Ok(()),
        false => Err(Error::shape(format!(
            "operand `{what}` should have {rank} dimensions, but is {tensor_type}"
        ))),
    }
}

/// Refuses an operand that is not one integer, where it is there.
pub(super) fn check_integer(operand: Option<Operand<'_>>, what: &str) -> Result<()> {
    let Some(found) = operand.map(|operand| operand.tensor_type) else { return Ok(()) };
    match found.elements()? == 1 && !found.element.is_float() && found.element != ElementType::Bool
    {
        true => Ok(()),
        false => {
            Err(Error::shape(format!("operand `{what}` should be one integer, but is {found}")))
        }
    }
}

/// The size of dimensions that must be equal when the network runs; `None`
/// where they are not.
pub(super) fn same(left: &Dim, right: &Dim) -> Option<Dim> {
    match (left, right) {
        (Dim::Fixed(a), Dim::Fixed(b)) => (a == b).then(|| left.clone()),
        (Dim::Fixed(size), other) | (other, Dim::Fixed(size)) => {
            (*size <= other.max()).then_some(Dim::Fixed(*size))
        }
        (a, b) => Some(if b.max() < a.max() { b.clone() } else { a.clone() }),
    }
}

/// The sizes of dimensions that must be equal, one by one, when the network
/// runs.
pub(super) fn all_same(left: &[Dim], right: &[Dim]) -> Option<Vec<Dim>> {
    let pairs = left.iter().zip(right).map(|(left, right)| same(left, right));
    pairs.collect::<Option<Vec<_>>>().filter(|_| left.len() == right.len())
}

/// The dimension of an axis.
pub(super) fn dim(tensor_type: &TensorType, axis: usize) -> Result<&Dim> {
    let found = tensor_type.shape.get(axis);
    found.ok_or_else(|| Error::shape(format!("there is no axis {axis} in {tensor_type}")))
}

/// The product of sizes at their bounds; the largest number where one has no
/// bound.
pub(super) fn most<'a>(dims: impl IntoIterator<Item = &'a Dim>) -> usize {
    dims.into_iter().fold(1, |product: usize, dim| product.saturating_mul(dim.max()))
}

/// One output type, refused where it has too many elements although all sizes
/// have bounds. Those that have none are given some by the user.
pub(super) fn one_bounded(tensor_type: TensorType) -> Result<Vec<TensorType>> {
    if tensor_type.shape.iter().all(|dim| dim.max() < usize::MAX) {
        tensor_type.elements()?;
    }
    Ok(vec![tensor_type])
}

/// What is known of an operand that is one integer.
pub(super) fn integer(operand: Option<Operand<'_>>) -> Fact {
    let fact = operand.and_then(|operand| operand.facts()?.first().cloned());
    fact.unwrap_or(Fact::ANYTHING)
}
