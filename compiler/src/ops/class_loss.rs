//! How unlikely the right classes are.

use super::floats::{check_float, check_same_element};
use super::reading::check;
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, ElementType, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation::{self, Total};

/// `NegativeLogLikelihoodLoss` and `SoftmaxCrossEntropyLoss`. Operands:
/// logarithms of probabilities, or scores; the right classes; weights of
/// classes (may be empty).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassLoss {
    /// Whether scores are given; then logarithms of probabilities are the
    /// second result.
    pub softmax: bool,
    /// The class that is not counted.
    pub ignored: Option<i64>,
    /// What becomes of the losses of samples.
    pub total: Total,
}

impl Definition for ClassLoss {
    const NAMES: &'static [&'static str] = &["NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"];

    fn name(&self) -> &'static str {
        if self.softmax { "SoftmaxCrossEntropyLoss" } else { "NegativeLogLikelihoodLoss" }
    }

    fn attributes(&self) -> Attributes {
        let total = match self.total {
            Total::Each => "none",
            Total::Mean => "mean",
            Total::Sum => "sum",
        };
        let attributes =
            Attributes::default().with("reduction", Attribute::String(total.to_owned()));
        match self.ignored {
            Some(ignored) => attributes.with("ignore_index", Attribute::Int(ignored)),
            None => attributes,
        }
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &["reduction", "ignore_index"], 3)?;
        let total = match signature.attributes.string_or("reduction", "mean")? {
            "none" => Total::Each,
            "mean" => Total::Mean,
            "sum" => Total::Sum,
            other => {
                let other = crate::error::printable(other);
                return Err(Error::malformed(format!(
                    "attribute `reduction` should be `none`, `mean` or `sum`, but is {other}"
                )));
            }
        };
        let softmax = signature.operator == "SoftmaxCrossEntropyLoss";
        let ignored = signature.attributes.int("ignore_index")?.copied();
        Ok(Parsed::as_written(Self { softmax, ignored, total }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let scores = required(operands, 0, "scores")?.tensor_type;
        let targets = required(operands, 1, "labels")?.tensor_type;
        check_float(scores)?;
        if scores.rank() < 2 || targets.rank() + 1 != scores.rank() {
            return Err(Error::shape(format!(
                "expected [batch, classes, ..] and [batch, ..], found {scores} and {targets}"
            )));
        }
        if !matches!(targets.element, ElementType::I32 | ElementType::I64) {
            return Err(Error::shape(format!("expected classes in i32 or i64, found {targets}")));
        }
        if let Some(weights) = operands.get(2).copied().flatten() {
            check_same_element(scores, weights.tensor_type)?;
        }
        let shape = match self.total {
            Total::Each => targets.shape.clone(),
            Total::Mean | Total::Sum => Vec::new(),
        };
        let mut results = vec![TensorType { element: scores.element, shape }];
        if self.softmax {
            results.push(scores.clone());
        }
        Ok(results)
    }

    fn operation(&self) -> Option<AnyOperation> {
        let Self { softmax, ignored, total } = *self;
        let ignored = match ignored {
            Some(ignored) => Some(isize::try_from(ignored).ok()?),
            None => None,
        };
        Some(operation::ClassLoss { softmax, ignored, total }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn case(operator: &'static str, reduction: &str) -> Case {
        let scores = vec![1.0f32, 2.0, 2.0, 2.0, 3.0, 2.0, 0.0, 1.0, 2.0, 2.0, 1.0, 2.0];
        Case::new(operator, 13)
            .operand(Tensor::new(&[2, 3, 2], scores).unwrap())
            .operand(Tensor::new(&[2, 2], vec![2i64, 1, 0, 2]).unwrap())
            .string("reduction", reduction)
    }

    #[test]
    fn follows_the_examples_of_the_specification() {
        let each = case("NegativeLogLikelihoodLoss", "none");
        assert_eq!(each.f32s(), (vec![2, 2], vec![-3.0, -2.0, 0.0, -2.0]));
        let weights = Tensor::vector(vec![0.2f32, 0.3, 0.1]);
        let sum = case("NegativeLogLikelihoodLoss", "sum").operand(weights.clone());
        assert_eq!(sum.f32s(), (vec![], vec![-1.1]));
        let mean = case("NegativeLogLikelihoodLoss", "mean").operand(weights);
        assert_eq!(mean.f32s().1, [-1.571_428_5]);
    }

    #[test]
    fn ignored_samples_are_not_counted() {
        let mean = || case("NegativeLogLikelihoodLoss", "mean");
        assert_eq!(mean().int("ignore_index", 2).f32s().1, [-1.0]);
        assert_eq!(mean().f32s().1, [-7.0 / 4.0]);
    }

    #[test]
    fn scores_become_logarithms_first() {
        let scores = Tensor::new(&[1, 2], vec![0.0f32, 0.0]).unwrap();
        let case = Case::new("SoftmaxCrossEntropyLoss", 13).operand(scores).list(&[1]).outputs(2);
        let results = case.evaluate().unwrap();
        assert_eq!(results[0], Tensor::scalar(2f32.ln()));
        assert_eq!(results[1], Tensor::new(&[1, 2], vec![-2f32.ln(); 2]).unwrap());
    }

    #[test]
    fn classes_must_exist() {
        let case = |classes: &[i64]| {
            Case::new("NegativeLogLikelihoodLoss", 13).counting(&[1, 2]).list(classes)
        };
        case(&[2]).refused(ErrorKind::Shape, "no such class");
        case(&[0, 1]).refused(ErrorKind::Shape, "fit together");
        case(&[0]).string("reduction", "max").refused(ErrorKind::Malformed, "`reduction`");
    }
}
