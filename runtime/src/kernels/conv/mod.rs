//! Convolution.
//!
//! ```text
//! direct     blocked input  --+
//! planar     planar input   --+-> sweep (loops over a layer) -> tile (register block)
//! transposed a phase        --+
//! depthwise, transposed_depthwise  their own tiles: no sum over channels
//! pad        borders for planar
//! ```
//!
//! `finish` applies what a tile's store can't.

use super::halo;

mod finish;
mod reach;
pub(crate) mod split;
mod steps;
mod sweep;
mod tile;

pub mod depthwise;
pub mod direct;
pub mod pad;
pub mod planar;
pub mod transposed;
pub mod transposed_depthwise;

#[cfg(test)]
use super::testing;
