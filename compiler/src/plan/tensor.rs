//! Tensors of a plan before they have a place.

use crate::error::{Error, Result};
use crate::ir::ElementType;
use crate::step::{ALIGNMENT, Blocked, Halo, Plain};

/// Names a row-major tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlainId(usize);

/// Names a channel-blocked tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlockedId(usize);

/// Names a tensor of either form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TensorId {
    /// Row-major.
    Plain(PlainId),
    /// Channel-blocked.
    Blocked(BlockedId),
}

impl From<PlainId> for TensorId {
    fn from(id: PlainId) -> Self {
        Self::Plain(id)
    }
}

impl From<BlockedId> for TensorId {
    fn from(id: BlockedId) -> Self {
        Self::Blocked(id)
    }
}

#[derive(Clone, Debug)]
struct PlainTensor {
    len: usize,
    element: ElementType,
}

#[derive(Clone, Debug)]
struct BlockedTensor {
    shape: [usize; 4],
    halo: Halo,
    /// The wider tensor that this one is some channels of, and the first of
    /// them.
    parent: Option<(BlockedId, usize)>,
}

/// All tensors of a plan: their sizes, the halos that their readers ask for,
/// and which of them are parts of which others.
#[derive(Clone, Debug, Default)]
pub struct Tensors {
    plain: Vec<PlainTensor>,
    blocked: Vec<BlockedTensor>,
}

/// The widest margin that a reader may ask for, so that positions stay far
/// from the ends of `usize`.
const MAX_HALO: usize = 1 << 16;

impl Tensors {
    /// Adds a row-major tensor.
    pub fn add_plain(&mut self, len: usize, element: ElementType) -> PlainId {
        self.plain.push(PlainTensor { len, element });
        PlainId(self.plain.len() - 1)
    }

    /// Adds a channel-blocked f32 tensor `[batch, channels, height, width]`.
    pub fn add_blocked(&mut self, shape: [usize; 4]) -> BlockedId {
        self.blocked.push(BlockedTensor { shape, halo: Halo::default(), parent: None });
        BlockedId(self.blocked.len() - 1)
    }

    /// The tensor that holds the storage of this one.
    #[must_use]
    pub fn root(&self, id: BlockedId) -> BlockedId {
        let mut root = id;
        while let Some((parent, _)) = self.blocked[root.0].parent {
            root = parent;
        }
        root
    }

    /// Asks for zeros around a tensor.
    ///
    /// # Errors
    /// Where the margin is absurd.
    pub fn ask_halo(&mut self, id: BlockedId, halo: Halo) -> Result<()> {
        if [halo.top, halo.left, halo.bottom, halo.right].iter().any(|&side| side > MAX_HALO) {
            return Err(Error::unsupported(format!(
                "padding of more than {MAX_HALO} rows or columns is not compiled"
            )));
        }
        let root = self.root(id);
        let tensor = &mut self.blocked[root.0];
        tensor.halo = tensor.halo.union(halo);
        Ok(())
    }

    /// Makes a tensor the channels of `whole` from `first` on, so that what is
    /// written to it is written there. Returns whether that is possible: a
    /// tensor has one place only.
    pub fn place_inside(&mut self, part: BlockedId, whole: BlockedId, first: usize) -> bool {
        let aligned = first.is_multiple_of(crate::step::LANES);
        if !aligned || self.blocked[part.0].parent.is_some() || self.root(whole) == part {
            return false;
        }
        let halo = self.blocked[part.0].halo;
        self.blocked[part.0].parent = Some((whole, first));
        let root = self.root(whole);
        self.blocked[root.0].halo = self.blocked[root.0].halo.union(halo);
        true
    }

    /// The storages: tensors that are no part of another, in the order in
    /// which they were added, with their bytes.
    ///
    /// # Errors
    /// Where a tensor is too large for the address space.
    pub fn storages(&self) -> Result<Vec<(TensorId, usize)>> {
        let too_large = || Error::unsupported("a tensor of the network is too large to compile");
        let mut storages = Vec::new();
        for (index, tensor) in self.plain.iter().enumerate() {
            let bytes = tensor.len.checked_mul(tensor.element.size()).ok_or_else(too_large)?;
            storages.push((TensorId::Plain(PlainId(index)), bytes));
        }
        for (index, tensor) in self.blocked.iter().enumerate() {
            if tensor.parent.is_none() {
                let bytes = self.blocked_bytes(tensor).ok_or_else(too_large)?;
                storages.push((TensorId::Blocked(BlockedId(index)), bytes));
            }
        }
        Ok(storages)
    }

    fn blocked_bytes(&self, tensor: &BlockedTensor) -> Option<usize> {
        let [batch, channels, height, width] = tensor.shape;
        let rows = height.checked_add(tensor.halo.top + tensor.halo.bottom)?;
        let columns = width.checked_add(tensor.halo.left + tensor.halo.right)?;
        [channels.checked_next_multiple_of(crate::step::LANES)?, rows, columns, 4]
            .iter()
            .try_fold(batch, |product, &size| product.checked_mul(size))
            .filter(|&bytes| bytes < isize::MAX as usize / 4)
    }

    /// The storage that a tensor lies in.
    #[must_use]
    pub fn storage_of(&self, id: TensorId) -> TensorId {
        match id {
            TensorId::Plain(_) => id,
            TensorId::Blocked(id) => TensorId::Blocked(self.root(id)),
        }
    }
}

/// Where every storage lies: answers the questions of the steps.
#[derive(Debug)]
pub struct Placement<'a> {
    pub(super) tensors: &'a Tensors,
    pub(super) plain_offsets: Vec<usize>,
    pub(super) blocked_offsets: Vec<usize>,
}

impl<'a> Placement<'a> {
    /// From the offset of every storage.
    pub(super) fn new(tensors: &'a Tensors, offsets: &[(TensorId, usize)]) -> Self {
        let mut placement = Self {
            tensors,
            plain_offsets: vec![0; tensors.plain.len()],
            blocked_offsets: vec![0; tensors.blocked.len()],
        };
        for &(id, offset) in offsets {
            debug_assert!(offset.is_multiple_of(ALIGNMENT));
            match id {
                TensorId::Plain(id) => placement.plain_offsets[id.0] = offset,
                TensorId::Blocked(id) => placement.blocked_offsets[id.0] = offset,
            }
        }
        placement
    }

    /// A row-major tensor in the arena.
    #[must_use]
    pub fn plain(&self, id: PlainId) -> Plain {
        Plain { offset: self.plain_offsets[id.0], len: self.tensors.plain[id.0].len }
    }

    /// A channel-blocked tensor in the arena.
    #[must_use]
    pub fn blocked(&self, id: BlockedId) -> Blocked {
        let tensor = &self.tensors.blocked[id.0];
        match tensor.parent {
            Some((parent, first)) => self.blocked(parent).slice_channels(first, tensor.shape[1]),
            None => Blocked::new(tensor.shape, tensor.halo, self.blocked_offsets[id.0]),
        }
    }
}
