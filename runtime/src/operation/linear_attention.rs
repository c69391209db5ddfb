//! Attention as a recurrence (Katharopoulos et al. 2020; Yang et al. 2024).

use super::attention::Heads;
use super::operands::{elements, optional, required};
use super::{Failure, Input, Native, Operation, Output, with_type};
use crate::real;

description! {
    /// `LinearAttention`. Operands: queries, keys, values, past state
    /// `[batch, heads of keys, size of keys, size of values]`, decay, beta; the
    /// last three may be missing. Results: what was attended to, state.
    ///
    /// Queries, keys and values are `[batch, length, heads * size]`. Decay is
    /// `[batch, length, heads]` or `[batch, length, heads * size]`, beta
    /// `[batch, length, heads]` or `[batch, length, 1]`.
    pub struct LinearAttention {
        /// Heads of the queries.
        pub query_heads: usize,
        /// Heads of keys and values.
        pub key_heads: usize,
        /// Factor of results; 0 for one over the root of the size of a key.
        pub scale: f32,
    }
}

impl Operation for LinearAttention {
    fn scratch(&self, inputs: &[&[usize]]) -> usize {
        let width = |slot: usize| inputs.get(slot).and_then(|s| s.last()).copied().unwrap_or(0);
        let [keys, values] = [width(1), width(2)].map(|w| w / self.key_heads.max(1));
        keys.saturating_mul(values).saturating_add(values)
    }

    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        scratch: &mut [u64],
    ) -> Result<(), Failure> {
        with_type!(required(inputs, 0)?.element(), T: floats => {
            self.attend::<T>(inputs, outputs, scratch)
        })
    }
}

impl LinearAttention {
    fn attend<T: Native>(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        scratch: &mut [u64],
    ) -> Result<(), Failure> {
        let heads = |slot, count| match required(inputs, slot)?.sizes() {
            sizes @ [_, _, _] => Heads::new(sizes, count),
            _ => Err(Failure("expected [batch, length, width]")),
        };
        let layout = Layout {
            queries: heads(0, self.query_heads)?,
            keys: heads(1, self.key_heads)?,
            values: heads(2, self.key_heads)?,
        };
        layout.check()?;
        let Layout { queries, keys, values } = layout;
        let [output, present] = outputs else { return Err(Failure("expected two results")) };
        let results = output.resize::<T>(&[queries.batches, queries.len, queries.count * values.size])?;
        let states = present.resize::<T>(&[keys.batches, keys.count, keys.size, values.size])?;
        let past = elements::<T>(inputs, 3)?;
        if !past.is_empty() && past.len() != states.len() {
            return Err(Failure("the past state does not fit keys and values"));
        }
        let cells = keys.size * values.size;
        let (state, value) = scratch
            .split_at_mut_checked(cells)
            .and_then(|(state, rest)| Some((state, rest.get_mut(..values.size)?)))
            .ok_or(Failure("there is too little scratch memory"))?;
        for batch in 0..keys.batches {
            for head in 0..keys.count {
                let place = (batch * keys.count + head) * cells;
                for (i, cell) in state.iter_mut().enumerate() {
                    *cell = past.get(place + i).map_or(0.0, |past| past.to_f64()).to_bits();
                }
                for step in 0..keys.len {
                    let place = [batch, head, step];
                    Self::update::<T>(inputs, &layout, place, state, value)?;
                    self.read::<T>(inputs, &layout, place, state, results)?;
                }
                for (result, &cell) in states[place..].iter_mut().zip(state.iter()) {
                    *result = T::from_f64(f64::from_bits(cell));
                }
            }
        }
        Ok(())
    }

    /// Lets the state decay, and writes what a key stands for into it.
    fn update<T: Native>(
        inputs: &[Option<Input<'_>>],
        layout: &Layout,
        [batch, head, step]: [usize; 3],
        state: &mut [u64],
        value: &mut [u64],
    ) -> Result<(), Failure> {
        let (keys, values) = (layout.keys, layout.values);
        let key = &elements::<T>(inputs, 1)?[keys.row(batch, head, step)..][..keys.size];
        let new = &elements::<T>(inputs, 2)?[values.row(batch, head, step)..][..values.size];
        let line = batch * keys.len + step;
        if let Some(decay) = optional(inputs, 4) {
            for (d, row) in state.chunks_exact_mut(values.size.max(1)).enumerate() {
                let width = per_line(&decay, keys)?;
                let column = match width {
                    _ if width == keys.count => head,
                    _ if width == keys.count * keys.size => head * keys.size + d,
                    _ => return Err(Failure("there is not one decay a head or a value")),
                };
                let factor = real::exp(decay.number(line * width + column)?);
                row.iter_mut().for_each(|s| *s = (f64::from_bits(*s) * factor).to_bits());
            }
        }
        for (m, (place, new)) in value.iter_mut().zip(new).enumerate() {
            *place = match optional(inputs, 5) {
                None => new.to_f64(),
                Some(beta) => {
                    let width = per_line(&beta, keys)?;
                    let column = if width == 1 { 0 } else { head };
                    let beta = beta.number(line * width + column)?;
                    let known = key.iter().enumerate().fold(0.0, |sum, (d, key)| {
                        sum + f64::from_bits(state[d * values.size + m]) * key.to_f64()
                    });
                    beta * (new.to_f64() - known)
                }
            }
            .to_bits();
        }
        for (row, key) in state.chunks_exact_mut(values.size.max(1)).zip(key) {
            for (cell, value) in row.iter_mut().zip(&*value) {
                let term = key.to_f64() * f64::from_bits(*value);
                *cell = (f64::from_bits(*cell) + term).to_bits();
            }
        }
        Ok(())
    }

    /// What the queries of a step read from the state.
    fn read<T: Native>(
        &self,
        inputs: &[Option<Input<'_>>],
        layout: &Layout,
        [batch, head, step]: [usize; 3],
        state: &[u64],
        results: &mut [T],
    ) -> Result<(), Failure> {
        let Layout { queries, keys, values } = *layout;
        let all = elements::<T>(inputs, 0)?;
        let scale = match self.scale {
            0.0 => 1.0 / real::sqrt(keys.size as f64),
            scale => f64::from(scale),
        };
        let shared = queries.count / keys.count;
        for reader in head * shared..(head + 1) * shared {
            let query = &all[queries.row(batch, reader, step)..][..queries.size];
            let line = (batch * queries.len + step) * queries.count + reader;
            for (m, result) in results[line * values.size..][..values.size].iter_mut().enumerate() {
                let terms = query.iter().enumerate();
                let sum = terms.fold(0.0, |sum, (d, query)| {
                    sum + query.to_f64() * f64::from_bits(state[d * values.size + m])
                });
                *result = T::from_f64(scale * sum);
            }
        }
        Ok(())
    }
}

/// Where queries, keys and values are.
struct Layout {
    queries: Heads,
    keys: Heads,
    values: Heads,
}

impl Layout {
    fn check(&self) -> Result<(), Failure> {
        let Self { queries, keys, values } = self;
        let lines = |heads: &Heads| (heads.batches, heads.len);
        if lines(queries) != lines(keys)
            || lines(keys) != lines(values)
            || queries.size != keys.size
            || queries.count % keys.count.max(1) != 0
        {
            return Err(Failure("queries, keys and values do not fit together"));
        }
        Ok(())
    }
}

/// Values for each line of a tensor `[batch, length, width]`.
fn per_line(input: &Input<'_>, lines: Heads) -> Result<usize, Failure> {
    match input.sizes() {
        [batches, len, width] if [*batches, *len] == [lines.batches, lines.len] => Ok(*width),
        _ => Err(Failure("decay or beta do not fit the keys")),
    }
}
