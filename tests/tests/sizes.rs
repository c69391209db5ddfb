//! A network that is compiled for several sizes of its input.

use cnnc::{Options, Source, WeightsLocation, WeightsMode, compile};
use cnnc_tests::generated::Package;
use cnnc_tests::{data, raw, workspace};
use std::path::Path;
use std::process::Command;

const SIZES: [[usize; 2]; 2] = [[128, 256], [160, 320]];

/// Runs a model on an input and compares the output, for each of both.
const MAIN: &str = r#"
mod network;

use cnnc_runtime::{View, Weights};
use std::path::Path;

fn read(path: &str) -> Vec<f32> {
    let bytes = std::fs::read(path).unwrap();
    bytes.as_chunks().0.iter().map(|&chunk| f32::from_le_bytes(chunk)).collect()
}

fn compare(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst < 1e-4, "off by {worst}");
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [weights, first, first_expected, second, second_expected] = &arguments[..] else {
        panic!("expected five files");
    };
    let weights = Weights::mapped(Path::new(weights)).unwrap();
    let mut small = network::Model::with_weights(weights.clone()).unwrap();
    compare(small.run(View::of(&read(first))).as_slice(), &read(first_expected));
    let mut large = network::at_1x3x160x320::Model::with_weights(weights).unwrap();
    compare(large.run(View::of(&read(second))).as_slice(), &read(second_expected));
    compare(small.run(View::of(&read(first))).as_slice(), &read(first_expected));
}
"#;

fn options(sizes: &[[usize; 2]]) -> Options {
    let shape = |&[height, width]: &[usize; 2]| ("x".to_owned(), vec![1, 3, height, width]);
    Options {
        inputs: sizes.iter().map(shape).collect(),
        weights: WeightsMode::Bytes,
        ..Options::default()
    }
}

#[test]
fn share_one_crate_and_their_weights() {
    let folder = workspace().join("tests/models/ppocr_v4_det");
    let source = Source::path(folder.join("model.onnx"));
    let one = compile(&source, &options(&SIZES[..1])).unwrap();
    let both = compile(&source, &options(&SIZES)).unwrap();
    let (alone, shared) = (one.weights().len(), both.weights().len());
    assert!(shared < alone + alone / 50, "{shared} bytes instead of {alone}");

    let module = both.source(&WeightsLocation::Manifest(String::new())).unwrap();
    let mut package = Package::new("sizes", MAIN).file("src/network.rs", module);
    for [height, width] in SIZES {
        let set = data::sets(&folder.join(format!("{height}x{width}"))).unwrap().remove(0);
        let file = |kind: &str| format!("{kind}_{height}x{width}");
        package = package.file(&file("input"), raw::bytes(&set.inputs[0]));
        package = package.file(&file("output"), raw::bytes(&set.outputs[0]));
    }
    both.write_weights(&package.folder().join("weights")).unwrap();
    let program = package.build().unwrap();
    let file = |name: &str| package.folder().join(name);
    run(
        &program,
        &["weights", "input_128x256", "output_128x256", "input_160x320", "output_160x320"]
            .map(file),
    );
}

fn run(program: &Path, files: &[std::path::PathBuf]) {
    let output = Command::new(program).args(files).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn are_as_many_for_every_input_that_has_several() {
    let options = Options {
        inputs: vec![("a".into(), vec![1]), ("b".into(), vec![1]), ("a".into(), vec![2])],
        ..Options::default()
    };
    // One shape of `b` goes with both of `a`: what is wrong is the file.
    let error = compile(&Source::bytes(Vec::new()), &options).unwrap_err();
    assert_ne!(error.kind(), cnnc::ErrorKind::Option, "{error}");
    let mut inputs = options.inputs;
    inputs.extend([("a".into(), vec![3]), ("b".into(), vec![4])]);
    let options = Options { inputs, ..Options::default() };
    let error = compile(&Source::bytes(Vec::new()), &options).unwrap_err();
    assert_eq!(error.kind(), cnnc::ErrorKind::Option);
    assert!(error.to_string().contains("`b` is given 2 shapes"), "{error}");
}
