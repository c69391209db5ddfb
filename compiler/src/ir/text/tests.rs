use super::{outline, parse, print};
use crate::ops::Graph;

/// Parses and prints.
fn round(text: &str) -> String {
    print(&parse::<crate::ops::Op>(text).unwrap()).unwrap()
}

fn error(text: &str) -> String {
    parse::<crate::ops::Op>(text).unwrap_err().to_string()
}

#[test]
fn what_is_printed_reads_back_as_the_same() {
    let text = r#"graph example
x = input f32[1,4,8,8]
b = constant f32[4] [0, 0.5, -1e-7, inf]
i = constant i64[2] [-3, 4]
t = constant bool[2,1] [true, false]
z = constant f32[4,5] fill(0.25)
/layer1/split = Identity(x) -> f32[1,4,8,8]
s, s:1 = Split(/layer1/split) { axis = 1, split = [1, 3] } -> f32[1,1,8,8], f32[1,3,8,8]
both = Concat(s:1, s) { axis = 1 } -> f32[1,4,8,8]
output both
output "the rest" = s:1
"#;
    assert_eq!(round(text), text);
}

#[test]
fn names_that_are_no_words_or_not_unique_become_numbers() {
    let mut graph = Graph::new("a \"graph\"\n");
    let x = graph.add_input("x", crate::ir::TensorType::f32(&[2]));
    let operator = || crate::ops::Op::from(crate::ops::Identity);
    let y = graph.add_operator("same", operator(), &[Some(x)]).unwrap();
    let z = graph.add_operator("same", operator(), &[Some(y)]).unwrap();
    let w = graph.add_operator("a name", operator(), &[Some(z)]).unwrap();
    graph.add_output("output", w);
    let text = "graph \"a \\\"graph\\\"\\u{a}\"\n\
                x = input f32[2]\n\
                %1 = Identity(x) -> f32[2]\n\
                %2 = Identity(%1) -> f32[2]\n\
                %3 = Identity(%2) -> f32[2]\n\
                output \"output\" = %3\n";
    assert_eq!(print(&graph).unwrap(), text);
    assert_eq!(round(text), text);
}

#[test]
fn large_constants_compare_by_their_values() {
    let constant = |values: &str| round(&format!("c = constant f32[5,4] {values}\noutput c"));
    assert_eq!(constant("random(1)"), constant("random(1, -1, 1)"));
    assert_ne!(constant("random(1)"), constant("random(2)"));
    assert!(constant("random(1)").contains("c = constant f32[5,4] hash("));
    let graph = parse::<crate::ops::Op>("c = constant f32[5,4] random(1)\noutput c").unwrap();
    assert!(outline(&graph).unwrap().contains("c = constant f32[5,4] ..\n"));
    assert!(error(&constant("random(1)")).contains("values of this constant are not written"));
}

#[test]
fn sizes_that_are_known_at_run_time_are_bounded() {
    let text = "graph g\nx = input f32[boxes<=300,4]\noutput x\n";
    assert_eq!(round(text), text);
}

#[test]
fn comments_and_missing_types_are_fine() {
    let text = "# a comment\n\nx = input f32[2] # another\ny = Identity(x)\noutput y";
    assert_eq!(round(text), "graph \"\"\nx = input f32[2]\ny = Identity(x) -> f32[2]\noutput y\n");
}

#[test]
fn errors_name_the_line_and_what_is_wrong() {
    assert_eq!(error("\nx input f32[2]"), "line 2: expected `=`, found `input f32[2]`");
    assert!(error("y = Identity(x)").contains("line 1: nothing before is called `x`"));
    assert!(error("x = input f32[2]\nx = Identity(x)").contains("`x` is there twice"));
    assert!(error("x = input f32[2]\ny = Identity(x) -> f32[3]").contains("f32[2], but f32[3]"));
    assert!(error("x = input f16[2]").contains("`f16` is no element type"));
    assert!(error("c = constant i8[2] [1, 300]").contains("`300` is no value of this type"));
    assert!(error("c = constant i8[2] [1]").contains("needs 2 values, found 1"));
    assert!(error("x = input f32[2]\ny = Nonsense(x)").contains("not supported"));
    assert!(error("x = input f32[2] y").contains("expected the end of the line"));
}
