//! Weights inside a program, of a crate that forbids `unsafe` itself.
#![forbid(unsafe_code)]

use cnnc_runtime::step::{Plain, read_header};
use cnnc_runtime::{Engine, Weights};

/// The same file twice in one module, and so in one unit of code: as where a
/// program includes one network in two places.
mod weights {
    cnnc_runtime::embed_weights!(
        ONCE,
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/two.weights"),
        "cnnc_runtime_test_two",
        72
    );
    cnnc_runtime::embed_weights!(
        TWICE,
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/two.weights"),
        "cnnc_runtime_test_two",
        72
    );
}

fn embedded() -> [Weights; 2] {
    [weights::ONCE.weights(), weights::TWICE.weights()]
}

#[test]
fn the_file_is_in_the_program() {
    for weights in embedded() {
        let bytes = weights.as_bytes();
        assert_eq!(bytes.len(), 72);
        assert_eq!(bytes[64..], [0, 0, 128, 63, 0, 0, 0, 64], "1.0 and 2.0");
        assert!(bytes.as_ptr().addr().is_multiple_of(64));
    }
}

#[cfg(not(windows))]
#[test]
fn two_uses_of_a_file_share_its_bytes() {
    let [once, twice] = embedded();
    assert_eq!(once.as_bytes().as_ptr(), twice.as_bytes().as_ptr());
}

#[test]
#[should_panic(expected = "rename the folder")]
fn a_path_that_the_assembler_misreads_is_refused() {
    cnnc_runtime::require_assembler_path("/home/me/a b/ü.weights");
    cnnc_runtime::require_assembler_path("/home/me/say \"hello\".weights");
}

#[test]
fn an_engine_takes_only_its_own() {
    let [weights, _] = embedded();
    let header = read_header(weights.as_bytes()).unwrap();
    let engine = Engine::new(weights.clone(), 100, 72, header.content).unwrap();
    assert_eq!((engine.arena_bytes(), engine.weight_bytes()), (128, 72));
    assert_eq!(engine.read::<f32>(&Plain { offset: 64, len: 2 }), [0.0, 0.0]);
    let error = Engine::new(weights, 100, 72, header.content + 1).unwrap_err();
    assert!(error.to_string().contains("another network"), "{error}");
}
