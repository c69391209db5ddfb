//! Branches, loops, functions, and options about sizes that follow from the
//! data.

use super::fixture::*;
use crate::ir::{Data, Tensor};
use crate::onnx::{Source, import};
use crate::{ErrorKind, Options, evaluate};
use onnx_protobuf::attribute_proto::AttributeType;
use onnx_protobuf::{FunctionProto, GraphProto, ModelProto, NodeProto};

const FLOAT: i32 = 1;
const INT: i32 = 7;
const BOOL: i32 = 9;

/// What the model computes, of real operators.
fn run_with(
    model: &ModelProto,
    options: &Options,
    inputs: &[Tensor],
) -> crate::Result<Vec<Tensor>> {
    let imported = import(&Source::bytes(bytes(model)), options)?;
    crate::ir::verify(&imported.graph)?;
    evaluate::evaluate(&imported.graph, inputs)
}

fn run(model: &ModelProto, inputs: &[Tensor]) -> Vec<Tensor> {
    run_with(model, &Options::default(), inputs).unwrap()
}

fn refused(model: &ModelProto) -> String {
    import(&Source::bytes(bytes(model)), &Options::default()).unwrap_err().to_string()
}

fn f32s(values: &[f32]) -> Tensor {
    Tensor::vector(values.to_vec())
}

/// A graph of these nodes, for an attribute.
fn body(inputs: &[&str], nodes: Vec<NodeProto>, outputs: &[&str]) -> GraphProto {
    let named = |names: &[&str]| names.iter().map(|name| typed(name, FLOAT, None)).collect();
    GraphProto { node: nodes, input: named(inputs), output: named(outputs), ..Default::default() }
}

fn with_bodies(mut node: NodeProto, bodies: Vec<(&str, GraphProto)>) -> NodeProto {
    for (name, graph) in bodies {
        let mut attribute = attribute(name, AttributeType::GRAPH);
        attribute.g = Some(graph).into();
        node.attribute.push(attribute);
    }
    node
}

fn with_int(mut node: NodeProto, name: &str, value: i64) -> NodeProto {
    let mut attribute = attribute(name, AttributeType::INT);
    attribute.i = value;
    node.attribute.push(attribute);
    node
}

fn with_ints(mut node: NodeProto, name: &str, values: &[i64]) -> NodeProto {
    let mut attribute = attribute(name, AttributeType::INTS);
    attribute.ints = values.to_vec();
    node.attribute.push(attribute);
    node
}

fn network(inputs: &[(&str, i32, &[&str])], nodes: Vec<NodeProto>, outputs: &[&str]) -> ModelProto {
    let mut graph = graph(nodes);
    graph.input =
        inputs.iter().map(|(name, element, sizes)| value(name, *element, sizes)).collect();
    graph.output = outputs.iter().map(|name| value(name, FLOAT, &[])).collect();
    for output in &mut graph.output {
        output.type_ = None.into();
    }
    model(graph)
}

fn branch() -> ModelProto {
    let then = body(&[], vec![node("Add", "a", &["x", "late"], &["t"])], &["t"]);
    let otherwise = body(&[], vec![node("Concat", "c", &["x", "x"], &["e"])], &["e"]);
    let mut otherwise = otherwise;
    otherwise.node[0] = with_int(otherwise.node[0].clone(), "axis", 0);
    let branch = node("If", "i", &["c"], &["y"]);
    let branch = with_bodies(branch, vec![("then_branch", then), ("else_branch", otherwise)]);
    let late = node("Mul", "m", &["x", "x"], &["late"]);
    network(&[("x", FLOAT, &["2"]), ("c", BOOL, &[])], vec![branch, late], &["y"])
}

#[test]
fn a_branch_is_selected() {
    let x = f32s(&[2.0, 3.0]);
    let with = |condition| run(&branch(), &[x.clone(), Tensor::scalar(condition)]).remove(0);
    assert_eq!(with(true), f32s(&[6.0, 12.0]));
    assert_eq!(with(false), f32s(&[2.0, 3.0, 2.0, 3.0]));
}

#[test]
fn only_the_branch_of_a_known_condition_is_there() {
    let folder = std::env::temp_dir().join(format!("cnnc-constant-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("c.pb");
    let mut yes = weights("c", &[], &[]);
    (yes.data_type, yes.raw_data) = (BOOL, vec![1]);
    std::fs::write(&file, onnx_protobuf::Message::write_to_bytes(&yes).unwrap()).unwrap();
    let options = Options { constants: vec![("c".into(), file.clone())], ..Options::default() };
    let imported = import(&Source::bytes(bytes(&branch())), &options).unwrap();
    assert_eq!(imported.files, std::slice::from_ref(&file));
    let names: Vec<_> = imported.graph.order().unwrap();
    assert!(
        names
            .iter()
            .all(|&n| imported.graph.node(n).name != "c" || imported.graph.operator(n).is_none())
    );
    let value = run_with(&branch(), &options, &[f32s(&[2.0, 3.0])]).unwrap();
    assert_eq!(value, [f32s(&[6.0, 12.0])]);

    let wrong = |name: &str| {
        let options =
            Options { constants: vec![(name.into(), file.clone())], ..Options::default() };
        run_with(&branch(), &options, &[]).unwrap_err()
    };
    assert_eq!(wrong("d").kind(), ErrorKind::Option);
    assert!(wrong("x").to_string().contains("`x` is f32[2], which cannot be bool[]"));
    std::fs::remove_dir_all(folder).unwrap();
}

/// `s = s + x` and a scan of `s`, `n` times or while `keep`.
fn summing(count: Option<&[u8]>, condition: &[&str]) -> ModelProto {
    let mut nodes =
        vec![node("Add", "add", &["s", "x"], &["next"]), node("Identity", "", &["next"], &["out"])];
    if condition.is_empty() {
        nodes.push(node("Identity", "", &["keep_in"], &["keep"]));
    } else {
        nodes.push(node(condition[0], "", &["next", "most"], &["each"]));
        nodes.push(node("Squeeze", "", &["each"], &["keep"]));
    }
    let body = body(&["step", "keep_in", "s"], nodes, &["keep", "next", "out"]);
    let count_name = if count.is_some() { "n" } else { "" };
    let repeat = node("Loop", "loop", &[count_name, "", "x"], &["last", "all"]);
    let mut model = network(
        &[("x", FLOAT, &["1"]), ("most", FLOAT, &["1"])],
        vec![with_bodies(repeat, vec![("body", body)])],
        &["last", "all"],
    );
    if let Some(count) = count {
        let mut number = weights("n", &[], &[]);
        (number.data_type, number.raw_data) = (INT, count.to_vec());
        model.graph.mut_or_insert_default().initializer.push(number);
    }
    model
}

#[test]
fn a_loop_is_unrolled() {
    let found = run(&summing(Some(&3i64.to_le_bytes()), &[]), &[f32s(&[1.5]), f32s(&[0.0])]);
    assert_eq!(found[0], f32s(&[6.0]));
    assert_eq!(found[1], Tensor::new(&[3, 1], vec![3.0f32, 4.5, 6.0]).unwrap());
    let none = run(&summing(Some(&(-1i64).to_le_bytes()), &[]), &[f32s(&[1.5]), f32s(&[0.0])]);
    assert_eq!((&none[0], none[1].shape()), (&f32s(&[1.5]), &[0, 1][..]));
}

#[test]
fn a_body_is_read_once_and_bounded() {
    let found = refused(&summing(Some(&1_000_000i64.to_le_bytes()), &[]));
    assert!(found.contains("become more than 65536 nodes"), "{found}");
    let found = refused(&summing(None, &[]));
    assert!(found.contains("become more than 65536 nodes"), "{found}");
}

#[test]
fn slices_are_scanned() {
    let nodes =
        vec![node("Add", "", &["s", "v"], &["next"]), node("Mul", "", &["v", "v"], &["out"])];
    let body = body(&["s", "v"], nodes, &["next", "out"]);
    let scan =
        with_bodies(node("Scan", "scan", &["s", "x"], &["last", "all"]), vec![("body", body)]);
    let scan = with_int(scan, "num_scan_inputs", 1);
    let scan = with_ints(scan, "scan_input_axes", &[1]);
    let scan = with_ints(scan, "scan_output_axes", &[-1]);
    let scan = with_ints(scan, "scan_output_directions", &[1]);
    let inputs: [(&str, i32, &[&str]); 2] = [("s", FLOAT, &["2"]), ("x", FLOAT, &["2", "3"])];
    let model = network(&inputs, vec![scan], &["last", "all"]);
    let x = Tensor::new(&[2, 3], vec![1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
    let found = run(&model, &[f32s(&[10.0, 20.0]), x]);
    assert_eq!(found[0], f32s(&[16.0, 35.0]));
    let squares = vec![9.0f32, 4.0, 1.0, 36.0, 25.0, 16.0];
    assert_eq!(found[1], Tensor::new(&[2, 3], squares).unwrap());
}

/// `y = leaky(x, alpha) + bias`, where there is a bias; `alpha` may be given.
fn function(calls: Vec<NodeProto>) -> ModelProto {
    let mut leaky = node("LeakyRelu", "", &["x"], &["leaky"]);
    let mut referring = attribute("alpha", AttributeType::FLOAT);
    referring.ref_attr_name = "slope".into();
    leaky.attribute.push(referring);
    let mut slope = attribute("slope", AttributeType::FLOAT);
    slope.f = 0.5;
    let function = FunctionProto {
        name: "Biased".into(),
        domain: "toys".into(),
        input: vec!["x".into(), "bias".into()],
        output: vec!["y".into()],
        attribute_proto: vec![slope],
        node: vec![leaky, node("Max", "", &["leaky", "bias"], &["y"])],
        opset_import: vec![opset("", 13)],
        ..Default::default()
    };
    let mut model = network(&[("x", FLOAT, &["2"])], calls, &["y"]);
    model.functions.push(function);
    model
}

fn call(inputs: &[&str], output: &str) -> NodeProto {
    let mut call = node("Biased", output, inputs, &[output]);
    call.domain = "toys".into();
    call
}

#[test]
fn functions_are_expanded() {
    let mut second = call(&["y1", "x"], "y");
    let mut slope = attribute("slope", AttributeType::FLOAT);
    slope.f = 2.0;
    second.attribute.push(slope);
    let model = function(vec![call(&["x", "x"], "y1"), second]);
    let imported = import(&Source::bytes(bytes(&model)), &Options::default()).unwrap();
    let counts: Vec<_> = imported.operators.iter().map(|(n, c)| (n.as_str(), *c)).collect();
    assert_eq!(counts, [("LeakyRelu", 1), ("Max", 1)]);
    // Half of -4 is more than -4; twice that is not.
    assert_eq!(run(&model, &[f32s(&[-4.0, 3.0])]), [f32s(&[-4.0, 3.0])]);
    let once = function(vec![call(&["x", "x"], "y")]);
    assert_eq!(run(&once, &[f32s(&[-4.0, 3.0])]), [f32s(&[-2.0, 3.0])]);
}

#[test]
fn wrong_calls_are_refused() {
    let found = refused(&function(vec![call(&["x", "x", "x"], "y")]));
    assert!(found.contains("node `y` (toys.Biased): expected at most 2 operands"), "{found}");
    let unknown = with_int(call(&["x", "x"], "y"), "other", 1);
    assert!(refused(&function(vec![unknown])).contains("no attribute `other`"));
    let mut twice = function(vec![call(&["x"], "y")]);
    twice.functions.push(twice.functions[0].clone());
    assert!(refused(&twice).contains("`Biased` is defined twice"));
    let mut recursive = function(vec![call(&["x", "x"], "y")]);
    recursive.functions[0].node[1] = call(&["leaky", "bias"], "y");
    assert!(refused(&recursive).contains("`Biased` calls itself"));
    let mut einsum = function(vec![call(&["x", "x"], "y")]);
    einsum.functions[0].node[1].op_type = "NoSuch".into();
    assert_eq!(refused(&einsum), "the operator `NoSuch` (1) is not supported");
}

#[test]
fn functions_may_not_explode() {
    let mut model = function(vec![call(&["x", "x"], "y")]);
    for level in 0..30 {
        let mut next = model.functions[0].clone();
        next.name = format!("Level{level}");
        next.node = vec![call(&["x", "bias"], "a"), call(&["a", "a"], "y")];
        for node in &mut next.node {
            node.op_type = if level == 0 { "Biased".into() } else { format!("Level{}", level - 1) };
        }
        model.functions.push(next);
    }
    model.graph.mut_or_insert_default().node[0].op_type = "Level29".into();
    assert!(refused(&model).contains("more than 65536 nodes"), "{}", refused(&model));
}

#[test]
fn names_inside_are_checked() {
    let with = |then: GraphProto| {
        let branch = node("If", "i", &["c"], &["y"]);
        let branch =
            with_bodies(branch, vec![("then_branch", then.clone()), ("else_branch", then)]);
        refused(&network(&[("x", FLOAT, &["2"]), ("c", BOOL, &[])], vec![branch], &["y"]))
    };
    let unknown = with(body(&[], vec![node("Relu", "r", &["lost"], &["t"])], &["t"]));
    assert!(unknown.contains("a value that its body reads is `lost`, which nothing"), "{unknown}");
    let circle = with(body(&[], vec![node("Relu", "r", &["t"], &["t"])], &["t"]));
    assert!(circle.contains("node `r` (Relu): this node depends on its own output"), "{circle}");
    let missing = with(body(&["z"], vec![node("Relu", "r", &["z"], &["t"])], &["t"]));
    assert!(missing.contains("should have 0 inputs, but has 1"), "{missing}");
    let own = with(body(&[], vec![node("Relu", "r", &["y"], &["t"])], &["t"]));
    assert!(own.contains("node `i` (If): this node depends on its own output"), "{own}");
}

#[test]
fn bounds_must_be_of_use() {
    let with = |bounds: &[(&str, usize)]| {
        let bounds = bounds.iter().map(|&(name, most)| (name.to_owned(), most)).collect();
        let options = Options { bounds, ..Options::default() };
        run_with(&branch(), &options, &[f32s(&[0.0; 2]), Tensor::scalar(true)])
    };
    let unused = with(&[("m", 3)]).unwrap_err();
    assert_eq!(unused.kind(), ErrorKind::Option);
    assert!(unused.to_string().contains("nothing that is called `m`"), "{unused}");
    assert!(with(&[("y", 3), ("y", 4)]).unwrap_err().to_string().contains("two bounds"));
    // The size of the result is 2 or 4; no more than three were promised.
    assert_eq!(with(&[("y", 3)]).unwrap(), [f32s(&[0.0, 0.0])]);
}

#[test]
fn a_loop_without_a_count_needs_a_bound() {
    let model = summing(None, &["Less"]);
    let import = |bounds: Vec<(String, usize)>| {
        import(&Source::bytes(bytes(&model)), &Options { bounds, ..Options::default() })
    };
    let error = import(Vec::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unpinned);
    assert!(error.to_string().contains("how often this loop runs"), "{error}");
    assert!(error.to_string().contains("--bound last=N"), "{error}");
    let options = Options { bounds: vec![("loop".into(), 4)], ..Options::default() };
    let run = |most: f32| run_with(&model, &options, &[f32s(&[1.0]), f32s(&[most])]);
    let found = run(3.5).unwrap();
    assert_eq!(found[0], f32s(&[4.0]));
    assert_eq!(found[1].data(), &Data::F32(vec![2.0, 3.0, 4.0]));
    let error = run(10.0).unwrap_err().to_string();
    assert!(error.contains("more often than it was compiled for"), "{error}");
}

#[test]
fn flipped_bits_do_no_harm() {
    let three = 3i64.to_le_bytes();
    let models = [
        branch(),
        summing(Some(&three), &[]),
        function(vec![call(&["x"], "b"), call(&["b"], "y")]),
    ];
    for (model, step) in models.iter().zip([1, 11, 1]) {
        let whole = bytes(model);
        let positions = (0..whole.len()).step_by(step);
        for (position, bit) in positions.flat_map(|p| (0..8).map(move |bit| (p, bit))) {
            let mut broken = whole.clone();
            broken[position] ^= 1 << bit;
            if let Err(error) = import(&Source::bytes(broken), &Options::default()) {
                assert_ne!(error.kind(), ErrorKind::Internal, "{error}");
            }
        }
    }
}
