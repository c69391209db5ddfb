//! The first layer against plain loops in f64.

use super::super::testing::{Arena, Numbers, Store, Weights, activations, channels, halos};
use super::{check, pieces, run};
use crate::simd::Isa;
use crate::step::{Activation, Halo, Plain, PlanarConv, pack_planar_weights};
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Case {
    batch: usize,
    channels: usize,
    out: usize,
    output: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    /// Rows and columns of the picture that nothing reads.
    spare: [usize; 2],
    halo: Halo,
    activation: Activation,
    seed: u64,
}

fn pair(range: core::ops::RangeInclusive<usize>) -> impl Strategy<Value = [usize; 2]> {
    [range.clone(), range]
}

fn cases() -> impl Strategy<Value = Case> {
    (
        (1..=2usize, 1..=5usize, channels()),
        prop_oneof![pair(1..=9), (30..=40usize, 1..=40usize).prop_map(|(h, w)| [h, w])],
        (pair(1..=5), pair(1..=4), pair(1..=2), pair(0..=2)),
        halos(),
        activations(),
        any::<u64>(),
    )
        .prop_map(|(size, output, taps, halo, activation, seed)| Case {
            batch: size.0,
            channels: size.1,
            out: size.2,
            output,
            kernel: taps.0,
            stride: taps.1,
            dilation: taps.2,
            spare: taps.3,
            halo,
            activation,
            seed,
        })
}

fn check_case(case: &Case) {
    let mut numbers = Numbers::new(case.seed);
    let (mut arena, mut weights) = (Arena::new(), Weights::new());
    let [kh, kw] = case.kernel;
    let size = |axis: usize| {
        (case.output[axis] - 1) * case.stride[axis]
            + (case.kernel[axis] - 1) * case.dilation[axis]
            + 1
            + case.spare[axis]
    };
    let (height, width) = (size(0), size(1));
    let len = case.batch * case.channels * height * width;
    let input = Plain { offset: arena.reserve(len), len };
    arena.values[input.offset / 4..][..len].copy_from_slice(&numbers.take(len));
    let shape = [case.batch, case.out, case.output[0], case.output[1]];
    let output = arena.tensor(shape, case.halo);
    let store = Store::new(shape, case.activation, None, &mut arena, &mut weights, &mut numbers);
    let depth_taps = case.channels * kh * kw;
    let filters = numbers.take_filters(case.out, depth_taps);
    let conv = PlanarConv {
        input,
        output,
        channels: case.channels,
        height,
        width,
        weights: weights.push(&pack_planar_weights(&filters, case.out, depth_taps)),
        bias: store.bias,
        kernel: case.kernel,
        stride: case.stride,
        dilation: case.dilation,
        activation: store.activation,
    };
    check(&conv);

    let before = arena.values.clone();
    let sum = |arena: &Arena, [n, c]: [usize; 2], y: usize, x: usize| {
        let mut sum = 0.0;
        for i in 0..case.channels {
            for ky in 0..kh {
                for kx in 0..kw {
                    let row = y * case.stride[0] + ky * case.dilation[0];
                    let column = x * case.stride[1] + kx * case.dilation[1];
                    let place = ((n * case.channels + i) * height + row) * width + column;
                    sum += f64::from(arena.values[input.offset / 4 + place])
                        * f64::from(filters[((c * case.channels + i) * kh + ky) * kw + kx]);
                }
            }
        }
        sum
    };
    for isa in Isa::available() {
        arena.values.copy_from_slice(&before);
        for piece in (0..pieces(&conv, isa)).rev() {
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
