//! The attributes of a node.

use super::external::External;
use super::tensor;
use crate::error::{Error, Result, printable};
use crate::ir::{Attribute, Attributes};
use onnx_protobuf::attribute_proto::AttributeType;
use onnx_protobuf::{AttributeProto, GraphProto};
use std::collections::HashSet;
use std::sync::Arc;

/// The attributes of a node as they are written.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Those with a value.
    pub values: Attributes,
    /// Those that have the value of an attribute of the function around the
    /// node: their names, and the names of those.
    pub references: Vec<(String, String)>,
    /// Those that are graphs.
    pub graphs: Vec<(String, GraphProto)>,
}

/// Reads attributes.
///
/// # Errors
/// Where one is written twice, has no type, or one that no operator takes.
pub(super) fn convert(protos: Vec<AttributeProto>, external: &mut External<'_>) -> Result<Written> {
    let mut written = Written::default();
    let mut seen = HashSet::new();
    for mut proto in protos {
        let name = std::mem::take(&mut proto.name);
        if !seen.insert(name.clone()) {
            let shown = printable(&name);
            return Err(Error::malformed(format!("attribute `{shown}` is written twice")));
        }
        if !proto.ref_attr_name.is_empty() {
            written.references.push((name, std::mem::take(&mut proto.ref_attr_name)));
        } else if proto.type_ == AttributeType::GRAPH.into()
            && let Some(graph) = proto.g.take()
        {
            written.graphs.push((name, graph));
        } else {
            let value = value(&name, proto, external)?;
            written.values.insert(name, value);
        }
    }
    Ok(written)
}

fn value(name: &str, proto: AttributeProto, external: &mut External<'_>) -> Result<Attribute> {
    let unsupported =
        |what: &str| Err(Error::unsupported(format!("attribute `{}` is {what}", printable(name))));
    let string = |bytes| {
        String::from_utf8(bytes).map_err(|_| {
            Error::malformed(format!("attribute `{}` is no text in UTF-8", printable(name)))
        })
    };
    let kind = proto.type_.enum_value().map_err(|number| {
        Error::malformed(format!("attribute `{}` is of an unknown type {number}", printable(name)))
    })?;
    Ok(match kind {
        AttributeType::INT => Attribute::Int(proto.i),
        AttributeType::FLOAT => Attribute::Float(proto.f),
        AttributeType::STRING => Attribute::String(string(proto.s)?),
        AttributeType::INTS => Attribute::Ints(proto.ints),
        AttributeType::FLOATS => Attribute::Floats(proto.floats),
        AttributeType::STRINGS => {
            let strings = proto.strings.into_iter().map(string);
            Attribute::Strings(strings.collect::<Result<_>>()?)
        }
        AttributeType::TENSOR => match proto.t.into_option() {
            Some(stored) => Attribute::Tensor(Arc::new(tensor::convert(stored, external)?)),
            None => {
                return Err(Error::malformed(format!(
                    "attribute `{}` should be a tensor, but there is none",
                    printable(name)
                )));
            }
        },
        AttributeType::UNDEFINED => {
            return Err(Error::malformed(format!("attribute `{}` has no type", printable(name))));
        }
        AttributeType::GRAPH => {
            return Err(Error::malformed(format!(
                "attribute `{}` should be a graph, but there is none",
                printable(name)
            )));
        }
        AttributeType::GRAPHS => return unsupported("a list of graphs"),
        AttributeType::TENSORS => return unsupported("a list of tensors"),
        AttributeType::SPARSE_TENSOR | AttributeType::SPARSE_TENSORS => {
            return unsupported("a sparse tensor");
        }
        AttributeType::TYPE_PROTO | AttributeType::TYPE_PROTOS => return unsupported("a type"),
    })
}
