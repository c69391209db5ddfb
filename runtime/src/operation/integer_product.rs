//! Matrix products of quantised values.

use super::product::{Product, columns};
use super::{Failure, Input, Native, Operation, Output, with_type};
use crate::real;

description! {
    /// Products of matrices of 8-bit integers: `MatMulInteger` and
    /// `QLinearMatMul`. Zero points are one number, or one a row of A and one a
    /// column of B; so are scales.
    pub enum IntegerProduct {
        /// Operands: A, B, zero points of A and of B, which may be missing. The
        /// result is i32.
        Sums,
        /// Operands: A, its scale and zero point, B, its scale and zero point,
        /// scale and zero point of the result.
        Requantized,
    }
}

impl Operation for IntegerProduct {
    fn scratch(&self, inputs: &[&[usize]]) -> usize {
        let slot = match self {
            Self::Sums => 1,
            Self::Requantized => 3,
        };
        inputs.get(slot).map_or(0, |sizes| columns(sizes, false))
    }

    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        scratch: &mut [u64],
    ) -> Result<(), Failure> {
        let [output] = outputs else { return Err(Failure("expected one result")) };
        match (self, inputs) {
            (Self::Sums, [Some(a), Some(b), rest @ ..]) => {
                let zero = |slot| rest.get(slot).copied().flatten();
                let product = Product::new(a.sizes(), b.sizes(), [false; 2])?;
                let results = output.resize::<i32>(product.sizes())?;
                sums(&product, [(a, zero(0)), (b, zero(1))], scratch, |place, _, _, sum| {
                    results[place] = sum as i32;
                })
            }
            (
                Self::Requantized,
                [Some(a), Some(a_scale), a_zero, Some(b), Some(b_scale), b_zero, Some(scale), zero],
            ) => {
                let product = Product::new(a.sizes(), b.sizes(), [false; 2])?;
                let operands = [(a, *a_zero), (b, *b_zero)];
                let scales = [a_scale, b_scale, scale];
                requantized(&product, operands, scales, *zero, output, scratch)
            }
            _ => Err(Failure("expected two matrices and their scales")),
        }
    }
}

/// Where the number of a row or column is among one for each, or one for all.
const fn place(count: usize, line: usize) -> usize {
    if count == 1 { 0 } else { line }
}

/// All sums of products of values less their zero points.
fn sums(
    product: &Product,
    operands: [(&Input<'_>, Option<Input<'_>>); 2],
    scratch: &mut [u64],
    store: impl FnMut(usize, usize, usize, i64),
) -> Result<(), Failure> {
    fn less_zero<T: Native>(
        (values, zero): (&Input<'_>, Option<Input<'_>>),
        lines: usize,
    ) -> Result<impl Fn(usize, usize) -> i64, Failure> {
        if zero.is_some_and(|zero| zero.len() != 1 && zero.len() != lines) {
            return Err(Failure("there are not as many zero points as rows or columns"));
        }
        let values = values.values::<T>()?;
        let zeros = zero.map(|zero| zero.values::<T>()).transpose()?;
        Ok(move |position: usize, line: usize| {
            let zero = zeros.map_or(0, |zeros| zeros[place(zeros.len(), line)].to_i128());
            (values[position].to_i128() - zero) as i64
        })
    }
    let [a, b] = operands;
    let [rows, columns] = product.matrix();
    match (a.0.element(), b.0.element()) {
        (super::ElementType::I8, super::ElementType::I8) => {
            product.run(scratch, less_zero::<i8>(a, rows)?, less_zero::<i8>(b, columns)?, store)
        }
        (super::ElementType::I8, super::ElementType::U8) => {
            product.run(scratch, less_zero::<i8>(a, rows)?, less_zero::<u8>(b, columns)?, store)
        }
        (super::ElementType::U8, super::ElementType::I8) => {
            product.run(scratch, less_zero::<u8>(a, rows)?, less_zero::<i8>(b, columns)?, store)
        }
        (super::ElementType::U8, super::ElementType::U8) => {
            product.run(scratch, less_zero::<u8>(a, rows)?, less_zero::<u8>(b, columns)?, store)
        }
        _ => Err(Failure("expected matrices of 8-bit integers")),
    }
}

#[inline]
fn requantized(
    product: &Product,
    operands: [(&Input<'_>, Option<Input<'_>>); 2],
    [a_scale, b_scale, scale]: [&Input<'_>; 3],
    zero: Option<Input<'_>>,
    output: &mut Output<'_>,
    scratch: &mut [u64],
) -> Result<(), Failure> {
    let [rows, columns] = product.matrix();
    let fit = [(a_scale, rows), (b_scale, columns), (scale, rows)]
        .iter()
        .all(|(scale, lines)| scale.len() == 1 || scale.len() == *lines);
    if !fit || zero.is_some_and(|zero| zero.len() != 1 && zero.len() != rows) {
        return Err(Failure("there are not as many scales as rows or columns"));
    }
    let number = |scale: &Input<'_>, line| scale.number(place(scale.len(), line)).unwrap_or(f64::NAN);
    with_type!(output.element(), T: integers => {
        let zeros = zero.map(|zero| zero.values::<T>()).transpose()?;
        let results = output.resize::<T>(product.sizes())?;
        sums(product, operands, scratch, |place, row, column, sum| {
            let factor = number(a_scale, row) * number(b_scale, column) / number(scale, row);
            let zero = zeros.map_or(0.0, |zeros| zeros[self::place(zeros.len(), row)].to_f64());
            results[place] = T::from_f64(real::round_ties_even(sum as f64 * factor) + zero);
        })
    })
}
