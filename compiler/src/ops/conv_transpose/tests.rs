//! Expected values come from ONNX Runtime 1.32.

use super::*;
use crate::ErrorKind;
use crate::ops::testing::Case;

/// Values -5 to 5 in a fixed order.
fn mixed(shape: &[usize]) -> Tensor {
    let count: usize = shape.iter().product();
    Tensor::new(shape, (0..count).map(|i| ((i * 7 + 3) % 11) as f32 - 5.0).collect::<Vec<_>>())
        .unwrap()
}

fn case(input: &[usize], weights: &[usize]) -> Case {
    Case::new("ConvTranspose", 11).operand(mixed(input)).operand(mixed(weights))
}

/// The values, each times its position modulo 13 plus one: one number for many.
fn digest(values: &[f32]) -> f32 {
    values.iter().zip((1..14).cycle()).map(|(value, factor)| value * factor as f32).sum()
}

#[test]
fn every_attribute_at_once() {
    let case = case(&[2, 4, 3, 4], &[4, 3, 2, 3])
        .operand(mixed(&[6]))
        .ints("strides", &[2, 3])
        .ints("pads", &[1, 0, 0, 2])
        .ints("output_padding", &[1, 1])
        .ints("dilations", &[2, 1])
        .int("group", 2)
        .ints("kernel_shape", &[2, 3]);
    let (shape, values) = case.f32s();
    assert_eq!(shape, [2, 6, 7, 11]);
    let second_row = [6.0, 0.0, 27.0, -27.0, 20.0, 23.0, 6.0, -15.0, -36.0, 6.0, -6.0];
    assert_eq!(values[11..22], second_row);
    assert_eq!(digest(&values), 5264.0);
}

#[test]
fn pixels_that_no_tap_reaches_hold_the_bias() {
    let case = case(&[1, 2, 3, 3], &[2, 1, 3, 3])
        .operand(mixed(&[2]))
        .ints("strides", &[2, 2])
        .ints("dilations", &[2, 2])
        .ints("pads", &[1, 0, 0, 1])
        .int("group", 2);
    let (shape, values) = case.f32s();
    assert_eq!(shape, [1, 2, 8, 8]);
    assert_eq!(values[..8], [-2.0; 8]);
    assert_eq!(values[8..16], [10.0, -2.0, -48.0, -2.0, 32.0, -2.0, 6.0, -2.0]);
    assert_eq!(digest(&values), 1107.0);
}

#[test]
fn an_output_shape_comes_to_pads_or_output_padding() {
    let cut = case(&[1, 1, 2, 3], &[1, 1, 3, 3]).ints("strides", &[2, 2]);
    let values = vec![
        -8.0, -15.0, 20.0, -3.0, 4.0, -21.0, -29.0, 35.0, -5.0, 3.0, -12.0, -12.0, 16.0, 0.0, 0.0,
        -9.0, -13.0, 12.0, -4.0, 0.0,
    ];
    // Where it is given, `pads` means nothing.
    let with_shape = cut.ints("output_shape", &[4, 5]).ints("pads", &[2, 2, 2, 2]);
    assert_eq!(with_shape.f32s(), (vec![1, 1, 4, 5], values));

    let added = case(&[1, 1, 2, 2], &[1, 1, 2, 2])
        .ints("strides", &[2, 2])
        .ints("output_shape", &[5, 5]);
    let (shape, values) = added.f32s();
    assert_eq!(shape, [1, 1, 5, 5]);
    assert_eq!(values[..10], [4.0, -10.0, -10.0, 25.0, 0.0, -2.0, 6.0, 5.0, -15.0, 0.0]);
    assert_eq!(values[20..], [0.0; 5]);
}

#[test]
fn automatic_padding_multiplies_the_size() {
    let case = |mode: &str| {
        case(&[1, 1, 2, 3], &[1, 1, 3, 3]).ints("strides", &[1, 2]).string("auto_pad", mode)
    };
    let upper = [12.0, -23.0, -26.0, 40.0, 1.0, 4.0, 17.0, -18.0, -30.0, 31.0, -9.0, 3.0];
    assert_eq!(case("SAME_UPPER").f32s(), (vec![1, 1, 2, 6], upper.to_vec()));
    let lower = [-23.0, -26.0, 40.0, 1.0, 4.0, 0.0, -18.0, -30.0, 31.0, -9.0, 3.0, -1.0];
    assert_eq!(case("SAME_LOWER").f32s(), (vec![1, 1, 2, 6], lower.to_vec()));
    assert_eq!(case("VALID").f32s().0, [1, 1, 4, 7]);
    case("SAME").refused(ErrorKind::Malformed, "found `SAME`");
    let shaped = case("SAME_UPPER").ints("strides", &[2, 2]).ints("output_shape", &[4, 6]);
    let (_, values) = shaped.f32s();
    assert_eq!(values[..6], [4.0, -10.0, -12.0, 25.0, 3.0, 5.0]);
    assert_eq!(digest(&values), 372.0);
    case("SAME_UPPER").ints("strides", &[1, 5]).refused(ErrorKind::Unsupported, "different");
}

#[test]
fn an_activation_is_applied_to_the_sum() {
    let case = |activation: &str| {
        Case::new("ConvTranspose", NEWEST)
            .operand(Tensor::new(&[1, 1, 1, 2], vec![-3.0f32, 1.0]).unwrap())
            .operand(Tensor::new(&[1, 1, 1, 1], vec![2.0f32]).unwrap())
            .operand(Tensor::vector(vec![1.0f32]))
            .string("activation", activation)
    };
    assert_eq!(case("Relu").f32s().1, [0.0, 3.0]);
    let slopes = case("ChannelRelu").operand(Tensor::vector(vec![0.5f32]));
    assert_eq!(slopes.f32s().1, [-2.5, 3.0]);
    case("ChannelRelu").refused(ErrorKind::Shape, "expected as slopes f32[1]");
    let idle = case("Relu").operand(Tensor::vector(vec![0.5f32]));
    idle.refused(ErrorKind::Shape, "expected as slopes none");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let case = |weights: &[usize]| {
        Case::new("ConvTranspose", 11).counting(&[1, 4, 3, 3]).counting(weights)
    };
    case(&[3, 2, 1, 1]).refused(ErrorKind::Shape, "4 input channels");
    case(&[4, 2, 1, 1]).int("group", 3).refused(ErrorKind::Shape, "in 3 groups");
    case(&[4, 0, 1, 1]).refused(ErrorKind::Shape, "no output channels");
    case(&[4, 2, 0, 1]).refused(ErrorKind::Shape, "with pixels");
    case(&[4, 2, 1, 1]).int("group", 0).refused(ErrorKind::Malformed, "positive");
    case(&[4, 2, 1, 1]).counting(&[3]).refused(ErrorKind::Shape, "expected as bias f32[2]");
    case(&[4, 2, 2, 2]).ints("kernel_shape", &[3, 3]).refused(ErrorKind::Shape, "kernel_shape");
    case(&[4, 2, 1, 1]).ints("pads", &[2, 0, 1, 0]).refused(ErrorKind::Shape, "leave none");
    case(&[4, 2, 1, 1]).ints("pads", &[-1, 0, 0, 0]).refused(ErrorKind::Malformed, "pads");
    case(&[4, 2, 1, 1]).ints("strides", &[0, 1]).refused(ErrorKind::Malformed, "strides");
    case(&[4, 2, 1, 1])
        .ints("output_padding", &[0, 1])
        .refused(ErrorKind::Malformed, "smaller than stride");
    case(&[4, 2, 1, 1]).ints("output_shape", &[3, 5]).refused(ErrorKind::Shape, "more than");
    case(&[4, 2, 1, 1])
        .ints("output_shape", &[1, 2, 3, 3])
        .refused(ErrorKind::Unsupported, "output_shape");
    case(&[4, 2, 1, 1]).string("activation", "Relu").refused(ErrorKind::Malformed, "unknown");
}
