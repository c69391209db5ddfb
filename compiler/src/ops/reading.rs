//! What the readers of operators share: checks of a [`Signature`], axes, and
//! operands whose values must be known.

use super::Definition;
use crate::error::{Error, Result, printable};
use crate::ir::{Dim, Fact, Operand, Signature, Tensor, TensorType, required};

/// The operator set of the text form, newer than every real one. There an
/// operator is read back from its own attributes, also where ONNX made
/// operands of them.
pub(super) const NEWEST: u32 = u32::MAX;

/// Refuses attributes that the operator does not have, and operands beyond
/// its last.
pub(super) fn check(signature: &Signature<'_>, attributes: &[&str], operands: usize) -> Result<()> {
    if let Some(name) = signature.attributes.unknown(attributes) {
        let known = match attributes {
            [] => "none".to_owned(),
            names => format!("`{}`", names.join("`, `")),
        };
        return Err(Error::malformed(format!(
            "unknown attribute `{}`; this operator has {known} in the model's operator set",
            printable(name)
        )));
    }
    if signature.operands.iter().skip(operands).any(Option::is_some) {
        return Err(Error::malformed(format!(
            "expected at most {operands} operands, found {}",
            signature.operands.len()
        )));
    }
    Ok(())
}

/// The type of an operand.
pub(super) fn operand_type<'a>(
    signature: &Signature<'a>,
    slot: usize,
    what: &str,
) -> Result<&'a TensorType> {
    Ok(required(signature.operands, slot, what)?.tensor_type)
}

/// An axis, counted from the end where it is negative.
pub(super) fn axis(axis: i64, rank: usize) -> Result<usize> {
    let counted = if axis < 0 { axis.saturating_add_unsigned(rank as u64) } else { axis };
    usize::try_from(counted).ok().filter(|&counted| counted < rank).ok_or_else(|| {
        Error::shape(format!("axis {axis} is out of range for a tensor of {rank} dimensions"))
    })
}

/// Axes, counted from the end where they are negative, each named once.
pub(super) fn axes(axes: &[i64], rank: usize) -> Result<Vec<usize>> {
    let mut seen = vec![false; rank];
    axes.iter()
        .map(|&given| {
            let axis = axis(given, rank)?;
            match std::mem::replace(&mut seen[axis], true) {
                false => Ok(axis),
                true => Err(Error::malformed(format!("axis {given} is given twice"))),
            }
        })
        .collect()
}

/// A size, which is not negative.
pub(super) fn size(size: i64, what: &str) -> Result<usize> {
    usize::try_from(size)
        .map_err(|_| Error::malformed(format!("{what} should not be negative, but is {size}")))
}

/// The value of an operand that decides a shape; `None` where it is left out.
pub(super) fn constant<'a>(
    signature: &Signature<'a>,
    slot: usize,
    what: &str,
) -> Result<Option<&'a Tensor>> {
    match signature.operands.get(slot).copied().flatten() {
        None => Ok(None),
        Some(operand) => known(operand, what).map(Some),
    }
}

/// The value of an operand that decides a shape.
pub(super) fn known<'a>(operand: Operand<'a>, what: &str) -> Result<&'a Tensor> {
    operand.value.ok_or_else(|| {
        Error::unsupported(format!(
            "operand `{what}` depends on the data, but must be known when the model is compiled"
        ))
        .help("pin the sizes of the model's inputs, or export the model with constant shapes")
    })
}

/// The integers of a known operand, a vector or a single number.
pub(super) fn list(tensor: &Tensor, what: &str) -> Result<Vec<i64>> {
    if tensor.shape().len() > 1 {
        return Err(Error::shape(format!(
            "operand `{what}` should be a vector, but is {}",
            tensor.tensor_type()
        )));
    }
    tensor.integers().map_err(|_| {
        Error::shape(format!("operand `{what}` should be integers, but is {}", tensor.element()))
    })
}

/// The integers of an operand, a vector or a single number, where they are
/// known: as a constant, or because they follow from the types of the network.
pub(super) fn known_integers(operand: Operand<'_>, what: &str) -> Result<Option<Vec<i64>>> {
    if let Some(tensor) = operand.value {
        return list(tensor, what).map(Some);
    }
    let facts = operand.facts().filter(|_| operand.tensor_type.rank() <= 1);
    Ok(facts.and_then(|facts| facts.iter().map(Fact::value).collect()))
}

/// Whether everything but the elements of the first operand is known: its
/// sizes, and the other operands.
pub(super) fn all_known(signature: &Signature<'_>) -> bool {
    let mut operands = signature.operands.iter();
    let first = operands.next().copied().flatten();
    first.is_none_or(|first| first.tensor_type.is_fixed())
        && operands.flatten().all(|operand| {
            operand.value.is_some()
                || operand.tensor_type.rank() <= 1
                    && operand.facts().is_some_and(|f| f.iter().all(|f| f.value().is_some()))
        })
}

/// Integers that are an attribute before the operator set `operand_since`, and
/// in the text form, and the operand in `slot` from then on.
pub(super) fn integers(
    signature: &Signature<'_>,
    name: &str,
    slot: usize,
    operand_since: u32,
) -> Result<Option<Vec<i64>>> {
    if let Some(integers) = signature.attributes.ints(name)? {
        return Ok(Some(integers.clone()));
    }
    if signature.opset < operand_since {
        return Ok(None);
    }
    match signature.operands.get(slot).copied().flatten() {
        None => Ok(None),
        Some(operand) => match known_integers(operand, name)? {
            Some(integers) => Ok(Some(integers)),
            None => known(operand, name).and_then(|tensor| list(tensor, name)).map(Some),
        },
    }
}

/// Whether what ONNX has as operands since this operator set is written as
/// attributes here.
pub(super) fn writes_attributes(signature: &Signature<'_>, operand_since: u32) -> bool {
    signature.opset < operand_since || signature.opset == NEWEST
}

/// One output type, refused where it has too many elements. Where a size has no
/// bound, whoever reads the file asks for one.
pub(super) fn one(tensor_type: TensorType) -> Result<Vec<TensorType>> {
    if tensor_type.bounds().iter().all(|&size| size != Dim::open().max()) {
        tensor_type.elements()?;
    }
    Ok(vec![tensor_type])
}

/// Types of the outputs for operands whose values are known; refuses the
/// operands that [`Definition::infer`] refuses, so that evaluation need not.
pub(super) fn inferred(
    operator: &impl Definition,
    operands: &[Option<&Tensor>],
) -> Result<Vec<TensorType>> {
    let types: Vec<_> = operands.iter().map(|o| o.map(Tensor::tensor_type)).collect();
    let known: Vec<_> = operands
        .iter()
        .zip(&types)
        .map(|(value, tensor_type)| {
            tensor_type.as_ref().map(|tensor_type| Operand::new(tensor_type, *value))
        })
        .collect();
    operator.infer(&known)
}
