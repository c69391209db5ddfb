//! `cnnc compile`.

use super::progress::Progress;
use super::{Model, Weights, option_error, print};
use crate::codegen::{Package, RuntimeDependency};
use crate::error::Result;
use crate::{Artifact, Source, WeightsLocation, WeightsMode, compile, write_if_changed};
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Write a network as Rust: a module, or a whole crate.
///
/// Without `--crate`, OUT is the module's source file, and its weights are
/// written beside it. The package that the file lies in needs the dependency
/// `cnnc-runtime`.
///
///   cnnc compile squeezenet.onnx -o src/squeezenet.rs
///
/// With `--crate`, OUT is a folder that becomes a crate of its own:
///
///   cnnc compile squeezenet.onnx --crate -o squeezenet
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Compile {
    #[command(flatten)]
    model: Model,

    /// Where to write; by default named after the model, in this folder.
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,

    /// Write a crate that builds by itself.
    #[arg(long = "crate")]
    package: bool,

    /// How the weights reach the program.
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    weights: Weights,

    /// With `--crate`: the folder of `cnnc-runtime`, instead of the published
    /// crate.
    #[arg(long, value_name = "DIR", requires = "package")]
    runtime_path: Option<PathBuf>,
}

impl Compile {
    pub(super) fn run(&self) -> Result<ExitCode> {
        let progress = Progress::start(format!("compiling {}", self.model.model.display()));
        let options = self.model.options(self.weights.into());
        let artifact = compile(&Source::path(&self.model.model), &options)?;
        let written = if self.package {
            self.write_package(&artifact)?
        } else {
            self.write_module(&artifact)?
        };
        drop(progress);
        print(&written)?;
        Ok(ExitCode::SUCCESS)
    }

    fn write_module(&self, artifact: &Artifact) -> Result<String> {
        let default = || PathBuf::from(format!("{}.rs", artifact.default_name()));
        let source = self.output.clone().unwrap_or_else(default);
        if source.is_dir() || source.extension().is_none_or(|extension| extension != "rs") {
            return Err(option_error(format!(
                "expected OUT to be a Rust source file, found `{}`",
                source.display()
            ))
            .help("name a file that ends in .rs, or give --crate to write a folder"));
        }
        let weights = source.with_extension("weights");
        let location = match artifact.about.mode {
            WeightsMode::Embed => in_package(&weights)?,
            WeightsMode::File | WeightsMode::Bytes => WeightsLocation::Absolute(weights.clone()),
        };
        write_if_changed(&source, artifact.source(&location)?.as_bytes())?;
        artifact.write_weights(&weights)?;
        let mut written = format!("wrote {} and {}\n", source.display(), weights.display());
        if let Some(beside) = artifact.weights_file() {
            written
                .push_str(&format!("the program looks for its weights beside it, as {beside}\n"));
        }
        Ok(written)
    }

    fn write_package(&self, artifact: &Artifact) -> Result<String> {
        let name = artifact.default_name();
        let folder = self.output.clone().unwrap_or_else(|| PathBuf::from(&name));
        let runtime = match &self.runtime_path {
            None => RuntimeDependency::Published,
            Some(path) => RuntimeDependency::Path(runtime_folder(path)?),
        };
        let weights = format!("src/{name}.weights");
        let source = artifact.source(&WeightsLocation::Manifest(weights.clone()))?;
        Package { name: &name, runtime: &runtime, features: &[], source: &source }
            .write(&folder)?;
        artifact.write_weights(&folder.join(&weights))?;
        Ok(format!("wrote the crate `{name}` to {}\n", folder.display()))
    }
}

/// The weights file relative to the manifest of the package that it lies in.
fn in_package(weights: &Path) -> Result<WeightsLocation> {
    let absolute =
        std::path::absolute(weights).map_err(|error| crate::Error::io(weights, &error))?;
    let package = absolute.ancestors().skip(1).find(|folder| folder.join("Cargo.toml").is_file());
    let package = package.filter(|folder| holds_package(folder)).ok_or_else(|| {
        option_error(format!("`{}` lies in no cargo package", weights.display())).help(
            "embedded weights are found relative to the package's Cargo.toml: \
             write into a package, or give --crate, --weights file or --weights bytes",
        )
    })?;
    let relative = absolute.strip_prefix(package).unwrap_or(&absolute);
    let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
    Ok(WeightsLocation::Manifest(parts.join("/")))
}

/// Whether the manifest is that of a package: that of a workspace may be of the
/// workspace alone.
fn holds_package(folder: &Path) -> bool {
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    manifest.lines().any(|line| line.trim_start().starts_with("[package]"))
}

/// The folder of the runtime, absolute.
pub(super) fn runtime_folder(path: &Path) -> Result<PathBuf> {
    if !path.join("Cargo.toml").is_file() {
        return Err(option_error(format!("`{}` holds no Cargo.toml", path.display()))
            .help("--runtime-path names the folder of cnnc-runtime"));
    }
    path.canonicalize().map_err(|error| crate::Error::io(path, &error))
}
