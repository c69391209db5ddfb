//! Selection by index.

use super::indices::{check_indices, dim, one_bounded};
use super::reading::{axis, check, operand_type};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Fact, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation;

/// `Gather`. Operands: data, indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gather {
    /// The dimension that is indexed.
    pub axis: usize,
}

impl Definition for Gather {
    const NAMES: &'static [&'static str] = &["Gather"];

    fn name(&self) -> &'static str {
        "Gather"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default().with("axis", Attribute::Int(self.axis as i64))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &["axis"], 2)?;
        let rank = operand_type(signature, 0, "data")?.rank();
        let axis = axis(signature.attributes.int_or("axis", 0)?, rank)?;
        Ok(Parsed::as_written(Self { axis }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let data = required(operands, 0, "data")?.tensor_type;
        let indices = required(operands, 1, "indices")?;
        let indexed = dim(data, self.axis)?;
        check_indices(indices.tensor_type, "indices")?;
        if let Some(value) = indices.value {
            for index in value.integers()? {
                place(index, indexed.max())?;
            }
        }
        let mut shape = data.shape.clone();
        shape.splice(self.axis..=self.axis, indices.tensor_type.shape.iter().cloned());
        one_bounded(TensorType { element: data.element, shape })
    }

    fn facts(&self, operands: &[Option<Operand<'_>>]) -> Option<Vec<Fact>> {
        let (data, indices) = (operands.first()?.as_ref()?, operands.get(1)?.as_ref()?);
        if data.tensor_type.rank() != 1 {
            return None;
        }
        let data = data.facts()?;
        let any = Fact {
            low: data.iter().map(|fact| fact.low).min()?,
            high: data.iter().map(|fact| fact.high).max()?,
            symbol: None,
        };
        let one = |index: &Fact| match index.value() {
            None => Some(any.clone()),
            Some(index) => data.get(place(index, data.len()).ok()?).cloned(),
        };
        indices.facts()?.iter().map(one).collect()
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(operation::GeneralGather { axis: self.axis }.into())
    }
}

/// An index along a dimension of this size, counted from its end where it is
/// negative.
fn place(index: i64, size: usize) -> Result<usize> {
    let counted = if index < 0 { index.saturating_add_unsigned(size as u64) } else { index };
    usize::try_from(counted).ok().filter(|&place| place < size).ok_or_else(|| {
        Error::shape(format!("index {index} is out of range for a dimension of size {size}"))
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::Case;
    use super::*;
    use crate::error::ErrorKind;
    use crate::ir::{Dim, ElementType, Tensor};

    fn gather(shape: &[usize], axis: i64, indices: Tensor) -> Case {
        Case::new("Gather", 13).int("axis", axis).counting(shape).operand(indices)
    }

    #[test]
    fn selects_along_an_axis() {
        let indices = Tensor::new(&[1, 2], vec![2i64, -3]).unwrap();
        let rows = gather(&[3, 2], 0, indices.clone()).f32s();
        assert_eq!(rows, (vec![1, 2, 2], vec![4.0, 5.0, 0.0, 1.0]));
        let columns = gather(&[2, 3], -1, indices.clone()).f32s();
        assert_eq!(columns, (vec![2, 1, 2], vec![2.0, 0.0, 5.0, 3.0]));
        // A scalar index removes the dimension; the axis is 0 by default.
        let case = Case::new("Gather", 7).counting(&[3]).operand(Tensor::scalar(1i32));
        assert_eq!(case.f32s(), (vec![], vec![1.0]));
        assert_eq!(gather(&[3, 0], 0, indices).f32s(), (vec![1, 2, 0], vec![]));
        let none = Tensor::vector(Vec::<i64>::new());
        assert_eq!(gather(&[0, 2], 0, none).f32s(), (vec![0, 2], vec![]));
    }

    #[test]
    fn errors() {
        let index = |i: i64| gather(&[3, 2], 0, Tensor::vector(vec![i]));
        index(3).refused(ErrorKind::Shape, "index 3 is out of range for a dimension of size 3");
        index(-4).refused(ErrorKind::Shape, "index -4");
        index(i64::MIN).refused(ErrorKind::Shape, "out of range");
        gather(&[3], 1, Tensor::scalar(0i64)).refused(ErrorKind::Shape, "axis 1");
        gather(&[], 0, Tensor::scalar(0i64)).refused(ErrorKind::Shape, "axis 0");
        gather(&[3], 0, Tensor::scalar(0.0f32)).refused(ErrorKind::Shape, "i32 or i64");
        let missing = Case::new("Gather", 13).counting(&[1]);
        missing.refused(ErrorKind::Malformed, "operand 1 (indices)");
    }

    #[test]
    fn sizes_pass_through() {
        let boxes = Fact::of_dim(&Dim::Bounded { symbol: "boxes".into(), max: 100 });
        let facts = [Fact::known(4), boxes.clone()];
        let shape = TensorType::fixed(ElementType::I64, &[2]);
        let shape = Operand { tensor_type: &shape, value: None, known: Some(&facts) };
        let index = Tensor::vector(vec![-1i64, 0]);
        let index_type = index.tensor_type();
        let gather = Gather { axis: 0 };
        let known = Operand::new(&index_type, Some(&index));
        assert_eq!(gather.facts(&[Some(shape), Some(known)]), Some(vec![boxes, Fact::known(4)]));
        let either = [Fact::between(0, 1), Fact::known(0)];
        let either = Operand { known: Some(&either), ..Operand::of_type(&index_type) };
        let facts = gather.facts(&[Some(shape), Some(either)]).unwrap();
        assert_eq!(facts, [Fact::between(0, 100), Fact::known(4)]);
    }
}
