//! Places that an affine map takes the pixels of a picture to.

use super::counts::vector;
use super::floats::check_float;
use super::reading::{check, one};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Dim, Fact, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation::GeneralAffineGrid;

/// `AffineGrid` in two and three dimensions. Operands: maps, sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AffineGrid {
    /// Whether -1 and 1 are the middles of the outermost pixels, rather than
    /// their outer borders.
    pub align_corners: bool,
}

impl Definition for AffineGrid {
    const NAMES: &'static [&'static str] = &["AffineGrid"];

    fn name(&self) -> &'static str {
        "AffineGrid"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default().with("align_corners", Attribute::Int(self.align_corners.into()))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &["align_corners"], 2)?;
        let align_corners = signature.attributes.flag("align_corners")?;
        Ok(Parsed::first(Self { align_corners }, 2))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let maps = required(operands, 0, "theta")?.tensor_type;
        check_float(maps)?;
        let sizes = required(operands, 1, "size")?;
        let facts = vector(sizes, "size")?.unwrap_or_default();
        let dimensions = match (maps.shape.as_slice(), facts.as_slice()) {
            ([_, Dim::Fixed(2), Dim::Fixed(3)], [_, _, _, _]) => 2,
            ([_, Dim::Fixed(3), Dim::Fixed(4)], [_, _, _, _, _]) => 3,
            _ => {
                return Err(Error::shape(format!(
                    "expected maps [batch, 2, 3] and 4 sizes, or [batch, 3, 4] and 5, \
                     found {maps} and {}",
                    sizes.tensor_type
                )));
            }
        };
        let batch = maps.shape[0].clone();
        if let (Some(a), Some(b)) = (Fact::of_dim(&batch).value(), facts[0].value())
            && a != b
        {
            return Err(Error::shape(format!("{maps} are not maps for a batch of {b}")));
        }
        let mut shape = vec![batch];
        for size in &facts[2..] {
            shape.push(size.dim()?);
        }
        shape.push(Dim::Fixed(dimensions));
        one(TensorType { element: maps.element, shape })
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(GeneralAffineGrid { align_corners: self.align_corners }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn case(align_corners: i64) -> Case {
        // x' = x + 10, y' = 2 y
        let map = Tensor::new(&[1, 2, 3], vec![1.0f32, 0.0, 10.0, 0.0, 2.0, 0.0]).unwrap();
        Case::new("AffineGrid", 20).int("align_corners", align_corners).operand(map)
    }

    #[test]
    fn pixels_are_mapped() {
        let (shape, places) = case(0).list(&[1, 3, 2, 2]).f32s();
        assert_eq!(shape, [1, 2, 2, 2]);
        assert_eq!(places, [9.5, -1.0, 10.5, -1.0, 9.5, 1.0, 10.5, 1.0]);
        let places = case(1).list(&[1, 3, 2, 2]).f32s().1;
        assert_eq!(places, [9.0, -2.0, 11.0, -2.0, 9.0, 2.0, 11.0, 2.0]);
        let volume = vec![1.0f64, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.5];
        let volume = Tensor::new(&[1, 3, 4], volume).unwrap();
        let case = Case::new("AffineGrid", 20).operand(volume).list(&[1, 1, 2, 1, 1]);
        let expected = Tensor::new(&[1, 2, 1, 1, 3], vec![0.0, 0.0, 0.0, 0.0, 0.0, 1.0]).unwrap();
        assert_eq!(case.value(), expected);
    }

    #[test]
    fn errors() {
        case(0).list(&[1, 3, 2]).refused(ErrorKind::Shape, "expected maps");
        case(0).list(&[2, 3, 2, 2]).refused(ErrorKind::Shape, "a batch of 2");
        case(0).list(&[1, 3, 2, -2]).refused(ErrorKind::Shape, "negative");
    }
}
