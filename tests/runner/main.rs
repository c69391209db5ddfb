//! Runs generated networks of one input and one output on data from files.
//!
//! `program NETWORK WEIGHTS FOLDER` reads `FOLDER/input_N` for every `N` from 0
//! on and writes `FOLDER/output_N`, all raw little-endian f32. On the way it
//! checks what a user relies on besides the values: `run` allocates nothing,
//! and what earlier runs left in memory changes nothing.

// Generated: the modules, and `load`, which picks one by its name.
mod networks;

use cnnc_runtime::Weights;
use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A generated model behind values without shapes.
pub trait Network {
    fn run_on(&mut self, input: &[f32]) -> &[f32];
}

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
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let [name, weights, folder] = &arguments[..] else {
        panic!("usage: program NETWORK WEIGHTS FOLDER")
    };
    let folder = Path::new(folder);
    let load = || networks::load(name.to_str().unwrap(), Weights::mapped(Path::new(weights)).unwrap());
    let mut model = load();
    let inputs: Vec<Vec<f32>> =
        (0..).map_while(|number| read(&folder.join(format!("input_{number}")))).collect();

    let mut outputs = Vec::new();
    for (number, input) in inputs.iter().enumerate() {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        let output = model.run_on(input);
        let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
        assert_eq!(allocations, 0, "run {number} allocated");
        let output = output.to_vec();
        fs::write(folder.join(format!("output_{number}")), bytes(&output)).unwrap();
        outputs.push(output);
    }

    for (number, (input, output)) in inputs.iter().zip(&outputs).enumerate().rev() {
        let other: Vec<f32> = input.iter().map(|value| 3.0 - value).collect();
        model.run_on(&other);
        assert_eq!(bytes(model.run_on(input)), bytes(output), "input {number} after other runs");
        let mut fresh = load();
        assert_eq!(bytes(fresh.run_on(input)), bytes(output), "input {number} in a fresh model");
    }
}

fn read(path: &Path) -> Option<Vec<f32>> {
    let bytes = fs::read(path).ok()?;
    Some(bytes.as_chunks().0.iter().map(|&chunk| f32::from_le_bytes(chunk)).collect())
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}
