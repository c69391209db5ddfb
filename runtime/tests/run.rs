//! What a run promises whatever its steps: it allocates nothing, and engines
//! on several threads share their weights.

use cnnc_runtime::step::*;
use cnnc_runtime::{Engine, Isa, Weights};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, counting the allocations of each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as the caller's.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const HALO: Halo = Halo { top: 1, left: 1, bottom: 1, right: 1 };
const NO_HALO: Halo = Halo { top: 0, left: 0, bottom: 0, right: 0 };

// A small network with a step of each kind but elementwise ones.
const PICTURE: Plain = Plain { offset: 0, len: 20 * 5 * 5 };
const PACKED: Blocked = Blocked::new([1, 20, 5, 5], HALO, 2048);
const CONVOLVED: Blocked = Blocked::new([1, 20, 5, 5], NO_HALO, 8192);
const POOLED: Blocked = Blocked::new([1, 20, 3, 3], NO_HALO, 12288);
const PLANES: Plain = Plain { offset: 14336, len: 20 * 3 * 3 };
const NORMALISED: Plain = Plain { offset: 15104, len: 20 * 3 * 3 };
const SCORES: Plain = Plain { offset: 15872, len: 7 };
const PRODUCT: Plain = Plain { offset: 15936, len: 49 };
const LIKELY: Plain = Plain { offset: 16192, len: 7 };
const ARENA: usize = 16256;

const FILTERS: Section = Section { offset: 64, len: 32 * 24 * 9 };
/// What these values are does not matter.
const MATRIX: Section = Section { offset: 64, len: 7 * 180 };
const ZEROS: Section = Section { offset: 64 + 4 * 32 * 24 * 9, len: 32 };
const WEIGHTS: usize = 64 + 4 * 32 * 24 * 9 + 4 * 32;

const PACK: Pack = Pack { input: PICTURE, output: PACKED };
const CONV: Conv = Conv {
    input: PACKED,
    output: CONVOLVED,
    residual: None,
    weights: FILTERS,
    bias: ZEROS,
    kernel: [3, 3],
    stride: [1, 1],
    dilation: [1, 1],
    pad: [1, 1],
    groups: 1,
    activation: Activation::Silu,
    blocking: Blocking { input_blocks: 2, rows: 3 },
};
const POOL: Pool = Pool {
    input: CONVOLVED,
    output: POOLED,
    kind: PoolKind::Max,
    kernel: [3, 3],
    stride: [2, 2],
    dilation: [1, 1],
    pad: [1, 1],
    pad_end: [1, 1],
};
const UNPACK: Unpack = Unpack { input: POOLED, output: PLANES };
const NORMALISE: LocalResponse = LocalResponse {
    input: PLANES,
    output: NORMALISED,
    batch: 1,
    channels: 20,
    plane: 9,
    size: 5,
    alpha: 1e-4,
    beta: 0.75,
    bias: 1.0,
};
const DENSE: Dense = Dense {
    input: NORMALISED,
    output: SCORES,
    weights: MATRIX,
    bias: ZEROS,
    batch: Extent::Fixed { size: 1 },
    inputs: 180,
    outputs: 7,
    activation: Activation::Identity,
};
const MULTIPLY: MatMul = MatMul {
    left: SCORES,
    right: SCORES,
    output: PRODUCT,
    rows: 7,
    depth: 1,
    columns: 7,
    batches: [1; RANK],
    left_strides: [0; RANK],
    right_strides: [0; RANK],
};
const SOFTMAX: Softmax =
    Softmax { input: SCORES, output: LIKELY, outer: 1, axis: 7, inner: 1, logarithm: false };

fn weights() -> (Weights, u64) {
    let filters: Vec<f32> =
        (0..20 * 20 * 9).map(|i| ((i * 7919) % 64) as f32 / 640.0 - 0.05).collect();
    let mut values = vec![0.0; 16];
    values.extend(pack_conv_weights(&filters, [20, 20, 3, 3], 1, 1));
    values.resize(WEIGHTS / 4, 0.0);
    let content = seal(&mut values);
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    (Weights::copied(&bytes), content)
}

/// Runs the network and returns how often that allocated.
fn run(engine: &mut Engine, picture: &[f32]) -> usize {
    let before = ALLOCATIONS.with(Cell::get);
    let mut run = engine.start();
    run.write(&PICTURE, picture);
    run.step(&PACK);
    run.step(&CONV);
    run.step(&POOL);
    run.step(&UNPACK);
    run.step(&NORMALISE);
    run.step(&DENSE);
    run.step(&MULTIPLY);
    run.step(&SOFTMAX);
    drop(run);
    let likely: &[f32] = engine.read(&LIKELY);
    let allocations = ALLOCATIONS.with(Cell::get) - before;
    assert!((likely.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{likely:?}");
    allocations
}

fn picture() -> Vec<f32> {
    (0..PICTURE.len).map(|i| ((i * 31) % 17) as f32 / 8.0 - 1.0).collect()
}

#[test]
fn a_run_allocates_nothing() {
    let before = ALLOCATIONS.with(Cell::get);
    drop(std::hint::black_box(Box::new(before)));
    assert_eq!(ALLOCATIONS.with(Cell::get), before + 1, "the allocator counts");
    let (weights, content) = weights();
    let picture = picture();
    for isa in Isa::available() {
        let engine = Engine::new(weights.clone(), ARENA, WEIGHTS, content).unwrap();
        let mut engine = engine.with_isa(isa);
        assert_eq!(engine.isa(), isa);
        for recorded in [None, Some(8), Some(3)] {
            engine.record_times(recorded);
            assert_eq!(run(&mut engine, &picture), 0, "{isa}");
            assert_eq!(run(&mut engine, &picture), 0, "{isa}");
            // Steps past those that there is room for are not recorded.
            assert!(engine.step_times().len() == recorded.unwrap_or(0));
        }
    }
}

#[test]
fn instruction_sets_agree() {
    let (weights, content) = weights();
    let picture = picture();
    let mut scores = Isa::available().map(|isa| {
        let engine = Engine::new(weights.clone(), ARENA, WEIGHTS, content).unwrap();
        let mut engine = engine.with_isa(isa);
        run(&mut engine, &picture);
        engine.read::<f32>(&SCORES).to_vec()
    });
    let first = scores.next().unwrap();
    let largest = first.iter().fold(0.0, |largest: f32, score| largest.max(score.abs()));
    for scores in scores {
        for (one, other) in first.iter().zip(&scores) {
            assert!((one - other).abs() <= 1e-5 * largest, "{first:?} {scores:?}");
        }
    }
}

#[test]
fn engines_of_several_threads_share_weights() {
    let (weights, content) = weights();
    let picture = &picture();
    let scores: Vec<Vec<f32>> = std::thread::scope(|scope| {
        let engines = (0..3).map(|_| {
            let mut engine = Engine::new(weights.clone(), ARENA, WEIGHTS, content).unwrap();
            scope.spawn(move || {
                run(&mut engine, picture);
                engine.read::<f32>(&SCORES).to_vec()
            })
        });
        let engines: Vec<_> = engines.collect();
        engines.into_iter().map(|engine| engine.join().unwrap()).collect()
    });
    assert!(scores[0].iter().any(|score| *score != 0.0));
    assert!(scores.iter().all(|other| *other == scores[0]));
}
