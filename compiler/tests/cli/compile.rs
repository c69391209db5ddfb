//! `cnnc compile`.

use crate::{MNIST, command, fails, fresh_folder, has, succeeds, text};
use cnnc::{Options, Source, WeightsLocation, WeightsMode};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

/// What the compiler itself gives for MNIST.
fn source(weights: WeightsMode, location: &WeightsLocation) -> String {
    let options = Options { weights, ..Options::default() };
    cnnc::compile(&Source::path(MNIST), &options).unwrap().source(location).unwrap()
}

fn modified(files: &[PathBuf]) -> Vec<SystemTime> {
    files.iter().map(|file| file.metadata().unwrap().modified().unwrap()).collect()
}

/// Runs the command twice; the second time it must write nothing.
#[track_caller]
fn writes_once(arguments: &[&str], files: &[PathBuf]) -> String {
    let output = succeeds(arguments);
    let before = modified(files);
    std::thread::sleep(std::time::Duration::from_millis(20));
    assert_eq!(succeeds(arguments), output);
    assert_eq!(modified(files), before);
    output
}

#[test]
fn a_module_finds_its_weights_from_the_nearest_package() {
    let folder = fresh_folder("a package");
    let inner = folder.join("inner");
    fs::create_dir_all(inner.join("src")).unwrap();
    for (package, name) in [(&folder, "outer"), (&inner, "inner")] {
        let manifest = format!("[package]\nname = \"{name}\"\n");
        fs::write(package.join("Cargo.toml"), manifest).unwrap();
    }
    let module = inner.join("src/nets/digits.rs");
    let weights = module.with_extension("weights");
    let arguments = ["compile", MNIST, "-o", text(&module)];
    let output = writes_once(&arguments, &[module.clone(), weights.clone()]);
    has(&output, &["wrote", "digits.rs", "digits.weights"]);
    let location = WeightsLocation::Manifest("src/nets/digits.weights".into());
    assert!(fs::read_to_string(&module).unwrap() == source(WeightsMode::Embed, &location));
    assert!(fs::metadata(&weights).unwrap().len() > 4 * 5000);
}

#[test]
fn embedded_weights_need_a_package_around_them() {
    // Below the target folder everything is in this workspace.
    let folder = std::env::temp_dir().join(format!("cnnc-no-package-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let module = folder.join("net.rs");
    let error = fails(2, &["compile", MNIST, "-o", text(&module)]);
    has(&error, &["lies in no cargo package", "--crate", "--weights file"]);
    // A workspace without a package of its own is none.
    fs::write(folder.join("Cargo.toml"), "[workspace]\nmembers = []\n").unwrap();
    has(&fails(2, &["compile", MNIST, "-o", text(&module)]), &["no cargo package"]);
    assert!(!module.exists());

    for (how, mode) in [("file", WeightsMode::File), ("bytes", WeightsMode::Bytes)] {
        let arguments = ["compile", MNIST, "-o", text(&module), "--weights", how];
        let output = succeeds(&arguments);
        assert_eq!(output.contains("beside it, as model.weights"), how == "file", "{output}");
        let location = WeightsLocation::Manifest(String::new());
        assert!(fs::read_to_string(&module).unwrap() == source(mode, &location));
        assert!(module.with_extension("weights").is_file());
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn without_a_name_the_model_gives_it() {
    let folder = fresh_folder("unnamed");
    fs::copy(MNIST, folder.join("My Net-2.onnx")).unwrap();
    let status =
        command().args(["compile", "My Net-2.onnx"]).current_dir(&folder).status().unwrap();
    // The folder is below a workspace, which is no package.
    assert_eq!(status.code(), Some(2));
    let arguments = ["compile", "My Net-2.onnx", "--weights", "bytes"];
    assert!(command().args(arguments).current_dir(&folder).status().unwrap().success());
    assert!(folder.join("my_net_2.rs").is_file() && folder.join("my_net_2.weights").is_file());
}

#[test]
fn a_crate_builds_by_itself() {
    let folder = fresh_folder("a crate");
    let runtime = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime");
    let output = ["--crate", "-o", text(&folder), "--runtime-path", text(&runtime)];
    let arguments = [&["compile", MNIST], &output[..]].concat();
    let files = ["Cargo.toml", "src/lib.rs", "src/model.weights"].map(|file| folder.join(file));
    has(&writes_once(&arguments, &files), &["wrote the crate `model`"]);
    let location = WeightsLocation::Manifest("src/model.weights".into());
    assert!(fs::read_to_string(&files[1]).unwrap() == source(WeightsMode::Embed, &location));

    // Into the build results that other tests' packages share.
    let results = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../generated/target");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--release", "--offline", "--quiet"])
        .current_dir(&folder)
        .env("CARGO_TARGET_DIR", results)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{said}");
    assert!(!said.contains("warning"), "{said}");
}

#[test]
fn wrong_options_are_explained() {
    let wrong = |options: &[&str]| fails(2, &[&["compile", MNIST], options].concat());
    has(&wrong(&["-o", "/no/where"]), &["Rust source file", "`/no/where`", ".rs", "--crate"]);
    has(&wrong(&["--weights", "inline"]), &["inline", "embed", "file", "bytes"]);
    has(&wrong(&["--input", "data"]), &["NAME=SHAPE"]);
    has(&wrong(&["--input", "data=1x0"]), &["`0` is no size"]);
    has(&wrong(&["--input", "other=1x1x28x28"]), &["other", "Input3"]);
    has(&wrong(&["--runtime-path", "runtime"]), &["--crate"]);
    let folder = fresh_folder("no runtime");
    let options = ["--crate", "--runtime-path", text(&folder), "-o", text(&folder)];
    has(&wrong(&options), &["no Cargo.toml", "cnnc-runtime"]);
}
