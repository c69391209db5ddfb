//! Determinants.

use super::operands::{only, required};
use super::walk::count;
use super::{Failure, Input, Native, Operation, Output, with_type};

description! {
    /// `Det`: the determinant of each matrix of `[.., n, n]`, by Gaussian
    /// elimination in f64.
    pub enum Determinant {
        /// The largest number of a column is eliminated with.
        ByPivots,
    }
}

impl Operation for Determinant {
    fn scratch(&self, inputs: &[&[usize]]) -> usize {
        let size = inputs.first().and_then(|sizes| sizes.last()).copied().unwrap_or(0);
        size.saturating_mul(size)
    }

    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        scratch: &mut [u64],
    ) -> Result<(), Failure> {
        let input = required(inputs, 0)?;
        let (outer, size) = match input.sizes() {
            [outer @ .., rows, columns] if rows == columns => (outer, *rows),
            _ => return Err(Failure("expected square matrices")),
        };
        let cells = size.wrapping_mul(size);
        let matrix = scratch.get_mut(..if count(outer) == 0 { 0 } else { cells });
        let matrix = matrix.ok_or(Failure("there is too little scratch memory"))?;
        with_type!(input.element(), T: floats => {
            let values = input.values::<T>()?;
            for (i, result) in only(outputs)?.resize::<T>(outer)?.iter_mut().enumerate() {
                for (place, value) in matrix.iter_mut().zip(&values[i * cells..]) {
                    *place = value.to_f64().to_bits();
                }
                *result = T::from_f64(determinant(matrix, size));
            }
        });
        Ok(())
    }
}

/// The determinant of a matrix of bits of f64, which it destroys.
fn determinant(matrix: &mut [u64], size: usize) -> f64 {
    let mut product = 1.0;
    for step in 0..size {
        let magnitude =
            |matrix: &[u64], row: usize| f64::from_bits(matrix[row * size + step]).abs();
        let mut pivot = step;
        for row in step + 1..size {
            if magnitude(matrix, row) > magnitude(matrix, pivot) {
                pivot = row;
            }
        }
        if pivot != step {
            (0..size).for_each(|column| matrix.swap(step * size + column, pivot * size + column));
            product = -product;
        }
        let divisor = f64::from_bits(matrix[step * size + step]);
        product *= divisor;
        if divisor == 0.0 {
            return product;
        }
        for row in step + 1..size {
            let factor = f64::from_bits(matrix[row * size + step]) / divisor;
            for column in step..size {
                let other = f64::from_bits(matrix[step * size + column]);
                let place = &mut matrix[row * size + column];
                *place = (f64::from_bits(*place) - factor * other).to_bits();
            }
        }
    }
    product
}
