//! Concatenation.

use super::Definition;
use super::reading::{axis, check, inferred, one, operand_type};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Data, Dim, Operand, Parsed, Signature, Tensor, TensorType, required,
};
use crate::with_data;
use std::ops::Range;

/// `Concat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concat {
    /// The dimension that grows.
    pub axis: usize,
}

impl Definition for Concat {
    const NAMES: &'static [&'static str] = &["Concat"];

    fn name(&self) -> &'static str {
        "Concat"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default().with("axis", Attribute::Int(self.axis as i64))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &["axis"], usize::MAX)?;
        let given = signature.attributes.int("axis")?;
        let given = *given.ok_or_else(|| Error::malformed("attribute `axis` is missing"))?;
        let axis = axis(given, operand_type(signature, 0, "inputs")?.rank())?;
        Ok(Parsed::as_written(Self { axis }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let mut joined = required(operands, 0, "inputs")?.tensor_type.clone();
        if self.axis >= joined.rank() {
            return Err(Error::shape(format!("there is no axis {} in {joined}", self.axis)));
        }
        let mut length = 0usize;
        for slot in 0..operands.len() {
            let part = required(operands, slot, "inputs")?.tensor_type;
            length = length
                .checked_add(self.length(&joined, part)?)
                .ok_or_else(|| Error::shape("the operands are too large to be joined"))?;
        }
        joined.shape[self.axis] = Dim::Fixed(length);
        one(joined)
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let types = inferred(self, operands)?;
        let shape = types.first().map(TensorType::sizes).unwrap_or_else(|| Ok(Vec::new()))?;
        let parts: Vec<_> = operands.iter().flatten().collect();
        let first = required(operands, 0, "inputs")?;
        let mut joined = with_data!(first.data(), values => Data::from(none_of(values)));
        // With no elements there may be absurdly many rows of none.
        if parts.iter().any(|part| !part.is_empty()) {
            for row in 0..shape[..self.axis].iter().product() {
                for part in &parts {
                    let length = part.shape()[self.axis..].iter().product::<usize>();
                    append(&mut joined, part.data(), row * length..(row + 1) * length)?;
                }
            }
        }
        Ok(vec![Tensor::new(&shape, joined)?])
    }
}

impl Concat {
    /// What a part adds to the axis, if it fits to the first one.
    fn length(&self, first: &TensorType, part: &TensorType) -> Result<usize> {
        let mut other = part.shape.iter().zip(&first.shape).enumerate();
        let fits = part.element == first.element
            && part.rank() == first.rank()
            && other.all(|(dimension, (a, b))| dimension == self.axis || a == b);
        match part.shape.get(self.axis) {
            Some(Dim::Fixed(length)) if fits => Ok(*length),
            Some(Dim::Bounded { .. }) if fits => Err(Error::unsupported(format!(
                "the size of {part} along axis {} depends on the data", self.axis
            ))),
            _ => Err(Error::shape(format!(
                "operands may only differ along axis {}, found {first} and {part}", self.axis
            ))),
        }
    }
}

/// No values, of the type of these.
fn none_of<T>(_: &[T]) -> Vec<T> {
    Vec::new()
}

macro_rules! append {
    ($joined:expr, $part:expr, $range:expr; $($variant:ident),*) => {
        match ($joined, $part) {
            $((Data::$variant(joined), Data::$variant(part)) => {
                joined.extend_from_slice(&part[$range]);
                Ok(())
            })*
            (_, part) => Err(Error::shape(format!("an operand has elements {}", part.element()))),
        }
    };
}

fn append(joined: &mut Data, part: &Data, range: Range<usize>) -> Result<()> {
    append!(joined, part, range; F32, F64, I8, I16, I32, I64, U8, U16, U32, U64, Bool)
}

#[cfg(test)]
mod tests {
    use super::super::testing::Case;
    use super::*;
    use crate::error::ErrorKind;

    fn concat(axis: i64, shapes: &[&[usize]]) -> Case {
        let case = Case::new("Concat", 13).int("axis", axis);
        shapes.iter().fold(case, |case, shape| case.counting(shape))
    }

    #[test]
    fn joins_along_an_axis() {
        let rows = concat(0, &[&[1, 2], &[2, 2]]).f32s();
        assert_eq!(rows, (vec![3, 2], vec![0.0, 1.0, 0.0, 1.0, 2.0, 3.0]));
        let columns = concat(-1, &[&[2, 1], &[2, 2]]).f32s();
        assert_eq!(columns, (vec![2, 3], vec![0.0, 0.0, 1.0, 1.0, 2.0, 3.0]));
        assert_eq!(concat(1, &[&[2, 0], &[2, 1]]).f32s(), (vec![2, 1], vec![0.0, 1.0]));
        assert_eq!(concat(0, &[&[3]]).f32s(), (vec![3], vec![0.0, 1.0, 2.0]));
        let joined = Case::new("Concat", 4).int("axis", 0).list(&[7]).list(&[8, 9]).value();
        assert_eq!(joined, Tensor::vector(vec![7i64, 8, 9]));
        let wide = concat(1, &[&[0, 3, 2], &[0, 4, 2]]).value();
        assert_eq!(wide.shape(), [0, 7, 2]);
    }

    #[test]
    fn errors() {
        concat(2, &[&[1, 2]]).refused(ErrorKind::Shape, "axis 2 is out of range");
        concat(0, &[&[]]).refused(ErrorKind::Shape, "axis 0 is out of range");
        concat(0, &[&[1, 2], &[1, 3]]).refused(ErrorKind::Shape, "f32[1,2] and f32[1,3]");
        concat(0, &[&[1, 2], &[1]]).refused(ErrorKind::Shape, "only differ along axis 0");
        concat(0, &[&[1]]).list(&[1]).refused(ErrorKind::Shape, "f32[1] and i64[1]");
        concat(0, &[&[1]]).absent().refused(ErrorKind::Malformed, "operand 1 (inputs)");
        concat(0, &[]).refused(ErrorKind::Malformed, "operand 0 (inputs)");
        let missing = Case::new("Concat", 13).counting(&[1]);
        missing.refused(ErrorKind::Malformed, "`axis` is missing");
    }
}
