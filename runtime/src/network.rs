//! What programs that know nothing of a particular network ask of it.

use crate::engine::{Engine, Run};
use crate::step::Plain;
use crate::weights::LoadError;

/// An input or output of a network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Port {
    /// Its name in the model file.
    pub name: &'static str,
    /// The Rust type of its elements.
    pub element: &'static str,
    /// Sizes, outermost first; the largest where they are known only when the
    /// network has run.
    pub sizes: &'static [usize],
    /// Byte position in the arena of each size that is known only then.
    pub counts: &'static [Option<usize>],
    /// Where it lies in the arena.
    pub place: Plain,
}

/// What a step is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Name of the node in the model file.
    pub name: &'static str,
    /// Its operator.
    pub operator: &'static str,
    /// The kernel that computes it.
    pub kernel: &'static str,
    /// Multiply-adds of convolutions and matrix products.
    pub multiply_adds: u64,
}

/// A compiled network. Every generated `Model` implements it.
pub trait Network: Sized {
    /// Name of the model file.
    const NAME: &'static str;
    /// What is put in, in order.
    const INPUTS: &'static [Port];
    /// What comes out, in order.
    const OUTPUTS: &'static [Port];
    /// A description of each step.
    const LAYERS: &'static [Layer];

    /// The network with the weights that it was compiled to find by itself.
    ///
    /// # Errors
    /// Where they are not to be found.
    fn load() -> Result<Self, LoadError>;

    /// What it runs on.
    fn engine(&mut self) -> &mut Engine;

    /// Runs all steps; inputs have been written.
    fn steps(run: &mut Run<'_>);
}
