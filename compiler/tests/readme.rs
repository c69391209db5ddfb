//! What the README says of the compiler is so.

use cnnc::ops::Op;
use std::collections::BTreeSet;

const README: &str = include_str!("../../README.md");

/// The words between backticks of a text.
fn quoted(text: &str) -> BTreeSet<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_operator_is_listed() {
    let (_, rest) = README.split_once("<!-- operators -->").unwrap();
    let (table, _) = rest.split_once("<!-- end of operators -->").unwrap();
    // The compiler's own, and names of operators that are read from another
    // name where they are computed at run time.
    let own = |name: &str| ["ScaleShift", "Select"].contains(&name) || name.starts_with("Runtime");
    let laid_out_at_import = ["If", "Loop", "Scan"];
    let read = Op::known_names().filter(|&name| !own(name));
    let known: BTreeSet<_> = read.chain(laid_out_at_import).collect();
    assert_eq!(quoted(table), known);
}
