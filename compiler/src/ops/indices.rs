//! What the readers of operators that select by index have in common.

use super::reading::list;
use crate::error::{Error, Result};
use crate::ir::{Dim, ElementType, Fact, Operand, TensorType};
use crate::step::RANK;

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

/// The sizes that an operand gives, as far as they are known.
pub(super) fn shape_operand(operand: Operand<'_>, what: &str) -> Result<Vec<Dim>> {
    if let Some(value) = operand.value {
        return list(value, what)?.into_iter().map(|size| Fact::known(size).dim()).collect();
    }
    let found = operand.tensor_type;
    if found.rank() > 1 || found.element.is_float() || found.element == ElementType::Bool {
        return Err(Error::shape(format!(
            "operand `{what}` should be a vector of integers, but is {found}"
        )));
    }
    let count = found.shape.first().map_or(Some(1), Dim::fixed).filter(|&count| count <= RANK);
    let count = count.ok_or_else(|| {
        Error::unsupported(format!(
            "how many sizes operand `{what}` ({found}) gives must be known when the model is \
             compiled, and be at most {RANK}"
        ))
    })?;
    match operand.facts().filter(|facts| facts.len() == count) {
        Some(facts) => facts.iter().map(Fact::dim).collect(),
        None => Ok(vec![Dim::open(); count]),
    }
}
