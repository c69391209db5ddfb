//! `cnnc inspect`.

use crate::{MNIST, cnnc, fresh_folder, has, model_of, succeeds, text};
use onnx_protobuf::tensor_proto::DataType;
use std::collections::BTreeSet;
use std::fs;

#[test]
fn the_model_the_passes_and_the_plan_are_shown() {
    let output = succeeds(&["inspect", MNIST]);
    let sections = [
        "network `CNTKGraph`",
        "operator set 8",
        "input  Input3: f32[1,1,28,28]",
        "output Plus214_Output_0: f32[1,10]",
        "million parameters",
        "multiply-adds",
        "operators: ",
        "\npasses\n",
        "\nfold-constants: ",
        "\nplan: ",
        "\nnode ",
        "\narena: ",
    ];
    // Each once, in this order.
    let mut rest = output.as_str();
    for section in sections {
        let (_, after) = rest
            .split_once(section)
            .unwrap_or_else(|| panic!("`{section}` is not there, or in another order:\n{output}"));
        rest = after;
    }
    has(&output, &["Conv 2", "  + ", "first-layer convolution", "pooling", "at byte"]);
}

#[test]
fn what_is_known_is_shown_where_there_is_no_plan() {
    let model = model_of("Abs", DataType::INT64, &[1; 9], &fresh_folder("no plan"));
    let ran = cnnc(&["inspect", text(&model)]);
    assert_eq!(ran.status, 2);
    has(&ran.output, &["operators: Abs 1", "\npasses\n"]);
    has(&ran.error, &["the node", "more than 8 dimensions", "model.onnx"]);
}

#[test]
fn the_picture_is_a_graph_before_and_after() {
    let path = fresh_folder("picture").join("graph.dot");
    succeeds(&["inspect", MNIST, "--dot", text(&path)]);
    let document = fs::read_to_string(path).unwrap();
    let Outside { braces, lines } = outside_quotes(&document);
    assert_eq!(braces, 0);
    assert!(document.starts_with("digraph {"));
    for cluster in ["before", "after"] {
        has(&document, &[&format!("subgraph \"cluster_{cluster}\" {{")]);
        has(&document, &[&format!("label = \"{cluster}\";")]);
        has(&document, &[&format!("\"{cluster} output Plus214_Output_0\"")]);
    }
    // Both ends of every arrow are declared.
    let mut declared = BTreeSet::new();
    let mut arrows = 0;
    for line in &lines {
        if let Some((from, to)) = line.split_once(" -> ") {
            assert!(declared.contains(from), "{line}");
            assert!(declared.contains(to.trim_end_matches(';')), "{line}");
            arrows += 1;
        } else if let Some((node, _)) = line.split_once(" [shape") {
            assert!(declared.insert(node), "{node} is there twice");
        }
    }
    let of = |cluster: &str| declared.iter().filter(|node| node[1..].starts_with(cluster)).count();
    assert!(arrows > 10);
    assert!(of("after") < of("before"), "the passes fold nodes");
}

/// A document of Graphviz: its lines, and how many braces stay open.
struct Outside<'a> {
    braces: isize,
    lines: Vec<&'a str>,
}

fn outside_quotes(document: &str) -> Outside<'_> {
    let (mut braces, mut quoted, mut escaped) = (0, false, false);
    for character in document.chars() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '{' if !quoted => braces += 1,
            '}' if !quoted => braces -= 1,
            _ => {}
        }
        assert!(braces >= 0);
    }
    assert!(!quoted);
    Outside { braces, lines: document.lines().map(str::trim).collect() }
}
