//! Broadcasting to a shape.

use super::reading::{check, inferred, integers, one, operand_type, size, writes_attributes};
use super::rearrange::{rearranged, strides};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, ElementType, Fact, MAX_FACTS, Operand, Parsed, Signature, Tensor, TensorType, required,
};
use crate::operation;
use crate::step::RANK;

/// `Expand`: broadcasts its one operand; [`super::RuntimeExpand`] where sizes
/// are known only at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expand {
    /// Shape of the result (already broadcast with the operand's).
    pub shape: Vec<usize>,
}

impl Definition for Expand {
    const NAMES: &'static [&'static str] = &["Expand"];

    fn reads(signature: &Signature<'_>) -> bool {
        let operand = |slot: usize| signature.operands.get(slot).copied().flatten();
        operand(0).is_none_or(|data| data.tensor_type.is_fixed())
            && operand(1).is_none_or(|shape| shape.value.is_some())
    }

    fn name(&self) -> &'static str {
        "Expand"
    }

    fn attributes(&self) -> Attributes {
        let shape = self.shape.iter().map(|&size| size as i64).collect();
        Attributes::default().with("shape", Attribute::Ints(shape))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let attributes: &[&str] =
            if writes_attributes(signature, 0) { &["shape"] } else { &[] };
        check(signature, attributes, 2)?;
        let given = integers(signature, "shape", 1, 0)?;
        let given = given.ok_or_else(|| Error::malformed("operand 1 (shape) is missing"))?;
        let given = given.iter().map(|&g| size(g, "a size")).collect::<Result<Vec<_>>>()?;
        let sizes = operand_type(signature, 0, "input")?.sizes()?;
        Ok(Parsed::first(Self { shape: broadcast(&sizes, &given)? }, 1))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let operand = required(operands, 0, "input")?.tensor_type;
        if broadcast(&operand.sizes()?, &self.shape)? != self.shape {
            return Err(Error::shape(format!(
                "{operand} does not broadcast to {:?}, which is smaller",
                self.shape
            )));
        }
        one(TensorType::fixed(operand.element, &self.shape))
    }

    fn facts(&self, operands: &[Option<Operand<'_>>]) -> Option<Vec<Fact>> {
        let [fact] = &*operands.first()?.as_ref()?.facts()? else { return None };
        let count = TensorType::fixed(ElementType::I64, &self.shape).elements().ok()?;
        (count <= MAX_FACTS).then(|| vec![fact.clone(); count])
    }

    fn operation(&self) -> Option<AnyOperation> {
        let (mut sizes, rank) = ([0; RANK], self.shape.len());
        sizes.get_mut(..rank)?.copy_from_slice(&self.shape);
        Some(operation::GeneralExpand { sizes, rank }.into())
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        inferred(self, operands)?;
        let operand = required(operands, 0, "input")?;
        let new = self.shape.len() - operand.shape().len();
        let strides = strides(operand.shape());
        let offset = |dimension: usize, index: usize| {
            let Some(dimension) = dimension.checked_sub(new) else { return Some(0) };
            Some(if operand.shape()[dimension] == 1 { 0 } else { index * strides[dimension] })
        };
        Ok(vec![rearranged(operand, &self.shape, 0.0, offset)?])
    }
}

/// The shape to which tensors of these shapes broadcast: aligned at the last
/// dimension, sizes are equal or one of them is 1.
fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>> {
    let rank = a.len().max(b.len());
    let aligned = |shape: &[usize], dimension: usize| {
        (dimension + shape.len()).checked_sub(rank).map_or(1, |dimension| shape[dimension])
    };
    (0..rank)
        .map(|dimension| match (aligned(a, dimension), aligned(b, dimension)) {
            (1, size) | (size, 1) => Ok(size),
            (size, other) if size == other => Ok(size),
            _ => Err(Error::shape(format!("shapes {a:?} and {b:?} do not broadcast"))),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::Case;
    use super::*;
    use crate::error::ErrorKind;

    fn expand(from: &[usize], to: &[i64]) -> Case {
        Case::new("Expand", 13).counting(from).list(to).unknown(1)
    }

    #[test]
    fn broadcasts_both_ways() {
        let columns = expand(&[2, 1], &[2, 3]).f32s();
        assert_eq!(columns, (vec![2, 3], vec![0.0, 0.0, 0.0, 1.0, 1.0, 1.0]));
        let rows = expand(&[2], &[2, 1]).f32s();
        assert_eq!(rows, (vec![2, 2], vec![0.0, 1.0, 0.0, 1.0]));
        assert_eq!(expand(&[2, 1], &[1]).f32s(), (vec![2, 1], vec![0.0, 1.0]));
        assert_eq!(expand(&[], &[2]).f32s(), (vec![2], vec![0.0, 0.0]));
        assert_eq!(expand(&[1], &[0, 5]).f32s(), (vec![0, 5], vec![]));
        let booleans = Case::new("Expand", 8).operand(Tensor::scalar(true)).list(&[2]).value();
        assert_eq!(booleans, Tensor::vector(vec![true, true]));
        let (operand, expand) = (Tensor::scalar(true), Expand { shape: vec![2] });
        let types = [booleans.tensor_type()];
        let operation = expand.operation().unwrap();
        assert_eq!(operation.evaluate(&[Some(&operand)], &types).unwrap(), [booleans]);
    }

    #[test]
    fn errors() {
        expand(&[2], &[3]).refused(ErrorKind::Shape, "do not broadcast");
        expand(&[1], &[-1]).refused(ErrorKind::Malformed, "negative");
        expand(&[1], &[1 << 40, 2]).refused(ErrorKind::Shape, "too many elements");
        expand(&[1], &[1]).ints("shape", &[1]).refused(ErrorKind::Malformed, "unknown attribute");
        Case::new("Expand", 13).counting(&[1]).refused(ErrorKind::Malformed, "shape");
    }

    #[test]
    fn what_is_known_is_repeated() {
        let number = TensorType::fixed(ElementType::I64, &[]);
        let facts = [Fact::between(0, 5)];
        let operand = Operand { known: Some(&facts), ..Operand::of_type(&number) };
        let pair = Expand { shape: vec![2] };
        assert_eq!(pair.facts(&[Some(operand)]), Some(vec![Fact::between(0, 5); 2]));
        let many = Expand { shape: vec![MAX_FACTS + 1] };
        assert_eq!(many.facts(&[Some(operand)]), None);
    }

    #[test]
    fn the_shape_is_that_of_the_result() {
        let smaller = Expand { shape: vec![1] };
        let error = smaller.infer(&[Some(Operand::of_type(&TensorType::f32(&[2])))]);
        assert!(error.is_err());
    }
}
