//! Control flow: what is decided or repeated when the network runs is laid out
//! when it is compiled.
//!
//! Both branches of an `If` are computed and one of them is selected, unless
//! the condition is known. `Loop` and `Scan` are unrolled.

use super::body::Node;
use super::graph::Importer;
use crate::error::{Error, Result};
use crate::ir::{Attribute, Attributes, Data, ElementType, Fact, Operator, Tensor, Value};

/// The operators that have bodies.
pub(super) const NAMES: [&str; 3] = ["If", "Loop", "Scan"];

/// A truth value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    Known(bool),
    /// Computed when the network runs; a single element, no dimensions.
    Computed(Value),
}

/// The operator set in which nodes are added that no file wrote.
const OPSET: u32 = 18;

impl<O: Operator> Importer<'_, O> {
    /// Adds what a node with bodies computes.
    pub(super) fn control(&mut self, node: &Node) -> Result<Vec<Value>> {
        match node.operator.as_str() {
            "If" => self.branches(node),
            "Loop" => self.repeat(node),
            _ => self.scan(node),
        }
    }

    fn branches(&mut self, node: &Node) -> Result<Vec<Value>> {
        let operands = self.operands(node)?;
        let [Some(condition)] = operands[..] else {
            return Err(Error::malformed("expected one operand, the condition"));
        };
        let [then, otherwise] = [node.body("then_branch")?, node.body("else_branch")?];
        let condition = match self.truth(node, condition)? {
            Truth::Known(true) => return self.body(then, &[]),
            Truth::Known(false) => return self.body(otherwise, &[]),
            Truth::Computed(condition) => condition,
        };
        let [then, otherwise] = [self.body(then, &[])?, self.body(otherwise, &[])?];
        if then.len() != otherwise.len() {
            let (then, otherwise) = (then.len(), otherwise.len());
            let message = format!("the branches have {then} and {otherwise} outputs");
            return Err(Error::malformed(message));
        }
        // What nobody reads need not fit together.
        let pairs = then.into_iter().zip(otherwise).zip(node.used());
        pairs
            .map(|((then, otherwise), used)| match used {
                true => self.select(node, condition, then, otherwise, false),
                false => Ok(then),
            })
            .collect()
    }

    /// A condition, as a single element.
    pub(super) fn truth(&mut self, node: &Node, value: Value) -> Result<Truth> {
        let found = self.builder.graph.type_of(value).clone();
        if found.element != ElementType::Bool || found.shape.iter().any(|d| d.fixed() != Some(1)) {
            return Err(Error::shape(format!("expected one truth value, found {found}")));
        }
        if let Some(fact) = self.fact(value)
            && let Some(known) = fact.value()
        {
            return Ok(Truth::Known(known != 0));
        }
        Ok(Truth::Computed(self.single(node, value)?))
    }

    /// What is known of a single integer or truth value.
    pub(super) fn fact(&self, value: Value) -> Option<Fact> {
        self.builder.graph.operand_of(value).facts()?.first().cloned()
    }

    /// A value of one element, without dimensions.
    pub(super) fn single(&mut self, node: &Node, value: Value) -> Result<Value> {
        if self.builder.graph.type_of(value).rank() == 0 {
            return Ok(value);
        }
        self.add_node(node, "Squeeze", &Attributes::default(), &[value])
    }

    /// One of two values; with `last`, that the condition holds is an
    /// error when the network runs.
    pub(super) fn select(
        &mut self,
        node: &Node,
        condition: Value,
        then: Value,
        otherwise: Value,
        last: bool,
    ) -> Result<Value> {
        if then == otherwise && !last {
            return Ok(then);
        }
        let attributes = Attributes::default().with("last", Attribute::Int(last.into()));
        self.add_node(node, "Select", &attributes, &[condition, then, otherwise])
    }

    /// Adds a node that the file does not have; its one result.
    pub(super) fn add_node(
        &mut self,
        node: &Node,
        operator: &str,
        attributes: &Attributes,
        operands: &[Value],
    ) -> Result<Value> {
        let operands: Vec<_> = operands.iter().copied().map(Some).collect();
        // `Select` is ours, and newer than every operator set.
        let opset = if operator == "Select" { u32::MAX } else { OPSET };
        let opset = std::mem::replace(&mut self.builder.opset, opset);
        let added = self.add(node, operator, attributes, &operands, &[true]);
        self.builder.opset = opset;
        added?.first().copied().ok_or_else(|| Error::internal("an operator has no results"))
    }

    /// Adds a constant that the file does not have.
    pub(super) fn constant(&mut self, node: &Node, tensor: Tensor) -> Value {
        self.builder.graph.add_computed(&*node.label, tensor)
    }

    /// Values of the same sizes, side by side along a new axis.
    pub(super) fn stack(&mut self, node: &Node, values: &[Value], axis: i64) -> Result<Value> {
        let axes = self.constant(node, Tensor::vector(vec![axis]));
        let parts = values
            .iter()
            .map(|&value| self.add_node(node, "Unsqueeze", &Attributes::default(), &[value, axes]));
        let parts = parts.collect::<Result<Vec<_>>>()?;
        let attributes = Attributes::default().with("axis", Attribute::Int(axis));
        self.add_node(node, "Concat", &attributes, &parts)
    }

    /// No values: what `stack` would give for none like this one.
    pub(super) fn stack_of_none(&mut self, node: &Node, like: Value, axis: usize) -> Result<Value> {
        let like = self.builder.graph.type_of(like);
        let (element, mut sizes) = (like.element, like.bounds());
        sizes.insert(axis.min(sizes.len()), 0);
        let tensor = Tensor::new(&sizes, Data::none(element))?;
        Ok(self.constant(node, tensor))
    }
}
