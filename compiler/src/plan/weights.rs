//! The weights of a plan, in the order and packing that the kernels read.

use crate::ir::Value;
use crate::step::{ALIGNMENT, Section};
use std::collections::HashMap;

/// f32 of an aligned line.
const LINE: usize = ALIGNMENT / 4;

/// Why a constant was packed: the same constant packed for the same purpose
/// is stored once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// For `step::Conv`, with this many merged groups.
    Conv {
        /// Groups after merging.
        merged: usize,
    },
    /// For `step::PlanarConv`.
    Planar,
    /// For `step::DepthwiseConv`.
    Depthwise,
    /// As it is, `[outputs][inputs]` for `step::Dense`.
    Dense,
    /// For `step::BatchDense`.
    BatchDense,
    /// One value a channel, padded.
    Channels,
    /// As it is.
    Verbatim,
}

/// Weights under construction. The first line is left for the header of the
/// weights file.
#[derive(Debug)]
pub struct WeightBlob {
    values: Vec<f32>,
    known: HashMap<(Value, Purpose), Section>,
}

impl WeightBlob {
    /// Empty, with room for about this many values.
    #[must_use]
    pub fn with_capacity(values: usize) -> Self {
        let mut blob = Vec::with_capacity(values + LINE);
        blob.resize(LINE, 0.0);
        Self { values: blob, known: HashMap::new() }
    }

    /// The section of a constant packed before for this purpose.
    #[must_use]
    pub fn known(&self, constant: Value, purpose: Purpose) -> Option<Section> {
        self.known.get(&(constant, purpose)).copied()
    }

    /// Remembers the section of a constant.
    pub fn remember(&mut self, constant: Value, purpose: Purpose, section: Section) {
        self.known.insert((constant, purpose), section);
    }

    /// Appends values, then zeros to the next aligned line.
    pub fn push(&mut self, values: &[f32]) -> Section {
        self.push_padded(values, 1)
    }

    /// Appends values and zeros up to a multiple of `multiple`, which the
    /// section includes.
    pub fn push_padded(&mut self, values: &[f32], multiple: usize) -> Section {
        let offset = self.values.len();
        self.values.extend_from_slice(values);
        let len = values.len().next_multiple_of(multiple);
        self.values.resize(offset + len.next_multiple_of(LINE), 0.0);
        Section { offset: offset * 4, len }
    }

    /// Appends bytes, then zeros to the next aligned line.
    pub fn push_bytes(&mut self, bytes: &[u8]) -> Section {
        let words = bytes.chunks(4).map(|chunk| {
            let mut word = [0; 4];
            word[..chunk.len()].copy_from_slice(chunk);
            f32::from_bits(u32::from_le_bytes(word))
        });
        let words: Vec<f32> = words.collect();
        self.push(&words)
    }

    /// The values, header line included.
    #[must_use]
    pub fn into_values(self) -> Vec<f32> {
        self.values
    }
}
