//! All passes together: blocks of well-known networks, and the driver.

use super::patch::Patch;
use super::pattern::output;
use super::testing::{graph, norm, same_results, text};
use super::{Miss, PIPELINE, Pass, PassOptions, PassReport, names, run};
use crate::ErrorKind;
use crate::ops::Graph;

/// Runs all passes, checks that the results stay the same, and returns the
/// operators that are left.
#[track_caller]
fn optimised(before: &str) -> (String, Vec<PassReport>) {
    let mut after = graph(before);
    let reports = run(&mut after, &PassOptions::default()).unwrap();
    same_results(&graph(before), &after);
    (operators(&after), reports)
}

/// The lines of a graph that compute something, without types, attributes that
/// say nothing, and what is computed before.
fn operators(graph: &Graph) -> String {
    let boring = ["dilations = [1, 1], ", "group = 1, ", "pads = [0, 0, 0, 0], "];
    let lines = text(graph);
    let lines = lines.lines().filter(|line| line.contains(") "));
    let lines = lines.map(|line| {
        let line = line.split(" -> ").next().unwrap_or_default();
        let line = boring.iter().fold(line.to_owned(), |line, boring| line.replace(boring, ""));
        line.replace("strides = [1, 1]", "").replace("{  }", "").replace(",  }", " }")
    });
    lines.map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_residual_block_is_three_convolutions() {
    let block = format!(
        "x = input f32[1,4,6,6]
         w1 = constant f32[8,4,3,3] random(1)
         conv1 = Conv(x, w1) {{ pads = [1, 1, 1, 1], strides = [2, 2] }}
         {}relu1 = Relu(bn1)
         w2 = constant f32[8,8,3,3] random(3)
         conv2 = Conv(relu1, w2) {{ pads = [1, 1, 1, 1] }}
         {}w3 = constant f32[8,4,1,1] random(5)
         down = Conv(x, w3) {{ strides = [2, 2] }}
         {}sum = Add(bn2, bn3)
         relu2 = Relu(sum)
         output relu2",
        norm("bn1", "conv1", 8, 2),
        norm("bn2", "conv2", 8, 4),
        norm("bn3", "down", 8, 6),
    );
    let (operators, reports) = optimised(&block);
    assert_eq!(
        operators,
        "conv1 = Conv(x, conv1.weights, conv1.bias) { activation = \"Relu\", pads = [1, 1, 1, 1], strides = [2, 2] }
conv2 = Conv(conv1, conv2.weights, conv2.bias) { pads = [1, 1, 1, 1] }
down = Conv(x, down.weights, down.bias, conv2) { activation = \"Relu\", residual = \"before\", strides = [2, 2] }"
    );
    let fused = reports.iter().find(|report| report.pass == "fuse-residual").unwrap();
    assert_eq!(fused.rewrites.len(), 1);
    assert!(reports.iter().all(|report| report.refusals.is_empty()));
}

#[test]
fn a_dense_layer_prepares_its_input_while_it_loads() {
    let layer = format!(
        "x = input f32[1,4,6,6]
         y = input f32[1,4,6,6]
         cat = Concat(x, y) {{ axis = 1 }}
         {}relu1 = Relu(bn1)
         w1 = constant f32[8,8,1,1] random(1)
         conv1 = Conv(relu1, w1)
         {}relu2 = Relu(bn2)
         w2 = constant f32[4,8,3,3] random(3)
         conv2 = Conv(relu2, w2) {{ pads = [1, 1, 1, 1] }}
         cat2 = Concat(x, y, conv2) {{ axis = 1 }}
         output cat2",
        norm("bn1", "cat", 8, 2),
        norm("bn2", "conv1", 8, 4),
    );
    let (operators, _) = optimised(&layer);
    assert_eq!(
        operators,
        "cat = Concat(x, y) { axis = 1 }
conv1 = Conv(cat, conv1.weights, conv1.bias, _, _, bn1.scale, bn1.shift) { activation = \"Relu\", prologue = \"Relu\" }
conv2 = Conv(conv1, w2) { pads = [1, 1, 1, 1] }
cat2 = Concat(x, y, conv2) { axis = 1 }"
    );
}

#[test]
fn a_mobile_block_is_three_convolutions() {
    let block = format!(
        "x = input f32[1,4,6,6]
         w1 = constant f32[8,4,1,1] random(1)
         expand = Conv(x, w1)
         {}relu1 = Clip(bn1) {{ min = 0.0, max = 6.0 }}
         w2 = constant f32[8,1,3,3] random(3)
         depthwise = Conv(relu1, w2) {{ group = 8, pads = [1, 1, 1, 1] }}
         {}relu2 = Clip(bn2) {{ min = 0.0, max = 6.0 }}
         w3 = constant f32[4,8,1,1] random(5)
         project = Conv(relu2, w3)
         {}sum = Add(x, bn3)
         pool = ReduceMean(sum) {{ axes = [2, 3], keepdims = 0 }}
         drop = Dropout(pool)
         w4 = constant f32[4,3] random(7)
         b4 = constant f32[3] random(8)
         product = MatMul(drop, w4)
         fc = Add(product, b4)
         output fc",
        norm("bn1", "expand", 8, 2),
        norm("bn2", "depthwise", 8, 4),
        norm("bn3", "project", 4, 6),
    );
    let (operators, _) = optimised(&block);
    let relu6 = "activation = \"Clip(0.0, 6.0)\"";
    let clip = format!("{{ {relu6} }}");
    let pads = "pads = [1, 1, 1, 1]";
    assert_eq!(
        operators.replace("%10", "%a").replace("%11", "%b"),
        format!(
            "expand = Conv(x, expand.weights, expand.bias) {clip}
depthwise = Conv(expand, depthwise.weights, depthwise.bias) {{ {relu6}, group = 8, {pads} }}
project = Conv(depthwise, project.weights, project.bias, x) {{ residual = \"before\" }}
%a = GlobalAveragePool(project)
%b = Reshape(%a) {{ shape = [1, 4] }}
product = Gemm(%b, product.weights, product.bias) {{ alpha = 1.0, beta = 1.0, transA = 0, transB = 1 }}"
        )
    );
}

#[test]
fn a_fire_module_is_three_convolutions_and_a_concatenation() {
    let (operators, _) = optimised(
        "x = input f32[1,4,5,5]
         w1 = constant f32[2,4,1,1] random(1)
         b1 = constant f32[2] random(2)
         squeeze = Conv(x, w1, b1)
         relu1 = Relu(squeeze)
         w2 = constant f32[4,2,1,1] random(3)
         small = Conv(relu1, w2)
         relu2 = Relu(small)
         w3 = constant f32[4,2,3,3] random(4)
         large = Conv(relu1, w3) { pads = [1, 1, 1, 1] }
         relu3 = Relu(large)
         cat = Concat(relu2, relu3) { axis = 1 }
         output cat",
    );
    assert_eq!(
        operators,
        "squeeze = Conv(x, w1, b1) { activation = \"Relu\" }
small = Conv(squeeze, w2) { activation = \"Relu\" }
large = Conv(squeeze, w3) { activation = \"Relu\", pads = [1, 1, 1, 1] }
cat = Concat(small, large) { axis = 1 }"
    );
}

#[test]
fn every_pass_has_a_name_of_its_own_and_says_what_it_does() {
    let mut seen = std::collections::BTreeSet::new();
    for pass in &PIPELINE[..PIPELINE.len() - 1] {
        assert!(seen.insert(pass.name));
        assert!(pass.about.ends_with('.') && pass.about.matches(". ").count() == 0);
    }
}

#[test]
fn passes_stop_where_they_are_told() {
    let mut network = graph("x = input f32[2]\ny = Identity(x)\nz = Relu(y)\noutput z");
    let options = |name: &str| PassOptions { stop_after: Some(name.to_owned()) };
    let reports = run(&mut network, &options("fold-constants")).unwrap();
    let ran: Vec<_> = reports.iter().map(|report| report.pass).collect();
    assert_eq!(ran, ["remove-unused", "fold-constants"]);
    assert_eq!(network.len(), 3);
    let error = run(&mut network, &options("nonsense")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Option);
    assert!(error.to_string().contains("there is no pass `nonsense`"));
    assert!(names().all(|name| error.to_string().contains(name)));
}

#[test]
fn unused_nodes_are_removed_and_reported() {
    let mut network = graph("x = input f32[2]\nunused = Neg(x)\nz = Relu(x)\noutput z");
    let reports = run(&mut network, &PassOptions::default()).unwrap();
    assert_eq!(reports[0].rewrites[0].nodes, ["unused"]);
    assert_eq!(network.len(), 2);
}

/// A pass of one rule.
const fn pass(rule: &'static [super::Rule]) -> Pass {
    Pass { name: "do-harm", about: "Does harm.", rules: rule, sweeps: false }
}

#[test]
fn a_pass_that_breaks_the_graph_is_named() {
    let error = |pass: Pass| {
        let mut network = graph("x = input f32[2,1]\ny = Reshape(x) { shape = [2] }\noutput y");
        let error = pass.run(&mut network).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        error.to_string()
    };
    let restless = pass(&[|_, node| Ok(Patch::new(&[node], "nothing"))]);
    assert_eq!(error(restless), "pass `do-harm` does not come to rest");
    let mistyped = pass(&[|graph, node| {
        let x = graph.operand(node, 0).ok_or(Miss::NoPattern)?;
        Ok(Patch::bypass(node, x, "removed"))
    }]);
    let message = "pass `do-harm` broke the graph: node `y`: f32[2] was to be replaced by f32[2,1]";
    assert!(error(mistyped).starts_with(message));
    let circular = pass(&[|graph, node| {
        let operator = graph.operator(node).ok_or(Miss::NoPattern)?.clone();
        let itself = output(node).into();
        Ok(Patch::operator_for(&[node], "turned on itself", operator, vec![Some(itself)]))
    }]);
    assert!(error(circular).contains("this node depends on its own output"));
}
