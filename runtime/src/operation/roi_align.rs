//! Means of regions of interest, sampled between pixels.

use super::region::{Sample, SampledAxis, Sampling};
use super::{Failure, Input, Native, Operation, Output, with_type};

description! {
    /// `RoiAlign` (He et al., Mask R-CNN, 2017). Operands: pictures
    /// `[pictures, channels, height, width]`, regions `[regions, 4]` as left,
    /// top, right and bottom, and the picture of each `[regions]`. Result:
    /// `[regions, channels, rows, columns]`.
    pub struct GeneralRoiAlign {
        /// Rows and columns of bins.
        pub pooled: [usize; 2],
        /// Pixels of the pictures for one of the regions' coordinates.
        pub scale: f32,
        /// Samples of a bin along each dimension; 0 for one a pixel.
        pub samples: usize,
        /// Whether the centre of the first pixel is at 0.5 and not at 0.
        pub half_pixel: bool,
        /// Whether a bin becomes the largest of the weighted pixels and not
        /// the mean of the samples.
        pub maximum: bool,
    }
}

impl Operation for GeneralRoiAlign {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data), Some(regions), Some(indices)] = inputs else {
            return Err(Failure("expected pictures, regions and their pictures"));
        };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let &[pictures, channels, height, width] = data.sizes() else {
            return Err(Failure("expected pictures of two dimensions"));
        };
        let &[count, 4] = regions.sizes() else {
            return Err(Failure("expected four coordinates of each region"));
        };
        if indices.sizes() != [count] {
            return Err(Failure("expected one picture for each region"));
        }
        let [rows, columns] = self.pooled;
        let axis = |axis: usize| Sampling {
            scale: self.scale.into(),
            half_pixel: self.half_pixel,
            bins: self.pooled[axis],
            samples: self.samples,
            size: [height, width][axis],
        };
        with_type!(data.element(), T: floats => {
            let (data, regions) = (data.values::<T>()?, regions.values::<T>()?);
            let results = output.resize::<T>(&[count, channels, rows, columns])?;
            let bins = rows * columns;
            for (region, corners) in regions.chunks_exact(4).enumerate() {
                let picture = usize::try_from(indices.integer(region)?).ok();
                let picture = picture.filter(|&picture| picture < pictures);
                let picture = picture.ok_or(Failure("a region is of a picture that is not there"))?;
                let ends = |low: usize| [corners[low].to_f64(), corners[low + 2].to_f64()];
                let axes = [
                    SampledAxis::new::<T>(&axis(0), ends(1)),
                    SampledAxis::new::<T>(&axis(1), ends(0)),
                ];
                for channel in 0..channels {
                    let plane = &data[(picture * channels + channel) * height * width..];
                    let results = &mut results[(region * channels + channel) * bins..][..bins];
                    for (bin, result) in results.iter_mut().enumerate() {
                        let place = [bin / columns, bin % columns];
                        *result = T::from_f64(self.bin(axes, place, plane, width));
                    }
                }
            }
        });
        Ok(())
    }
}

impl GeneralRoiAlign {
    /// What becomes of a bin.
    fn bin<T: Native>(
        &self,
        [rows, columns]: [SampledAxis; 2],
        [row, column]: [usize; 2],
        plane: &[T],
        width: usize,
    ) -> f64 {
        let samples = rows.grid() * columns.grid();
        let (mut inside, mut sum, mut largest) = (0, 0.0, f64::NEG_INFINITY);
        for y in rows.samples::<T>(row) {
            for x in columns.samples::<T>(column) {
                let values = weighted(plane, width, [y, x]);
                inside += 1;
                sum += values.iter().sum::<f64>();
                largest = values.into_iter().fold(largest, f64::max);
            }
        }
        match self.maximum {
            // Samples outside the picture are zeros.
            true if inside < samples => largest.max(0.0),
            true if inside == 0 => 0.0,
            true => largest,
            false => sum / samples.max(1) as f64,
        }
    }
}

/// The four pixels around a sample times their weights.
fn weighted<T: Native>(plane: &[T], width: usize, [y, x]: [Sample; 2]) -> [f64; 4] {
    [[0, 0], [0, 1], [1, 0], [1, 1]].map(|[down, right]| {
        let pixel = plane[y.pixels[down] * width + x.pixels[right]].to_f64();
        y.weights[down] * x.weights[right] * pixel
    })
}
