//! Pooling of whole planes.

/// `GlobalAveragePool`, `GlobalMaxPool`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlobalPool {
    /// What is taken.
    pub kind: GlobalPoolKind,
}

/// What a [`GlobalPool`] takes of a plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GlobalPoolKind {
    /// The mean.
    Average,
    /// The largest value.
    Max,
}
