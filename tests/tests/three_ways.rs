//! The command, a build script and the macro are three ways into the same
//! compiler: the same model and options give the same code.

use cnnc_tests::generated::{Package, build_results, command};
use cnnc_tests::{target_folder, workspace};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn model() -> PathBuf {
    workspace().join("examples/models/mnist/model.onnx")
}

/// A package that has the network in three ways, its weights as `mode` says,
/// and the source that the command wrote for it.
fn package(name: &str, mode: &str, main: &str) -> (Package, String) {
    let model = model();
    let variant = match mode {
        "bytes" => "Bytes",
        _ => "Embed",
    };
    // A string literal of the path, whatever is in it.
    let path = format!("{:?}", model.to_string_lossy());
    let build_script = format!(
        "fn main() {{ cnnc::Build::new({path}).name(\"by_build_script\")\
         .weights(cnnc::WeightsMode::{variant}).compile(); }}\n"
    );
    let modules = format!(
        "mod by_command;\n\
         mod by_build_script {{ cnnc_runtime::include_generated!(\"by_build_script\"); }}\n\
         mod by_macro {{ cnnc_runtime::include_model!({path}, weights = {mode}); }}\n"
    );
    let package = Package::new(name, &format!("{modules}{main}"))
        .feature("macros")
        .build_script(&build_script);
    let source = package.folder().join("src/by_command.rs");
    // The command finds the package that the file lies in by its manifest.
    package.write().unwrap();
    let output = Command::new(command().unwrap())
        .args(["compile", "--weights", mode, "-o"])
        .args([&source, &model])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (package, fs::read_to_string(source).unwrap())
}

/// The newest file of this name below a folder.
fn newest(folder: &Path, matches: &dyn Fn(&str) -> bool) -> Option<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).ok()?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(newest(&path, matches));
        } else if matches(&entry.file_name().to_string_lossy()) {
            found.push(path);
        }
    }
    found.into_iter().max_by_key(|path| path.metadata().and_then(|data| data.modified()).ok())
}

#[test]
fn the_code_is_the_same() {
    // Handed-in weights: nothing in the code depends on where they lie.
    let main = "fn main() {}\n";
    let (package, by_command) = package("same_code", "bytes", main);
    // Nothing from an earlier compiler.
    let kept = build_results().join("cnnc");
    let _ = fs::remove_dir_all(&kept);
    let scripts = build_results().join("release/build");
    package.build().unwrap();
    let by_build_script = newest(&scripts, &|name| name == "by_build_script.rs").unwrap();
    let by_macro = newest(&kept, &|name| name.ends_with(".rs")).unwrap();
    for other in [by_build_script, by_macro] {
        assert!(fs::read_to_string(&other).unwrap() == by_command, "{}", other.display());
    }
}

#[test]
fn one_program_takes_all_three_and_their_outputs_are_the_same() {
    let main = r#"
use cnnc_runtime::View;

fn main() {
    let input: Vec<f32> = (0..28 * 28).map(|i| (i * 37 % 256) as f32).collect();
    let (mut a, mut b, mut c) =
        (by_command::Model::new(), by_build_script::Model::new(), by_macro::Model::new());
    let outputs = [
        a.run(View::of(&input)).as_slice(),
        b.run(View::of(&input)).as_slice(),
        c.run(View::of(&input)).as_slice(),
    ];
    assert_eq!(outputs[0], outputs[1]);
    assert_eq!(outputs[0], outputs[2]);
    println!("{outputs:?}");
}
"#;
    let (package, _) = package("three_ways", "embed", main);
    let program = package.build().unwrap();
    let output = Command::new(program).current_dir(target_folder()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn errors_of_the_macro_point_at_its_arguments() {
    let main = "\
mod lost {
    cnnc_runtime::include_model!(\"no/such.onnx\");
}
mod other {
    cnnc_runtime::include_model!(\"Cargo.toml\");
}
mod hasty {
    cnnc_runtime::include_model!(\"no/such.onnx\", fast);
}
fn main() {}
";
    let error = Package::new("lost_model", main).feature("macros").build().unwrap_err().to_string();
    let column = |argument: &str| main.lines().find_map(|line| line.find(argument)).unwrap() + 1;
    for (line, argument, message) in
        [(2, "\"no", "no/such.onnx"), (5, "\"Cargo", "Cargo.toml"), (8, "fast", "expected input(")]
    {
        let place = format!("src/main.rs:{line}:{}", column(argument));
        assert!(error.contains(&place), "{place} is not in: {error}");
        assert!(error.contains(message), "{message} is not in: {error}");
    }
    assert!(!error.contains("panicked"), "{error}");
}

#[test]
fn an_error_of_the_build_script_ends_the_build() {
    let script = "fn main() { cnnc::Build::new(\"no/such.onnx\").compile(); }\n";
    let error = Package::new("lost_build", "fn main() {}\n")
        .build_script(script)
        .build()
        .unwrap_err()
        .to_string();
    assert!(error.contains("no/such.onnx"), "{error}");
    assert!(!error.contains("panicked"), "{error}");
}
