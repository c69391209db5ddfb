//! The different parts of a tensor.

use super::indexing::{around, product};
use super::order::total_order;
use super::{Failure, Input, Native, Operation, Output, with_type};
use crate::step::RANK;
use core::cmp::Ordering;

description! {
    /// `Unique`. Results: the parts; the index of the first one that equals
    /// each; for each part of the operand, which it is; how often each occurs.
    ///
    /// Parts are compared element by element; NaN equals itself and is larger
    /// than every number. Scratch memory: the order of the parts, for each part
    /// the first that equals it, and for each such which of the results it is.
    pub struct Unique {
        /// The dimension; absent, the elements are the parts, row by row.
        pub axis: Option<usize>,
        /// Whether results are in ascending order, not in that of their first
        /// occurrence.
        pub sorted: bool,
    }
}

impl Operation for Unique {
    fn scratch(&self, inputs: &[&[usize]]) -> usize {
        let sizes = inputs.first().copied().unwrap_or_default();
        let count =
            self.axis.map_or_else(|| product(sizes), |axis| sizes.get(axis).map_or(0, |&s| s));
        count.saturating_mul(3)
    }

    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        scratch: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data)] = inputs else { return Err(Failure("expected one operand")) };
        let [parts, indices, inverse, counts] = outputs else {
            return Err(Failure("expected four results"));
        };
        let mut sizes = [0; RANK];
        let sizes = &mut sizes[..self.axis.map_or(1, |_| data.sizes().len())];
        let axis = self.axis.unwrap_or(0);
        match self.axis {
            None => sizes.fill(data.len()),
            Some(_) => sizes.copy_from_slice(data.sizes()),
        }
        let [_, size, inner] = around(sizes, axis)?;
        let (order, rest) = split(scratch, size)?;
        let (first, rest) = split(rest, size)?;
        let (number, _) = split(rest, size)?;
        with_type!(data.element(), T => {
            let values = data.values::<T>()?;
            let count = self.classify(&Parts { values, size, inner }, order, first, number);
            sizes[axis] = count;
            let parts = parts.resize::<T>(sizes)?;
            let blocks = if values.is_empty() { 0 } else { values.len() / (size * inner) };
            for index in (0..size).filter(|&index| first[index] == index as u64) {
                for block in 0..blocks {
                    let to = (block * count + number[index] as usize) * inner;
                    let from = (block * size + index) * inner;
                    parts[to..to + inner].copy_from_slice(&values[from..from + inner]);
                }
            }
            let indices = indices.resize::<i64>(&[count])?;
            let counts = counts.resize::<i64>(&[count])?;
            let inverse = inverse.resize::<i64>(&[size])?;
            counts.fill(0);
            for (index, inverse) in inverse.iter_mut().enumerate() {
                let result = number[first[index] as usize] as usize;
                if counts[result] == 0 {
                    indices[result] = index as i64;
                }
                counts[result] += 1;
                *inverse = result as i64;
            }
        });
        Ok(())
    }
}

fn split(scratch: &mut [u64], size: usize) -> Result<(&mut [u64], &mut [u64]), Failure> {
    scratch.split_at_mut_checked(size).ok_or(Failure("there is too little scratch memory"))
}

impl Unique {
    /// Finds for each part the `first` that equals it, and for each such its
    /// `number` among the results; returns how many there are.
    fn classify<T: Native>(
        &self,
        parts: &Parts<'_, T>,
        order: &mut [u64],
        first: &mut [u64],
        number: &mut [u64],
    ) -> usize {
        for (index, place) in order.iter_mut().enumerate() {
            *place = index as u64;
        }
        order.sort_unstable_by(|&a, &b| parts.compare(a, b).then(a.cmp(&b)));
        let mut count = 0;
        let mut current = 0;
        for (i, &index) in order.iter().enumerate() {
            if i == 0 || parts.compare(current, index).is_ne() {
                current = index;
                number[index as usize] = count;
                count += 1;
            }
            first[index as usize] = current;
        }
        if !self.sorted {
            let firsts = (0..parts.size).filter(|&index| first[index] == index as u64);
            for (rank, index) in firsts.enumerate() {
                number[index] = rank as u64;
            }
        }
        count as usize
    }
}

/// The parts of a tensor along a dimension of this size.
struct Parts<'a, T> {
    values: &'a [T],
    size: usize,
    /// Elements of a part that lie side by side.
    inner: usize,
}

impl<T: Native> Parts<'_, T> {
    fn compare(&self, a: u64, b: u64) -> Ordering {
        let [a, b] = [a, b].map(|index| index as usize * self.inner);
        for block in self.values.chunks_exact((self.size * self.inner).max(1)) {
            let pairs = block[a..a + self.inner].iter().zip(&block[b..b + self.inner]);
            let mut orders = pairs.map(|(&a, &b)| total_order(a, b));
            if let Some(order) = orders.find(|order| order.is_ne()) {
                return order;
            }
        }
        Ordering::Equal
    }
}
