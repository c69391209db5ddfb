//! What a rule wants to change.

use super::Rewrite;
use crate::error::{Error, Result};
use crate::ir::{Kind, NodeId, Tensor, Value};
use crate::ops::{Graph, Op};
use std::fmt;
use std::sync::Arc;

/// New nodes, and old values that they take the place of. Nodes that nothing
/// reads afterwards are removed.
#[derive(Debug)]
pub(super) struct Patch {
    what: String,
    nodes: Vec<NodeId>,
    additions: Vec<Addition>,
    replacements: Vec<(Value, Link)>,
}

/// A value that an operand of a new node, or a replacement, comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// A value of the graph as it is.
    Old(Value),
    /// The first output of a node that the patch adds.
    New(usize),
}

impl From<Value> for Link {
    fn from(value: Value) -> Self {
        Self::Old(value)
    }
}

type Change = Box<dyn FnOnce(&mut Tensor) -> Result<()>>;

enum Addition {
    Constant { name: String, tensor: Arc<Tensor> },
    Changed { name: String, from: Value, change: Change },
    Operator { place: NodeId, operator: Op, operands: Vec<Option<Link>> },
}

impl fmt::Debug for Addition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant { name, .. } => write!(f, "constant {name}"),
            Self::Changed { name, from, .. } => write!(f, "{name} from {from:?}"),
            Self::Operator { operator, operands, .. } => write!(f, "{operator:?}{operands:?}"),
        }
    }
}

impl Patch {
    /// A patch that does nothing yet.
    ///
    /// `what` tells a person what happens to the nodes.
    pub(super) fn new(nodes: &[NodeId], what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            nodes: nodes.to_vec(),
            additions: Vec::new(),
            replacements: Vec::new(),
        }
    }

    /// Lets what reads the first output of a node read another value.
    pub(super) fn bypass(node: NodeId, value: Value, what: impl Into<String>) -> Self {
        let mut patch = Self::new(&[node], what);
        patch.replace(node, value.into());
        patch
    }

    /// Puts an operator in the place of the last of these nodes.
    pub(super) fn operator_for(
        nodes: &[NodeId],
        what: impl Into<String>,
        operator: impl Into<Op>,
        operands: Vec<Option<Link>>,
    ) -> Self {
        let mut patch = Self::new(nodes, what);
        if let Some(&last) = nodes.last() {
            let new = patch.operator(last, operator, operands);
            patch.replace(last, new);
        }
        patch
    }

    /// Adds a constant.
    pub(super) fn constant(&mut self, name: String, tensor: impl Into<Arc<Tensor>>) -> Link {
        self.add(Addition::Constant { name, tensor: tensor.into() })
    }

    /// Adds a constant that is a changed form of one of the graph, without a
    /// copy where nothing else reads that. The patch has to leave the old
    /// constant without readers if it has only one.
    pub(super) fn changed(
        &mut self,
        name: String,
        from: Value,
        change: impl FnOnce(&mut Tensor) -> Result<()> + 'static,
    ) -> Link {
        self.add(Addition::Changed { name, from, change: Box::new(change) })
    }

    /// Adds a computation with the name and the place of this node.
    pub(super) fn operator(
        &mut self,
        place: NodeId,
        operator: impl Into<Op>,
        mut operands: Vec<Option<Link>>,
    ) -> Link {
        while operands.last() == Some(&None) {
            operands.pop();
        }
        self.add(Addition::Operator { place, operator: operator.into(), operands })
    }

    fn add(&mut self, addition: Addition) -> Link {
        self.additions.push(addition);
        Link::New(self.additions.len() - 1)
    }

    /// Lets what reads the first output of a node read another value.
    pub(super) fn replace(&mut self, node: NodeId, new: Link) {
        self.replace_output(node, 0, new);
    }

    /// Lets what reads an output of a node read another value.
    pub(super) fn replace_output(&mut self, node: NodeId, output: usize, new: Link) {
        self.replacements.push((Value { node, output }, new));
    }

    /// Changes the graph.
    pub(super) fn apply(self, graph: &mut Graph) -> Result<Rewrite> {
        let nodes = self.nodes.iter().map(|&node| graph.node(node).name.clone()).collect();
        let mut added: Vec<Value> = Vec::with_capacity(self.additions.len());
        let mut taken = Vec::new();
        for addition in self.additions {
            let value = match addition {
                Addition::Constant { name, tensor } => placed(graph, &self.nodes, name, tensor),
                Addition::Changed { name, from, change } => {
                    let mut tensor = take(graph, from, &mut taken)?;
                    change(Arc::make_mut(&mut tensor))?;
                    placed(graph, &self.nodes, name, tensor)
                }
                Addition::Operator { place, operator, operands } => {
                    let operands: Vec<_> =
                        operands.into_iter().map(|o| o.map(|o| o.resolve(&added))).collect();
                    let name = graph.node(place).name.clone();
                    let value = graph.add_operator(name, operator, &operands)?;
                    graph.move_to(value.node, place);
                    value
                }
            };
            added.push(value);
        }
        for (old, new) in self.replacements {
            let new = new.resolve(&added);
            if graph.type_of(old) != graph.type_of(new) {
                return Err(Error::internal(format!(
                    "{} was to be replaced by {} ({})",
                    graph.type_of(old),
                    graph.type_of(new),
                    self.what
                ))
                .node(graph.node(old.node).name.as_str()));
            }
            graph.redirect(old, new, &[]);
        }
        graph.remove_unused();
        if taken.iter().any(|&node| graph.contains(node)) {
            return Err(Error::internal("a constant that was taken is still read"));
        }
        Ok(Rewrite { nodes, what: self.what })
    }
}

impl Link {
    /// The operands of a node by slot.
    pub(super) fn operands(graph: &Graph, node: NodeId) -> Vec<Option<Self>> {
        graph.operands(node).into_iter().map(|operand| operand.map(Self::Old)).collect()
    }

    /// Puts an operand into a slot that may not be there yet.
    pub(super) fn fill(operands: &mut Vec<Option<Self>>, slot: usize, operand: Self) {
        if operands.len() <= slot {
            operands.resize(slot + 1, None);
        }
        operands[slot] = Some(operand);
    }

    fn resolve(self, added: &[Value]) -> Value {
        match self {
            Self::Old(value) => value,
            Self::New(index) => added[index],
        }
    }
}

/// Adds a constant where the first of these nodes is: a constant with a late
/// place would let what reads it come late, too.
fn placed(graph: &mut Graph, nodes: &[NodeId], name: String, tensor: Arc<Tensor>) -> Value {
    let value = graph.add_computed(name, tensor);
    if let Some(&first) = nodes.first() {
        graph.move_to(value.node, first);
    }
    value
}

/// The value of a constant; out of the graph where it has only one reader.
fn take(graph: &mut Graph, from: Value, taken: &mut Vec<NodeId>) -> Result<Arc<Tensor>> {
    let only = graph.only_consumer(from).is_some();
    match &mut graph.node_mut(from.node).kind {
        Kind::Constant(tensor) if only => {
            taken.push(from.node);
            Ok(std::mem::replace(tensor, Arc::new(Tensor::vector(Vec::<f32>::new()))))
        }
        Kind::Constant(tensor) => Ok(Arc::clone(tensor)),
        Kind::Input | Kind::Operator(_) => Err(Error::internal("only a constant can be changed")),
    }
}
