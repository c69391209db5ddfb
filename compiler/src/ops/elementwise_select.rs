//! A choice between elements.

use super::bits::check_bits;
use super::broadcasting::{broadcast, elementwise_facts};
use super::floats::check_same_element;
use super::reading::{check, one};
use super::{AnyOperation, Definition, interval};
use crate::error::Result;
use crate::ir::{Attributes, Fact, Operand, Parsed, Signature, TensorType, required};
use crate::operation::ElementwiseSelect;

/// `Where`. Operands: truth values, what is taken where they are true, what is
/// taken elsewhere; all are broadcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Where;

impl Definition for Where {
    const NAMES: &'static [&'static str] = &["Where"];

    fn name(&self) -> &'static str {
        "Where"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default()
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &[], 3)?;
        Ok(Parsed::first(Self, 3))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let condition = required(operands, 0, "condition")?.tensor_type;
        let yes = required(operands, 1, "where true")?.tensor_type;
        let no = required(operands, 2, "where false")?.tensor_type;
        check_bits(condition, true)?;
        check_same_element(yes, no)?;
        let both = TensorType { element: yes.element, shape: broadcast(yes, no)? };
        one(TensorType { element: yes.element, shape: broadcast(condition, &both)? })
    }

    fn facts(&self, operands: &[Option<Operand<'_>>]) -> Option<Vec<Fact>> {
        let element = operands.get(1)?.as_ref()?.tensor_type.element;
        elementwise_facts(operands, element, |[condition, yes, no]: [&Fact; 3]| {
            match condition.value() {
                Some(0) => no.clone(),
                Some(_) => yes.clone(),
                None => interval::either(yes, no),
            }
        })
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(ElementwiseSelect.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::ir::{Dim, ElementType, Tensor};
    use crate::ops::testing::Case;
    use crate::ops::{Compare, Op};
    use crate::operation::Comparison;

    #[test]
    fn takes_from_one_or_the_other() {
        let condition = Tensor::new(&[2, 1], vec![true, false]).unwrap();
        let case = Case::new("Where", 16).operand(condition).counting(&[3]);
        let case = case.operand(Tensor::scalar(9.0f32));
        assert_eq!(case.f32s(), (vec![2, 3], vec![0.0, 1.0, 2.0, 9.0, 9.0, 9.0]));
        let truths = || Case::new("Where", 9).operand(Tensor::vector(vec![true, false]));
        let bools = truths().operand(Tensor::scalar(false)).operand(Tensor::scalar(true));
        assert_eq!(bools.value(), Tensor::vector(vec![false, true]));
        truths().list(&[1]).counting(&[1]).refused(ErrorKind::Shape, "one element type");
        let numbers = Case::new("Where", 9).list(&[1]).list(&[1]).list(&[1]);
        numbers.refused(ErrorKind::Shape, "expected truth values");
    }

    /// How exporters write the shape of `Expand`.
    #[test]
    fn sizes_pass_through_the_shape_arithmetic_of_exporters() {
        let sizes = [Fact::of_dim(&Dim::Bounded { symbol: "n".to_owned(), max: 9 }), Fact::known(4)];
        let vector = TensorType::fixed(ElementType::I64, &[2]);
        let shape = Operand { tensor_type: &vector, value: None, known: Some(&sizes) };
        let [ones, minus] = [Tensor::vector(vec![1i64, 1]), Tensor::vector(vec![-1i64, -1])];
        let of = |tensor| Operand::new(&vector, Some(tensor));
        let equal = Compare { comparison: Comparison::Equal };
        let equal = equal.facts(&[Some(shape), Some(of(&minus))]).unwrap();
        assert_eq!(equal, [Fact::known(0), Fact::known(0)]);
        let truths = TensorType::fixed(ElementType::Bool, &[2]);
        let condition = Operand { tensor_type: &truths, value: None, known: Some(&equal) };
        let chosen = Where.facts(&[Some(condition), Some(of(&ones)), Some(shape)]).unwrap();
        assert_eq!(chosen, sizes);
        assert!(matches!(Op::from(Where), Op::Where(_)));
    }
}
