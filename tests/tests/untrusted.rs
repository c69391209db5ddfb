//! Files that are broken, by accident or on purpose: an error that says what
//! is wrong, never a panic, never memory or time without bound.

use cnnc::{Artifact, Error, ErrorKind, Options, Source, compile};
use cnnc_tests::models::{Attribute, Maker};
use cnnc_tests::zoo::Recipe;
use cnnc_tests::{target_folder, workspace};
use onnx_protobuf::{StringStringEntryProto, TensorProto, tensor_proto};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

fn try_bytes(bytes: Vec<u8>) -> Result<Artifact, Error> {
    compile(&Source::bytes(bytes), &Options::default())
}

/// The error that a model is refused with.
#[track_caller]
fn refused(maker: &Maker) -> Error {
    match try_bytes(maker.bytes()) {
        Ok(_) => panic!("the model was compiled"),
        Err(error) => {
            assert_ne!(error.kind(), ErrorKind::Internal, "{error}");
            error
        }
    }
}

#[track_caller]
fn says(error: &Error, words: &[&str]) {
    let message = error.to_string();
    for word in words {
        assert!(message.contains(word), "`{word}` is not in: {message}");
    }
    assert!(message.len() < 2000, "{} bytes of message", message.len());
}

/// A small network with a bit of everything that shapes depend on.
fn network() -> Maker {
    let mut maker = Maker::new(13);
    maker.input("x", &[1, 3, 12, 12]).output("y", &[1, 10]);
    maker.weights("w1", &[8, 3, 3, 3]).weights("w2", &[8, 4, 1, 1]).weights("w3", &[10, 144]);
    maker.uniform("scale", &[8], 0.5, 1.5).weights("shift", &[8]).integers("shape", &[1, -1]);
    let conv = [("pads", Attribute::Ints(&[1; 4])), ("kernel_shape", Attribute::Ints(&[3, 3]))];
    maker.node("Conv", "first", &["x", "w1"], &["a"], &conv);
    maker.node("Mul", "", &["scale", "scale"], &["variance"], &[]);
    let normalized = ["a", "scale", "shift", "shift", "variance"];
    maker.node("BatchNormalization", "normal", &normalized, &["b"], &[]);
    maker.node("Relu", "", &["b"], &["c"], &[]);
    let grouped = [("group", Attribute::Int(2))];
    maker.node("Conv", "second", &["c", "w2"], &["d"], &grouped);
    maker.node("Add", "residual", &["c", "d"], &["e"], &[]);
    let pool = [
        ("kernel_shape", Attribute::Ints(&[2, 2])),
        ("strides", Attribute::Ints(&[2, 2])),
        ("auto_pad", Attribute::Text("SAME_UPPER")),
    ];
    maker.node("MaxPool", "pool", &["e"], &["f"], &pool);
    maker.node("Concat", "join", &["f", "f"], &["g"], &[("axis", Attribute::Int(2))]);
    let again = [("kernel_shape", Attribute::Ints(&[4, 2])), ("strides", Attribute::Ints(&[4, 2]))];
    maker.node("AveragePool", "shrink", &["g"], &["h"], &again);
    maker.node("Concat", "widen", &["h", "h"], &["i"], &[("axis", Attribute::Int(1))]);
    maker.node("Reshape", "flat", &["i", "shape"], &["j"], &[]);
    maker.node("Gemm", "last", &["j", "w3"], &["k"], &[("transB", Attribute::Int(1))]);
    maker.node("Softmax", "", &["k"], &["y"], &[]);
    maker
}

#[test]
fn the_network_that_is_broken_below_is_whole() {
    try_bytes(network().bytes()).unwrap();
}

/// Compiles every variant; a panic is told with the number that made it.
fn survives(what: &str, variants: impl Iterator<Item = Vec<u8>>) {
    let mut refused = 0;
    for (number, bytes) in variants.enumerate() {
        let attempt = catch_unwind(AssertUnwindSafe(|| try_bytes(bytes)));
        match attempt {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                assert_ne!(error.kind(), ErrorKind::Internal, "{what} {number}: {error}");
                refused += 1;
            }
            Err(_) => panic!("{what} {number} panicked"),
        }
    }
    assert!(refused > 0, "no {what} was refused");
}

fn mnist() -> Vec<u8> {
    fs::read(workspace().join("examples/models/mnist/model.onnx")).unwrap()
}

#[test]
fn truncated_files() {
    for bytes in [network().bytes(), mnist()] {
        let step = (bytes.len() / 300).max(1);
        survives("prefix", (0..bytes.len()).step_by(step).map(|length| bytes[..length].to_vec()));
    }
}

#[test]
fn corrupt_files() {
    let random = |index: u64| {
        let bytes = Recipe { seed: index << 32, scale: 1.0 }.bytes(8);
        u64::from_le_bytes(bytes[..8].try_into().unwrap())
    };
    for (model, bytes) in [network().bytes(), mnist()].into_iter().enumerate() {
        // Names, dimensions and attributes are more worth breaking than weights.
        let structure: Vec<usize> =
            (0..bytes.len()).filter(|&at| bytes[at].is_ascii_graphic() || bytes[at] < 32).collect();
        survives(
            "corruption",
            (0..1000).map(|number| {
                let mut broken = bytes.clone();
                for change in 0..1 + number % 3 {
                    let drawn = random(number * 16 + change + ((model as u64) << 20));
                    let at = structure[drawn as usize % structure.len()];
                    broken[at] = match drawn >> 40 & 3 {
                        0 => 0xff,
                        1 => broken[at].wrapping_add(1),
                        2 => broken[at] ^ 1 << (drawn >> 48 & 7),
                        _ => (drawn >> 56) as u8,
                    };
                }
                broken
            }),
        );
    }
}

#[test]
fn files_that_are_no_model() {
    assert!(try_bytes(Vec::new()).is_err());
    assert!(try_bytes(b"this is no model".repeat(100)).is_err());
    assert!(try_bytes(vec![0; 1 << 16]).is_err());
    assert!(try_bytes(vec![0xff; 1 << 16]).is_err());
}

#[test]
fn deep_nesting() {
    // Field 7 of a model is its graph; unknown groups may nest in it at will.
    let mut groups = vec![0x0b; 200_000];
    groups.extend(vec![0x0c; 200_000]);
    assert!(try_bytes(groups).is_err());
    // A graph (7) whose node (1) has an attribute (5) that is a graph (6), and so on.
    let fields = [0x32, 0x2a, 0x0a].into_iter().cycle().take(30_000).chain([0x3a]);
    let mut nested = Vec::new();
    for field in fields {
        let mut length = nested.len();
        let mut header = vec![field];
        while length >= 0x80 {
            header.push(length as u8 | 0x80);
            length >>= 7;
        }
        header.push(length as u8);
        nested.extend(header.iter().rev());
    }
    nested.reverse();
    assert!(try_bytes(nested).is_err());
}

#[test]
fn missing_files() {
    let missing = compile(&Source::path("no/such/model.onnx"), &Options::default()).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Io);
    says(&missing, &["no/such/model.onnx"]);
    let folder = compile(&Source::path(workspace()), &Options::default()).unwrap_err();
    says(&folder, &["not a file"]);
}

#[test]
fn a_cycle() {
    let mut maker = Maker::new(13);
    maker.input("x", &[1, 4]).output("b", &[1, 4]);
    maker.node("Add", "forth", &["x", "b"], &["a"], &[]);
    maker.node("Relu", "back", &["a"], &["b"], &[]);
    says(&refused(&maker), &["forth", "depends on its own output"]);
}

#[test]
fn a_value_that_two_nodes_make() {
    let mut maker = Maker::new(13);
    maker.input("x", &[1, 4]).output("a", &[1, 4]);
    maker.node("Relu", "one", &["x"], &["a"], &[]);
    maker.node("Sigmoid", "two", &["x"], &["a"], &[]);
    says(&refused(&maker), &["two", "`a`"]);
}

#[test]
fn a_value_that_nothing_makes() {
    let mut maker = Maker::new(13);
    maker.input("x", &[1, 4]).output("a", &[1, 4]);
    maker.node("Add", "lost", &["x", "nowhere"], &["a"], &[]);
    says(&refused(&maker), &["lost", "nowhere"]);
    let mut maker = Maker::new(13);
    maker.input("x", &[1, 4]).output("nowhere", &[1, 4]);
    maker.node("Relu", "", &["x"], &["a"], &[]);
    says(&refused(&maker), &["nowhere"]);
}

#[test]
fn weights_of_the_wrong_type_or_size() {
    let mut maker = network();
    maker.model.graph.mut_or_insert_default().initializer[0].data_type = 7;
    refused(&maker);
    let mut maker = network();
    maker.model.graph.mut_or_insert_default().initializer[0].raw_data.pop();
    says(&refused(&maker), &["w1"]);
    let mut maker = network();
    maker.model.graph.mut_or_insert_default().initializer[0].dims = vec![8, 3, 27];
    says(&refused(&maker), &["w1"]);
    let mut maker = network();
    maker.model.graph.mut_or_insert_default().initializer[0].dims = vec![8, 9, 3, 1];
    says(&refused(&maker), &["first", "Conv"]);
}

#[test]
fn huge_and_negative_dimensions() {
    for size in [i64::MAX, 1 << 40, 1 << 31, -1, i64::MIN, 0] {
        let mut maker = network();
        let input = &mut maker.model.graph.mut_or_insert_default().input[0];
        let value = input.type_.mut_or_insert_default().value.as_mut().unwrap();
        let onnx_protobuf::type_proto::Value::TensorType(tensor) = value else { unreachable!() };
        let dimension = &mut tensor.shape.mut_or_insert_default().dim[2];
        dimension.value = Some(onnx_protobuf::tensor_shape_proto::dimension::Value::DimValue(size));
        refused(&maker);

        let mut maker = network();
        maker.model.graph.mut_or_insert_default().initializer[0].dims[0] = size;
        refused(&maker);
    }
}

#[test]
fn attributes_out_of_range() {
    let cases: [(&str, &[i64]); 9] = [
        ("pads", &[i64::MAX; 4]),
        ("pads", &[-5; 4]),
        ("pads", &[1]),
        ("strides", &[0, 0]),
        ("strides", &[i64::MIN, 1]),
        ("dilations", &[i64::MAX, i64::MAX]),
        ("dilations", &[0, 1]),
        ("kernel_shape", &[-3, 3]),
        ("kernel_shape", &[i64::MAX, 3]),
    ];
    for (name, values) in cases {
        for operator in ["Conv", "MaxPool", "AveragePool"] {
            let mut maker = Maker::new(22);
            maker.input("x", &[1, 3, 8, 8]).output("y", &[]).weights("w", &[4, 3, 3, 3]);
            let kernel = ("kernel_shape", Attribute::Ints(&[3, 3]));
            let broken = (name, Attribute::Ints(values));
            let attributes =
                if name == "kernel_shape" { vec![broken] } else { vec![kernel, broken] };
            let inputs: &[&str] = if operator == "Conv" { &["x", "w"] } else { &["x"] };
            maker.node(operator, "odd", inputs, &["y"], &attributes);
            says(&refused(&maker), &["odd", operator]);
        }
    }
    for group in [0, -1, 2, i64::MAX, i64::MIN] {
        let mut maker = Maker::new(13);
        maker.input("x", &[1, 3, 8, 8]).output("y", &[]).weights("w", &[4, 3, 3, 3]);
        let group = [("group", Attribute::Int(group))];
        maker.node("Conv", "odd", &["x", "w"], &["y"], &group);
        says(&refused(&maker), &["odd", "Conv"]);
    }
}

#[test]
fn constants_without_bound() {
    let mut maker = Maker::new(13);
    maker.output("y", &[1 << 20, 1 << 20]).integers("shape", &[1 << 20, 1 << 20]);
    maker.node("ConstantOfShape", "endless", &["shape"], &["y"], &[]);
    says(&refused(&maker), &["endless"]);
    // Small at every step, but doubling.
    let mut maker = Maker::new(13);
    maker.weights("v0", &[1 << 20]);
    for level in 0..40 {
        let from = format!("v{level}");
        let to = format!("v{}", level + 1);
        maker.node("Concat", &to, &[&from, &from], &[&to], &[("axis", Attribute::Int(0))]);
    }
    maker.output("v40", &[1 << 60]);
    refused(&maker);
}

#[test]
fn external_data_outside_the_folder() {
    let folder = target_folder().join("tmp/external/inside");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("../secret"), [0; 4096]).unwrap();
    let link = folder.join("link");
    let _ = fs::remove_file(&link);
    #[cfg(unix)]
    std::os::unix::fs::symlink("../secret", &link).unwrap();
    let absolute = folder.join("../secret").canonicalize().unwrap();
    let absolute = absolute.to_string_lossy();
    for location in ["../secret", &*absolute, "link", "a/../../secret", "missing", "", "."] {
        let error = compile_external(&folder, location, "0").unwrap_err();
        says(&error, &["w1"]);
    }
    fs::write(folder.join("weights"), [0; 8 * 27 * 4]).unwrap();
    compile_external(&folder, "weights", "0").unwrap();
    for offset in ["4", "99999999999999999999", "-1", "18446744073709551615"] {
        says(&compile_external(&folder, "weights", offset).unwrap_err(), &["w1"]);
    }
}

/// The network with its first weights in another file.
fn compile_external(folder: &Path, location: &str, offset: &str) -> Result<Artifact, Error> {
    let entry = |key: &str, value: &str| StringStringEntryProto {
        key: key.into(),
        value: value.into(),
        ..Default::default()
    };
    let mut maker = network();
    let inside = &mut maker.model.graph.mut_or_insert_default().initializer[0];
    *inside = TensorProto {
        name: inside.name.clone(),
        dims: inside.dims.clone(),
        data_type: inside.data_type,
        data_location: tensor_proto::DataLocation::EXTERNAL.into(),
        external_data: vec![entry("location", location), entry("offset", offset)],
        ..Default::default()
    };
    let model = folder.join("model.onnx");
    fs::write(&model, maker.bytes()).unwrap();
    compile(&Source::path(model), &Options::default())
}

#[test]
fn unsupported_operators_come_in_one_message() {
    let mut maker = Maker::new(13);
    maker.input("x", &[1, 4]).output("e", &[1, 4]);
    maker.node("Celu", "", &["x"], &["a"], &[]);
    maker.node("NoSuchOperator", "", &["a"], &["b"], &[]);
    maker.node("NoSuchOperator", "", &["b"], &["c"], &[]);
    maker.node("StringNormalizer", "", &["c"], &["e"], &[]);
    let error = refused(&maker);
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    says(&error, &["NoSuchOperator", "2", "StringNormalizer"]);
}

#[test]
fn unknown_shapes_and_options() {
    let mut maker = network();
    maker.model.graph.mut_or_insert_default().input[0].type_ = None.into();
    says(&refused(&maker), &["x"]);
    let options = Options { inputs: vec![("nobody".into(), vec![1])], ..Options::default() };
    let error = compile(&Source::bytes(network().bytes()), &options).unwrap_err();
    says(&error, &["nobody", "x"]);
}

#[test]
fn an_opset_from_the_future_or_the_past() {
    for opset in [i64::MAX, 1000, 0, -1, i64::MIN] {
        let mut maker = network();
        maker.model.opset_import[0].version = opset;
        says(&refused(&maker), &["opset"]);
    }
    let mut maker = network();
    maker.model.opset_import.clear();
    refused(&maker);
}
