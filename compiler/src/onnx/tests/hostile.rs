//! Broken bytes: whatever they are, the answer is a model or an error.

use super::fixture::*;
use crate::onnx::read_tensor;
use onnx_protobuf::Message;
use onnx_protobuf::attribute_proto::AttributeType;

const PINNED: [usize; 2] = [4, 5];

/// Imports bytes that may be anything; returns whether they are a model.
fn survives(bytes: Vec<u8>) -> bool {
    match read(bytes, &[("n".into(), PINNED.to_vec())]) {
        Ok(imported) => {
            crate::ir::verify(&imported.graph).unwrap();
            true
        }
        Err(error) => {
            let message = error.to_string();
            assert_ne!(error.kind(), crate::ErrorKind::Internal, "{message}");
            assert!(message.len() < 5000, "{message}");
            false
        }
    }
}

#[test]
fn truncated_files_are_refused() {
    let whole = bytes(&rich());
    assert!(survives(whole.clone()));
    for length in 0..whole.len() {
        // A file may end between two fields; the graph is the last one here,
        // so that without it there is no model.
        let _ = survives(whole[..length].to_vec());
    }
    // The graph is nearly all of the file: a cut inside is noticed.
    let cut = read(whole[..whole.len() / 2].to_vec(), &[]).unwrap_err().to_string();
    assert!(cut.contains("truncated or corrupt"), "{cut}");
}

#[test]
fn flipped_bits_do_no_harm() {
    let whole = bytes(&rich());
    for position in 0..whole.len() {
        for bit in 0..8 {
            let mut broken = whole.clone();
            broken[position] ^= 1 << bit;
            let _ = survives(broken);
        }
    }
}

#[test]
fn random_changes_do_no_harm() {
    let whole = bytes(&rich());
    // Marsaglia, "Xorshift RNGs" (2003).
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) as usize % below
    };
    for _ in 0..5000 {
        let mut broken = whole.clone();
        for _ in 0..=random(4) {
            let at = random(broken.len());
            match random(4) {
                0 => broken[at] = random(256) as u8,
                1 => broken.insert(at, random(256) as u8),
                2 => {
                    broken.remove(at);
                }
                _ => {
                    let piece = broken[at..(at + random(20)).min(broken.len())].to_vec();
                    let place = random(broken.len());
                    broken.splice(place..place, piece);
                }
            }
        }
        let _ = survives(broken);
    }
}

#[test]
fn broken_tensors_do_no_harm() {
    let whole = weights("t", &[2, 3], &[1.5; 6]).write_to_bytes().unwrap();
    assert!(read_tensor(&whole).is_ok());
    for position in 0..whole.len() {
        let _ = read_tensor(&whole[..position]);
        for bit in 0..8 {
            let mut broken = whole.clone();
            broken[position] ^= 1 << bit;
            let _ = read_tensor(&broken);
        }
    }
}

#[test]
fn other_files_are_recognised() {
    let message = |bytes: &[u8]| read(bytes.to_vec(), &[]).unwrap_err().to_string();
    assert_eq!(message(b""), "the file is empty");
    assert!(message(b"<!DOCTYPE html><html></html>").contains("web page"));
    assert!(message(b"version https://git-lfs.github.com/spec/v1\n").contains("git lfs pull"));
    assert!(!message(b"PK\x03\x04 some archive").is_empty());
    // A message without anything is a model without a network.
    assert_eq!(message(&[0x08, 0x08]), "there is no network in this file");
}

/// A graph in an attribute of a node of a graph, and so on.
#[test]
fn subgraphs_may_not_nest_without_end() {
    let nested = |levels: usize| {
        let mut inner = graph(vec![]);
        for _ in 0..levels {
            let mut outer = node("Pass", "p", &["x"], &["y"]);
            let mut body = attribute("body", AttributeType::GRAPH);
            body.g = Some(inner).into();
            outer.attribute.push(body);
            inner = graph(vec![outer]);
        }
        bytes(&model(inner))
    };
    let message = |levels| read(nested(levels), &[]).unwrap_err().to_string();
    assert!(message(10).contains("attribute `body` is a graph"), "{}", message(10));
    assert!(message(25).contains("nested more than 64 deep"), "{}", message(25));
    assert!(message(500).contains("nested more than 64 deep"));
}

#[test]
fn claims_do_not_take_memory() {
    let mut huge = graph(vec![node("Pass", "p", &["x", "w"], &["y"])]);
    huge.initializer.push(weights("w", &[1 << 20, 1 << 19], &[1.0]));
    let found = message(&model(huge));
    assert!(found.contains("but 4 are stored"), "{found}");
}

#[test]
fn long_chains_do_not_overflow_the_stack() {
    let count = 20_000;
    let name = |index| if index == 0 { "x".to_owned() } else { format!("v{index}") };
    let mut nodes: Vec<_> = (0..count)
        .map(|index| {
            let output = if index + 1 == count { "y".to_owned() } else { name(index + 1) };
            node("Pass", "", &[&name(index)], &[&output])
        })
        .collect();
    nodes.reverse();
    assert_eq!(import(&model(graph(nodes))).unwrap().graph.len(), count + 1);
}
