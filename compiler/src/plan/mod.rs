//! From a graph to steps with every number decided.
//!
//! ```text
//! graph -> lower: form of each value, kernel of each node   -> drafts
//!       -> memory: who lives when, offsets in one arena     -> placement
//!       -> drafts build their descriptions                  -> Plan
//! ```
//!
//! A plan knows nothing of Rust source; [`crate::codegen`] prints it.

pub mod blocking;
mod kernel;
mod lower;
pub mod memory;
mod tensor;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod weights;

pub use kernel::{General, Kernel};
pub use tensor::{BlockedId, Placement, PlainId, TensorId};

use crate::error::Result;
use crate::ir::{Kind, TensorType, Value};
use crate::ops::Graph;
use crate::step::{Guard, Plain};
use lower::{Draft, Lowering, lower};
use memory::Resident;
use tensor::Tensors;
use weights::WeightBlob;

/// A network ready to be printed.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Name of the network in the file.
    pub name: String,
    /// What the caller provides, in order.
    pub inputs: Vec<Port>,
    /// What the caller gets, in order.
    pub outputs: Vec<Port>,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// Bytes of the arena.
    pub arena_bytes: usize,
    /// Who lives in the arena when, in the order of offsets.
    pub residents: Vec<Resident>,
    /// All weights, unless another plan has them; the first 64 bytes are left for
    /// a header.
    pub weights: Vec<f32>,
}

/// An input or output of the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    /// Its name in the file.
    pub name: String,
    /// Element type and shape.
    pub tensor_type: TensorType,
    /// Where it lies in the arena.
    pub place: Plain,
    /// Byte position in the arena of each size that is known only at run time.
    pub counts: Vec<Option<usize>>,
}

/// One call of a kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Name of the node that it computes.
    pub name: String,
    /// The operator, or what the step is for.
    pub operator: String,
    /// The kernel and its numbers.
    pub kernel: Kernel,
    /// It runs only where all these hold.
    pub guards: Vec<Guard>,
    /// Multiply-adds of convolutions and matrix products.
    pub multiply_adds: u64,
}

/// Plans a graph that the passes have gone over.
///
/// # Errors
/// Where an operator has no kernel for what is asked of it; all such nodes are
/// named in one error.
pub fn plan(graph: &Graph) -> Result<Plan> {
    let (mut plan, weights) = plan_onto(graph, WeightBlob::with_capacity(elements(graph)?))?;
    plan.weights = weights.into_values();
    Ok(plan)
}

/// Plans a network for several shapes of its inputs. The plans share their
/// weights, which are in the first one.
///
/// # Errors
/// As [`plan()`].
pub fn plan_all(graphs: &[Graph]) -> Result<Vec<Plan>> {
    let most = graphs.first().map_or(Ok(0), elements)?;
    let mut weights = WeightBlob::with_capacity(most).shared();
    let mut plans = Vec::with_capacity(graphs.len());
    for graph in graphs {
        let (plan, grown) = plan_onto(graph, weights.for_another_graph())?;
        weights = grown;
        plans.push(plan);
    }
    if let Some(first) = plans.first_mut() {
        first.weights = weights.into_values();
    }
    Ok(plans)
}

/// Elements of all constants.
fn elements(graph: &Graph) -> Result<usize> {
    let constants = graph.order()?.into_iter().filter_map(|node| match &graph.node(node).kind {
        Kind::Constant(tensor) => Some(tensor.len()),
        Kind::Input | Kind::Operator(_) => None,
    });
    Ok(constants.fold(0, usize::saturating_add))
}

/// Plans a network whose weights are appended to these.
fn plan_onto(graph: &Graph, weights: WeightBlob) -> Result<(Plan, WeightBlob)> {
    let mut lowering = lower(graph, weights)?;
    let outputs = graph
        .outputs()
        .iter()
        .map(|output| lowering.port(output.value))
        .collect::<Result<Vec<_>>>()?;
    let inputs = graph
        .inputs()
        .iter()
        .map(|&node| lowering.port(Value { node, output: 0 }))
        .collect::<Result<Vec<_>>>()?;
    let counts: Vec<Vec<Option<PlainId>>> = graph
        .outputs()
        .iter()
        .map(|output| lowering.port_counts(output.value))
        .collect::<Result<Vec<_>>>()?;
    let Lowering { tensors, weights, drafts, .. } = lowering;
    let read_last: Vec<PlainId> =
        outputs.iter().copied().chain(counts.iter().flatten().flatten().copied()).collect();
    let mut residents = residents(&tensors, &drafts, &inputs, &read_last)?;
    let arena_bytes = memory::place(&mut residents);
    residents.sort_by_key(|resident| (resident.offset, resident.first));
    let offsets: Vec<_> = residents.iter().map(|r| (r.tensor, r.offset)).collect();
    let placement = Placement::new(&tensors, &offsets);

    let input_ports = graph.inputs().iter().zip(&inputs).map(|(&node, &id)| {
        let node = graph.node(node);
        let place = placement.plain(id);
        let tensor_type = node.outputs[0].clone();
        let counts = vec![None; tensor_type.rank()];
        Port { name: node.name.clone(), tensor_type, place, counts }
    });
    let ports = graph.outputs().iter().zip(&outputs).zip(&counts);
    let output_ports = ports.map(|((output, &id), counts)| Port {
        name: output.name.clone(),
        tensor_type: graph.type_of(output.value).clone(),
        place: placement.plain(id),
        counts: counts.iter().map(|id| id.map(|id| placement.plain(id).offset)).collect(),
    });
    let plan = Plan {
        name: graph.name.clone(),
        inputs: input_ports.collect(),
        outputs: output_ports.collect(),
        steps: drafts.into_iter().map(|draft| build(draft, &placement)).collect(),
        arena_bytes,
        weights: Vec::new(),
        residents,
    };
    Ok((plan, weights))
}

fn build(draft: Draft, placement: &Placement<'_>) -> Step {
    let kernel = (draft.build)(placement);
    let Draft { name, operator, multiply_adds, guards, .. } = draft;
    let guards = guards.into_iter();
    let guards = guards.map(|(id, holds)| Guard { condition: placement.plain(id).offset, holds });
    Step { name, operator, kernel, guards: guards.collect(), multiply_adds }
}

/// When each storage is in use. Inputs are written before the first step and
/// outputs are read after the last.
fn residents(
    tensors: &Tensors,
    drafts: &[Draft],
    inputs: &[PlainId],
    outputs: &[PlainId],
) -> Result<Vec<Resident>> {
    let mut residents: Vec<Resident> = tensors
        .storages()?
        .into_iter()
        .map(|(tensor, bytes)| Resident { tensor, bytes, first: usize::MAX, last: 0, offset: 0 })
        .collect();
    let positions: std::collections::BTreeMap<TensorId, usize> =
        residents.iter().enumerate().map(|(i, resident)| (resident.tensor, i)).collect();
    let mut touch = |tensor: TensorId, step: usize| {
        if let Some(&i) = positions.get(&tensors.storage_of(tensor)) {
            let resident = &mut residents[i];
            resident.first = resident.first.min(step);
            resident.last = resident.last.max(step);
        }
    };
    for &input in inputs {
        touch(input.into(), 0);
    }
    for (i, draft) in drafts.iter().enumerate() {
        let step = i + 1;
        draft.reads.iter().for_each(|&tensor| touch(tensor, step));
        draft.writes.iter().for_each(|&tensor| touch(tensor, step));
    }
    for &output in outputs {
        touch(output.into(), drafts.len() + 1);
    }
    residents.retain(|resident| resident.first != usize::MAX);
    Ok(residents)
}
