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
pub use codegen::{WeightsLocation, WeightsMode};
pub use error::{Error, ErrorKind, Result};
pub use onnx::Source;

use codegen::About;
use std::path::PathBuf;

/// How a model is compiled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Shapes of inputs that the file leaves open, by name.
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
    let imported = onnx::import(source, options).map_err(in_file)?;
    let mut graph = imported.graph;
    let passes = passes::run(&mut graph, &passes::PassOptions::default()).map_err(in_file)?;
    let mut plan = plan::plan(&graph).map_err(in_file)?;
    drop(graph);
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
        mode: options.weights,
    };
    Ok(Artifact { plan, about, passes, files: imported.files })
}
