//! Inputs, outputs and pinned shapes.

use super::fixture::*;
use crate::error::ErrorKind;
use onnx_protobuf::{ModelProto, TypeProto, ValueInfoProto, type_proto};

/// A model that passes one input on.
fn passing(input: ValueInfoProto) -> ModelProto {
    let mut graph = graph(vec![node("Pass", "p", &[&input.name], &["y"])]);
    graph.input = vec![input];
    graph.output[0].type_ = None.into();
    model(graph)
}

fn pinned(model: &ModelProto, pins: &[(&str, &[usize])]) -> Result<String, (ErrorKind, String)> {
    let pins: Vec<_> = pins.iter().map(|(name, sizes)| ((*name).into(), sizes.to_vec())).collect();
    match read(bytes(model), &pins) {
        Ok(imported) => {
            let graph = imported.graph;
            let types = graph.inputs().iter().map(|&i| graph.node(i).outputs[0].to_string());
            Ok(types.collect::<Vec<_>>().join(" "))
        }
        Err(error) => Err((error.kind(), error.to_string())),
    }
}

#[test]
fn open_sizes_must_be_pinned() {
    let mut model = passing(value("picture", 1, &["batch", "3", "?", "?"]));
    let graph = model.graph.as_mut().unwrap();
    graph.input.extend([
        value("size", 7, &["1", "2"]),
        value("count", 7, &["batch"]),
        typed("a b", 1, None),
    ]);
    let (kind, found) = pinned(&model, &[]).unwrap_err();
    assert_eq!(kind, ErrorKind::Unpinned);
    assert_eq!(
        found,
        "sizes of inputs must be known when a model is compiled: `picture` is f32[batch,3,?,?], \
         `count` is i64[batch], `a b` is f32 of unknown shape\n  help: say for example \
         --input picture=1x3x224x224 --input count=1 --input 'a b=1x3x224x224'"
    );
    // A name that is known from one input is known in all.
    let pins: [(&str, &[usize]); 2] = [("picture", &[2, 3, 8, 9]), ("a b", &[5])];
    assert_eq!(pinned(&model, &pins).unwrap(), "f32[2,3,8,9] i64[1,2] i64[2] f32[5]");
    let pins: [(&str, &[usize]); 2] = [("picture", &[2, 3, 8, 9]), ("count", &[3])];
    let (kind, found) = pinned(&model, &pins).unwrap_err();
    assert_eq!(kind, ErrorKind::Option);
    assert_eq!(found, "the size `batch` is pinned to 2 and to 3");
}

#[test]
fn pins_must_fit_the_file() {
    let model = passing(value("x", 1, &["N", "3"]));
    let refused = |pins: &[(&str, &[usize])]| {
        let (kind, found) = pinned(&model, pins).unwrap_err();
        assert_eq!(kind, ErrorKind::Option);
        found
    };
    assert_eq!(pinned(&model, &[("x", &[1, 3])]).unwrap(), "f32[1,3]");
    assert_eq!(refused(&[("z", &[1, 3])]), "there is no input `z`\n  help: the inputs are `x`");
    assert_eq!(refused(&[("x", &[1, 4])]), "the input `x` is f32[N,3], which cannot be 1x4");
    assert_eq!(refused(&[("x", &[3])]), "the input `x` is f32[N,3], which cannot be 3");
    assert!(refused(&[("x", &[0, 3])]).contains("sizes are at least 1"));
    assert!(refused(&[("x", &[1, 3]), ("x", &[2, 3])]).contains("two shapes"));
}

#[test]
fn absurd_sizes_are_refused() {
    let (kind, found) = pinned(&passing(value("x", 1, &["-7"])), &[]).unwrap_err();
    assert!(found.contains("-7 is no size"), "{found}");
    assert_eq!(kind, ErrorKind::Malformed);
    assert_eq!(pinned(&passing(value("x", 1, &["1", "0"])), &[]).unwrap(), "f32[1,0]");
    let (kind, found) = pinned(&passing(value("x", 1, &["-1"])), &[]).unwrap_err();
    assert_eq!(kind, ErrorKind::Unpinned, "{found}");
    let huge = ["9223372036854775807"; 4];
    let (kind, found) = pinned(&passing(value("x", 1, &huge)), &[]).unwrap_err();
    assert_eq!(kind, ErrorKind::Shape);
    assert!(found.contains("too many elements"), "{found}");
    let open = passing(value("x", 1, &["?"; 4]));
    let (_, found) = pinned(&open, &[("x", &[usize::MAX; 4])]).unwrap_err();
    assert!(found.contains("too many elements"), "{found}");
}

#[test]
fn half_floats_become_floats() {
    for element in [1, 10, 16] {
        assert_eq!(pinned(&passing(value("x", element, &["2"])), &[]).unwrap(), "f32[2]");
    }
    let (kind, found) = pinned(&passing(value("x", 8, &["2"])), &[]).unwrap_err();
    assert_eq!(kind, ErrorKind::Unsupported);
    assert_eq!(found, "input or output `x`: elements of type string");
    let (_, found) = pinned(&passing(value("x", 0, &["2"])), &[]).unwrap_err();
    assert!(found.contains("elements of type undefined"), "{found}");
    let (_, found) = pinned(&passing(value("x", 999, &["2"])), &[]).unwrap_err();
    assert!(found.contains("no element type 999"), "{found}");
}

#[test]
fn only_tensors_go_in() {
    let mut input = value("x", 1, &["2"]);
    input.type_ = Some(TypeProto {
        value: Some(type_proto::Value::SequenceType(type_proto::Sequence::default())),
        ..TypeProto::default()
    })
    .into();
    let (_, found) = pinned(&passing(input.clone()), &[]).unwrap_err();
    assert!(found.contains("it is a sequence; only tensors"), "{found}");
    input.type_ = None.into();
    let (_, found) = pinned(&passing(input), &[]).unwrap_err();
    assert!(found.contains("it has no type"), "{found}");
}

#[test]
fn outputs_are_what_the_file_says() {
    let with = |output| {
        let mut graph = graph(vec![node("Pass", "p", &["x"], &["y"])]);
        graph.output = vec![output];
        model(graph)
    };
    for fits in [
        value("y", 1, &["1", "2"]),
        value("y", 10, &["1", "2"]),
        value("y", 1, &["N", "?"]),
        value("y", 1, &[]),
        typed("y", 1, None),
    ] {
        assert!(import(&with(fits)).is_ok());
    }
    for differs in
        [value("y", 1, &["1", "3"]), value("y", 1, &["1", "2", "1"]), value("y", 7, &["1", "2"])]
    {
        let found = message(&with(differs));
        assert!(found.starts_with("the output `y` is declared as"), "{found}");
        assert!(found.contains("but the network computes f32[1,2]"), "{found}");
    }
}
