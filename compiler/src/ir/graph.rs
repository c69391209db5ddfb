//! Nodes, values and the edges between them.

use super::{Dim, Fact, Operand, Operator, Tensor, TensorType};
use crate::error::{Error, Result};
use petgraph::Direction;
use petgraph::stable_graph::{NodeIndex, StableDiGraph};
use petgraph::visit::EdgeRef;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

/// Names a node. Indices are reused after a removal: keep none across a
/// rewrite.
pub type NodeId = NodeIndex<u32>;

/// One output of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value {
    /// The node.
    pub node: NodeId,
    /// Which of its outputs.
    pub output: usize,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind<O> {
    /// An input of the network.
    Input,
    /// A constant.
    Constant(Arc<Tensor>),
    /// A computation.
    Operator(O),
}

/// A node of a [`Graph`].
#[derive(Clone, Debug, PartialEq)]
pub struct Node<O> {
    /// Its name in the file, for messages and reports; not unique.
    pub name: String,
    /// What it is.
    pub kind: Kind<O>,
    /// Types of its outputs.
    pub outputs: Vec<TensorType>,
    /// What is known of the elements of its outputs; see [`Operator::facts`].
    pub facts: Vec<Option<Vec<Fact>>>,
    /// Its place in the file. Where the order of two nodes is free, the one
    /// with the smaller position comes first, so that the same file always
    /// gives the same program.
    pub position: usize,
}

/// A named output of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphOutput {
    /// Its name in the file.
    pub name: String,
    /// Where it comes from.
    pub value: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Edge {
    output: usize,
    slot: usize,
}

/// A network: nodes, and edges that say which output of which node is which
/// operand of which other.
#[derive(Clone, Debug)]
pub struct Graph<O> {
    /// Name of the network in the file.
    pub name: String,
    nodes: StableDiGraph<Node<O>, Edge, u32>,
    inputs: Vec<NodeId>,
    outputs: Vec<GraphOutput>,
    next_position: usize,
    /// Counts named so far.
    symbols: usize,
    given_elements: usize,
    computed_elements: usize,
}

impl<O: Operator> Graph<O> {
    /// A graph without nodes.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            nodes: StableDiGraph::default(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            next_position: 0,
            symbols: 0,
            given_elements: 0,
            computed_elements: 0,
        }
    }

    /// Adds an input of the network.
    pub fn add_input(&mut self, name: impl Into<String>, tensor_type: TensorType) -> Value {
        let value = self.add(name.into(), Kind::Input, vec![tensor_type]);
        self.inputs.push(value.node);
        value
    }

    /// Adds a constant of the file.
    pub fn add_constant(
        &mut self,
        name: impl Into<String>,
        tensor: impl Into<Arc<Tensor>>,
    ) -> Value {
        let tensor = tensor.into();
        self.given_elements = self.given_elements.saturating_add(tensor.len());
        self.constant_node(name.into(), tensor)
    }

    /// Adds a constant that the compiler computed.
    pub fn add_computed(
        &mut self,
        name: impl Into<String>,
        tensor: impl Into<Arc<Tensor>>,
    ) -> Value {
        let tensor = tensor.into();
        self.computed_elements = self.computed_elements.saturating_add(tensor.len());
        self.constant_node(name.into(), tensor)
    }

    fn constant_node(&mut self, name: String, tensor: Arc<Tensor>) -> Value {
        let tensor_type = tensor.tensor_type();
        self.add(name, Kind::Constant(tensor), vec![tensor_type])
    }

    /// Elements of all constants added so far: those of the file, and those
    /// that were computed.
    #[must_use]
    pub const fn constant_elements(&self) -> [usize; 2] {
        [self.given_elements, self.computed_elements]
    }

    /// Adds a computation, infers the types of its outputs, and returns its
    /// first output.
    ///
    /// # Errors
    /// Where the operands do not fit; nothing is added then.
    pub fn add_operator(
        &mut self,
        name: impl Into<String>,
        operator: O,
        operands: &[Option<Value>],
    ) -> Result<Value> {
        let name = name.into();
        let known: Vec<_> = operands.iter().map(|v| v.map(|v| self.operand_of(v))).collect();
        let mut outputs =
            operator.infer(&known).map_err(|e| e.node(name.as_str()).operator(operator.name()))?;
        let facts = operator.facts(&known, &outputs);
        self.name_counts(&mut outputs);
        let value = self.add(name, Kind::Operator(operator), outputs);
        self.nodes[value.node].facts = facts;
        for (slot, operand) in operands.iter().enumerate() {
            if let Some(operand) = operand {
                self.connect(*operand, value.node, slot);
            }
        }
        Ok(value)
    }

    /// Gives every count that no dimension had before a name of its own.
    fn name_counts(&mut self, outputs: &mut [TensorType]) {
        for dim in outputs.iter_mut().flat_map(|output| &mut output.shape) {
            if dim.is_fresh() {
                *dim = Dim::Bounded { symbol: format!("n{}", self.symbols), max: dim.max() };
                self.symbols += 1;
            }
        }
    }

    fn add(&mut self, name: String, kind: Kind<O>, outputs: Vec<TensorType>) -> Value {
        let position = self.next_position;
        self.next_position += 1;
        let node = self.nodes.add_node(Node { name, kind, outputs, facts: Vec::new(), position });
        Value { node, output: 0 }
    }

    fn connect(&mut self, value: Value, node: NodeId, slot: usize) {
        self.nodes.add_edge(value.node, node, Edge { output: value.output, slot });
    }

    /// Declares an output of the network.
    pub fn add_output(&mut self, name: impl Into<String>, value: Value) {
        self.outputs.push(GraphOutput { name: name.into(), value });
    }

    /// The inputs of the network, in order.
    #[must_use]
    pub fn inputs(&self) -> &[NodeId] {
        &self.inputs
    }

    /// The outputs of the network, in order.
    #[must_use]
    pub fn outputs(&self) -> &[GraphOutput] {
        &self.outputs
    }

    /// Number of nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.node_count()
    }

    /// Whether there are no nodes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether this node is still there.
    #[must_use]
    pub fn contains(&self, node: NodeId) -> bool {
        self.nodes.contains_node(node)
    }

    /// A node of the graph.
    #[must_use]
    pub fn node(&self, node: NodeId) -> &Node<O> {
        &self.nodes[node]
    }

    /// A node of the graph, to change. Types must stay right.
    pub fn node_mut(&mut self, node: NodeId) -> &mut Node<O> {
        &mut self.nodes[node]
    }

    /// The operator of a node that is one.
    #[must_use]
    pub fn operator(&self, node: NodeId) -> Option<&O> {
        match &self.node(node).kind {
            Kind::Operator(operator) => Some(operator),
            Kind::Input | Kind::Constant(_) => None,
        }
    }

    /// The type of a value.
    #[must_use]
    pub fn type_of(&self, value: Value) -> &TensorType {
        &self.node(value.node).outputs[value.output]
    }

    /// The value of a constant.
    #[must_use]
    pub fn constant(&self, value: Value) -> Option<&Arc<Tensor>> {
        match &self.node(value.node).kind {
            Kind::Constant(tensor) => Some(tensor),
            Kind::Input | Kind::Operator(_) => None,
        }
    }

    /// What is known of the elements of a value that is computed.
    #[must_use]
    pub fn facts_of(&self, value: Value) -> Option<&[Fact]> {
        self.node(value.node).facts.get(value.output)?.as_deref()
    }

    /// Infers types and facts anew, in order, so that counts that are the same
    /// have the same names after nodes took the places of others.
    ///
    /// # Errors
    /// Where operands do not fit.
    pub fn refresh(&mut self) -> Result<()> {
        for node in self.order()? {
            let Kind::Operator(operator) = &self.node(node).kind else { continue };
            let operands = self.operands(node);
            let known: Vec<_> = operands.iter().map(|v| v.map(|v| self.operand_of(v))).collect();
            let mut outputs = operator.infer(&known)?;
            let facts = operator.facts(&known, &outputs);
            let old = &self.node(node).outputs;
            for (new, old) in outputs.iter_mut().zip(old) {
                keep_names(new, old);
            }
            self.name_counts(&mut outputs);
            let node = &mut self.nodes[node];
            node.outputs = outputs;
            node.facts = facts;
        }
        Ok(())
    }

    /// Type of a value and, where it is constant, the value itself.
    #[must_use]
    pub fn operand_of(&self, value: Value) -> Operand<'_> {
        Operand {
            tensor_type: self.type_of(value),
            value: self.constant(value).map(AsRef::as_ref),
            known: self.facts_of(value),
        }
    }

    /// The operands of a node by slot; `None` where an optional one is absent.
    #[must_use]
    pub fn operands(&self, node: NodeId) -> Vec<Option<Value>> {
        let mut operands = Vec::new();
        for edge in self.nodes.edges_directed(node, Direction::Incoming) {
            let Edge { output, slot } = *edge.weight();
            if operands.len() <= slot {
                operands.resize(slot + 1, None);
            }
            operands[slot] = Some(Value { node: edge.source(), output });
        }
        operands
    }

    /// The operand in a slot.
    #[must_use]
    pub fn operand(&self, node: NodeId, slot: usize) -> Option<Value> {
        self.nodes
            .edges_directed(node, Direction::Incoming)
            .find(|edge| edge.weight().slot == slot)
            .map(|edge| Value { node: edge.source(), output: edge.weight().output })
    }

    /// Who reads a value: nodes and slots, in the order of the file.
    #[must_use]
    pub fn consumers(&self, value: Value) -> Vec<(NodeId, usize)> {
        let mut consumers: Vec<_> = self
            .nodes
            .edges_directed(value.node, Direction::Outgoing)
            .filter(|edge| edge.weight().output == value.output)
            .map(|edge| (edge.target(), edge.weight().slot))
            .collect();
        consumers.sort_by_key(|&(node, slot)| (self.node(node).position, slot));
        consumers
    }

    /// Whether the value is an output of the network.
    #[must_use]
    pub fn is_output(&self, value: Value) -> bool {
        self.outputs.iter().any(|output| output.value == value)
    }

    /// The one node and slot that reads a value; `None` where there are
    /// several, or where the value is an output of the network.
    #[must_use]
    pub fn only_consumer(&self, value: Value) -> Option<(NodeId, usize)> {
        match self.consumers(value).as_slice() {
            [consumer] if !self.is_output(value) => Some(*consumer),
            _ => None,
        }
    }

    /// Puts a value into an operand slot, in place of what is there.
    pub fn set_operand(&mut self, node: NodeId, slot: usize, value: Option<Value>) {
        let present: Vec<_> = self
            .nodes
            .edges_directed(node, Direction::Incoming)
            .filter(|edge| edge.weight().slot == slot)
            .map(|edge| edge.id())
            .collect();
        for edge in present {
            self.nodes.remove_edge(edge);
        }
        if let Some(value) = value {
            self.connect(value, node, slot);
        }
    }

    /// Lets everything that reads `old`, outputs of the network included, read
    /// `new` instead. Nodes in `except` keep reading `old`.
    pub fn redirect(&mut self, old: Value, new: Value, except: &[NodeId]) {
        for (node, slot) in self.consumers(old) {
            if !except.contains(&node) {
                self.set_operand(node, slot, Some(new));
            }
        }
        for output in &mut self.outputs {
            if output.value == old {
                output.value = new;
            }
        }
    }

    /// Removes nodes that no output depends on; inputs of the network stay.
    /// Returns how many were removed.
    pub fn remove_unused(&mut self) -> usize {
        let mut live =
            vec![false; self.nodes.node_indices().map(|n| n.index() + 1).max().unwrap_or(0)];
        let mut pending: Vec<_> = self.outputs.iter().map(|output| output.value.node).collect();
        pending.extend(&self.inputs);
        while let Some(node) = pending.pop() {
            if !std::mem::replace(&mut live[node.index()], true) {
                pending.extend(self.nodes.neighbors_directed(node, Direction::Incoming));
            }
        }
        let before = self.len();
        self.nodes.retain_nodes(|_, node| live[node.index()]);
        before - self.len()
    }

    /// All nodes, each after what it reads, otherwise in the order of the file.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Malformed`] where nodes read each other in a circle.
    pub fn order(&self) -> Result<Vec<NodeId>> {
        let mut waiting: BTreeMap<NodeId, usize> = BTreeMap::new();
        let mut ready = BinaryHeap::new();
        for node in self.nodes.node_indices() {
            let count = self.nodes.edges_directed(node, Direction::Incoming).count();
            if count == 0 {
                ready.push(Reverse((self.node(node).position, node)));
            } else {
                waiting.insert(node, count);
            }
        }
        let mut order = Vec::with_capacity(self.len());
        while let Some(Reverse((_, node))) = ready.pop() {
            order.push(node);
            for edge in self.nodes.edges_directed(node, Direction::Outgoing) {
                let target = edge.target();
                if let Some(count) = waiting.get_mut(&target) {
                    *count -= 1;
                    if *count == 0 {
                        waiting.remove(&target);
                        ready.push(Reverse((self.node(target).position, target)));
                    }
                }
            }
        }
        match waiting.keys().min_by_key(|&&node| self.node(node).position) {
            None => Ok(order),
            Some(&node) => Err(Error::malformed("this node depends on its own output")
                .node(self.node(node).name.as_str())),
        }
    }

    /// Gives a node the place in the file of another, so that it comes where
    /// that one came.
    pub fn move_to(&mut self, node: NodeId, place: NodeId) {
        self.nodes[node].position = self.nodes[place].position;
    }

    /// Sizes of the network's inputs that are not fixed, as `name` and sizes.
    #[must_use]
    pub fn open_inputs(&self) -> Vec<(&str, &TensorType)> {
        self.inputs
            .iter()
            .map(|&node| (self.node(node).name.as_str(), &self.node(node).outputs[0]))
            .filter(|(_, t)| t.shape.iter().any(|dim| !matches!(dim, Dim::Fixed(_))))
            .collect()
    }
}

/// Keeps the names, and the bounds that options gave, of counts that are new
/// each time a type is inferred.
fn keep_names(new: &mut TensorType, old: &TensorType) {
    for (new, old) in new.shape.iter_mut().zip(&old.shape) {
        if new.is_fresh() && old.fixed().is_none() && old.max() <= new.max() {
            *new = old.clone();
        }
    }
}

/// Whether a type is what was inferred, whatever its counts are called.
pub(super) fn same_but_names(found: &TensorType, inferred: &TensorType) -> bool {
    let mut inferred = inferred.clone();
    keep_names(&mut inferred, found);
    *found == inferred
}
