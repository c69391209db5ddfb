//! Means of regions of interest, sampled between pixels.

use super::floats::{check_float, check_same_element};
use super::reading::{check, one, size};
use super::windows::LARGEST;
use super::{AnyOperation, Definition};
use crate::error::{Error, Result, printable};
use crate::ir::{
    Attribute, Attributes, Dim, ElementType, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation;

/// `RoiAlign`. Operands: pictures `[pictures, channels, height, width]`, regions
/// `[regions, 4]`, the picture of each `[regions]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RoiAlign {
    /// Rows and columns of bins.
    pub pooled: [usize; 2],
    /// Pixels of the pictures for one of the regions' coordinates.
    pub scale: f32,
    /// Samples of a bin along each dimension; 0 for one a pixel.
    pub samples: usize,
    /// Whether the centre of the first pixel is at 0.5 and not at 0.
    pub half_pixel: bool,
    /// Whether a bin becomes the largest of the weighted pixels and not the
    /// mean of the samples.
    pub maximum: bool,
}

/// Most samples of a bin along a dimension that are read.
const MOST_SAMPLES: usize = 1024;

/// The spelling of [`RoiAlign::half_pixel`] and of its opposite.
const COORDINATES: [&str; 2] = ["half_pixel", "output_half_pixel"];

/// The number of regions, of which several operands have one dimension each.
fn regions(dims: &[&Dim]) -> Result<Dim> {
    let mut fixed = dims.iter().filter_map(|dim| dim.fixed());
    let Some(count) = fixed.next() else {
        return Ok(dims.first().map_or_else(Dim::open, |&dim| dim.clone()));
    };
    match fixed.find(|&other| other != count) {
        None => Ok(Dim::Fixed(count)),
        Some(other) => Err(Error::shape(format!("expected {count} regions, found {other}"))),
    }
}

/// Refuses what is no picture, and gives the number of channels.
pub(super) fn channels(pictures: &TensorType) -> Result<&Dim> {
    check_float(pictures)?;
    match pictures.shape.as_slice() {
        [_, channels, _, _] => Ok(channels),
        _ => Err(Error::shape(format!(
            "expected a tensor [pictures, channels, height, width], found {pictures}"
        ))),
    }
}

/// The number of regions of which so many numbers are given.
pub(super) fn rows<'a>(
    pictures: &TensorType,
    regions: &'a TensorType,
    numbers: usize,
) -> Result<&'a Dim> {
    check_same_element(pictures, regions)?;
    match regions.shape.as_slice() {
        [count, of_each] if of_each.fixed().is_none_or(|of_each| of_each == numbers) => Ok(count),
        _ => Err(Error::shape(format!("expected regions [regions, {numbers}], found {regions}"))),
    }
}

/// A number of bins along a dimension.
pub(super) fn bins(count: i64, what: &str) -> Result<usize> {
    let count = size(count, what)?;
    match (1..=LARGEST).contains(&count) {
        true => Ok(count),
        false => Err(Error::malformed(format!(
            "expected attribute `{what}` to be from 1 to {LARGEST}, found {count}"
        ))),
    }
}

/// The factor from the regions' coordinates to pixels.
pub(super) fn scale(signature: &Signature<'_>) -> Result<f32> {
    let scale = signature.attributes.float_or("spatial_scale", 1.0)?;
    match scale.is_finite() {
        true => Ok(scale),
        false => Err(Error::malformed(format!("a `spatial_scale` of {scale} makes no sense"))),
    }
}

impl Definition for RoiAlign {
    const NAMES: &'static [&'static str] = &["RoiAlign"];

    fn name(&self) -> &'static str {
        "RoiAlign"
    }

    fn attributes(&self) -> Attributes {
        let string = |text: &str| Attribute::String(text.to_owned());
        let coordinates = COORDINATES[usize::from(!self.half_pixel)];
        Attributes::default()
            .with("coordinate_transformation_mode", string(coordinates))
            .with("mode", string(if self.maximum { "max" } else { "avg" }))
            .with("output_height", Attribute::Int(self.pooled[0] as i64))
            .with("output_width", Attribute::Int(self.pooled[1] as i64))
            .with("sampling_ratio", Attribute::Int(self.samples as i64))
            .with("spatial_scale", Attribute::Float(self.scale))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let attributes = signature.attributes;
        let mut known =
            vec!["mode", "output_height", "output_width", "sampling_ratio", "spatial_scale"];
        if signature.opset >= 16 {
            known.push("coordinate_transformation_mode");
        }
        check(signature, &known, 3)?;
        let given = |expected: &str, found: &str| {
            Error::malformed(format!("expected {expected}, found `{}`", printable(found)))
        };
        // Before it could be chosen, the centre of the first pixel was at 0.
        let [half_pixel, whole] = COORDINATES;
        let default = if signature.opset >= 16 { half_pixel } else { whole };
        let coordinates = attributes.string_or("coordinate_transformation_mode", default)?;
        if !COORDINATES.contains(&coordinates) {
            let expected = "attribute `coordinate_transformation_mode` to be half_pixel or \
                            output_half_pixel";
            return Err(given(expected, coordinates));
        }
        let maximum = match attributes.string_or("mode", "avg")? {
            "avg" => false,
            "max" => true,
            other => return Err(given("attribute `mode` to be avg or max", other)),
        };
        let samples = size(attributes.int_or("sampling_ratio", 0)?, "sampling_ratio")?;
        if samples > MOST_SAMPLES {
            return Err(Error::malformed(format!("{samples} samples a bin make no sense")));
        }
        let pooled = [
            bins(attributes.int_or("output_height", 1)?, "output_height")?,
            bins(attributes.int_or("output_width", 1)?, "output_width")?,
        ];
        let half_pixel = coordinates == half_pixel;
        let scale = scale(signature)?;
        Ok(Parsed::first(Self { pooled, scale, samples, half_pixel, maximum }, 3))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let pictures = required(operands, 0, "pictures")?.tensor_type;
        let corners = required(operands, 1, "regions")?.tensor_type;
        let indices = required(operands, 2, "batch_indices")?.tensor_type;
        let channels = channels(pictures)?;
        let count = rows(pictures, corners, 4)?;
        let [of_indices] = indices.shape.as_slice() else {
            return Err(Error::shape(format!("expected one index a region, found {indices}")));
        };
        if indices.element != ElementType::I64 {
            return Err(Error::shape(format!("expected indices of i64, found {indices}")));
        }
        let [height, width] = self.pooled.map(Dim::Fixed);
        let shape = vec![regions(&[count, of_indices])?, channels.clone(), height, width];
        one(TensorType { element: pictures.element, shape })
    }

    fn operation(&self) -> Option<AnyOperation> {
        let Self { pooled, scale, samples, half_pixel, maximum } = *self;
        Some(
            operation::GeneralRoiAlign { pooled, scale, samples, half_pixel, maximum }.into(),
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::{Attribute, Dim, ElementType, Operand, Operator, Tensor, TensorType};
    use crate::ops::testing::Case;
    use crate::ops::{Op, RoiAlign};

    fn case(opset: u32, corners: &[f32]) -> Case {
        let regions = corners.len() / 4;
        let corners = Tensor::new(&[regions, 4], corners.to_vec()).unwrap();
        Case::new("RoiAlign", opset).counting(&[1, 1, 4, 4]).operand(corners).list(&vec![0; regions])
    }

    #[test]
    fn takes_means_between_pixels() {
        // On a plane, the mean of samples is the value at the centre.
        let region = case(16, &[1.0, 1.0, 3.0, 3.0]).int("output_height", 2).int("output_width", 2);
        let (shape, values) = region.f32s();
        assert_eq!((shape, values), (vec![1, 1, 2, 2], vec![5.0, 6.0, 9.0, 10.0]));
        let older = case(10, &[1.0, 1.0, 3.0, 3.0]).int("sampling_ratio", 2);
        assert_eq!(older.f32s().1, [10.0]);
    }

    #[test]
    fn samples_outside_the_picture_are_zero() {
        let values = case(16, &[-9.0, 0.0, -3.0, 2.0, -1.0, 0.5, 1.0, 1.5]).f32s().1;
        // Of the second region one sample column is beside the picture by half
        // a pixel, where it has the value of the border.
        assert_eq!(values, [0.0, 4.0 * 0.5]);
    }

    #[test]
    fn takes_the_largest_weighted_pixel() {
        let values = case(16, &[2.0, 2.0, 3.0, 3.0]).string("mode", "max").f32s().1;
        assert_eq!(values, [10.0]);
        let half = case(16, &[1.5, 2.0, 2.5, 3.0]).string("mode", "max").f32s().1;
        assert_eq!(half, [0.5 * 10.0]);
    }

    #[test]
    fn regions_without_extent_are_a_pixel_in_older_files() {
        assert_eq!(case(10, &[1.0, 1.0, 1.0, 1.0]).f32s().1, [7.5]);
        assert_eq!(case(16, &[1.0, 1.0, 1.0, 1.0]).f32s().1, [0.0]);
    }

    #[test]
    fn the_number_of_regions_may_be_known_later() {
        let count = Dim::Bounded { symbol: "n".to_owned(), max: 9 };
        let pictures = TensorType::f32(&[1, 3, 8, 8]);
        let corners =
            TensorType { element: ElementType::F32, shape: vec![count.clone(), Dim::Fixed(4)] };
        let indices = TensorType { element: ElementType::I64, shape: vec![count.clone()] };
        let op = RoiAlign {
            pooled: [2, 5],
            scale: 1.0,
            samples: 0,
            half_pixel: true,
            maximum: false,
        };
        let operands = [&pictures, &corners, &indices].map(|t| Some(Operand::of_type(t)));
        let types = Op::from(op).infer(&operands).unwrap();
        assert_eq!(types[0].shape, [count, Dim::Fixed(3), Dim::Fixed(2), Dim::Fixed(5)]);
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        let region = || case(16, &[1.0, 1.0, 3.0, 3.0]);
        region().string("mode", "sum").refused(ErrorKind::Malformed, "avg or max");
        region().int("sampling_ratio", -1).refused(ErrorKind::Malformed, "negative");
        region().int("output_width", 0).refused(ErrorKind::Malformed, "from 1");
        region().with("spatial_scale", Attribute::Float(f32::NAN)).refused(ErrorKind::Malformed, "NaN");
        case(10, &[1.0; 4])
            .string("coordinate_transformation_mode", "half_pixel")
            .refused(ErrorKind::Malformed, "unknown attribute");
        let pictures = Case::new("RoiAlign", 16).counting(&[1, 1, 4, 4]);
        pictures.clone().counting(&[2, 5]).list(&[0, 0]).refused(ErrorKind::Shape, "[regions, 4]");
        pictures.clone().counting(&[2, 4]).list(&[0]).refused(ErrorKind::Shape, "2 regions");
        pictures.counting(&[1, 4]).list(&[1]).refused(ErrorKind::Shape, "not there");
    }
}
