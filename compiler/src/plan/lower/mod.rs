//! From nodes to steps: which form each value takes and which kernel computes
//! it.
//!
//! A value of the graph may exist in row-major form, in channel-blocked form
//! or in both; a step that needs a form which is not there yet gets a
//! conversion before it. Steps are drafted before memory is planned: a draft
//! knows its tensors by name and builds the final description once they have
//! a place.

mod conv;
mod conv_transpose;
mod data;
mod dense;
mod elementwise;
mod general;
mod guards;
mod normalization;
mod pool;
mod regions;
mod resample;
#[cfg(test)]
mod tests;

use super::kernel::Kernel;
use super::tensor::{BlockedId, Placement, PlainId, TensorId, Tensors};
use super::weights::{Purpose, WeightBlob};
use crate::error::{Error, ErrorKind, Result};
use crate::ir::{Data, ElementType, Kind, NodeId, Tensor, Value, required};
use crate::ops::{Activation, Graph, Op};
use crate::step::{self, GROUP, Halo, Section};
use std::collections::BTreeMap;

/// What of a graph has been turned into steps.
pub struct Lowering<'g> {
    pub(super) graph: &'g Graph,
    pub(super) tensors: Tensors,
    pub(super) weights: WeightBlob,
    pub(super) drafts: Vec<Draft>,
    forms: BTreeMap<Value, Forms>,
    /// Where the sizes are that are known only at run time, by symbol.
    counts: BTreeMap<String, PlainId>,
    /// The conditions under which nodes run.
    guards: BTreeMap<NodeId, Vec<guards::Guard>>,
    /// Channel concatenations so far: the values joined, and the result.
    concatenations: Vec<(Vec<Value>, BlockedId)>,
    /// The node that is being lowered.
    current: NodeId,
}

/// The forms in which a value exists.
#[derive(Clone, Copy, Debug, Default)]
struct Forms {
    plain: Option<PlainId>,
    blocked: Option<BlockedId>,
}

/// A step whose tensors have no place yet.
pub struct Draft {
    /// Name of the node.
    pub name: String,
    /// Its operator, or what the step is for.
    pub operator: String,
    /// Multiply-adds.
    pub multiply_adds: u64,
    /// What it reads.
    pub reads: Vec<TensorId>,
    /// What it writes.
    pub writes: Vec<TensorId>,
    /// The truth values on which it depends whether it runs.
    pub guards: Vec<(PlainId, bool)>,
    /// The description, once everything has a place.
    pub build: Box<dyn Fn(&Placement<'_>) -> Kernel>,
}

/// Lowers every node of the graph.
///
/// # Errors
/// One error for all nodes that cannot be compiled.
pub fn lower(graph: &Graph, weights: WeightBlob) -> Result<Lowering<'_>> {
    let mut lowering = Lowering {
        graph,
        tensors: Tensors::default(),
        weights,
        drafts: Vec::new(),
        forms: BTreeMap::new(),
        counts: BTreeMap::new(),
        guards: guards::guards(graph)?,
        concatenations: Vec::new(),
        current: NodeId::default(),
    };
    let mut refused = Vec::new();
    for node in graph.order()? {
        lowering.current = node;
        let Err(error) = lowering.node(node) else { continue };
        let error = error.node(graph.node(node).name.as_str()).operator(lowering.operator_name());
        if error.kind() != ErrorKind::Unsupported {
            return Err(error);
        }
        refused.push(error);
        for output in 0..graph.node(node).outputs.len() {
            lowering.pretend(Value { node, output });
        }
    }
    match refused.len() {
        0 => Ok(lowering),
        1 => Err(refused.remove(0)),
        count => Err(Error::unsupported(format!(
            "{count} nodes cannot be compiled:\n{}",
            refused.iter().map(|e| format!("  {e}")).collect::<Vec<_>>().join("\n")
        ))),
    }
}

impl<'g> Lowering<'g> {
    fn node(&mut self, node: NodeId) -> Result<()> {
        let graph = self.graph;
        let value = Value { node, output: 0 };
        match &graph.node(node).kind {
            Kind::Input => self.new_tensor(value).map(|_| ()),
            Kind::Constant(_) => Ok(()),
            Kind::Operator(op) => {
                let operands = graph.operands(node);
                self.operator(op, &operands, value)
            }
        }
    }

    /// The kernel of an operator where one serves, otherwise its operation.
    fn operator(&mut self, op: &Op, operands: &[Option<Value>], result: Value) -> Result<()> {
        if let Some(kept) = self.same_elements(op, operands, result) {
            return self.alias(kept, result);
        }
        if op.operation().is_none() {
            return self.kernel(op, operands, result);
        }
        let before = (self.drafts.len(), self.concatenations.len(), self.forms.clone());
        match self.kernel(op, operands, result) {
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                self.drafts.truncate(before.0);
                self.concatenations.truncate(before.1);
                self.forms = before.2;
                self.general(op, operands, result)
            }
            done => done,
        }
    }

    fn kernel(&mut self, op: &Op, operands: &[Option<Value>], result: Value) -> Result<()> {
        let first = || required(operands, 0, "data");
        match op {
            Op::Activation(activation) => self.activation(*activation, first()?, result),
            Op::BatchNormalization(_) => {
                let known = operands.iter().skip(1).flatten();
                let constant = known.copied().all(|value| self.graph.constant(value).is_some());
                Err(Error::unsupported(if constant {
                    "scale, variance and the other parameters make no finite numbers"
                } else {
                    "batch normalization with parameters that are computed is not compiled"
                }))
            }
            Op::Binary(binary) => self.binary(*binary, operands, result),
            Op::Concat(concat) => self.concat(concat.axis, operands, result),
            Op::Conv(conv) => self.conv(conv, operands, result),
            Op::ConvTranspose(conv) => self.conv_transpose(conv, operands, result),
            Op::Expand(_) => self.expand(first()?, result),
            Op::Gather(gather) => self.gather(gather.axis, operands, result),
            Op::Gemm(gemm) => self.gemm(gemm, operands, result),
            Op::GlobalPool(pool) => self.global_pool(pool.kind, first()?, result),
            Op::Identity(_) => self.alias(first()?, result),
            Op::LocalResponse(lrn) => self.local_response(lrn, first()?, result),
            Op::MatMul(_) => self.matmul(operands, result),
            Op::MaxRoiPool(pool) => self.max_roi_pool(pool, operands, result),
            Op::Pad(pad) => self.pad(pad, first()?, result),
            Op::Pool(pool) => self.pool(pool, first()?, result),
            Op::Reshape(_) => self.alias(first()?, result),
            Op::Resize(resize) => self.resize(resize, first()?, result),
            Op::RoiAlign(align) => self.roi_align(align, operands, result),
            Op::ScaleShift(scale_shift) => self.scale_shift(scale_shift, operands, result),
            Op::Slice(slice) => self.slice(&slice.ranges, first()?, result),
            Op::Softmax(softmax) => self.softmax(softmax, first()?, result),
            Op::Split(split) => self.split(split, first()?, result),
            Op::Transpose(transpose) => self.transpose(&transpose.permutation, first()?, result),
            Op::Unary(unary) => self.unary(unary, first()?, result),
            _ => Err(Error::unsupported(
                "this operator is compiled only where its result is known beforehand",
            )),
        }
    }

    pub(super) fn operator_name(&self) -> String {
        use crate::ir::Operator;
        match self.graph.operator(self.current) {
            Some(op) => op.name(),
            None => "input".to_owned(),
        }
    }

    /// Gives a value that could not be computed a form, so that the nodes after
    /// it can be looked at too.
    fn pretend(&mut self, value: Value) {
        let forms =
            Forms { plain: Some(self.tensors.add_plain(0, ElementType::F32)), blocked: None };
        self.forms.insert(value, forms);
    }

    /// The sizes of a value; only f32 is computed at run time.
    fn sizes(&self, value: Value) -> Result<Vec<usize>> {
        let tensor_type = self.graph.type_of(value);
        if tensor_type.element != ElementType::F32 {
            return Err(Error::unsupported(format!(
                "computing with {tensor_type} at run time is not supported, only f32"
            )));
        }
        tensor_type.elements()?;
        tensor_type.sizes()
    }

    /// The sizes of a tensor of pictures.
    fn picture(&self, value: Value) -> Result<[usize; 4]> {
        self.sizes(value)?;
        self.graph.type_of(value).picture()
    }

    fn forms(&self, value: Value) -> Forms {
        self.forms.get(&value).copied().unwrap_or_default()
    }

    /// An input or output of the network, in the form in which callers see it.
    pub(super) fn port(&mut self, value: Value) -> Result<PlainId> {
        self.current = value.node;
        self.plain(value)
    }

    /// A value in row-major form.
    fn plain(&mut self, value: Value) -> Result<PlainId> {
        let forms = self.forms(value);
        if let Some(id) = forms.plain {
            return Ok(id);
        }
        if self.graph.type_of(value).element != ElementType::F32 {
            return self.constant_in_arena(value);
        }
        let elements = self.sizes(value)?.iter().product();
        let id = self.tensors.add_plain(elements, ElementType::F32);
        if let Some(input) = forms.blocked {
            self.convert("to row-major", &[input.into()], id, move |p| {
                step::Unpack { input: p.blocked(input), output: p.plain(id) }.into()
            });
        } else {
            let values = self.constant_f32(value)?;
            let source = self.section(value, Purpose::Verbatim, |_| values.to_vec());
            self.convert("constant", &[], id, move |p| {
                step::Fill { output: p.plain(id), source }.into()
            });
        }
        self.forms.entry(value).or_default().plain = Some(id);
        Ok(id)
    }

    /// A value in channel-blocked form, with zeros around it.
    pub(super) fn blocked(&mut self, value: Value, halo: Halo) -> Result<BlockedId> {
        let id = match self.forms(value).blocked {
            Some(id) => id,
            None => {
                let shape = self.picture(value)?;
                let input = self.plain(value)?;
                let id = self.tensors.add_blocked(shape);
                self.convert("to blocked", &[input.into()], id, move |p| {
                    step::Pack { input: p.plain(input), output: p.blocked(id) }.into()
                });
                self.forms.entry(value).or_default().blocked = Some(id);
                id
            }
        };
        self.tensors.ask_halo(id, halo)?;
        Ok(id)
    }

    fn has_blocked(&self, value: Value) -> bool {
        self.forms(value).blocked.is_some()
    }

    /// A new row-major tensor for a result.
    fn new_plain(&mut self, value: Value) -> Result<PlainId> {
        self.sizes(value)?;
        self.new_tensor(value)
    }

    /// A new channel-blocked tensor for a result.
    fn new_blocked(&mut self, value: Value) -> Result<BlockedId> {
        let shape = self.picture(value)?;
        let id = self.tensors.add_blocked(shape);
        self.forms.entry(value).or_default().blocked = Some(id);
        Ok(id)
    }

    /// The same elements under another shape: the same memory.
    fn alias(&mut self, input: Value, result: Value) -> Result<()> {
        if self.graph.type_of(input) == self.graph.type_of(result) && self.has_blocked(input) {
            let forms = self.forms(input);
            self.forms.insert(result, forms);
            return Ok(());
        }
        let id = self.plain(input)?;
        self.forms.entry(result).or_default().plain = Some(id);
        Ok(())
    }

    /// The step that the current node is for.
    pub(super) fn push(
        &mut self,
        reads: &[TensorId],
        writes: impl Into<TensorId>,
        build: impl Fn(&Placement<'_>) -> Kernel + 'static,
    ) {
        let multiply_adds = crate::ops::multiply_adds(self.graph, self.current);
        self.draft(self.operator_name(), multiply_adds, reads, &[writes.into()], Box::new(build));
        self.guard();
    }

    /// Makes the last step depend on the conditions of the current node.
    fn guard(&mut self) {
        let Some(guards) = self.guards.get(&self.current) else { return };
        let place =
            |&(condition, holds): &guards::Guard| Some((self.forms.get(&condition)?.plain?, holds));
        // A condition that has no place is not computed yet; without it the
        // inner ones mean nothing.
        let guards: Vec<_> = guards.iter().map_while(place).collect();
        if let Some(draft) = self.drafts.last_mut() {
            draft.reads.extend(guards.iter().map(|&(id, _)| TensorId::from(id)));
            draft.guards = guards;
        }
    }

    /// A step that only brings data into the form that another one wants.
    pub(super) fn convert(
        &mut self,
        what: &str,
        reads: &[TensorId],
        writes: impl Into<TensorId>,
        build: impl Fn(&Placement<'_>) -> Kernel + 'static,
    ) {
        self.draft(what.to_owned(), 0, reads, &[writes.into()], Box::new(build));
    }

    fn draft(
        &mut self,
        operator: String,
        multiply_adds: u64,
        reads: &[TensorId],
        writes: &[TensorId],
        build: Box<dyn Fn(&Placement<'_>) -> Kernel>,
    ) {
        self.drafts.push(Draft {
            name: self.graph.node(self.current).name.clone(),
            operator,
            multiply_adds,
            reads: reads.to_vec(),
            writes: writes.to_vec(),
            guards: Vec::new(),
            build,
        });
    }

    /// The values of a constant operand.
    fn constant_f32(&self, value: Value) -> Result<&'g [f32]> {
        let tensor: &Tensor = self.graph.constant(value).ok_or_else(|| {
            Error::unsupported(format!(
                "expected a constant, but `{}` is computed at run time",
                crate::error::printable(&self.graph.node(value.node).name)
            ))
        })?;
        match tensor.data() {
            Data::F32(values) => Ok(values),
            other => Err(Error::unsupported(format!(
                "computing with {} at run time is not supported, only f32",
                other.element()
            ))),
        }
    }

    /// The section of a constant, packed by `pack` unless it was before.
    fn section(
        &mut self,
        constant: Value,
        purpose: Purpose,
        pack: impl FnOnce(&Self) -> Vec<f32>,
    ) -> Section {
        if let Some(section) = self.weights.known(constant, purpose) {
            return section;
        }
        let values = pack(self);
        let section = self.weights.push(&values);
        self.weights.remember(constant, purpose, section);
        section
    }

    /// One value a channel, padded to a multiple of [`GROUP`]; zeros where the
    /// operand is absent.
    fn channels_section(&mut self, constant: Option<Value>, channels: usize) -> Result<Section> {
        let Some(constant) = constant else {
            return Ok(self.weights.push_padded(&vec![0.0; channels], GROUP));
        };
        let values = self.constant_f32(constant)?;
        if values.len() != channels {
            return Err(Error::shape(format!(
                "expected {channels} values, one a channel, found {}",
                values.len()
            )));
        }
        if let Some(section) = self.weights.known(constant, Purpose::Channels) {
            return Ok(section);
        }
        let section = self.weights.push_padded(values, GROUP);
        self.weights.remember(constant, Purpose::Channels, section);
        Ok(section)
    }

    /// An activation as kernels take it.
    fn store_activation(
        &mut self,
        activation: Activation,
        slopes: Option<Value>,
        channels: usize,
    ) -> Result<step::Activation> {
        Ok(match activation {
            Activation::Identity => step::Activation::Identity,
            Activation::Relu => step::Activation::Relu,
            Activation::LeakyRelu { slope } => step::Activation::LeakyRelu { slope },
            Activation::ChannelRelu => {
                let slopes = required(&[slopes], 0, "slopes")?;
                let slopes = self.channels_section(Some(slopes), channels)?;
                step::Activation::ChannelRelu { slopes }
            }
            Activation::Clip { low, high } => step::Activation::Clip { low, high },
            Activation::Sigmoid => step::Activation::Sigmoid,
            Activation::HardSigmoid { alpha, beta } => {
                step::Activation::HardSigmoid { alpha, beta }
            }
            Activation::HardSwish => step::Activation::HardSwish,
            Activation::Silu => step::Activation::Silu,
            Activation::Tanh => step::Activation::Tanh,
        })
    }
}
