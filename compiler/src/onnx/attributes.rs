//! The attributes of a node.

use super::external::External;
use super::tensor;
use crate::error::{Error, Result, printable};
use crate::ir::{Attribute, Attributes};
use onnx_protobuf::AttributeProto;
use onnx_protobuf::attribute_proto::AttributeType;
use std::sync::Arc;

/// Attributes by name.
///
/// # Errors
/// Where one is written twice, has no type, or one that no operator takes.
pub(super) fn convert(
    protos: Vec<AttributeProto>,
    external: &mut External<'_>,
) -> Result<Attributes> {
    let mut attributes = Attributes::default();
    for mut proto in protos {
        let name = std::mem::take(&mut proto.name);
        if !proto.ref_attr_name.is_empty() {
            return Err(Error::malformed(format!(
                "attribute `{}` refers to an attribute of a function, but this is none",
                printable(&name)
            )));
        }
        let value = value(&name, proto, external)?;
        let shown = printable(&name);
        if attributes.insert(name, value).is_some() {
            return Err(Error::malformed(format!("attribute `{shown}` is written twice")));
        }
    }
    Ok(attributes)
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
        AttributeType::GRAPH | AttributeType::GRAPHS => return unsupported("a graph"),
        AttributeType::TENSORS => return unsupported("a list of tensors"),
        AttributeType::SPARSE_TENSOR | AttributeType::SPARSE_TENSORS => {
            return unsupported("a sparse tensor");
        }
        AttributeType::TYPE_PROTO | AttributeType::TYPE_PROTOS => return unsupported("a type"),
    })
}
