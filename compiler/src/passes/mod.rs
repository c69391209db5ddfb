//! Rewrites of the graph that make the program smaller and faster, and never
//! change what it computes by more than rounding.
//!
//! A pass is a few rules. A rule looks at one node, never changes the graph,
//! and returns a patch, or why there is none. The driver applies the patch,
//! sweeps until no rule fires any more, and has the verifier check the graph
//! after every pass. What was done, and why a near miss was left alone, is
//! reported to the user by `cnnc inspect`.

mod chain_operands;
mod fold_batch_norm;
mod fold_constants;
mod fold_input_scale;
mod fold_pad;
mod fuse_activation;
mod fuse_prologue;
mod fuse_residual;
mod matmul_to_gemm;
mod merge_concats;
mod patch;
mod pattern;
mod pool_planes;
#[cfg(test)]
mod random_tests;
mod recognize_activations;
mod remove_no_ops;
mod remove_unused;
mod scale_shift;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use crate::error::{Error, ErrorKind, Result};
use crate::ir::{NodeId, Operator, verify};
use crate::ops::Graph;
use patch::Patch;

/// What is done to every network, in this order.
const PIPELINE: &[Pass] = &[
    // What is known now need not be computed later.
    remove_unused::PASS,
    fold_constants::PASS,
    remove_no_ops::PASS,
    // One way of saying each thing, so that what follows has to know only one.
    chain_operands::PASS,
    recognize_activations::PASS,
    pool_planes::PASS,
    matmul_to_gemm::PASS,
    // Linear neighbours of a convolution become part of its weights and border.
    fold_pad::PASS,
    fold_batch_norm::PASS,
    fold_input_scale::PASS,
    // What is left of them becomes one step.
    scale_shift::PASS,
    // Whoever computes a value finishes it while it is in registers.
    fuse_activation::PASS,
    fuse_residual::PASS,
    fuse_prologue::PASS,
    merge_concats::PASS,
    remove_unused::PASS,
];

/// How the passes are run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PassOptions {
    /// Name of the last pass to run, to find the one that does harm; all where
    /// absent.
    pub stop_after: Option<String>,
}

/// What a pass did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassReport {
    /// Its name.
    pub pass: &'static str,
    /// What it does, in one sentence.
    pub about: &'static str,
    /// What it rewrote, in order.
    pub rewrites: Vec<Rewrite>,
    /// Near misses in the graph that it left.
    pub refusals: Vec<Refusal>,
}

/// A place that was rewritten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrite {
    /// The nodes that it was made of.
    pub nodes: Vec<String>,
    /// What happened to them.
    pub what: String,
}

/// A place that was not rewritten, although it looks as if it might have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The node.
    pub node: String,
    /// Why it was left alone.
    pub why: String,
}

/// Names of the passes, in the order in which they run.
pub fn names() -> impl Iterator<Item = &'static str> {
    PIPELINE.iter().map(|pass| pass.name)
}

/// Runs the passes.
///
/// # Errors
/// [`ErrorKind::Option`] where `stop_after` names no pass; whatever error an
/// operator reports on constants; [`ErrorKind::Internal`], naming the pass,
/// where one broke the graph.
pub fn run(graph: &mut Graph, options: &PassOptions) -> Result<Vec<PassReport>> {
    let stop_after = options.stop_after.as_deref();
    if let Some(name) = stop_after
        && !names().any(|pass| pass == name)
    {
        return Err(Error::new(ErrorKind::Option, format!("there is no pass `{name}`"))
            .help(format!("the passes are {}", names().collect::<Vec<_>>().join(", "))));
    }
    let mut reports = Vec::new();
    for pass in PIPELINE {
        reports.push(pass.run(graph)?);
        if stop_after == Some(pass.name) {
            break;
        }
    }
    graph.refresh()?;
    Ok(reports)
}

/// A rewrite of the graph.
#[derive(Clone, Copy)]
struct Pass {
    name: &'static str,
    about: &'static str,
    rules: &'static [Rule],
    /// Whether nodes that no output depends on are reported; they go after
    /// every patch in any case.
    sweeps: bool,
}

/// Looks whether a pattern ends at a node.
type Rule = fn(&Graph, NodeId) -> Outcome;

/// A patch, or why there is none.
type Outcome = std::result::Result<Patch, Miss>;

/// Why a rule does not fire.
#[derive(Debug)]
enum Miss {
    /// The node is none of its business.
    NoPattern,
    /// The pattern is there, but the rewrite would not be right, or not good.
    Refused(String),
    /// The graph is broken.
    Failed(Error),
}

impl From<Error> for Miss {
    /// Rules are about sizes that are known: a node with others is none of
    /// their business.
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::Unsupported => Self::NoPattern,
            _ => Self::Failed(error),
        }
    }
}

impl Miss {
    /// Goes on only where this holds.
    fn unless(holds: bool) -> std::result::Result<(), Self> {
        if holds { Ok(()) } else { Err(Self::NoPattern) }
    }

    /// Goes on only where this holds, and says why it does not.
    fn refuse_unless(holds: bool, why: impl FnOnce() -> String) -> std::result::Result<(), Self> {
        if holds { Ok(()) } else { Err(Self::Refused(why())) }
    }
}

/// Patches a node may give rise to, before rules are taken to chase each other.
const PATCHES_PER_NODE: usize = 16;

impl Pass {
    fn run(&self, graph: &mut Graph) -> Result<PassReport> {
        let mut report = PassReport {
            pass: self.name,
            about: self.about,
            rewrites: Vec::new(),
            refusals: Vec::new(),
        };
        if self.sweeps {
            report.rewrites.extend(remove_unused::remove(graph)?);
        }
        let most = graph.len().saturating_add(PATCHES_PER_NODE).saturating_mul(PATCHES_PER_NODE);
        while self.sweep(graph, &mut report)? {
            if report.rewrites.len() > most {
                return Err(Error::internal(format!("pass `{}` does not come to rest", self.name)));
            }
        }
        verify(graph).map_err(|error| self.broke(&error))?;
        Ok(report)
    }

    fn broke(&self, error: &Error) -> Error {
        Error::internal(format!("pass `{}` broke the graph: {error}", self.name))
    }

    /// Tries every rule at every node once; says whether any fired.
    fn sweep(&self, graph: &mut Graph, report: &mut PassReport) -> Result<bool> {
        let before = report.rewrites.len();
        report.refusals.clear();
        for node in graph.order().map_err(|error| self.broke(&error))? {
            for rule in self.rules {
                // A patch may have removed the node, or put another in its place.
                if !graph.contains(node) || graph.operator(node).is_none() {
                    break;
                }
                match rule(graph, node) {
                    Ok(patch) => {
                        let rewrite = patch.apply(graph).map_err(|error| self.broke(&error))?;
                        report.rewrites.push(rewrite);
                    }
                    Err(Miss::NoPattern) => {}
                    Err(Miss::Refused(why)) => {
                        let refusal = Refusal { node: graph.node(node).name.clone(), why };
                        // Several rules may have the same reason.
                        if report.refusals.last() != Some(&refusal) {
                            report.refusals.push(refusal);
                        }
                    }
                    Err(Miss::Failed(error)) => {
                        let operator = graph.operator(node).map(Operator::name);
                        let error = error.node(graph.node(node).name.as_str());
                        return Err(error.operator(operator.unwrap_or_default()));
                    }
                }
            }
        }
        Ok(report.rewrites.len() > before)
    }
}
