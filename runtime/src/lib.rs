//! What networks compiled by `cnnc` run on: kernels, and the memory they work
//! in. It knows nothing of graphs and of the compiler.
//!
//! ```text
//!  generated Model ──► Engine ──► Run::step(&CONV1) ──► kernels ──► simd
//!        │               │              │
//!   shapes in types    arena,      descriptions of
//!   (tensor)           weights     the steps (step)
//! ```
//!
//! - A generated `Model` holds an [`Engine`]: the [`Weights`], shared by all
//!   models of a program, and one arena in which every tensor has its place.
//! - Each layer is a constant of [`step`]: plain data that says where the
//!   operands lie and every number that the kernel needs. The compiler planned
//!   them; nothing is decided here but the instruction set.
//! - A kernel is written once over the vectors of [`simd`] and compiled for
//!   every instruction set; [`Isa::detect`] chooses when the program starts,
//!   and the environment variable `CNNC_ISA` overrides it.
//!
//! Running allocates nothing. Without feature `std` the crate needs `alloc`
//! only, and has no dependencies.
#![no_std]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[macro_use]
mod description;
mod engine;
pub mod kernels;
mod memory;
mod network;
pub mod simd;
pub mod step;
mod tensor;
mod weights;

//#[cfg(feature = "macros")]
//pub use cnnc_macros::include_model;
pub use engine::{Element, Engine, Run};
pub use memory::Memory;
pub use network::{Layer, Network, Port};
pub use simd::Isa;
pub use tensor::{
    Shape, Shape0, Shape1, Shape2, Shape3, Shape4, Shape5, Shape6, Shape7, Shape8, ShapeError,
    Tensor, View,
};
#[doc(hidden)]
pub use weights::{Embedded, EmbeddedBytes};
pub use weights::{LoadError, Weights};
