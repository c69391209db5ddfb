//! Bounds of elements.

use super::broadcasting::elementwise_facts;
use super::floats::check_same_element;
use super::reading::{check, one, operand_type};
use super::{AnyOperation, Definition, interval};
use crate::error::{Error, Result};
use crate::ir::{
    Attributes, Dim, ElementType, Fact, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation::{Arithmetic, ElementwiseClip};

/// `Clip` whose bounds are operands: of other types than f32, or known only
/// when the network runs. Others are [`super::Activation::Clip`]. Operands:
/// data, the smallest and the largest result, which may be absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clip;

impl Definition for Clip {
    const NAMES: &'static [&'static str] = &["Clip"];

    fn reads(signature: &Signature<'_>) -> bool {
        !super::Activation::reads(signature)
    }

    fn name(&self) -> &'static str {
        "Clip"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default()
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &[], 3)?;
        operand_type(signature, 0, "input")?;
        Ok(Parsed::as_written(Self, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let input = required(operands, 0, "input")?.tensor_type;
        if input.element == ElementType::Bool {
            return Err(Error::shape("truth values have no bounds"));
        }
        for bound in operands.iter().skip(1).flatten() {
            check_same_element(input, bound.tensor_type)?;
            if bound.tensor_type.shape.iter().any(|dim| !matches!(dim, Dim::Fixed(1))) {
                let found = bound.tensor_type;
                return Err(Error::shape(format!("expected a bound of one value, found {found}")));
            }
        }
        one(input.clone())
    }

    fn facts(&self, operands: &[Option<Operand<'_>>]) -> Option<Vec<Fact>> {
        let input = operands.first()?.as_ref()?;
        let element = input.tensor_type.element;
        let bound = |slot: usize| -> Option<Fact> {
            operands.get(slot)?.as_ref()?.facts()?.first().cloned()
        };
        let (low, high) = (bound(1), bound(2));
        // A bound of which nothing is known may be any; one left out is none.
        if [1, 2].iter().zip([&low, &high]).any(|(&slot, bound)| {
            bound.is_none() && operands.get(slot).is_some_and(Option::is_some)
        }) {
            return None;
        }
        elementwise_facts(operands, element, |[x]: [&Fact; 1]| {
            let raised = low.as_ref().map(|low| interval::arithmetic(Arithmetic::Max, x, low));
            let raised = raised.unwrap_or_else(|| x.clone());
            let lowered = high.as_ref().map(|h| interval::arithmetic(Arithmetic::Min, &raised, h));
            lowered.unwrap_or(raised)
        })
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(ElementwiseClip.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::Op;
    use crate::ops::testing::Case;

    #[test]
    fn bounds_of_any_type_may_depend_on_the_data() {
        let case = || Case::new("Clip", 12).list(&[-5, 3, 20]);
        assert_eq!(case().list(&[0]).value(), Tensor::vector(vec![0i64, 3, 20]));
        assert_eq!(case().absent().list(&[9]).value(), Tensor::vector(vec![-5i64, 3, 9]));
        let crossed = case().list(&[9]).list(&[2]);
        assert_eq!(crossed.value(), Tensor::vector(vec![2i64; 3]));
        assert_eq!(case().value(), Tensor::vector(vec![-5i64, 3, 20]));
        let floats = Case::new("Clip", 13).counting(&[3]).operand(Tensor::scalar(1.0f32)).unknown(2);
        assert!(matches!(floats.read().unwrap().0, Op::Clip(_)));
        assert_eq!(floats.f32s().1, [1.0, 1.0, 2.0]);
        let double = Case::new("Clip", 13).operand(Tensor::vector(vec![-2.0f64, 9.0]));
        let double = double.operand(Tensor::scalar(0.1f64)).value();
        assert_eq!(double, Tensor::vector(vec![0.1f64, 9.0]));
    }

    #[test]
    fn bounds_are_single_and_of_the_same_type() {
        let case = |bound| Case::new("Clip", 13).counting(&[2]).operand(bound);
        case(Tensor::vector(vec![0.0f32, 1.0])).refused(ErrorKind::Shape, "one value");
        case(Tensor::vector(vec![0i64])).refused(ErrorKind::Shape, "one element type");
        let boolean = Case::new("Clip", 13).operand(Tensor::scalar(true));
        boolean.refused(ErrorKind::Shape, "no bounds");
    }
}
