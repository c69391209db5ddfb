//! Reports and pictures of a network and of what is made of it.

pub mod dot;
pub mod report;
