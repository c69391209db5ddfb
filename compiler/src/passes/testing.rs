//! Tests of passes: text of a graph before and after, and the same results.

use super::{Pass, PassReport};
use crate::evaluate::{evaluate, random_inputs};
use crate::ir::text::{outline, parse};
use crate::ops::Graph;

/// Largest difference of a result, relative to the largest value.
const TOLERANCE: f64 = 2e-6;

/// The graph of a text, without the line that names it.
pub(super) fn graph(text: &str) -> Graph {
    parse(&format!("graph test\n{text}")).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The text of a graph, without the line that names it and the values of large
/// constants.
pub(super) fn text(graph: &Graph) -> String {
    outline(graph).unwrap().lines().skip(1).collect::<Vec<_>>().join("\n")
}

/// The text in full: types and attributes that may be left out, and `..` where
/// values do not matter.
fn in_full(short: &str) -> String {
    text(&graph(&short.replace("..", "random(0)")))
}

/// Asserts that a pass makes the second graph of the first, and that both
/// compute the same.
#[track_caller]
pub(super) fn rewrites(pass: &Pass, before: &str, after: &str) -> PassReport {
    let mut rewritten = graph(before);
    let report = pass.run(&mut rewritten).unwrap();
    let (found, expected) = (text(&rewritten), in_full(after));
    assert!(found == expected, "expected:\n{expected}\n\nfound:\n{found}\n");
    assert!(!report.rewrites.is_empty());
    same_results(&graph(before), &rewritten);
    report
}

/// Asserts that a pass leaves a graph alone, for the reasons that are given for
/// each node.
#[track_caller]
pub(super) fn refuses(pass: &Pass, before: &str, reasons: &[(&str, &str)]) {
    let mut same = graph(before);
    let expected = text(&same);
    let report = pass.run(&mut same).unwrap();
    assert_eq!(text(&same), expected);
    let found: Vec<_> = report.refusals.iter().map(|r| (r.node.as_str(), r.why.as_str())).collect();
    assert_eq!(found, reasons);
}

/// Asserts that a pass finds nothing to do and nothing to say.
#[track_caller]
pub(super) fn ignores(pass: &Pass, before: &str) {
    refuses(pass, before, &[]);
}

/// Asserts that two networks compute the same, up to rounding.
#[track_caller]
pub(super) fn same_results(a: &Graph, b: &Graph) {
    for seed in 1..4 {
        let inputs = random_inputs(a, seed).unwrap();
        let (a, b) = (evaluate(a, &inputs).unwrap(), evaluate(b, &inputs).unwrap());
        assert_eq!(a.len(), b.len());
        for (a, b) in a.iter().zip(&b) {
            assert_eq!(a.shape(), b.shape());
            let (a, b) = (a.f32s().unwrap(), b.f32s().unwrap());
            assert!(a.iter().all(|value| value.is_finite()), "the test is no test");
            let largest = a.iter().fold(0f64, |largest, &x| largest.max(f64::from(x).abs()));
            let error = a.iter().zip(b).map(|(&x, &y)| (f64::from(x) - f64::from(y)).abs());
            let error = error.fold(0.0, |worst, error| if error > worst { error } else { worst });
            assert!(a.iter().zip(b).all(|(x, y)| (x - y).is_finite()));
            assert!(error <= TOLERANCE * largest, "error {error} of {largest}");
        }
    }
}

/// Lines of a batch normalization of this name.
pub(super) fn norm(name: &str, x: &str, channels: usize, seed: usize) -> String {
    format!(
        "{name}.s = constant f32[{channels}] random({seed}, 0.5, 1.5)
         {name}.b = constant f32[{channels}] random({}, -1, 1)
         {name}.m = constant f32[{channels}] random({}, -1, 1)
         {name}.v = constant f32[{channels}] random({}, 0.5, 2)
         {name} = BatchNormalization({x}, {name}.s, {name}.b, {name}.m, {name}.v)\n",
        seed + 100,
        seed + 200,
        seed + 300
    )
}
