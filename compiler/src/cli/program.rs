//! The program around a network that `verify` and `bench` build and talk to.

use super::compile::runtime_folder;
use super::progress::Progress;
use crate::build_script::write_if_changed;
use crate::codegen::{Package, RuntimeDependency};
use crate::error::{Error, ErrorKind, Result};
use crate::{Artifact, WeightsLocation};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A built program.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) path: PathBuf,
}

/// What a program's `main.rs` is; `runner` does the rest.
const MAIN: &str = "//! Runs the network as `cnnc verify` and `cnnc bench` ask.\n\n\
    fn main() -> std::process::ExitCode {\n    \
    cnnc_runtime::runner::main::<network::Model>()\n}\n";

fn failed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Build, message)
}

impl Program {
    /// Writes the crate into the cache folder and builds it in release. All
    /// networks share the compiled runtime.
    pub(super) fn build(artifact: &Artifact, runtime_path: Option<&Path>) -> Result<Self> {
        let cache = cache_folder()?;
        let name = format!("{}_{:016x}", artifact.default_name(), artifact.identity()?);
        let folder = cache.join("crates").join(&name);
        let source = artifact.source(&WeightsLocation::Manifest("src/network.weights".into()))?;
        let runtime = runtime(runtime_path)?;
        let package =
            Package { name: &name, runtime: &runtime, features: &["runner"], source: &source };
        // The library under a fixed name, so that every `main.rs` is the same.
        let manifest = package
            .manifest()
            .replace("[dependencies]", "[lib]\nname = \"network\"\n\n[dependencies]");
        write_if_changed(&folder.join("Cargo.toml"), manifest.as_bytes())?;
        write_if_changed(&folder.join("src/lib.rs"), source.as_bytes())?;
        write_if_changed(&folder.join("src/main.rs"), MAIN.as_bytes())?;
        artifact.write_weights(&folder.join("src/network.weights"))?;

        let progress = Progress::start(format!("building {}", artifact.about.model));
        let target = cache.join("target");
        let program = package.cargo_name();
        build(&folder, &target)?;
        drop(progress);
        let file = format!("{program}{}", std::env::consts::EXE_SUFFIX);
        Ok(Self { path: target.join("release").join(file) })
    }

    /// Starts it; `model` is repeated in what it says of itself.
    pub(super) fn start(&self, model: &Path) -> Result<Session> {
        let mut child = Command::new(&self.path)
            .arg(model)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| Error::io(&self.path, &error))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failed("the program has no standard input and output"));
        };
        let mut session = Session {
            child,
            input: Some(input),
            output: BufReader::new(output),
            ready: Value::Null,
        };
        session.ready = session.answer("ready")?;
        Ok(session)
    }
}

/// A program that runs, waiting for lines.
#[derive(Debug)]
pub(super) struct Session {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// What it says of itself.
    pub(super) ready: Value,
}

impl Session {
    /// Sends a line; returns what the answer holds under `key`.
    pub(super) fn ask(&mut self, line: &str, key: &str) -> Result<Value> {
        if let Some(input) = &mut self.input {
            let sent = writeln!(input, "{line}").and_then(|()| input.flush());
            sent.map_err(|error| failed(format!("the program ended: {error}")))?;
        }
        self.answer(key)
    }

    fn answer(&mut self, key: &str) -> Result<Value> {
        let mut line = String::new();
        let read = self.output.read_line(&mut line);
        read.map_err(|error| failed(format!("the program's output: {error}")))?;
        let mut answer: Value = serde_json::from_str(&line)
            .map_err(|_| failed(format!("the program ended or answered `{}`", line.trim())))?;
        match answer.get_mut(key) {
            Some(value) => Ok(value.take()),
            None => Err(failed(format!("the program answered {}", line.trim()))),
        }
    }

    /// Sends `line` and reads numbers.
    pub(super) fn numbers(&mut self, line: &str, key: &str) -> Result<Vec<f64>> {
        let answer = self.ask(line, key)?;
        let numbers = answer.as_array().map(|list| list.iter().filter_map(Value::as_f64).collect());
        numbers.ok_or_else(|| failed(format!("the program answered {answer}")))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Without input it ends by itself; how, does not matter any more.
        self.input = None;
        let _ = self.child.wait();
    }
}

/// The folder for generated crates: `CNNC_CACHE`, or `cnnc` in the user's
/// cache folder.
fn cache_folder() -> Result<PathBuf> {
    let named = std::env::var_os("CNNC_CACHE").map(PathBuf::from);
    named.or_else(|| dirs::cache_dir().map(|folder| folder.join("cnnc"))).ok_or_else(|| {
        failed("there is no cache folder").help("name one in the environment variable CNNC_CACHE")
    })
}

/// The runtime: the folder that is asked for, that of the workspace that this
/// command was built in if it still exists, or the published crate.
fn runtime(asked: Option<&Path>) -> Result<RuntimeDependency> {
    if let Some(path) = asked {
        return Ok(RuntimeDependency::Path(runtime_folder(path)?));
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join("runtime");
    if workspace.join("Cargo.toml").is_file() {
        return Ok(RuntimeDependency::Path(runtime_folder(&workspace)?));
    }
    Ok(RuntimeDependency::Published)
}

fn build(folder: &Path, target: &Path) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--release", "--quiet"])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| {
            failed(format!("cargo could not be started: {error}"))
                .help("building generated code needs cargo on the PATH")
        })?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(format!(
        "the generated crate does not build:\n{}",
        String::from_utf8_lossy(&output.stderr).trim_end()
    ))
    .file(folder))
}
