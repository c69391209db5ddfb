//! Shapes as values.

use super::indices::most;
use super::reading::{check, operand_type};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Dim, ElementType, Fact, Operand, Parsed, Signature, Tensor, TensorType,
    required,
};
use crate::operation;

/// `Shape` and `Size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Some of the sizes.
    Sizes {
        /// First dimension.
        start: usize,
        /// One past the last dimension.
        end: usize,
    },
    /// The number of elements.
    Elements,
}

impl Definition for Shape {
    const NAMES: &'static [&'static str] = &["Shape", "Size"];

    fn name(&self) -> &'static str {
        match self {
            Self::Sizes { .. } => "Shape",
            Self::Elements => "Size",
        }
    }

    fn attributes(&self) -> Attributes {
        match self {
            Self::Sizes { start, end } => Attributes::default()
                .with("start", Attribute::Int(*start as i64))
                .with("end", Attribute::Int(*end as i64)),
            Self::Elements => Attributes::default(),
        }
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        if signature.operator == "Size" {
            check(signature, &[], 1)?;
            return Ok(Parsed::as_written(Self::Elements, signature));
        }
        let attributes: &[&str] = if signature.opset < 15 { &[] } else { &["start", "end"] };
        check(signature, attributes, 1)?;
        let rank = operand_type(signature, 0, "data")?.rank();
        // Clamped, not refused: the specification wants an empty shape then.
        let clamped = |axis: i64| {
            let axis = if axis < 0 { axis.saturating_add_unsigned(rank as u64) } else { axis };
            usize::try_from(axis).unwrap_or(0).min(rank)
        };
        let start = clamped(signature.attributes.int_or("start", 0)?);
        let end = signature.attributes.int("end")?.map_or(rank, |&end| clamped(end)).max(start);
        Ok(Parsed::as_written(Self::Sizes { start, end }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let operand = required(operands, 0, "data")?.tensor_type;
        let shape = match *self {
            Self::Sizes { start, end } if start <= end && end <= operand.rank() => {
                vec![end - start]
            }
            Self::Sizes { start, end } => {
                return Err(Error::shape(format!(
                    "{operand} has no dimensions {start} to {end}"
                )));
            }
            Self::Elements => Vec::new(),
        };
        Ok(vec![TensorType::fixed(ElementType::I64, &shape)])
    }

    fn facts(&self, operands: &[Option<Operand<'_>>]) -> Option<Vec<Fact>> {
        let shape = &operands.first()?.as_ref()?.tensor_type.shape;
        match *self {
            Self::Sizes { start, end } => {
                Some(shape.get(start..end)?.iter().map(Fact::of_dim).collect())
            }
            Self::Elements => Some(vec![elements(shape)]),
        }
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(match *self {
            Self::Sizes { start, end } => operation::ShapeOf { start, end }.into(),
            Self::Elements => operation::SizeOf.into(),
        })
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let tensor_type = required(operands, 0, "data")?.tensor_type();
        let known = [Some(Operand::of_type(&tensor_type))];
        self.evaluate_types(&known)?
            .ok_or_else(|| Error::internal("the type of a tensor has open sizes"))
    }

    fn evaluate_types(&self, operands: &[Option<Operand<'_>>]) -> Result<Option<Vec<Tensor>>> {
        self.infer(operands)?;
        let operand = required(operands, 0, "data")?.tensor_type;
        let dims = match *self {
            Self::Sizes { start, end } => &operand.shape[start..end],
            Self::Elements => operand.shape.as_slice(),
        };
        let mut sizes = Vec::with_capacity(dims.len());
        for dim in dims {
            match dim {
                Dim::Fixed(size) => sizes.push(i64::try_from(*size).map_err(|_| {
                    Error::shape(format!("{operand} has a size beyond 64 bits with sign"))
                })?),
                Dim::Bounded { .. } => return Ok(None),
            }
        }
        Ok(Some(vec![match self {
            Self::Sizes { .. } => Tensor::vector(sizes),
            Self::Elements => Tensor::scalar(operand.elements()? as i64),
        }]))
    }
}

/// What is known of the number of elements.
fn elements(shape: &[Dim]) -> Fact {
    let mut others = shape.iter().filter(|dim| **dim != Dim::Fixed(1));
    match (others.next(), others.next()) {
        (Some(only), None) => Fact::of_dim(only),
        _ => Fact::between(0, i64::try_from(most(shape)).unwrap_or(i64::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Case;
    use super::*;
    use crate::error::ErrorKind;

    fn sizes(case: Case) -> Vec<i64> {
        case.counting(&[2, 3, 4]).value().integers().unwrap()
    }

    // The examples of the specification, and what it says of clamping.
    #[test]
    fn some_of_the_sizes() {
        let shape = || Case::new("Shape", 15);
        assert_eq!(sizes(Case::new("Shape", 7)), [2, 3, 4]);
        assert_eq!(sizes(shape().int("start", -1)), [4]);
        assert_eq!(sizes(shape().int("end", -1)), [2, 3]);
        assert_eq!(sizes(shape().int("start", 1).int("end", 2)), [3]);
        assert_eq!(sizes(shape().int("start", -9).int("end", i64::MAX)), [2, 3, 4]);
        assert_eq!(sizes(shape().int("start", i64::MIN).int("end", -9)), [] as [i64; 0]);
        assert_eq!(sizes(shape().int("start", 2).int("end", 1)), [] as [i64; 0]);
        Case::new("Shape", 13)
            .int("start", 1)
            .counting(&[1])
            .refused(ErrorKind::Malformed, "unknown attribute `start`");
    }

    #[test]
    fn written_when_the_network_runs() {
        let operand = Tensor::new(&[2, 0, 3], Vec::<f32>::new()).unwrap();
        for shape in [Shape::Sizes { start: 1, end: 3 }, Shape::Elements] {
            let types = shape.infer(&[Some(Operand::of_type(&operand.tensor_type()))]).unwrap();
            let values = shape.operation().unwrap().evaluate(&[Some(&operand)], &types).unwrap();
            assert_eq!(values, shape.evaluate(&[Some(&operand)]).unwrap());
        }
    }

    #[test]
    fn number_of_elements() {
        let size = |shape: &[usize]| Case::new("Size", 13).counting(shape).value();
        assert_eq!(size(&[2, 3]), Tensor::scalar(6i64));
        assert_eq!(size(&[]), Tensor::scalar(1i64));
        assert_eq!(size(&[2, 0]), Tensor::scalar(0i64));
        Case::new("Size", 13).refused(ErrorKind::Malformed, "operand 0 (data)");
    }

    #[test]
    fn follow_from_the_type_where_it_is_fixed() {
        let bounded = TensorType {
            element: ElementType::F32,
            shape: vec![Dim::Bounded { symbol: "boxes".into(), max: 100 }, Dim::Fixed(4)],
        };
        let operand = [Some(Operand::of_type(&bounded))];
        let fixed = Shape::Sizes { start: 1, end: 2 }.evaluate_types(&operand).unwrap();
        assert_eq!(fixed, Some(vec![Tensor::vector(vec![4i64])]));
        assert_eq!(Shape::Sizes { start: 0, end: 2 }.evaluate_types(&operand).unwrap(), None);
        assert_eq!(Shape::Elements.evaluate_types(&operand).unwrap(), None);
        assert!(Shape::Sizes { start: 0, end: 3 }.infer(&operand).is_err());
        let boxes = Fact::of_dim(&bounded.shape[0]);
        let facts = Shape::Sizes { start: 0, end: 2 }.facts(&operand);
        assert_eq!(facts, Some(vec![boxes.clone(), Fact::known(4)]));
        assert_eq!(Shape::Elements.facts(&operand), Some(vec![Fact::between(0, 400)]));
        assert_eq!(elements(&[Dim::Fixed(1), bounded.shape[0].clone()]), boxes);
    }
}
