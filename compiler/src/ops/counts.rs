//! Arithmetic of sizes that may be known only at run time.

use crate::error::{Error, Result};
use crate::ir::{Dim, Fact, Operand};

/// Largest number of elements up to which several unknown sizes are each
/// planned for as if they were all there are.
const FEW: usize = 1 << 20;

/// The number of elements of a tensor of these sizes.
pub(super) fn product(dims: &[Dim]) -> Result<Dim> {
    quotient(dims, &[])
}

/// The size that, together with `divisors`, makes as many elements as `dims`
/// do; sizes that are equal cancel each other.
pub(super) fn quotient(dims: &[Dim], divisors: &[Dim]) -> Result<Dim> {
    let mut left: Vec<&Dim> = dims.iter().collect();
    let mut by = Vec::new();
    for divisor in divisors {
        match left.iter().position(|dim| *dim == divisor) {
            Some(same) => drop(left.swap_remove(same)),
            None => by.push(divisor),
        }
    }
    let fixed = |dims: &[&Dim]| {
        dims.iter().filter_map(|dim| dim.fixed()).try_fold(1usize, |p, size| p.checked_mul(size))
    };
    let too_large = || Error::shape("a tensor has too many elements to compile");
    let (total, divisor) = (fixed(&left).ok_or_else(too_large)?, fixed(&by).ok_or_else(too_large)?);
    let counts: Vec<_> = left.into_iter().filter(|dim| dim.fixed().is_none()).collect();
    let divided_by_count = by.iter().any(|dim| dim.fixed().is_none());
    if divisor == 0 {
        return Ok(Dim::open());
    }
    if total == 0 {
        return Ok(Dim::Fixed(0));
    }
    if counts.is_empty() && !divided_by_count {
        return match total % divisor {
            0 => Ok(Dim::Fixed(total / divisor)),
            _ => Err(Error::shape(format!("{total} elements are not a multiple of {divisor}"))),
        };
    }
    if let [count] = counts.as_slice()
        && total == divisor
        && !divided_by_count
    {
        return Ok((*count).clone());
    }
    let most = counts.iter().try_fold(total, |product, dim| product.checked_mul(dim.max()));
    Ok(most.map_or_else(Dim::open, |most| Dim::fresh(most / divisor)))
}

/// The sizes of a result of as many elements as `dims`, where some of its sizes
/// do not follow from anything else.
pub(super) fn completed(dims: &[Dim], sizes: &[Option<Dim>]) -> Result<Vec<Dim>> {
    let known: Vec<Dim> = sizes.iter().flatten().cloned().collect();
    let unknown = sizes.len() - known.len();
    let open = match unknown {
        0 => return Ok(known),
        1 => quotient(dims, &known)?,
        _ => {
            let each = quotient(dims, &known)?.max();
            let most = (1..unknown).try_fold(each, |product, _| product.checked_mul(each));
            match most {
                Some(most) if most <= FEW => Dim::fresh(each),
                _ => Dim::open(),
            }
        }
    };
    Ok(sizes.iter().map(|size| size.clone().unwrap_or_else(|| open.clone())).collect())
}

/// The length of tensors joined one after the other.
pub(super) fn sum(dims: &[Dim]) -> Result<Dim> {
    let too_large = || Error::shape("the operands are too large to be joined");
    let counts: Vec<_> = dims.iter().filter(|dim| dim.fixed().is_none()).collect();
    if counts.iter().any(|dim| dim.max() == usize::MAX) {
        return Ok(Dim::open());
    }
    let most = dims.iter().try_fold(0usize, |sum, dim| sum.checked_add(dim.max()));
    let most = most.ok_or_else(too_large)?;
    Ok(match counts.as_slice() {
        [] => Dim::Fixed(most),
        [count] if count.max() == most => (*count).clone(),
        _ => Dim::fresh(most),
    })
}

/// What is known of each integer of a vector; `None` where not even their
/// number is.
pub(super) fn vector(operand: Operand<'_>, what: &str) -> Result<Option<Vec<Fact>>> {
    let tensor_type = operand.tensor_type;
    if tensor_type.element.is_float() || tensor_type.rank() > 1 {
        return Err(Error::shape(format!(
            "operand `{what}` should be a vector of integers, but is {tensor_type}"
        )));
    }
    let count = match tensor_type.shape.first() {
        None => 1,
        Some(Dim::Fixed(count)) => *count,
        Some(Dim::Bounded { .. }) => return Ok(None),
    };
    let facts = operand.facts().map(std::borrow::Cow::into_owned);
    match facts.filter(|facts| facts.len() == count) {
        Some(facts) => Ok(Some(facts)),
        None if count > crate::ir::MAX_FACTS => Ok(None),
        None => Ok(Some(vec![Fact::ANYTHING; count])),
    }
}
