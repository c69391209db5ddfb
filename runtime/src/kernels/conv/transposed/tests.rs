//! Transposed convolution, dense and by channel, against the definition in f64:
//! every input pixel times every tap is added to the output.

use super::super::testing::{
    Arena, Numbers, Store, Weights, activations, channels, halos, run_pieces,
};
use crate::step::{
    Activation, Blocked, Blocking, ConvTranspose, DepthwiseConvTranspose, Halo, TransposedAxis,
    pack_transposed_depthwise_weights, pack_transposed_weights,
};
use alloc::vec;
use alloc::vec::Vec;
use core::ops::RangeInclusive;
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Case {
    batch: usize,
    /// Input and output channels of a group.
    channels: [usize; 2],
    groups: usize,
    input: [usize; 2],
    output: [usize; 2],
    axes: [TransposedAxis; 2],
    /// Zeros in the input's halo that nothing reads.
    spare: Halo,
    output_halo: Halo,
    /// Channels of the tensor that the output is a part of, before and after.
    beside: [usize; 2],
    activation: Activation,
    blocking: Blocking,
    seed: u64,
}

fn pair<T: core::fmt::Debug>(
    value: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = [T; 2]> {
    [value.clone(), value]
}

/// Input size, output size and the axis between.
fn axes(
    stride: RangeInclusive<usize>,
) -> impl Strategy<Value = (usize, usize, TransposedAxis)> + Clone {
    (1..=7usize, 1..=9usize, stride, 1..=3usize, 0..=4usize, 0..=4usize, 0..=3usize).prop_map(
        |(input, kernel, stride, dilation, pad, pad_end, padding)| {
            let spread = (input - 1) * stride + (kernel - 1) * dilation + 1 + padding;
            let output = spread.saturating_sub(pad + pad_end).max(1);
            (input, output, TransposedAxis { kernel, stride, dilation, pad })
        },
    )
}

fn cases() -> impl Strategy<Value = Case> {
    let one_group = (channels(), channels()).prop_map(|(i, o)| ([i, o], 1));
    let grouped =
        (1..=3usize, 1..=3usize, 2..=3usize).prop_map(|(i, o, groups)| ([8 * i, 16 * o], groups));
    (
        (1..=2usize, prop_oneof![3 => one_group, 1 => grouped]),
        pair(axes(1..=6)),
        (halos(), halos(), prop::sample::select(vec![[0, 0], [8, 0], [16, 24]])),
        activations(),
        (1..=3usize, 1..=4usize),
        any::<u64>(),
    )
        .prop_map(|(size, axes, layout, activation, blocking, seed)| Case {
            batch: size.0,
            channels: size.1.0,
            groups: size.1.1,
            input: axes.map(|axis| axis.0),
            output: axes.map(|axis| axis.1),
            axes: axes.map(|axis| axis.2),
            spare: layout.0,
            output_halo: layout.1,
            beside: layout.2,
            activation,
            blocking: Blocking { input_blocks: blocking.0, rows: blocking.1 },
            seed,
        })
}

impl Case {
    /// The halo that the phases read, and what is to spare.
    fn halo(&self) -> Halo {
        let sides = [0, 1].map(|axis| {
            let reach = self.axes[axis].reach(self.output[axis]);
            let after = reach.end - self.input[axis] as isize;
            [-reach.start, after].map(|side| side.max(0) as usize)
        });
        let Halo { top, left, bottom, right } = self.spare;
        let ([above, below], [before, after]) = (sides[0], sides[1]);
        Halo { top: above + top, left: before + left, bottom: below + bottom, right: after + right }
    }

    fn output_tensor(&self, arena: &mut Arena) -> Blocked {
        let (out, [left, right]) = (self.channels[1] * self.groups, self.beside);
        let whole = [self.batch, left + out + right, self.output[0], self.output[1]];
        arena.tensor(whole, self.output_halo).slice_channels(left, out)
    }

    /// Element `(n, c, y, x)` before bias and activation.
    fn sum(&self, arena: &Arena, input: &Blocked, filters: &[f32], at: [usize; 4]) -> f64 {
        let [n, c, y, x] = at;
        let [depth, group_out] = self.channels;
        // Which input position tap `k` brings to an output position.
        let source = |axis: usize, place: usize, k: usize| {
            let TransposedAxis { stride, dilation, pad, .. } = self.axes[axis];
            let ahead = (place + pad).checked_sub(k * dilation)?;
            (ahead.is_multiple_of(stride) && ahead / stride < self.input[axis])
                .then_some((ahead / stride) as isize)
        };
        let [kh, kw] = self.axes.map(|axis| axis.kernel);
        let mut sum = 0.0;
        for i in (0..depth).map(|i| c / group_out * depth + i) {
            for ky in 0..kh {
                let Some(row) = source(0, y, ky) else { continue };
                for kx in 0..kw {
                    let Some(column) = source(1, x, kx) else { continue };
                    let weight = filters[((i * group_out + c % group_out) * kh + ky) * kw + kx];
                    sum += arena.get(input, [n, i], row, column) * f64::from(weight);
                }
            }
        }
        sum
    }
}

/// What a case computes with: tensors, weights as a model has them, and what
/// its store does.
struct Operands {
    arena: Arena,
    weights: Weights,
    input: Blocked,
    output: Blocked,
    filters: Vec<f32>,
    store: Store,
}

fn operands(case: &Case) -> Operands {
    let mut numbers = Numbers::new(case.seed);
    let (mut arena, mut weights) = (Arena::new(), Weights::new());
    let [depth, group_out] = case.channels;
    let [input, output] = [depth, group_out].map(|channels| channels * case.groups);
    let shape = [case.batch, input, case.input[0], case.input[1]];
    let input_tensor = arena.random_tensor(shape, case.halo(), &mut numbers);
    let output_tensor = case.output_tensor(&mut arena);
    let shape = [case.batch, output, case.output[0], case.output[1]];
    let store = Store::new(shape, case.activation, None, &mut arena, &mut weights, &mut numbers);
    let taps = case.axes[0].kernel * case.axes[1].kernel;
    let filters = numbers.take_filters(1, input * group_out * taps);
    let filters = filters.iter().map(|weight| weight * (output as f32).sqrt()).collect();
    Operands { arena, weights, input: input_tensor, output: output_tensor, filters, store }
}

fn check_dense(case: &Case) {
    let mut all = operands(case);
    let channels = case.channels.map(|channels| channels * case.groups);
    let (groups, axes) = (case.groups, case.axes);
    let packed = pack_transposed_weights(&all.filters, channels, groups, groups, axes, case.output);
    let conv = ConvTranspose {
        input: all.input,
        output: all.output,
        weights: all.weights.push(&packed),
        bias: all.store.bias,
        axes,
        groups,
        activation: all.store.activation,
        blocking: case.blocking,
    };
    run_pieces(&conv, &mut all.arena, &all.weights.values, |before, after| {
        after.check_output(&before.values, &conv.output, |[n, c], y, x| {
            let sum = case.sum(before, &conv.input, &all.filters, [n, c, y, x]);
            all.store.apply(before, [n, c], y, x, sum)
        });
    });
}

fn check_depthwise(case: &Case) {
    let mut all = operands(case);
    let packed =
        pack_transposed_depthwise_weights(&all.filters, case.groups, case.axes, case.output);
    let conv = DepthwiseConvTranspose {
        input: all.input,
        output: all.output,
        weights: all.weights.push(&packed),
        bias: all.store.bias,
        axes: case.axes,
        activation: all.store.activation,
    };
    run_pieces(&conv, &mut all.arena, &all.weights.values, |before, after| {
        after.check_output(&before.values, &conv.output, |[n, c], y, x| {
            let sum = case.sum(before, &conv.input, &all.filters, [n, c, y, x]);
            all.store.apply(before, [n, c], y, x, sum)
        });
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn agrees_with_the_definition(case in cases()) {
        check_dense(&case);
    }

    #[test]
    fn a_kernel_a_channel_agrees_with_the_definition(case in cases(), channels in channels()) {
        check_depthwise(&Case { channels: [1, 1], groups: channels, ..case });
    }

    #[test]
    fn groups_that_are_merged_do_not_mix(case in cases(), groups in 2..=4usize) {
        let channels = case.channels.map(|channels| channels.min(5));
        let case = Case { channels, groups, ..case };
        let mut all = operands(&case);
        let channels = channels.map(|channels| channels * groups);
        let packed =
            pack_transposed_weights(&all.filters, channels, groups, 1, case.axes, case.output);
        let conv = ConvTranspose {
            input: all.input,
            output: all.output,
            weights: all.weights.push(&packed),
            bias: all.store.bias,
            axes: case.axes,
            groups: 1,
            activation: all.store.activation,
            blocking: case.blocking,
        };
        run_pieces(&conv, &mut all.arena, &all.weights.values, |before, after| {
            after.check_output(&before.values, &conv.output, |[n, c], y, x| {
                let sum = case.sum(before, &conv.input, &all.filters, [n, c, y, x]);
                all.store.apply(before, [n, c], y, x, sum)
            });
        });
    }
}

#[test]
#[should_panic(expected = "halo covers")]
fn an_input_without_the_zeros_that_are_read_is_refused() {
    let axis = TransposedAxis { kernel: 3, stride: 2, dilation: 1, pad: 0 };
    let input = Blocked::new([1, 8, 4, 4], Halo::default(), 0);
    super::check_reach(&[axis; 2], &input, &Blocked::new([1, 8, 9, 9], Halo::default(), 0));
}
