//! `cnnc inspect`.

use super::progress::Progress;
use super::{Model, print};
use crate::error::Result;
use crate::inspect::{dot, report};
use crate::passes::PassOptions;
use crate::{Source, WeightsMode, onnx, passes, plan, write_if_changed};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// Show what a network consists of and what the compiler makes of it.
///
/// Prints inputs, outputs, operators, parameters and multiply-adds; every pass
/// with what it rewrote and why it left what looks alike; the steps of the plan
/// with shapes, kernels and places in the arena; and the map of the arena.
///
///   cnnc inspect resnet50.onnx
///   cnnc inspect resnet50.onnx --dot resnet50.dot && dot -Tsvg -O resnet50.dot
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Inspect {
    #[command(flatten)]
    model: Model,

    /// Write the graph before and after the passes in the language of Graphviz.
    #[arg(long, value_name = "FILE")]
    dot: Option<PathBuf>,
}

impl Inspect {
    pub(super) fn run(&self) -> Result<ExitCode> {
        let file = &self.model.model;
        let progress = Progress::start(format!("compiling {}", file.display()));
        let mut imported =
            onnx::import(&Source::path(file), &self.model.options_of_one(WeightsMode::default())?)?;
        let mut text = report::model(&imported).map_err(|error| error.file(file))?;
        let before = self.dot.as_ref().map(|_| dot::cluster(&imported.graph, "before"));
        let reports = passes::run(&mut imported.graph, &PassOptions::default())
            .map_err(|error| error.file(file))?;
        text.push_str(&report::passes(&reports));
        if let (Some(path), Some(before)) = (&self.dot, before) {
            let after = dot::cluster(&imported.graph, "after");
            write_if_changed(path, dot::document(&[before?, after?]).as_bytes())?;
        }
        // What is known is shown, also where there is no plan.
        match plan::plan(&imported.graph) {
            Ok(plan) => {
                text.push_str(&report::plan(&plan));
                drop(progress);
                print(&text)?;
                Ok(ExitCode::SUCCESS)
            }
            Err(error) => {
                drop(progress);
                print(&text)?;
                Err(error.file(file))
            }
        }
    }
}
