//! Largest values of regions of interest.

use super::reading::{check, one};
use super::roi_align::{bins, channels, rows, scale};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Dim, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation;

/// `MaxRoiPool`. Operands: pictures `[pictures, channels, height, width]`,
/// regions `[regions, 5]` that begin with the index of their picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaxRoiPool {
    /// Rows and columns of bins.
    pub pooled: [usize; 2],
    /// Pixels of the pictures for one of the regions' coordinates.
    pub scale: f32,
}

impl Definition for MaxRoiPool {
    const NAMES: &'static [&'static str] = &["MaxRoiPool"];

    fn name(&self) -> &'static str {
        "MaxRoiPool"
    }

    fn attributes(&self) -> Attributes {
        let pooled = self.pooled.map(|bins| bins as i64).to_vec();
        Attributes::default()
            .with("pooled_shape", Attribute::Ints(pooled))
            .with("spatial_scale", Attribute::Float(self.scale))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &["pooled_shape", "spatial_scale"], 2)?;
        let pooled = signature.attributes.ints("pooled_shape")?;
        let Some(&[height, width]) = pooled.map(Vec::as_slice) else {
            return Err(Error::malformed(format!(
                "expected attribute `pooled_shape` of 2 integers, found {pooled:?}"
            )));
        };
        let pooled = [bins(height, "pooled_shape")?, bins(width, "pooled_shape")?];
        Ok(Parsed::first(Self { pooled, scale: scale(signature)? }, 2))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let pictures = required(operands, 0, "pictures")?.tensor_type;
        let regions = required(operands, 1, "regions")?.tensor_type;
        let channels = channels(pictures)?.clone();
        let count = rows(pictures, regions, 5)?.clone();
        let [height, width] = self.pooled.map(Dim::Fixed);
        one(TensorType { element: pictures.element, shape: vec![count, channels, height, width] })
    }

    fn operation(&self) -> Option<AnyOperation> {
        let Self { pooled, scale } = *self;
        Some(operation::GeneralMaxRoiPool { pooled, scale }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::{Attribute, Tensor};
    use crate::ops::testing::Case;

    fn case(regions: &[f32]) -> Case {
        let regions = Tensor::new(&[regions.len() / 5, 5], regions.to_vec()).unwrap();
        Case::new("MaxRoiPool", 7).counting(&[2, 1, 4, 6]).operand(regions)
    }

    #[test]
    fn takes_the_largest_pixel_of_a_bin() {
        let regions = case(&[1.0, 0.0, 0.0, 5.0, 3.0, 0.0, 1.0, 1.0, 3.0, 3.0]);
        let (shape, values) = regions.ints("pooled_shape", &[2, 3]).f32s();
        assert_eq!(shape, [2, 1, 2, 3]);
        assert_eq!(values[..6], [31.0, 33.0, 35.0, 43.0, 45.0, 47.0]);
        assert_eq!(values[6..], [13.0, 14.0, 15.0, 19.0, 20.0, 21.0]);
    }

    #[test]
    fn corners_are_scaled_and_rounded_away_from_zero() {
        let region = case(&[0.0, 1.0, 1.0, 5.0, 5.0]).ints("pooled_shape", &[1, 1]);
        let (_, values) = region.with("spatial_scale", Attribute::Float(0.5)).f32s();
        assert_eq!(values, [21.0]);
    }

    #[test]
    fn bins_outside_the_picture_are_zero() {
        let region = case(&[0.0, 4.0, 2.0, 7.0, 5.0]).ints("pooled_shape", &[2, 2]);
        assert_eq!(region.f32s().1, [23.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        let region = || case(&[2.0, 0.0, 0.0, 1.0, 1.0]);
        region().refused(ErrorKind::Malformed, "2 integers");
        region().ints("pooled_shape", &[1, 0]).refused(ErrorKind::Malformed, "from 1");
        region().ints("pooled_shape", &[1, 1]).refused(ErrorKind::Shape, "not there");
        let pictures = Case::new("MaxRoiPool", 7).counting(&[1, 1, 4, 4]);
        let regions = pictures.counting(&[1, 4]).ints("pooled_shape", &[1, 1]);
        regions.refused(ErrorKind::Shape, "[regions, 5]");
    }
}
