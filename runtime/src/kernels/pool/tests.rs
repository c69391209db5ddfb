//! Pooling against plain loops in f64.

use super::super::testing::{Arena, Numbers, channels, halo_places, halos, run_pieces};
use crate::step::{Halo, Pool, PoolKind};
use alloc::vec;
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Case {
    shape: [usize; 4],
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    pad: [usize; 2],
    pad_end: [usize; 2],
    kind: PoolKind,
    /// Rows and columns of the output beyond those whose windows end inside.
    hanging: [usize; 2],
    halos: [Halo; 2],
    seed: u64,
}

fn pair(range: core::ops::RangeInclusive<usize>) -> impl Strategy<Value = [usize; 2]> {
    [range.clone(), range]
}

fn cases() -> impl Strategy<Value = Case> {
    let kinds = [PoolKind::Max, PoolKind::AverageInside, PoolKind::AveragePadded];
    (
        (1..=2usize, channels(), 1..=9usize, 1..=30usize),
        (pair(1..=4), pair(1..=3), pair(1..=2), pair(0..=2), pair(0..=2)),
        (prop::sample::select(kinds.to_vec()), pair(0..=1), [halos(), halos()]),
        any::<u64>(),
    )
        .prop_map(|((n, c, height, width), windows, rest, seed)| Case {
            shape: [n, c, height, width],
            kernel: windows.0,
            stride: windows.1,
            dilation: windows.2,
            pad: windows.3,
            pad_end: windows.4,
            kind: rest.0,
            hanging: rest.1,
            halos: rest.2,
            seed,
        })
}

fn expected(case: &Case, pool: &Pool, before: &Arena, nc: [usize; 2], y: usize, x: usize) -> f64 {
    let [_, _, height, width] = case.shape.map(|size| size as isize);
    let (mut values, mut counted) = (vec![], 0usize);
    for ky in 0..case.kernel[0] {
        for kx in 0..case.kernel[1] {
            let place = |axis: usize, at: usize, k: usize| {
                (at * case.stride[axis] + k * case.dilation[axis]) as isize
                    - case.pad[axis] as isize
            };
            let (y, x) = (place(0, y, ky), place(1, x, kx));
            if (0..height).contains(&y) && (0..width).contains(&x) {
                values.push(before.get(&pool.input, nc, y, x));
            }
            counted += usize::from(
                y < height + case.pad_end[0] as isize && x < width + case.pad_end[1] as isize,
            );
        }
    }
    let sum: f64 = values.iter().sum();
    match case.kind {
        PoolKind::Max => values.into_iter().fold(f64::from(f32::MIN), f64::max),
        PoolKind::AverageInside => sum / values.len().max(1) as f64,
        PoolKind::AveragePadded => sum / counted.max(1) as f64,
    }
}

fn check_case(case: &Case) {
    let mut arena = Arena::new();
    let [batch, channels, height, width] = case.shape;
    let input = arena.random_tensor(case.shape, case.halos[0], &mut Numbers::new(case.seed));
    // What the halo holds must not matter.
    for place in halo_places(&input) {
        arena.values[place] = f32::MAX;
    }
    let windows = |axis: usize, size: usize| {
        let padded = size + case.pad[axis] + case.pad_end[axis];
        let reach = (case.kernel[axis] - 1) * case.dilation[axis] + 1;
        padded.saturating_sub(reach) / case.stride[axis] + 1 + case.hanging[axis]
    };
    let shape = [batch, channels, windows(0, height), windows(1, width)];
    let output = arena.tensor(shape, case.halos[1]);
    let Case { kernel, stride, dilation, pad, pad_end, kind, .. } = *case;
    let pool = Pool { input, output, kind, kernel, stride, dilation, pad, pad_end };
    run_pieces(&pool, &mut arena, &[], |before, after| {
        after.check_output(&before.values, &output, |nc, y, x| {
            expected(case, &pool, before, nc, y, x)
        });
    });
}

proptest! {
    #[test]
    fn windows_are_cut_at_the_border(case in cases()) {
        check_case(&case);
    }
}
