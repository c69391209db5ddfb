//! Concatenation.

use super::counts::{sum, vector};
use super::reading::{axis, check, inferred, one, operand_type};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Data, Dim, Fact, MAX_FACTS, Operand, Parsed, Signature, Tensor,
    TensorType, required,
};
use crate::operation::GeneralConcat;
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
        let mut lengths = Vec::with_capacity(operands.len());
        for slot in 0..operands.len() {
            let part = required(operands, slot, "inputs")?.tensor_type;
            lengths.push(self.join(&mut joined, part)?);
        }
        joined.shape[self.axis] = sum(&lengths)?;
        one(joined)
    }

    fn facts(&self, operands: &[Option<Operand<'_>>]) -> Option<Vec<Fact>> {
        let mut facts = Vec::new();
        for operand in operands {
            facts.extend(vector((*operand)?, "inputs").ok()??);
        }
        Some(facts).filter(|facts| facts.len() <= MAX_FACTS)
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(GeneralConcat { axis: self.axis }.into())
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
    /// What a part adds to the axis. Of sizes along the others that must be
    /// equal, the one that is known is kept.
    fn join(&self, joined: &mut TensorType, part: &TensorType) -> Result<Dim> {
        let fits = part.element == joined.element && part.rank() == joined.rank();
        let differ = |joined: &TensorType| {
            Error::shape(format!(
                "operands may only differ along axis {}, found {joined} and {part}",
                self.axis
            ))
        };
        let Some(length) = part.shape.get(self.axis).filter(|_| fits) else {
            return Err(differ(joined));
        };
        for dimension in (0..part.rank()).filter(|&dimension| dimension != self.axis) {
            let agreed = match (&joined.shape[dimension], &part.shape[dimension]) {
                (Dim::Fixed(a), Dim::Fixed(b)) if a != b => return Err(differ(joined)),
                (Dim::Fixed(size), Dim::Bounded { max, .. })
                | (Dim::Bounded { max, .. }, Dim::Fixed(size)) if size > max => {
                    return Err(differ(joined));
                }
                (Dim::Bounded { .. }, Dim::Fixed(size)) => Dim::Fixed(*size),
                (known, _) => known.clone(),
            };
            joined.shape[dimension] = agreed;
        }
        Ok(length.clone())
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
    use crate::ir::ElementType;

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
    fn sizes_that_are_known_at_run_time() {
        let count = |symbol: &str, max| Dim::Bounded { symbol: symbol.to_owned(), max };
        let of = |dims: &[Dim]| TensorType { element: ElementType::I64, shape: dims.to_vec() };
        let joined = |axis, parts: &[TensorType]| {
            let parts: Vec<_> = parts.iter().map(|part| Some(Operand::of_type(part))).collect();
            Concat { axis }.infer(&parts).map(|types| types[0].shape.clone())
        };
        let n = || count("n", 9);
        let columns = joined(1, &[of(&[n(), Dim::Fixed(1)]), of(&[n(), Dim::Fixed(2)])]);
        assert_eq!(columns.unwrap(), [n(), Dim::Fixed(3)]);
        let rows = joined(0, &[of(&[n()]), of(&[count("m", 4)]), of(&[Dim::Fixed(2)])]);
        assert_eq!(rows.unwrap(), [Dim::fresh(15)]);
        assert_eq!(joined(0, &[of(&[Dim::Fixed(0)]), of(&[n()])]).unwrap(), [n()]);
        let known = joined(1, &[of(&[n(), Dim::Fixed(1)]), of(&[Dim::Fixed(7), Dim::Fixed(1)])]);
        assert_eq!(known.unwrap(), [Dim::Fixed(7), Dim::Fixed(2)]);
        assert!(joined(1, &[of(&[n(), n()]), of(&[Dim::Fixed(10), n()])]).is_err());
    }

    #[test]
    fn facts_are_joined() {
        let [known, open] = [1, 2].map(|size| TensorType::fixed(ElementType::I64, &[size]));
        let facts = [Fact::between(0, 5)];
        let operand = Operand { tensor_type: &known, value: None, known: Some(&facts) };
        let joined = Concat { axis: 0 }.facts(&[Some(operand), Some(Operand::of_type(&open))]);
        assert_eq!(joined.unwrap(), [Fact::between(0, 5), Fact::ANYTHING, Fact::ANYTHING]);
    }

    #[test]
    fn the_operation_is_the_same() {
        for case in [concat(1, &[&[2, 1, 2], &[2, 3, 2]]), concat(0, &[&[0, 2], &[3, 2]])] {
            let (operator, operands) = case.read().unwrap();
            let operands: Vec<_> = operands.iter().map(Option::as_ref).collect();
            let types = [case.value().tensor_type()];
            let joined = operator.operation().unwrap().evaluate(&operands, &types).unwrap();
            assert_eq!(joined, [case.value()]);
        }
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
