//! Largest values of regions of interest.

use super::region::{WholeAxis, picture};
use super::{Failure, Input, Native, Operation, Output, with_type};

description! {
    /// `MaxRoiPool` (Girshick, Fast R-CNN, 2015). Operands: pictures
    /// `[pictures, channels, height, width]`, regions `[regions, 5]` as
    /// picture, left, top, right and bottom. Result:
    /// `[regions, channels, rows, columns]`; bins outside the picture are zero.
    pub struct GeneralMaxRoiPool {
        /// Rows and columns of bins.
        pub pooled: [usize; 2],
        /// Pixels of the pictures for one of the regions' coordinates.
        pub scale: f32,
    }
}

impl Operation for GeneralMaxRoiPool {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data), Some(regions)] = inputs else {
            return Err(Failure("expected pictures and regions"));
        };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let &[pictures, channels, height, width] = data.sizes() else {
            return Err(Failure("expected pictures of two dimensions"));
        };
        let &[count, 5] = regions.sizes() else {
            return Err(Failure("expected the picture and four coordinates of each region"));
        };
        let [rows, columns] = self.pooled;
        let scale = self.scale.into();
        with_type!(data.element(), T: floats => {
            let (data, regions) = (data.values::<T>()?, regions.values::<T>()?);
            let results = output.resize::<T>(&[count, channels, rows, columns])?;
            let bins = rows * columns;
            for (region, numbers) in regions.chunks_exact(5).enumerate() {
                let picture = picture(numbers[0].to_f64(), pictures)
                    .ok_or(Failure("a region is of a picture that is not there"))?;
                let ends = |low: usize| [numbers[low].to_f64(), numbers[low + 2].to_f64()];
                let down = WholeAxis::new::<T>(ends(2), scale, rows, height);
                let across = WholeAxis::new::<T>(ends(1), scale, columns, width);
                for channel in 0..channels {
                    let plane = &data[(picture * channels + channel) * height * width..];
                    let results = &mut results[(region * channels + channel) * bins..][..bins];
                    for (bin, result) in results.iter_mut().enumerate() {
                        let (ys, xs) =
                            (down.pixels::<T>(bin / columns), across.pixels::<T>(bin % columns));
                        let values = ys.flat_map(|y| &plane[y * width..][xs.clone()]);
                        let largest = values.copied().reduce(|a, b| if a > b { a } else { b });
                        *result = largest.unwrap_or_default();
                    }
                }
            }
        });
        Ok(())
    }
}
