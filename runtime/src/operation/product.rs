//! Matrix products.

use super::accumulate::Accumulator;
use super::operands::{elements, only, optional, required};
use super::walk::{Walk, broadcast, together};
use super::{Failure, Input, Native, Operation, Output, with_type};
use crate::step::RANK;

description! {
    /// `alpha * A * B + beta * C`, of any number of matrices that broadcast
    /// together. A vector for A is a row, one for B a column; neither keeps its
    /// dimension of 1. Operands: A, B, C, which may be missing.
    ///
    /// Sums of floating-point numbers are computed in f64, those of integers
    /// wrap.
    pub struct GeneralProduct {
        /// Factor of the product.
        pub alpha: f32,
        /// Factor of C.
        pub beta: f32,
        /// Whether A is given transposed.
        pub transpose_a: bool,
        /// Whether B is given transposed.
        pub transpose_b: bool,
    }
}

impl Operation for GeneralProduct {
    fn scratch(&self, inputs: &[&[usize]]) -> usize {
        inputs.get(1).map_or(0, |sizes| columns(sizes, self.transpose_b))
    }

    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        scratch: &mut [u64],
    ) -> Result<(), Failure> {
        let (a, b) = (required(inputs, 0)?, required(inputs, 1)?);
        let output = only(outputs)?;
        let product = Product::new(a.sizes(), b.sizes(), [self.transpose_a, self.transpose_b])?;
        if a.element().is_float() {
            with_type!(a.element(), T: floats => {
                self.sums::<T, f64>(&product, inputs, output, scratch)
            })
        } else {
            with_type!(a.element(), T: integers => {
                self.sums::<T, i64>(&product, inputs, output, scratch)
            })
        }
    }
}

impl GeneralProduct {
    fn sums<T: Native, A: Accumulator>(
        &self,
        product: &Product,
        inputs: &[Option<Input<'_>>],
        output: &mut Output<'_>,
        scratch: &mut [u64],
    ) -> Result<(), Failure> {
        let (a, b) = (elements::<T>(inputs, 0)?, elements::<T>(inputs, 1)?);
        let c = elements::<T>(inputs, 2)?;
        let [c_row, c_column] = product.offset_steps(optional(inputs, 2))?;
        let results = output.resize::<T>(product.sizes())?;
        product.run(
            scratch,
            |i, _| A::of(a[i]),
            |i, _| A::of(b[i]),
            |place, row, column, sum| {
                let offset = c.get(row * c_row + column * c_column);
                let offset = offset.map_or(A::ZERO, |&offset| A::of(offset).scaled(self.beta));
                results[place] = sum.scaled(self.alpha).add(offset).element();
            },
        )
    }
}

/// Columns of the second operand.
pub(super) fn columns(sizes: &[usize], transposed: bool) -> usize {
    match (sizes, transposed) {
        ([], _) | ([_], _) => 1,
        ([.., columns, _], true) | ([.., columns], false) => *columns,
    }
}

/// Where the values of a product of matrices are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Product {
    /// First elements of each pair of matrices.
    batches: Walk<2>,
    rows: usize,
    depth: usize,
    columns: usize,
    /// Elements from one row of A to the next, and from one summand to the
    /// next.
    a_steps: [usize; 2],
    /// Elements from one summand in B to the next, and from one column to the
    /// next.
    b_steps: [usize; 2],
    sizes: [usize; RANK],
    rank: usize,
}

/// Sizes of the matrices of an operand, and how many elements lie between rows
/// and columns.
fn matrix(sizes: &[usize], transposed: bool) -> ([usize; 2], [usize; 2]) {
    match (sizes, transposed) {
        ([.., columns, rows], true) => ([*rows, *columns], [1, *rows]),
        ([.., rows, columns], false) => ([*rows, *columns], [*columns, 1]),
        _ => ([1, 1], [1, 1]),
    }
}

impl Product {
    pub(super) fn new(a: &[usize], b: &[usize], transposed: [bool; 2]) -> Result<Self, Failure> {
        let (row, column) = (a.len() == 1, b.len() == 1);
        let ([rows, depth], a_steps) = match a {
            [depth] => ([1, *depth], [*depth, 1]),
            _ => matrix(a, transposed[0]),
        };
        let ([other, columns], b_steps) = match b {
            [depth] => ([*depth, 1], [1, 1]),
            _ => matrix(b, transposed[1]),
        };
        if depth != other || a.is_empty() || b.is_empty() {
            return Err(Failure("the matrices differ in the number of values to multiply"));
        }
        let a_outer = &a[..a.len().saturating_sub(2)];
        let b_outer = &b[..b.len().saturating_sub(2)];
        let (mut sizes, mut rank) = together(a_outer, b_outer)?;
        let scaled = |steps: [usize; RANK], matrix: usize| steps.map(|s| s.wrapping_mul(matrix));
        let a_outer = scaled(broadcast(a_outer, rank)?, rows.wrapping_mul(depth));
        let b_outer = scaled(broadcast(b_outer, rank)?, depth.wrapping_mul(columns));
        let mut batches = Walk::at([0, 0]);
        for ((&size, a), b) in sizes[..rank].iter().zip(a_outer).zip(b_outer) {
            batches = batches.through(size, [a, b])?;
        }
        for (size, dropped) in [(rows, row), (columns, column)] {
            if !dropped {
                *sizes.get_mut(rank).ok_or(Failure("a result of many dimensions"))? = size;
                rank += 1;
            }
        }
        Ok(Self { batches, rows, depth, columns, a_steps, b_steps, sizes, rank })
    }

    /// Sizes of the result.
    pub(super) fn sizes(&self) -> &[usize] {
        &self.sizes[..self.rank]
    }

    /// Rows and columns of a matrix of the result.
    pub(super) const fn matrix(&self) -> [usize; 2] {
        [self.rows, self.columns]
    }

    /// Elements from one row of an offset to the next, and from one column to
    /// the next, as it is repeated for the result.
    fn offset_steps(&self, offset: Option<Input<'_>>) -> Result<[usize; 2], Failure> {
        let Some(offset) = offset else { return Ok([0, 0]) };
        let (sizes, rank) = together(self.sizes(), offset.sizes())?;
        if sizes[..rank] != *self.sizes() || rank != 2 {
            return Err(Failure("the offset does not fit the product"));
        }
        let steps = broadcast(offset.sizes(), 2)?;
        Ok([steps[0], steps[1]])
    }

    /// Computes all sums. `a` and `b` give the value at a position and row or
    /// column, `store` takes position, row, column and sum. Asks for as many
    /// words of scratch memory as there are columns.
    pub(super) fn run<A: Accumulator>(
        &self,
        scratch: &mut [u64],
        a: impl Fn(usize, usize) -> A,
        b: impl Fn(usize, usize) -> A,
        mut store: impl FnMut(usize, usize, usize, A),
    ) -> Result<(), Failure> {
        let [rows, columns] = self.matrix();
        let sums = scratch.get_mut(..columns);
        let sums = sums.ok_or(Failure("there is too little scratch memory"))?;
        let mut place = 0;
        for [a_start, b_start] in self.batches {
            for row in 0..rows {
                sums.fill(A::ZERO.to_bits());
                for k in 0..self.depth {
                    let factor = a(a_start + row * self.a_steps[0] + k * self.a_steps[1], row);
                    let start = b_start + k * self.b_steps[0];
                    for (column, sum) in sums.iter_mut().enumerate() {
                        let other = b(start + column * self.b_steps[1], column);
                        *sum = A::from_bits(*sum).add(factor.times(other)).to_bits();
                    }
                }
                for (column, &sum) in sums.iter().enumerate() {
                    store(place, row, column, A::from_bits(sum));
                    place += 1;
                }
            }
        }
        Ok(())
    }
}
