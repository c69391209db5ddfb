//! `cnnc bench`.

use super::cache::Cache;
use super::program::{Program, Session};
use super::progress::Progress;
use super::{Model, Runtime, option_error, print};
use crate::error::{Error, Result};
use crate::{Source, WeightsMode, compile};
use clap::Args;
use serde_json::{Value, json};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// Build a network and measure it.
///
/// Prints median, minimum and 10th and 90th percentile of a run, the bytes of
/// arena and weights, and the time from the start of the process to its first
/// output. With `--layers`, also a row for each step of the plan: time and
/// share of the whole, GFLOP/s (a multiply-add counts two) and their share of
/// what this machine does in a loop of nothing but multiply-adds in registers,
/// and the kernel.
///
///   cnnc bench resnet50.onnx --seconds 5
///   cnnc bench resnet50.onnx --layers
///   CNNC_ISA=avx2 cnnc bench resnet50.onnx
///
/// With `--json`, one object with the keys `model`, `threads`, `runs`,
/// `min_ms`, `median_ms`, `arena_bytes`, `weight_bytes`, `start_ms` and
/// `layers`, which is empty without `--layers`.
///
///   cnnc bench resnet50.onnx --json | jq .median_ms
///
/// The program is built in a cache folder: `CNNC_CACHE`, or `cnnc` in the
/// user's.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Bench {
    #[command(flatten)]
    model: Model,

    /// Threads of a run; only 1 in this version.
    #[arg(long, default_value_t = 1, value_name = "N")]
    threads: usize,

    /// How long to measure.
    #[arg(long, default_value_t = 3.0, value_name = "S")]
    seconds: f64,

    /// Also measure each step.
    #[arg(long)]
    layers: bool,

    /// Print one JSON object.
    #[arg(long)]
    json: bool,

    /// Build the program and let it talk on standard input and output, a JSON
    /// object a line: see `cnnc_runtime::runner`.
    #[arg(long, conflicts_with_all = ["layers", "json", "seconds"])]
    interactive: bool,

    #[command(flatten)]
    runtime: Runtime,
}

/// What was measured.
struct Figures {
    /// Times of the runs in milliseconds, ascending.
    times: Vec<f64>,
    start_ms: f64,
    /// Median times of the steps in milliseconds, and the peak in GFLOP/s.
    layers: Option<(Vec<f64>, f64)>,
}

/// Processes that are started to measure the time to the first output.
const STARTS: usize = 5;

/// Runs that the program makes between two words with it: as many as take
/// about so long, so that the talk costs next to nothing.
const BATCH: Duration = Duration::from_millis(50);

/// How long the processor warms up before the clock counts.
const WARM_UP: Duration = Duration::from_millis(200);

impl Bench {
    pub(super) fn run(&self) -> Result<ExitCode> {
        if self.threads != 1 {
            return Err(option_error(format!(
                "expected 1 thread, found {}: a run uses one thread in this version",
                self.threads
            )));
        }
        if !self.seconds.is_finite() || self.seconds < 0.0 {
            return Err(option_error(format!("{} is no time to measure", self.seconds)));
        }
        let progress = Progress::start(format!("compiling {}", self.model.model.display()));
        let options = self.model.options_of_one(WeightsMode::Embed)?;
        let artifact = compile(&Source::path(&self.model.model), &options)?;
        drop(progress);
        let program = Program::build(&artifact, &Cache::open()?, &self.runtime.dependency()?)?;
        drop(artifact);
        if self.interactive {
            return self.hand_over(&program);
        }
        let mut session = program.start(&self.model.model)?;
        let figures = self.measure(&program, &mut session)?;
        if self.json {
            print(&format!("{}\n", self.as_json(&session.ready, &figures)))?;
        } else {
            print(&self.as_text(&session.ready, &figures))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Lets the program talk to whoever called this command.
    fn hand_over(&self, program: &Program) -> Result<ExitCode> {
        let status = Command::new(&program.path)
            .arg(&self.model.model)
            .status()
            .map_err(|error| Error::io(&program.path, &error))?;
        Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn measure(&self, program: &Program, session: &mut Session) -> Result<Figures> {
        let _progress = Progress::start(format!("measuring for {} s", self.seconds));
        let mut starts =
            (0..STARTS).map(|_| program.time_first_output()).collect::<Result<Vec<_>>>()?;
        starts.sort_by(f64::total_cmp);
        let one = session.numbers("run 1", "ms")?;
        let first = one.first().copied().unwrap_or_default();
        repeat(session, first, WARM_UP)?;
        let mut times = repeat(session, first, Duration::from_secs_f64(self.seconds.min(1e6)))?;
        times.sort_by(f64::total_cmp);
        let layers = if self.layers {
            let count = times.len().clamp(5, 50);
            let layers = session.numbers(&format!("layers {count}"), "layers_ms")?;
            let peak = session.ask("peak", "gflops")?.as_f64().unwrap_or(f64::NAN);
            Some((layers, peak))
        } else {
            None
        };
        Ok(Figures { times, start_ms: percentile(&starts, 0.5), layers })
    }

    fn as_json(&self, ready: &Value, figures: &Figures) -> Value {
        let layers = rows(ready, figures).into_iter().map(|row| {
            json!({
                "name": row.name, "operator": row.operator, "kernel": row.kernel, "ms": row.ms,
                "gflops": row.gflops, "peak_share": row.of_peak,
            })
        });
        json!({
            "model": self.model.model.to_string_lossy(),
            "threads": self.threads,
            "runs": figures.times.len(),
            "min_ms": percentile(&figures.times, 0.0),
            "median_ms": percentile(&figures.times, 0.5),
            "arena_bytes": ready["arena_bytes"],
            "weight_bytes": ready["weight_bytes"],
            "start_ms": figures.start_ms,
            "layers": layers.collect::<Vec<_>>(),
        })
    }

    fn as_text(&self, ready: &Value, figures: &Figures) -> String {
        let at = |share| percentile(&figures.times, share);
        let mebibytes = |key: &str| ready[key].as_f64().unwrap_or(0.0) / f64::from(1 << 20);
        let mut text = format!(
            "{}, 1 thread, {}, {} runs\n\
             median {:.3} ms, minimum {:.3} ms, 10th to 90th percentile {:.3} to {:.3} ms\n\
             arena {:.1} MiB, weights {:.1} MiB\n\
             process start to first output {:.1} ms\n",
            self.model.model.display(),
            ready["isa"].as_str().unwrap_or_default(),
            figures.times.len(),
            at(0.5),
            at(0.0),
            at(0.1),
            at(0.9),
            mebibytes("arena_bytes"),
            mebibytes("weight_bytes"),
            figures.start_ms,
        );
        if let Some((times, peak)) = &figures.layers {
            text.push_str(&table(&rows(ready, figures), times.iter().sum(), *peak));
        }
        text
    }
}

/// Times of runs, in milliseconds, made for about so long and once at least.
/// One takes about `expected` milliseconds.
fn repeat(session: &mut Session, expected: f64, duration: Duration) -> Result<Vec<f64>> {
    let batch = |left: Duration| left.min(BATCH).as_secs_f64() * 1e3 / expected.max(1e-3);
    let end = Instant::now() + duration;
    let mut times = Vec::new();
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() && !times.is_empty() {
            return Ok(times);
        }
        let count = (batch(left) as usize).max(1);
        times.extend(session.numbers(&format!("run {count}"), "ms")?);
    }
}

/// A step as it is shown.
struct Row<'a> {
    name: &'a str,
    operator: &'a str,
    kernel: &'a str,
    multiply_adds: u64,
    ms: f64,
    gflops: f64,
    of_peak: f64,
}

fn rows<'a>(ready: &'a Value, figures: &Figures) -> Vec<Row<'a>> {
    let Some((times, peak)) = &figures.layers else { return Vec::new() };
    let layers = ready["layers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let row = |(layer, &ms): (&'a Value, &f64)| {
        let text = |key: &str| layer[key].as_str().unwrap_or_default();
        let multiply_adds = layer["multiply_adds"].as_u64().unwrap_or(0);
        // Two operations a multiply-add; 1e6 a millisecond make a GFLOP/s.
        let gflops = if ms > 0.0 { 2.0 * multiply_adds as f64 / (ms * 1e6) } else { 0.0 };
        Row {
            name: text("name"),
            operator: text("operator"),
            kernel: text("kernel"),
            multiply_adds,
            ms,
            gflops,
            of_peak: gflops / peak,
        }
    };
    layers.iter().zip(times).map(row).collect()
}

fn table(rows: &[Row<'_>], sum: f64, peak: f64) -> String {
    let mut text = format!(
        "\npeak {peak:.1} GFLOP/s; {sum:.3} ms in {} steps\n\n      \
         ms  of run  GFLOP/s  of peak  step\n",
        rows.len()
    );
    for row in rows {
        let rate = match row.multiply_adds {
            0 => " ".repeat(16),
            _ => format!("{:>7.1}  {:>6.1}%", row.gflops, 100.0 * row.of_peak),
        };
        text.push_str(&format!(
            "{:>8.4}  {:>5.1}%  {rate}  {} ({}): {}\n",
            row.ms,
            100.0 * row.ms / sum,
            row.name,
            row.operator,
            row.kernel
        ));
    }
    text
}

/// The value below which a share of the sorted values lie.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * share).round() as usize).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_few_values() {
        let sorted = [1.0, 2.0, 3.0, 4.0, 10.0];
        assert_eq!(percentile(&sorted, 0.0), 1.0);
        assert_eq!(percentile(&sorted, 0.5), 3.0);
        assert_eq!(percentile(&sorted, 0.9), 10.0);
        assert!(percentile(&[], 0.5).is_nan());
    }

    #[test]
    fn rows_have_rates() {
        let layer = |name: &str, multiply_adds: u64| json!({"name": name, "operator": "Conv", "kernel": "k", "multiply_adds": multiply_adds});
        let ready = json!({"layers": [layer("one", 50_000_000), layer("two", 0)]});
        let figures =
            Figures { times: Vec::new(), start_ms: 0.0, layers: Some((vec![1.0, 3.0], 200.0)) };
        let rows = rows(&ready, &figures);
        assert_eq!((rows[0].gflops, rows[0].of_peak), (100.0, 0.5));
        let text = table(&rows, 4.0, 200.0);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[1..],
            [
                "peak 200.0 GFLOP/s; 4.000 ms in 2 steps",
                "",
                "      ms  of run  GFLOP/s  of peak  step",
                "  1.0000   25.0%    100.0    50.0%  one (Conv): k",
                "  3.0000   75.0%                    two (Conv): k",
            ]
        );
    }
}
