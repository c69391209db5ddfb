//! Runs generated networks on data from files.
//!
//! `program NETWORK WEIGHTS FOLDER` reads `FOLDER/set_N/input_I` for every `N`
//! and `I` from 0 on and writes `FOLDER/set_N/output_I`, all raw little-endian
//! elements, and the sizes of each output as numbers in `sizes_I`. On the way it
//! checks what a user relies on besides the values: `run` allocates nothing,
//! and what earlier runs left in memory changes nothing.

// Generated: the modules, and `load`, which picks one by its name.
mod networks;

use cnnc_runtime::step::Plain;
use cnnc_runtime::{Network, Port, Weights};
use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::OsString;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A generated model behind bytes.
pub trait AnyNetwork {
    fn run(&mut self, inputs: &[Vec<u8>]);
    fn outputs(&mut self) -> Vec<Output>;
    /// Other values for the inputs that are floats.
    fn others(&self, inputs: &[Vec<u8>]) -> Vec<Vec<u8>>;
}

/// An output at the sizes that the run found.
#[derive(Debug, PartialEq)]
pub struct Output {
    sizes: Vec<usize>,
    bytes: Vec<u8>,
}

impl<N: Network> AnyNetwork for N {
    fn run(&mut self, inputs: &[Vec<u8>]) {
        let mut run = self.engine().start();
        for (port, bytes) in N::INPUTS.iter().zip(inputs) {
            run.write_bytes(&port.place, element_bytes(port), bytes);
        }
        N::steps(&mut run);
    }

    fn outputs(&mut self) -> Vec<Output> {
        let engine = self.engine();
        let read = |port: &Port| {
            let sizes = port.sizes.iter().zip(port.counts);
            let sizes: Vec<_> = sizes.map(|(&size, &count)| engine.size(size, count)).collect();
            let len = if sizes.contains(&0) { 0 } else { sizes.iter().product() };
            let place = Plain { offset: port.place.offset, len };
            Output { sizes, bytes: engine.read_bytes(&place, element_bytes(port)).to_vec() }
        };
        N::OUTPUTS.iter().map(read).collect()
    }

    fn others(&self, inputs: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let other = |(port, bytes): (&Port, &Vec<u8>)| match port.element {
            "f32" => {
                let values = bytes.as_chunks().0.iter().map(|&chunk| f32::from_le_bytes(chunk));
                values.flat_map(|value| (3.0 - value).to_le_bytes()).collect()
            }
            _ => bytes.clone(),
        };
        N::INPUTS.iter().zip(inputs).map(other).collect()
    }
}

fn element_bytes(port: &Port) -> usize {
    match port.element {
        "i8" | "u8" | "bool" => 1,
        "i16" | "u16" => 2,
        "f64" | "i64" | "u64" => 8,
        _ => 4,
    }
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
    let weights = Path::new(weights);
    let load = || networks::load(name.to_str().unwrap(), Weights::mapped(weights).unwrap());
    let mut model = load();
    let sets = (0..).map(|number| folder.join(format!("set_{number}")));
    let sets: Vec<_> = sets.take_while(|set| set.is_dir()).collect();
    let inputs: Vec<Vec<Vec<u8>>> = sets.iter().map(|set| read(set)).collect();

    let mut outputs = Vec::new();
    for (set, inputs) in sets.iter().zip(&inputs) {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        model.run(inputs);
        let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
        assert_eq!(allocations, 0, "running {} allocated", set.display());
        let found = model.outputs();
        for (number, output) in found.iter().enumerate() {
            fs::write(set.join(format!("output_{number}")), &output.bytes).unwrap();
            let sizes: Vec<_> = output.sizes.iter().map(ToString::to_string).collect();
            fs::write(set.join(format!("sizes_{number}")), sizes.join(" ")).unwrap();
        }
        outputs.push(found);
    }

    for (number, (inputs, outputs)) in inputs.iter().zip(&outputs).enumerate().rev() {
        let others = model.others(inputs);
        // Which the network may refuse, as a depth that is negative.
        let _ = catch_unwind(AssertUnwindSafe(|| model.run(&others)));
        model.run(inputs);
        assert_eq!(&model.outputs(), outputs, "set {number} after other runs");
        let mut fresh = load();
        fresh.run(inputs);
        assert_eq!(&fresh.outputs(), outputs, "set {number} in a fresh model");
    }
}

/// The files `input_0`, `input_1` and so on.
fn read(set: &Path) -> Vec<Vec<u8>> {
    (0..).map_while(|number| fs::read(set.join(format!("input_{number}"))).ok()).collect()
}
