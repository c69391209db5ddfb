//! The same file and options give the same code, to the byte.

use cnnc::{Artifact, Options, Source, WeightsLocation, WeightsMode, compile};
use cnnc_tests::{target_folder, workspace, zoo};
use std::path::Path;

fn artifact(model: &Path, mode: WeightsMode) -> Artifact {
    let options = Options { weights: mode, ..Options::default() };
    compile(&Source::path(model), &options).unwrap()
}

fn source(artifact: &Artifact) -> String {
    artifact.source(&WeightsLocation::OutDir("model.weights".into())).unwrap()
}

#[test]
fn compiled_twice() {
    let models = [
        workspace().join("examples/models/mnist/model.onnx"),
        workspace().join("examples/models/squeezenet1_1/model.onnx"),
        zoo::filled("densenet121").unwrap().join("model.onnx"),
    ];
    for model in &models {
        for mode in [WeightsMode::Embed, WeightsMode::File, WeightsMode::Bytes] {
            // Maps that are hashed with a key of their own would show here.
            let (one, other) = (artifact(model, mode), artifact(model, mode));
            assert_eq!(source(&one), source(&other), "{}", model.display());
            assert!(one.weights() == other.weights(), "weights of {}", model.display());
        }
    }
}

#[test]
fn compiled_in_another_folder() {
    let model = workspace().join("examples/models/mnist/model.onnx");
    let elsewhere = target_folder().join("tmp/another folder/deeper/model.onnx");
    cnnc::write_if_changed(&elsewhere, &std::fs::read(&model).unwrap()).unwrap();
    let (one, other) =
        (artifact(&model, WeightsMode::Embed), artifact(&elsewhere, WeightsMode::Embed));
    let source = source(&one);
    assert_eq!(source, self::source(&other));
    assert!(!source.contains(&*workspace().to_string_lossy()), "a path of this machine");
    assert_eq!(one.weights(), other.weights());
}

#[test]
fn compiled_from_bytes() {
    let model = workspace().join("examples/models/mnist/model.onnx");
    let options = Options::default();
    let bytes = Source::bytes(std::fs::read(&model).unwrap());
    let from_bytes = compile(&bytes, &options).unwrap();
    // The file's stem, `model`, is also the name that bytes get.
    assert_eq!(source(&artifact(&model, options.weights)), source(&from_bytes));
    assert!(from_bytes.files.is_empty());
}
