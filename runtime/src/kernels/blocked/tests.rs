//! Elementwise functions against the definition in f64.

use super::super::testing::{
    Arena, Numbers, Weights, activate, activations, channels, halos, run_pieces,
};
use crate::step::{
    Activation, BinaryOperation, BlockedBinary, BlockedUnary, Halo, ScaleShift, Section,
};
use alloc::vec::Vec;
use proptest::prelude::*;

fn shapes() -> impl Strategy<Value = [usize; 4]> {
    let width = prop_oneof![1..=20usize, 100..=400usize];
    [(1..=2usize).boxed(), channels().boxed(), (1..=7usize).boxed(), width.boxed()]
}

/// The activation with slopes for the channels, and the slopes.
fn with_slopes(
    activation: Activation,
    channels: usize,
    weights: &mut Weights,
    numbers: &mut Numbers,
) -> (Activation, Vec<f32>) {
    let slopes = numbers.take(channels);
    match activation {
        Activation::ChannelRelu { .. } => {
            (Activation::ChannelRelu { slopes: weights.push_channels(&slopes) }, slopes)
        }
        other => (other, slopes),
    }
}

fn scale_shift(shape: [usize; 4], halos: [Halo; 2], activation: Activation, seed: u64) {
    let mut numbers = Numbers::new(seed);
    let (mut arena, mut weights) = (Arena::new(), Weights::new());
    let input = arena.random_tensor(shape, halos[0], &mut numbers);
    let output = arena.tensor(shape, halos[1]);
    let (scale, shift) = (numbers.take(shape[1]), numbers.take(shape[1]));
    let (activation, slopes) = with_slopes(activation, shape[1], &mut weights, &mut numbers);
    let step = ScaleShift {
        input,
        output,
        scale: weights.push_channels(&scale),
        shift: weights.push_channels(&shift),
        activation,
    };
    run_pieces(&step, &mut arena, &weights.values, |before, after| {
        after.check_output(&before.values, &output, |[n, c], y, x| {
            let value = before.get(&input, [n, c], y as isize, x as isize);
            let value = value * f64::from(scale[c]) + f64::from(shift[c]);
            activate(&activation, slopes[c].into(), value)
        });
    });
}

fn unary(shape: [usize; 4], halos: [Halo; 2], in_place: bool, activation: Activation, seed: u64) {
    let mut numbers = Numbers::new(seed);
    let (mut arena, mut weights) = (Arena::new(), Weights::new());
    let input = arena.random_tensor(shape, halos[0], &mut numbers);
    let output = if in_place { input } else { arena.tensor(shape, halos[1]) };
    let (activation, slopes) = with_slopes(activation, shape[1], &mut weights, &mut numbers);
    let step = BlockedUnary { input, output, activation };
    run_pieces(&step, &mut arena, &weights.values, |before, after| {
        after.check_output(&before.values, &output, |[n, c], y, x| {
            let value = before.get(&input, [n, c], y as isize, x as isize);
            activate(&activation, slopes[c].into(), value)
        });
    });
}

fn operations() -> impl Strategy<Value = BinaryOperation> {
    prop::sample::select(alloc::vec![
        BinaryOperation::Add,
        BinaryOperation::Sub,
        BinaryOperation::Mul,
        BinaryOperation::Min,
        BinaryOperation::Max,
    ])
}

#[derive(Clone, Debug)]
struct BinaryCase {
    shape: [usize; 4],
    /// Whether the right operand has one picture, row or column only.
    spread: [bool; 3],
    halos: [Halo; 3],
    in_place: bool,
    operation: BinaryOperation,
    activation: Activation,
    seed: u64,
}

fn binary_cases() -> impl Strategy<Value = BinaryCase> {
    (
        (shapes(), any::<[bool; 3]>(), [halos(), halos(), halos()]),
        (any::<bool>(), operations(), activations(), any::<u64>()),
    )
        .prop_map(|((shape, spread, halos), (in_place, operation, activation, seed))| {
            BinaryCase { shape, spread, halos, in_place, operation, activation, seed }
        })
}

fn binary(case: &BinaryCase) {
    let mut numbers = Numbers::new(case.seed);
    let (mut arena, mut weights) = (Arena::new(), Weights::new());
    let left = arena.random_tensor(case.shape, case.halos[0], &mut numbers);
    let mut shape = case.shape;
    for (axis, spread) in [0, 2, 3].into_iter().zip(case.spread) {
        shape[axis] = if spread { 1 } else { shape[axis] };
    }
    let right = arena.random_tensor(shape, case.halos[1], &mut numbers);
    let output = if case.in_place { left } else { arena.tensor(case.shape, case.halos[2]) };
    let (activation, slopes) =
        with_slopes(case.activation, case.shape[1], &mut weights, &mut numbers);
    let operation = case.operation;
    let step = BlockedBinary { left, right, output, operation, activation };
    run_pieces(&step, &mut arena, &weights.values, |before, after| {
        after.check_output(&before.values, &output, |[n, c], y, x| {
            let a = before.get(&left, [n, c], y as isize, x as isize);
            let place = [n, y, x].into_iter().zip(case.spread);
            let place: Vec<usize> = place.map(|(i, spread)| if spread { 0 } else { i }).collect();
            let b = before.get(&right, [place[0], c], place[1] as isize, place[2] as isize);
            let value = match operation {
                BinaryOperation::Add => a + b,
                BinaryOperation::Sub => a - b,
                BinaryOperation::Mul => a * b,
                BinaryOperation::Min => a.min(b),
                _ => a.max(b),
            };
            activate(&activation, slopes[c].into(), value)
        });
    });
}

proptest! {
    #[test]
    fn channels_are_scaled_and_shifted(
        shape in shapes(),
        halos in [halos(), halos()],
        activation in activations(),
        seed: u64,
    ) {
        scale_shift(shape, halos, activation, seed);
    }

    #[test]
    fn activations_are_applied(
        shape in shapes(),
        halos in [halos(), halos()],
        in_place: bool,
        activation in activations(),
        seed: u64,
    ) {
        unary(shape, halos, in_place, activation, seed);
    }

    #[test]
    fn right_operands_are_spread(case in binary_cases()) {
        binary(&case);
    }
}

#[test]
#[should_panic(expected = "slopes for every channel")]
fn too_few_slopes_are_refused() {
    let mut arena = Arena::new();
    let tensor = arena.tensor([1, 17, 2, 2], Halo::default());
    let slopes = Section { offset: 0, len: 16 };
    let activation = Activation::ChannelRelu { slopes };
    let step = BlockedUnary { input: tensor, output: tensor, activation };
    run_pieces(&step, &mut arena, &[0.0; 16], |_, _| {});
}
