//! Boxes of which none overlaps a better one.

use super::{Failure, Input, Native, Operation, Output, with_type};

description! {
    /// `NonMaxSuppression`. Operands: boxes `[batches, boxes, 4]`, scores
    /// `[batches, classes, boxes]`; how many boxes to keep of each class, which
    /// intersection over union is too much, which score is too low: each may be
    /// absent. The result has a row of batch, class and box for each box that
    /// is kept, the best of a class first; of equal scores the first is better.
    ///
    /// What is sorted is 64 bits for each box: its score, turned so that a
    /// lower number is better, and its index. A score that is no number is the
    /// worst.
    pub struct NonMaxSuppression {
        /// Whether boxes are given as centre, width and height (x first), not
        /// as two opposite corners (y first).
        pub center: bool,
    }
}

/// What boxes are kept.
#[derive(Clone, Copy, Debug)]
struct Limits {
    count: usize,
    overlap: f32,
    score: Option<f32>,
}

impl Operation for NonMaxSuppression {
    fn scratch(&self, inputs: &[&[usize]]) -> usize {
        inputs.first().and_then(|sizes| sizes.get(1)).copied().unwrap_or(0)
    }

    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        scratch: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(boxes), Some(scores), optional @ ..] = inputs else {
            return Err(Failure("expected boxes and scores"));
        };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let (&[batches, count, 4], &[score_batches, classes, scored]) =
            (boxes.sizes(), scores.sizes())
        else {
            return Err(Failure("boxes and scores have other dimensions than expected"));
        };
        if batches != score_batches || count != scored || u32::try_from(count).is_err() {
            return Err(Failure("expected as many scores as boxes"));
        }
        let order =
            scratch.get_mut(..count).ok_or(Failure("there is too little scratch memory"))?;
        let limits = limits(optional)?;
        output.resize::<i64>(&[0, 3])?;
        if boxes.is_empty() || scores.is_empty() {
            return Ok(());
        }
        with_type!(boxes.element(), T: floats => {
            let boxes = boxes.values::<T>()?.chunks_exact(4 * count).enumerate();
            let scores = scores.values::<T>()?;
            let mut rows = 0;
            for ((batch, boxes), scores) in boxes.zip(scores.chunks_exact(classes * count)) {
                for (class, scores) in scores.chunks_exact(count).enumerate() {
                    let kept = self.suppress(boxes, scores, limits, order);
                    let results = output.resize::<i64>(&[rows + kept.len(), 3])?;
                    let (results, _) = results[3 * rows..].as_chunks_mut();
                    for (result, &index) in results.iter_mut().zip(kept) {
                        *result = [batch as i64, class as i64, index as i64];
                    }
                    rows += kept.len();
                }
            }
        });
        Ok(())
    }
}

/// Reads the optional operands.
fn limits(optional: &[Option<Input<'_>>]) -> Result<Limits, Failure> {
    let given = |slot: usize| optional.get(slot).and_then(Option::as_ref).filter(|o| !o.is_empty());
    let number = |slot| given(slot).map(|operand| operand.number(0)).transpose();
    let count = given(0).map_or(Ok(0), |operand| operand.integer(0))?;
    Ok(Limits {
        count: usize::try_from(count.max(0)).unwrap_or(usize::MAX),
        overlap: number(1)?.unwrap_or(0.0) as f32,
        score: number(2)?.map(|score| score as f32),
    })
}

impl NonMaxSuppression {
    /// The indices of the boxes of one class that are kept, best first.
    fn suppress<'a, T: Native>(
        &self,
        boxes: &[T],
        scores: &[T],
        limits: Limits,
        order: &'a mut [u64],
    ) -> &'a [u64] {
        let mut count = 0;
        for (index, score) in scores.iter().enumerate() {
            let score = score.to_f64() as f32;
            if limits.score.is_none_or(|lowest| score > lowest) {
                order[count] = (u64::from(badness(score)) << 32) | index as u64;
                count += 1;
            }
        }
        order[..count].sort_unstable();
        let mut kept = 0;
        for candidate in 0..count {
            if kept == limits.count {
                break;
            }
            let index = order[candidate] & u64::from(u32::MAX);
            let corners = |index: u64| self.corners(&boxes[4 * index as usize..][..4]);
            let own = corners(index);
            let overlaps = |&other: &u64| {
                own.overlap(&corners(other)).is_some_and(|overlap| overlap > limits.overlap)
            };
            if !order[..kept].iter().any(overlaps) {
                order[kept] = index;
                kept += 1;
            }
        }
        &order[..kept]
    }

    fn corners<T: Native>(&self, numbers: &[T]) -> Corners {
        let [a, b, c, d] = [0, 1, 2, 3].map(|i| numbers[i].to_f64() as f32);
        if self.center {
            let (half_width, half_height) = (c / 2.0, d / 2.0);
            return Corners {
                low: [a - half_width, b - half_height],
                high: [a + half_width, b + half_height],
            };
        }
        Corners { low: [b.min(d), a.min(c)], high: [b.max(d), a.max(c)] }
    }
}

/// Orders scores, highest first; zeros of either sign are equal.
fn badness(score: f32) -> u32 {
    let bits = (score + 0.0).to_bits();
    match bits >> 31 {
        _ if score.is_nan() => u32::MAX,
        0 => !(bits | 1 << 31),
        _ => bits,
    }
}

/// A box, x and y of each corner.
#[derive(Clone, Copy, Debug)]
struct Corners {
    low: [f32; 2],
    high: [f32; 2],
}

impl Corners {
    fn area(&self) -> f32 {
        (self.high[0] - self.low[0]) * (self.high[1] - self.low[1])
    }

    /// Intersection over union, where there is an intersection; in f32 as other
    /// implementations compute it, so that boxes right at a threshold are kept
    /// alike.
    fn overlap(&self, other: &Self) -> Option<f32> {
        let low = [0, 1].map(|i| self.low[i].max(other.low[i]));
        let high = [0, 1].map(|i| self.high[i].min(other.high[i]));
        if high[0] <= low[0] || high[1] <= low[1] {
            return None;
        }
        let intersection = Self { low, high }.area();
        let areas = [self.area(), other.area()];
        let union = areas[0] + areas[1] - intersection;
        (areas[0] > 0.0 && areas[1] > 0.0 && union > 0.0).then(|| intersection / union)
    }
}
