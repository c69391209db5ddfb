//! `cnnc verify`.

use super::program::{Program, Session};
use super::progress::Progress;
use super::{DIFFERS, Model, option_error, print};
use crate::error::{Error, ErrorKind, Result};
use crate::ir::{Data, Tensor, TensorType};
use crate::ops::Graph;
use crate::{Source, WeightsMode, compile, evaluate, onnx};
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Build a network, run it, and compare its outputs with expected ones.
///
/// Expected outputs are in folders `DIR/test_data_set_*`, as files
/// `input_0.pb`, `output_0.pb`, .. that hold ONNX tensors. Without `--data`,
/// folders beside the model are taken; where there are none, a reproducible
/// random input, and what the reference evaluator computes for it.
///
/// Prints, for each output, the largest error relative to the largest value.
/// The status is 0 when all are within the tolerance, 1 when not, 2 when the
/// model cannot be compiled.
///
///   cnnc verify models/squeezenet.onnx
///   cnnc verify model.onnx --data tests/model --rtol 1e-5
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Verify {
    #[command(flatten)]
    model: Model,

    /// A folder with folders `test_data_set_*`. May be given several times.
    #[arg(long, value_name = "DIR")]
    data: Vec<PathBuf>,

    /// Largest error that passes, relative to the largest value of the output.
    #[arg(long, default_value_t = 1e-4, value_name = "X")]
    rtol: f64,

    /// The folder of `cnnc-runtime` that the program is built with.
    #[arg(long, value_name = "DIR", hide = true)]
    runtime_path: Option<PathBuf>,
}

/// Inputs and expected outputs.
struct Case {
    name: String,
    inputs: Vec<Tensor>,
    outputs: Vec<Tensor>,
}

impl Verify {
    pub(super) fn run(&self) -> Result<ExitCode> {
        let source = Source::path(&self.model.model);
        let progress = Progress::start(format!("compiling {}", self.model.model.display()));
        let artifact = compile(&source, &self.model.options(WeightsMode::Embed))?;
        drop(progress);
        let cases = self.cases(&source)?;
        let program = Program::build(&artifact, self.runtime_path.as_deref())?;
        let mut session = program.start(&self.model.model)?;
        let names: Vec<_> =
            artifact.plan.outputs.iter().map(|port| crate::error::printable(&port.name)).collect();
        let mut all_within = true;
        for case in &cases {
            let found = outputs(&mut session, case, &names)?;
            for ((name, expected), found) in names.iter().zip(&case.outputs).zip(&found) {
                let error = relative_error(found, expected)?;
                let within = error <= self.rtol;
                all_within &= within;
                let verdict = if within { "within" } else { "NOT within" };
                print(&format!(
                    "{}: output `{name}`: largest error {error:.2e}, {verdict} {:.0e}\n",
                    case.name, self.rtol
                ))?;
            }
        }
        Ok(if all_within { ExitCode::SUCCESS } else { ExitCode::from(DIFFERS) })
    }

    fn cases(&self, source: &Source) -> Result<Vec<Case>> {
        if !self.data.is_empty() {
            let sets = self.data.iter().map(|folder| data_sets(folder));
            let sets = sets.collect::<Result<Vec<_>>>()?.concat();
            if sets.is_empty() {
                return Err(option_error("found no folder `test_data_set_*` in what --data names"));
            }
            return sets.iter().map(|folder| read_case(folder)).collect();
        }
        let beside = match self.model.model.parent() {
            Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
            Some(folder) => folder,
            None => Path::new("."),
        };
        let sets = data_sets(beside)?;
        if !sets.is_empty() {
            return sets.iter().map(|folder| read_case(folder)).collect();
        }
        let _progress = Progress::start("computing expected outputs by the reference evaluator");
        let graph = onnx::import(source, &self.model.inputs)?.graph;
        Ok(vec![random_case(&graph)?])
    }
}

/// Seed of the random input.
const SEED: u64 = 1;

fn random_case(graph: &Graph) -> Result<Case> {
    let inputs = evaluate::random_inputs(graph, SEED)?;
    let outputs = evaluate::evaluate(graph, &inputs)?;
    Ok(Case { name: "random input".into(), inputs, outputs })
}

/// Folders `test_data_set_*` of a folder, in the order of their names.
fn data_sets(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(|error| Error::io(folder, &error))?;
    let mut sets: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            name.is_some_and(|name| name.starts_with("test_data_set_")) && path.is_dir()
        })
        .collect();
    sets.sort();
    Ok(sets)
}

fn read_case(folder: &Path) -> Result<Case> {
    let (inputs, outputs) = (read_tensors(folder, "input")?, read_tensors(folder, "output")?);
    if outputs.is_empty() {
        return Err(option_error("found no file `output_0.pb`").file(folder));
    }
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Case { name, inputs, outputs })
}

/// `KIND_0.pb`, `KIND_1.pb`, .. as far as they go.
fn read_tensors(folder: &Path, kind: &str) -> Result<Vec<Tensor>> {
    (0..)
        .map(|i| folder.join(format!("{kind}_{i}.pb")))
        .take_while(|path| path.is_file())
        .map(|path| {
            let bytes = std::fs::read(&path).map_err(|error| Error::io(&path, &error))?;
            let (_, tensor) = onnx::read_tensor(&bytes).map_err(|error| error.file(&path))?;
            Ok(tensor)
        })
        .collect()
}

/// Runs a case in the program.
fn outputs(session: &mut Session, case: &Case, names: &[String]) -> Result<Vec<Vec<u8>>> {
    let ports = session.ready["inputs"].as_array().map_or(0, Vec::len);
    if case.inputs.len() != ports || case.outputs.len() != names.len() {
        return Err(option_error(format!(
            "{}: expected {ports} inputs and {} outputs, found {} and {}",
            case.name,
            names.len(),
            case.inputs.len(),
            case.outputs.len()
        )));
    }
    let scratch = Scratch::new()?;
    for (i, input) in case.inputs.iter().enumerate() {
        let expected = &session.ready["inputs"][i];
        check_port(&case.name, i, expected, input)?;
        let path = scratch.0.join(format!("input_{i}"));
        let bytes = bytes(input.data());
        std::fs::write(&path, bytes).map_err(|error| Error::io(&path, &error))?;
        session.ask(&format!("input {i} {}", path.display()), "input")?;
    }
    session.ask("run 1", "ms")?;
    (0..names.len())
        .map(|i| {
            let path = scratch.0.join(format!("output_{i}"));
            session.ask(&format!("output {i} {}", path.display()), "output")?;
            std::fs::read(&path).map_err(|error| Error::io(&path, &error))
        })
        .collect()
}

/// Refuses an input of another type than the network takes.
fn check_port(case: &str, i: usize, port: &serde_json::Value, tensor: &Tensor) -> Result<()> {
    let sizes = port["shape"].as_array().cloned().unwrap_or_default();
    let same = port["element"].as_str() == Some(tensor.element().name())
        && sizes
            .iter()
            .map(serde_json::Value::as_u64)
            .eq(tensor.shape().iter().map(|&s| Some(s as u64)));
    if same {
        return Ok(());
    }
    Err(option_error(format!(
        "{case}: input {i} is {}, but the network takes {}{}",
        tensor.tensor_type(),
        port["element"].as_str().unwrap_or_default(),
        port["shape"]
    ))
    .help("pin the input's shape with --input"))
}

/// A folder for what the program reads and writes; gone when it is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("cnnc-verify-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|error| Error::io(&folder, &error))?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A file left behind in the temporary folder does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Little-endian bytes of a tensor.
fn bytes(data: &Data) -> Vec<u8> {
    match data {
        Data::F32(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Data::F64(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Data::I8(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Data::I16(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Data::I32(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Data::I64(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Data::U8(values) => values.clone(),
        Data::U16(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Data::U32(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Data::U64(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Data::Bool(values) => values.iter().map(|&v| v.into()).collect(),
    }
}

/// The largest difference, relative to the largest expected magnitude. What is
/// no number on one side only is infinitely wrong.
fn relative_error(found: &[u8], expected: &Tensor) -> Result<f64> {
    let wanted = numbers(&bytes(expected.data()), &expected.tensor_type())?;
    let found = numbers(found, &expected.tensor_type())?;
    if found.len() != wanted.len() {
        return Err(Error::new(
            ErrorKind::Shape,
            format!("expected an output of {} values, found {}", wanted.len(), found.len()),
        ));
    }
    let largest = wanted.iter().filter(|x| x.is_finite()).fold(0.0f64, |a, b| a.max(b.abs()));
    let difference = wanted.iter().zip(&found).map(|(a, b)| {
        if a == b || (a.is_nan() && b.is_nan()) {
            return 0.0;
        }
        let difference = (a - b).abs();
        if difference.is_finite() { difference } else { f64::INFINITY }
    });
    let difference = difference.fold(0.0, f64::max);
    Ok(if difference == 0.0 { 0.0 } else { difference / largest.max(f64::MIN_POSITIVE) })
}

/// The elements of a tensor as f64.
fn numbers(bytes: &[u8], tensor_type: &TensorType) -> Result<Vec<f64>> {
    use crate::ir::ElementType;
    macro_rules! read {
        ($type:ty) => {{
            let (chunks, _) = bytes.as_chunks();
            Ok(chunks.iter().map(|&chunk| <$type>::from_le_bytes(chunk) as f64).collect())
        }};
    }
    match tensor_type.element {
        ElementType::F32 => read!(f32),
        ElementType::F64 => read!(f64),
        ElementType::I8 => read!(i8),
        ElementType::I16 => read!(i16),
        ElementType::I32 => read!(i32),
        ElementType::I64 => read!(i64),
        ElementType::U8 | ElementType::Bool => read!(u8),
        ElementType::U16 => read!(u16),
        ElementType::U32 => read!(u32),
        ElementType::U64 => read!(u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_relative_to_the_largest_value() {
        let expected = Tensor::vector(vec![1.0f32, -4.0]);
        let error = |found: [f32; 2]| {
            let found: Vec<u8> = found.iter().flat_map(|v| v.to_le_bytes()).collect();
            relative_error(&found, &expected).unwrap()
        };
        assert_eq!(error([1.0, -4.0]), 0.0);
        assert_eq!(error([1.5, -4.0]), 0.125);
        assert_eq!(error([f32::NAN, -4.0]), f64::INFINITY);
    }
}
