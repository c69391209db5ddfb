//! The program around a network that `verify` and `bench` build and talk to.

use super::cache::Cache;
use super::failed;
use super::progress::Progress;
use crate::build_script::write_if_changed;
use crate::codegen::{Package, RuntimeDependency};
use crate::error::{Error, Result};
use crate::{Artifact, WeightsLocation};
use serde_json::Value;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::time::Instant;

/// A program's `main.rs`; `runner` does the rest. The network is a module of
/// it and no library, whose file would hold the weights once more.
const MAIN: &str = "//! Runs the network as `cnnc verify` and `cnnc bench` ask.\n\n\
    #[allow(dead_code)]\nmod network;\n\n\
    fn main() -> std::process::ExitCode {\n    \
    cnnc_runtime::runner::main::<network::Model>()\n}\n";

/// A built program.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) path: PathBuf,
}

impl Program {
    /// Writes the crate into the cache and builds it in release.
    pub(super) fn build(
        artifact: &Artifact,
        cache: &Cache,
        runtime: &RuntimeDependency,
    ) -> Result<Self> {
        let source = artifact.source(&WeightsLocation::Manifest("src/network.weights".into()))?;
        let package = |name| Package { name, runtime, features: &["runner"], source: &source };
        // Crates that differ in anything have different names, so that several
        // of these commands may run at once. The source names its weights.
        let mut hasher = DefaultHasher::new();
        (&source, MAIN, package("model").manifest()).hash(&mut hasher);
        let name = format!("{}_{:016x}", artifact.default_name(), hasher.finish());
        let folder = cache.package(&name);
        let manifest = package(&name).manifest();
        let files =
            [("Cargo.toml", &*manifest), ("src/main.rs", MAIN), ("src/network.rs", &*source)];
        for (file, contents) in files {
            write_if_changed(&folder.join(file), contents.as_bytes())?;
        }
        artifact.write_weights(&folder.join("src/network.weights"))?;
        let progress = Progress::start(format!("building {}", artifact.about.model));
        let path = build(&folder, &cache.target())?;
        drop(progress);
        cache.keep(&name);
        Ok(Self { path })
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

    /// Milliseconds from starting a process to reading that it has its first
    /// output.
    pub(super) fn time_first_output(&self) -> Result<f64> {
        let failed_to_run = || failed("the program ended without an output").file(&self.path);
        let start = Instant::now();
        let mut child = Command::new(&self.path)
            .arg("once")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| Error::io(&self.path, &error))?;
        let output = child.stdout.take().ok_or_else(failed_to_run)?;
        let mut line = String::new();
        let read = BufReader::new(output).read_line(&mut line);
        let time = start.elapsed();
        let status = child.wait().map_err(|error| Error::io(&self.path, &error))?;
        match read {
            Ok(bytes) if bytes > 0 && status.success() => Ok(time.as_secs_f64() * 1e3),
            _ => Err(failed_to_run()),
        }
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

/// Builds a crate in release; the path of its program.
fn build(folder: &Path, target: &Path) -> Result<PathBuf> {
    // What is in the local registry suffices nearly always, and then nothing
    // is looked up on the net. Cargo reports no build where it found no
    // packages to build with.
    let mut output = cargo(folder, target, &["--offline"])?;
    if !output.status.success() && output.stdout.is_empty() {
        output = cargo(folder, target, &[])?;
    }
    if !output.status.success() {
        return Err(failed(format!(
            "the generated crate does not build:\n{}",
            String::from_utf8_lossy(&output.stderr).trim_end()
        ))
        .file(folder));
    }
    let messages = output.stdout.split(|&byte| byte == b'\n');
    messages
        .filter_map(|line| serde_json::from_slice::<Value>(line).ok())
        .find_map(|message| Some(PathBuf::from(message["executable"].as_str()?)))
        .ok_or_else(|| failed("cargo named no program that it built").file(folder))
}

fn cargo(folder: &Path, target: &Path, arguments: &[&str]) -> Result<Output> {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--release", "--quiet", "--message-format=json-render-diagnostics"])
        .args(arguments)
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| {
            failed(format!("cargo could not be started: {error}"))
                .help("building generated code needs cargo on the PATH")
        })
}
