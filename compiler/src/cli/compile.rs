//! `cnnc compile`.

use super::progress::Progress;
use super::{Model, Weights, option_error, print, runtime_folder};
use crate::codegen::{MARK, Package, RuntimeDependency};
use crate::error::{Error, Result};
use crate::step::{ALIGNMENT, read_header};
use crate::{Artifact, Source, WeightsLocation, WeightsMode, compile, write_if_changed};
use clap::Args;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Write a network as Rust: a module, or a whole crate.
///
/// Without `--crate`, OUT is the module's source file, and its weights are
/// written beside it. The package that the file lies in needs the dependency
/// `cnnc-runtime`; the program says `mod squeezenet;`, makes a
/// `squeezenet::Model` and calls its `run`.
///
///   cnnc compile squeezenet.onnx -o src/squeezenet.rs
///
/// With `--crate`, OUT is a folder that becomes a crate of its own:
///
///   cnnc compile squeezenet.onnx --crate -o squeezenet
///
/// What was generated before is written anew; any other file in the way is
/// left alone, with an error.
///
/// How the weights reach the program (`--weights`):
///
///   embed  they become a part of the program's own image, so that it is one
///          file
///   file   the program maps the file NAME.weights, which lies beside it
///   bytes  the program hands them in: `Model::with_weights`
///
/// Sizes that the file leaves open are given by name:
///
///   cnnc compile detector.onnx --input image=1x3x480x640
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
        let mut written = if self.package {
            self.write_package(&artifact)?
        } else {
            self.write_module(&artifact)?
        };
        drop(progress);
        if let Some(beside) = artifact.weights_file() {
            written
                .push_str(&format!("the program looks for its weights beside it, as {beside}\n"));
        }
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
        spare_source(&source, MARK)?;
        spare_weights(&weights)?;
        artifact.write_weights(&weights)?;
        write_if_changed(&source, artifact.source(&location)?.as_bytes())?;
        Ok(format!("wrote {} and {}\n", source.display(), weights.display()))
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
        let package = Package { name: &name, runtime: &runtime, features: &[], source: &source };
        spare_source(&folder.join("Cargo.toml"), Package::MARK)?;
        spare_source(&folder.join("src/lib.rs"), MARK)?;
        let weights = folder.join(weights);
        spare_weights(&weights)?;
        artifact.write_weights(&weights)?;
        package.write(&folder)?;
        Ok(format!("wrote the crate `{}` to {}\n", package.cargo_name(), folder.display()))
    }
}

/// Refuses to write over a text that was not generated.
fn spare_source(path: &Path, mark: &str) -> Result<()> {
    match std::fs::read(path) {
        Ok(text) if !text.is_empty() && !text.starts_with(mark.as_bytes()) => Err(spared(path)),
        // Where it cannot be read, writing it will say why.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Refuses to write over weights of another program.
fn spare_weights(path: &Path) -> Result<()> {
    let Ok(file) = std::fs::File::open(path) else { return Ok(()) };
    let mut start = Vec::new();
    let read = file.take(ALIGNMENT as u64).read_to_end(&mut start);
    read.map_err(|error| Error::io(path, &error))?;
    if start.is_empty() || read_header(&start).is_some() { Ok(()) } else { Err(spared(path)) }
}

fn spared(path: &Path) -> Error {
    option_error("this file is in the way: it was not written by cnnc")
        .file(path)
        .help("move it, or name another place with -o")
}

/// The weights file relative to the manifest of the package that it lies in.
fn in_package(weights: &Path) -> Result<WeightsLocation> {
    let absolute = std::path::absolute(weights).map_err(|error| Error::io(weights, &error))?;
    let package = absolute.ancestors().skip(1).find(|folder| folder.join("Cargo.toml").is_file());
    let package = package.filter(|folder| !is_virtual(&folder.join("Cargo.toml")));
    let package = package.ok_or_else(|| {
        option_error(format!("`{}` lies in no cargo package", weights.display())).help(
            "embedded weights are found relative to the package's Cargo.toml: \
             write into a package, or give --crate, --weights file or --weights bytes",
        )
    })?;
    let relative = absolute.strip_prefix(package).unwrap_or(&absolute);
    let parts = relative.iter().map(|part| part.to_str()).collect::<Option<Vec<_>>>();
    let parts = parts.ok_or_else(|| option_error("the path is no Unicode text").file(weights))?;
    Ok(WeightsLocation::Manifest(parts.join("/")))
}

/// Whether a manifest is that of a workspace without a package of its own.
fn is_virtual(manifest: &Path) -> bool {
    let text = std::fs::read_to_string(manifest).unwrap_or_default();
    let has = |table: &str| {
        text.lines().any(|line| {
            let line = line.split('#').next().unwrap_or_default();
            line.split_whitespace().collect::<String>() == table
        })
    };
    has("[workspace]") && !has("[package]")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An empty folder; the caller removes it.
    fn folder(name: &str) -> PathBuf {
        let folder =
            std::env::temp_dir().join(format!("cnnc-compile-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(folder.join("package/src")).unwrap();
        folder
    }

    #[test]
    fn embedded_weights_are_found_from_the_nearest_package() {
        let folder = folder("nearest");
        let weights = folder.join("package/src/net.weights");
        assert!(in_package(&weights).unwrap_err().to_string().contains("--crate"));
        std::fs::write(folder.join("Cargo.toml"), "[workspace] # only\n").unwrap();
        assert!(in_package(&weights).unwrap_err().to_string().contains("in no cargo package"));
        std::fs::write(folder.join("package/Cargo.toml"), "[package]\nname = \"p\"\n").unwrap();
        let expected = WeightsLocation::Manifest("src/net.weights".into());
        assert_eq!(in_package(&weights).unwrap(), expected);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn files_of_others_are_spared() {
        let folder = folder("spared");
        let (source, weights) = (folder.join("net.rs"), folder.join("net.weights"));
        spare_source(&source, MARK).unwrap();
        spare_weights(&weights).unwrap();
        std::fs::write(&source, format!("{MARK}\nmod a;")).unwrap();
        std::fs::write(&weights, "").unwrap();
        spare_source(&source, MARK).unwrap();
        spare_weights(&weights).unwrap();
        std::fs::write(&source, "fn main() {}").unwrap();
        std::fs::write(&weights, [1; 80]).unwrap();
        let error = spare_source(&source, MARK).unwrap_err().to_string();
        assert!(error.contains("net.rs") && error.contains("not written by cnnc"), "{error}");
        assert!(spare_weights(&weights).is_err());
        let mut sealed = vec![0.0; 20];
        crate::step::seal(&mut sealed);
        std::fs::write(&weights, bytemuck::cast_slice::<f32, u8>(&sealed)).unwrap();
        spare_weights(&weights).unwrap();
        std::fs::remove_dir_all(folder).unwrap();
    }
}
