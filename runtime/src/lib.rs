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
//! # What a program sees
//!
//! A generated `Model`, whose `run` takes and gives a [`View`]: numbers whose
//! shape is part of the type, so that a picture of another size is an error of
//! the compiler.
//!
//! ```
//! use cnnc_runtime::{Shape4, Tensor, View};
//!
//! # type Picture = Shape4<1, 3, 224, 224>;
//! let mut picture = Tensor::<f32, Shape4<1, 3, 224, 224>>::zeros();
//! picture.as_mut_slice()[0] = 1.0;
//! # fn run(_: View<'_, f32, Picture>) {}
//! run(picture.view());
//!
//! // Numbers that lie elsewhere are looked at where they are.
//! let camera = vec![0.5f32; 3 * 224 * 224];
//! run(View::new(&camera)?);
//! # Ok::<(), cnnc_runtime::ShapeError>(())
//! ```
//!
//! A model is run by one thread at a time. A program makes one a thread: each
//! has an arena of its own, and all share the weights.
//!
//! The kernels are compiled in this crate, so that two lines in a program's
//! `Cargo.toml` make its debug builds about as fast as its release builds:
//!
//! ```toml
//! [profile.dev.package.cnnc-runtime]
//! opt-level = 3
//! ```
//!
//! # What generated code does
//!
//! This is a whole network, of one layer, written by hand: it turns the sign of
//! three numbers. Numbers and places stand in constants; the code is one line a
//! layer.
//!
//! ```
//! use cnnc_runtime::step::{Plain, Unary, UnaryFunction, seal};
//! use cnnc_runtime::{Engine, LoadError, Shape1, View, Weights};
//!
//! const DATA: Plain = Plain { offset: 0, len: 3 };
//! const OUTPUT: Plain = Plain { offset: 64, len: 3 };
//! const NEG: Unary = Unary { input: DATA, output: OUTPUT, function: UnaryFunction::Neg };
//!
//! struct Model {
//!     engine: Engine,
//! }
//!
//! impl Model {
//!     fn run(&mut self, data: View<'_, f32, Shape1<3>>) -> View<'_, f32, Shape1<3>> {
//!         let mut run = self.engine.start();
//!         run.write(&DATA, data.as_slice());
//!         run.step(&NEG);
//!         drop(run);
//!         View::of(self.engine.read(&OUTPUT))
//!     }
//! }
//!
//! // Weights begin with a header that names them; here nothing follows.
//! let mut weights = [0.0f32; 16];
//! let content = seal(&mut weights);
//! let bytes: Vec<u8> = weights.iter().flat_map(|value| value.to_le_bytes()).collect();
//! let engine = Engine::new(Weights::copied(&bytes), 128, 64, content)?;
//! let mut model = Model { engine };
//! assert_eq!(model.run(View::from(&[1.0, -2.0, 0.5])).as_slice(), [-1.0, 2.0, -0.5]);
//! # Ok::<(), LoadError>(())
//! ```
//!
//! # Safety
//!
//! Generated code holds no `unsafe`. Kernels work on raw pointers: before a step
//! runs, [`Run::step`] has it check that all its operands lie in the memory (see
//! [`kernels::Step`]), once for the whole step.
//!
//! # Features
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `std` (default) | detection of the processor, weights in files, times of steps |
//! | `macros` | `include_model!`, which compiles a model where it stands |
//! | `runner` | the program that `cnnc verify` and `cnnc bench` build |
//!
//! Without `std` the crate needs `alloc` only, has no dependencies, and uses the
//! instruction set that it is compiled for. Running allocates nothing.
#![no_std]

#[cfg(target_endian = "big")]
compile_error!("weights are little-endian, and kernels read them in place");

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[macro_use]
mod description;
mod engine;
pub mod kernels;
mod memory;
mod network;

/// Declares items that need functions of real numbers, which only the standard
/// library has.
macro_rules! with_reals {
    ($($item:item)*) => {
        $(#[cfg(feature = "std")]
        $item)*
    };
}

pub mod operation;
#[cfg(feature = "std")]
mod real;
#[cfg(feature = "runner")]
pub mod runner;
pub mod simd;
pub mod step;
mod tensor;
mod weights;

#[cfg(feature = "macros")]
pub use cnnc_macros::include_model;
pub use engine::{Element, Engine, Run};
pub use memory::Memory;
pub use network::{Layer, Network, Port};
pub use simd::Isa;
pub use tensor::{
    CountedView, Shape, Shape0, Shape1, Shape2, Shape3, Shape4, Shape5, Shape6, Shape7, Shape8,
    ShapeError, Tensor, View,
};
#[doc(hidden)]
pub use weights::{Embedded, EmbeddedBytes, require_assembler_path};
pub use weights::{LoadError, Weights};
