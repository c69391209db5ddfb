//! Operators that no kernel serves: their operation as a step.
//!
//! Sizes that are known only at run time are numbers in the arena, one for
//! each symbol. The first step whose result has such a size writes it, all
//! later ones read it.

use super::{Lowering, TensorId};
use crate::error::{Error, Result};
use crate::ir::{Data, Dim, ElementType, Tensor, Value};
use crate::operation::{self, Operation};
use crate::ops::{AnyOperation, Op};
use crate::plan::kernel::General;
use crate::plan::tensor::{Placement, PlainId};
use crate::plan::weights::Purpose;
use crate::step::{Array, Extent, RANK, Space};

/// Most bytes of a tensor: a file of a few bytes can ask for any number.
const MOST_BYTES: usize = 1 << 36;

/// An operand or result whose tensor has no place yet.
#[derive(Clone, Debug)]
struct DraftArray {
    place: DraftPlace,
    element: operation::ElementType,
    sizes: Vec<DraftExtent>,
}

#[derive(Clone, Copy, Debug)]
enum DraftPlace {
    Arena(PlainId),
    Weights { offset: usize },
}

#[derive(Clone, Copy, Debug)]
pub(super) enum DraftExtent {
    Fixed(usize),
    Counted { count: PlainId, max: usize },
    Found { count: PlainId, max: usize },
}

impl DraftExtent {
    /// The number in the arena that holds the size.
    pub(super) const fn count(self) -> Option<PlainId> {
        match self {
            Self::Fixed(_) => None,
            Self::Counted { count, .. } | Self::Found { count, .. } => Some(count),
        }
    }

    pub(super) fn placed(self, placement: &Placement<'_>) -> Extent {
        let position = |id: PlainId| placement.plain(id).offset;
        match self {
            Self::Fixed(size) => Extent::Fixed { size },
            Self::Counted { count, max } => Extent::Counted { count: position(count), max },
            Self::Found { count, max } => Extent::Found { count: position(count), max },
        }
    }
}

impl DraftArray {
    fn placed(&self, placement: &Placement<'_>) -> Array {
        let mut sizes = [Extent::Fixed { size: 1 }; RANK];
        for (size, draft) in sizes.iter_mut().zip(&self.sizes) {
            *size = draft.placed(placement);
        }
        let (space, offset) = match self.place {
            DraftPlace::Arena(id) => (Space::Arena, placement.plain(id).offset),
            DraftPlace::Weights { offset } => (Space::Weights, offset),
        };
        Array { space, offset, element: self.element, rank: self.sizes.len(), sizes }
    }

    /// The tensors that it touches: its own, and those of its sizes.
    fn tensors(&self) -> impl Iterator<Item = TensorId> {
        let own = match self.place {
            DraftPlace::Arena(id) => Some(id),
            DraftPlace::Weights { .. } => None,
        };
        let counts = self.sizes.iter().filter_map(|size| size.count());
        own.into_iter().chain(counts).map(TensorId::from)
    }
}

impl Lowering<'_> {
    /// The operand of which the result has the same elements in the same order,
    /// so that it can lie in the same memory.
    pub(super) fn same_elements(
        &self,
        op: &Op,
        operands: &[Option<Value>],
        result: Value,
    ) -> Option<Value> {
        let kept = matches!(op, Op::Identity(_) | Op::Reshape(_));
        let input = operands.first().copied().flatten().filter(|_| kept)?;
        let known = |dim: &Dim| match dim {
            Dim::Fixed(_) => true,
            Dim::Bounded { symbol, .. } => self.counts.contains_key(symbol),
        };
        self.graph.type_of(result).shape.iter().all(known).then_some(input)
    }

    /// The step of an operator that no kernel serves.
    pub(super) fn general(
        &mut self,
        op: &Op,
        operands: &[Option<Value>],
        result: Value,
    ) -> Result<()> {
        let operation = op.operation().ok_or_else(|| {
            Error::unsupported(
                "this operator is compiled only where its result is known beforehand",
            )
        })?;
        let inputs = operands.iter().map(|operand| operand.map(|v| self.operand(v)).transpose());
        let inputs: Vec<_> = inputs.collect::<Result<_>>()?;
        let bounds: Vec<Vec<usize>> = operands
            .iter()
            .map(|operand| operand.map_or_else(Vec::new, |v| self.graph.type_of(v).bounds()))
            .collect();
        let bounds: Vec<&[usize]> = bounds.iter().map(Vec::as_slice).collect();
        let scratch = self.tensors.add_plain(operation.scratch(&bounds), ElementType::U64);
        let outputs = 0..self.graph.node(result.node).outputs.len();
        let outputs = outputs.map(|output| self.result(Value { node: result.node, output }));
        let outputs: Vec<_> = outputs.collect::<Result<_>>()?;
        self.push_general(operation, inputs, outputs, scratch);
        self.guard();
        Ok(())
    }

    fn push_general(
        &mut self,
        operation: AnyOperation,
        inputs: Vec<Option<DraftArray>>,
        outputs: Vec<DraftArray>,
        scratch: PlainId,
    ) {
        let reads: Vec<_> = inputs.iter().flatten().flat_map(DraftArray::tensors).collect();
        let mut writes: Vec<_> = outputs.iter().flat_map(DraftArray::tensors).collect();
        writes.push(scratch.into());
        let build = move |p: &Placement<'_>| {
            let inputs = inputs.iter().map(|input| input.as_ref().map(|input| input.placed(p)));
            let outputs = outputs.iter().map(|output| output.placed(p));
            let (inputs, outputs) = (inputs.collect(), outputs.collect());
            super::Kernel::General(General {
                operation,
                inputs,
                outputs,
                scratch: p.plain(scratch),
            })
        };
        let multiply_adds = crate::ops::multiply_adds(self.graph, self.current);
        self.draft(self.operator_name(), multiply_adds, &reads, &writes, Box::new(build));
    }

    /// An operand as it lies in the arena or in the weights.
    fn operand(&mut self, value: Value) -> Result<DraftArray> {
        let graph = self.graph;
        let place = match graph.constant(value) {
            Some(tensor) => DraftPlace::Weights { offset: self.stored(value, tensor) },
            None => DraftPlace::Arena(self.plain(value)?),
        };
        self.array(value, place)
    }

    /// A result, for which the arena has room.
    fn result(&mut self, value: Value) -> Result<DraftArray> {
        let place = DraftPlace::Arena(self.new_tensor(value)?);
        self.array(value, place)
    }

    fn array(&mut self, value: Value, place: DraftPlace) -> Result<DraftArray> {
        let tensor_type = self.graph.type_of(value);
        if tensor_type.rank() > RANK {
            return Err(Error::unsupported(format!(
                "tensors of more than {RANK} dimensions are not compiled"
            )));
        }
        let sizes = tensor_type.shape.iter().map(|dim| self.extent(dim)).collect();
        Ok(DraftArray { place, element: element(tensor_type.element), sizes })
    }

    /// The size of a dimension, which the step writes if no earlier one did.
    fn extent(&mut self, dim: &Dim) -> DraftExtent {
        match dim {
            Dim::Fixed(size) => DraftExtent::Fixed(*size),
            Dim::Bounded { symbol, max } => match self.counts.get(symbol) {
                Some(&count) => DraftExtent::Counted { count, max: *max },
                None => {
                    let count = self.tensors.add_plain(1, ElementType::I64);
                    self.counts.insert(symbol.clone(), count);
                    DraftExtent::Found { count, max: *max }
                }
            },
        }
    }

    /// The size of a dimension that an earlier step found.
    pub(super) fn known_extent(&self, dim: &Dim) -> Result<DraftExtent> {
        match dim {
            Dim::Fixed(size) => Ok(DraftExtent::Fixed(*size)),
            Dim::Bounded { symbol, max } => match self.counts.get(symbol) {
                Some(&count) => Ok(DraftExtent::Counted { count, max: *max }),
                None => Err(Error::unsupported(format!("nothing has computed the size {dim} yet"))),
            },
        }
    }

    /// A new row-major tensor of any type for a result, at its largest size.
    pub(super) fn new_tensor(&mut self, value: Value) -> Result<PlainId> {
        let tensor_type = self.graph.type_of(value);
        let (element, elements) = (tensor_type.element, tensor_type.elements()?);
        if elements.saturating_mul(element.size()) > MOST_BYTES {
            return Err(Error::unsupported(format!("{tensor_type} is too large to compile")));
        }
        let id = self.tensors.add_plain(elements, element);
        self.forms.entry(value).or_default().plain = Some(id);
        Ok(id)
    }

    /// A constant of any type in the arena, which only callers of the network
    /// need.
    pub(super) fn constant_in_arena(&mut self, value: Value) -> Result<PlainId> {
        let input = self.operand(value)?;
        let output = self.result(value)?;
        let DraftPlace::Arena(id) = output.place else {
            return Err(Error::internal("a result has no place in the arena"));
        };
        let scratch = self.tensors.add_plain(0, ElementType::U64);
        self.push_general(
            (operation::CopyElements).into(),
            vec![Some(input)],
            vec![output],
            scratch,
        );
        Ok(id)
    }

    /// Byte position of a constant in the weights.
    fn stored(&mut self, value: Value, tensor: &Tensor) -> usize {
        if let Data::F32(values) = tensor.data() {
            return self.section(value, Purpose::Verbatim, |_| values.clone()).offset;
        }
        if let Some(section) = self.weights.known(value, Purpose::Verbatim) {
            return section.offset;
        }
        let section = self.weights.push_bytes(&little_endian(tensor.data()));
        self.weights.remember(value, Purpose::Verbatim, section);
        section.offset
    }

    /// Where the sizes of an output are that are known only at run time.
    pub(in crate::plan) fn port_counts(&self, value: Value) -> Result<Vec<Option<PlainId>>> {
        let shape = self.graph.type_of(value).shape.iter();
        let counts = shape.map(|dim| match dim {
            Dim::Fixed(_) => Ok(None),
            Dim::Bounded { symbol, .. } => {
                self.counts.get(symbol).copied().map(Some).ok_or_else(|| {
                    Error::internal(format!("nothing computes the size `{symbol}` of an output"))
                })
            }
        });
        counts.collect()
    }
}

fn little_endian(data: &Data) -> Vec<u8> {
    match data {
        Data::F32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Data::F64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Data::I8(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Data::I16(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Data::I32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Data::I64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Data::U8(values) => values.clone(),
        Data::U16(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Data::U32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Data::U64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Data::Bool(values) => values.iter().map(|&value| value.into()).collect(),
    }
}

/// The element type as steps know it.
const fn element(element: ElementType) -> operation::ElementType {
    match element {
        ElementType::F32 => operation::ElementType::F32,
        ElementType::F64 => operation::ElementType::F64,
        ElementType::I8 => operation::ElementType::I8,
        ElementType::I16 => operation::ElementType::I16,
        ElementType::I32 => operation::ElementType::I32,
        ElementType::I64 => operation::ElementType::I64,
        ElementType::U8 => operation::ElementType::U8,
        ElementType::U16 => operation::ElementType::U16,
        ElementType::U32 => operation::ElementType::U32,
        ElementType::U64 => operation::ElementType::U64,
        ElementType::Bool => operation::ElementType::Bool,
    }
}
