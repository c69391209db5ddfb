//! Names in a model file are data: whatever they say, they never become code.

use cnnc::ir::{ElementType, Tensor};
use cnnc::{Artifact, Options, Source, WeightsLocation, WeightsMode, compile};
use cnnc_tests::generated::Runner;
use cnnc_tests::models::{Attribute, Maker};

const CHANNELS: usize = 9;

fn hostile_names() -> Vec<String> {
    let mut names: Vec<String> = [
        "\"; std::process::exit(1); //",
        "\"#; std::process::exit(1); //",
        "*/ std::process::exit(1); /*",
        "\n}\ncompile_error!(\"out\");\n",
        "\r\n/// # Safety\r",
        "fn",
        "self",
        "Self",
        "crate",
        "r#fn",
        "'static",
        "\\",
        "\\u{41}",
        "{}",
        "{0:?}",
        "$crate",
        "#![no_std]",
        "]",
        "model",
        "run",
        "new",
        "steps",
        "Model",
        "View",
        "input",
        "output",
        "T1",
        "1st",
        "-",
        "  ",
        "\0",
        "\u{202e}sdrawkcab",
        "\u{200b}",
        "ſ",
        "ﬁ",
        "名前",
        "🦀",
        "a.b",
        "a/b",
        "a_b",
        "A_B",
    ]
    .map(str::to_owned)
    .to_vec();
    names.push("a".repeat(100_000));
    names.push("\"".repeat(100_000));
    names.push("名".repeat(30_000));
    names
}

/// A chain of convolutions whose nodes, values and weights have these names.
fn chain(names: &[String]) -> Artifact {
    let mut maker = Maker::new(13);
    let shape = [1, CHANNELS as i64, 6, 6];
    let (Some(first), Some(last)) = (names.first(), names.last()) else { unreachable!() };
    maker.input(first, &shape).output(&format!("{last}{last}"), &shape);
    let mut value = first.clone();
    for (number, name) in names.iter().enumerate() {
        // Not the weights' names decide their values here.
        let mut made = Maker::new(13);
        made.weights(&format!("w{number}"), &[CHANNELS, CHANNELS, 1, 1]);
        let mut weights = made.model.graph.mut_or_insert_default().initializer.remove(0);
        weights.name = format!("{name} weights");
        let output = format!("{name}{name}");
        maker.node("Conv", name, &[&value, &weights.name], &[&output], &[]);
        maker.initializer(weights);
        value = output;
    }
    // A name that is no attribute's is left alone or refused, but no code.
    maker.model.producer_name = names.concat();
    maker.model.doc_string = names.concat();
    let options = Options { weights: WeightsMode::Bytes, ..Options::default() };
    compile(&Source::bytes(maker.bytes()), &options).unwrap()
}

#[test]
fn hostile_names_become_harmless_code() {
    let hostile = hostile_names();
    let plain: Vec<String> = (0..hostile.len()).map(|number| format!("layer{number}")).collect();
    let (hostile, plain) = (chain(&hostile), chain(&plain));
    assert_eq!(hostile.weights(), plain.weights());

    let source = hostile.source(&WeightsLocation::Manifest(String::new())).unwrap();
    let plain_source = plain.source(&WeightsLocation::Manifest(String::new())).unwrap();
    let longer = source.len() - plain_source.len().min(source.len());
    assert!(longer < 50_000, "long names make the source {longer} bytes longer");

    let input: Vec<f32> = (0..CHANNELS * 36).map(|i| (i as f32 * 0.7).sin()).collect();
    let networks = [("hostile", &hostile), ("plain", &plain)];
    let runner = Runner::build("hostile_names", &networks).unwrap();
    let input = [Tensor::new(&[1, CHANNELS, 6, 6], input).unwrap()];
    let run = |name| runner.run(name, "avx2", &[&input], &[ElementType::F32]).unwrap();
    let outputs = run("hostile");
    assert_eq!(outputs, run("plain"));
    assert!(outputs[0][0].f32s().unwrap().iter().any(|&value| value != 0.0));
}

#[test]
fn hostile_paths_of_files() {
    for name in ["\"; fn x", "fn", "{}", "名前", "a b"] {
        let mut maker = Maker::new(13);
        maker.input("x", &[1, 4]).output("y", &[1, 4]);
        maker.node("Relu", "", &["x"], &["y"], &[]);
        let folder = cnnc_tests::target_folder().join("tmp/hostile-paths");
        let path = folder.join(format!("{name}.onnx"));
        cnnc::write_if_changed(&path, &maker.bytes()).unwrap();
        let artifact = compile(&Source::path(&path), &Options::default()).unwrap();
        let location = WeightsLocation::Absolute(path.with_extension("weights"));
        // `source` parses what was generated.
        artifact.source(&location).unwrap();
    }
}

#[test]
fn an_attribute_with_a_hostile_name_is_no_code_either() {
    let mut maker = Maker::new(13);
    maker.input("x", &[1, 4]).output("y", &[1, 4]);
    let attribute = [("\"; std::process::exit(1); //", Attribute::Int(1))];
    maker.node("Relu", "n", &["x"], &["y"], &attribute);
    if let Ok(artifact) = compile(&Source::bytes(maker.bytes()), &Options::default()) {
        artifact.source(&WeightsLocation::OutDir("weights".into())).unwrap();
    }
}
