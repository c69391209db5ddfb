//! How the weights reach a program: inside it, or in a file beside it. (That
//! they are handed in as bytes is how `networks.rs` runs.)

use cnnc::{Artifact, Options, Source, WeightsLocation, WeightsMode, compile};
use cnnc_tests::generated::Package;
use cnnc_tests::{data, target_folder, workspace};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn mnist(mode: WeightsMode) -> Artifact {
    let model = workspace().join("examples/models/mnist/model.onnx");
    compile(&Source::path(model), &Options { weights: mode, ..Options::default() }).unwrap()
}

/// A program that prints the digit it sees in a file of raw values.
fn main_with(new: &str) -> String {
    format!(
        r#"
mod model;

fn main() {{
    let mut model = {new};
    let file = std::env::args_os().nth(1).unwrap();
    let bytes = std::fs::read(file).unwrap();
    let input: Vec<f32> = bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
    let output = model.run(cnnc_runtime::View::of(&input));
    let digits = output.as_slice().iter().enumerate();
    let best = digits.max_by(|one, other| one.1.total_cmp(other.1)).unwrap().0;
    println!("{{best}}");
}}
"#
    )
}

/// The picture's file and the digit in it.
fn picture() -> (PathBuf, String) {
    let set = &data::sets(&workspace().join("examples/models/mnist")).unwrap()[0];
    let values = set.inputs[0].f32s().unwrap();
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let file = target_folder().join("tmp/digit");
    cnnc::write_if_changed(&file, &bytes).unwrap();
    let scores = set.outputs[0].f32s().unwrap().iter().enumerate();
    let best = scores.max_by(|one, other| one.1.total_cmp(other.1)).unwrap().0;
    (file, format!("{best}\n"))
}

/// Copies the program into an empty folder and runs it there.
fn run_elsewhere(program: &Path, beside: Option<&Path>, folder: &str) -> Output {
    let folder = target_folder().join("tmp").join(folder);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let moved = folder.join(program.file_name().unwrap());
    fs::copy(program, &moved).unwrap();
    if let Some(weights) = beside {
        fs::copy(weights, folder.join("model.weights")).unwrap();
    }
    let (picture, _) = picture();
    Command::new(moved).arg(picture).current_dir(std::env::temp_dir()).output().unwrap()
}

fn printed(output: &Output) -> (&str, &str) {
    (str::from_utf8(&output.stdout).unwrap(), str::from_utf8(&output.stderr).unwrap())
}

#[test]
fn embedded_weights_move_with_the_program() {
    let artifact = mnist(WeightsMode::Embed);
    let source = artifact.source(&WeightsLocation::Manifest("src/model.weights".into())).unwrap();
    let package = Package::new("embedded_weights", &main_with("model::Model::new()"))
        .file("src/model.rs", source)
        .file("src/model.weights", artifact.weights());
    let program = package.build().unwrap();
    fs::remove_file(package.folder().join("src/model.weights")).unwrap();
    let output = run_elsewhere(&program, None, "embedded");
    assert_eq!(printed(&output), (&*picture().1, ""));
}

#[test]
fn a_weights_file_lies_beside_the_program() {
    let artifact = mnist(WeightsMode::File);
    let source = artifact.source(&WeightsLocation::OutDir("unused".into())).unwrap();
    let new = r#"model::Model::new().unwrap_or_else(|error| {
        eprintln!("{error}");
        std::process::exit(3)
    })"#;
    let package = Package::new("weights_file", &main_with(new)).file("src/model.rs", source);
    let program = package.build().unwrap();
    let weights = package.folder().join("weights");
    artifact.write_weights(&weights).unwrap();

    let output = run_elsewhere(&program, Some(&weights), "beside");
    assert_eq!(printed(&output), (&*picture().1, ""));

    let missing = run_elsewhere(&program, None, "without");
    assert_eq!(missing.status.code(), Some(3));
    assert!(printed(&missing).1.contains("model.weights"), "{}", printed(&missing).1);

    let mut changed = fs::read(&weights).unwrap();
    let wrong = package.folder().join("wrong");
    for broken in [changed.len() / 2, 0, 1] {
        fs::write(&wrong, &changed[..broken]).unwrap();
        let refused = run_elsewhere(&program, Some(&wrong), "cut");
        assert_eq!(refused.status.code(), Some(3), "{}", printed(&refused).1);
    }
    // The header names the weights that the code was generated with.
    changed[..64].iter_mut().for_each(|byte| *byte ^= 1);
    fs::write(&wrong, &changed).unwrap();
    let refused = run_elsewhere(&program, Some(&wrong), "others");
    assert_eq!(refused.status.code(), Some(3), "{}", printed(&refused).1);
}
