//! `cnnc` compiles a trained convolutional network, an ONNX file, to Rust
//! source that is specialised to it: every shape, offset, algorithm and
//! blocking is decided here, on the developer's machine. What runs in the
//! program is one call a layer over one arena of memory.
//!
//! # The pipeline
//!
//! ```text
//!  model.onnx ──► onnx ──► ir::Graph ──► passes ──► plan ──► codegen ──► model.rs
//!                  │           ▲            │         │         └──────► model.weights
//!            bytes are         │        folds and     │
//!            not trusted      ops       fuses      lowers to kernels,
//!                         one file an              places tensors in
//!                         operator                 one arena, packs weights
//! ```
//!
//! - [`onnx`] reads the file. Nothing else knows the format.
//! - [`ir`] is the graph; [`ops`] are the operators in it, each with its shape
//!   inference and a naive evaluation that serves as the oracle of all tests.
//! - [`passes`] rewrite the graph and say why they did or did not.
//! - [`plan`] turns it into steps with every number decided.
//! - [`codegen`] prints the steps.
//! - [`step`] describes the steps; the runtime compiles the very same files.
//!
//! # Three ways in, one core
//!
//! [`compile`] is the core. The command `cnnc compile`, [`Build`] in a build
//! script, and `cnnc_runtime::include_model!` are thin around it.
//!
//! ```no_run
//! use cnnc::{Options, Source, WeightsLocation};
//!
//! let source = Source::path("model.onnx");
//! let artifact = cnnc::compile(&source, &Options::default())?;
//! let weights = WeightsLocation::Manifest("src/model.weights".into());
//! std::fs::write("src/model.rs", artifact.source(&weights)?).unwrap();
//! artifact.write_weights("src/model.weights".as_ref())?;
//! # Ok::<(), cnnc::Error>(())
//! ```

extern crate alloc;

#[macro_use]
pub mod emit;
mod artifact;
mod build_script;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
pub mod codegen;
pub mod error;
pub mod evaluate;
pub mod inspect;
pub mod ir;
pub mod onnx;

/// Declares items that need functions of real numbers; the runtime gives this
/// macro another meaning.
macro_rules! with_reals {
    ($($item:item)*) => {
        $($item)*
    };
}

pub mod operation;
pub mod ops;
pub mod passes;
pub mod plan;
mod real;
pub mod step;

pub use artifact::Artifact;
pub use build_script::{Build, write_if_changed};
pub use codegen::{Variant, WeightsLocation, WeightsMode};
pub use error::{Error, ErrorKind, Result};
pub use onnx::Source;

use codegen::About;
use std::path::PathBuf;

/// How a model is compiled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Shapes of inputs that the file leaves open, by name. Where inputs are
    /// given several times, equally often, a model is compiled for each shape:
    /// the first as `Model`, the others in modules named after their shapes. All
    /// share their weights.
    pub inputs: Vec<(String, Vec<usize>)>,
    /// The most that there can be of a size that follows from the data and that
    /// nothing in the file bounds, by the name of a node or of its result.
    pub bounds: Vec<(String, usize)>,
    /// Inputs that are constants instead, by name, and files with their values,
    /// one tensor (`TensorProto`) each.
    pub constants: Vec<(String, PathBuf)>,
    /// Whether to use only algorithms that round as plain summation does.
    pub exact: bool,
    /// How the weights reach the program.
    pub weights: WeightsMode,
}

/// Shapes of inputs by name.
type Shapes = Vec<(String, Vec<usize>)>;

impl Options {
    /// The shapes of the inputs of each model that is to be compiled.
    ///
    /// # Errors
    /// [`ErrorKind::Option`] where inputs are given several times, but not
    /// equally often.
    pub(crate) fn shapes(&self) -> Result<Vec<Shapes>> {
        let times = |name: &str| self.inputs.iter().filter(|(other, _)| other == name).count();
        let most = self.inputs.iter().map(|(name, _)| times(name)).max().unwrap_or(1);
        if let Some((name, _)) = self.inputs.iter().find(|(n, _)| ![1, most].contains(&times(n))) {
            return Err(Error::new(
                ErrorKind::Option,
                format!(
                    "the input `{}` is given {} shapes, another one {most}",
                    error::printable(name),
                    times(name)
                ),
            )
            .help("give every input one shape, or all that have several equally many"));
        }
        let of = |round: usize| {
            let mut seen: Vec<&str> = Vec::new();
            let mut shapes = Vec::new();
            for (name, shape) in &self.inputs {
                let before = seen.iter().filter(|other| **other == name).count();
                seen.push(name);
                if before == round || times(name) == 1 {
                    shapes.push((name.clone(), shape.clone()));
                }
            }
            shapes
        };
        Ok((0..most).map(of).collect())
    }
}

/// The plans of a network for several shapes of its inputs.
fn plan_variants(
    source: &Source,
    options: &Options,
    first: ops::Graph,
    shapes: Vec<Shapes>,
) -> Result<(plan::Plan, Vec<Variant>)> {
    let mut graphs = vec![first];
    let mut names = Vec::new();
    for inputs in shapes {
        let differs = inputs.iter().filter(|input| {
            options.inputs.iter().any(|other| other.0 == input.0 && other.1 != input.1)
        });
        let shown = differs
            .map(|(_, shape)| shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x"));
        names.push(shown.collect::<Vec<_>>().join("_"));
        let mut graph = onnx::import(source, &Options { inputs, ..options.clone() })?.graph;
        passes::run(&mut graph, &passes::PassOptions::default())?;
        graphs.push(graph);
    }
    let mut plans = plan::plan_all(&graphs)?.into_iter();
    let first = plans.next().ok_or_else(|| Error::internal("there is no plan"))?;
    let variants = names.into_iter().zip(plans).map(|(shapes, plan)| Variant { shapes, plan });
    Ok((first, variants.collect()))
}

/// Compiles a model.
///
/// The same file and options give the same artifact, to the byte, on every
/// machine.
///
/// # Errors
/// Where the file cannot be read, is no well-formed model, or asks for what is
/// not compiled; the error names the file and the node.
pub fn compile(source: &Source, options: &Options) -> Result<Artifact> {
    let in_file = |error: Error| match source.file() {
        Some(file) => error.file(file),
        None => error,
    };
    let mut shapes = options.shapes()?.into_iter();
    let first = Options { inputs: shapes.next().unwrap_or_default(), ..options.clone() };
    let imported = onnx::import(source, &first).map_err(in_file)?;
    let mut graph = imported.graph;
    let passes = passes::run(&mut graph, &passes::PassOptions::default()).map_err(in_file)?;
    let (mut plan, variants) = if shapes.len() == 0 {
        (plan::plan(&graph).map_err(in_file)?, Vec::new())
    } else {
        plan_variants(source, options, graph, shapes.collect()).map_err(in_file)?
    };
    let content = step::seal(&mut plan.weights);
    let model = match source.file() {
        Some(file) => Artifact::stem(file)?,
        None => "model".to_owned(),
    };
    let about = About {
        model,
        producer: imported.producer,
        parameters: imported.parameters,
        content,
        weight_bytes: plan.weights.len() * 4,
        mode: options.weights,
    };
    Ok(Artifact { plan, variants, about, passes, files: imported.files })
}
