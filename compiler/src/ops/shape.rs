//! Shapes as values.

use super::Definition;
use super::reading::{check, operand_type};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Dim, ElementType, Operand, Parsed, Signature, Tensor, TensorType,
    required,
};

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

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let tensor_type = required(operands, 0, "data")?.tensor_type();
        let known = [Some(Operand { tensor_type: &tensor_type, value: None })];
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
                Dim::Fixed(size) => sizes.push(*size as i64),
                Dim::Bounded { .. } => return Ok(None),
            }
        }
        Ok(Some(vec![match self {
            Self::Sizes { .. } => Tensor::vector(sizes),
            Self::Elements => Tensor::scalar(operand.elements()? as i64),
        }]))
    }
}
