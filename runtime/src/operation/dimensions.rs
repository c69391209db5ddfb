//! A few numbers, one for each dimension.

use super::Failure;
use crate::step::RANK;
use core::ops::{Deref, DerefMut};

/// A list of at most [`RANK`] values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dimensions<T> {
    values: [T; RANK],
    rank: usize,
}

impl<T: Copy + Default> Dimensions<T> {
    /// No values yet.
    pub(super) fn none() -> Self {
        Self { values: [T::default(); RANK], rank: 0 }
    }

    /// These values.
    pub(super) fn new(values: &[T]) -> Result<Self, Failure> {
        let mut list = Self::filled(T::default(), values.len())?;
        list.copy_from_slice(values);
        Ok(list)
    }

    /// The same value so many times.
    pub(super) fn filled(value: T, rank: usize) -> Result<Self, Failure> {
        match rank <= RANK {
            true => Ok(Self { values: [value; RANK], rank }),
            false => Err(Failure("there are too many dimensions")),
        }
    }

    /// Adds a value.
    pub(super) fn push(&mut self, value: T) -> Result<(), Failure> {
        let last = self.values.get_mut(self.rank);
        *last.ok_or(Failure("there are too many dimensions"))? = value;
        self.rank += 1;
        Ok(())
    }
}

impl<T> Deref for Dimensions<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.values.get(..self.rank).unwrap_or_default()
    }
}

impl<T> DerefMut for Dimensions<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        self.values.get_mut(..self.rank).unwrap_or_default()
    }
}

/// Distance between neighbours along each dimension, in elements, of a
/// row-major tensor.
pub(super) fn strides(sizes: &[usize]) -> Result<Dimensions<isize>, Failure> {
    let mut strides = Dimensions::filled(1isize, sizes.len())?;
    let mut distance = 1isize;
    for (stride, &size) in strides.iter_mut().zip(sizes).rev() {
        *stride = distance;
        // Of tensors without elements, where they mean nothing, they may be
        // beyond any number.
        distance = distance.saturating_mul(isize::try_from(size).unwrap_or(isize::MAX));
    }
    Ok(strides)
}
