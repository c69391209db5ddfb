//! From bytes to the messages of the schema.

use super::wire::{self, Message as Kind};
use crate::error::{Error, Result, printable};
use onnx_protobuf::{FunctionProto, GraphProto, ModelProto, OperatorSetIdProto, TensorProto};
use protobuf::Message;
use std::ops::RangeInclusive;
use std::thread;

/// The versions of the default operator set that are understood.
pub(super) const OPSETS: RangeInclusive<i64> = 7..=28;

/// The newest version of the file format that is understood.
const NEWEST_IR: i64 = 14;

/// The parser recurses into each of the few dozen levels that [`wire::check`]
/// lets through, in unoptimised builds with large frames.
const STACK: usize = 16 << 20;

/// A model whose header is understood.
pub(super) struct Model {
    pub graph: GraphProto,
    pub functions: Vec<FunctionProto>,
    pub opset: u32,
    pub ir_version: i64,
    pub producer: String,
}

/// Parses a model.
///
/// # Errors
/// Where the bytes are no model, or one of a version that is not understood.
pub(super) fn parse(bytes: &[u8]) -> Result<Model> {
    let model: ModelProto = message(bytes, Kind::Model).map_err(|e| recognise(bytes, e))?;
    let ModelProto {
        ir_version,
        opset_import,
        producer_name,
        producer_version,
        graph,
        functions,
        ..
    } = model;
    let graph = match graph.into_option() {
        Some(graph) if ir_version > 0 => graph,
        _ => return Err(recognise(bytes, Error::malformed("there is no network in this file"))),
    };
    if ir_version > NEWEST_IR {
        return Err(Error::unsupported(format!(
            "the file's format is ONNX IR version {ir_version}; versions up to {NEWEST_IR} are read"
        )));
    }
    Ok(Model {
        graph,
        functions,
        opset: opset(&opset_import)?,
        ir_version,
        producer: printable(format!("{producer_name} {producer_version}").trim()),
    })
}

/// Parses a file with one tensor.
///
/// # Errors
/// Where the bytes are none.
pub(super) fn parse_tensor(bytes: &[u8]) -> Result<TensorProto> {
    message(bytes, Kind::Tensor)
}

fn message<M: Message>(bytes: &[u8], kind: Kind) -> Result<M> {
    wire::check(bytes, kind)?;
    let parsed = thread::scope(|scope| {
        thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, || M::parse_from_bytes(bytes))
            .map(thread::ScopedJoinHandle::join)
    });
    match parsed {
        Ok(Ok(Ok(message))) => Ok(message),
        Ok(Ok(Err(error))) => Err(Error::malformed(format!("this is no ONNX file: {error}"))),
        Ok(Err(_)) => Err(Error::internal("the protobuf parser gave up")),
        Err(error) => Err(Error::internal(format!("no thread to parse on: {error}"))),
    }
}

/// Adds what a file that is no model seems to be instead.
fn recognise(bytes: &[u8], error: Error) -> Error {
    if bytes.is_empty() {
        Error::malformed("the file is empty")
    } else if bytes.starts_with(b"version https://git-lfs") {
        error.help("this is a pointer of Git LFS; fetch the model itself with `git lfs pull`")
    } else if bytes.trim_ascii_start().starts_with(b"<") {
        error.help("this is a web page; was the model downloaded?")
    } else {
        error
    }
}

/// The version of the default operator set.
///
/// # Errors
/// Where it is not said, or not understood.
pub(super) fn opset(imported: &[OperatorSetIdProto]) -> Result<u32> {
    let mut default = imported.iter().filter(|set| is_default_domain(&set.domain));
    let Some(first) = default.next() else {
        let others: Vec<_> = imported.iter().map(|set| printable(&set.domain)).collect();
        return Err(Error::malformed(match others.as_slice() {
            [] => "the file does not say which version of the operator set it uses".to_owned(),
            others => format!("the file uses the operator sets {} only", others.join(", ")),
        }));
    };
    if let Some(second) = default.find(|set| set.version != first.version) {
        return Err(Error::malformed(format!(
            "the file uses versions {} and {} of the operator set at once",
            first.version, second.version
        )));
    }
    u32::try_from(first.version).ok().filter(|_| OPSETS.contains(&first.version)).ok_or_else(|| {
        let (oldest, newest) = (OPSETS.start(), OPSETS.end());
        Error::unsupported(format!(
            "the file uses opset {} of ONNX; opsets {oldest} to {newest} are understood",
            first.version
        ))
        .help("onnx.version_converter converts models between versions")
    })
}

/// Whether operators of this domain are those of ONNX itself.
pub(super) fn is_default_domain(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}
