//! Resampling to another size.

mod read;

use super::Definition;
use super::floats::{check_float, rounded, widened};
use super::reading::{NEWEST, inferred, one, operand_type};
use crate::error::{Error, Result};
use crate::ir::{Attribute, Attributes, Operand, Parsed, Signature, Tensor, TensorType, required};

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

/// How a [`Resize`] makes values between pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Interpolation {
    /// The nearest pixel.
    Nearest {
        /// Which of two.
        rounding: Rounding,
    },
    /// Between two pixels.
    Linear {
        /// Whether the filter widens where the picture shrinks.
        antialias: bool,
    },
    /// Between four pixels (Keys 1981, "Cubic Convolution Interpolation for
    /// Digital Image Processing").
    Cubic {
        /// The free coefficient.
        a: f32,
        /// Whether the filter widens where the picture shrinks.
        antialias: bool,
    },
}

/// Which pixel is nearest to a place between two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Rounding {
    PreferFloor,
    PreferCeil,
    Floor,
    Ceil,
}

/// Where result `x` of `result` lies in a dimension of `size` pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coordinates {
    /// `(x + 1/2) / scale - 1/2`.
    HalfPixel,
    /// The same, with the result's middle over the picture's.
    HalfPixelSymmetric,
    /// [`Coordinates::HalfPixel`], or 0 for a single result.
    PytorchHalfPixel,
    /// `x (size - 1) / (result - 1)`.
    AlignCorners,
    /// `x / scale`.
    Asymmetric,
    /// Evenly from the start of the region to its end.
    CropAndResize,
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

const ROUNDINGS: [(&str, Rounding); 4] = [
    ("round_prefer_floor", Rounding::PreferFloor),
    ("round_prefer_ceil", Rounding::PreferCeil),
    ("floor", Rounding::Floor),
    ("ceil", Rounding::Ceil),
];

const COORDINATES: [(&str, Coordinates); 6] = [
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
        let place = self.place(dimension, size, x);
        let last = size as f64 - 1.0;
        if self.coordinates == Coordinates::CropAndResize && !(0.0..=last).contains(&place) {
            return Taps { terms: Vec::new(), constant: self.extrapolation.into() };
        }
        let base = place.floor();
        let weights = self.weights(place - base, self.scales[dimension].into());
        let mut terms: Vec<(usize, f64)> = Vec::new();
        let mut total = 0.0;
        for (offset, weight) in weights {
            let pixel = base + offset;
            let inside = (0.0..=last).contains(&pixel);
            if weight == 0.0 || (self.exclude_outside && !inside) {
                continue;
            }
            total += weight;
            let pixel = pixel.clamp(0.0, last) as usize;
            match terms.iter_mut().find(|(other, _)| *other == pixel) {
                Some((_, sum)) => *sum += weight,
                None => terms.push((pixel, weight)),
            }
        }
        let even = if self.exclude_outside && total != 0.0 { total } else { 1.0 };
        terms.iter_mut().for_each(|(_, weight)| *weight /= even);
        Taps { terms, constant: 0.0 }
    }

    /// Where result `x` lies between the pixels.
    fn place(&self, dimension: usize, size: usize, x: usize) -> f64 {
        let (x, size, count) = (x as f64, size as f64, self.sizes[dimension] as f64);
        let scale = f64::from(self.scales[dimension]);
        let half_pixel = (x + 0.5) / scale - 0.5;
        match self.coordinates {
            Coordinates::HalfPixel => half_pixel,
            Coordinates::HalfPixelSymmetric => {
                let adjustment = count / (scale * size);
                size / 2.0 * (1.0 - adjustment) + half_pixel
            }
            Coordinates::PytorchHalfPixel => if count > 1.0 { half_pixel } else { 0.0 },
            Coordinates::AlignCorners => {
                if count > 1.0 {
                    // The reference implementation does not round the length.
                    x * (size - 1.0) / (scale * size - 1.0)
                } else {
                    0.0
                }
            }
            Coordinates::Asymmetric => x / scale,
            Coordinates::CropAndResize => {
                let [start, end] = self.region[dimension].map(f64::from);
                if count > 1.0 {
                    start * (size - 1.0) + x * (end - start) * (size - 1.0) / (count - 1.0)
                } else {
                    0.5 * (start + end) * (size - 1.0)
                }
            }
        }
    }

    /// Pixels, from the one before the place on, and their weights, for a place
    /// this far behind that pixel.
    fn weights(&self, ratio: f64, scale: f64) -> Vec<(f64, f64)> {
        match self.interpolation {
            Interpolation::Nearest { rounding } => {
                let next = match rounding {
                    Rounding::PreferFloor => ratio > 0.5,
                    Rounding::PreferCeil => ratio >= 0.5,
                    Rounding::Floor => false,
                    Rounding::Ceil => ratio > 0.0,
                };
                vec![(f64::from(u8::from(next)), 1.0)]
            }
            Interpolation::Linear { antialias } => {
                filter(1.0, ratio, if antialias { scale } else { 1.0 }, |x| (1.0 - x).max(0.0))
            }
            Interpolation::Cubic { a, antialias } => {
                let a = f64::from(a);
                filter(2.0, ratio, if antialias { scale } else { 1.0 }, |x| {
                    if x <= 1.0 {
                        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
                    } else if x < 2.0 {
                        ((x - 5.0) * x + 8.0) * x * a - 4.0 * a
                    } else {
                        0.0
                    }
                })
            }
        }
    }
}

/// Samples of a filter of this half width, widened where the picture shrinks;
/// then they are made to add up to one.
fn filter(half: f64, ratio: f64, scale: f64, shape: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
    let scale = scale.min(1.0);
    let start = (-half / scale).floor() + 1.0;
    let count = (2.0 - 2.0 * start) as usize;
    let mut weights: Vec<(f64, f64)> = (0..count)
        .map(|i| start + i as f64)
        .map(|offset| (offset, shape(((offset - ratio) * scale).abs())))
        .collect();
    if scale < 1.0 {
        let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
        weights.iter_mut().for_each(|(_, weight)| *weight /= total);
    }
    weights
}

/// Largest factor, and its inverse, between the sizes: far more than any
/// picture needs, and filters stay of a reasonable length.
const LARGEST_SCALE: f32 = 65536.0;

impl Definition for Resize {
    const NAMES: &'static [&'static str] = &["Resize", "Upsample"];

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
        check_float(input)?;
        let sizes = input.sizes()?;
        if sizes.len() != self.sizes.len() || sizes.contains(&0) {
            return Err(Error::shape(format!(
                "expected a tensor of {} dimensions that is not empty, found {input}",
                self.sizes.len()
            )));
        }
        one(TensorType::fixed(input.element, &self.sizes))
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        inferred(self, operands)?;
        let input = required(operands, 0, "input")?;
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
    fn what_makes_no_sense_is_refused() {
        row(&[1.0], None, None).refused(ErrorKind::Malformed, "either scales or sizes");
        row(&[1.0], Some(2.0), Some(2)).refused(ErrorKind::Malformed, "either scales or sizes");
        row(&[1.0], Some(-1.0), None).refused(ErrorKind::Malformed, "makes no sense");
        row(&[1.0], Some(f32::NAN), None).refused(ErrorKind::Malformed, "makes no sense");
        row(&[1.0], None, Some(0)).refused(ErrorKind::Malformed, "makes no sense");
    }
}
