//! Regions against the plain operations.

use crate::kernels::testing::{Arena, Numbers, channels, halos, run_pieces};
use crate::operation::{
    GeneralMaxRoiPool, GeneralRoiAlign, Input, Operation, Output, Values, ValuesMut,
};
use crate::step::{Blocked, Halo, MaxRoiPool, Plain, RoiAlign};
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Case {
    shape: [usize; 4],
    halo: Halo,
    pooled: [usize; 2],
    /// Corners between -1 and 1 are multiplied by this.
    reach: f32,
    scale: f32,
    samples: usize,
    half_pixel: bool,
    regions: usize,
    /// How many there are in this run.
    present: Option<usize>,
    seed: u64,
}

fn cases() -> impl Strategy<Value = Case> {
    let reach = prop::sample::select(vec![3.0f32, 20.0, 60.0, 1e6, 1e30]);
    (
        (1..=2usize, channels(), 1..=12usize, 1..=30usize),
        halos(),
        [1..=8usize, 1..=8usize],
        (reach, prop::sample::select(vec![1.0f32, 0.25, 0.3])),
        (0..=3usize, any::<bool>()),
        (1..=4usize, prop::option::of(0..=3usize)),
        any::<u64>(),
    )
        .prop_map(|((n, c, h, w), halo, pooled, lengths, modes, counts, seed)| Case {
            shape: [n, c, h, w],
            halo,
            pooled,
            reach: lengths.0,
            scale: lengths.1,
            samples: modes.0,
            half_pixel: modes.1,
            regions: counts.0,
            present: counts.1.map(|present| present.min(counts.0)),
            seed,
        })
}

/// The arena of a case, and what a step on it is described with.
struct Setting {
    arena: Arena,
    input: Blocked,
    output: Plain,
    corners: Plain,
    pictures: Plain,
    count: Option<usize>,
    /// Pictures row by row, corners and indices.
    data: Vec<f32>,
    coordinates: Vec<f32>,
    indices: Vec<i64>,
}

impl Setting {
    /// Regions of four numbers, or of five that begin with a picture.
    fn new(case: &Case, of_each: usize) -> Self {
        let (mut arena, mut numbers) = (Arena::new(), Numbers::new(case.seed));
        let [batch, channels, height, width] = case.shape;
        let input = arena.random_tensor(case.shape, case.halo, &mut numbers);
        let data = (0..batch * channels * height * width).map(|i| {
            let (plane, pixel) = (i / (height * width), i % (height * width));
            let at = [plane / channels, plane % channels];
            arena.get(&input, at, (pixel / width) as isize, (pixel % width) as isize) as f32
        });
        let data: Vec<_> = data.collect();
        let corners = arena.plain(case.regions * of_each);
        let indices: Vec<_> = (0..case.regions).map(|i| (i % batch) as i64).collect();
        let coordinates: Vec<_> = (0..case.regions * of_each)
            .map(|i| match (of_each, i % of_each) {
                (5, 0) => indices[i / 5] as f32,
                // Most regions have their corners in order.
                (_, place) if place >= of_each - 2 => (numbers.next() + 0.9) * case.reach,
                _ => (numbers.next() - 0.5) * case.reach,
            })
            .collect();
        arena.values[corners.offset / 4..][..coordinates.len()].copy_from_slice(&coordinates);
        let pictures = integers(&mut arena, &indices);
        let count = case.present.map(|present| integers(&mut arena, &[present as i64]).offset);
        let output = arena.plain(case.regions * channels * case.pooled[0] * case.pooled[1]);
        Self { arena, input, output, corners, pictures, count, data, coordinates, indices }
    }

    /// What an operation makes of it; what is absent stays as it was.
    fn expected(&self, case: &Case, operation: &impl Operation) -> Vec<f32> {
        let present = case.present.unwrap_or(case.regions);
        let of_each = self.coordinates.len() / case.regions;
        let coordinates = &self.coordinates[..present * of_each];
        let data = Input::new(Values::F32(&self.data), &case.shape).unwrap();
        let corners = Input::new(Values::F32(coordinates), &[present, of_each]).unwrap();
        let indices = Input::new(Values::I64(&self.indices[..present]), &[present]).unwrap();
        let inputs = [Some(data), Some(corners), Some(indices)];
        let mut results = self.arena.elements(&self.output).to_vec();
        let mut outputs = [Output::new(ValuesMut::F32(&mut results), 4).unwrap()];
        let operands = if of_each == 4 { 3 } else { 2 };
        operation.run(&inputs[..operands], &mut outputs, &mut []).unwrap();
        results
    }
}

fn integers(arena: &mut Arena, values: &[i64]) -> Plain {
    let place = arena.reserve(2 * values.len());
    let words = values.iter().flat_map(|&value| [value as u32, (value >> 32) as u32]);
    for (slot, word) in arena.values[place / 4..].iter_mut().zip(words) {
        *slot = f32::from_bits(word);
    }
    Plain { offset: place, len: values.len() }
}

fn align(case: &Case, setting: &Setting) -> RoiAlign {
    let Case { pooled, scale, samples, half_pixel, regions, .. } = *case;
    let Setting { input, output, corners, pictures, count, .. } = *setting;
    RoiAlign {
        input,
        corners,
        pictures,
        output,
        regions,
        count,
        pooled,
        scale,
        samples,
        half_pixel,
    }
}

proptest! {
    #[test]
    fn aligned_regions_are_those_of_the_operation(case in cases()) {
        let mut setting = Setting::new(&case, 4);
        let Case { pooled, scale, samples, half_pixel, .. } = case;
        let operation = GeneralRoiAlign { pooled, scale, samples, half_pixel, maximum: false };
        let expected = setting.expected(&case, &operation);
        let (step, output) = (align(&case, &setting), setting.output);
        run_pieces(&step, &mut setting.arena, &[], |before, after| {
            after.check_plain(&before.values, &output, |i| expected[i].into());
        });
    }

    #[test]
    fn largest_values_are_those_of_the_operation(case in cases()) {
        let mut setting = Setting::new(&case, 5);
        let Case { pooled, scale, regions, .. } = case;
        let expected = setting.expected(&case, &GeneralMaxRoiPool { pooled, scale });
        let Setting { input, output, corners, count, .. } = setting;
        let step = MaxRoiPool { input, corners, output, regions, count, pooled, scale };
        run_pieces(&step, &mut setting.arena, &[], |before, after| {
            after.check_plain(&before.values, &output, |i| expected[i].into());
        });
    }
}

#[test]
fn a_region_of_no_picture_is_no_number() {
    let case = Case {
        shape: [1, 9, 4, 5],
        halo: Halo::default(),
        pooled: [2, 2],
        reach: 4.0,
        scale: 1.0,
        samples: 0,
        half_pixel: true,
        regions: 2,
        present: None,
        seed: 1,
    };
    let mut setting = Setting::new(&case, 4);
    setting.arena.values[setting.pictures.offset / 4 + 2] = f32::from_bits(1);
    let (step, output) = (align(&case, &setting), setting.output);
    run_pieces(&step, &mut setting.arena, &[], |_, after| {
        let results = after.elements(&output);
        assert!(results[..36].iter().all(|value| value.is_finite()));
        assert!(results[36..].iter().all(|value| value.is_nan()));
    });
}
