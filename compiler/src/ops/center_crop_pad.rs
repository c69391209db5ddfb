//! Cropping and padding around the middle.

use super::counts::vector;
use super::reading::{axes, check, one, operand_type};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Dim, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation::{GeneralPad, PadSizes, PadSource};
use crate::step::RANK;

/// `CenterCropPad`. Operands: data, sizes of the axes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CenterCropPad {
    /// The dimensions that get another size.
    pub axes: Vec<usize>,
}

impl Definition for CenterCropPad {
    const NAMES: &'static [&'static str] = &["CenterCropPad"];

    fn name(&self) -> &'static str {
        "CenterCropPad"
    }

    fn attributes(&self) -> Attributes {
        let axes = self.axes.iter().map(|&axis| axis as i64).collect();
        Attributes::default().with("axes", Attribute::Ints(axes))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &["axes"], 2)?;
        let rank = operand_type(signature, 0, "input_data")?.rank();
        let axes = match signature.attributes.ints("axes")? {
            Some(given) => axes(given, rank)?,
            None => (0..rank).collect(),
        };
        Ok(Parsed::first(Self { axes }, 2))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let data = required(operands, 0, "input_data")?.tensor_type;
        let wanted = vector(required(operands, 1, "shape")?, "shape")?;
        let mut shape = data.shape.clone();
        let count = wanted.as_ref().map_or(self.axes.len(), Vec::len);
        if count != self.axes.len() {
            return Err(Error::shape(format!(
                "expected sizes of {} axes, found {count}",
                self.axes.len()
            )));
        }
        for (i, &axis) in self.axes.iter().enumerate() {
            let size = wanted.as_ref().and_then(|wanted| wanted.get(i));
            let size = size.map_or_else(|| Ok(Dim::open()), crate::ir::Fact::dim)?;
            *shape.get_mut(axis).ok_or_else(|| {
                Error::shape(format!("there is no axis {axis} in {data}"))
            })? = size;
        }
        one(TensorType { element: data.element, shape })
    }

    fn operation(&self) -> Option<AnyOperation> {
        let mut axes = [0; RANK];
        axes.get_mut(..self.axes.len())?.copy_from_slice(&self.axes);
        let sizes = PadSizes::Centered { axes, count: self.axes.len() };
        Some(GeneralPad { source: PadSource::Constant { value: 0.0 }, sizes }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ops::testing::Case;

    fn of(sizes: &[i64]) -> Case {
        Case::new("CenterCropPad", 18).counting(&[4]).list(sizes)
    }

    #[test]
    fn odd_ones_come_last() {
        assert_eq!(of(&[1]).f32s().1, [1.0]);
        assert_eq!(of(&[2]).f32s().1, [1.0, 2.0]);
        assert_eq!(of(&[4]).f32s().1, [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(of(&[7]).f32s().1, [0.0, 0.0, 1.0, 2.0, 3.0, 0.0, 0.0]);
        assert_eq!(of(&[0]).f32s().1, [0.0; 0]);
    }

    #[test]
    fn some_axes() {
        let case = Case::new("CenterCropPad", 18).counting(&[2, 3]).list(&[1]).ints("axes", &[-1]);
        assert_eq!(case.f32s(), (vec![2, 1], vec![1.0, 4.0]));
        case.list(&[1]).refused(ErrorKind::Malformed, "at most 2 operands");
        of(&[1, 1]).refused(ErrorKind::Shape, "expected sizes of 1 axes");
        of(&[-1]).refused(ErrorKind::Shape, "negative");
    }
}
