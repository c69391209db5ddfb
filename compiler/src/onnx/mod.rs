//! ONNX files: bytes to graph.
//!
//! ```text
//! bytes -> wire::check -> protobuf -> model -> order, inputs, tensors -> Builder -> Graph
//! ```
//!
//! [`import`] reads the file, walks the bytes once to refuse what would harm
//! the protobuf parser (`wire`), parses, and frees the bytes. Then it checks
//! the version, that all operators are known (`unsupported`) and that every
//! value is defined once and reads only what is defined (`names`, `order`);
//! settles the shapes of the inputs (`inputs`, `fixed`); and moves one
//! initializer after the other out of the parsed messages (`tensor`,
//! `external`), so that the weights are in memory twice at most. Nodes go to
//! [`crate::ir::Builder`], which reads operators, infers shapes and folds
//! constants.
//!
//! The graph has no graphs inside: functions of the file are expanded where
//! they are called (`functions`), both branches of an `If` are laid out beside
//! each other (`control`), and loops are unrolled (`repeat`, `scan`). A `body`
//! is read once for that, and what all of them become together is bounded.
//!
//! Inputs that have an initializer are constants: older files list every
//! initializer among the inputs, and a default value is all that a compiled
//! network can have.
//!
//! A model may come from anywhere. Nothing in it may make the compiler panic,
//! run forever, take memory out of proportion to the file, or read files
//! outside the model's folder.
//!
//! This is the only room that knows of protobuf.

mod attributes;
mod body;
mod bounds;
mod control;
mod external;
mod fixed;
mod format;
mod functions;
mod graph;
mod inputs;
mod model;
mod names;
mod order;
mod repeat;
mod scan;
mod scope;
mod source;
mod tensor;
mod unsupported;
mod wire;

#[cfg(test)]
mod tests;

pub use source::Source;

use crate::Options;
use crate::error::{Error, Result};
use crate::ir::{Folded, Graph, Operator, Tensor};
use crate::ops::Op;
use external::External;
use onnx_protobuf::NodeProto;
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

/// A model that was read.
#[derive(Clone, Debug)]
pub struct Imported<O> {
    /// The network. Initializers that nothing reads are left out.
    pub graph: Graph<O>,
    /// The nodes that were computed at once, because they depend on constants
    /// or shapes only.
    pub folded: Vec<Folded>,
    /// Version of the default operator set.
    pub opset: u32,
    /// Version of the file format.
    pub ir_version: i64,
    /// Name and version of the program that wrote the file, without control
    /// characters and cut to a line.
    pub producer: String,
    /// How often each operator is written in the file.
    pub operators: BTreeMap<String, usize>,
    /// Number of floating-point values in the initializers.
    pub parameters: u64,
    /// All files that were read: the model, if it is one, and those with
    /// external data.
    pub files: Vec<PathBuf>,
}

/// Reads a model; the options say what the file leaves open.
///
/// # Errors
/// Where the model is malformed, or asks for what is not supported; names the
/// file and, where it can, the node.
pub fn import(source: &Source, options: &Options) -> Result<Imported<Op>> {
    let known: HashSet<_> = Op::known_names().collect();
    import_with(source, options, &|name| known.contains(name))
}

/// As [`import`], for a model whose operators are `O`, of which `known` says which
/// names it reads.
///
/// # Errors
/// As [`import`].
pub fn import_with<O: Operator>(
    source: &Source,
    options: &Options,
    known: &dyn Fn(&str) -> bool,
) -> Result<Imported<O>> {
    let name_file = |error: Error| match source.file() {
        Some(path) => error.file(path),
        None => error,
    };
    let model::Model { graph, functions, opset, ir_version, producer } =
        source.read().and_then(|bytes| model::parse(&bytes)).map_err(name_file)?;
    let external = External::new(source.folder());
    let graph::Built { graph, folded, operators, parameters, files: read } =
        graph::build(graph, functions, opset, known, options, external).map_err(name_file)?;
    let mut files: Vec<_> = source.file().map(PathBuf::from).into_iter().collect();
    files.extend(read);
    files.extend(options.constants.iter().map(|(_, file)| file.clone()));
    Ok(Imported { graph, folded, opset, ir_version, producer, operators, parameters, files })
}

/// Reads a file with a single tensor (`TensorProto`), such as those that hold
/// test data: its name and the tensor.
///
/// # Errors
/// Where the bytes are no such tensor.
pub fn read_tensor(bytes: &[u8]) -> Result<(String, Tensor)> {
    let proto = model::parse_tensor(bytes)?;
    let name = proto.name.clone();
    Ok((name, tensor::convert(proto, &mut External::new(None))?))
}

/// The operator of a node: `domain.Name` outside the default domain.
fn operator_name(node: &NodeProto) -> String {
    if model::is_default_domain(&node.domain) {
        node.op_type.clone()
    } else {
        format!("{}.{}", node.domain, node.op_type)
    }
}
