//! Caches with new entries.

use super::indexing::{around, product};
use super::{Failure, Input, Operation, Output, with_type};

description! {
    /// `TensorScatter`. Operands: a cache, an update that is shorter along a
    /// dimension, where it begins for each index of the first dimension, which
    /// may be absent: at 0.
    pub struct TensorScatter {
        /// The dimension along which the update is shorter.
        pub axis: usize,
        /// Whether an update goes on at the start of the cache.
        pub circular: bool,
    }
}

impl Operation for TensorScatter {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(cache), Some(update), optional @ ..] = inputs else {
            return Err(Failure("expected a cache and an update"));
        };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let begins = optional.first().and_then(Option::as_ref);
        let [_, size, inner] = around(cache.sizes(), self.axis)?;
        let [_, count, _] = around(update.sizes(), self.axis)?;
        let mut pairs = cache.sizes().iter().zip(update.sizes()).enumerate();
        let differs = pairs.any(|(i, (cache, update))| i != self.axis && cache != update);
        if differs || cache.sizes().len() != update.sizes().len() || count > size || self.axis == 0
        {
            return Err(Failure("an update is of other sizes than the cache"));
        }
        let rows = product(&cache.sizes()[1..self.axis]);
        with_type!(cache.element(), T => {
            let updated = output.resize::<T>(cache.sizes())?;
            updated.copy_from_slice(cache.values::<T>()?);
            let updates = update.values::<T>()?;
            if updates.is_empty() {
                return Ok(());
            }
            let blocks = updated.chunks_exact_mut(size * inner);
            for (i, (cache, update)) in blocks.zip(updates.chunks_exact(count * inner)).enumerate() {
                let begin = begins.map_or(Ok(0), |begins| begins.integer(i / rows))?;
                for (offset, entry) in update.chunks_exact(inner).enumerate() {
                    let to = self.entry(begin, offset, size)? * inner;
                    cache[to..to + inner].copy_from_slice(entry);
                }
            }
        });
        Ok(())
    }
}

impl TensorScatter {
    /// Where an entry goes in a cache of this size.
    fn entry(&self, begin: i64, offset: usize, size: usize) -> Result<usize, Failure> {
        let entry = i128::from(begin) + offset as i128;
        let entry = if self.circular { entry.rem_euclid(size as i128) } else { entry };
        let entry = usize::try_from(entry).ok().filter(|&entry| entry < size);
        entry.ok_or(Failure("an update does not fit into the cache"))
    }
}
