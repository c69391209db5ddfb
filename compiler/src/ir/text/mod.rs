//! The text form of a graph: what tests of passes are written in, and what a
//! person reads.
//!
//! ```text
//! graph example
//! x = input f32[1,3,8,8]
//! w = constant f32[4,3,3,3] random(7)
//! b = constant f32[4] [0, 0.5, 1, -1]
//! y = Conv(x, w, b) { pads = [1, 1, 1, 1] } -> f32[1,4,8,8]
//! s, s:1 = Split(y) { axis = 1, sizes = [1, 3] } -> f32[1,1,8,8], f32[1,3,8,8]
//! output s
//! output rest = s:1     # an output of the network named `rest`
//! ```
//!
//! - One line a node, each after what it reads. `#` starts a comment.
//! - A node is known by its name where that is a simple word and no other
//!   node's, else by `%` and its place in the order.
//! - `_` is an operand that is left out. Types after `->` may be left out; where
//!   they are written, they are checked.
//! - A constant is a list of all its values, `fill(value)`, `random(seed)`
//!   (uniform from -1 to 1) or `random(seed, low, high)`. Large constants are
//!   printed as `hash(..)`, which is equal where type and values are; such text
//!   can be compared, but not parsed.

mod cursor;
mod element;
mod parse;
mod print;

pub use parse::parse;
pub use print::{outline, print};

#[cfg(test)]
mod tests;
