//! Nodes, names, order and versions.

use super::fixture::*;
use crate::ir::{Attribute, Kind};
use onnx_protobuf::attribute_proto::AttributeType;
use onnx_protobuf::{GraphProto, SparseTensorProto};

#[test]
fn everything_arrives() {
    let imported = read(bytes(&rich()), &[("n".into(), vec![4, 5])]).unwrap();
    assert_eq!(imported.opset, 17);
    assert_eq!(imported.ir_version, 8);
    assert_eq!(imported.producer, "toymaker 1.0");
    assert_eq!(imported.parameters, 2);
    assert!(imported.files.is_empty());
    let counts: Vec<_> = imported.operators.iter().map(|(n, c)| (n.as_str(), *c)).collect();
    assert_eq!(counts, [("Constant", 1), ("Pass", 1), ("Split", 1)]);
    // The split of a constant is computed at once.
    assert_eq!(imported.folded.len(), 1);
    let graph = &imported.graph;
    assert_eq!(graph.name, "toys");
    let inputs: Vec<_> = graph.inputs().iter().map(|&i| graph.node(i)).collect();
    assert_eq!(inputs[0].name, "x");
    assert_eq!(inputs[1].outputs[0].to_string(), "i64[4,5]");
    let [y, b] = graph.outputs() else { panic!("two outputs") };
    assert_eq!((y.name.as_str(), b.name.as_str()), ("y", "b"));
    assert_eq!(graph.constant(b.value).unwrap().f32s().unwrap(), [3.0, 4.0]);
    let operands = graph.operands(y.value.node);
    assert_eq!(operands[0].unwrap().node, graph.inputs()[0]);
    assert_eq!(operands[1], None);
    assert_eq!(graph.constant(operands[3].unwrap()).unwrap().f32s().unwrap(), [1.0, 2.0]);
    crate::ir::verify(graph).unwrap();
}

#[test]
fn attributes_keep_their_types() {
    let mut pass = node("Pass", "p", &["x"], &["y"]);
    let mut add = |name, kind, set: &dyn Fn(&mut onnx_protobuf::AttributeProto)| {
        let mut attribute = attribute(name, kind);
        set(&mut attribute);
        pass.attribute.push(attribute);
    };
    add("i", AttributeType::INT, &|a| a.i = -3);
    add("f", AttributeType::FLOAT, &|a| a.f = 0.5);
    add("s", AttributeType::STRING, &|a| a.s = "grün".into());
    add("is", AttributeType::INTS, &|a| a.ints = vec![1, -2]);
    add("fs", AttributeType::FLOATS, &|a| a.floats = vec![1.5]);
    add("ss", AttributeType::STRINGS, &|a| a.strings = vec![b"a".to_vec(), b"".to_vec()]);
    let imported = import(&model(graph(vec![pass]))).unwrap();
    let output = imported.graph.outputs()[0].value.node;
    let found = &imported.graph.operator(output).unwrap().attributes;
    let expected = crate::ir::Attributes::default()
        .with("i", Attribute::Int(-3))
        .with("f", Attribute::Float(0.5))
        .with("s", Attribute::String("grün".into()))
        .with("is", Attribute::Ints(vec![1, -2]))
        .with("fs", Attribute::Floats(vec![1.5]))
        .with("ss", Attribute::Strings(vec!["a".into(), String::new()]));
    assert_eq!(*found, expected);
}

#[test]
fn wrong_attributes_are_refused() {
    let with = |change: &dyn Fn(&mut onnx_protobuf::NodeProto)| {
        let mut pass = node("Pass", "p", &["x"], &["y"]);
        change(&mut pass);
        message(&model(graph(vec![pass])))
    };
    let twice = with(&|n| n.attribute = vec![attribute("a", AttributeType::INT); 2]);
    assert_eq!(twice, "node `p` (Pass): attribute `a` is written twice");
    let untyped = with(&|n| n.attribute = vec![attribute("a", AttributeType::UNDEFINED)]);
    assert_eq!(untyped, "node `p` (Pass): attribute `a` has no type");
    let unknown = with(&|n| {
        let mut unknown = attribute("a", AttributeType::INT);
        unknown.type_ = protobuf::EnumOrUnknown::from_i32(99);
        n.attribute = vec![unknown];
    });
    assert!(unknown.contains("unknown type 99"), "{unknown}");
    let subgraph = with(&|n| n.attribute = vec![attribute("body", AttributeType::GRAPH)]);
    let missing = "node `p` (Pass): attribute `body` should be a graph, but there is none";
    assert_eq!(subgraph, missing);
    let subgraph = with(&|n| {
        let mut body = attribute("body", AttributeType::GRAPH);
        body.g = Some(GraphProto::default()).into();
        n.attribute = vec![body];
    });
    assert_eq!(subgraph, "node `p` (Pass): attribute `body` is a graph");
    let nothing = with(&|n| n.attribute = vec![attribute("t", AttributeType::TENSOR)]);
    assert!(nothing.contains("should be a tensor, but there is none"), "{nothing}");
    let text = with(&|n| {
        let mut text = attribute("s", AttributeType::STRING);
        text.s = vec![0xff];
        n.attribute = vec![text];
    });
    assert!(text.contains("no text in UTF-8"), "{text}");
}

#[test]
fn nodes_may_come_in_any_order() {
    let nodes = vec![
        node("Pass", "third", &["b"], &["y"]),
        node("Pass", "first", &["x"], &["a"]),
        node("Pass", "second", &["a"], &["b"]),
        node("Pass", "unused", &["x"], &["z"]),
    ];
    let imported = import(&model(graph(nodes))).unwrap();
    let graph = &imported.graph;
    let names: Vec<_> =
        graph.order().unwrap().into_iter().map(|n| graph.node(n).name.clone()).collect();
    assert_eq!(names, ["x", "first", "second", "third", "unused"]);
}

#[test]
fn circles_are_found() {
    let nodes = vec![
        node("Pass", "after", &["b"], &["y"]),
        node("Pass", "one", &["b"], &["a"]),
        node("Pass", "two", &["a"], &["b"]),
    ];
    let found = message(&model(graph(nodes)));
    // Not `after`, which waits but is not part of the circle.
    assert_eq!(found, "node `two` (Pass): this node depends on its own output");
    let own = vec![node("Pass", "", &["y"], &["y"])];
    let found = message(&model(graph(own)));
    assert_eq!(found, "node `y` (Pass): this node depends on its own output");
}

#[test]
fn every_value_has_one_definition() {
    let twice = vec![node("Pass", "p", &["x"], &["y"]), node("Pass", "q", &["x"], &["y"])];
    let found = message(&model(graph(twice)));
    assert!(found.starts_with("node `q` (Pass): output `y` is defined already, by node `p`"));
    let found = message(&model(graph(vec![node("Split", "s", &["x"], &["y", "y"])])));
    assert!(found.contains("output `y` is defined already, by node `s`"), "{found}");
    let found = message(&model(graph(vec![node("Pass", "p", &["x"], &["x"])])));
    assert!(found.contains("`x` is defined already, by an input or initializer"), "{found}");

    let mut inputs = graph(vec![node("Pass", "p", &["x"], &["y"])]);
    inputs.input.push(value("x", 1, &["1"]));
    assert_eq!(message(&model(inputs)), "the input `x` is defined twice");
    let mut initializers = graph(vec![node("Pass", "p", &["x"], &["y"])]);
    initializers.initializer = vec![weights("w", &[1], &[1.0]); 2];
    assert_eq!(message(&model(initializers)), "the initializer `w` is defined twice");
    let mut outputs = graph(vec![node("Pass", "p", &["x"], &["y"])]);
    outputs.output.push(outputs.output[0].clone());
    assert_eq!(message(&model(outputs)), "the output `y` is listed twice");
}

#[test]
fn unknown_values_are_named() {
    let found = message(&model(graph(vec![node("Pass", "p", &["x", "lost"], &["y"])])));
    assert_eq!(found, "node `p` (Pass): operand 1 is `lost`, which nothing defines");
    let found = message(&model(graph(vec![node("Pass", "p", &["x"], &["z"])])));
    assert_eq!(found, "the network's output `y` is never defined");
    let mut nothing = graph(vec![node("Pass", "p", &["x"], &["y"])]);
    nothing.output.clear();
    assert_eq!(message(&model(nothing)), "the network has no outputs");
}

#[test]
fn outputs_may_be_left_out() {
    let second = vec![node("Split", "s", &["x"], &["", "y", ""])];
    let imported = import(&model(graph(second))).unwrap();
    assert_eq!(imported.graph.outputs()[0].value.output, 1);
    let found = message(&model(graph(vec![node("Split", "s", &["x"], &["", "", "y"])])));
    assert_eq!(found, "node `s` (Split): 3 outputs are named, but this operator has 2");
    let found = message(&model(graph(vec![node("Pass", "p", &["x"], &[""])])));
    assert_eq!(found, "node `p` (Pass): this node has no outputs");
}

#[test]
fn names_may_be_anything() {
    let huge = "n".repeat(100_000);
    let hostile = "\"; std::process::exit(1); //\n";
    let nodes = vec![
        node("Pass", &huge, &["x"], &[&huge]),
        node("Pass", hostile, &[&huge], &[hostile]),
        node("Pass", hostile, &[hostile], &["fn"]),
        node("Pass", "", &["fn"], &["y"]),
    ];
    let imported = import(&model(graph(nodes))).unwrap();
    let names: Vec<_> = imported
        .graph
        .order()
        .unwrap()
        .into_iter()
        .map(|n| imported.graph.node(n).name.clone())
        .collect();
    assert_eq!(names, ["x", &huge, hostile, hostile, "y"]);
    // Messages stay short and on one line.
    let found = message(&model(graph(vec![node("Pass", &huge, &["\u{1b}[2J"], &["y"])])));
    assert!(found.len() < 400 && !found.contains('\u{1b}'), "{found}");
}

#[test]
fn unsupported_operators_come_in_one_message() {
    let mut branch = node("If", "i", &["x"], &["d"]);
    let mut body = attribute("then_branch", AttributeType::GRAPH);
    let inner = vec![node("Einsum", "", &["x"], &["e"]), node("Pass", "", &["e"], &["f"])];
    body.g = Some(GraphProto { node: inner, ..GraphProto::default() }).into();
    branch.attribute.push(body);
    let mut custom = node("Fused", "f", &["d"], &["y"]);
    custom.domain = "com.example".into();
    let mut standard = node("Pass", "p", &["x"], &["c"]);
    standard.domain = "ai.onnx".into();
    let nodes = vec![
        node("Einsum", "e1", &["x"], &["a"]),
        node("Einsum", "e2", &["x"], &["b"]),
        branch,
        custom,
        standard,
    ];
    assert_eq!(
        message(&model(graph(nodes))),
        "operators `Einsum` (3), `com.example.Fused` (1) are not supported"
    );
    let one = vec![node("Einsum", "", &["x"], &["y"])];
    assert_eq!(message(&model(graph(one))), "the operator `Einsum` (1) is not supported");
    let many = (0..1000).map(|i| node(&format!("Op{i}"), "", &["x"], &[])).collect();
    let found = message(&model(graph(many)));
    assert!(found.contains("and 900 more are not supported") && found.len() < 2000, "{found}");
}

#[test]
fn constants_have_many_spellings() {
    let constant = |name, kind, set: &dyn Fn(&mut onnx_protobuf::AttributeProto)| {
        let mut node = node("Constant", "c", &[], &["c"]);
        let mut attribute = attribute(name, kind);
        set(&mut attribute);
        node.attribute.push(attribute);
        let mut graph = graph(vec![node]);
        graph.output = vec![value("c", 1, &[])];
        graph.output[0].type_ = None.into();
        model(graph)
    };
    let value_of = |model| {
        let imported = import(&model).unwrap();
        let output = imported.graph.outputs()[0].value;
        assert!(matches!(imported.graph.node(output.node).kind, Kind::Constant(_)));
        let tensor = imported.graph.constant(output).unwrap();
        format!("{:?} {:?}", tensor.shape(), tensor.data())
    };
    let float = constant("value_float", AttributeType::FLOAT, &|a| a.f = 2.5);
    assert_eq!(value_of(float), "[] F32([2.5])");
    let floats = constant("value_floats", AttributeType::FLOATS, &|a| a.floats = vec![1.0, 2.0]);
    assert_eq!(value_of(floats), "[2] F32([1.0, 2.0])");
    let int = constant("value_int", AttributeType::INT, &|a| a.i = 7);
    assert_eq!(value_of(int), "[] I64([7])");
    let ints = constant("value_ints", AttributeType::INTS, &|a| a.ints = vec![7, -8]);
    assert_eq!(value_of(ints), "[2] I64([7, -8])");
    let text = constant("value_string", AttributeType::STRING, &|a| a.s = b"a".to_vec());
    assert_eq!(message(&text), "node `c` (Constant): constants given as `value_string`");
    let wrong = constant("value_int", AttributeType::FLOAT, &|a| a.f = 1.0);
    assert!(message(&wrong).contains("attribute `value_int` is none of a constant"));
    let nothing = model(graph(vec![node("Constant", "c", &[], &["y"])]));
    assert_eq!(message(&nothing), "node `c` (Constant): this constant has no value");
}

#[test]
fn versions_are_checked() {
    let with = |sets: &[(&str, i64)]| {
        let mut model = model(graph(vec![node("Pass", "p", &["x"], &["y"])]));
        model.opset_import = sets.iter().map(|(domain, version)| opset(domain, *version)).collect();
        model
    };
    for version in 7..=28 {
        let sets = [("com.example", 1), ("ai.onnx", version)];
        assert_eq!(import(&with(&sets)).unwrap().opset as i64, version);
    }
    assert!(import(&with(&[("", 13), ("ai.onnx", 13)])).is_ok());
    for version in [i64::MIN, -1, 0, 6, 29, i64::MAX] {
        let found = message(&with(&[("", version)]));
        assert!(found.starts_with(&format!("the file uses opset {version} of")), "{found}");
        assert!(found.contains("opsets 7 to 28"), "{found}");
    }
    assert!(message(&with(&[])).contains("does not say which version"));
    assert!(message(&with(&[("com.example", 1)])).contains("operator sets com.example only"));
    assert!(message(&with(&[("", 13), ("ai.onnx", 14)])).contains("versions 13 and 14"));
    let mut newer = with(&[("", 13)]);
    newer.ir_version = 15;
    assert!(message(&newer).contains("IR version 15"));
}

#[test]
fn sparse_weights_are_refused() {
    let mut sparse = graph(vec![node("Pass", "p", &["x"], &["y"])]);
    let values = Some(weights("w", &[1], &[1.0])).into();
    sparse.sparse_initializer = vec![SparseTensorProto { values, ..SparseTensorProto::default() }];
    assert_eq!(message(&model(sparse)), "the initializer `w` is sparse");
}

#[test]
fn unused_weights_are_left_out() {
    let mut unused = graph(vec![node("Pass", "p", &["x"], &["y"])]);
    unused.initializer.push(weights("w", &[2], &[1.0, 2.0]));
    let imported = import(&model(unused)).unwrap();
    assert_eq!((imported.graph.len(), imported.parameters), (2, 0));
}

#[test]
fn weights_may_be_listed_as_inputs() {
    let mut old = graph(vec![node("Pass", "p", &["x", "w"], &["y"])]);
    old.input.insert(0, value("w", 1, &["2"]));
    old.initializer.push(weights("w", &[2], &[1.0, 2.0]));
    let mut old = model(old);
    old.ir_version = 3;
    let imported = import(&old).unwrap();
    let names: Vec<_> =
        imported.graph.inputs().iter().map(|&i| imported.graph.node(i).name.as_str()).collect();
    assert_eq!(names, ["x"]);
}
