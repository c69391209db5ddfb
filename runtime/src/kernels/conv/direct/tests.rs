//! The direct method against plain loops in f64.

use super::super::testing::{Arena, Numbers, Store, Weights, activations, channels, halos, orders};
use super::{check, pieces, run};
use crate::simd::Isa;
use crate::step::{Activation, Blocking, Conv, Halo, ResidualOrder, pack_conv_weights};
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Case {
    batch: usize,
    /// Input and output channels of a group.
    channels: [usize; 2],
    groups: usize,
    output: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    pad: [usize; 2],
    /// Zeros in the input's halo that nothing reads.
    spare: Halo,
    output_halo: Halo,
    /// Channels of the tensor that the output is a part of, before and after.
    beside: [usize; 2],
    activation: Activation,
    order: Option<ResidualOrder>,
    blocking: Blocking,
    /// Pieces that one call runs.
    run: usize,
    seed: u64,
}

fn pair(range: core::ops::RangeInclusive<usize>) -> impl Strategy<Value = [usize; 2]> {
    [range.clone(), range]
}

fn cases() -> impl Strategy<Value = Case> {
    let one_group = (channels(), channels()).prop_map(|(i, o)| ([i, o], 1));
    let grouped =
        (1..=3usize, 1..=3usize, 2..=3usize).prop_map(|(i, o, groups)| ([8 * i, 16 * o], groups));
    let taps = prop_oneof![
        Just(([1, 1], [1, 1], [1, 1], [0, 0])),
        (pair(1..=4), pair(1..=3), pair(1..=2), pair(0..=2)),
    ];
    let layout = (
        prop_oneof![Just(Halo::default()), halos()],
        halos(),
        prop::sample::select(vec![[0, 0], [8, 0], [16, 24]]),
    );
    let work = (1..=3usize, 1..=4usize, 1..=5usize)
        .prop_map(|(input_blocks, rows, run)| (Blocking { input_blocks, rows }, run));
    (
        (1..=2usize, prop_oneof![3 => one_group, 1 => grouped]),
        prop_oneof![pair(1..=9), (1..=3usize, 1..=31usize).prop_map(|(h, w)| [h, w])],
        taps,
        layout,
        (activations(), orders()),
        work,
        any::<u64>(),
    )
        .prop_map(|(size, output, taps, layout, store, work, seed)| Case {
            batch: size.0,
            channels: size.1.0,
            groups: size.1.1,
            output,
            kernel: taps.0,
            stride: taps.1,
            dilation: taps.2,
            pad: taps.3,
            spare: layout.0,
            output_halo: layout.1,
            beside: layout.2,
            activation: store.0,
            order: store.1,
            blocking: work.0,
            run: work.1,
            seed,
        })
}

fn check_case(case: &Case) {
    let mut numbers = Numbers::new(case.seed);
    let (mut arena, mut weights) = (Arena::new(), Weights::new());
    let [depth, group_out] = case.channels;
    let out = group_out * case.groups;
    let [kh, kw] = case.kernel;

    // The picture ends where the last tap of the last pixel does, or earlier.
    let reach = |axis: usize| {
        (case.output[axis] - 1) * case.stride[axis] + (case.kernel[axis] - 1) * case.dilation[axis]
    };
    let size = |axis: usize| (reach(axis) + 1).saturating_sub(2 * case.pad[axis]).max(1);
    let after = |axis: usize| (reach(axis) + 1).saturating_sub(size(axis) + case.pad[axis]);
    let halo = Halo {
        top: case.pad[0] + case.spare.top,
        left: case.pad[1] + case.spare.left,
        bottom: after(0) + case.spare.bottom,
        right: after(1) + case.spare.right,
    };
    let shape = [case.batch, depth * case.groups, size(0), size(1)];
    let input = arena.random_tensor(shape, halo, &mut numbers);
    let shape = [case.batch, out, case.output[0], case.output[1]];
    let [left, right] = case.beside;
    let whole = [case.batch, left + out + right, case.output[0], case.output[1]];
    let output = arena.tensor(whole, case.output_halo).slice_channels(left, out);
    let store =
        Store::new(shape, case.activation, case.order, &mut arena, &mut weights, &mut numbers);
    let filters = numbers.take_filters(out, depth * kh * kw);
    let packed = pack_conv_weights(&filters, [out, depth, kh, kw], case.groups, case.groups);
    let conv = Conv {
        input,
        output,
        residual: store.residual,
        weights: weights.push(&packed),
        bias: store.bias,
        kernel: case.kernel,
        stride: case.stride,
        dilation: case.dilation,
        pad: case.pad,
        groups: case.groups,
        activation: store.activation,
        blocking: case.blocking,
    };
    check(&conv);

    let before = arena.values.clone();
    let sum = |arena: &Arena, [n, c]: [usize; 2], y: usize, x: usize| {
        let mut sum = 0.0;
        for i in 0..depth {
            for ky in 0..kh {
                for kx in 0..kw {
                    let place = |at: usize, k: usize, axis: usize| {
                        (at * case.stride[axis] + k * case.dilation[axis]) as isize
                            - case.pad[axis] as isize
                    };
                    let channel = c / group_out * depth + i;
                    let value = arena.get(&input, [n, channel], place(y, ky, 0), place(x, kx, 1));
                    sum += value * f64::from(filters[((c * depth + i) * kh + ky) * kw + kx]);
                }
            }
        }
        sum
    };
    for isa in Isa::available() {
        arena.values.copy_from_slice(&before);
        let count = pieces(&conv, isa);
        // Pieces are independent: the last may come first.
        let starts: Vec<_> = (0..count).step_by(case.run).collect();
        for start in starts.into_iter().rev() {
            let pieces = start..count.min(start + case.run);
            unsafe { run(&conv, arena.pointer(), weights.pointer(), isa, pieces) };
        }
        arena.check_output(&before, &output, |[n, c], y, x| {
            store.apply(&arena, [n, c], y, x, sum(&arena, [n, c], y, x))
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn agrees_with_the_definition(case in cases()) {
        check_case(&case);
    }
}
