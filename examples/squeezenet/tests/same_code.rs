//! The build script is a thin way into the compiler: it writes what calling the
//! compiler gives.

use cnnc::{Options, Source, WeightsLocation};

const WRITTEN: &str = include_str!(concat!(env!("OUT_DIR"), "/squeezenet.rs"));
const WEIGHTS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/squeezenet.weights"));

#[test]
fn the_build_script_writes_what_the_compiler_gives() {
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/squeezenet1_1/model.onnx");
    let artifact = cnnc::compile(&Source::path(model), &Options::default()).unwrap();
    let location = WeightsLocation::OutDir("squeezenet.weights".into());
    assert!(artifact.source(&location).unwrap() == WRITTEN);
    assert!(artifact.weights() == WEIGHTS);
}
