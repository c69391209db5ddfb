//! Functions of two row-major tensors.

use super::Step;
use super::bounds::total;
use super::elementwise::{Combination, Source};
use super::place::plain;
use super::walk::{Walk, stays_inside};
use crate::memory::Memory;
use crate::simd::Isa;
use crate::step::{Activation, Binary, Plain, RANK};
use core::ops::Range;

impl Binary {
    fn walk(&self) -> Walk<2> {
        Walk::new(&self.sizes, [self.left_strides, self.right_strides].map(signed))
    }
}

/// Strides that fit a tensor fit the signed type.
fn signed(strides: [usize; RANK]) -> [isize; RANK] {
    strides.map(|stride| stride as isize)
}

impl Step for Binary {
    fn check(&self, memory: &Memory<'_>) {
        let Self { left, right, output, sizes, .. } = self;
        [left, right, output].into_iter().for_each(|place| memory.require_plain(place, 4));
        let inside = |place: &Plain, strides: &[usize; RANK]| {
            let signed = strides.iter().all(|&stride| isize::try_from(stride).is_ok());
            signed && stays_inside(0, sizes, &self::signed(*strides), place.len)
        };
        let fits = inside(left, &self.left_strides) && inside(right, &self.right_strides);
        assert!(fits && output.len == total(sizes), "elementwise: sizes");
        let slopes = matches!(self.activation, Activation::ChannelRelu { .. });
        assert!(!slopes, "elementwise: slopes a channel");
    }

    fn pieces(&self, _: Isa) -> usize {
        self.walk().pieces(1)
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        let walk = self.walk();
        let output = plain::<f32>(memory, &self.output);
        let source = |place: &Plain, offset: isize, step: isize| {
            let start = plain::<f32>(memory, place).wrapping_offset(offset).cast_const();
            match step {
                0 => Source::Same(start),
                1 => Source::Run(start),
                _ => Source::Strided(start, step as usize),
            }
        };
        walk.visit(1, pieces, |row, _, [left, right], columns| {
            let [left_step, right_step] = walk.strides.map(|strides| strides[RANK - 1]);
            let first = columns.start as isize;
            let job = Combination {
                left: source(&self.left, left + first * left_step, left_step),
                right: source(&self.right, right + first * right_step, right_step),
                output: output.wrapping_add(row * walk.row() + columns.start),
                len: columns.len(),
                operation: self.operation,
                activation: self.activation,
            };
            // SAFETY: `check` has passed; the caller vouches for `isa`.
            unsafe { job.run(isa, core::ptr::null()) }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Arena, Numbers, activate, activations, run_pieces};
    use crate::step::{Activation, Binary, BinaryOperation, RANK};
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn operations() -> impl Strategy<Value = BinaryOperation> {
        prop::sample::select(vec![
            BinaryOperation::Add,
            BinaryOperation::Sub,
            BinaryOperation::Mul,
            BinaryOperation::Div,
            BinaryOperation::Min,
            BinaryOperation::Max,
            BinaryOperation::Pow,
            BinaryOperation::ParametricRelu,
        ])
    }

    fn apply(operation: BinaryOperation, a: f64, b: f64) -> f64 {
        let nan = a.is_nan() || b.is_nan();
        match operation {
            BinaryOperation::Add => a + b,
            BinaryOperation::Sub => a - b,
            BinaryOperation::Mul => a * b,
            BinaryOperation::Div => a / b,
            BinaryOperation::Min => {
                if nan {
                    f64::NAN
                } else {
                    a.min(b)
                }
            }
            BinaryOperation::Max => {
                if nan {
                    f64::NAN
                } else {
                    a.max(b)
                }
            }
            BinaryOperation::Pow => a.powf(b),
            BinaryOperation::ParametricRelu => {
                if a > 0.0 {
                    a
                } else {
                    a * b
                }
            }
        }
    }

    /// Strides of an operand that has size 1 where `spread`, and its length.
    fn strides(sizes: &[usize; 4], spread: [bool; 4]) -> ([usize; RANK], usize) {
        let (mut strides, mut len) = ([0; RANK], 1);
        for axis in (0..4).rev() {
            if !spread[axis] {
                strides[RANK - 4 + axis] = len;
                len *= sizes[axis];
            }
        }
        (strides, len)
    }

    fn offset(mut index: usize, sizes: &[usize; RANK], strides: &[usize; RANK]) -> usize {
        let mut offset = 0;
        for axis in (0..RANK).rev() {
            offset += index % sizes[axis] * strides[axis];
            index /= sizes[axis];
        }
        offset
    }

    #[derive(Clone, Debug)]
    struct Case {
        shape: [usize; 4],
        spread: [[bool; 4]; 2],
        turned: bool,
        in_place: bool,
        operation: BinaryOperation,
        activation: Activation,
        seed: u64,
    }

    fn cases() -> impl Strategy<Value = Case> {
        let width = prop_oneof![1..=40usize, 2000..=2100usize];
        let shape =
            [(1..=3usize).boxed(), (1..=3usize).boxed(), (1..=9usize).boxed(), width.boxed()];
        (
            (shape, any::<[[bool; 4]; 2]>(), any::<bool>(), any::<bool>()),
            (operations(), activations(), any::<u64>()),
        )
            .prop_map(
                |((shape, spread, turned, in_place), (operation, activation, seed))| Case {
                    shape,
                    spread,
                    turned,
                    in_place,
                    operation,
                    activation,
                    seed,
                },
            )
    }

    fn check_case(case: &Case) {
        let mut arena = Arena::new();
        let mut numbers = Numbers::new(case.seed);
        let mut sizes = [1; RANK];
        sizes[RANK - 4..].copy_from_slice(&case.shape);
        let [mut left_spread, right_spread] = case.spread;
        if case.in_place {
            left_spread = [false; 4];
        }
        let (left_strides, left_len) = strides(&case.shape, left_spread);
        let (mut right_strides, right_len) = strides(&case.shape, right_spread);
        if case.turned && right_spread == [false; 4] {
            // The right operand is read with its last two dimensions swapped.
            right_strides[RANK - 2] = 1;
            right_strides[RANK - 1] = case.shape[2];
        }
        let left = arena.random_plain(left_len, &mut numbers);
        let right = arena.random_plain(right_len, &mut numbers);
        let len = case.shape.iter().product();
        let output = if case.in_place { left } else { arena.plain(len) };
        if case.operation == BinaryOperation::Div || case.operation == BinaryOperation::Pow {
            for place in [left, right] {
                for value in &mut arena.values[place.offset / 4..][..place.len] {
                    *value = value.abs() + 0.25;
                }
            }
        }
        let activation = match case.activation {
            Activation::ChannelRelu { .. } => Activation::Identity,
            other => other,
        };
        let step = Binary {
            left,
            right,
            output,
            operation: case.operation,
            activation,
            sizes,
            left_strides,
            right_strides,
        };
        run_pieces(&step, &mut arena, &[], |before, after| {
            after.check_plain(&before.values, &output, |i| {
                let a = before.elements(&left)[offset(i, &sizes, &left_strides)];
                let b = before.elements(&right)[offset(i, &sizes, &right_strides)];
                activate(&activation, 0.0, apply(case.operation, a.into(), b.into()))
            });
        });
    }

    proptest! {
        #[test]
        fn operands_are_spread(case in cases()) {
            check_case(&case);
        }
    }

    #[test]
    fn nan_and_infinity_take_part() {
        let special = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -1.5, 2.0];
        let pairs: Vec<(f32, f32)> =
            special.iter().flat_map(|&a| special.iter().map(move |&b| (a, b))).collect();
        let mut arena = Arena::new();
        let [left, right, output] = [(); 3].map(|()| arena.plain(pairs.len()));
        for (i, (a, b)) in pairs.iter().enumerate() {
            arena.values[left.offset / 4 + i] = *a;
            arena.values[right.offset / 4 + i] = *b;
        }
        let (mut sizes, mut strides) = ([1; RANK], [0; RANK]);
        (sizes[RANK - 1], strides[RANK - 1]) = (pairs.len(), 1);
        for operation in [
            BinaryOperation::Add,
            BinaryOperation::Div,
            BinaryOperation::Min,
            BinaryOperation::Max,
            BinaryOperation::Pow,
        ] {
            let step = Binary {
                left,
                right,
                output,
                operation,
                activation: Activation::Identity,
                sizes,
                left_strides: strides,
                right_strides: strides,
            };
            run_pieces(&step, &mut arena, &[], |before, after| {
                after.check_plain(&before.values, &output, |i| {
                    apply(operation, pairs[i].0.into(), pairs[i].1.into())
                });
            });
        }
    }
}
