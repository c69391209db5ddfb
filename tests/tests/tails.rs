//! Random tails of networks through the whole pipeline, against the reference
//! evaluation of the graph as it was imported.

use cnnc::ir::Tensor;
use cnnc::{Options, Source, WeightsMode, compile};
use cnnc_tests::generated::Runner;
use cnnc_tests::tails::{Tail, stored};
use cnnc_tests::{raw, target_folder};
use onnx_protobuf::Message;
use std::path::Path;

/// Graphs, and how many of them are in a program.
const GRAPHS: u64 = 2000;
const IN_A_PROGRAM: usize = 250;

/// Graphs that are written to `target/tails`, for `peers/tails.py` to run.
const WRITTEN: usize = 300;

/// Largest error of a float, relative to the larger of its value and 1.
const TOLERANCE: f64 = 2e-5;

#[test]
fn random_tails_compute_what_the_reference_does() {
    let options = Options { weights: WeightsMode::Bytes, ..Options::default() };
    let mut wrong = Vec::new();
    let numbers: Vec<u64> = (0..GRAPHS).collect();
    for (program, numbers) in numbers.chunks(IN_A_PROGRAM).enumerate() {
        let mut graphs = Vec::new();
        for tail in numbers.iter().map(|&number| Tail::new(number)) {
            match compile(&Source::bytes(tail.maker.bytes()), &options) {
                Ok(artifact) => graphs.push((format!("tail_{}", graphs.len()), tail, artifact)),
                Err(error) => wrong.push(format!("{error}\n{}", tail.description())),
            }
        }
        if program == 0 {
            for (number, (_, tail, _)) in graphs.iter().take(WRITTEN).enumerate() {
                write(&target_folder().join(format!("tails/{number:03}")), tail).unwrap();
            }
        }
        let named: Vec<_> = graphs.iter().map(|(name, _, artifact)| (&**name, artifact)).collect();
        let runner = Runner::build_quickly(&format!("tails_{program}"), &named).unwrap();
        for (name, tail, _) in &graphs {
            let elements: Vec<_> = tail.expected.iter().map(Tensor::element).collect();
            let message = match runner.run(name, "avx512", &[&tail.inputs], &elements) {
                Ok(found) => match first_difference(&found[0], &tail.expected) {
                    None => continue,
                    Some(message) => message,
                },
                Err(error) => error.to_string(),
            };
            wrong.push(format!("{name} of program {program}: {message}\n{}", tail.description()));
        }
    }
    assert!(wrong.is_empty(), "{} of {GRAPHS}:\n{}", wrong.len(), wrong.join("\n"));
}

fn first_difference(found: &[Tensor], expected: &[Tensor]) -> Option<String> {
    found.iter().zip(expected).enumerate().find_map(|(number, (found, expected))| {
        if found.tensor_type() != expected.tensor_type() {
            let (found, expected) = (found.tensor_type(), expected.tensor_type());
            return Some(format!("output {number} is {found}, not {expected}"));
        }
        let tolerance = if expected.element().is_float() { TOLERANCE } else { 0.0 };
        let values = raw::numbers(found).into_iter().zip(raw::numbers(expected));
        let differs = |&(found, expected): &(f64, f64)| {
            let same = found == expected || found.is_nan() && expected.is_nan();
            let close = (found - expected).abs() <= tolerance * expected.abs().max(1.0);
            !same && !close
        };
        let (place, (found, expected)) = values.enumerate().find(|(_, pair)| differs(pair))?;
        Some(format!("element {place} of output {number} is {found:e}, not {expected:e}"))
    })
}

/// Writes a graph in the layout of the ONNX backend tests.
fn write(folder: &Path, tail: &Tail) -> std::io::Result<()> {
    let set = folder.join("test_data_set_0");
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(&set)?;
    std::fs::write(folder.join("model.onnx"), tail.maker.bytes())?;
    for (kind, tensors) in [("input", &tail.inputs), ("output", &tail.expected)] {
        for (number, tensor) in tensors.iter().enumerate() {
            let bytes = stored("", tensor).write_to_bytes().unwrap_or_default();
            std::fs::write(set.join(format!("{kind}_{number}.pb")), bytes)?;
        }
    }
    Ok(())
}
