//! Runs one generated network of one input and one output on data from files.
//!
//! `program WEIGHTS FOLDER` reads `FOLDER/input_N` for every `N` from 0 on and
//! writes `FOLDER/output_N`, all raw little-endian f32. On the way it checks
//! what a user relies on besides the values: `run` allocates nothing, and what
//! earlier runs left in memory changes nothing.

mod model;

use cnnc_runtime::{View, Weights};
use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator, counting.
struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
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

fn main() {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [weights, folder] = &arguments[..] else { panic!("usage: program WEIGHTS FOLDER") };
    let load = || model::Model::with_weights(Weights::from_file(weights).unwrap()).unwrap();
    let mut model = load();
    let inputs: Vec<Vec<f32>> =
        (0..).map_while(|number| read(&folder.join(format!("input_{number}")))).collect();

    let mut outputs = Vec::new();
    for (number, input) in inputs.iter().enumerate() {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        let output = model.run(View::of(input));
        let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
        assert_eq!(allocations, 0, "run {number} allocated");
        let output = output.as_slice().to_vec();
        fs::write(folder.join(format!("output_{number}")), bytes(&output)).unwrap();
        outputs.push(output);
    }

    for (number, (input, output)) in inputs.iter().zip(&outputs).enumerate().rev() {
        let other: Vec<f32> = input.iter().map(|value| 3.0 - value).collect();
        model.run(View::of(&other));
        let again = model.run(View::of(input));
        assert_eq!(bytes(again.as_slice()), bytes(output), "input {number} after other runs");
        let mut fresh = load();
        let again = fresh.run(View::of(input));
        assert_eq!(bytes(again.as_slice()), bytes(output), "input {number} in a fresh model");
    }
}

fn read(path: &Path) -> Option<Vec<f32>> {
    let bytes = fs::read(path).ok()?;
    Some(bytes.as_chunks().0.iter().map(|&chunk| f32::from_le_bytes(chunk)).collect())
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}
