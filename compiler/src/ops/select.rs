//! One of two values, decided when the network runs.

use super::reading::{NEWEST, check, one};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Dim, ElementType, Fact, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation;

/// What the branches of an `If`, and steps of a `Loop` that may not be taken,
/// are joined by. Operands: the condition, one truth value; the value where it
/// holds; the value otherwise. See [`operation::Select`].
///
/// No model file spells it; reading one makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Select {
    /// Whether that the condition holds is a failure: a loop is to run on.
    pub last: bool,
}

impl Definition for Select {
    const NAMES: &'static [&'static str] = &["Select"];

    fn name(&self) -> &'static str {
        "Select"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default().with("last", Attribute::Int(self.last.into()))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        if signature.opset != NEWEST {
            return Err(Error::unsupported("this operator is not supported"));
        }
        check(signature, &["last"], 3)?;
        let last = signature.attributes.flag("last")?;
        Ok(Parsed::first(Self { last }, 3))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let condition = required(operands, 0, "condition")?.tensor_type;
        let then = required(operands, 1, "then")?.tensor_type;
        let otherwise = required(operands, 2, "otherwise")?.tensor_type;
        if condition.element != ElementType::Bool || condition.elements()? != 1 {
            return Err(Error::shape(format!("expected one truth value, found {condition}")));
        }
        let misfit = || {
            Error::shape(format!(
                "the branches give {then} and {otherwise}, which no variable could hold"
            ))
        };
        if then.element != otherwise.element {
            return Err(misfit());
        }
        let shape = match (is_empty(then), is_empty(otherwise)) {
            _ if then.rank() == otherwise.rank() => {
                then.shape.iter().zip(&otherwise.shape).map(|(a, b)| either(a, b)).collect()
            }
            // Some exporters write an empty constant where there is no result.
            (true, _) => otherwise.shape.iter().map(or_none).collect(),
            (_, true) => then.shape.iter().map(or_none).collect(),
            (false, false) => return Err(misfit()),
        };
        one(TensorType { element: then.element, shape })
    }

    fn facts(&self, operands: &[Option<Operand<'_>>]) -> Option<Vec<Fact>> {
        let then = required(operands, 1, "then").ok()?.facts()?;
        let otherwise = required(operands, 2, "otherwise").ok()?.facts()?;
        let both = then.iter().zip(otherwise.iter()).map(|(a, b)| Fact {
            low: a.low.min(b.low),
            high: a.high.max(b.high),
            symbol: a.symbol.clone().filter(|_| a.symbol == b.symbol),
        });
        (then.len() == otherwise.len()).then(|| both.collect())
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(operation::Select { last: self.last }.into())
    }
}

fn is_empty(tensor_type: &TensorType) -> bool {
    tensor_type.shape.contains(&Dim::Fixed(0))
}

/// A size that is one of these.
fn either(a: &Dim, b: &Dim) -> Dim {
    if a == b { a.clone() } else { Dim::fresh(a.max().max(b.max())) }
}

/// A size that is this one or 0.
fn or_none(dim: &Dim) -> Dim {
    either(dim, &Dim::Fixed(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::ir::{Operator, Tensor};
    use crate::ops::testing::Case;

    fn case(condition: bool, then: Tensor, otherwise: Tensor) -> Case {
        let condition = Tensor::scalar(condition);
        Case::new("Select", NEWEST).operand(condition).operand(then).operand(otherwise)
    }

    /// The result, which is smaller than its bounds.
    fn value(case: &Case) -> Tensor {
        let (operator, operands) = case.read().unwrap();
        let operands: Vec<_> = operands.iter().map(Option::as_ref).collect();
        operator.evaluate(&operands).unwrap().remove(0)
    }

    #[test]
    fn takes_the_one_or_the_other() {
        let [small, large] = [vec![1.0f32, 2.0], vec![3.0, 4.0, 5.0]].map(Tensor::vector);
        for (condition, expected) in [(true, &small), (false, &large)] {
            assert_eq!(value(&case(condition, small.clone(), large.clone())), *expected);
        }
        let [yes, no] = [true, false].map(Tensor::scalar);
        assert_eq!(case(false, yes.clone(), no.clone()).value(), no);
    }

    #[test]
    fn no_result_may_be_of_another_rank() {
        let none = Tensor::vector(Vec::<f32>::new());
        let some = Tensor::new(&[1, 2], vec![1.0f32, 2.0]).unwrap();
        assert_eq!(value(&case(false, none.clone(), some.clone())), some);
        assert_eq!(value(&case(true, none, some)).shape(), [0, 0]);
    }

    #[test]
    fn a_loop_that_would_run_on_fails() {
        let case = |run_on| case(run_on, Tensor::scalar(1i64), Tensor::scalar(1i64)).int("last", 1);
        assert_eq!(value(&case(false)), Tensor::scalar(1i64));
        case(true).refused(ErrorKind::Shape, "more often than it was compiled for");
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let vector = Tensor::vector(vec![1.0f32]);
        case(true, vector.clone(), Tensor::scalar(1.0f32)).refused(ErrorKind::Shape, "no variable");
        case(true, vector.clone(), Tensor::vector(vec![1i64])).refused(ErrorKind::Shape, "f32[1]");
        let two = Case::new("Select", NEWEST).operand(Tensor::vector(vec![true; 2]));
        two.operand(vector.clone()).operand(vector).refused(ErrorKind::Shape, "one truth value");
        Case::new("Select", 13).refused(ErrorKind::Unsupported, "not supported");
    }
}
