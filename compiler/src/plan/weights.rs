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
    /// Sections by what is in them, where several plans share the weights.
    shared: Option<HashMap<u64, Vec<Section>>>,
}

impl WeightBlob {
    /// Empty, with room for about this many values.
    #[must_use]
    pub fn with_capacity(values: usize) -> Self {
        let mut blob = Vec::with_capacity(values + LINE);
        blob.resize(LINE, 0.0);
        Self { values: blob, known: HashMap::new(), shared: None }
    }

    /// Stores equal values only once from now on, so that plans of several
    /// graphs share what they have in common.
    #[must_use]
    pub fn shared(mut self) -> Self {
        self.shared.get_or_insert_default();
        self
    }

    /// Goes on to the plan of another graph.
    #[must_use]
    pub fn for_another_graph(mut self) -> Self {
        self.known.clear();
        self
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
        let len = values.len().next_multiple_of(multiple);
        let key = self.shared.is_some().then(|| fingerprint(values, len));
        if let (Some(shared), Some(key)) = (&self.shared, key) {
            let same = |section: &&Section| self.holds(section, values, len);
            if let Some(section) = shared.get(&key).and_then(|list| list.iter().find(same)) {
                return *section;
            }
        }
        let offset = self.values.len();
        self.values.extend_from_slice(values);
        self.values.resize(offset + len.next_multiple_of(LINE), 0.0);
        let section = Section { offset: offset * 4, len };
        if let (Some(shared), Some(key)) = (&mut self.shared, key) {
            shared.entry(key).or_default().push(section);
        }
        section
    }

    /// Whether a section is these values and then zeros.
    fn holds(&self, section: &Section, values: &[f32], len: usize) -> bool {
        let start = section.offset / 4;
        let bits = |value: &f32| value.to_bits();
        section.len == len
            && self
                .values
                .get(start..start + values.len())
                .is_some_and(|found| found.iter().map(bits).eq(values.iter().map(bits)))
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

/// FNV-1a over the bits, 64 bits wide: what it finds is compared.
fn fingerprint(values: &[f32], len: usize) -> u64 {
    let words = values.iter().map(|value| u64::from(value.to_bits()));
    words
        .chain([len as u64])
        .fold(0xcbf2_9ce4_8422_2325, |hash, word| (hash ^ word).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_stored_once_where_plans_share_them() {
        let mut blob = WeightBlob::with_capacity(0).shared();
        let first = blob.push(&[1.0, 2.0]);
        let padded = blob.push_padded(&[1.0, 2.0], 16);
        let negative = blob.push(&[-0.0]);
        let mut blob = blob.for_another_graph();
        assert_eq!(blob.push(&[1.0, 2.0]), first);
        assert_eq!(blob.push_padded(&[1.0, 2.0], 16), padded);
        assert_ne!(blob.push(&[0.0]), negative);
        assert_ne!(first, padded);
    }
}
