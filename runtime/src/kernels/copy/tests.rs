//! Copies against an index at a time.

use super::super::testing::{Arena, Numbers, Weights, run_pieces};
use super::Plan;
use crate::step::{Fill, Plain, RANK, StridedCopy};
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Case {
    element: usize,
    sizes: [usize; 4],
    /// The order of the dimensions in the memory of each tensor.
    orders: [Vec<usize>; 2],
    /// Elements between two in the innermost dimension.
    gaps: [isize; 2],
    /// Dimensions of the input that are walked backwards.
    backwards: [bool; 4],
    /// Dimensions in which the input is repeated.
    repeated: [bool; 4],
    seed: u64,
}

fn cases() -> impl Strategy<Value = Case> {
    let order = || Just(vec![0usize, 1, 2, 3]).prop_shuffle();
    let orders = prop_oneof![
        [Just(vec![0, 1, 2, 3]), Just(vec![0, 1, 2, 3])],
        [order().boxed(), Just(vec![0, 1, 2, 3]).boxed()],
        [order(), order()],
    ];
    let last = prop_oneof![1..=20usize, 8000..=8200usize];
    let rarely = || prop::bool::weighted(0.15);
    (
        prop::sample::select(vec![1usize, 2, 4, 8]),
        [(1..=3usize).boxed(), (1..=9usize).boxed(), (1..=20usize).boxed(), last.boxed()],
        (
            orders,
            [
                prop_oneof![3 => Just(1isize), 1 => Just(2isize)],
                prop_oneof![3 => Just(1isize), 1 => Just(3isize)],
            ],
        ),
        [rarely(), rarely(), rarely(), rarely()],
        [rarely(), rarely(), rarely(), rarely()],
        any::<u64>(),
    )
        .prop_map(|(element, mut sizes, (orders, gaps), backwards, repeated, seed)| {
            if sizes[3] > 100 {
                sizes[1] = 1;
                sizes[2] = sizes[2].min(3);
            }
            Case { element, sizes, orders, gaps, backwards, repeated, seed }
        })
}

/// Strides of a tensor whose dimensions lie in memory in this order, and its
/// length.
fn strides(
    sizes: &[usize; 4],
    order: &[usize],
    gap: isize,
    keep: [bool; 4],
) -> ([isize; 4], isize) {
    let (mut strides, mut len) = ([0; 4], gap);
    for &axis in order.iter().rev() {
        if keep[axis] {
            strides[axis] = len;
            len *= sizes[axis] as isize;
        }
    }
    (strides, len)
}

fn padded<T: Copy>(values: [T; 4], fill: T) -> [T; RANK] {
    let mut all = [fill; RANK];
    all[RANK - 4..].copy_from_slice(&values);
    all
}

fn check_case(case: &Case) {
    let mut arena = Arena::new();
    let mut numbers = Numbers::new(case.seed);
    let keep = case.repeated.map(|repeated| !repeated);
    let (mut input_strides, input_len) = strides(&case.sizes, &case.orders[0], case.gaps[0], keep);
    let (output_strides, output_len) =
        strides(&case.sizes, &case.orders[1], case.gaps[1], [true; 4]);
    let mut input_start = 1;
    for axis in (0..4).filter(|&axis| case.backwards[axis]) {
        input_start += input_strides[axis] * (case.sizes[axis] as isize - 1);
        input_strides[axis] = -input_strides[axis];
    }
    let mut place = |elements: isize| {
        let elements = (elements + 2) as usize;
        let words = (elements * case.element).div_ceil(4);
        let plain = arena.random_plain(words, &mut numbers);
        Plain { offset: plain.offset, len: elements }
    };
    let (input, output) = (place(input_len), place(output_len));
    let step = StridedCopy {
        input,
        output,
        element: case.element,
        sizes: padded(case.sizes, 1),
        input_start: input_start as usize,
        input_strides: padded(input_strides, 0),
        output_start: 2,
        output_strides: padded(output_strides, 0),
    };
    let bytes = |arena: &Arena| -> Vec<u8> {
        arena.values.iter().flat_map(|value| value.to_ne_bytes()).collect()
    };
    let mut expected = bytes(&arena);
    let [a, b, c, d] = case.sizes;
    for i in 0..a * b * c * d {
        let index = [i / (b * c * d), i / (c * d) % b, i / d % c, i % d];
        let offset = |strides: [isize; 4]| -> isize {
            index.iter().zip(strides).map(|(&i, stride)| i as isize * stride).sum()
        };
        let from =
            input.offset as isize + (input_start + offset(input_strides)) * case.element as isize;
        let to = output.offset as isize + (2 + offset(output_strides)) * case.element as isize;
        let source = from as usize..from as usize + case.element;
        expected.copy_within(source, to as usize);
    }
    run_pieces(&step, &mut arena, &[], |_, after| {
        assert!(bytes(after) == expected, "an element is at the wrong place");
    });
}

proptest! {
    #[test]
    fn every_element_is_copied(case in cases()) {
        check_case(&case);
    }

    #[test]
    fn constants_are_written(len in prop_oneof![1..=70usize, 16380..=16400usize], one: bool, seed: u64) {
        let (mut arena, mut weights) = (Arena::new(), Weights::new());
        let mut values = Numbers::new(seed).take(len);
        if one {
            values = vec![values[0]; len];
        }
        let output = arena.plain(len);
        let source = weights.push(if one { &values[..1] } else { &values });
        run_pieces(&Fill { output, source }, &mut arena, &weights.values, |before, after| {
            after.check_plain(&before.values, &output, |i| values[i].into());
        });
    }
}

#[test]
fn transpositions_go_by_tiles() {
    let copy =
        |sizes: [usize; 4], input_strides: [isize; 4], output_strides: [isize; 4]| StridedCopy {
            input: Plain { offset: 0, len: 10_000 },
            output: Plain { offset: 0, len: 10_000 },
            element: 4,
            sizes: padded(sizes, 1),
            input_start: 0,
            input_strides: padded(input_strides, 0),
            output_start: 0,
            output_strides: padded(output_strides, 0),
        };
    let turned = copy([1, 9, 10, 11], [990, 1, 99, 9], [990, 110, 11, 1]);
    assert!(matches!(turned.plan(), Plan::Transposed { adjoining: 9, output_stride: 110, .. }));
    let straight = copy([1, 9, 10, 11], [990, 110, 11, 1], [990, 110, 11, 1]);
    assert!(matches!(straight.plan(), Plan::Rows(_)));
}

#[test]
#[should_panic(expected = "strides lead outside")]
fn a_walk_out_of_the_input_is_refused() {
    let mut arena = Arena::new();
    let [input, output] = [arena.plain(12), arena.plain(12)];
    let step = StridedCopy {
        input,
        output,
        element: 4,
        sizes: padded([1, 1, 3, 4], 1),
        input_start: 2,
        input_strides: padded([0, 0, 4, -1], 0),
        output_start: 0,
        output_strides: padded([0, 0, 4, 1], 0),
    };
    run_pieces(&step, &mut arena, &[], |_, _| {});
}
