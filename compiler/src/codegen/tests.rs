//! Snapshots of generated source. After a change that is meant,
//! `INSTA_UPDATE=always cargo test -p cnnc codegen` writes them anew; read the
//! difference before it is committed.

use super::{About, WeightsLocation, WeightsMode, format, module};
use crate::plan::testing::{compiled, conv};
use crate::step;

/// The module of a network that is written as text.
fn source(text: &str, model: &str, mode: WeightsMode) -> String {
    let mut plan = compiled(text);
    let content = step::seal(&mut plan.weights);
    let about = About {
        model: model.into(),
        producer: "a test".into(),
        parameters: 1234,
        content,
        weight_bytes: plan.weights.len() * 4,
        mode,
    };
    let location = WeightsLocation::OutDir(format!("{model}.weights"));
    format(&module(&plan, &[], &about, &location).unwrap()).unwrap()
}

/// A convolution, a residual block, pooling, a concatenation and a classifier.
fn classifier() -> String {
    format!(
        "data = input f32[1,3,8,8]
         {}first.r = Relu(first)
         {}{}sum = Add(second, first.r)
         sum.r = Relu(sum)
         pool = MaxPool(sum.r) {{ kernel_shape = [2, 2], strides = [2, 2] }}
         {}joined = Concat(branch, pool) {{ axis = 1 }}
         mean = GlobalAveragePool(joined)
         flat = Flatten(mean)
         fc.w = constant f32[10,24] random(1)
         fc.b = constant f32[10] random(2)
         fc = Gemm(flat, fc.w, fc.b) {{ transB = 1 }}
         probabilities = Softmax(fc) {{ axis = 1 }}
         output probabilities",
        conv("first", "data", [16, 3, 3]),
        conv("middle", "first.r", [8, 16, 3]),
        conv("second", "middle", [16, 8, 1]),
        conv("branch", "pool", [8, 16, 1]),
    )
}

/// Two inputs and two outputs; the names of all are no identifiers.
const TWO_AND_TWO: &str = "1.left = input f32[2,3]
    fn = input f32[2,3]
    sum = Add(1.left, fn)
    product = Mul(1.left, fn)
    output \"the sum\" = sum
    output \"\\\"; loop {} //\" = product";

#[test]
fn a_classifier() {
    insta::assert_snapshot!(source(&classifier(), "classifier", WeightsMode::Embed));
}

#[test]
fn two_inputs_and_two_outputs() {
    insta::assert_snapshot!(source(TWO_AND_TWO, "two and two", WeightsMode::Bytes));
}

#[test]
fn modes_differ_in_how_weights_are_found_only() {
    let [embed, file, bytes] = [WeightsMode::Embed, WeightsMode::File, WeightsMode::Bytes]
        .map(|mode| source(&classifier(), "The Net", mode));
    assert!(embed.contains("::cnnc_runtime::embed_weights!("));
    assert!(embed.contains("concat!(::core::env!(\"OUT_DIR\"), \"/The Net.weights\")"));
    assert!(file.contains("beside_program(\"the_net.weights\")"));
    for other in [&file, &bytes] {
        assert!(!other.contains("OUT_DIR") && !other.contains("embed_weights"));
    }
    assert!(!bytes.contains("pub fn new"));
    let steps = |source: &str| source[source.find("mod steps").unwrap()..].to_owned();
    assert!(steps(&embed).starts_with(&steps(&file)));
    assert_eq!(steps(&file), steps(&bytes));
}

#[test]
fn generated_source_has_no_unsafe_code() {
    for mode in [WeightsMode::Embed, WeightsMode::File, WeightsMode::Bytes] {
        for source in [source(&classifier(), "m", mode), source(TWO_AND_TWO, "m", mode)] {
            let tokens: proc_macro2::TokenStream = source.parse().unwrap();
            assert!(!has_word(tokens, "unsafe"), "{source}");
        }
    }
}

/// Whether a word is code somewhere: no part of a string or a comment.
fn has_word(tokens: proc_macro2::TokenStream, word: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        proc_macro2::TokenTree::Group(group) => has_word(group.stream(), word),
        proc_macro2::TokenTree::Ident(ident) => ident == word,
        proc_macro2::TokenTree::Punct(_) | proc_macro2::TokenTree::Literal(_) => false,
    })
}

#[test]
fn names_of_a_file_stay_between_quotation_marks() {
    let source = source(TWO_AND_TWO, "m", WeightsMode::Bytes);
    let tokens: proc_macro2::TokenStream = source.parse().unwrap();
    assert!(!has_word(tokens, "loop"), "{source}");
}
