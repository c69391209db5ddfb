//! Crates around generated code, and running them.
//!
//! Each is a package of its own below `generated` in the target folder. All
//! share one folder of build results, so that the runtime is compiled once.

use crate::data::{TestSet, difference};
use crate::{target_folder, workspace};
use cnnc::error::Result;
use cnnc::{Artifact, Error, ErrorKind, write_if_changed};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A package to build, file by file.
#[derive(Clone, Debug)]
pub struct Package {
    name: String,
    files: Vec<(String, Vec<u8>)>,
    features: Vec<&'static str>,
    build_script: bool,
}

impl Package {
    /// A package of this name whose `src/main.rs` is `main`, with the runtime
    /// as its one dependency.
    #[must_use]
    pub fn new(name: &str, main: &str) -> Self {
        let files = vec![("src/main.rs".into(), main.into())];
        Self { name: name.into(), files, features: Vec::new(), build_script: false }
    }

    /// Asks for a feature of the runtime.
    #[must_use]
    pub fn feature(mut self, feature: &'static str) -> Self {
        self.features.push(feature);
        self
    }

    /// Adds a build script, which may call `cnnc`.
    #[must_use]
    pub fn build_script(mut self, source: &str) -> Self {
        self.build_script = true;
        self.file("build.rs", source)
    }

    /// Adds a file; the path is relative to the package's folder.
    #[must_use]
    pub fn file(mut self, path: &str, contents: impl Into<Vec<u8>>) -> Self {
        self.files.push((path.into(), contents.into()));
        self
    }

    /// The package's folder.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        generated_folder().join(&self.name)
    }

    /// Writes the package, where it differs from what is there.
    ///
    /// # Errors
    /// Names the file that can't be written.
    pub fn write(&self) -> Result<()> {
        let Self { name, files, features, build_script } = self;
        let runtime = toml_path(&workspace().join("runtime"));
        let compiler = toml_path(&workspace().join("compiler"));
        // `[workspace]` keeps cargo from taking it for a part of the workspace around it.
        let mut manifest = format!(
            "[workspace]\n\n[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [dependencies]\ncnnc-runtime = {{ path = {runtime}, features = {features:?} }}\n"
        );
        if *build_script {
            let _ = write!(
                manifest,
                "\n[build-dependencies]\n\
                 cnnc = {{ path = {compiler}, default-features = false }}\n"
            );
        }
        let folder = self.folder();
        write_if_changed(&folder.join("Cargo.toml"), manifest.as_bytes())?;
        for (path, contents) in files {
            write_if_changed(&folder.join(path), contents)?;
        }
        // The same versions of everything, none of them looked up anew.
        let lock = workspace().join("Cargo.lock");
        if !folder.join("Cargo.lock").is_file() {
            fs::copy(&lock, folder.join("Cargo.lock")).map_err(|error| Error::io(&lock, &error))?;
        }
        Ok(())
    }

    /// Writes and builds the package in release; the path of its program.
    ///
    /// # Errors
    /// [`ErrorKind::Build`] with what cargo printed.
    pub fn build(&self) -> Result<PathBuf> {
        self.write()?;
        let results = build_results();
        cargo(&["build", "--release"], &self.folder(), &results)?;
        Ok(results.join("release").join(format!("{}{}", self.name, std::env::consts::EXE_SUFFIX)))
    }
}

fn generated_folder() -> PathBuf {
    target_folder().join("generated")
}

/// The folder that all packages are built into.
#[must_use]
pub fn build_results() -> PathBuf {
    generated_folder().join("target")
}

fn toml_path(path: &Path) -> String {
    format!("{:?}", path.to_string_lossy())
}

fn printed(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// A program that runs networks of one f32 input and one f32 output; the
/// source is `runner/main.rs`.
#[derive(Clone, Debug)]
pub struct Runner {
    program: PathBuf,
    folder: PathBuf,
}

impl Runner {
    /// Builds it around models that were compiled for
    /// [`cnnc::WeightsMode::Bytes`], each under a name that is an identifier.
    ///
    /// # Errors
    /// Where a file can't be written or the package can't be built.
    pub fn build(package: &str, networks: &[(&str, &Artifact)]) -> Result<Self> {
        let mut registry = String::new();
        let mut arms = String::new();
        let mut package = Package::new(package, include_str!("../runner/main.rs"));
        for &(name, artifact) in networks {
            // With `Bytes`, the source names no place.
            let source = artifact.source(&cnnc::WeightsLocation::Manifest(String::new()))?;
            artifact.write_weights(&package.folder().join(name).join("weights"))?;
            package = package.file(&format!("src/networks/{name}.rs"), source);
            let _ = write!(
                registry,
                "pub mod {name};\n\
                 impl crate::Network for {name}::Model {{\n\
                 fn run_on(&mut self, input: &[f32]) -> &[f32] {{\n\
                 self.run(cnnc_runtime::View::of(input)).as_slice()\n\
                 }}\n}}\n"
            );
            let _ = writeln!(
                arms,
                "{name:?} => Box::new({name}::Model::with_weights(weights).unwrap()),"
            );
        }
        let _ = write!(
            registry,
            "pub fn load(name: &str, weights: cnnc_runtime::Weights) -> Box<dyn crate::Network> {{\n\
             match name {{\n{arms}_ => panic!(\"no network {{name}}\"),\n}}\n}}\n"
        );
        let package = package.file("src/networks.rs", registry);
        Ok(Self { program: package.build()?, folder: package.folder() })
    }

    /// Runs a network on the inputs, on the kernels of one instruction set
    /// (`CNNC_ISA`); the outputs.
    ///
    /// # Errors
    /// [`ErrorKind::Build`] where the program fails.
    pub fn run(&self, network: &str, isa: &str, inputs: &[&[f32]]) -> Result<Vec<Vec<f32>>> {
        let folder = self.folder.join(network);
        let data = folder.join(isa);
        // What an earlier run left must not be taken for this one's.
        let _ = fs::remove_dir_all(&data);
        for (number, input) in inputs.iter().enumerate() {
            let bytes: Vec<u8> = input.iter().flat_map(|value| value.to_le_bytes()).collect();
            write_if_changed(&data.join(format!("input_{number}")), &bytes)?;
        }
        let output = Command::new(&self.program)
            .arg(network)
            .args([&folder.join("weights"), &data])
            .env("CNNC_ISA", isa)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| Error::io(&self.program, &error))?;
        if !output.status.success() {
            return Err(Error::new(ErrorKind::Build, printed(&output)).file(&self.program));
        }
        (0..inputs.len())
            .map(|number| {
                let file = data.join(format!("output_{number}"));
                let bytes = fs::read(&file).map_err(|error| Error::io(&file, &error))?;
                Ok(bytes.as_chunks().0.iter().map(|&chunk| f32::from_le_bytes(chunk)).collect())
            })
            .collect()
    }

    /// Runs a network on test data; the largest difference from the expected
    /// outputs, relative to the largest value.
    ///
    /// # Errors
    /// As [`Runner::run`].
    pub fn largest_difference(&self, network: &str, isa: &str, sets: &[TestSet]) -> Result<f64> {
        let only = |tensors: &[cnnc::ir::Tensor]| -> Result<Vec<f32>> {
            match tensors {
                [tensor] => tensor.f32s().map(<[f32]>::to_vec),
                _ => Err(Error::unsupported("the runner takes one input and one output")),
            }
        };
        let inputs: Vec<Vec<f32>> =
            sets.iter().map(|set| only(&set.inputs)).collect::<Result<_>>()?;
        let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
        let outputs = self.run(network, isa, &inputs)?;
        sets.iter().zip(&outputs).try_fold(0.0, |worst, (set, output)| {
            Ok(f64::max(worst, difference(output, &only(&set.outputs)?)))
        })
    }
}

/// Builds the command `cnnc`; the path of its program.
///
/// # Errors
/// [`ErrorKind::Build`] with what cargo printed.
pub fn command() -> Result<PathBuf> {
    cargo(&["build", "--package", "cnnc", "--bin", "cnnc"], workspace(), &target_folder())?;
    Ok(target_folder().join("debug").join(format!("cnnc{}", std::env::consts::EXE_SUFFIX)))
}

/// Runs cargo in a folder, without a network, its results in `target`; what it
/// wrote to standard output.
///
/// # Errors
/// [`ErrorKind::Build`] with what cargo printed.
pub fn cargo(arguments: &[&str], folder: &Path, target: &Path) -> Result<String> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(arguments)
        .args(["--offline", "--quiet"])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Error::new(ErrorKind::Build, format!("cargo: {error}")))?;
    if !output.status.success() {
        return Err(Error::new(ErrorKind::Build, printed(&output)).file(folder));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
