//! Padding and cropping.

use super::dimensions::{Dimensions, strides};
use super::{Failure, Input, Native, Operation, Output, with_type};
use crate::step::RANK;

description! {
    /// `Pad` or `CenterCropPad`. Operands: data, and what [`PadSizes`] says.
    /// Result: the data with elements around it. Negative pads first remove
    /// elements; the others then extend what is left.
    pub struct GeneralPad {
        /// Where new elements come from.
        pub source: PadSource,
        /// How many there are.
        pub sizes: PadSizes,
    }
}

description! {
    /// Where the new elements of a [`GeneralPad`] come from.
    pub enum PadSource {
        /// This value, or the third operand where [`PadSizes::Operands`] are
        /// wanted and it is there.
        Constant {
            /// The value, of whatever type.
            value: f64,
        },
        /// Mirrored, without repeating the border.
        Reflect,
        /// The border repeated.
        Edge,
        /// From the other side.
        Wrap,
    }
}

description! {
    /// How much a [`GeneralPad`] adds.
    pub enum PadSizes {
        /// What the second operand says, of the axes in the fourth or of all.
        Operands,
        /// So many elements.
        Fixed {
            /// Before the data.
            before: [isize; RANK],
            /// After it.
            after: [isize; RANK],
        },
        /// As many on both sides as make up the sizes in the second operand;
        /// an odd one comes last.
        Centered {
            /// The dimensions of these sizes.
            axes: [usize; RANK],
            /// How many there are.
            count: usize,
        },
    }
}

/// Elements before and after.
type Pads = (i64, i64);

impl Operation for GeneralPad {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data), rest @ ..] = inputs else { return Err(Failure("expected an operand")) };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let pads = self.pads(data.sizes(), rest)?;
        let mut sizes = Dimensions::none();
        for (&size, &pads) in data.sizes().iter().zip(pads.iter()) {
            sizes.push(self.padded(size, pads).ok_or(Failure("the pads do not fit"))?)?;
        }
        let value = match self.sizes {
            PadSizes::Operands => rest.get(1).copied().flatten(),
            PadSizes::Fixed { .. } | PadSizes::Centered { .. } => None,
        };
        with_type!(data.element(), T => {
            let fill = match (value, self.source) {
                (Some(value), _) => {
                    *value.values::<T>()?.first().ok_or(Failure("the value of padding is missing"))?
                }
                (None, PadSource::Constant { value }) => T::from_f64(value),
                (None, _) => T::default(),
            };
            let padded = output.resize::<T>(&sizes)?;
            self.fill(data, &pads, &sizes, fill, padded)
        })
    }
}

impl GeneralPad {
    /// The pads of every dimension.
    fn pads(
        &self,
        sizes: &[usize],
        operands: &[Option<Input<'_>>],
    ) -> Result<Dimensions<Pads>, Failure> {
        let mut pads = Dimensions::filled((0, 0), sizes.len())?;
        let missing = Failure("expected the sizes of padding");
        let no_axis = Failure("there is no such dimension");
        match self.sizes {
            PadSizes::Fixed { before, after } => {
                for (pads, pair) in pads.iter_mut().zip(before.into_iter().zip(after)) {
                    *pads = (pair.0 as i64, pair.1 as i64);
                }
            }
            PadSizes::Centered { axes, count } => {
                let wanted = operands.first().copied().flatten().ok_or(missing)?;
                for (i, &axis) in axes.iter().take(count).enumerate() {
                    let size = sizes.get(axis).ok_or(no_axis)?;
                    let more = wanted.integer(i)?.saturating_sub_unsigned(*size as u64);
                    pads[axis] = (more / 2, more - more / 2);
                }
            }
            PadSizes::Operands => {
                let given = operands.first().copied().flatten().ok_or(missing)?;
                let axes = operands.get(2).copied().flatten();
                let count = axes.map_or(sizes.len(), |axes| axes.len());
                if count.checked_mul(2) != Some(given.len()) {
                    return Err(Failure("expected two pads for each dimension"));
                }
                for i in 0..count {
                    let axis = axes.map_or(Ok(i as i64), |axes| axes.integer(i))?;
                    let axis =
                        if axis < 0 { axis.saturating_add(sizes.len() as i64) } else { axis };
                    let axis = usize::try_from(axis).map_err(|_| no_axis)?;
                    let pair = (given.integer(i)?, given.integer(count + i)?);
                    *pads.get_mut(axis).ok_or(no_axis)? = pair;
                }
            }
        }
        Ok(pads)
    }

    /// The padded size of a dimension; `None` where the pads do not fit.
    fn padded(&self, size: usize, (before, after): Pads) -> Option<usize> {
        let size = i64::try_from(size).ok()?;
        let left = size.checked_add(before.min(0))?.checked_add(after.min(0))?;
        let borrows = before > 0 || after > 0;
        let constant = matches!(self.source, PadSource::Constant { .. });
        if !constant && borrows && left < 1 {
            return None;
        }
        usize::try_from(size.checked_add(before)?.checked_add(after)?).ok()
    }

    /// The index before padding of an index after, along one dimension; `None`
    /// outside. Pads have passed [`GeneralPad::padded`].
    fn place(&self, size: usize, (before, after): Pads, index: usize) -> Option<usize> {
        let size = size as i64;
        let position = (index as i64).saturating_sub(before);
        // What is left of the dimension where pads are negative.
        let first = before.saturating_neg().max(0);
        let last = (size - 1).saturating_add(after.min(0));
        let place = match self.source {
            PadSource::Constant { .. } => {
                return usize::try_from(position).ok().filter(|_| position < size);
            }
            PadSource::Edge => position.max(first).min(last),
            PadSource::Wrap if last < first => return None,
            PadSource::Wrap => first + (position - first).rem_euclid(last - first + 1),
            PadSource::Reflect if last <= first => first,
            PadSource::Reflect => {
                let period = 2 * (last - first);
                let distance = (position - first).rem_euclid(period);
                first + distance.min(period - distance)
            }
        };
        usize::try_from(place).ok().filter(|_| place < size)
    }

    fn fill<T: Native>(
        &self,
        data: &Input<'_>,
        pads: &[Pads],
        sizes: &[usize],
        fill: T,
        padded: &mut [T],
    ) -> Result<(), Failure> {
        let values = data.values::<T>()?;
        let strides = strides(data.sizes())?;
        let (Some(last), Some((&size, outer))) = (pads.last(), data.sizes().split_last()) else {
            padded.copy_from_slice(values);
            return Ok(());
        };
        let row = sizes.last().copied().unwrap_or(1).max(1);
        let mut index = [0usize; RANK];
        for padded in padded.chunks_exact_mut(row) {
            let mut places = outer.iter().zip(pads).zip(strides.iter()).zip(&index);
            let start = places.try_fold(0usize, |start, (((size, pads), stride), i)| {
                let place = self.place(*size, *pads, *i)?;
                start.checked_add(place.checked_mul(*stride as usize)?)
            });
            let source = start.and_then(|start| values.get(start..start.checked_add(size)?));
            self.fill_row(source, size, *last, fill, padded);
            for (index, &size) in index[..outer.len()].iter_mut().zip(sizes).rev() {
                *index += 1;
                if *index < size {
                    break;
                }
                *index = 0;
            }
        }
        Ok(())
    }

    /// One row of the result from one of the data, or from none.
    fn fill_row<T: Native>(
        &self,
        source: Option<&[T]>,
        size: usize,
        pads: Pads,
        fill: T,
        padded: &mut [T],
    ) {
        let Some(source) = source else {
            padded.fill(fill);
            return;
        };
        let (before, after) = pads;
        // What is not padding is copied at once.
        let ahead = usize::try_from(before.max(0)).unwrap_or(usize::MAX).min(padded.len());
        let first = usize::try_from(before.saturating_neg().max(0)).unwrap_or(usize::MAX);
        let cut = usize::try_from(after.saturating_neg().max(0)).unwrap_or(usize::MAX);
        let kept = source.get(first.min(size)..size.saturating_sub(cut).max(first.min(size)));
        let kept = kept.unwrap_or_default();
        let end = ahead.saturating_add(kept.len()).min(padded.len());
        padded[ahead..end].copy_from_slice(&kept[..end - ahead]);
        let count = padded.len();
        for index in (0..ahead).chain(end..count) {
            let place = self.place(size, pads, index).and_then(|place| source.get(place));
            padded[index] = place.copied().unwrap_or(fill);
        }
    }
}
