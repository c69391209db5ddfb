//! The command line: one file a verb.

mod bench;
mod cache;
mod cases;
mod compile;
mod inspect;
mod program;
mod progress;
mod verify;

use crate::codegen::RuntimeDependency;
use crate::error::{Error, ErrorKind, Result};
use crate::{Options, WeightsMode};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Compiles trained convolutional networks (ONNX) to Rust.
///
///   cnnc inspect squeezenet.onnx            what is in it, what becomes of it
///   cnnc verify squeezenet.onnx             is what it computes right?
///   cnnc bench squeezenet.onnx --layers     how fast is it, and where?
///   cnnc compile squeezenet.onnx -o src/squeezenet.rs
///
/// `cnnc VERB --help` says more of each. The status is 0 when all went well
/// and 2 where a model cannot be compiled; `verify` has 1 for outputs that
/// differ.
#[derive(Debug, Parser)]
#[command(name = "cnnc", version, propagate_version = true, verbatim_doc_comment)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Compile(compile::Compile),
    Verify(verify::Verify),
    Bench(bench::Bench),
    Inspect(inspect::Inspect),
}

/// What every verb takes.
#[derive(Debug, Args)]
struct Model {
    /// The network: an ONNX file.
    #[arg(value_name = "MODEL.onnx")]
    model: PathBuf,

    /// Shape of an input that the file leaves open, as in `data=1x3x224x224`.
    /// May be given several times; `compile` makes a model for each shape that
    /// one input is given, and all share their weights.
    #[arg(long = "input", value_name = "NAME=SHAPE", value_parser = input)]
    inputs: Vec<(String, Vec<usize>)>,

    /// The most that there can be of a size that follows from the data and that
    /// nothing in the file bounds, by the name of a node or of its result, as
    /// in `boxes=100`. May be given several times.
    #[arg(long = "bound", value_name = "NAME=N", value_parser = bound)]
    bounds: Vec<(String, usize)>,

    /// Make an input constant: FILE holds its value, one tensor (TensorProto).
    /// May be given several times.
    #[arg(long = "constant", value_name = "NAME=FILE", value_parser = constant)]
    constants: Vec<(String, PathBuf)>,

    /// Use only algorithms that round as plain summation does.
    #[arg(long)]
    exact: bool,
}

impl Model {
    /// The options of a command that looks at one model.
    fn options_of_one(&self, weights: WeightsMode) -> Result<Options> {
        let options = self.options(weights);
        if options.shapes()?.len() > 1 {
            let message = "this command takes one shape of each input";
            return Err(Error::new(ErrorKind::Option, message).help("run it once for each shape"));
        }
        Ok(options)
    }

    fn options(&self, weights: WeightsMode) -> Options {
        Options {
            inputs: self.inputs.clone(),
            bounds: self.bounds.clone(),
            constants: self.constants.clone(),
            exact: self.exact,
            weights,
        }
    }
}

/// The runtime of programs that `verify` and `bench` build.
#[derive(Debug, Args)]
struct Runtime {
    /// The folder of `cnnc-runtime` that the program is built with: by default
    /// that of the sources that this command was built from, or the published
    /// crate.
    #[arg(long, value_name = "DIR", env = "CNNC_RUNTIME_PATH", hide_env_values = true)]
    runtime_path: Option<PathBuf>,
}

impl Runtime {
    fn dependency(&self) -> Result<RuntimeDependency> {
        if let Some(path) = &self.runtime_path {
            return Ok(RuntimeDependency::Path(runtime_folder(path)?));
        }
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join("runtime");
        if workspace.join("Cargo.toml").is_file() {
            return Ok(RuntimeDependency::Path(runtime_folder(&workspace)?));
        }
        Ok(RuntimeDependency::Published)
    }
}

/// The folder of the runtime, absolute.
fn runtime_folder(path: &Path) -> Result<PathBuf> {
    if !path.join("Cargo.toml").is_file() {
        return Err(option_error(format!("`{}` holds no Cargo.toml", path.display()))
            .help("--runtime-path names the folder of cnnc-runtime"));
    }
    path.canonicalize().map_err(|error| Error::io(path, &error))
}

/// How the weights reach the program.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Weights {
    /// Inside the program's own image.
    #[default]
    Embed,
    /// In a file beside the program, mapped into memory.
    File,
    /// Handed in by the program as bytes.
    Bytes,
}

impl From<Weights> for WeightsMode {
    fn from(weights: Weights) -> Self {
        match weights {
            Weights::Embed => Self::Embed,
            Weights::File => Self::File,
            Weights::Bytes => Self::Bytes,
        }
    }
}

/// `NAME=1x3x224x224`; the name may hold `=` itself.
fn input(text: &str) -> std::result::Result<(String, Vec<usize>), String> {
    let (name, shape) =
        text.rsplit_once('=').ok_or("expected NAME=SHAPE, as in data=1x3x224x224")?;
    let sizes = shape
        .split('x')
        .map(|size| match size.parse() {
            Ok(0) | Err(_) => Err(format!("`{size}` is no size")),
            Ok(size) => Ok(size),
        })
        .collect::<std::result::Result<_, _>>()?;
    Ok((name.to_owned(), sizes))
}

/// `NAME=100`; the name may hold `=` itself.
fn bound(text: &str) -> std::result::Result<(String, usize), String> {
    let (name, most) = text.rsplit_once('=').ok_or("expected NAME=N, as in boxes=100")?;
    let most = most.parse().map_err(|_| format!("`{most}` is no number"))?;
    Ok((name.to_owned(), most))
}

/// `NAME=FILE`; the name holds no `=`.
fn constant(text: &str) -> std::result::Result<(String, PathBuf), String> {
    let (name, file) = text.split_once('=').ok_or("expected NAME=FILE, as in shape=shape.pb")?;
    Ok((name.to_owned(), PathBuf::from(file)))
}

/// Status where outputs are not shown to be what is expected.
const DIFFERS: u8 = 1;

/// Status of a model that cannot be compiled, and of every other error.
const FAILED: u8 = 2;

/// Runs the command; messages go to standard error.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match &cli.verb {
        Verb::Compile(compile) => compile.run(),
        Verb::Verify(verify) => verify.run(),
        Verb::Bench(bench) => bench.run(),
        Verb::Inspect(inspect) => inspect.run(),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::from(FAILED)
    })
}

/// An error of an option.
fn option_error(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Option, message)
}

/// An error of what was built.
fn failed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Build, message)
}

/// Prints to standard output; a closed pipe is no error of ours.
fn print(text: &str) -> Result<()> {
    use std::io::Write as _;
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::new(ErrorKind::Io, format!("standard output: {error}")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn shapes_of_inputs_are_read() {
        assert_eq!(input("data=1x3x8x8"), Ok(("data".into(), vec![1, 3, 8, 8])));
        assert_eq!(input("a=b=4"), Ok(("a=b".into(), vec![4])));
        assert!(input("data").is_err());
        assert!(input("data=1x0").unwrap_err().contains("`0`"));
        assert!(input("data=1x-3").is_err());
    }

    #[test]
    fn bounds_and_constants_are_read() {
        assert_eq!(bound("a=b=100"), Ok(("a=b".into(), 100)));
        assert!(bound("boxes=many").unwrap_err().contains("`many`"));
        assert!(bound("boxes").is_err());
        assert_eq!(constant("shape=a=b.pb"), Ok(("shape".into(), "a=b.pb".into())));
        assert!(constant("shape").is_err());
    }
}
