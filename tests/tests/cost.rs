//! What compiling and building cost, in time and memory. Bounds are those
//! that users are promised, for two cores.

use cnnc::codegen::{Package, RuntimeDependency};
use cnnc::{Options, Source, WeightsLocation, compile};
use cnnc_tests::{generated, target_folder, workspace, zoo};
use std::path::Path;
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use nix::sys::resource::{UsageWho, getrusage};

fn cargo(arguments: &[&str], folder: &Path) -> String {
    generated::cargo(arguments, folder, &generated::build_results()).unwrap()
}

/// Largest resident memory of this process, or of any that it waited for, in
/// bytes.
#[cfg(target_os = "linux")]
fn peak_memory(who: UsageWho) -> u64 {
    getrusage(who).unwrap().max_rss() as u64 * 1024
}

/// As a build script does it: this test and the compiler are not optimised.
/// One test, so that nothing else uses this process's memory.
#[test]
fn compiling_and_building() {
    let folder = target_folder().join("generated/resnet50_crate");
    let begin = Instant::now();
    write_crate("resnet50", &folder);
    let compiling = begin.elapsed();
    println!("resnet50: compiled in {compiling:.1?}");

    cargo(&["build", "--release", "--package", "cnnc-runtime"], &folder);
    cargo(&["clean", "--release", "--package", "resnet50"], &folder);
    let begin = Instant::now();
    cargo(&["build", "--release"], &folder);
    let building = begin.elapsed();
    println!("resnet50: crate built in {building:.1?}");
    assert!(compiling < Duration::from_secs(20), "compiled in {compiling:.1?}");
    assert!(building < Duration::from_secs(15), "built in {building:.1?}");
    #[cfg(target_os = "linux")]
    {
        let memory = peak_memory(UsageWho::RUSAGE_CHILDREN);
        println!("resnet50: rustc took {} MB", memory >> 20);
        assert!(memory < 1 << 30, "rustc took {} MB", memory >> 20);
    }

    let folder = target_folder().join("generated/vgg16_crate");
    let begin = Instant::now();
    write_crate("vgg16", &folder);
    let compiling = begin.elapsed();
    println!("vgg16: compiled in {compiling:.1?}");
    assert!(compiling < Duration::from_secs(60), "compiled in {compiling:.1?}");
    #[cfg(target_os = "linux")]
    {
        let model = zoo::filled("vgg16").unwrap().join("model.onnx");
        let (memory, file) = (peak_memory(UsageWho::RUSAGE_SELF), model.metadata().unwrap().len());
        println!("vgg16: took {} MB for a file of {} MB", memory >> 20, file >> 20);
        assert!(memory < 3 * file, "{} MB for {} MB", memory >> 20, file >> 20);
    }
}

/// What `cnnc compile --crate` writes.
fn write_crate(name: &str, folder: &Path) {
    let model = zoo::filled(name).unwrap().join("model.onnx");
    let artifact = compile(&Source::path(model), &Options::default()).unwrap();
    let location = WeightsLocation::Manifest("src/model.weights".into());
    artifact.write_weights(&folder.join("src/model.weights")).unwrap();
    let source = artifact.source(&location).unwrap();
    let runtime = RuntimeDependency::Path(workspace().join("runtime"));
    let package = Package { name, runtime: &runtime, features: &[], source: &source };
    package.write(folder).unwrap();
}

#[test]
fn the_runtime_has_few_dependencies() {
    let arguments = ["tree", "--package", "cnnc-runtime", "--edges", "normal", "--prefix", "none"];
    let tree = cargo(&arguments, workspace());
    let dependencies = tree.lines().filter(|line| !line.is_empty()).count() - 1;
    assert!(dependencies <= 3, "{tree}");
}
