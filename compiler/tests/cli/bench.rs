//! `cnnc bench`.

use crate::{MNIST, command, fails, fresh_folder, has, succeeds};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

#[track_caller]
fn positive(object: &Value, keys: &[&str]) {
    for key in keys {
        assert!(object[key].as_f64().is_some_and(|value| value > 0.0), "{key}: {object}");
    }
}

#[test]
fn json_is_one_object_of_the_promised_keys() {
    let arguments = ["bench", MNIST, "--seconds", "0.1", "--layers", "--json"];
    let object: Value = serde_json::from_str(&succeeds(&arguments)).unwrap();
    let mut keys: Vec<_> = object.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    let mut promised = [
        "model",
        "threads",
        "runs",
        "min_ms",
        "median_ms",
        "arena_bytes",
        "weight_bytes",
        "start_ms",
        "layers",
    ];
    promised.sort_unstable();
    assert_eq!(keys, promised);

    assert_eq!(object["model"], MNIST);
    assert_eq!(object["threads"], 1);
    positive(&object, &["runs", "min_ms", "median_ms", "arena_bytes", "start_ms"]);
    assert!(object["min_ms"].as_f64() <= object["median_ms"].as_f64(), "{object}");
    // 5998 parameters as f32, and not twice as many.
    let weights = object["weight_bytes"].as_u64().unwrap();
    assert!((5998 * 4..5998 * 8).contains(&weights), "{object}");

    let layers = object["layers"].as_array().unwrap();
    let convolutions: Vec<_> = layers.iter().filter(|row| row["operator"] == "Conv").collect();
    assert_eq!(convolutions.len(), 2);
    for row in convolutions {
        has(row["kernel"].as_str().unwrap(), &["convolution"]);
        positive(row, &["ms", "gflops", "peak_share"]);
        assert!(row["peak_share"].as_f64().unwrap() < 1.5, "{row}");
    }
}

#[test]
fn without_layers_there_are_none() {
    let arguments = ["bench", MNIST, "--seconds", "0", "--json"];
    let object: Value = serde_json::from_str(&succeeds(&arguments)).unwrap();
    assert_eq!(object["layers"], json!([]));
    assert_eq!(object["runs"], 1);
}

#[test]
fn people_read_percentiles_and_a_row_a_layer() {
    let arguments = ["bench", MNIST, "--seconds", "0", "--layers"];
    let output = succeeds(&arguments);
    has(&output, &["median", "minimum", "10th to 90th percentile", "arena", "weights"]);
    has(&output, &["first output", "of peak", "convolution", "pooling"]);
}

#[test]
fn wrong_options_are_explained() {
    let wrong = |option: &str| fails(2, &["bench", MNIST, option]);
    has(&wrong("--threads=2"), &["expected 1 thread, found 2"]);
    has(&wrong("--seconds=-1"), &["-1 is no time"]);
    has(&wrong("--seconds=inf"), &["inf is no time"]);
    let both = fails(2, &["bench", MNIST, "--interactive", "--json"]);
    has(&both, &["--interactive", "--json"]);
}

/// A conversation as `tests/peers/README.md` defines it.
struct Conversation {
    process: Child,
    input: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Conversation {
    fn start() -> Self {
        let mut process = command()
            .args(["bench", MNIST, "--interactive", "--threads", "1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, input, answers }
    }

    fn answer(&mut self) -> Value {
        serde_json::from_str(&self.answers.next().unwrap().unwrap()).unwrap()
    }

    fn ask(&mut self, line: &str) -> Value {
        writeln!(self.input, "{line}").unwrap();
        self.input.flush().unwrap();
        self.answer()
    }

    /// Ends it: nothing more is said.
    fn end(mut self) {
        drop(self.input);
        assert!(self.answers.next().is_none());
        assert!(self.process.wait().unwrap().success());
    }
}

#[test]
fn scripts_talk_with_the_program() {
    let mut program = Conversation::start();
    let ready = program.answer()["ready"].take();
    assert_eq!(ready["model"], MNIST);
    assert_eq!(ready["threads"], 1);
    assert!(["scalar", "avx2", "avx512", "neon"].contains(&ready["isa"].as_str().unwrap()));
    let input = json!([{ "name": "Input3", "element": "f32", "shape": [1, 1, 28, 28] }]);
    assert_eq!(ready["inputs"], input);
    let output = json!([{ "name": "Plus214_Output_0", "element": "f32", "shape": [1, 10] }]);
    assert_eq!(ready["outputs"], output);
    positive(&ready, &["multiply_adds", "arena_bytes", "weight_bytes"]);

    let folder = fresh_folder("a conversation");
    let (input, output) = (folder.join("the input"), folder.join("the output"));
    let picture: Vec<u8> = (0..28 * 28u16).flat_map(|i| f32::from(i % 256).to_le_bytes()).collect();
    fs::write(&input, picture).unwrap();
    let scores = |program: &mut Conversation| {
        assert_eq!(program.ask("run 3")["ms"].as_array().unwrap().len(), 3);
        let asked = format!("output 0 {}", output.display());
        assert_eq!(program.ask(&asked), json!({ "output": 0, "sizes": [1, 10] }));
        let scores = fs::read(&output).unwrap();
        assert_eq!(scores.len(), 40);
        scores
    };
    let of_zeros = scores(&mut program);
    let asked = format!("input 0 {}", input.display());
    assert_eq!(program.ask(&asked), json!({ "input": 0 }));
    let of_picture = scores(&mut program);
    assert_ne!(of_picture, of_zeros);
    assert!(program.ask("peak")["gflops"].as_f64().unwrap() > 0.1);

    let wrong =
        ["", "dance", "run", "run many", "run -1", "input 7 x", "input 0 no/such", "output"];
    for line in wrong.into_iter().chain(["output 9 x", "output 0 /no/such/folder/file"]) {
        let answer = program.ask(line);
        assert!(answer["error"].is_string(), "`{line}`: {answer}");
    }
    let short = folder.join("short");
    fs::write(&short, [0; 12]).unwrap();
    let error = program.ask(&format!("input 0 {}", short.display()));
    has(error["error"].as_str().unwrap(), &["expected 3136 bytes, found 12"]);
    assert_eq!(scores(&mut program), of_picture, "what fails does nothing");
    program.end();

    let program = ready["program"].as_str().unwrap();
    let once = Command::new(program).arg("once").output().unwrap();
    assert!(once.status.success());
    let once: Value = serde_json::from_slice(&once.stdout).unwrap();
    assert_eq!(once, json!({ "once": true }));
}
