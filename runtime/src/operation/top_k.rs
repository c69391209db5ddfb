//! The largest or smallest elements.

use super::order::total_order;
use super::{Failure, Input, Native, Operation, Output, with_type};

description! {
    /// `TopK`. Operands: data, `[1]` how many. Results: elements, indices.
    ///
    /// Elements of equal value come in the order of their indices; NaN counts
    /// as larger than every number.
    pub struct TopK {
        /// The dimension along which elements are compared.
        pub axis: usize,
        /// Whether the largest are wanted, not the smallest.
        pub largest: bool,
    }
}

impl Operation for TopK {
    fn scratch(&self, inputs: &[&[usize]]) -> usize {
        inputs.first().and_then(|sizes| sizes.get(self.axis)).copied().unwrap_or(0)
    }

    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        scratch: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data), Some(count)] = inputs else {
            return Err(Failure("expected data and how many of it"));
        };
        let [elements, indices] = outputs else { return Err(Failure("expected two results")) };
        let mut sizes = [0; crate::step::RANK];
        let sizes = &mut sizes[..data.sizes().len()];
        sizes.copy_from_slice(data.sizes());
        let len = *sizes.get(self.axis).ok_or(Failure("there is no such dimension"))?;
        let count = usize::try_from(count.integer(0)?).ok().filter(|&count| count <= len);
        let count = count.ok_or(Failure("more elements are wanted than there are"))?;
        let inner: usize = sizes[self.axis + 1..].iter().product();
        sizes[self.axis] = count;
        let order = scratch.get_mut(..len).ok_or(Failure("there is too little scratch memory"))?;
        with_type!(data.element(), T: numbers => {
            let data = data.values::<T>()?;
            let elements = elements.resize::<T>(sizes)?;
            let indices = indices.resize::<i64>(sizes)?;
            for row in 0..data.len() / (len * inner).max(1) {
                for column in 0..inner {
                    let at = |index: u64| data[(row * len + index as usize) * inner + column];
                    self.order(order, count, at);
                    for (rank, &index) in order[..count].iter().enumerate() {
                        let place = (row * count + rank) * inner + column;
                        elements[place] = at(index);
                        indices[place] = index as i64;
                    }
                }
            }
        });
        Ok(())
    }
}

impl TopK {
    /// Brings the first `count` indices into their order.
    fn order<T: Native>(&self, order: &mut [u64], count: usize, at: impl Fn(u64) -> T) {
        for (index, place) in order.iter_mut().enumerate() {
            *place = index as u64;
        }
        let compare = |&a: &u64, &b: &u64| {
            let by_value = total_order(at(a), at(b));
            let by_value = if self.largest { by_value.reverse() } else { by_value };
            by_value.then(a.cmp(&b))
        };
        if count < order.len() {
            order.select_nth_unstable_by(count, compare);
        }
        order[..count].sort_unstable_by(compare);
    }
}
