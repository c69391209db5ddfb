//! `cnnc verify`.

use crate::{MNIST, cnnc, fails, fresh_folder, has, succeeds, text};
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn outputs_are_compared_with_the_data_beside_the_model() {
    let output = succeeds(&["verify", MNIST]);
    has(&output, &["test_data_set_0: output `Plus214_Output_0`: largest error ", "within 1e-4"]);
    assert_eq!(output.lines().count(), 1, "{output}");
}

/// Test data of MNIST with the last score off by a thousandth of the largest.
fn slightly_wrong_data() -> PathBuf {
    let data = fresh_folder("slightly wrong");
    let set = data.join("test_data_set_7");
    fs::create_dir_all(&set).unwrap();
    let right = Path::new(MNIST).with_file_name("test_data_set_0");
    fs::copy(right.join("input_0.pb"), set.join("input_0.pb")).unwrap();
    let mut expected = fs::read(right.join("output_0.pb")).unwrap();
    // The ten scores are the last bytes of the file.
    let start = expected.len() - 40;
    let mut scores: Vec<f32> =
        expected[start..].as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    let largest = scores.iter().fold(0.0f32, |largest, score| largest.max(score.abs()));
    scores[9] += largest * 1e-3;
    let scores: Vec<u8> = scores.iter().flat_map(|score| score.to_le_bytes()).collect();
    expected[start..].copy_from_slice(&scores);
    fs::write(set.join("output_0.pb"), expected).unwrap();
    data
}

#[test]
fn the_status_says_whether_outputs_are_within_the_tolerance() {
    let data = slightly_wrong_data();
    let verify =
        |options: &[&str]| cnnc(&[&["verify", MNIST, "--data", text(&data)], options].concat());
    let by_default = verify(&[]);
    assert_eq!(by_default.status, 1);
    has(&by_default.output, &["test_data_set_7", "NOT within 1e-4"]);
    assert_eq!(verify(&["--rtol", "0"]).status, 1);
    assert_eq!(verify(&["--rtol", "1e-2"]).status, 0);
    // One set that is wrong among some that are right.
    let both = verify(&["--data", text(Path::new(MNIST).parent().unwrap())]);
    assert_eq!((both.status, both.output.lines().count()), (1, 2));
}

#[test]
fn without_data_the_reference_is_asked() {
    let model = fresh_folder("no data").join("model.onnx");
    fs::copy(MNIST, &model).unwrap();
    has(&succeeds(&["verify", text(&model)]), &["random input: output", "within 1e-4"]);
}

#[test]
fn data_that_does_not_fit_is_explained() {
    let folder = fresh_folder("unfit");
    let verify = || fails(1, &["verify", MNIST, "--data", text(&folder)]);
    has(&verify(), &["no folder `test_data_set_*`"]);
    let set = folder.join("test_data_set_0");
    fs::create_dir_all(&set).unwrap();
    has(&verify(), &["no file `output_0.pb`", "test_data_set_0"]);
    let output = Path::new(MNIST).with_file_name("test_data_set_0").join("output_0.pb");
    fs::copy(&output, set.join("output_0.pb")).unwrap();
    has(&verify(), &["test_data_set_0: the network has 1 inputs, the data 0"]);
    fs::copy(&output, set.join("input_0.pb")).unwrap();
    has(
        &verify(),
        &["input `Input3` of the network is f32[1,1,28,28], in the data it is f32[1,10]"],
    );
    fs::write(set.join("output_0.pb"), b"no tensor").unwrap();
    has(&verify(), &["output_0.pb"]);
}
