//! The kernels.

pub mod conv;
