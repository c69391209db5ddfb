//! Small models made on the spot.
//!
//! ```
//! use cnnc_tests::models::{Attribute, Maker};
//!
//! let mut maker = Maker::new(13);
//! maker.input("x", &[1, 3, 8, 8]).weights("w", &[4, 3, 3, 3]);
//! maker.node("Conv", "first", &["x", "w"], &["y"], &[("pads", Attribute::Ints(&[1; 4]))]);
//! maker.output("y", &[1, 4, 8, 8]);
//! assert!(!maker.bytes().is_empty());
//! ```

use crate::zoo::{Recipe, fingerprint};
use onnx_protobuf::attribute_proto::AttributeType;
use onnx_protobuf::tensor_proto::DataType;
use onnx_protobuf::{
    AttributeProto, Message, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto, tensor_shape_proto, type_proto,
};

/// Builds a model node by node. It checks nothing, so that broken models can
/// be made too.
#[derive(Clone, Debug)]
pub struct Maker {
    /// The model as it stands, to change what no method does.
    pub model: ModelProto,
}

/// The value of a node's attribute.
#[derive(Clone, Copy, Debug)]
pub enum Attribute<'a> {
    /// One integer.
    Int(i64),
    /// Integers.
    Ints(&'a [i64]),
    /// One number.
    Float(f32),
    /// A string.
    Text(&'a str),
}

impl Maker {
    /// An empty model of this opset.
    #[must_use]
    pub fn new(opset: i64) -> Self {
        let operators = OperatorSetIdProto { version: opset, ..Default::default() };
        let mut model = ModelProto { ir_version: 8, ..Default::default() };
        model.opset_import.push(operators);
        model.graph.mut_or_insert_default().name = "graph".into();
        Self { model }
    }

    /// Declares an f32 input.
    pub fn input(&mut self, name: &str, shape: &[i64]) -> &mut Self {
        self.model.graph.mut_or_insert_default().input.push(value(name, DataType::FLOAT, shape));
        self
    }

    /// Declares an input of any type.
    pub fn typed_input(&mut self, name: &str, element: DataType, shape: &[usize]) -> &mut Self {
        let shape: Vec<_> = shape.iter().map(|&size| size as i64).collect();
        let declared = value(name, element, &shape);
        self.model.graph.mut_or_insert_default().input.push(declared);
        self
    }

    /// Declares an f32 output.
    pub fn output(&mut self, name: &str, shape: &[i64]) -> &mut Self {
        self.model.graph.mut_or_insert_default().output.push(value(name, DataType::FLOAT, shape));
        self
    }

    /// Adds an f32 initializer of made-up values, which the name decides and
    /// whose squares add up to about 1 over all dimensions but the first.
    pub fn weights(&mut self, name: &str, shape: &[usize]) -> &mut Self {
        let elements: usize = shape.iter().product();
        let inner: usize = shape.iter().skip(1).product();
        let scale = 1.0 / (37837.2 * (inner as f32).sqrt());
        let recipe = Recipe { seed: fingerprint(name.as_bytes()), scale };
        self.initializer(TensorProto {
            name: name.into(),
            data_type: DataType::FLOAT as i32,
            dims: shape.iter().map(|&size| size as i64).collect(),
            raw_data: recipe.bytes(elements),
            ..Default::default()
        })
    }

    /// Adds an f32 initializer of made-up values from `low` to `high`, which
    /// the name decides.
    pub fn uniform(&mut self, name: &str, shape: &[usize], low: f32, high: f32) -> &mut Self {
        let recipe = Recipe { seed: fingerprint(name.as_bytes()), scale: 1.0 / 262_140.0 };
        let drawn = recipe.bytes(shape.iter().product());
        let values = drawn.as_chunks().0.iter().map(|&chunk| f32::from_le_bytes(chunk));
        self.initializer(TensorProto {
            name: name.into(),
            data_type: DataType::FLOAT as i32,
            dims: shape.iter().map(|&size| size as i64).collect(),
            raw_data: values
                .flat_map(|value| (low + (value + 0.5) * (high - low)).to_le_bytes())
                .collect(),
            ..Default::default()
        })
    }

    /// Adds an i64 initializer of one dimension.
    pub fn integers(&mut self, name: &str, values: &[i64]) -> &mut Self {
        self.initializer(TensorProto {
            name: name.into(),
            data_type: DataType::INT64 as i32,
            dims: vec![values.len() as i64],
            raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            ..Default::default()
        })
    }

    /// Adds an initializer as it is.
    pub fn initializer(&mut self, tensor: TensorProto) -> &mut Self {
        self.model.graph.mut_or_insert_default().initializer.push(tensor);
        self
    }

    /// Adds a node.
    pub fn node(
        &mut self,
        operator: &str,
        name: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: &[(&str, Attribute<'_>)],
    ) -> &mut Self {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        self.model.graph.mut_or_insert_default().node.push(NodeProto {
            op_type: operator.into(),
            name: name.into(),
            input: owned(inputs),
            output: owned(outputs),
            attribute: attributes.iter().map(|&(name, value)| attribute(name, value)).collect(),
            ..Default::default()
        });
        self
    }

    /// The bytes of the model's file.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.model.write_to_bytes().unwrap_or_default()
    }
}

fn value(name: &str, element: DataType, shape: &[i64]) -> ValueInfoProto {
    let dimension = |&size| tensor_shape_proto::Dimension {
        value: Some(tensor_shape_proto::dimension::Value::DimValue(size)),
        ..Default::default()
    };
    let shape =
        TensorShapeProto { dim: shape.iter().map(dimension).collect(), ..Default::default() };
    let tensor = type_proto::Tensor {
        elem_type: element as i32,
        shape: Some(shape).into(),
        ..Default::default()
    };
    let value = Some(type_proto::Value::TensorType(tensor));
    let declared = TypeProto { value, ..Default::default() };
    ValueInfoProto { name: name.into(), type_: Some(declared).into(), ..Default::default() }
}

fn attribute(name: &str, value: Attribute<'_>) -> AttributeProto {
    let mut attribute = AttributeProto { name: name.into(), ..Default::default() };
    let kind = match value {
        Attribute::Int(value) => {
            attribute.i = value;
            AttributeType::INT
        }
        Attribute::Ints(values) => {
            attribute.ints = values.to_vec();
            AttributeType::INTS
        }
        Attribute::Float(value) => {
            attribute.f = value;
            AttributeType::FLOAT
        }
        Attribute::Text(value) => {
            attribute.s = value.as_bytes().to_vec();
            AttributeType::STRING
        }
    };
    attribute.type_ = kind.into();
    attribute
}
