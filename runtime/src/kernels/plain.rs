//! Elementwise functions, products and copies of row-major tensors.

use super::Step;
use super::place::{plain, section};
use super::scalar;
use crate::memory::Memory;
use crate::simd::math::activate;
use crate::simd::{Isa, Vector, math, shells};
use crate::step::{
    Activation, Binary, BinaryOperation, Fill, MatMul, Plain, RANK, StridedCopy, Unary,
    UnaryFunction,
};
use core::ops::Range;

/// Elements of a piece of elementwise work.
const PIECE: usize = 4096;

/// The indices of a row-major walk over `sizes`, the last dimension left out.
struct Rows<'a> {
    sizes: &'a [usize; RANK],
    index: [usize; RANK],
    left: usize,
}

impl<'a> Rows<'a> {
    fn new(sizes: &'a [usize; RANK]) -> Self {
        let any = sizes[RANK - 1] > 0;
        let left = if any { sizes[..RANK - 1].iter().product() } else { 0 };
        Self { sizes, index: [0; RANK], left }
    }
}

impl Iterator for Rows<'_> {
    type Item = [usize; RANK];

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let index = self.index;
        for axis in (0..RANK - 1).rev() {
            self.index[axis] += 1;
            if self.index[axis] < self.sizes[axis] {
                break;
            }
            self.index[axis] = 0;
        }
        Some(index)
    }
}

fn offset(index: &[usize; RANK], strides: &[usize; RANK]) -> usize {
    index.iter().zip(strides).map(|(index, stride)| index * stride).sum()
}

/// The last element that strides reach.
fn last(sizes: &[usize; RANK], strides: &[usize; RANK]) -> usize {
    sizes.iter().zip(strides).map(|(size, stride)| size.saturating_sub(1) * stride).sum()
}

shells! {
    /// Applies a function to `count` values.
    fn unary_run(input: *const f32, output: *mut f32, count: usize, function: UnaryFunction) = unary_body;
}

#[inline(always)]
unsafe fn unary_body<V: Vector>(
    input: *const f32,
    output: *mut f32,
    count: usize,
    function: UnaryFunction,
) {
    for first in (0..count).step_by(V::LANES) {
        let here = V::LANES.min(count - first);
        // SAFETY: the caller vouches for `count` values.
        unsafe {
            let x = V::load_first(input.add(first), here, 1.0);
            let value = match function {
                UnaryFunction::Activation { function } => activate(&function, x, x),
                UnaryFunction::Abs => x.abs(),
                UnaryFunction::Neg => x * x.like(-1.0),
                UnaryFunction::Exp => math::exp(x),
                UnaryFunction::Sqrt => x.sqrt(),
                UnaryFunction::Reciprocal => x.like(1.0) / x,
                UnaryFunction::Elu { alpha } => {
                    let negative = (math::exp(x) - x.like(1.0)) * x.like(alpha);
                    x.like(0.0).select_greater(x, negative, x)
                }
                UnaryFunction::Log
                | UnaryFunction::Floor
                | UnaryFunction::Ceil
                | UnaryFunction::Round
                | UnaryFunction::Erf
                | UnaryFunction::Softplus => by_lane(x, |x| one_by_one(function, x)),
            };
            value.store_first(output.add(first), here);
        }
    }
}

#[inline(always)]
fn by_lane<V: Vector>(x: V, function: impl Fn(f32) -> f32) -> V {
    let mut lanes = [0.0f32; crate::simd::MOST_LANES];
    // SAFETY: there are at least `LANES` places, and `x` proves the
    // instructions.
    unsafe {
        x.store(lanes.as_mut_ptr());
        lanes[..V::LANES].iter_mut().for_each(|lane| *lane = function(*lane));
        V::load(lanes.as_ptr())
    }
}

/// Functions without a vector form.
fn one_by_one(function: UnaryFunction, x: f32) -> f32 {
    match function {
        UnaryFunction::Log => scalar::ln(x),
        UnaryFunction::Floor => floor(x),
        UnaryFunction::Ceil => -floor(-x),
        UnaryFunction::Round => round(x),
        UnaryFunction::Erf => scalar::erf(x),
        UnaryFunction::Softplus => {
            let x = f64::from(x);
            (x.max(0.0) + scalar::logarithm(1.0 + scalar::exp(-x.abs()))) as f32
        }
        UnaryFunction::Activation { .. }
        | UnaryFunction::Abs
        | UnaryFunction::Neg
        | UnaryFunction::Exp
        | UnaryFunction::Sqrt
        | UnaryFunction::Reciprocal
        | UnaryFunction::Elu { .. } => x,
    }
}

/// From here on every f32 is whole.
const WHOLE: f32 = 8_388_608.0;

fn floor(x: f32) -> f32 {
    if x.abs() >= WHOLE || x.is_nan() {
        return x;
    }
    let whole = x as i32 as f32;
    let floor = if whole > x { whole - 1.0 } else { whole };
    floor.copysign(if floor == 0.0 { x } else { floor })
}

/// To the nearest, halves to even: adding 2^23 leaves no room for a fraction.
fn round(x: f32) -> f32 {
    if x.abs() >= WHOLE || x.is_nan() {
        return x;
    }
    ((x.abs() + WHOLE) - WHOLE).copysign(x)
}

fn allowed(activation: &Activation) -> bool {
    !matches!(activation, Activation::ChannelRelu { .. })
}

impl Step for Unary {
    fn check(&self, memory: &Memory<'_>) {
        memory.require_plain(&self.input, 4);
        memory.require_plain(&self.output, 4);
        let slopes =
            matches!(self.function, UnaryFunction::Activation { function } if !allowed(&function));
        assert!(self.input.len == self.output.len && !slopes, "elementwise: sizes or slopes");
    }

    fn pieces(&self, _: Isa) -> usize {
        self.output.len.div_ceil(PIECE)
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        let first = pieces.start * PIECE;
        let count = (pieces.end * PIECE).min(self.output.len) - first;
        let input = plain::<f32>(memory, &self.input).wrapping_add(first);
        let output = plain::<f32>(memory, &self.output).wrapping_add(first);
        // SAFETY: `check` has passed; the engine vouches for `isa`.
        unsafe { unary_run(isa, input, output, count, self.function) }
    }
}

/// One row of a broadcast operation; steps are 0 or 1 for vectors.
#[derive(Clone, Copy)]
struct Row {
    left: *const f32,
    left_step: usize,
    right: *const f32,
    right_step: usize,
    output: *mut f32,
    count: usize,
}

shells! {
    /// `activation(left op right)` of a row.
    fn binary_run(row: &Row, operation: BinaryOperation, activation: Activation) = binary_body;
}

#[inline(always)]
unsafe fn binary_body<V: Vector>(row: &Row, operation: BinaryOperation, activation: Activation) {
    for first in (0..row.count).step_by(V::LANES) {
        let here = V::LANES.min(row.count - first);
        // SAFETY: the caller vouches for `count` values at these steps.
        unsafe {
            let load = |start: *const f32, step: usize| match step {
                0 => V::splat(*start),
                1 => V::load_first(start.add(first), here, 1.0),
                _ => {
                    let mut lanes = [1.0f32; crate::simd::MOST_LANES];
                    for (i, lane) in lanes.iter_mut().enumerate().take(here) {
                        *lane = *start.add((first + i) * step);
                    }
                    V::load(lanes.as_ptr())
                }
            };
            let left = load(row.left, row.left_step);
            let right = load(row.right, row.right_step);
            let value = activate(&activation, left, apply(operation, left, right));
            value.store_first(row.output.add(first), here);
        }
    }
}

#[inline(always)]
fn apply<V: Vector>(operation: BinaryOperation, left: V, right: V) -> V {
    let zero = left.like(0.0);
    match operation {
        BinaryOperation::Add => left + right,
        BinaryOperation::Sub => left - right,
        BinaryOperation::Mul => left * right,
        BinaryOperation::Div => left / right,
        // Vectors let the right operand win where either is NaN; a magnitude
        // above -1 is a number.
        BinaryOperation::Min => left.abs().select_greater(left.like(-1.0), left.min(right), left),
        BinaryOperation::Max => left.abs().select_greater(left.like(-1.0), left.max(right), left),
        BinaryOperation::Pow => {
            let mut exponents = [0.0f32; crate::simd::MOST_LANES];
            let mut bases = exponents;
            // SAFETY: there are at least `LANES` places, and `left` proves the
            // instructions.
            unsafe {
                left.store(bases.as_mut_ptr());
                right.store(exponents.as_mut_ptr());
                for (base, exponent) in bases.iter_mut().zip(exponents).take(V::LANES) {
                    *base = scalar::pow(*base, exponent);
                }
                V::load(bases.as_ptr())
            }
        }
        BinaryOperation::ParametricRelu => zero.select_greater(left, left * right, left),
    }
}

impl Step for Binary {
    fn check(&self, memory: &Memory<'_>) {
        let Self { left, right, output, sizes, left_strides, right_strides, .. } = self;
        [left, right, output].into_iter().for_each(|place| memory.require_plain(place, 4));
        let len: usize = sizes.iter().product();
        let inside = |place: &Plain, strides| last(sizes, strides) < place.len;
        let fits = len == 0 || (inside(left, left_strides) && inside(right, right_strides));
        assert!(fits && output.len == len, "elementwise: sizes");
        assert!(allowed(&self.activation), "elementwise: slopes a channel");
    }

    fn pieces(&self, _: Isa) -> usize {
        1
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, _: Range<usize>) {
        let count = self.sizes[RANK - 1];
        let output = plain::<f32>(memory, &self.output);
        for (i, index) in Rows::new(&self.sizes).enumerate() {
            let at =
                |place, strides| plain::<f32>(memory, place).wrapping_add(offset(&index, strides));
            let row = Row {
                left: at(&self.left, &self.left_strides),
                left_step: self.left_strides[RANK - 1],
                right: at(&self.right, &self.right_strides),
                right_step: self.right_strides[RANK - 1],
                output: output.wrapping_add(i * count),
                count,
            };
            // SAFETY: `check` has passed; the engine vouches for `isa`.
            unsafe { binary_run(isa, &row, self.operation, self.activation) };
        }
    }
}

/// Columns of a product that are computed together.
const COLUMNS: usize = 4;

shells! {
    /// One row of a product: `output[j] = sum over k of left[k] * right[k][j]`.
    fn product_row(
        left: *const f32,
        right: *const f32,
        output: *mut f32,
        depth: usize,
        columns: usize
    ) = product_row_body;
}

#[inline(always)]
unsafe fn product_row_body<V: Vector>(
    left: *const f32,
    right: *const f32,
    output: *mut f32,
    depth: usize,
    columns: usize,
) {
    let wide = COLUMNS * V::LANES;
    let mut column = 0;
    while column < columns {
        let here = columns - column;
        // SAFETY: the caller vouches for the matrices; only columns that exist
        // are loaded and stored.
        unsafe {
            if here >= wide {
                let mut sums = [V::splat(0.0); COLUMNS];
                for k in 0..depth {
                    let factor = V::splat(*left.add(k));
                    let row = right.add(k * columns + column);
                    for (i, sum) in sums.iter_mut().enumerate() {
                        *sum = factor.fma(V::load(row.add(i * V::LANES)), *sum);
                    }
                }
                for (i, sum) in sums.into_iter().enumerate() {
                    sum.store(output.add(column + i * V::LANES));
                }
                column += wide;
            } else {
                let here = here.min(V::LANES);
                let mut sum = V::splat(0.0);
                for k in 0..depth {
                    let values = V::load_first(right.add(k * columns + column), here, 0.0);
                    sum = V::splat(*left.add(k)).fma(values, sum);
                }
                sum.store_first(output.add(column), here);
                column += here;
            }
        }
    }
}

impl Step for MatMul {
    fn check(&self, memory: &Memory<'_>) {
        let Self { left, right, output, rows, depth, columns, batches, .. } = self;
        [left, right, output].into_iter().for_each(|place| memory.require_plain(place, 4));
        let count: usize = batches.iter().product();
        let inside = |place: &Plain, strides, matrix: usize| {
            count * matrix == 0 || last(batches, strides) + matrix <= place.len
        };
        assert!(
            inside(left, &self.left_strides, rows * depth)
                && inside(right, &self.right_strides, depth * columns)
                && output.len == count * rows * columns,
            "matrix product: sizes"
        );
    }

    fn pieces(&self, _: Isa) -> usize {
        1
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, _: Range<usize>) {
        let Self { rows, depth, columns, batches, .. } = self;
        let output = plain::<f32>(memory, &self.output);
        let last = batches[RANK - 1];
        for (i, mut index) in Rows::new(batches).enumerate() {
            for j in 0..last {
                index[RANK - 1] = j;
                let at = |place, strides| {
                    plain::<f32>(memory, place).wrapping_add(offset(&index, strides))
                };
                let (left, right) =
                    (at(&self.left, &self.left_strides), at(&self.right, &self.right_strides));
                for row in 0..*rows {
                    let target = output.wrapping_add(((i * last + j) * rows + row) * columns);
                    let left = left.wrapping_add(row * depth);
                    // SAFETY: `check` has passed; the engine vouches for `isa`.
                    unsafe { product_row(isa, left, right, target, *depth, *columns) };
                }
            }
        }
    }
}

impl Step for StridedCopy {
    fn check(&self, memory: &Memory<'_>) {
        assert!(matches!(self.element, 1 | 2 | 4 | 8), "copy: bytes of an element");
        memory.require_plain(&self.input, self.element);
        memory.require_plain(&self.output, self.element);
        if self.sizes.contains(&0) {
            return;
        }
        let inside = |start: usize, strides: &[isize; RANK], len: usize| {
            let reach = |sign: isize| {
                let steps = self.sizes.iter().zip(strides);
                let far = steps.filter(|(_, stride)| stride.signum() == sign);
                far.map(|(size, stride)| (size - 1) * stride.unsigned_abs()).sum::<usize>()
            };
            reach(-1) <= start && start + reach(1) < len
        };
        assert!(
            inside(self.input_start, &self.input_strides, self.input.len)
                && inside(self.output_start, &self.output_strides, self.output.len),
            "copy: strides lead outside"
        );
    }

    fn pieces(&self, _: Isa) -> usize {
        1
    }

    unsafe fn run(&self, memory: &Memory<'_>, _: Isa, _: Range<usize>) {
        // SAFETY: `check` has passed.
        unsafe {
            match self.element {
                1 => copy::<u8>(self, memory),
                2 => copy::<u16>(self, memory),
                4 => copy::<u32>(self, memory),
                _ => copy::<u64>(self, memory),
            }
        }
    }
}

unsafe fn copy<T: Copy>(step: &StridedCopy, memory: &Memory<'_>) {
    let count = step.sizes[RANK - 1];
    let (input_step, output_step) = (step.input_strides[RANK - 1], step.output_strides[RANK - 1]);
    let at = |place: &Plain, start: usize, index: &[usize; RANK], strides: &[isize; RANK]| {
        let steps = index.iter().zip(strides);
        let offset: isize = steps.map(|(&index, &stride)| index as isize * stride).sum();
        plain::<T>(memory, place).wrapping_add(start).wrapping_offset(offset)
    };
    for index in Rows::new(&step.sizes) {
        let source = at(&step.input, step.input_start, &index, &step.input_strides);
        let target = at(&step.output, step.output_start, &index, &step.output_strides);
        // SAFETY: the caller vouches that all places are inside; input and
        // output are different tensors.
        unsafe {
            if input_step == 1 && output_step == 1 {
                target.copy_from_nonoverlapping(source, count);
            } else {
                for i in 0..count as isize {
                    *target.offset(i * output_step) = *source.offset(i * input_step);
                }
            }
        }
    }
}

impl Step for Fill {
    fn check(&self, memory: &Memory<'_>) {
        memory.require_plain(&self.output, 4);
        memory.require_section(&self.source);
        let fits = self.source.len == self.output.len || self.source.len == 1;
        assert!(fits, "constant: sizes");
    }

    fn pieces(&self, _: Isa) -> usize {
        1
    }

    unsafe fn run(&self, memory: &Memory<'_>, _: Isa, _: Range<usize>) {
        let source = section(memory, &self.source);
        let target = plain::<f32>(memory, &self.output);
        // SAFETY: `check` has passed; the weights are never written.
        unsafe {
            if self.source.len == self.output.len {
                target.copy_from_nonoverlapping(source, self.output.len);
            } else {
                for i in 0..self.output.len {
                    target.add(i).write(*source);
                }
            }
        }
    }
}
