//! Columns of blocks put back into the picture that they were taken from.

use super::dimensions::{Dimensions, strides};
use super::{Failure, Input, Native, Operation, Output, with_type};
use crate::step::RANK;

description! {
    /// `Col2Im`. Operands: columns `[batch, channels * block, blocks]`, sizes of
    /// the picture, sizes of a block. Result: `[batch, channels, ..]`, pictures
    /// in which elements of blocks that overlap are added up.
    pub struct GeneralColumnToImage {
        /// Distances between neighbours in a block.
        pub dilations: [usize; RANK],
        /// Distances between neighbouring blocks.
        pub strides: [usize; RANK],
        /// Pixels before the picture that blocks reach into.
        pub before: [usize; RANK],
        /// Pixels after the picture that blocks reach into.
        pub after: [usize; RANK],
    }
}

/// One spatial dimension.
#[derive(Clone, Copy, Debug, Default)]
struct Along {
    /// Pixels of the picture.
    size: usize,
    /// Pixels of a block.
    block: usize,
    /// Blocks.
    count: usize,
}

impl Operation for GeneralColumnToImage {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(columns), Some(sizes), Some(blocks)] = inputs else {
            return Err(Failure("expected columns, and sizes of picture and block"));
        };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let &[batch, rows, length] = columns.sizes() else {
            return Err(Failure("expected columns of a batch"));
        };
        let mut along = Dimensions::none();
        let (mut area, mut positions) = (1usize, 1usize);
        for d in 0..sizes.len() {
            along.push(self.along(d, sizes.integer(d)?, blocks.integer(d)?)?)?;
            area = area.saturating_mul(along[d].block);
            positions = positions.saturating_mul(along[d].count);
        }
        if positions != length || rows % area != 0 || along.is_empty() {
            return Err(Failure("the columns are not those of such a picture"));
        }
        let mut shape = Dimensions::new(&[batch, rows / area])?;
        let mut pixels = Dimensions::none();
        for along in along.iter() {
            shape.push(along.size)?;
            pixels.push(along.size)?;
        }
        let pixels = strides(&pixels)?;
        with_type!(columns.element(), T: numbers => {
            let pictures = output.resize::<T>(&shape)?;
            pictures.fill(T::default());
            if pictures.is_empty() || length == 0 {
                return Ok(());
            }
            let picture = pictures.len() / (batch * (rows / area));
            let columns = columns.values::<T>()?.chunks_exact(area * length);
            for (picture, column) in pictures.chunks_exact_mut(picture).zip(columns) {
                let mut pixel = Dimensions::filled(0usize, along.len())?;
                for row in column.chunks_exact(length) {
                    self.add(row, &along, &pixel, &pixels, picture);
                    let sizes = along.iter().map(|along| along.block);
                    advance(&mut pixel, sizes.rev());
                }
            }
        });
        Ok(())
    }
}

/// The next index in row-major order; sizes come last dimension first.
fn advance(index: &mut [usize], sizes: impl Iterator<Item = usize>) {
    for (index, size) in index.iter_mut().rev().zip(sizes) {
        *index += 1;
        if *index < size {
            return;
        }
        *index = 0;
    }
}

impl GeneralColumnToImage {
    fn along(&self, dimension: usize, size: i64, block: i64) -> Result<Along, Failure> {
        let none = Failure("there is no such dimension");
        let number = |values: &[usize; RANK]| values.get(dimension).copied().ok_or(none);
        let natural = |size: i64| usize::try_from(size).map_err(|_| Failure("a size is negative"));
        let (size, block) = (natural(size)?, natural(block)?);
        if block == 0 {
            return Err(Failure("a block has no pixels"));
        }
        let padded =
            size.saturating_add(number(&self.before)?).saturating_add(number(&self.after)?);
        let reach = (block - 1).saturating_mul(number(&self.dilations)?).saturating_add(1);
        let stride = number(&self.strides)?.max(1);
        let count = padded.checked_sub(reach).map_or(0, |room| room / stride + 1);
        Ok(Along { size, block, count })
    }

    /// Adds what all blocks have for one of their pixels to the picture.
    fn add<T: Native>(
        &self,
        row: &[T],
        along: &[Along],
        pixel: &[usize],
        strides: &[isize],
        picture: &mut [T],
    ) {
        let mut position = [0usize; RANK];
        let position = &mut position[..along.len()];
        for &value in row {
            let mut place = Some(0usize);
            for d in 0..along.len() {
                let at = (position[d] * self.strides[d] + pixel[d] * self.dilations[d])
                    .checked_sub(self.before[d])
                    .filter(|&at| at < along[d].size);
                place = place.zip(at).map(|(place, at)| place + at * strides[d] as usize);
            }
            if let Some(sum) = place.and_then(|place| picture.get_mut(place)) {
                *sum = added(*sum, value);
            }
            advance(position, along.iter().map(|along| along.count).rev());
        }
    }
}

fn added<T: Native>(a: T, b: T) -> T {
    match T::ELEMENT.is_float() {
        true => T::from_f64(a.to_f64() + b.to_f64()),
        false => T::from_i128(a.to_i128().wrapping_add(b.to_i128())),
    }
}
