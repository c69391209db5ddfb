//! Repetition along dimensions.

use super::indices::{one_bounded, shape_operand};
use super::reading::check;
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{Attributes, Dim, Operand, Parsed, Signature, TensorType, required};
use crate::operation;

/// `Tile`. Operands: data, how often it is repeated along each dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile;

impl Definition for Tile {
    const NAMES: &'static [&'static str] = &["Tile"];

    fn name(&self) -> &'static str {
        "Tile"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default()
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &[], 2)?;
        Ok(Parsed::as_written(Self, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let data = required(operands, 0, "input")?.tensor_type;
        let repeats = required(operands, 1, "repeats")?;
        let counts = shape_operand(repeats, "repeats")?;
        if counts.len() != data.rank() || repeats.tensor_type.rank() != 1 {
            let found = repeats.tensor_type;
            return Err(Error::shape(format!(
                "expected a number of repeats for each dimension of {data}, found {found}"
            )));
        }
        let shape = data.shape.iter().zip(&counts).map(|(size, count)| match (size, count) {
            (Dim::Fixed(1), other) | (other, Dim::Fixed(1)) => other.clone(),
            (Dim::Fixed(0), _) | (_, Dim::Fixed(0)) => Dim::Fixed(0),
            (Dim::Fixed(size), Dim::Fixed(count)) => Dim::Fixed(size.saturating_mul(*count)),
            (size, count) => Dim::fresh(size.max().saturating_mul(count.max())),
        });
        let tiled = TensorType { element: data.element, shape: shape.collect() };
        if tiled.is_fixed() {
            tiled.elements()?;
        }
        one_bounded(tiled)
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(operation::Tile.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::ir::{ElementType, Fact};
    use crate::ops::testing::Case;

    fn tile(shape: &[usize], repeats: &[i64]) -> Case {
        Case::new("Tile", 13).counting(shape).list(repeats)
    }

    #[test]
    fn repeats_along_each_dimension() {
        let once = tile(&[2, 2], &[1, 2]).f32s();
        assert_eq!(once, (vec![2, 4], vec![0.0, 1.0, 0.0, 1.0, 2.0, 3.0, 2.0, 3.0]));
        let rows = tile(&[2, 1, 1], &[2, 1, 2]).f32s();
        assert_eq!(rows.1, [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0]);
        assert_eq!(tile(&[], &[]).f32s(), (vec![], vec![0.0]));
        assert_eq!(tile(&[2, 3], &[0, 5]).f32s(), (vec![0, 15], vec![]));
        assert_eq!(tile(&[0], &[3]).f32s(), (vec![0], vec![]));
    }

    #[test]
    fn repeats_may_be_known_only_at_run_time() {
        let boxes = Dim::Bounded { symbol: "boxes".into(), max: 9 };
        let data = TensorType {
            element: ElementType::I32,
            shape: vec![Dim::Fixed(1), boxes.clone(), Dim::Fixed(3)],
        };
        let facts = [Fact::of_dim(&boxes), Fact::known(1), Fact::between(0, 2)];
        let repeats = TensorType::fixed(ElementType::I64, &[3]);
        let repeats = Operand { known: Some(&facts), ..Operand::of_type(&repeats) };
        let types = Tile.infer(&[Some(Operand::of_type(&data)), Some(repeats)]).unwrap();
        assert_eq!(types[0].shape, [boxes.clone(), boxes, Dim::fresh(6)]);
    }

    #[test]
    fn errors() {
        tile(&[2], &[1, 1]).refused(ErrorKind::Shape, "for each dimension of f32[2]");
        tile(&[2], &[-1]).refused(ErrorKind::Shape, "negative");
        tile(&[2, 2], &[1 << 30, 1 << 30]).refused(ErrorKind::Shape, "too many elements");
        tile(&[2], &[i64::MAX]).refused(ErrorKind::Shape, "too many elements");
        Case::new("Tile", 6).counting(&[1]).counting(&[1]).refused(ErrorKind::Shape, "integers");
    }
}
