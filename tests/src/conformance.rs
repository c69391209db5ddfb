//! The conformance tests of ONNX's operators: what becomes of each of them.
//!
//! `conformance/README.md` says where they come from.

use crate::{raw, target_folder};
use cnnc::error::Result as Checked;
use cnnc::ir::{ElementType, Tensor};
use cnnc::{Artifact, Error, ErrorKind, Options, Source, WeightsMode, compile, evaluate, onnx};
use onnx_protobuf::tensor_proto::DataType;
use onnx_protobuf::{Message, ModelProto, TensorProto};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

/// A test as the manifest lists it.
#[derive(Clone, Debug)]
pub struct Test {
    /// Its name, an identifier.
    pub name: String,
    /// The operator it is for: the first of the model.
    pub operator: String,
    /// Largest error relative to the expected value.
    pub relative: f64,
    /// Largest error on top of that.
    pub absolute: f64,
    /// The folder with the model and the data.
    pub folder: PathBuf,
}

/// A test whose model computes what is expected by the reference evaluation,
/// and compiles.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The names of inputs that were made constants.
    pub constants: Vec<String>,
    /// The model.
    pub artifact: Artifact,
    /// The other inputs.
    pub inputs: Vec<Tensor>,
    /// What it should compute.
    pub expected: Vec<Expected>,
}

/// An output that a test expects.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The value.
    pub value: Tensor,
    /// Largest relative error that its format has of itself.
    pub rounding: f64,
}

/// The tests that were fetched; none where none were.
///
/// # Errors
/// Where the manifest makes no sense.
pub fn tests() -> Checked<Vec<Test>> {
    let folder = target_folder().join("conformance/tests");
    let Ok(manifest) = fs::read_to_string(folder.join("manifest.tsv")) else {
        return Ok(Vec::new());
    };
    let tests = manifest.lines().skip(1).map(|line| {
        let wrong = || Error::malformed(format!("this is no line of a manifest: {line}"));
        let mut columns = line.split('\t');
        let mut column = || columns.next().ok_or_else(wrong);
        let (name, operators, _opset) = (column()?, column()?, column()?);
        let mut number = || column()?.parse().map_err(|_| wrong());
        Ok(Test {
            name: name.into(),
            operator: operators.split(',').next().unwrap_or_default().into(),
            relative: number()?,
            absolute: number()?,
            folder: folder.join(name),
        })
    });
    tests.collect()
}

/// How an attempt at a test ends that does not pass.
enum Failure {
    Refused(Error),
    Wrong(String),
    /// Nothing is left to compute when the network runs.
    Folded,
}

impl Test {
    /// Evaluates and compiles the model, with as few inputs made constant as
    /// that takes.
    ///
    /// # Errors
    /// Why it is not compiled, in a line.
    pub fn compiled(&self) -> Result<Compiled, String> {
        let attempts = catch_unwind(AssertUnwindSafe(|| self.attempts()));
        attempts.unwrap_or_else(|_| Err("the compiler panics".into()))
    }

    fn attempts(&self) -> Result<Compiled, String> {
        let line = |error: &Error| short(error);
        let files = Files::read(self).map_err(|error| line(&error))?;
        let mut reason = None;
        for constants in files.choices() {
            match self.attempt(&files, &constants) {
                Ok(compiled) => return Ok(compiled),
                Err(Failure::Wrong(wrong)) => return Err(format!("wrong: {wrong}")),
                Err(Failure::Refused(error)) => reason = Some(line(&error)),
                Err(Failure::Folded) => {}
            }
        }
        Err(reason.unwrap_or_else(|| "nothing is left to compute".into()))
    }

    fn attempt(&self, files: &Files, constants: &[usize]) -> Result<Compiled, Failure> {
        let fixed = |&i: &usize| (files.names[i].clone(), self.file("input", i));
        let mut options = Options {
            constants: constants.iter().map(fixed).collect(),
            weights: WeightsMode::Bytes,
            ..Options::default()
        };
        let source = Source::path(self.folder.join("model.onnx"));
        let imported = loop {
            match onnx::import(&source, &options) {
                Ok(imported) => break imported,
                Err(error) => match bound_wanted(&error) {
                    Some(name) if options.bounds.iter().all(|(known, _)| *known != name) => {
                        options.bounds.push((name, files.largest_size()));
                    }
                    _ => return Err(Failure::Refused(error)),
                },
            }
        };
        let outputs = imported.graph.outputs();
        let computes = outputs.iter().any(|o| imported.graph.operator(o.value.node).is_some());
        if !computes && !constants.is_empty() {
            return Err(Failure::Folded);
        }
        let inputs = files.inputs.iter().enumerate().filter(|(i, _)| !constants.contains(i));
        let inputs: Vec<Tensor> = inputs.map(|(_, input)| input.clone()).collect();
        let found = evaluate::evaluate(&imported.graph, &inputs).map_err(Failure::Refused)?;
        self.compare(&found, &files.outputs).map_err(Failure::Wrong)?;
        let artifact = compile(&source, &options).map_err(Failure::Refused)?;
        let constants = constants.iter().map(|&i| files.names[i].clone()).collect();
        Ok(Compiled { constants, artifact, inputs, expected: files.outputs.clone() })
    }

    fn file(&self, kind: &str, index: usize) -> PathBuf {
        self.folder.join(format!("test_data_set_0/{kind}_{index}.pb"))
    }

    /// Checks outputs by the test's own tolerances.
    ///
    /// # Errors
    /// What differs, in a line.
    pub fn compare(&self, found: &[Tensor], expected: &[Expected]) -> Result<(), String> {
        if found.len() != expected.len() {
            return Err(format!("expected {} outputs, found {}", expected.len(), found.len()));
        }
        for (number, (found, Expected { value, rounding })) in
            found.iter().zip(expected).enumerate()
        {
            if found.tensor_type() != value.tensor_type() {
                let (found, expected) = (found.tensor_type(), value.tensor_type());
                return Err(format!("output {number} is {found}, not {expected}"));
            }
            let relative = self.relative.max(*rounding);
            // Sums of f32 round as their largest values do.
            let largest = raw::numbers(value).into_iter().filter(|value| value.is_finite());
            let largest = largest.fold(0.0, |largest, value| f64::max(largest, value.abs()));
            let own = match value.element() {
                ElementType::F32 => largest * f64::from(f32::EPSILON),
                _ => 0.0,
            };
            let values = raw::numbers(found).into_iter().zip(raw::numbers(value));
            for (place, (found, expected)) in values.enumerate() {
                let same = found == expected || found.is_nan() && expected.is_nan();
                let error = (found - expected).abs();
                let allowed = self.absolute.max(own) + relative * expected.abs();
                if !same && (!error.is_finite() || error > allowed) {
                    return Err(format!(
                        "element {place} of output {number} is {found:.6e}, not {expected:.6e}"
                    ));
                }
            }
        }
        Ok(())
    }
}

/// The first data set of a test.
struct Files {
    names: Vec<String>,
    inputs: Vec<Tensor>,
    outputs: Vec<Expected>,
}

impl Files {
    fn read(test: &Test) -> Checked<Self> {
        let path = test.folder.join("model.onnx");
        let bytes = fs::read(&path).map_err(|error| Error::io(&path, &error))?;
        let model = ModelProto::parse_from_bytes(&bytes)
            .map_err(|error| Error::malformed(error.to_string()))?;
        let names: Vec<_> = model.graph.input.iter().map(|input| input.name.clone()).collect();
        let read = |kind: &str, index: usize| -> Checked<Option<Expected>> {
            match fs::read(test.file(kind, index)) {
                Ok(bytes) => read_tensor(&bytes).map(Some),
                Err(_) => Ok(None),
            }
        };
        let all = |kind: &str| -> Checked<Vec<Expected>> {
            (0..).map_while(|index| read(kind, index).transpose()).collect()
        };
        match (all("input"), all("output")) {
            (Ok(inputs), Ok(outputs)) => {
                let inputs = inputs.into_iter().map(|input| input.value).collect();
                Ok(Self { names, inputs, outputs })
            }
            // What the compiler says of the model says more.
            (Err(error), _) | (_, Err(error)) => {
                Err(onnx::import(&Source::bytes(bytes), &Options::default()).err().unwrap_or(error))
            }
        }
    }

    /// Which inputs to make constants, the fewest first: none; those that are
    /// no floats, which decide shapes often; all but one.
    fn choices(&self) -> Vec<Vec<usize>> {
        let all = 0..self.inputs.len();
        let integers = all.clone().filter(|&i| !self.inputs[i].element().is_float());
        let mut choices = vec![Vec::new(), integers.collect()];
        choices.extend(all.clone().map(|left| all.clone().filter(|&i| i != left).collect()));
        choices.dedup();
        choices
    }

    /// The largest size of any tensor of the test.
    fn largest_size(&self) -> usize {
        let expected = self.outputs.iter().map(|output| &output.value);
        let sizes = self.inputs.iter().chain(expected).flat_map(Tensor::shape);
        sizes.copied().max().unwrap_or(1).max(1)
    }
}

/// A tensor, and the largest relative error of its format.
fn read_tensor(bytes: &[u8]) -> Checked<Expected> {
    let (_, value) = onnx::read_tensor(bytes)?;
    let stored = TensorProto::parse_from_bytes(bytes)
        .map_err(|error| Error::malformed(error.to_string()))?;
    let is = |format: DataType| stored.data_type == format as i32;
    let rounding = match value.element() {
        // Two units in the last place: values on the way are rounded to the
        // format, too, where the test was made.
        ElementType::F32 if is(DataType::BFLOAT16) => 1.0 / 64.0,
        ElementType::F32 if is(DataType::FLOAT16) => 1.0 / 512.0,
        _ => 0.0,
    };
    Ok(Expected { value, rounding })
}

/// The name in the help of an error that asks for a bound.
fn bound_wanted(error: &Error) -> Option<String> {
    let text = error.to_string();
    let (_, option) =
        text.split_once("--bound ").filter(|_| error.kind() == ErrorKind::Unpinned)?;
    Some(option.strip_suffix("=N")?.to_owned())
}

/// Longest reason that the table holds.
const REASON: usize = 140;

/// The message of an error in a line, without the file and the help.
fn short(error: &Error) -> String {
    let text = error.to_string();
    let text = text.split_once("model.onnx: ").map_or(&*text, |(_, text)| text);
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(REASON).collect()
}
