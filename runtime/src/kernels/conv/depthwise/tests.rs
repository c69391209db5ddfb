//! Depthwise convolution against plain loops in f64.

use super::super::testing::{Arena, Numbers, Store, Weights, activations, channels, halos, orders};
use super::{check, pieces, run};
use crate::simd::Isa;
use crate::step::{Activation, DepthwiseConv, Halo, ResidualOrder, pack_depthwise_weights};
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Case {
    batch: usize,
    channels: usize,
    output: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    pad: [usize; 2],
    spare: Halo,
    output_halo: Halo,
    activation: Activation,
    order: Option<ResidualOrder>,
    seed: u64,
}

fn pair(range: core::ops::RangeInclusive<usize>) -> impl Strategy<Value = [usize; 2]> {
    [range.clone(), range]
}

fn cases() -> impl Strategy<Value = Case> {
    (
        (1..=2usize, channels()),
        prop_oneof![pair(1..=9), (1..=3usize, 1..=31usize).prop_map(|(h, w)| [h, w])],
        (pair(1..=5), pair(1..=3), pair(1..=2), pair(0..=2)),
        (halos(), halos()),
        (activations(), orders()),
        any::<u64>(),
    )
        .prop_map(|(size, output, taps, layout, store, seed)| Case {
            batch: size.0,
            channels: size.1,
            output,
            kernel: taps.0,
            stride: taps.1,
            dilation: taps.2,
            pad: taps.3,
            spare: layout.0,
            output_halo: layout.1,
            activation: store.0,
            order: store.1,
            seed,
        })
}

fn check_case(case: &Case) {
    let mut numbers = Numbers::new(case.seed);
    let (mut arena, mut weights) = (Arena::new(), Weights::new());
    let taps = case.kernel[0] * case.kernel[1];
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
    let shape = [case.batch, case.channels, size(0), size(1)];
    let input = arena.random_tensor(shape, halo, &mut numbers);
    let shape = [case.batch, case.channels, case.output[0], case.output[1]];
    let output = arena.tensor(shape, case.output_halo);
    let store =
        Store::new(shape, case.activation, case.order, &mut arena, &mut weights, &mut numbers);
    let filters = numbers.take_filters(case.channels, taps);
    let conv = DepthwiseConv {
        input,
        output,
        residual: store.residual,
        weights: weights.push(&pack_depthwise_weights(&filters, case.channels, taps)),
        bias: store.bias,
        kernel: case.kernel,
        stride: case.stride,
        dilation: case.dilation,
        pad: case.pad,
        activation: store.activation,
    };
    check(&conv);

    let before = arena.values.clone();
    let sum = |arena: &Arena, [n, c]: [usize; 2], y: usize, x: usize| {
        let mut sum = 0.0;
        for ky in 0..case.kernel[0] {
            for kx in 0..case.kernel[1] {
                let place = |at: usize, k: usize, axis: usize| {
                    (at * case.stride[axis] + k * case.dilation[axis]) as isize
                        - case.pad[axis] as isize
                };
                let value = arena.get(&input, [n, c], place(y, ky, 0), place(x, kx, 1));
                sum += value * f64::from(filters[c * taps + ky * case.kernel[1] + kx]);
            }
        }
        sum
    };
    for isa in Isa::available() {
        arena.values.copy_from_slice(&before);
        for piece in (0..pieces(&conv)).rev() {
            unsafe { run(&conv, arena.pointer(), weights.pointer(), isa, piece..piece + 1) };
        }
        arena.check_output(&before, &output, |[n, c], y, x| {
            store.apply(&arena, [n, c], y, x, sum(&arena, [n, c], y, x))
        });
    }
}

proptest! {
    #[test]
    fn agrees_with_the_definition(case in cases()) {
        check_case(&case);
    }
}
