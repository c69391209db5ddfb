//! The front for `build.rs`.

use crate::codegen::WeightsLocation;
use crate::codegen::names::module_name;
use crate::error::{Error, ErrorKind, Result, printable};
use crate::{Artifact, Options, Source, WeightsMode, compile};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Compiles a model from a build script.
///
/// ```no_run
/// // build.rs
/// cnnc::Build::new("models/squeezenet.onnx").compile();
/// ```
///
/// ```ignore
/// // src/main.rs
/// mod squeezenet {
///     cnnc_runtime::include_generated!("squeezenet");
/// }
/// ```
///
/// Cargo runs the script again only when a file that was read changes, and
/// files that come out the same are not written again.
///
/// With [`WeightsMode::File`] the weights are also written to where cargo puts
/// the program, which looks for them beside itself.
#[derive(Clone, Debug)]
pub struct Build {
    model: PathBuf,
    name: Option<String>,
    options: Options,
}

impl Build {
    /// Compiles this file; relative paths start at the package's folder.
    pub fn new(model: impl Into<PathBuf>) -> Self {
        Self { model: model.into(), name: None, options: Options::default() }
    }

    /// The name for `include_generated!`, that of a module; otherwise the file's
    /// name without extension, in `snake_case`.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Fixes the shape of an input that the file leaves open. Given several times,
    /// a model is compiled for each shape; see [`Options::inputs`].
    #[must_use]
    pub fn input(mut self, name: impl Into<String>, shape: &[usize]) -> Self {
        self.options.inputs.push((name.into(), shape.to_vec()));
        self
    }

    /// Gives the most that there can be of a size that follows from the data and
    /// that nothing in the file bounds, by the name of a node or of its result.
    #[must_use]
    pub fn bound(mut self, name: impl Into<String>, most: usize) -> Self {
        self.options.bounds.push((name.into(), most));
        self
    }

    /// Makes an input constant, with the value that a file holds: one tensor
    /// (`TensorProto`). Relative paths start at the package's folder.
    #[must_use]
    pub fn constant(mut self, name: impl Into<String>, file: impl Into<PathBuf>) -> Self {
        self.options.constants.push((name.into(), file.into()));
        self
    }

    /// How the weights reach the program.
    #[must_use]
    pub fn weights(mut self, mode: WeightsMode) -> Self {
        self.options.weights = mode;
        self
    }

    /// Whether to use only algorithms that round as plain summation does.
    #[must_use]
    pub fn exact(mut self, exact: bool) -> Self {
        self.options.exact = exact;
        self
    }

    /// Compiles. What goes wrong is printed and ends the build.
    pub fn compile(&self) {
        if let Err(error) = self.try_compile() {
            eprintln!("error: {error}");
            std::process::exit(1);
        }
    }

    /// Compiles into cargo's `OUT_DIR` and tells cargo what was read.
    ///
    /// # Errors
    /// Where the model cannot be compiled or `OUT_DIR` not be written.
    pub fn try_compile(&self) -> Result<()> {
        let out_dir = std::env::var_os("OUT_DIR").map(PathBuf::from).ok_or_else(|| {
            Error::new(ErrorKind::Build, "OUT_DIR is not set")
                .help("`cnnc::Build` works in a build script only; elsewhere call `cnnc::compile`")
        })?;
        // Told before anything can fail, so that a mended file is looked at again.
        println!("cargo::rerun-if-changed={}", self.model.display());
        let artifact = compile(&Source::path(&self.model), &self.options)?;
        for file in &artifact.files {
            println!("cargo::rerun-if-changed={}", file.display());
        }
        self.write(&artifact, &out_dir)
    }

    fn write(&self, artifact: &Artifact, out_dir: &Path) -> Result<()> {
        let name = match &self.name {
            Some(name) => checked(name)?,
            None => artifact.default_name(),
        };
        let weights = format!("{name}.weights");
        artifact.write_weights(&out_dir.join(&weights))?;
        if let (Some(beside), Some(folder)) = (artifact.weights_file(), programs(out_dir)) {
            artifact.write_weights(&folder.join(beside))?;
        }
        let source = artifact.source(&WeightsLocation::OutDir(weights))?;
        write_if_changed(&out_dir.join(format!("{name}.rs")), source.as_bytes())
    }
}

/// The name as it is, which is also what `include_generated!` asks for.
fn checked(name: &str) -> Result<String> {
    let fit = module_name(name);
    if fit == name {
        return Ok(fit);
    }
    Err(Error::new(
        ErrorKind::Option,
        format!("expected the name of a module, found `{}`", printable(name)),
    )
    .help(format!("`{fit}` is one")))
}

/// The folder that cargo puts programs into, `target/PROFILE`, of a package
/// whose `OUT_DIR` is `target/PROFILE/build/PACKAGE-HASH/out`. None where cargo
/// lays its folders out in another way.
fn programs(out_dir: &Path) -> Option<&Path> {
    let folder = out_dir.ancestors().nth(3)?;
    folder.join("deps").is_dir().then_some(folder)
}

/// Writes a file unless it holds just that already; makes its folder. The file
/// appears whole or not at all.
///
/// # Errors
/// Names the file that could not be written.
pub fn write_if_changed(path: &Path, contents: &[u8]) -> Result<()> {
    if std::fs::read(path).is_ok_and(|present| present == contents) {
        return Ok(());
    }
    write_whole(path, |file| file.write_all(contents))
}

/// Writes a file through a neighbour that then takes its place.
pub(crate) fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut std::fs::File) -> std::io::Result<()>,
) -> Result<()> {
    let mut neighbour = path.as_os_str().to_owned();
    neighbour.push(format!(".{}.part", std::process::id()));
    let neighbour = PathBuf::from(neighbour);
    let attempt = || {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        write(&mut std::fs::File::create(&neighbour)?)?;
        std::fs::rename(&neighbour, path)
    };
    attempt().map_err(|error| {
        // What is left of the attempt is of no use; that it stays is no second error.
        let _ = std::fs::remove_file(&neighbour);
        Error::io(path, &error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/models/mnist/model.onnx");

    #[test]
    fn a_weights_file_is_put_beside_the_program() {
        let target = std::env::temp_dir().join(format!("cnnc-build-{}", std::process::id()));
        let out_dir = target.join("debug/build/package-0123/out");
        std::fs::create_dir_all(target.join("debug/deps")).unwrap();
        let build = Build::new(MODEL).name("digits").weights(WeightsMode::File);
        let artifact = compile(&Source::path(&build.model), &build.options).unwrap();
        build.write(&artifact, &out_dir).unwrap();
        for file in ["digits.rs", "digits.weights"] {
            assert!(out_dir.join(file).is_file(), "{file}");
        }
        // It is named after the model, as the source says.
        let weights = std::fs::read(target.join("debug/model.weights")).unwrap();
        assert!(weights == artifact.weights());
        std::fs::remove_dir_all(target).unwrap();
    }

    #[test]
    fn a_name_is_that_of_a_module() {
        assert_eq!(checked("resnet_50").unwrap(), "resnet_50");
        for name in ["ResNet 50", "../escape", "fn", ""] {
            let error = checked(name).unwrap_err().to_string();
            assert!(error.contains("help: `"), "{error}");
        }
    }

    #[test]
    fn a_file_that_stays_the_same_is_not_written() {
        let folder = std::env::temp_dir().join(format!("cnnc-write-{}", std::process::id()));
        let path = folder.join("deep").join("file");
        write_if_changed(&path, b"one").unwrap();
        let written = std::fs::metadata(&path).unwrap().modified().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        write_if_changed(&path, b"one").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), written);
        write_if_changed(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
