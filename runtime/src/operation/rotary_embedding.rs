//! Rotary position embedding (Su et al. 2021).

use super::attention::Heads;
use super::operands::{elements, only, optional, required};
use super::{Failure, Input, Native, Operation, Output, with_type};

description! {
    /// `RotaryEmbedding`: pairs of values are rotated by angles that depend on
    /// the position. Operands: x `[batch, heads, length, size]` or
    /// `[batch, length, heads * size]`, cosines and sines
    /// `[positions, pairs]`, positions `[batch, length]`; or without positions
    /// cosines and sines `[batch, length, pairs]`.
    pub struct RotaryEmbedding {
        /// Heads where x is of the latter kind.
        pub heads: usize,
        /// Values of a head that are rotated, the first ones; 0 for all.
        pub rotated: usize,
        /// Whether pairs are neighbours, not half of the rotated values apart.
        pub interleaved: bool,
    }
}

impl Operation for RotaryEmbedding {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let input = required(inputs, 0)?;
        let heads = Heads::new(input.sizes(), self.heads)?;
        let rotated = if self.rotated == 0 { heads.size } else { self.rotated };
        let pairs = rotated / 2;
        if rotated > heads.size || rotated % 2 != 0 {
            return Err(Failure("the rotated values of a head are no pairs"));
        }
        if [1, 2].iter().any(|&slot| table_width(inputs, slot) != Some(pairs)) {
            return Err(Failure("there is not one cosine and sine for each pair"));
        }
        with_type!(input.element(), T: floats => {
            let results = only(outputs)?.resize::<T>(input.sizes())?;
            results.copy_from_slice(input.values()?);
            let (cosines, sines) = (elements::<T>(inputs, 1)?, elements::<T>(inputs, 2)?);
            for batch in 0..heads.batches {
                for row in 0..heads.len {
                    let position = position(inputs, batch * heads.len + row)?;
                    let turn = [line(cosines, position, pairs)?, line(sines, position, pairs)?];
                    for head in 0..heads.count {
                        let start = heads.row(batch, head, row);
                        self.rotate(&mut results[start..][..rotated], turn);
                    }
                }
            }
        });
        Ok(())
    }
}

impl RotaryEmbedding {
    /// Rotates the pairs of a row by angles of these cosines and sines.
    fn rotate<T: Native>(&self, row: &mut [T], [cosines, sines]: [&[T]; 2]) {
        let pairs = cosines.len();
        for (i, (cosine, sine)) in cosines.iter().zip(sines).enumerate() {
            let [a, b] = if self.interleaved { [2 * i, 2 * i + 1] } else { [i, i + pairs] };
            let [x, y] = [row[a].to_f64(), row[b].to_f64()];
            let [cosine, sine] = [cosine.to_f64(), sine.to_f64()];
            row[a] = T::from_f64(cosine * x - sine * y);
            row[b] = T::from_f64(sine * x + cosine * y);
        }
    }
}

/// Angles in each line of a table.
fn table_width(inputs: &[Option<Input<'_>>], slot: usize) -> Option<usize> {
    optional(inputs, slot)?.sizes().last().copied()
}

/// A line of a table.
fn line<T>(table: &[T], line: usize, len: usize) -> Result<&[T], Failure> {
    let start = line.checked_mul(len);
    let line = start.and_then(|start| table.get(start..)?.get(..len));
    line.ok_or(Failure("a position lies outside of the tables"))
}

/// The line of the tables for the row at an index.
fn position(inputs: &[Option<Input<'_>>], index: usize) -> Result<usize, Failure> {
    match optional(inputs, 3) {
        None => Ok(index),
        Some(positions) => usize::try_from(positions.integer(index)?)
            .map_err(|_| Failure("a position is negative")),
    }
}
