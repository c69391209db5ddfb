//! The command `cnnc`: what people and scripts rely on.

mod bench;
mod compile;
mod inspect;
mod verify;

use onnx_protobuf::tensor_proto::DataType;
use onnx_protobuf::{
    Message as _, ModelProto, NodeProto, OperatorSetIdProto, TensorShapeProto, TypeProto,
    ValueInfoProto, tensor_shape_proto, type_proto,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The trained MNIST network, beside its test data.
const MNIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/models/mnist/model.onnx");

/// What a run of the command gave.
struct Ran {
    status: i32,
    output: String,
    error: String,
}

/// Runs the command.
fn cnnc(arguments: &[&str]) -> Ran {
    let output = command().args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran {
        status: output.status.code().unwrap(),
        output: text(output.stdout),
        error: text(output.stderr),
    }
}

/// The command. What it generates shares one folder of build results, so that
/// the runtime is compiled once.
fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cnnc"));
    command.env("CNNC_CACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"));
    command.env("CARGO_NET_OFFLINE", "true");
    command
}

/// Runs the command, which must succeed; its standard output.
#[track_caller]
fn succeeds(arguments: &[&str]) -> String {
    let Ran { status, output, error } = cnnc(arguments);
    assert_eq!(status, 0, "{output}{error}");
    output
}

/// Runs the command, which must end with this status; its standard error.
#[track_caller]
fn fails(status: i32, arguments: &[&str]) -> String {
    let ran = cnnc(arguments);
    assert_eq!(ran.status, status, "{}{}", ran.output, ran.error);
    assert!(!ran.error.contains("panicked"), "{}", ran.error);
    ran.error
}

#[track_caller]
fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// An empty folder of this name.
fn fresh_folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A model of one node whose operand and result have these sizes.
fn model_of(operator: &str, element: DataType, sizes: &[i64], folder: &Path) -> PathBuf {
    let mut model = ModelProto { ir_version: 8, ..Default::default() };
    model.opset_import.push(OperatorSetIdProto { version: 13, ..Default::default() });
    let graph = model.graph.mut_or_insert_default();
    graph.name = "graph".into();
    graph.input.push(port("x", element, sizes));
    graph.output.push(port("y", element, sizes));
    graph.node.push(NodeProto {
        name: "the node".into(),
        op_type: operator.into(),
        input: vec!["x".into()],
        output: vec!["y".into()],
        ..Default::default()
    });
    let path = folder.join("model.onnx");
    fs::write(&path, model.write_to_bytes().unwrap()).unwrap();
    path
}

fn port(name: &str, element: DataType, sizes: &[i64]) -> ValueInfoProto {
    let dim = sizes.iter().map(|&size| tensor_shape_proto::Dimension {
        value: Some(tensor_shape_proto::dimension::Value::DimValue(size)),
        ..Default::default()
    });
    let shape = TensorShapeProto { dim: dim.collect(), ..Default::default() };
    let tensor = type_proto::Tensor {
        elem_type: element as i32,
        shape: Some(shape).into(),
        ..Default::default()
    };
    let value = Some(type_proto::Value::TensorType(tensor));
    let r#type = Some(TypeProto { value, ..Default::default() }).into();
    ValueInfoProto { name: name.into(), type_: r#type, ..Default::default() }
}

#[test]
fn every_verb_explains_itself() {
    let all = succeeds(&["--help"]);
    for verb in ["compile", "verify", "bench", "inspect"] {
        has(&all, &[verb]);
        let help = succeeds(&[verb, "--help"]);
        has(&help, &["MODEL.onnx", "--input", &format!("cnnc {verb} ")]);
        assert!(help.lines().count() > 10, "{help}");
    }
    has(&succeeds(&["--version"]), &[env!("CARGO_PKG_VERSION")]);
}

#[test]
fn every_verb_names_what_it_cannot_compile() {
    let impossible =
        model_of("NoSuchOperator", DataType::FLOAT, &[1, 4], &fresh_folder("impossible"));
    for verb in ["compile", "verify", "bench", "inspect"] {
        has(&fails(2, &[verb, "no/such.onnx"]), &["no/such.onnx"]);
        has(&fails(2, &[verb, text(&impossible)]), &["NoSuchOperator", "model.onnx"]);
    }
}
