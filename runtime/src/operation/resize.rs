//! Resampling to other sizes.

use super::dimensions::{Dimensions, strides};
use super::{Failure, Input, Native, Operation, Output, with_type};
use crate::real;
use crate::step::RANK;

description! {
    /// `Resize` or `Upsample`. Operands: data, and what [`ResizeTarget`] says.
    /// Result: the data at other sizes, weighted sums along each dimension.
    pub struct GeneralResize {
        /// How values between pixels are made.
        pub interpolation: Interpolation,
        /// Where a result lies between the pixels.
        pub coordinates: Coordinates,
        /// Whether pixels outside the picture count nothing, rather than as the
        /// border.
        pub exclude_outside: bool,
        /// The result where [`Coordinates::CropAndResize`] looks outside.
        pub extrapolation: f32,
        /// The sizes.
        pub target: ResizeTarget,
    }
}

description! {
    /// How a resize makes values between pixels.
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
}

description! {
    /// Which pixel is nearest to a place between two.
    #[allow(missing_docs)]
    #[derive(Eq)]
    pub enum Rounding {
        PreferFloor,
        PreferCeil,
        Floor,
        Ceil,
    }
}

description! {
    /// Where result `x` of `result` lies in a dimension of `size` pixels.
    #[derive(Eq)]
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
}

description! {
    /// The sizes that a [`GeneralResize`] gives its result.
    pub enum ResizeTarget {
        /// These.
        Fixed {
            /// Sizes.
            sizes: [usize; RANK],
            /// Factors from the operand's sizes, as the coordinates use them.
            scales: [f32; RANK],
            /// First places, of the operand's sizes, of the region.
            starts: [f32; RANK],
            /// Its last places.
            ends: [f32; RANK],
        },
        /// What the operands say: region, scales, sizes. Either scales or sizes
        /// are absent.
        Operands {
            /// The dimensions that they are of.
            axes: [usize; RANK],
            /// How many these are.
            count: usize,
            /// Which of the sizes is met.
            policy: AspectPolicy,
        },
    }
}

description! {
    /// How the sizes that are asked for decide the scales.
    #[derive(Eq)]
    pub enum AspectPolicy {
        /// Each one on its own.
        Stretch,
        /// The smallest scale is that of all.
        NotLarger,
        /// The largest scale is that of all.
        NotSmaller,
    }
}

/// How one dimension is resampled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sampling {
    pub(crate) interpolation: Interpolation,
    pub(crate) coordinates: Coordinates,
    pub(crate) exclude_outside: bool,
    /// Pixels that there are.
    pub(crate) size: usize,
    /// Pixels of the result.
    pub(crate) count: usize,
    pub(crate) scale: f32,
    /// First and last place, of the size.
    pub(crate) region: [f32; 2],
}

/// A size, a scale, and a region along a dimension.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    size: usize,
    scale: f32,
    region: [f32; 2],
}

impl Default for Wanted {
    fn default() -> Self {
        Self { size: 1, scale: 1.0, region: [0.0, 1.0] }
    }
}

/// Factors beyond this, and below its inverse, make no sense.
const LARGEST_SCALE: f32 = 65536.0;

impl Operation for GeneralResize {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data), rest @ ..] = inputs else { return Err(Failure("expected an operand")) };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let wanted = self.wanted(data.sizes(), rest)?;
        let mut sizes = Dimensions::none();
        for (wanted, &size) in wanted.iter().zip(data.sizes()) {
            let sensible = (LARGEST_SCALE.recip()..=LARGEST_SCALE).contains(&wanted.scale);
            if size > 0 && wanted.size > 0 && !sensible {
                return Err(Failure("a scale makes no sense"));
            }
            sizes.push(wanted.size)?;
        }
        with_type!(data.element(), T => {
            let resized = output.resize::<T>(&sizes)?;
            if !resized.is_empty() && data.is_empty() {
                return Err(Failure("nothing cannot be resized to something"));
            }
            self.fill(data.values::<T>()?, data.sizes(), &wanted, resized)
        })
    }
}

impl GeneralResize {
    fn fill<T: Native>(
        &self,
        values: &[T],
        sizes: &[usize],
        wanted: &[Wanted],
        resized: &mut [T],
    ) -> Result<(), Failure> {
        let source = Source { values, strides: strides(sizes)?, sizes };
        let mut index = Dimensions::filled(0usize, sizes.len())?;
        for result in resized {
            *result = match self.interpolation {
                Interpolation::Nearest { .. } => match self.nearest(&source, wanted, &index) {
                    Some(place) => *values.get(place).ok_or(Failure("a pixel is missing"))?,
                    None => T::from_f64(self.extrapolation.into()),
                },
                Interpolation::Linear { .. } | Interpolation::Cubic { .. } => {
                    let value = self.between(&source, wanted, &index, 0, 0);
                    rounded(value.unwrap_or(self.extrapolation.into()))
                }
            };
            for (index, wanted) in index.iter_mut().zip(wanted).rev() {
                *index += 1;
                if *index < wanted.size {
                    break;
                }
                *index = 0;
            }
        }
        Ok(())
    }

    fn sampling(&self, size: usize, wanted: &Wanted) -> Sampling {
        Sampling {
            interpolation: self.interpolation,
            coordinates: self.coordinates,
            exclude_outside: self.exclude_outside,
            size,
            count: wanted.size,
            scale: wanted.scale,
            region: wanted.region,
        }
    }

    /// The place of the nearest element; `None` outside.
    fn nearest<T>(
        &self,
        source: &Source<'_, T>,
        wanted: &[Wanted],
        index: &[usize],
    ) -> Option<usize> {
        let mut dimensions = source.sizes.iter().zip(source.strides.iter()).zip(wanted).zip(index);
        dimensions.try_fold(0, |place, (((&size, &stride), wanted), &x)| {
            let mut nearest = 0;
            let inside = self.sampling(size, wanted).taps(x, |pixel, _| nearest = pixel);
            inside.then_some(place + nearest * stride as usize)
        })
    }

    /// The weighted sum over the dimensions from this one on; `None` outside.
    fn between<T: Native>(
        &self,
        source: &Source<'_, T>,
        wanted: &[Wanted],
        index: &[usize],
        dimension: usize,
        place: usize,
    ) -> Option<f64> {
        let Some(along) = wanted.get(dimension) else {
            return source.values.get(place).map(|value| value.to_f64());
        };
        let (stride, x) = (source.strides[dimension] as usize, index[dimension]);
        let sampling = self.sampling(source.sizes[dimension], along);
        let mut sum = Some(0.0);
        let inside = sampling.taps(x, |pixel, weight| {
            let value = self.between(source, wanted, index, dimension + 1, place + pixel * stride);
            sum = sum.zip(value).map(|(sum, value)| sum + weight * value);
        });
        sum.filter(|_| inside)
    }

    fn wanted(
        &self,
        sizes: &[usize],
        operands: &[Option<Input<'_>>],
    ) -> Result<Dimensions<Wanted>, Failure> {
        let mut wanted = Dimensions::none();
        for &size in sizes {
            wanted.push(Wanted { size, ..Wanted::default() })?;
        }
        match self.target {
            ResizeTarget::Fixed { sizes, scales, starts, ends } => {
                for (d, wanted) in wanted.iter_mut().enumerate() {
                    let region = [starts[d], ends[d]];
                    *wanted = Wanted { size: sizes[d], scale: scales[d], region };
                }
            }
            ResizeTarget::Operands { axes, count, policy } => {
                let axes = axes.get(..count).unwrap_or(&axes);
                if axes.iter().any(|&axis| axis >= sizes.len()) {
                    return Err(Failure("there is no such dimension"));
                }
                self.asked(sizes, operands, axes, policy, &mut wanted)?;
            }
        }
        Ok(wanted)
    }

    /// What the operands ask for.
    fn asked(
        &self,
        sizes: &[usize],
        operands: &[Option<Input<'_>>],
        axes: &[usize],
        policy: AspectPolicy,
        wanted: &mut [Wanted],
    ) -> Result<(), Failure> {
        let operand = |slot: usize| operands.get(slot).copied().flatten();
        if self.coordinates == Coordinates::CropAndResize {
            let region = operand(0).ok_or(Failure("the region is missing"))?;
            for (i, &axis) in axes.iter().enumerate() {
                let [start, end] = [region.number(i)?, region.number(axes.len() + i)?];
                wanted[axis].region = [start as f32, end as f32];
            }
        }
        if let Some(scales) = operand(1) {
            for (i, &axis) in axes.iter().enumerate() {
                let scale = scales.number(i)? as f32;
                // The product in f32 is what a file's author computed with.
                let size = real::floor((sizes[axis] as f32 * scale).into()) as usize;
                (wanted[axis].scale, wanted[axis].size) = (scale, size);
            }
            return Ok(());
        }
        let asked = operand(2).ok_or(Failure("expected scales or sizes"))?;
        let mut common: Option<f32> = None;
        for (i, &axis) in axes.iter().enumerate() {
            let size = asked.integer(i)?;
            let size = usize::try_from(size).map_err(|_| Failure("a size is negative"))?;
            let scale = size as f32 / sizes[axis].max(1) as f32;
            (wanted[axis].scale, wanted[axis].size) = (scale, size);
            common = Some(match (common, policy) {
                (Some(common), AspectPolicy::NotLarger) => common.min(scale),
                (Some(common), AspectPolicy::NotSmaller) => common.max(scale),
                (_, _) => scale,
            });
        }
        if let Some(common) = common.filter(|_| policy != AspectPolicy::Stretch) {
            for &axis in axes {
                let size = real::floor((common * sizes[axis] as f32 + 0.5).into()) as usize;
                (wanted[axis].scale, wanted[axis].size) = (common, size);
            }
        }
        Ok(())
    }
}

/// What is resampled.
struct Source<'a, T> {
    values: &'a [T],
    sizes: &'a [usize],
    strides: Dimensions<isize>,
}

/// A result as an element, which integers cut off; sums of weights miss whole
/// numbers by little.
fn rounded<T: Native>(value: f64) -> T {
    let whole = real::round_ties_even(value);
    T::from_f64(if !T::ELEMENT.is_float() && (value - whole).abs() < 1e-6 { whole } else { value })
}

impl Sampling {
    /// Calls a function with the pixels and their weights that result `x` is
    /// made of. Pixels may come several times. False where it lies outside.
    pub(crate) fn taps(&self, x: usize, mut each: impl FnMut(usize, f64)) -> bool {
        let place = self.place(x);
        let last = self.size as f64 - 1.0;
        if self.coordinates == Coordinates::CropAndResize && !(0.0..=last).contains(&place) {
            return false;
        }
        let base = real::floor(place);
        let ratio = place - base;
        let (start, count, scale) = self.window();
        let weights = || {
            (0..count).filter_map(move |i| {
                let offset = start + i as f64;
                let weight = self.weight(offset, ratio, scale);
                let inside = (0.0..=last).contains(&(base + offset));
                let counts = weight != 0.0 && (inside || !self.exclude_outside);
                counts.then_some((base + offset, weight))
            })
        };
        let total: f64 = if self.exclude_outside {
            weights().map(|(_, weight)| weight).sum()
        } else if scale < 1.0 {
            (0..count).map(|i| self.weight(start + i as f64, ratio, scale)).sum()
        } else {
            1.0
        };
        let total = if total == 0.0 { 1.0 } else { total };
        for (pixel, weight) in weights() {
            each(pixel.max(0.0).min(last) as usize, weight / total);
        }
        true
    }

    /// Where result `x` lies between the pixels.
    fn place(&self, x: usize) -> f64 {
        let (x, size, count) = (x as f64, self.size as f64, self.count as f64);
        let scale = f64::from(self.scale);
        let half_pixel = (x + 0.5) / scale - 0.5;
        match self.coordinates {
            Coordinates::HalfPixel => half_pixel,
            Coordinates::HalfPixelSymmetric => {
                let adjustment = count / (scale * size);
                size / 2.0 * (1.0 - adjustment) + half_pixel
            }
            Coordinates::PytorchHalfPixel | Coordinates::AlignCorners if count <= 1.0 => 0.0,
            Coordinates::PytorchHalfPixel => half_pixel,
            // The reference implementation does not round the length.
            Coordinates::AlignCorners => x * (size - 1.0) / (scale * size - 1.0),
            Coordinates::Asymmetric => x / scale,
            Coordinates::CropAndResize => {
                let [start, end] = self.region.map(f64::from);
                if count > 1.0 {
                    start * (size - 1.0) + x * (end - start) * (size - 1.0) / (count - 1.0)
                } else {
                    0.5 * (start + end) * (size - 1.0)
                }
            }
        }
    }

    /// Offset of the first pixel that may count, the number of pixels, and how
    /// much the filter shrinks.
    fn window(&self) -> (f64, usize, f64) {
        let (half, antialias) = match self.interpolation {
            Interpolation::Nearest { .. } => return (0.0, 2, 1.0),
            Interpolation::Linear { antialias } => (1.0, antialias),
            Interpolation::Cubic { antialias, .. } => (2.0, antialias),
        };
        let scale = if antialias { f64::from(self.scale).min(1.0) } else { 1.0 };
        let start = real::floor(-half / scale) + 1.0;
        (start, (2.0 - 2.0 * start) as usize, scale)
    }

    /// The weight of the pixel at an offset from the one before the place, which
    /// lies `ratio` behind that one.
    fn weight(&self, offset: f64, ratio: f64, scale: f64) -> f64 {
        let distance = ((offset - ratio) * scale).abs();
        match self.interpolation {
            Interpolation::Nearest { rounding } => {
                let next = match rounding {
                    Rounding::PreferFloor => ratio > 0.5,
                    Rounding::PreferCeil => ratio >= 0.5,
                    Rounding::Floor => false,
                    Rounding::Ceil => ratio > 0.0,
                };
                f64::from(u8::from(next == (offset > 0.0)))
            }
            Interpolation::Linear { .. } => (1.0 - distance).max(0.0),
            Interpolation::Cubic { a, .. } => {
                let (a, x) = (f64::from(a), distance);
                if x <= 1.0 {
                    ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
                } else if x < 2.0 {
                    ((x - 5.0) * x + 8.0) * x * a - 4.0 * a
                } else {
                    0.0
                }
            }
        }
    }
}
