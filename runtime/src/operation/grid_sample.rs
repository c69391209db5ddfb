//! Pictures looked at where a grid says.

use super::{Failure, Input, Native, Operation, Output, with_type};
use crate::real;

description! {
    /// `GridSample`. Operands: pictures `[batch, channels, ..]` of one to three
    /// spatial dimensions d, places `[batch, .., d]`, the coordinate along the
    /// last dimension first, from -1 to 1. Result: `[batch, channels, ..]`, as
    /// many values as places.
    pub struct GeneralGridSample {
        /// How values between pixels are made.
        pub interpolation: GridInterpolation,
        /// What is outside the picture.
        pub padding: GridPadding,
        /// Whether -1 and 1 are the middles of the outermost pixels, rather than
        /// their outer borders.
        pub align_corners: bool,
    }
}

description! {
    /// How a [`GeneralGridSample`] makes values between pixels.
    #[derive(Eq)]
    pub enum GridInterpolation {
        /// The nearest pixel; of two the even one.
        Nearest,
        /// Between two pixels.
        Linear,
        /// Between four pixels (Keys 1981), with the coefficient -3/4.
        Cubic,
    }
}

description! {
    /// What a [`GeneralGridSample`] finds outside the picture.
    #[derive(Eq)]
    pub enum GridPadding {
        /// Zeros.
        Zeros,
        /// The nearest pixel of the border.
        Border,
        /// The picture mirrored at its border.
        Reflection,
    }
}

/// Most spatial dimensions.
const SPATIAL: usize = 3;
/// Most pixels that count along a dimension.
const TAPS: usize = 4;

/// The pixels that count along a dimension, and their weights; a weight of 0
/// belongs to no pixel.
type Taps = [(usize, f64); TAPS];

impl Operation for GeneralGridSample {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(pictures), Some(grid)] = inputs else {
            return Err(Failure("expected pictures and a grid"));
        };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let mut shape = super::dimensions::Dimensions::new(grid.sizes())?;
        let (&[batch, channels, ref spatial @ ..], Some((&rank, _))) =
            (pictures.sizes(), grid.sizes().split_last())
        else {
            return Err(Failure("expected pictures of a batch and a grid"));
        };
        if grid.sizes().first() != Some(&batch)
            || !(1..=SPATIAL).contains(&rank)
            || [spatial.len(), grid.sizes().len()] != [rank, rank + 2]
        {
            return Err(Failure("the grid does not fit the pictures"));
        }
        let places = shape[1..=rank].iter().fold(1usize, |p, &size| p.saturating_mul(size));
        shape.copy_within(1..=rank, 2);
        shape[1] = channels;
        let mut sizes = [1; SPATIAL];
        sizes[SPATIAL - rank..].copy_from_slice(spatial);
        with_type!(pictures.element(), T => {
            let results = output.resize::<T>(&shape)?;
            let values = pictures.values::<T>()?;
            if results.is_empty() {
                return Ok(());
            }
            if values.is_empty() {
                results.fill(T::default());
                return Ok(());
            }
            let whole = values.len() / batch;
            for image in 0..batch {
                let results = &mut results[image * channels * places..][..channels * places];
                let values = &values[image * whole..][..whole];
                for place in 0..places {
                    let taps = self.taps(grid, (image * places + place) * rank, rank, sizes)?;
                    let planes = values.chunks_exact((whole / channels).max(1));
                    for (channel, plane) in planes.enumerate() {
                        results[channel * places + place] = self.sample(plane, sizes, &taps);
                    }
                }
            }
        });
        Ok(())
    }
}

impl GeneralGridSample {
    /// The pixels that count for a place, the first number of which the grid
    /// has at `first`. Dimensions that are not there are one pixel.
    #[inline]
    fn taps(
        &self,
        grid: &Input<'_>,
        first: usize,
        rank: usize,
        sizes: [usize; SPATIAL],
    ) -> Result<[Taps; SPATIAL], Failure> {
        let mut taps = [[(0, 0.0); TAPS]; SPATIAL];
        for taps in &mut taps {
            taps[0].1 = 1.0;
        }
        for i in 0..rank {
            let dimension = SPATIAL - 1 - i;
            let size = sizes[dimension];
            let place = match grid.element() {
                // As exact as the grid, so that places between two pixels are
                // rounded as everywhere.
                super::ElementType::F32 => {
                    let values = grid.values::<f32>()?;
                    let place = *values.get(first + i).ok_or(Failure("a place is missing"))?;
                    self.scaled(place, size as f32).into()
                }
                _ => self.scaled(grid.number(first + i)?, size as f64),
            };
            taps[dimension] = self.along(place, size);
        }
        Ok(taps)
    }

    /// A coordinate from -1 to 1 in pixels.
    fn scaled<T>(&self, place: T, size: T) -> T
    where
        T: core::ops::Add<Output = T>
            + core::ops::Sub<Output = T>
            + core::ops::Mul<Output = T>
            + core::ops::Div<Output = T>
            + From<u8>
            + Copy,
    {
        let (one, two) = (T::from(1), T::from(2));
        match self.align_corners {
            true => (place + one) / two * (size - one),
            false => ((place + one) * size - one) / two,
        }
    }

    /// The pixels that count for a place along a dimension.
    fn along(&self, place: f64, size: usize) -> Taps {
        let nearest = self.interpolation == GridInterpolation::Nearest;
        let place = if nearest { real::round_ties_even(place) } else { place };
        let last = size as f64 - 1.0;
        let place = match self.padding {
            GridPadding::Zeros => place,
            GridPadding::Border => place.max(0.0).min(last),
            GridPadding::Reflection => self.reflected(place, last),
        };
        let base = real::floor(place);
        let ratio = place - base;
        let mut taps = [(0, 0.0); TAPS];
        for (tap, (offset, weight)) in taps.iter_mut().zip(self.weights(ratio)) {
            let pixel = base + offset;
            let pixel = match self.padding {
                GridPadding::Zeros if !(0.0..=last).contains(&pixel) => continue,
                GridPadding::Zeros => pixel,
                GridPadding::Border => pixel.max(0.0).min(last),
                GridPadding::Reflection => {
                    real::trunc(self.reflected(pixel, last)).max(0.0).min(last)
                }
            };
            *tap = (pixel as usize, weight);
        }
        taps
    }

    /// A place mirrored at the borders until it lies between them.
    fn reflected(&self, place: f64, last: f64) -> f64 {
        let (first, last) = if self.align_corners { (0.0, last) } else { (-0.5, last + 0.5) };
        let range = last - first;
        let distance = if place < first { first - place } else { place - last };
        if range <= 0.0 {
            return 0.0;
        }
        if distance <= 0.0 {
            return place;
        }
        let turns = real::trunc(distance / range);
        let rest = distance - turns * range;
        // Every other turn is on the other side.
        let even = real::trunc(turns / 2.0) * 2.0 == turns;
        if even == (place < first) { first + rest } else { last - rest }
    }

    /// Offsets from the pixel before the place, and weights.
    fn weights(&self, ratio: f64) -> [(f64, f64); TAPS] {
        const A: f64 = -0.75;
        let near = |x: f64| ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0;
        let far = |x: f64| ((x - 5.0) * x + 8.0) * x * A - 4.0 * A;
        match self.interpolation {
            GridInterpolation::Nearest => [(0.0, 1.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0)],
            GridInterpolation::Linear => [(0.0, 1.0 - ratio), (1.0, ratio), (0.0, 0.0), (0.0, 0.0)],
            GridInterpolation::Cubic => [
                (-1.0, far(1.0 + ratio)),
                (0.0, near(ratio)),
                (1.0, near(1.0 - ratio)),
                (2.0, far(2.0 - ratio)),
            ],
        }
    }

    /// The value of one plane.
    fn sample<T: Native>(
        &self,
        plane: &[T],
        sizes: [usize; SPATIAL],
        taps: &[Taps; SPATIAL],
    ) -> T {
        let at = |z: usize, y: usize, x: usize| plane.get((z * sizes[1] + y) * sizes[2] + x);
        if self.interpolation == GridInterpolation::Nearest {
            let [(z, a), (y, b), (x, c)] = [taps[0][0], taps[1][0], taps[2][0]];
            let inside = a * b * c != 0.0;
            return at(z, y, x).filter(|_| inside).copied().unwrap_or_default();
        }
        let counts = |taps: Taps| taps.into_iter().filter(|(_, weight)| *weight != 0.0);
        let mut sum = 0.0;
        for (z, depth) in counts(taps[0]) {
            for (y, height) in counts(taps[1]) {
                for (x, width) in counts(taps[2]) {
                    let value = at(z, y, x).map_or(0.0, |value| value.to_f64());
                    sum += depth * height * width * value;
                }
            }
        }
        T::from_f64(sum)
    }
}
