//! The command `cnnc`: what scripts rely on.

use cnnc_tests::generated::{build_results, cargo, command};
use cnnc_tests::models::Maker;
use cnnc_tests::{target_folder, workspace};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn mnist() -> PathBuf {
    workspace().join("examples/models/mnist/model.onnx")
}

/// Status, standard output and standard error.
fn cnnc(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(command().unwrap())
        .args(arguments)
        .env("CNNC_CACHE", target_folder().join("generated/cache"))
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// An empty folder of this name.
fn fresh_folder(name: &str) -> PathBuf {
    let folder = target_folder().join("tmp").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A model that can't be compiled.
fn impossible() -> PathBuf {
    let mut maker = Maker::new(13);
    maker.input("x", &[1, 4]).output("y", &[1, 4]);
    maker.node("NoSuchOperator", "odd", &["x"], &["y"], &[]);
    let path = target_folder().join("tmp/impossible.onnx");
    cnnc::write_if_changed(&path, &maker.bytes()).unwrap();
    path
}

#[test]
fn compile_writes_a_crate_that_builds_by_itself() {
    let folder = fresh_folder("compiled crate");
    let runtime = workspace().join("runtime");
    let (status, output, error) = cnnc(&[
        "compile",
        text(&mnist()),
        "--crate",
        "-o",
        text(&folder),
        "--runtime-path",
        text(&runtime),
    ]);
    assert_eq!(status, 0, "{error}");
    assert!(output.contains("wrote"), "{output}");
    cargo(&["build", "--release"], &folder, &build_results()).unwrap();

    // A second time nothing changes, so that nothing is built again.
    let modified = |file: &str| folder.join(file).metadata().unwrap().modified().unwrap();
    let before = [modified("Cargo.toml"), modified("src/lib.rs")];
    cnnc(&[
        "compile",
        text(&mnist()),
        "--crate",
        "-o",
        text(&folder),
        "--runtime-path",
        text(&runtime),
    ]);
    assert_eq!([modified("Cargo.toml"), modified("src/lib.rs")], before);
}

#[test]
fn compile_refuses_what_it_cannot_do_with_status_2() {
    let (status, _, error) = cnnc(&["compile", text(&impossible()), "-o", "/nowhere/at/all.rs"]);
    assert_eq!(status, 2);
    assert!(error.contains("NoSuchOperator"), "{error}");
    let (status, _, error) = cnnc(&["compile", "no/such/model.onnx"]);
    assert_eq!(status, 2);
    assert!(error.contains("no/such/model.onnx"), "{error}");
}

#[test]
fn verify_says_by_its_status_whether_outputs_are_right() {
    let (status, output, error) = cnnc(&["verify", text(&mnist())]);
    assert_eq!(status, 0, "{output}{error}");
    assert!(output.contains("Plus214_Output_0"), "{output}");

    // Other expected outputs: those of the same data set, one byte changed.
    let data = fresh_folder("wrong data");
    let set = data.join("test_data_set_0");
    fs::create_dir_all(&set).unwrap();
    let right = mnist().parent().unwrap().join("test_data_set_0");
    fs::copy(right.join("input_0.pb"), set.join("input_0.pb")).unwrap();
    let mut expected = fs::read(right.join("output_0.pb")).unwrap();
    // The high byte of the last score, so that it becomes something else by far.
    *expected.last_mut().unwrap() ^= 0x80;
    fs::write(set.join("output_0.pb"), expected).unwrap();
    let (status, output, _) = cnnc(&["verify", text(&mnist()), "--data", text(&data)]);
    assert_eq!(status, 1, "{output}");
    let (status, output, _) =
        cnnc(&["verify", text(&mnist()), "--data", text(&data), "--rtol", "1000"]);
    assert_eq!(status, 0, "{output}");

    assert_eq!(cnnc(&["verify", text(&impossible())]).0, 2);
}

#[test]
fn verify_without_data_asks_the_reference() {
    let model = fresh_folder("no data").join("model.onnx");
    fs::copy(mnist(), &model).unwrap();
    let (status, output, error) = cnnc(&["verify", text(&model)]);
    assert_eq!(status, 0, "{output}{error}");
    assert!(output.contains("random"), "{output}");
}

#[test]
fn bench_prints_an_object_with_the_promised_keys() {
    let (status, output, error) =
        cnnc(&["bench", text(&mnist()), "--seconds", "0.1", "--layers", "--json"]);
    assert_eq!(status, 0, "{error}");
    let object: serde_json::Value = serde_json::from_str(&output).unwrap();
    let number = |key: &str| object[key].as_f64().unwrap_or_else(|| panic!("{key}: {object}"));
    assert_eq!(object["model"], text(&mnist()));
    assert_eq!(number("threads"), 1.0);
    for key in ["runs", "min_ms", "median_ms", "arena_bytes", "weight_bytes", "start_ms"] {
        assert!(number(key) > 0.0, "{key}: {object}");
    }
    assert!(number("min_ms") <= number("median_ms"));
    assert!(!object["layers"].as_array().unwrap().is_empty());
}

/// `peers/README.md` defines the conversation.
#[test]
fn bench_talks_with_the_script_that_compares_peers() {
    use std::io::{BufRead as _, BufReader, Write as _};
    let mut process = Command::new(command().unwrap())
        .args(["bench", text(&mnist()), "--interactive", "--threads", "1"])
        .env("CNNC_CACHE", target_folder().join("generated/cache"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = process.stdin.take().unwrap();
    let mut answers = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut next = || -> serde_json::Value {
        serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap()
    };
    let ready = next()["ready"].clone();
    for key in ["model", "threads", "isa", "multiply_adds", "arena_bytes", "weight_bytes"] {
        assert!(!ready[key].is_null(), "{key}: {ready}");
    }
    assert_eq!(ready["inputs"][0]["shape"], serde_json::json!([1, 1, 28, 28]));
    assert_eq!(ready["outputs"][0]["element"], "f32");

    let folder = fresh_folder("a conversation");
    let (input, output) = (folder.join("the input"), folder.join("the output"));
    fs::write(&input, [0; 28 * 28 * 4]).unwrap();
    let mut ask = |line: String| {
        writeln!(lines, "{line}").unwrap();
        lines.flush().unwrap();
        next()
    };
    assert_eq!(ask(format!("input 0 {}", input.display()))["input"], 0);
    assert_eq!(ask("run 3".into())["ms"].as_array().unwrap().len(), 3);
    assert_eq!(ask(format!("output 0 {}", output.display()))["output"], 0);
    assert_eq!(fs::metadata(&output).unwrap().len(), 40);
    assert!(ask("peak".into())["gflops"].as_f64().unwrap() > 0.1);
    for wrong in ["", "dance", "run", "run many", "input 7 x", "input 0 no/such", "output 9 x"] {
        assert!(ask(wrong.into())["error"].is_string(), "`{wrong}`");
    }
    assert_eq!(ask("run 1".into())["ms"].as_array().unwrap().len(), 1);
    drop(lines);
    assert!(process.wait().unwrap().success());

    let program = ready["program"].as_str().unwrap();
    let once = Command::new(program).arg("once").output().unwrap();
    assert!(once.status.success());
    let once: serde_json::Value = serde_json::from_slice(&once.stdout).unwrap();
    assert_eq!(once["once"], true);
}

#[test]
fn inspect_shows_the_model_the_passes_and_the_plan() {
    let dot = fresh_folder("inspect").join("graph.dot");
    let (status, output, error) = cnnc(&["inspect", text(&mnist()), "--dot", text(&dot)]);
    assert_eq!(status, 0, "{error}");
    for words in ["Input3", "Plus214_Output_0", "Conv", "MaxPool", "parameters", "fold-constants"] {
        assert!(output.contains(words), "`{words}` is not in:\n{output}");
    }
    assert!(fs::read_to_string(dot).unwrap().starts_with("digraph"));
}

#[test]
fn every_verb_explains_itself() {
    for verb in ["compile", "verify", "bench", "inspect"] {
        let (status, output, _) = cnnc(&[verb, "--help"]);
        assert_eq!(status, 0);
        assert!(output.lines().count() > 10, "{output}");
        assert!(cnnc(&["--help"]).1.contains(verb));
    }
}
