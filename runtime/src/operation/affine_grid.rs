//! Places that an affine map takes the pixels of a picture to.

use super::{Failure, Input, Native, Operation, Output, with_type};

description! {
    /// `AffineGrid`. Operands: maps `[batch, d, d + 1]`, sizes `[batch,
    /// channels, ..]` with d spatial ones. Result: places `[batch, .., d]`, the
    /// coordinate along the last dimension first, from -1 to 1.
    pub struct GeneralAffineGrid {
        /// Whether -1 and 1 are the middles of the outermost pixels, rather than
        /// their outer borders.
        pub align_corners: bool,
    }
}

impl Operation for GeneralAffineGrid {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(maps), Some(sizes)] = inputs else {
            return Err(Failure("expected maps and sizes"));
        };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let size = |i: usize| {
            usize::try_from(sizes.integer(i)?).map_err(|_| Failure("a size is negative"))
        };
        let batch = *maps.sizes().first().ok_or(Failure("expected maps of a batch"))?;
        if size(0)? != batch {
            return Err(Failure("there is not a map for each picture"));
        }
        match (sizes.len(), maps.sizes()) {
            (4, &[_, 2, 3]) => {
                let shape = [batch, size(2)?, size(3)?, 2];
                let pixels = [1, shape[1], shape[2]];
                with_type!(maps.element(), T: floats => {
                    self.fill(maps.values::<T>()?, pixels, 2, output.resize::<T>(&shape)?)
                })
            }
            (5, &[_, 3, 4]) => {
                let shape = [batch, size(2)?, size(3)?, size(4)?, 3];
                let pixels = [shape[1], shape[2], shape[3]];
                with_type!(maps.element(), T: floats => {
                    self.fill(maps.values::<T>()?, pixels, 3, output.resize::<T>(&shape)?)
                })
            }
            _ => Err(Failure("expected maps of two or three dimensions and sizes of as many")),
        }
    }
}

impl GeneralAffineGrid {
    /// The coordinate of a pixel's middle.
    fn middle(&self, size: usize, index: usize) -> f64 {
        let (size, index) = (size as f64, index as f64);
        match self.align_corners {
            true if size > 1.0 => 2.0 * index / (size - 1.0) - 1.0,
            true => -1.0,
            false => (2.0 * index + 1.0) / size - 1.0,
        }
    }

    /// The places of all pixels; of two dimensions the first of three is 1 long.
    fn fill<T: Native>(
        &self,
        maps: &[T],
        sizes: [usize; 3],
        dimensions: usize,
        places: &mut [T],
    ) -> Result<(), Failure> {
        let picture = sizes.iter().fold(dimensions, |p, &size| p.saturating_mul(size)).max(1);
        let maps = maps.chunks_exact(dimensions * (dimensions + 1));
        for (places, map) in places.chunks_exact_mut(picture).zip(maps) {
            let mut places = places.chunks_exact_mut(dimensions);
            for z in 0..sizes[0] {
                for y in 0..sizes[1] {
                    for x in 0..sizes[2] {
                        let place = [(2, x), (1, y), (0, z)].map(|(d, i)| self.middle(sizes[d], i));
                        let coordinates = places.next().ok_or(Failure("there are few places"))?;
                        let rows = map.chunks_exact(dimensions + 1);
                        for (coordinate, row) in coordinates.iter_mut().zip(rows) {
                            let shift = row[dimensions].to_f64();
                            let terms = row[..dimensions].iter().zip(place);
                            let sum = terms.map(|(factor, place)| factor.to_f64() * place);
                            *coordinate = T::from_f64(sum.sum::<f64>() + shift);
                        }
                    }
                }
            }
        }
        Ok(())
    }
}
