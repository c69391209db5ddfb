//! Scaled dot product attention (Vaswani et al. 2017, section 3.2).

use super::operands::{optional, required};
use super::walk::broadcast;
use super::{ElementType, Failure, Input, Native, Operation, Output, with_type};
use crate::real;

description! {
    /// `Attention`. Operands: queries, keys, values, mask, past keys, past
    /// values, count of keys that are no padding; all but the first three may
    /// be missing. Results: what was attended to; keys and values, the past ones
    /// first; scores.
    ///
    /// Queries, keys and values are `[batch, heads, length, size]`, or
    /// `[batch, length, heads * size]`; results of the former kind but for the
    /// first, which is of the kind of the queries. Where there are fewer heads
    /// of keys than of queries, several heads of queries share one. The mask is
    /// broadcast to the scores, `[batch, heads, queries, keys]`, but covers the
    /// keys only that it has places for.
    pub struct Attention {
        /// Heads of the queries where they are of the latter kind.
        pub query_heads: usize,
        /// Heads of keys and values where they are of the latter kind.
        pub key_heads: usize,
        /// Factor of the products; one over the root of the size of a head
        /// where it is missing.
        pub scale: Option<f32>,
        /// Bound that scores approach; 0 for none.
        pub softcap: f32,
        /// Whether queries only see keys of their own and earlier positions.
        pub causal: bool,
        /// How many positions back a query sees.
        pub left: Option<usize>,
        /// How many positions ahead a query sees.
        pub right: Option<usize>,
        /// What the scores are as a result.
        pub scores: Scores,
    }
}

description! {
    /// Steps of [`Attention`] after which scores are a result.
    pub enum Scores {
        /// The scaled products.
        Products,
        /// After the bound of [`Attention::softcap`].
        Capped,
        /// After the mask.
        Masked,
        /// After softmax.
        Probabilities,
    }
}

/// Where the rows of each head of a tensor are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heads {
    pub(super) batches: usize,
    pub(super) count: usize,
    pub(super) len: usize,
    pub(super) size: usize,
    head_step: usize,
    row_step: usize,
}

impl Heads {
    /// Of a tensor of these sizes; the number of heads matters where there are
    /// three.
    pub(super) fn new(sizes: &[usize], count: usize) -> Result<Self, Failure> {
        match *sizes {
            [batches, count, len, size] => {
                let head_step = len.wrapping_mul(size);
                Ok(Self { batches, count, len, size, head_step, row_step: size })
            }
            [batches, len, width] if width.checked_rem(count) == Some(0) => {
                let size = width / count;
                Ok(Self { batches, count, len, size, head_step: size, row_step: width })
            }
            _ => Err(Failure("expected [batch, heads, length, size] or [batch, length, width]")),
        }
    }

    /// The place of the first element of a row.
    pub(super) const fn row(&self, batch: usize, head: usize, row: usize) -> usize {
        batch * self.count * self.len * self.size + head * self.head_step + row * self.row_step
    }
}

/// Rows of keys or values, the past ones first.
struct Rows<'a, T> {
    past: Option<(&'a [T], Heads)>,
    new: (&'a [T], Heads),
}

impl<'a, T: Native> Rows<'a, T> {
    #[inline]
    fn new(
        inputs: &[Option<Input<'a>>],
        slot: usize,
        past: usize,
        count: usize,
    ) -> Result<Self, Failure> {
        let input = required(inputs, slot)?;
        let new = (input.values::<T>()?, Heads::new(input.sizes(), count)?);
        let past = match optional(inputs, past) {
            Some(past) => Some((past.values::<T>()?, Heads::new(past.sizes(), 0)?)),
            None => None,
        };
        if let Some((_, Heads { batches, count, size, .. })) = past
            && (batches, count, size) != (new.1.batches, new.1.count, new.1.size)
        {
            return Err(Failure("past keys and values do not fit the new ones"));
        }
        Ok(Self { past, new })
    }

    fn past_len(&self) -> usize {
        self.past.map_or(0, |(_, heads)| heads.len)
    }

    fn len(&self) -> usize {
        self.past_len() + self.new.1.len
    }

    fn row(&self, batch: usize, head: usize, row: usize) -> &'a [T] {
        let (values, heads, row) = match self.past {
            Some((values, heads)) if row < heads.len => (values, heads, row),
            _ => (self.new.0, self.new.1, row - self.past_len()),
        };
        &values[heads.row(batch, head, row)..][..heads.size]
    }

    /// Writes all rows, `[batch, heads, length, size]`.
    #[inline]
    fn write(&self, output: &mut Output<'_>) -> Result<(), Failure> {
        let Heads { batches, count, size, .. } = self.new.1;
        let results = output.resize::<T>(&[batches, count, self.len(), size])?;
        let mut rows = results.chunks_exact_mut(size.max(1));
        for batch in 0..batches {
            for head in 0..count {
                for (row, result) in (0..self.len()).zip(&mut rows) {
                    result.copy_from_slice(self.row(batch, head, row));
                }
            }
        }
        Ok(())
    }
}

/// What is added to scores.
struct Mask<'a> {
    input: Option<Input<'a>>,
    steps: [usize; 4],
    /// Keys that it covers.
    covered: usize,
}

impl<'a> Mask<'a> {
    fn new(input: Option<Input<'a>>, scores: [usize; 4]) -> Result<Self, Failure> {
        let Some(mask) = input else { return Ok(Self { input, steps: [0; 4], covered: 0 }) };
        let sizes = mask.sizes();
        let fits = |(own, size): (&usize, &usize)| *own == 1 || own == size;
        let outer = sizes.split_last().map(|(covered, outer)| (*covered, outer));
        let (covered, outer) = outer.ok_or(Failure("the mask has no dimensions"))?;
        let scores = scores.as_slice();
        if covered > scores[3]
            || outer.len() > 3
            || !outer.iter().zip(&scores[3 - outer.len()..]).all(fits)
        {
            return Err(Failure("the mask does not fit the scores"));
        }
        let placed = broadcast(sizes, 4)?;
        let steps = [placed[0], placed[1], placed[2], usize::from(covered > 0)];
        Ok(Self { input, steps, covered })
    }

    fn at(&self, place: [usize; 4]) -> Result<f64, Failure> {
        let Some(input) = self.input else { return Ok(0.0) };
        if place[3] >= self.covered {
            return Ok(f64::NEG_INFINITY);
        }
        let position = place.iter().zip(self.steps).map(|(place, step)| place * step).sum();
        let number = input.number(position)?;
        Ok(match input.element() {
            ElementType::Bool if number == 0.0 => f64::NEG_INFINITY,
            ElementType::Bool => 0.0,
            _ => number,
        })
    }
}

impl Operation for Attention {
    fn scratch(&self, inputs: &[&[usize]]) -> usize {
        let len = |slot: usize| {
            let sizes = inputs.get(slot).copied().unwrap_or_default();
            sizes.get(sizes.len().wrapping_sub(2)).copied().unwrap_or(0)
        };
        let width = inputs.get(2).and_then(|sizes| sizes.last()).copied().unwrap_or(0);
        len(1).saturating_add(len(4)).saturating_add(width)
    }

    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        scratch: &mut [u64],
    ) -> Result<(), Failure> {
        with_type!(required(inputs, 0)?.element(), T: floats => {
            let keys = Rows::<T>::new(inputs, 1, 4, self.key_heads)?;
            let values = Rows::<T>::new(inputs, 2, 5, self.key_heads)?;
            if keys.len() != values.len() || keys.past_len() != values.past_len() {
                return Err(Failure("there are not as many keys as values"));
            }
            let (results, mut rest) = outputs.split_first_mut().ok_or(Failure("no results"))?;
            for rows in [&keys, &values] {
                if let [first, others @ ..] = rest {
                    rows.write(first)?;
                    rest = others;
                }
            }
            self.attend(inputs, [&keys, &values], results, rest.first_mut(), scratch)
        })
    }
}

impl Attention {
    fn attend<T: Native>(
        &self,
        inputs: &[Option<Input<'_>>],
        [keys, values]: [&Rows<'_, T>; 2],
        output: &mut Output<'_>,
        scores_output: Option<&mut Output<'_>>,
        scratch: &mut [u64],
    ) -> Result<(), Failure> {
        let input = required(inputs, 0)?;
        let heads = Heads::new(input.sizes(), self.query_heads)?;
        let shared = check_heads(&heads, keys, values)?;
        let (len, size) = (keys.len(), values.new.1.size);
        let scores_sizes = [heads.batches, heads.count, heads.len, len];
        let mask = Mask::new(optional(inputs, 3), scores_sizes)?;
        let results_sizes = match input.sizes().len() {
            3 => &[heads.batches, heads.len, heads.count.wrapping_mul(size)][..],
            _ => &[heads.batches, heads.count, heads.len, size],
        };
        let results = output.resize::<T>(results_sizes)?;
        let results_heads = Heads::new(results_sizes, heads.count).unwrap_or(heads);
        let mut written = match scores_output {
            Some(output) => Some(output.resize::<T>(&scores_sizes)?.chunks_exact_mut(len.max(1))),
            None => None,
        };
        let (scores, sums) = scratch
            .split_at_mut_checked(len)
            .and_then(|(scores, rest)| Some((scores, rest.get_mut(..size)?)))
            .ok_or(Failure("there is too little scratch memory"))?;
        let queries = input.values::<T>()?;
        for batch in 0..heads.batches {
            let (offset, count) = offset(inputs, batch, heads.len, keys.past_len())?;
            for head in 0..heads.count {
                let key_head = head / shared;
                for row in 0..heads.len {
                    let query = &queries[heads.row(batch, head, row)..][..heads.size];
                    let seen = self.seen(offset.saturating_add(row as i64), count);
                    let line = Line { query, head: [batch, head, row], seen };
                    let kept = written.as_mut().and_then(Iterator::next);
                    self.score(&line, |j| keys.row(batch, key_head, j), &mask, scores, kept)?;
                    weigh(scores, |j| values.row(batch, key_head, j), sums);
                    let start = results_heads.row(batch, head, row);
                    for (result, &sum) in results[start..].iter_mut().zip(sums.iter()) {
                        *result = T::from_f64(f64::from_bits(sum));
                    }
                }
            }
        }
        Ok(())
    }

    /// The first key that a query at a position sees, and the last.
    fn seen(&self, position: i64, count: Option<i64>) -> [i64; 2] {
        let bound = |size: Option<usize>| size.and_then(|size| i64::try_from(size).ok());
        let first = bound(self.left).map_or(i64::MIN, |left| position.saturating_sub(left));
        let last = bound(self.right).map_or(i64::MAX, |right| position.saturating_add(right));
        let last = if self.causal { last.min(position) } else { last };
        [first, last.min(count.map_or(i64::MAX, |count| count.saturating_sub(1)))]
    }

    /// Writes the probabilities of keys, as bits of f64, and, where they are
    /// wanted, scores.
    fn score<'a, T: Native>(
        &self,
        line: &Line<'_, T>,
        key: impl Fn(usize) -> &'a [T],
        mask: &Mask<'_>,
        scores: &mut [u64],
        mut kept: Option<&mut [T]>,
    ) -> Result<(), Failure> {
        let [batch, head, row] = line.head;
        let scale = self.scale.map_or_else(
            || 1.0 / real::sqrt(line.query.len() as f64),
            f64::from,
        );
        let softcap = f64::from(self.softcap);
        let mut largest = f64::NEG_INFINITY;
        for (j, place) in scores.iter_mut().enumerate() {
            let terms = line.query.iter().zip(key(j)).map(|(q, k)| q.to_f64() * k.to_f64());
            let product = scale * terms.fold(0.0, |sum, term| sum + term);
            let capped =
                if softcap > 0.0 { softcap * real::tanh(product / softcap) } else { product };
            let seen = (line.seen[0]..=line.seen[1]).contains(&(j as i64));
            let bias = if seen { mask.at([batch, head, row, j])? } else { f64::NEG_INFINITY };
            let masked = if bias == f64::NEG_INFINITY { bias } else { capped + bias };
            if let Some(kept) = kept.as_mut().and_then(|kept| kept.get_mut(j)) {
                *kept = T::from_f64(match self.scores {
                    Scores::Products => product,
                    Scores::Capped => capped,
                    Scores::Masked | Scores::Probabilities => masked,
                });
            }
            largest = if masked > largest || masked.is_nan() { masked } else { largest };
            *place = masked.to_bits();
        }
        let mut sum = 0.0;
        for place in &mut *scores {
            let score = f64::from_bits(*place);
            // Where everything is masked, nothing is attended to.
            let weight = if score == f64::NEG_INFINITY { 0.0 } else { real::exp(score - largest) };
            sum += weight;
            *place = weight.to_bits();
        }
        for (j, place) in scores.iter_mut().enumerate() {
            let weight = f64::from_bits(*place);
            let probability = if weight == 0.0 { 0.0 } else { weight / sum };
            *place = probability.to_bits();
            if let (Scores::Probabilities, Some(kept)) = (self.scores, kept.as_mut())
                && let Some(kept) = kept.get_mut(j)
            {
                *kept = T::from_f64(probability);
            }
        }
        Ok(())
    }
}

/// How many heads of queries share one of keys and values.
fn check_heads<T>(
    queries: &Heads,
    keys: &Rows<'_, T>,
    values: &Rows<'_, T>,
) -> Result<usize, Failure> {
    let (keys, values) = (keys.new.1, values.new.1);
    if (keys.batches, keys.size) != (queries.batches, queries.size)
        || (values.batches, values.count) != (keys.batches, keys.count)
        || queries.count.checked_rem(keys.count).unwrap_or(queries.count) != 0
    {
        return Err(Failure("queries, keys and values do not fit together"));
    }
    Ok(queries.count.checked_div(keys.count).unwrap_or(1).max(1))
}

/// The position of the first of so many queries of a batch among the keys, and
/// how many keys are no padding, where that is known.
fn offset(
    inputs: &[Option<Input<'_>>],
    batch: usize,
    queries: usize,
    past: usize,
) -> Result<(i64, Option<i64>), Failure> {
    let count = match optional(inputs, 6) {
        Some(counts) => Some(counts.integer(batch)?),
        None => None,
    };
    Ok(match count {
        _ if optional(inputs, 4).is_some() => (past as i64, count),
        Some(known) => (known.saturating_sub(queries as i64), count),
        None => (0, None),
    })
}

/// Sums up rows, each times its weight, all as bits of f64.
fn weigh<'a, T: Native>(weights: &[u64], row: impl Fn(usize) -> &'a [T], sums: &mut [u64]) {
    sums.fill(0f64.to_bits());
    for (j, &weight) in weights.iter().enumerate() {
        let weight = f64::from_bits(weight);
        // Nothing of what is masked, be it infinite.
        if weight != 0.0 {
            for (sum, value) in sums.iter_mut().zip(row(j)) {
                *sum = (f64::from_bits(*sum) + weight * value.to_f64()).to_bits();
            }
        }
    }
}

/// A query.
struct Line<'a, T> {
    query: &'a [T],
    /// Batch, head and row of it.
    head: [usize; 3],
    /// The first key that it sees, and the last.
    seen: [i64; 2],
}
