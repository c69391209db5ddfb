//! Building a graph from nodes as a file writes them.

use super::{
    Attributes, Dim, Graph, Kind, NodeId, Operand, Operator, ParsedOperand, Signature, Tensor,
    Value,
};
use crate::error::Result;
use std::collections::HashSet;

/// A node that was computed while the graph was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded {
    /// The node that was computed.
    pub node: String,
    /// Its operator.
    pub operator: String,
}

/// Adds nodes to a graph one by one, in an order in which each comes after
/// what it reads: parses the operator, infers types, and computes at once what
/// depends on constants only, because the shapes of later nodes may follow
/// from it.
#[derive(Debug)]
pub struct Builder<O> {
    /// The graph so far.
    pub graph: Graph<O>,
    /// What was computed.
    pub folded: Vec<Folded>,
    /// The operator set of the nodes that are added.
    pub opset: u32,
    folds: bool,
}

impl<O: Operator> Builder<O> {
    /// A builder of nodes of this operator set.
    #[must_use]
    pub fn new(name: impl Into<String>, opset: u32) -> Self {
        Self { graph: Graph::new(name), folded: Vec::new(), opset, folds: true }
    }

    /// A builder that computes nothing and leaves every node as it is written.
    #[must_use]
    pub fn as_written(name: impl Into<String>, opset: u32) -> Self {
        Self { folds: false, ..Self::new(name, opset) }
    }

    /// Adds a node; returns its outputs, as many as `outputs` names.
    ///
    /// # Errors
    /// Names the node and its operator.
    pub fn node(
        &mut self,
        name: &str,
        operator: &str,
        attributes: &Attributes,
        operands: &[Option<Value>],
        outputs: &[bool],
    ) -> Result<Vec<Value>> {
        self.add(name, operator, attributes, operands, outputs)
            .map_err(|error| error.node(name).operator(operator))
    }

    /// Bounds the sizes of a node's results that no operand of it has; whether
    /// there are such.
    pub fn bound(&mut self, node: NodeId, most: usize) -> bool {
        let symbol = |dim: &Dim| match dim {
            Dim::Bounded { symbol, .. } => Some(symbol.clone()),
            Dim::Fixed(_) => None,
        };
        let operands = self.graph.operands(node);
        let known = operands.iter().flatten().flat_map(|&value| &self.graph.type_of(value).shape);
        let known: HashSet<String> = known.filter_map(symbol).collect();
        let results = self.graph.node_mut(node).outputs.iter_mut().flat_map(|o| &mut o.shape);
        let mut found = false;
        for dim in results {
            if let Dim::Bounded { symbol, max } = dim
                && !known.contains(symbol)
            {
                *max = most.min(*max);
                found = true;
            }
        }
        found
    }

    fn add(
        &mut self,
        name: &str,
        operator: &str,
        attributes: &Attributes,
        operands: &[Option<Value>],
        outputs: &[bool],
    ) -> Result<Vec<Value>> {
        let known: Vec<_> = operands.iter().map(|v| v.map(|v| self.graph.operand_of(v))).collect();
        let parsed = O::parse(&Signature {
            operator,
            opset: self.opset,
            attributes,
            operands: &known,
            outputs,
        })?;
        let operands: Vec<_> = parsed
            .operands
            .into_iter()
            .map(|operand| match operand {
                None => None,
                Some(ParsedOperand::Given(position)) => operands.get(position).copied().flatten(),
                Some(ParsedOperand::Constant(tensor)) => {
                    Some(self.graph.add_computed(format!("{name}.constant"), tensor))
                }
            })
            .collect();
        let added = self.graph.add_operator(name, parsed.operator, &operands)?;
        let known = if self.folds { fold(&self.graph, added.node)? } else { None };
        match known {
            None => {
                let count = outputs.len().min(self.graph.node(added.node).outputs.len());
                Ok((0..count).map(|output| Value { node: added.node, output }).collect())
            }
            Some(tensors) => {
                self.folded.push(Folded { node: name.to_owned(), operator: operator.to_owned() });
                let constants = tensors.into_iter().take(outputs.len());
                Ok(constants.map(|tensor| self.graph.add_computed(name, tensor)).collect())
            }
        }
    }
}

/// Most elements of all folded values together, unless the file itself holds a
/// good part of that: a small file must not fill the memory.
const MAX_FOLDED: usize = 1 << 24;

/// How often each constant of the file may be computed anew: weights pass
/// through a few conversions and reshapes on their way.
const TURNS: usize = 8;

/// The outputs of a node that depends on nothing that is unknown when the
/// model is compiled.
///
/// # Errors
/// Where the operator fails on its constants.
pub fn fold<O: Operator>(graph: &Graph<O>, node: NodeId) -> Result<Option<Vec<Tensor>>> {
    let Kind::Operator(operator) = &graph.node(node).kind else { return Ok(None) };
    let operands: Vec<Option<Operand<'_>>> =
        graph.operands(node).into_iter().map(|v| v.map(|v| graph.operand_of(v))).collect();
    if let Some(tensors) = operator.evaluate_types(&operands)? {
        return Ok(Some(tensors));
    }
    if operands.iter().flatten().any(|operand| operand.value.is_none()) {
        return Ok(None);
    }
    let [given, mut elements] = graph.constant_elements();
    for tensor_type in &graph.node(node).outputs {
        elements = elements.saturating_add(tensor_type.elements()?);
    }
    if elements > MAX_FOLDED.max(given.saturating_mul(TURNS)) {
        return Ok(None);
    }
    let values: Vec<_> = operands.iter().map(|o| o.and_then(|o| o.value)).collect();
    operator.evaluate(&values).map(Some)
}
