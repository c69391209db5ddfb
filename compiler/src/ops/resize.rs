//! Resampling to another size.

pub(super) mod read;

use super::floats::{rounded, widened};
use super::reading::{NEWEST, inferred, one, operand_type};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{Attribute, Attributes, Operand, Parsed, Signature, Tensor, TensorType, required};
pub use crate::operation::{Coordinates, Interpolation, Rounding};
use crate::operation::resize::Sampling;
use crate::operation::{GeneralResize, ResizeTarget};
use crate::step::RANK;

/// `Resize`, and `Upsample` of older operator sets; sizes and scales are known
/// when it is read.
///
/// Every mode is separable: a result is a weighted sum of a few values along
/// one dimension after the other, see [`Resize::taps`].
#[derive(Clone, Debug, PartialEq)]
pub struct Resize {
    /// How values between pixels are made.
    pub interpolation: Interpolation,
    /// Where a result lies between the pixels.
    pub coordinates: Coordinates,
    /// Whether pixels outside the picture count nothing, rather than as the
    /// border.
    pub exclude_outside: bool,
    /// The result where [`Coordinates::CropAndResize`] looks outside.
    pub extrapolation: f32,
    /// Sizes of the result.
    pub sizes: Vec<usize>,
    /// Factor from the operand's sizes, as the coordinates use it.
    pub scales: Vec<f32>,
    /// First and last place of each dimension, of its length, for
    /// [`Coordinates::CropAndResize`].
    pub region: Vec<[f32; 2]>,
}

/// What one result is made of along one dimension: a weighted sum of pixels and
/// a constant.
#[derive(Clone, Debug, PartialEq)]
pub struct Taps {
    /// Pixels and their weights.
    pub terms: Vec<(usize, f64)>,
    /// Added.
    pub constant: f64,
}

pub(super) const ROUNDINGS: [(&str, Rounding); 4] = [
    ("round_prefer_floor", Rounding::PreferFloor),
    ("round_prefer_ceil", Rounding::PreferCeil),
    ("floor", Rounding::Floor),
    ("ceil", Rounding::Ceil),
];

pub(super) const COORDINATES: [(&str, Coordinates); 6] = [
    ("half_pixel", Coordinates::HalfPixel),
    ("half_pixel_symmetric", Coordinates::HalfPixelSymmetric),
    ("pytorch_half_pixel", Coordinates::PytorchHalfPixel),
    ("align_corners", Coordinates::AlignCorners),
    ("asymmetric", Coordinates::Asymmetric),
    ("tf_crop_and_resize", Coordinates::CropAndResize),
];

impl Resize {
    /// What each result along a dimension of `size` pixels is made of.
    #[must_use]
    pub fn taps(&self, dimension: usize, size: usize) -> Vec<Taps> {
        let count = self.sizes[dimension];
        (0..count).map(|x| self.tap(dimension, size, x)).collect()
    }

    /// Whether a dimension of `size` pixels stays as it is.
    #[must_use]
    pub fn keeps(&self, dimension: usize, size: usize) -> bool {
        self.taps(dimension, size)
            .iter()
            .enumerate()
            .all(|(i, taps)| taps.constant == 0.0 && taps.terms == [(i, 1.0)])
            && self.sizes[dimension] == size
    }

    fn tap(&self, dimension: usize, size: usize, x: usize) -> Taps {
        let sampling = Sampling {
            interpolation: self.interpolation,
            coordinates: self.coordinates,
            exclude_outside: self.exclude_outside,
            size,
            count: self.sizes[dimension],
            scale: self.scales[dimension],
            region: self.region[dimension],
        };
        let mut terms: Vec<(usize, f64)> = Vec::new();
        let inside = sampling.taps(x, |pixel, weight| {
            match terms.iter_mut().find(|(other, _)| *other == pixel) {
                Some((_, sum)) => *sum += weight,
                None => terms.push((pixel, weight)),
            }
        });
        Taps { terms, constant: if inside { 0.0 } else { self.extrapolation.into() } }
    }
}

/// Largest factor, and its inverse, between the sizes: far more than any
/// picture needs, and filters stay of a reasonable length.
const LARGEST_SCALE: f32 = 65536.0;

impl Definition for Resize {
    const NAMES: &'static [&'static str] = &["Resize", "Upsample"];

    fn reads(signature: &Signature<'_>) -> bool {
        !super::RuntimeResize::reads(signature)
    }

    fn name(&self) -> &'static str {
        "Resize"
    }

    fn attributes(&self) -> Attributes {
        let named = COORDINATES.iter().find(|(_, value)| *value == self.coordinates);
        let coordinates = named.map_or("half_pixel", |(name, _)| name);
        let text = |text: &str| Attribute::String(text.to_owned());
        let flag = |flag: bool| Attribute::Int(flag.into());
        let sizes = self.sizes.iter().map(|&size| size as i64).collect();
        let attributes = Attributes::default()
            .with("coordinate_transformation_mode", text(coordinates))
            .with("exclude_outside", flag(self.exclude_outside))
            .with("extrapolation_value", Attribute::Float(self.extrapolation))
            .with("sizes", Attribute::Ints(sizes))
            .with("scales", Attribute::Floats(self.scales.clone()))
            .with("roi", Attribute::Floats(self.region.concat()));
        match self.interpolation {
            Interpolation::Nearest { rounding } => {
                let named = ROUNDINGS.iter().find(|(_, value)| *value == rounding);
                let rounding = named.map_or("floor", |(name, _)| name);
                attributes.with("mode", text("nearest")).with("nearest_mode", text(rounding))
            }
            Interpolation::Linear { antialias } => {
                attributes.with("mode", text("linear")).with("antialias", flag(antialias))
            }
            Interpolation::Cubic { a, antialias } => attributes
                .with("mode", text("cubic"))
                .with("cubic_coeff_a", Attribute::Float(a))
                .with("antialias", flag(antialias)),
        }
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let input = operand_type(signature, 0, "input")?.sizes()?;
        let resize = match (signature.operator, signature.opset) {
            (_, NEWEST) => read::as_text(signature, &input)?,
            ("Upsample", _) | ("Resize", ..11) => read::upsample(signature, &input)?,
            _ => read::resize(signature, &input)?,
        };
        for (&scale, &size) in resize.scales.iter().zip(&resize.sizes) {
            if !(LARGEST_SCALE.recip()..=LARGEST_SCALE).contains(&scale) || size == 0 {
                return Err(Error::malformed(format!(
                    "a factor of {scale} to {size} pixels makes no sense"
                )));
            }
        }
        Ok(Parsed::first(resize, 1))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let input = required(operands, 0, "input")?.tensor_type;
        let sizes = input.sizes()?;
        if sizes.len() != self.sizes.len() || sizes.contains(&0) {
            return Err(Error::shape(format!(
                "expected a tensor of {} dimensions that is not empty, found {input}",
                self.sizes.len()
            )));
        }
        one(TensorType::fixed(input.element, &self.sizes))
    }

    fn operation(&self) -> Option<AnyOperation> {
        let rank = self.sizes.len();
        let (mut sizes, mut scales) = ([1; RANK], [1.0; RANK]);
        let (mut starts, mut ends) = ([0.0; RANK], [1.0; RANK]);
        sizes.get_mut(..rank)?.copy_from_slice(&self.sizes);
        scales.get_mut(..rank)?.copy_from_slice(&self.scales);
        for (dimension, &[start, end]) in self.region.iter().enumerate() {
            *starts.get_mut(dimension)? = start;
            *ends.get_mut(dimension)? = end;
        }
        let operation = GeneralResize {
            interpolation: self.interpolation,
            coordinates: self.coordinates,
            exclude_outside: self.exclude_outside,
            extrapolation: self.extrapolation,
            target: ResizeTarget::Fixed { sizes, scales, starts, ends },
        };
        Some(operation.into())
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let types = inferred(self, operands)?;
        let input = required(operands, 0, "input")?;
        if let Some(operation) = self.operation().filter(|_| !input.element().is_float()) {
            return operation.evaluate(operands, &types);
        }
        let mut shape = input.shape().to_vec();
        let mut values = widened(input)?.into_owned();
        for dimension in 0..shape.len() {
            if !self.keeps(dimension, shape[dimension]) {
                let taps = self.taps(dimension, shape[dimension]);
                let inner: usize = shape[dimension + 1..].iter().product();
                values = resampled(&values, shape[dimension], inner, &taps);
                shape[dimension] = taps.len();
            }
        }
        Ok(vec![rounded(input.element(), &shape, values)?])
    }
}

/// One dimension of `[.., size, inner]` resampled.
fn resampled(values: &[f64], size: usize, inner: usize, taps: &[Taps]) -> Vec<f64> {
    let mut results = Vec::with_capacity(values.len() / size * taps.len());
    for outer in values.chunks_exact((size * inner).max(1)) {
        for Taps { terms, constant } in taps {
            results.extend((0..inner).map(|i| {
                let sum = terms.iter().map(|&(pixel, weight)| weight * outer[pixel * inner + i]);
                constant + sum.sum::<f64>()
            }));
        }
    }
    results
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::ops::testing::Case;

    /// A row of pixels, its scales and sizes.
    fn row(pixels: &[f32], scale: Option<f32>, size: Option<i64>) -> Case {
        let row = Tensor::new(&[1, 1, 1, pixels.len()], pixels.to_vec()).unwrap();
        let case = Case::new("Resize", 13).operand(row).absent();
        let case = match scale {
            Some(scale) => case.operand(Tensor::vector(vec![1.0f32, 1.0, 1.0, scale])),
            None => case.absent(),
        };
        match size {
            Some(size) => case.list(&[1, 1, 1, size]),
            None => case,
        }
    }

    fn values(case: Case) -> Vec<f32> {
        case.f32s().1
    }

    #[test]
    fn the_nearest_pixel_is_taken() {
        let case = |rounding| {
            row(&[1.0, 2.0], Some(2.0), None)
                .string("nearest_mode", rounding)
                .string("coordinate_transformation_mode", "asymmetric")
        };
        assert_eq!(values(case("floor")), [1.0, 1.0, 2.0, 2.0]);
        assert_eq!(values(case("ceil")), [1.0, 2.0, 2.0, 2.0]);
        assert_eq!(values(case("round_prefer_floor")), [1.0, 1.0, 2.0, 2.0]);
        assert_eq!(values(case("round_prefer_ceil")), [1.0, 2.0, 2.0, 2.0]);
        case("round").refused(ErrorKind::Malformed, "nearest_mode");
    }

    #[test]
    fn coordinates_follow_their_formulas() {
        let case = |coordinates| {
            row(&[1.0, 2.0], None, Some(4))
                .string("mode", "linear")
                .string("coordinate_transformation_mode", coordinates)
        };
        assert_eq!(values(case("half_pixel")), [1.0, 1.25, 1.75, 2.0]);
        assert_eq!(values(case("asymmetric")), [1.0, 1.5, 2.0, 2.0]);
        assert_eq!(values(case("align_corners")), [1.0, 1.333_333_4, 1.666_666_6, 2.0]);
        let one = row(&[1.0, 2.0, 4.0], None, Some(1)).string("mode", "linear");
        let pytorch = one.string("coordinate_transformation_mode", "pytorch_half_pixel");
        assert_eq!(values(pytorch), [1.0]);
    }

    #[test]
    fn cubic_weights_are_those_of_keys() {
        let case = row(&[1.0, 2.0, 3.0, 4.0], None, Some(8)).string("mode", "cubic");
        let expected = [
            0.894_531_25, 1.191_406_3, 1.667_968_8, 2.296_875, 2.703_125, 3.332_031_3, 3.808_593_8,
            4.105_468_8,
        ];
        assert_eq!(values(case), expected);
    }

    #[test]
    fn a_filter_widens_where_the_picture_shrinks() {
        let case = Case::new("Resize", 18)
            .operand(Tensor::new(&[4], vec![1.0f32, 2.0, 3.0, 4.0]).unwrap())
            .absent()
            .operand(Tensor::vector(vec![0.5f32]))
            .string("mode", "linear")
            .int("antialias", 1);
        assert_eq!(values(case), [1.625, 3.375]);
    }

    #[test]
    fn outside_of_a_region_there_is_one_value() {
        let case = Case::new("Resize", 13)
            .operand(Tensor::vector(vec![1.0f32, 2.0]))
            .operand(Tensor::vector(vec![0.0f32, 2.0]))
            .absent()
            .list(&[3])
            .string("mode", "linear")
            .string("coordinate_transformation_mode", "tf_crop_and_resize")
            .with("extrapolation_value", Attribute::Float(9.0));
        assert_eq!(values(case), [1.0, 2.0, 9.0]);
    }

    #[test]
    fn older_sets_scale_from_the_corner() {
        let data = || Tensor::new(&[1, 1, 1, 2], vec![1.0f32, 2.0]).unwrap();
        let scales = vec![1.0f32, 1.0, 1.0, 2.0];
        let attribute = Attribute::Floats(scales.clone());
        let seven = Case::new("Upsample", 7).operand(data()).with("scales", attribute);
        let nine = Case::new("Upsample", 9).operand(data()).operand(Tensor::vector(scales.clone()));
        let ten = Case::new("Resize", 10).operand(data()).operand(Tensor::vector(scales));
        for case in [seven, nine, ten] {
            assert_eq!(values(case), [1.0, 1.0, 2.0, 2.0]);
        }
    }

    #[test]
    fn the_operation_is_the_same() {
        let tensor = Tensor::new(&[2, 3, 4], (0..24).map(|i| (i * i) as f32).collect::<Vec<_>>());
        let case = Case::new("Resize", 19).operand(tensor.unwrap());
        let case = case.operand(Tensor::vector(vec![0.0f32, 0.2, 0.1, 1.0, 1.3, 0.8])).absent();
        let case = case.list(&[2, 5, 3]);
        for mode in ["nearest", "linear", "cubic"] {
            for (coordinates, _) in COORDINATES {
                for (exclude, antialias) in [(0, 0), (1, 0), (0, 1)] {
                    let case = case
                        .clone()
                        .string("mode", mode)
                        .string("coordinate_transformation_mode", coordinates)
                        .int("antialias", antialias)
                        .int("exclude_outside", exclude);
                    let (operator, operands) = case.read().unwrap();
                    let operands: Vec<_> = operands.iter().map(Option::as_ref).collect();
                    let expected = case.value();
                    let operation = operator.operation().unwrap();
                    let found = operation.evaluate(&operands, &[expected.tensor_type()]).unwrap();
                    let pairs = found[0].f32s().unwrap().iter().zip(expected.f32s().unwrap());
                    for (found, expected) in pairs {
                        assert!((found - expected).abs() < 1e-3, "{mode} {coordinates}");
                    }
                }
            }
        }
    }

    #[test]
    fn integers_are_cut_off() {
        let case = |mode| {
            let pixels = Tensor::new(&[1, 3], vec![10u8, 20, 255]).unwrap();
            let case = Case::new("Resize", 13).operand(pixels).absent().absent().list(&[1, 6]);
            case.string("mode", mode).value()
        };
        let linear = Tensor::new(&[1, 6], vec![10u8, 12, 17, 78, 196, 255]).unwrap();
        assert_eq!(case("linear"), linear);
        let nearest = Tensor::new(&[1, 6], vec![10u8, 10, 20, 20, 255, 255]).unwrap();
        assert_eq!(case("nearest"), nearest);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        row(&[1.0], None, None).refused(ErrorKind::Malformed, "either scales or sizes");
        row(&[1.0], Some(2.0), Some(2)).refused(ErrorKind::Malformed, "either scales or sizes");
        row(&[1.0], Some(-1.0), None).refused(ErrorKind::Malformed, "makes no sense");
        row(&[1.0], Some(f32::NAN), None).refused(ErrorKind::Malformed, "makes no sense");
        row(&[1.0], None, Some(0)).refused(ErrorKind::Malformed, "makes no sense");
    }
}
