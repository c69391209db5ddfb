//! Models built in memory, and an operator simple enough to follow.

use crate::Options;
use crate::error::{Error, Result};
use crate::ir::{Attributes, Operand, Operator, Parsed, Signature, Tensor, TensorType, required};
use crate::onnx::{Imported, Source, import_with};
use onnx_protobuf::tensor_shape_proto::{Dimension, dimension};
use onnx_protobuf::{
    AttributeProto, GraphProto, Message, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto, attribute_proto::AttributeType, type_proto,
};

/// Every node is this: its outputs are like its first operand.
#[derive(Clone, Debug, PartialEq)]
pub struct Toy {
    pub name: String,
    pub outputs: usize,
    pub attributes: Attributes,
}

/// `Pass` has one output, `Split` two.
pub const KNOWN: [&str; 2] = ["Pass", "Split"];

impl Operator for Toy {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn attributes(&self) -> Attributes {
        self.attributes.clone()
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let outputs = match signature.operator {
            "Pass" => 1,
            "Split" => 2,
            other => return Err(Error::internal(format!("{other} is none of the toys"))),
        };
        let attributes = signature.attributes.clone();
        let name = signature.operator.to_owned();
        Ok(Parsed::as_written(Self { name, outputs, attributes }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let operand = required(operands, 0, "input")?;
        Ok(vec![operand.tensor_type.clone(); self.outputs])
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        Ok(vec![required(operands, 0, "input")?.clone(); self.outputs])
    }

    fn evaluate_types(&self, _: &[Option<Operand<'_>>]) -> Result<Option<Vec<Tensor>>> {
        Ok(None)
    }
}

pub fn node(operator: &str, name: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    NodeProto {
        op_type: operator.into(),
        name: name.into(),
        input: inputs.iter().map(ToString::to_string).collect(),
        output: outputs.iter().map(ToString::to_string).collect(),
        ..NodeProto::default()
    }
}

pub fn attribute(name: &str, kind: AttributeType) -> AttributeProto {
    AttributeProto { name: name.into(), type_: kind.into(), ..AttributeProto::default() }
}

/// Sizes as numbers, names, or `?`.
pub fn value(name: &str, element: i32, sizes: &[&str]) -> ValueInfoProto {
    let dim = sizes.iter().map(|size| Dimension {
        value: match (size.parse(), *size) {
            (Ok(size), _) => Some(dimension::Value::DimValue(size)),
            (_, "?") => None,
            (_, name) => Some(dimension::Value::DimParam(name.into())),
        },
        ..Dimension::default()
    });
    let shape = TensorShapeProto { dim: dim.collect(), ..TensorShapeProto::default() };
    typed(name, element, Some(shape))
}

pub fn typed(name: &str, element: i32, shape: Option<TensorShapeProto>) -> ValueInfoProto {
    let tensor = type_proto::Tensor {
        elem_type: element,
        shape: shape.into(),
        ..type_proto::Tensor::default()
    };
    let kind =
        TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..TypeProto::default() };
    ValueInfoProto { name: name.into(), type_: Some(kind).into(), ..ValueInfoProto::default() }
}

/// An f32 initializer.
pub fn weights(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: 1,
        raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        ..TensorProto::default()
    }
}

/// A graph with the input `x` and the output `y`, both f32[1,2].
pub fn graph(nodes: Vec<NodeProto>) -> GraphProto {
    GraphProto {
        name: "toys".into(),
        node: nodes,
        input: vec![value("x", 1, &["1", "2"])],
        output: vec![value("y", 1, &["1", "2"])],
        ..GraphProto::default()
    }
}

pub fn opset(domain: &str, version: i64) -> OperatorSetIdProto {
    OperatorSetIdProto { domain: domain.into(), version, ..OperatorSetIdProto::default() }
}

pub fn model(graph: GraphProto) -> ModelProto {
    ModelProto {
        ir_version: 8,
        producer_name: "toymaker".into(),
        producer_version: "1.0".into(),
        opset_import: vec![opset("", 17)],
        graph: Some(graph).into(),
        ..ModelProto::default()
    }
}

/// A model that uses a bit of everything.
pub fn rich() -> ModelProto {
    let mut constant = node("Constant", "c", &[], &["c"]);
    let mut value_of = attribute("value", AttributeType::TENSOR);
    value_of.t = Some(weights("", &[2], &[1.0, 2.0])).into();
    constant.attribute.push(value_of);
    let mut split = node("Split", "s", &["w"], &["a", "b"]);
    let mut axis = attribute("axis", AttributeType::INT);
    axis.i = 1;
    let mut sizes = attribute("sizes", AttributeType::INTS);
    sizes.ints = vec![1, 1, 300];
    let mut mode = attribute("mode", AttributeType::STRING);
    mode.s = b"linear".to_vec();
    split.attribute.extend([axis, sizes, mode]);
    let last = node("Pass", "p", &["x", "", "a", "c"], &["y"]);
    let mut graph = graph(vec![constant, split, last]);
    graph.input.push(value("n", 7, &["batch", "?"]));
    graph.output.push(value("b", 1, &["2", "1"]));
    graph.initializer.push(weights("w", &[2, 1], &[3.0, 4.0]));
    model(graph)
}

pub fn bytes(model: &ModelProto) -> Vec<u8> {
    model.write_to_bytes().unwrap()
}

pub fn read(bytes: Vec<u8>, pinned: &[(String, Vec<usize>)]) -> Result<Imported<Toy>> {
    let options = Options { inputs: pinned.to_vec(), ..Options::default() };
    import_with(&Source::bytes(bytes), &options, &|name| KNOWN.contains(&name))
}

pub fn import(model: &ModelProto) -> Result<Imported<Toy>> {
    read(bytes(model), &[])
}

/// The message of the error that importing ends with.
pub fn message(model: &ModelProto) -> String {
    import(model).expect_err("this model should be refused").to_string()
}
