//! Crates around generated code, and running them.
//!
//! Each is a package of its own below `generated` in the target folder. All
//! share one folder of build results, so that the runtime is compiled once.

use crate::data::{TestSet, difference};
use crate::{raw, target_folder, workspace};
use cnnc::error::Result;
use cnnc::ir::{ElementType, Tensor};
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
    quick: bool,
}

impl Package {
    /// A package of this name whose `src/main.rs` is `main`, with the runtime
    /// as its one dependency.
    #[must_use]
    pub fn new(name: &str, main: &str) -> Self {
        let files = vec![("src/main.rs".into(), main.into())];
        Self { name: name.into(), files, features: Vec::new(), build_script: false, quick: false }
    }

    /// Asks for a feature of the runtime.
    #[must_use]
    pub fn feature(mut self, feature: &'static str) -> Self {
        self.features.push(feature);
        self
    }

    /// Optimizes the package itself but a little, so that it builds faster.
    #[must_use]
    pub fn quick(mut self) -> Self {
        self.quick = true;
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
        let Self { name, files, features, build_script, quick } = self;
        let runtime = toml_path(&workspace().join("runtime"));
        let compiler = toml_path(&workspace().join("compiler"));
        // `[workspace]` keeps cargo from taking it for a part of the workspace around it.
        let mut manifest = format!(
            "[workspace]\n\n[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [dependencies]\ncnnc-runtime = {{ path = {runtime}, features = {features:?} }}\n"
        );
        if *quick {
            manifest.push_str(
                "\n[profile.release]\nopt-level = 0\ncodegen-units = 16\n\
                 [profile.release.package.cnnc-runtime]\nopt-level = 3\n",
            );
        }
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

/// A program that runs networks; the source is `runner/main.rs`.
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
        Self::around(Package::new(package, include_str!("../runner/main.rs")), networks)
    }

    /// As [`Runner::build`], for many networks that need not run fast.
    ///
    /// # Errors
    /// As [`Runner::build`].
    pub fn build_quickly(package: &str, networks: &[(&str, &Artifact)]) -> Result<Self> {
        Self::around(Package::new(package, include_str!("../runner/main.rs")).quick(), networks)
    }

    fn around(mut package: Package, networks: &[(&str, &Artifact)]) -> Result<Self> {
        let mut registry = String::new();
        let mut arms = String::new();
        for &(name, artifact) in networks {
            // With `Bytes`, the source names no place.
            let source = artifact.source(&cnnc::WeightsLocation::Manifest(String::new()))?;
            artifact.write_weights(&package.folder().join(name).join("weights"))?;
            package = package.file(&format!("src/networks/{name}.rs"), source);
            let _ = writeln!(registry, "pub mod {name};");
            let _ = writeln!(
                arms,
                "{name:?} => Box::new({name}::Model::with_weights(weights).unwrap()),"
            );
        }
        let _ = write!(
            registry,
            "pub fn load(name: &str, weights: cnnc_runtime::Weights) -> Box<dyn crate::AnyNetwork> {{\n\
             match name {{\n{arms}_ => panic!(\"no network {{name}}\"),\n}}\n}}\n"
        );
        let package = package.file("src/networks.rs", registry);
        Ok(Self { program: package.build()?, folder: package.folder() })
    }

    /// Runs a network on sets of inputs, on the kernels of one instruction set
    /// (`CNNC_ISA`); the outputs, of these element types, of each set.
    ///
    /// # Errors
    /// [`ErrorKind::Build`] where the program fails.
    pub fn run(
        &self,
        network: &str,
        isa: &str,
        sets: &[&[Tensor]],
        outputs: &[ElementType],
    ) -> Result<Vec<Vec<Tensor>>> {
        let folder = self.folder.join(network);
        let data = folder.join(isa);
        // What an earlier run left must not be taken for this one's.
        let _ = fs::remove_dir_all(&data);
        let set = |number: usize| data.join(format!("set_{number}"));
        for (number, inputs) in sets.iter().enumerate() {
            // A network may have no inputs.
            fs::create_dir_all(set(number)).map_err(|error| Error::io(set(number), &error))?;
            for (i, input) in inputs.iter().enumerate() {
                let file = set(number).join(format!("input_{i}"));
                write_if_changed(&file, &raw::bytes(input))?;
            }
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
        let output = |number: usize, (i, &element): (usize, &ElementType)| {
            let [values, sizes] =
                ["output", "sizes"].map(|kind| set(number).join(format!("{kind}_{i}")));
            let bytes = fs::read(&values).map_err(|error| Error::io(&values, &error))?;
            let sizes = fs::read_to_string(&sizes).map_err(|error| Error::io(&sizes, &error))?;
            let sizes: Vec<usize> = sizes.split(' ').filter_map(|size| size.parse().ok()).collect();
            raw::tensor(element, &sizes, &bytes)
        };
        (0..sets.len())
            .map(|number| outputs.iter().enumerate().map(|port| output(number, port)).collect())
            .collect()
    }

    /// Deletes a network's weights, of which there may be half a gigabyte.
    ///
    /// # Errors
    /// Names the file that can't be deleted.
    pub fn delete_weights(&self, network: &str) -> Result<()> {
        let weights = self.folder.join(network).join("weights");
        fs::remove_file(&weights).map_err(|error| Error::io(&weights, &error))
    }

    /// Runs a network on test data; the largest difference from the expected
    /// outputs, relative to the largest value.
    ///
    /// # Errors
    /// As [`Runner::run`].
    pub fn largest_difference(&self, network: &str, isa: &str, sets: &[TestSet]) -> Result<f64> {
        let inputs: Vec<&[Tensor]> = sets.iter().map(|set| set.inputs.as_slice()).collect();
        let types: Vec<_> = match sets.first() {
            Some(set) => set.outputs.iter().map(Tensor::element).collect(),
            None => Vec::new(),
        };
        let found = self.run(network, isa, &inputs, &types)?;
        let pairs = sets.iter().zip(&found).flat_map(|(set, found)| set.outputs.iter().zip(found));
        Ok(pairs.fold(0.0, |worst, (expected, found)| f64::max(worst, difference(found, expected))))
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
