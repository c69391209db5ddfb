//! The largest or smallest elements.

use super::reading::{axis, check, operand_type};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Dim, ElementType, Fact, Operand, Parsed, ParsedOperand, Signature, Tensor,
    TensorType, required,
};
use crate::operation;

/// `TopK`. Operands: data, how many. Results: elements and their indices,
/// always in order, which files may leave open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopK {
    /// The dimension along which elements are compared.
    pub axis: usize,
    /// Whether the largest are wanted, not the smallest.
    pub largest: bool,
}

impl Definition for TopK {
    const NAMES: &'static [&'static str] = &["TopK"];

    fn name(&self) -> &'static str {
        "TopK"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default()
            .with("axis", Attribute::Int(self.axis as i64))
            .with("largest", Attribute::Int(self.largest.into()))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let attributes = signature.attributes;
        let rank = operand_type(signature, 0, "data")?.rank();
        let axis = axis(attributes.int_or("axis", -1)?, rank)?;
        if signature.opset < 10 {
            check(signature, &["axis", "k"], 1)?;
            let count = attributes.int("k")?;
            let count = count.ok_or_else(|| Error::malformed("attribute `k` is missing"))?;
            let count = ParsedOperand::Constant(Tensor::vector(vec![*count]));
            let operands = vec![Some(ParsedOperand::Given(0)), Some(count)];
            return Ok(Parsed { operator: Self { axis, largest: true }, operands });
        }
        check(signature, &["axis", "largest", "sorted"], 2)?;
        let largest = attributes.int_or("largest", 1)? != 0;
        Ok(Parsed::first(Self { axis, largest }, 2))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let data = required(operands, 0, "data")?.tensor_type;
        let count = required(operands, 1, "k")?;
        if count.tensor_type.elements()? != 1 || count.tensor_type.element.is_float() {
            let found = count.tensor_type;
            return Err(Error::shape(format!("expected one integer `k`, found {found}")));
        }
        let Some(dim) = data.shape.get(self.axis) else {
            return Err(Error::shape(format!("there is no axis {} in {data}", self.axis)));
        };
        let count = count.facts().and_then(|facts| facts.first().cloned()).unwrap_or(Fact::ANYTHING);
        let mut elements = data.clone();
        elements.shape[self.axis] = match (count.dim()?, dim) {
            (Dim::Fixed(count), Dim::Fixed(size)) if count > *size => {
                return Err(Error::shape(format!("{data} has no {count} elements in axis {}", self.axis)));
            }
            (Dim::Bounded { max, .. }, dim) if max > dim.max() => Dim::fresh(dim.max()),
            (count, _) => count,
        };
        let indices = TensorType { element: ElementType::I64, shape: elements.shape.clone() };
        elements.elements()?;
        Ok(vec![elements, indices])
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(operation::TopK { axis: self.axis, largest: self.largest }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn rows() -> Tensor {
        Tensor::new(&[2, 4], vec![3.0f32, 1.0, f32::NAN, 2.0, 5.0, 7.0, 7.0, -1.0]).unwrap()
    }

    #[test]
    fn takes_the_largest_in_order() {
        let values = Case::new("TopK", 11).operand(rows()).list(&[2]).outputs(2).evaluate().unwrap();
        assert!(values[0].f32s().unwrap()[0].is_nan());
        assert_eq!(values[0].f32s().unwrap()[1..], [3.0, 7.0, 7.0]);
        assert_eq!(values[1], Tensor::new(&[2, 2], vec![2i64, 0, 1, 2]).unwrap());
    }

    #[test]
    fn takes_the_smallest_along_any_axis() {
        let case = Case::new("TopK", 11).operand(rows()).list(&[1]).outputs(2);
        let values = case.int("largest", 0).int("axis", 0).evaluate().unwrap();
        assert_eq!(values[0].f32s().unwrap(), [3.0, 1.0, 7.0, -1.0]);
        assert_eq!(values[1].integers().unwrap(), [0, 0, 1, 1]);
    }

    #[test]
    fn older_files_write_the_count_as_an_attribute() {
        let case = Case::new("TopK", 1).operand(rows()).int("k", 3).outputs(2);
        assert_eq!(case.evaluate().unwrap()[1].integers().unwrap(), [2, 0, 3, 1, 2, 0]);
    }

    #[test]
    fn refuses_more_than_there_is() {
        let case = |count: &[i64]| Case::new("TopK", 11).operand(rows()).list(count).outputs(2);
        case(&[5]).refused(ErrorKind::Shape, "no 5 elements");
        case(&[1, 1]).refused(ErrorKind::Shape, "one integer");
        case(&[-1]).refused(ErrorKind::Shape, "negative");
    }
}
