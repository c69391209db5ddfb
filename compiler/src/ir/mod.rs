//! The graph that everything between import and plan works on.
//!
//! A [`Graph`] is a `petgraph` graph of [`Node`]s. It knows nothing of ONNX and
//! nothing of particular operators: those implement [`Operator`].

mod attributes;
mod builder;
mod fact;
mod graph;
mod operator;
mod tensor;
pub mod text;
mod types;
mod verify;

pub use attributes::{Attribute, Attributes};
pub use builder::{Builder, Folded, fold};
pub use fact::{Fact, MAX_FACTS};
pub use graph::{Graph, GraphOutput, Kind, Node, NodeId, Value};
pub use operator::{Operand, Operator, Parsed, ParsedOperand, Signature, required};
pub use tensor::{Data, Tensor};
pub use types::{Dim, ElementType, TensorType};
pub use verify::verify;
