//! Values in every stored form.

use super::fixture::*;
use crate::error::Result;
use crate::ir::Tensor;
use crate::onnx::read_tensor;
use onnx_protobuf::tensor_proto::Segment;
use onnx_protobuf::{Message, TensorProto};

fn stored(data_type: i32, dims: &[i64]) -> TensorProto {
    TensorProto { name: "t".into(), data_type, dims: dims.to_vec(), ..TensorProto::default() }
}

fn parsed(proto: &TensorProto) -> Result<Tensor> {
    let (name, tensor) = read_tensor(&proto.write_to_bytes().unwrap())?;
    assert_eq!(name, "t");
    Ok(tensor)
}

fn shown(proto: &TensorProto) -> String {
    format!("{:?}", parsed(proto).unwrap().data())
}

fn refused(proto: &TensorProto) -> String {
    parsed(proto).unwrap_err().to_string()
}

#[test]
fn bytes_become_values() {
    for (data_type, bytes, expected) in [
        (1, &[0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0][..], "F32([1.0, -2.0])"),
        (2, &[1, 255], "U8([1, 255])"),
        (3, &[1, 255], "I8([1, -1])"),
        (4, &[1, 0, 0, 1], "U16([1, 256])"),
        (5, &[1, 0, 255, 255], "I16([1, -1])"),
        (6, &[1, 0, 0, 0, 255, 255, 255, 255], "I32([1, -1])"),
        (7, &[1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], "I64([1, 256])"),
        (9, &[0, 1], "Bool([false, true])"),
        (10, &[0, 0x3c, 0, 0xc0], "F32([1.0, -2.0])"),
        (11, &[0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0], "F64([1.0, 0.0])"),
        (12, &[1, 0, 0, 0, 0, 0, 0, 0x80], "U32([1, 2147483648])"),
        (13, &[1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], "U64([1, 256])"),
        (16, &[0x80, 0x3f, 0, 0xc0], "F32([1.0, -2.0])"),
    ] {
        let mut proto = stored(data_type, &[2]);
        proto.raw_data = bytes.to_vec();
        assert_eq!(shown(&proto), expected);
        proto.raw_data.push(0);
        assert!(refused(&proto).contains("bytes, but"), "{}", refused(&proto));
        proto.raw_data.truncate(1);
        assert!(refused(&proto).contains("but 1 are stored"), "{}", refused(&proto));
    }
}

#[test]
fn numbers_become_values() {
    type Set = fn(&mut TensorProto);
    let cases: [(i32, Set, &str); 13] = [
        (1, |t| t.float_data = vec![1.0, -2.0], "F32([1.0, -2.0])"),
        (2, |t| t.int32_data = vec![1, 255], "U8([1, 255])"),
        (3, |t| t.int32_data = vec![1, -1], "I8([1, -1])"),
        (4, |t| t.int32_data = vec![1, 65535], "U16([1, 65535])"),
        (5, |t| t.int32_data = vec![1, -1], "I16([1, -1])"),
        (6, |t| t.int32_data = vec![1, -1], "I32([1, -1])"),
        (7, |t| t.int64_data = vec![1, -1], "I64([1, -1])"),
        (9, |t| t.int32_data = vec![0, 1], "Bool([false, true])"),
        (10, |t| t.int32_data = vec![0x3c00, 0xc000], "F32([1.0, -2.0])"),
        (11, |t| t.double_data = vec![1.0, -2.0], "F64([1.0, -2.0])"),
        (12, |t| t.uint64_data = vec![1, 4_294_967_295], "U32([1, 4294967295])"),
        (13, |t| t.uint64_data = vec![1, u64::MAX], "U64([1, 18446744073709551615])"),
        (16, |t| t.int32_data = vec![0x3f80, 0xc000], "F32([1.0, -2.0])"),
    ];
    for (data_type, set, expected) in cases {
        let mut proto = stored(data_type, &[1, 2]);
        assert!(refused(&proto).contains("takes 2 values, but 0"), "{}", refused(&proto));
        set(&mut proto);
        assert_eq!(shown(&proto), expected);
        proto.dims = vec![3];
        assert!(refused(&proto).contains("takes 3 values, but 2"), "{}", refused(&proto));
    }
}

#[test]
fn values_that_do_not_fit_are_refused() {
    let mut narrow = stored(2, &[1]);
    narrow.int32_data = vec![256];
    assert_eq!(refused(&narrow), "tensor `t`: the value 256 does not fit elements of U8");
    let mut half = stored(10, &[1]);
    half.int32_data = vec![-1];
    assert!(refused(&half).contains("-1 does not fit elements of F16"));
    let mut wrong_field = stored(1, &[1]);
    wrong_field.int64_data = vec![1];
    assert!(refused(&wrong_field).contains("takes 1 values, but 0"));
    let mut both = stored(1, &[1]);
    both.float_data = vec![1.0];
    both.raw_data = vec![0; 4];
    assert!(refused(&both).contains("stored in several ways"));
    let mut segment = stored(1, &[1]);
    segment.segment = Some(Segment::default()).into();
    assert!(refused(&segment).contains("stored in segments"));
}

#[test]
fn unreadable_types_are_named() {
    assert_eq!(refused(&stored(8, &[1])), "tensor `t`: elements of type string");
    assert_eq!(refused(&stored(23, &[1])), "tensor `t`: elements of type float4e2m1");
    assert_eq!(refused(&stored(0, &[1])), "tensor `t`: elements of type undefined");
    assert_eq!(refused(&stored(-5, &[1])), "tensor `t`: there is no element type -5");
}

#[test]
fn sizes_make_sense() {
    assert_eq!(parsed(&stored(7, &[0])).unwrap().shape(), [0]);
    assert_eq!(parsed(&stored(1, &[3, 0])).unwrap().shape(), [3, 0]);
    let mut scalar = stored(7, &[]);
    scalar.int64_data = vec![5];
    assert_eq!(parsed(&scalar).unwrap().shape(), [0; 0]);
    for dims in [&[-1][..], &[i64::MAX, i64::MAX], &[1 << 40, 2], &[1; 33]] {
        assert!(refused(&stored(1, dims)).contains("make no sense"));
    }
    // Nothing is reserved for values that are not there.
    assert!(refused(&stored(1, &[1 << 40])).contains("but 0"));
}

#[test]
fn other_files_are_no_tensors() {
    for bytes in [&b"<!DOCTYPE html>"[..], &[0xff; 40], &[0x0b]] {
        assert!(read_tensor(bytes).is_err());
    }
    let mut outside = stored(1, &[1]);
    outside.data_location = onnx_protobuf::tensor_proto::DataLocation::EXTERNAL.into();
    assert!(refused(&outside).contains("which is not named"));
}

#[test]
fn initializers_say_their_name() {
    let mut short = graph(vec![node("Pass", "p", &["x", "w"], &["y"])]);
    short.initializer.push(weights("w", &[3], &[1.0]));
    let found = message(&model(short));
    assert_eq!(found, "tensor `w`: shape [3] takes 12 bytes, but 4 are stored");
}
