//! `cnnc`: an ahead-of-time compiler from trained convolutional networks to Rust.

extern crate alloc;

#[macro_use]
pub mod emit;
pub mod error;
pub mod ir;
pub mod onnx;
pub mod step;

pub use error::{Error, ErrorKind};
