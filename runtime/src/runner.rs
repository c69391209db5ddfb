//! A program around one network, driven by lines on its standard input.
//!
//! `cnnc verify` and `cnnc bench` build it. Standard output carries one JSON
//! object a line: one when the network is loaded, then one as the answer to
//! each line that is read.
//!
//! | line | what it does | answer |
//! | --- | --- | --- |
//! | | once the network is loaded | `{"ready": {..}}` |
//! | `input INDEX PATH` | reads an input from a file of little-endian elements | `{"input": INDEX}` |
//! | `run COUNT` | runs the network so often | `{"ms": [..]}`, the time of each run |
//! | `layers COUNT` | runs it so often with a clock around each step | `{"layers_ms": [..]}`, medians |
//! | `output INDEX PATH` | writes an output of the last run to a file | `{"output": INDEX, "sizes": [..]}` |
//! | `peak` | measures multiply-adds in registers | `{"gflops": ..}` |
//! | any that fails | nothing | `{"error": ".."}` |
//!
//! Inputs are zeros until they are set. With the argument `once` the program
//! runs once on zeros, prints `{"once": true}` and ends.

use crate::network::{Network, Port};
use crate::simd::measure_fma_peak;
use crate::step::Plain;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};
use core::fmt::Write as _;
use std::io::{BufRead, Write};
use std::process::ExitCode;
use std::time::Instant;

/// The program's main function. Its first argument names the model, as the
/// answer `ready` repeats it; without one, the network's own name stands there.
#[must_use]
pub fn main<N: Network>() -> ExitCode {
    let argument = std::env::args().nth(1);
    let mut network = match N::load() {
        Ok(network) => network,
        Err(error) => {
            return answer(
                &format!("{{\"error\": {}}}", json(&error.to_string())),
                ExitCode::FAILURE,
            );
        }
    };
    if argument.as_deref() == Some("once") {
        run(&mut network, &zeros::<N>());
        return answer("{\"once\": true}", ExitCode::SUCCESS);
    }
    let model = argument.unwrap_or_else(|| N::NAME.into());
    let ready = ready(&mut network, &model);
    answer(&ready, ExitCode::SUCCESS);
    let mut inputs = zeros::<N>();
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        let text = match command(&mut network, &mut inputs, &line) {
            Ok(text) => text,
            Err(error) => format!("{{\"error\": {}}}", json(&error)),
        };
        answer(&text, ExitCode::SUCCESS);
    }
    ExitCode::SUCCESS
}

/// Prints a line at once; `code` passes through.
fn answer(line: &str, code: ExitCode) -> ExitCode {
    let mut output = std::io::stdout().lock();
    // Where nobody listens any more, there is nothing left to do.
    let sent = writeln!(output, "{line}").and_then(|()| output.flush());
    if sent.is_ok() { code } else { ExitCode::FAILURE }
}

fn zeros<N: Network>() -> Vec<Vec<u8>> {
    N::INPUTS.iter().map(|port| vec![0; port.place.len * element_bytes(port)]).collect()
}

/// Bytes of an element of a port.
fn element_bytes(port: &Port) -> usize {
    match port.element {
        "i8" | "u8" | "bool" => 1,
        "i16" | "u16" => 2,
        "f64" | "i64" | "u64" => 8,
        _ => 4,
    }
}

fn run<N: Network>(network: &mut N, inputs: &[Vec<u8>]) {
    let mut run = network.engine().start();
    for (port, bytes) in N::INPUTS.iter().zip(inputs) {
        run.write_bytes(&port.place, element_bytes(port), bytes);
    }
    N::steps(&mut run);
}

fn command<N: Network>(
    network: &mut N,
    inputs: &mut [Vec<u8>],
    line: &str,
) -> Result<String, String> {
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    let count = || rest.parse::<usize>().map_err(|_| format!("`{rest}` is no number"));
    match verb {
        "input" => {
            let (index, path) = index_and_path(rest, inputs.len())?;
            let bytes = std::fs::read(path).map_err(|error| format!("{path}: {error}"))?;
            let expected = inputs[index].len();
            if bytes.len() != expected {
                return Err(format!("{path}: expected {expected} bytes, found {}", bytes.len()));
            }
            inputs[index] = bytes;
            Ok(format!("{{\"input\": {index}}}"))
        }
        "run" => {
            let times = (0..count()?).map(|_| {
                let start = Instant::now();
                run(network, inputs);
                start.elapsed().as_secs_f64() * 1e3
            });
            Ok(format!("{{\"ms\": {:?}}}", times.collect::<Vec<_>>()))
        }
        "layers" => Ok(format!("{{\"layers_ms\": {:?}}}", layers(network, inputs, count()?))),
        "output" => {
            let (index, path) = index_and_path(rest, N::OUTPUTS.len())?;
            let port = &N::OUTPUTS[index];
            let engine = network.engine();
            let sizes = port.sizes.iter().zip(port.counts);
            let sizes: Vec<_> = sizes.map(|(&size, &count)| engine.size(size, count)).collect();
            let len = if sizes.contains(&0) { 0 } else { sizes.iter().product() };
            let place = Plain { offset: port.place.offset, len };
            let bytes = engine.read_bytes(&place, element_bytes(port));
            std::fs::write(path, bytes).map_err(|error| format!("{path}: {error}"))?;
            Ok(format!("{{\"output\": {index}, \"sizes\": {sizes:?}}}"))
        }
        "peak" => Ok(format!("{{\"gflops\": {}}}", measure_fma_peak(network.engine().isa()))),
        other => Err(format!("`{other}` is no command")),
    }
}

fn index_and_path(text: &str, count: usize) -> Result<(usize, &str), String> {
    let wrong = || format!("expected an index below {count} and a path, found `{text}`");
    let (index, path) = text.split_once(' ').ok_or_else(wrong)?;
    let index = index.parse().ok().filter(|&index| index < count).ok_or_else(wrong)?;
    Ok((index, path))
}

/// Median time of each step in milliseconds.
fn layers<N: Network>(network: &mut N, inputs: &[Vec<u8>], count: usize) -> Vec<f64> {
    network.engine().record_times(Some(N::LAYERS.len()));
    let mut times = vec![Vec::new(); N::LAYERS.len()];
    for _ in 0..count.max(1) {
        run(network, inputs);
        for (times, &time) in times.iter_mut().zip(network.engine().step_times()) {
            times.push(time);
        }
    }
    network.engine().record_times(None);
    let median = |times: &mut Vec<u64>| {
        times.sort_unstable();
        times.get(times.len() / 2).map_or(0.0, |&nanoseconds| nanoseconds as f64 / 1e6)
    };
    times.iter_mut().map(median).collect()
}

fn ready<N: Network>(network: &mut N, model: &str) -> String {
    let ports = |ports: &[Port]| {
        list(ports.iter().map(|Port { name, element, sizes, .. }| {
            format!(
                "{{\"name\": {}, \"element\": \"{element}\", \"shape\": {sizes:?}}}",
                json(name)
            )
        }))
    };
    let layers = list(N::LAYERS.iter().map(|layer| {
        format!(
            "{{\"name\": {}, \"operator\": {}, \"kernel\": {}, \"multiply_adds\": {}}}",
            json(layer.name),
            json(layer.operator),
            json(layer.kernel),
            layer.multiply_adds
        )
    }));
    let multiply_adds: u64 = N::LAYERS.iter().map(|layer| layer.multiply_adds).sum();
    let program = std::env::current_exe().unwrap_or_default();
    let engine = network.engine();
    format!(
        "{{\"ready\": {{\"model\": {}, \"threads\": 1, \"isa\": \"{}\", \"inputs\": {}, \
         \"outputs\": {}, \"layers\": {layers}, \"multiply_adds\": {multiply_adds}, \
         \"arena_bytes\": {}, \"weight_bytes\": {}, \"program\": {}}}}}",
        json(model),
        engine.isa(),
        ports(N::INPUTS),
        ports(N::OUTPUTS),
        engine.arena_bytes(),
        engine.weight_bytes(),
        json(&program.to_string_lossy()),
    )
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

/// A JSON string.
fn json(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", c as u32);
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::{Plain, Unary, UnaryFunction, seal};
    use crate::{Engine, Layer, LoadError, Run, Weights};

    const DATA: Plain = Plain { offset: 0, len: 2 };
    const OUTPUT: Plain = Plain { offset: 64, len: 2 };
    const NEG: Unary = Unary { input: DATA, output: OUTPUT, function: UnaryFunction::Neg };

    struct Negation(Engine);

    impl Network for Negation {
        const NAME: &'static str = "negation";
        const INPUTS: &'static [Port] = &[Port {
            name: "data",
            element: "f32",
            sizes: &[1, 2],
            counts: &[None; 2],
            place: DATA,
        }];
        const OUTPUTS: &'static [Port] = &[Port {
            name: "\"out\"",
            element: "f32",
            sizes: &[1, 2],
            counts: &[None; 2],
            place: OUTPUT,
        }];
        const LAYERS: &'static [Layer] =
            &[Layer { name: "neg", operator: "Neg", kernel: "unary", multiply_adds: 7 }];

        fn load() -> Result<Self, LoadError> {
            let mut weights = [0.0; 16];
            let content = seal(&mut weights);
            let bytes: Vec<u8> = weights.iter().flat_map(|value| value.to_le_bytes()).collect();
            Ok(Self(Engine::new(Weights::copied(&bytes), 128, 64, content)?))
        }

        fn engine(&mut self) -> &mut Engine {
            &mut self.0
        }

        fn steps(run: &mut Run<'_>) {
            run.step(&NEG);
        }
    }

    #[test]
    fn commands_set_run_and_get() {
        let folder = std::env::temp_dir().join(format!("cnnc runner {}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (source, target) = (folder.join("in"), folder.join("out"));
        let bytes = |values: [f32; 2]| values.map(f32::to_le_bytes).concat();
        std::fs::write(&source, bytes([1.5, -2.0])).unwrap();
        let mut network = Negation::load().unwrap();
        let mut inputs = zeros::<Negation>();
        let mut command = |line: &str| command(&mut network, &mut inputs, line);

        assert_eq!(command(&format!("input 0 {}", source.display())).unwrap(), "{\"input\": 0}");
        let times = command("run 3").unwrap();
        assert!(times.starts_with("{\"ms\": [") && times.matches(',').count() == 2, "{times}");
        assert!(command("layers 2").unwrap().starts_with("{\"layers_ms\": ["));
        assert_eq!(command(&format!("output 0 {}", target.display())).unwrap(), "{\"output\": 0}");
        assert_eq!(std::fs::read(&target).unwrap(), bytes([-1.5, 2.0]));

        std::fs::write(&source, [0; 7]).unwrap();
        let error = command(&format!("input 0 {}", source.display())).unwrap_err();
        assert!(error.contains("expected 8 bytes, found 7"), "{error}");
        assert!(command("input 1 x").unwrap_err().contains("index below 1"));
        assert!(command("run often").unwrap_err().contains("no number"));
        assert!(command("dance").unwrap_err().contains("no command"));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn the_first_line_describes_the_network() {
        let ready = ready(&mut Negation::load().unwrap(), "a/b.onnx");
        for part in [
            "\"model\": \"a/b.onnx\"",
            "\"inputs\": [{\"name\": \"data\", \"element\": \"f32\", \"shape\": [1, 2]}]",
            "\"outputs\": [{\"name\": \"\\\"out\\\"\"",
            "\"multiply_adds\": 7",
            "\"arena_bytes\": 128, \"weight_bytes\": 64",
        ] {
            assert!(ready.contains(part), "{part} in {ready}");
        }
    }

    #[test]
    fn strings_are_escaped() {
        assert_eq!(json("a\"b\\c\nd"), "\"a\\\"b\\\\c\\u000ad\"");
    }

    #[test]
    fn indices_are_checked() {
        assert_eq!(index_and_path("1 a b", 2), Ok((1, "a b")));
        assert!(index_and_path("2 a", 2).is_err());
        assert!(index_and_path("x a", 2).is_err());
        assert!(index_and_path("1", 2).is_err());
    }
}
