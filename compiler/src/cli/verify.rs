//! `cnnc verify`.

use super::cache::{Cache, Scratch};
use super::cases::Case;
use super::program::{Program, Session};
use super::progress::Progress;
use super::{DIFFERS, Model, Runtime, option_error, print};
use crate::error::{Error, ErrorKind, Result, printable};
use crate::ir::{Data, Tensor, TensorType};
use crate::{Artifact, Source, WeightsMode, compile};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// Build a network, run it, and compare its outputs with expected ones.
///
/// Inputs and expected outputs are in folders `DIR/test_data_set_*`, as files
/// `input_0.pb`, `output_0.pb`, .. that hold ONNX tensors. Without `--data`,
/// such folders beside the model are taken; where there are none, a random
/// input, always the same, and what the reference evaluator computes for it.
///
/// Prints, for each output, the largest error relative to the largest value.
/// The status is 0 when all are within the tolerance, 1 when they are not or
/// the data do not fit the model, 2 when the model cannot be compiled.
///
///   cnnc verify models/squeezenet.onnx
///   cnnc verify model.onnx --data tests/one --data tests/two --rtol 1e-5
///   CNNC_ISA=scalar cnnc verify model.onnx
///
/// The program is built in a cache folder: `CNNC_CACHE`, or `cnnc` in the
/// user's.
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

    #[command(flatten)]
    runtime: Runtime,
}

impl Verify {
    pub(super) fn run(&self) -> Result<ExitCode> {
        if self.rtol.is_nan() || self.rtol < 0.0 {
            return Err(option_error(format!("{} is no tolerance", self.rtol)));
        }
        let progress = Progress::start(format!("compiling {}", self.model.model.display()));
        let options = self.model.options_of_one(WeightsMode::Embed)?;
        let artifact = compile(&Source::path(&self.model.model), &options)?;
        drop(progress);
        let cache = Cache::open()?;
        let program = Program::build(&artifact, &cache, &self.runtime.dependency()?)?;
        // From here on it is no longer the model that cannot be compiled.
        let within = self.compare(&artifact, &program, &cache).unwrap_or_else(|error| {
            eprintln!("error: {error}");
            false
        });
        Ok(if within { ExitCode::SUCCESS } else { ExitCode::from(DIFFERS) })
    }

    /// Whether all outputs are within the tolerance; prints each.
    fn compare(&self, artifact: &Artifact, program: &Program, cache: &Cache) -> Result<bool> {
        let cases = self.cases()?;
        let plan = &artifact.plan;
        let mut session = program.start(&self.model.model)?;
        let scratch = cache.scratch()?;
        let mut all_within = true;
        for case in &cases {
            case.check(&plan.inputs, &plan.outputs)?;
            let found = outputs(&mut session, case, &scratch)?;
            for ((port, expected), found) in plan.outputs.iter().zip(&case.outputs).zip(&found) {
                let error = relative_error(found, expected)?;
                let within = error <= self.rtol;
                all_within &= within;
                print(&format!(
                    "{}: output `{}`: largest error {error:.2e}, {} {:e}\n",
                    case.name,
                    printable(&port.name),
                    if within { "within" } else { "NOT within" },
                    self.rtol
                ))?;
            }
        }
        Ok(all_within)
    }

    fn cases(&self) -> Result<Vec<Case>> {
        if !self.data.is_empty() {
            return Case::of_folders(&self.data, &self.model);
        }
        let cases = Case::beside(&self.model)?;
        if !cases.is_empty() {
            return Ok(cases);
        }
        let _progress = Progress::start("computing expected outputs by the reference evaluator");
        Ok(vec![Case::random(&self.model)?])
    }
}

/// An output as the program writes it.
struct Found {
    bytes: Vec<u8>,
    sizes: Vec<usize>,
}

/// Runs a case in the program; its outputs.
fn outputs(session: &mut Session, case: &Case, scratch: &Scratch) -> Result<Vec<Found>> {
    for (i, input) in case.inputs.iter().enumerate() {
        let path = scratch.file(&format!("input_{i}"));
        std::fs::write(&path, bytes(input.data())).map_err(|error| Error::io(&path, &error))?;
        session.ask(&format!("input {i} {}", path.display()), "input")?;
    }
    session.ask("run 1", "ms")?;
    (0..case.outputs.len())
        .map(|i| {
            let path = scratch.file(&format!("output_{i}"));
            let sizes = session.numbers(&format!("output {i} {}", path.display()), "sizes")?;
            let sizes = sizes.into_iter().map(|size| size as usize).collect();
            let bytes = std::fs::read(&path).map_err(|error| Error::io(&path, &error))?;
            Ok(Found { bytes, sizes })
        })
        .collect()
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
fn relative_error(found: &Found, expected: &Tensor) -> Result<f64> {
    if found.sizes != expected.shape() {
        return Err(Error::new(
            ErrorKind::Shape,
            format!("expected an output of sizes {:?}, found {:?}", expected.shape(), found.sizes),
        ));
    }
    let wanted = numbers(&bytes(expected.data()), &expected.tensor_type())?;
    let found = numbers(&found.bytes, &expected.tensor_type())?;
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
            let bytes = found.iter().flat_map(|v| v.to_le_bytes()).collect();
            relative_error(&Found { bytes, sizes: vec![2] }, &expected).unwrap()
        };
        assert_eq!(error([1.0, -4.0]), 0.0);
        assert_eq!(error([1.5, -4.0]), 0.125);
        assert_eq!(error([f32::NAN, -4.0]), f64::INFINITY);
    }
}
