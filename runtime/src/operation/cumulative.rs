//! Sums and products of all elements so far.

use super::indexing::{around, axis};
use super::{Failure, Input, Native, Operation, Output, with_type};

description! {
    /// `CumSum` and `CumProd`. Operands: data, which dimension. Integers wrap.
    pub struct Cumulative {
        /// Whether elements are multiplied, not added.
        pub product: bool,
        /// Whether an element does not count itself.
        pub exclusive: bool,
        /// Whether it begins at the end.
        pub reverse: bool,
    }
}

impl Operation for Cumulative {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data), Some(along)] = inputs else {
            return Err(Failure("expected data and an axis"));
        };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let along = axis(along.integer(0)?, data.sizes().len())?;
        let [_, size, inner] = around(data.sizes(), along)?;
        with_type!(data.element(), T: numbers => {
            let results = output.resize::<T>(data.sizes())?;
            results.copy_from_slice(data.values::<T>()?);
            if results.is_empty() {
                return Ok(());
            }
            for block in results.chunks_exact_mut(size * inner) {
                for column in 0..inner {
                    match T::ELEMENT.is_float() {
                        true => self.floats(&mut block[column..], size, inner),
                        false => self.integers(&mut block[column..], size, inner),
                    }
                }
            }
        });
        Ok(())
    }
}

impl Cumulative {
    /// Replaces every `stride`th element, `count` of them.
    fn floats<T: Native>(&self, values: &mut [T], count: usize, stride: usize) {
        let mut total = if self.product { 1.0 } else { 0.0 };
        for i in 0..count {
            let value = &mut values[if self.reverse { count - 1 - i } else { i } * stride];
            let next = match self.product {
                true => total * value.to_f64(),
                false => total + value.to_f64(),
            };
            *value = T::from_f64(if self.exclusive { total } else { next });
            total = next;
        }
    }

    fn integers<T: Native>(&self, values: &mut [T], count: usize, stride: usize) {
        let mut total: i128 = self.product.into();
        for i in 0..count {
            let value = &mut values[if self.reverse { count - 1 - i } else { i } * stride];
            let next = match self.product {
                true => total.wrapping_mul(value.to_i128()),
                false => total.wrapping_add(value.to_i128()),
            };
            *value = T::from_i128(if self.exclusive { total } else { next });
            total = next;
        }
    }
}
