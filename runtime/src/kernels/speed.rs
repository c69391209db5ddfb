//! How fast the kernels beside convolution are, against what memory gives.
//!
//! `cargo test --release -p cnnc-runtime speed -- --ignored --nocapture`

use super::Step;
use super::testing::{Arena, Numbers};
use crate::memory::Memory;
use crate::simd::Isa;
use crate::step::*;
use alloc::vec;
use std::println;
use std::time::Instant;

/// Best time of a step, and the bytes a second that it reads and writes.
fn measure(name: &str, step: &impl Step, arena: &mut Arena, weights: &[f32], bytes: usize) {
    // SAFETY: every f32 is four bytes and any bytes are f32.
    let (arena, weights) = unsafe {
        (
            core::slice::from_raw_parts_mut(arena.pointer(), 4 * arena.values.len()),
            core::slice::from_raw_parts(weights.as_ptr().cast(), 4 * weights.len()),
        )
    };
    let memory = Memory::new(arena, weights);
    step.check(&memory);
    for isa in Isa::available() {
        let mut best = f64::INFINITY;
        let start = Instant::now();
        while start.elapsed().as_millis() < 150 {
            let once = Instant::now();
            // SAFETY: checked for this memory; the set is available.
            unsafe { step.run(&memory, isa, 0..step.pieces(isa)) };
            best = best.min(once.elapsed().as_secs_f64());
        }
        let rate = bytes as f64 / best * 1e-9;
        println!("{name:34} {isa:7} {:9.1} us {rate:7.1} GB/s", best * 1e6);
    }
}

const NONE: Halo = Halo { top: 0, left: 0, bottom: 0, right: 0 };
const ONE: Halo = Halo { top: 1, left: 1, bottom: 1, right: 1 };

#[test]
#[ignore = "measures"]
fn speed_of_copies() {
    let mut arena = Arena::new();
    for len in [1 << 14, 1 << 17, 1 << 20, 1 << 24] {
        let input = arena.random_plain(len, &mut Numbers::new(1));
        let output = arena.plain(len);
        let mut sizes = [1; RANK];
        let mut strides = [0; RANK];
        (sizes[RANK - 1], strides[RANK - 1]) = (len, 1);
        let copy = StridedCopy {
            input,
            output,
            element: 4,
            sizes,
            input_start: 0,
            input_strides: strides,
            output_start: 0,
            output_strides: strides,
        };
        measure(&std::format!("copy of {} KB", len / 256), &copy, &mut arena, &[], 8 * len);
    }
}

#[test]
#[ignore = "measures"]
fn speed_of_pool() {
    for (shape, kernel, stride, pad, kind) in [
        ([1, 64, 111, 111], [3, 3], [2, 2], [0, 0], PoolKind::Max),
        ([1, 64, 112, 112], [3, 3], [2, 2], [1, 1], PoolKind::Max),
        ([1, 64, 224, 224], [2, 2], [2, 2], [0, 0], PoolKind::Max),
        ([1, 512, 14, 14], [2, 2], [2, 2], [0, 0], PoolKind::Max),
        ([1, 192, 28, 28], [3, 3], [1, 1], [1, 1], PoolKind::Max),
        ([1, 832, 7, 7], [3, 3], [1, 1], [1, 1], PoolKind::Max),
        ([1, 256, 56, 56], [2, 2], [2, 2], [0, 0], PoolKind::AverageInside),
        ([1, 288, 35, 35], [3, 3], [1, 1], [1, 1], PoolKind::AveragePadded),
    ] {
        let mut arena = Arena::new();
        let input = arena.random_tensor(shape, ONE, &mut Numbers::new(1));
        let size =
            |axis: usize| (shape[2 + axis] + 2 * pad[axis] - kernel[axis]) / stride[axis] + 1;
        let output = arena.tensor([1, shape[1], size(0), size(1)], NONE);
        let pool =
            Pool { input, output, kind, kernel, stride, dilation: [1, 1], pad, pad_end: pad };
        let bytes = 4 * shape[1] * (shape[2] * shape[3] + size(0) * size(1));
        let name = std::format!(
            "pool {}x{} s{} {}x{}x{}",
            kernel[0],
            kernel[1],
            stride[0],
            shape[1],
            shape[2],
            shape[3]
        );
        measure(&name, &pool, &mut arena, &[], bytes);
    }
}

#[test]
#[ignore = "measures"]
fn speed_of_global_average() {
    for shape in [[1, 2048, 7, 7], [1, 1000, 13, 13], [1, 96, 112, 112]] {
        let mut arena = Arena::new();
        let input = arena.random_tensor(shape, NONE, &mut Numbers::new(1));
        let output = arena.plain(shape[1]);
        let bytes = 4 * shape[1] * shape[2] * shape[3];
        let name = std::format!("mean of {}x{}x{}", shape[1], shape[2], shape[3]);
        measure(&name, &GlobalAverage { input, output }, &mut arena, &[], bytes);
    }
}

#[test]
#[ignore = "measures"]
fn speed_of_dense() {
    for (batch, inputs, outputs) in [
        (1, 512, 1000),
        (1, 2048, 1000),
        (1, 25088, 4096),
        (1, 4096, 4096),
        (16, 4096, 4096),
        (8, 512, 1000),
    ] {
        let mut arena = Arena::new();
        let input = arena.random_plain(batch * inputs, &mut Numbers::new(1));
        let output = arena.plain(batch * outputs);
        let bias = outputs.next_multiple_of(16);
        let weights = vec![0.5f32; bias + inputs * outputs];
        let dense = Dense {
            input,
            output,
            weights: Section { offset: 4 * bias, len: inputs * outputs },
            bias: Section { offset: 0, len: bias },
            batch: Extent::Fixed { size: batch },
            inputs,
            outputs,
            activation: Activation::Relu,
        };
        let name = std::format!("dense {batch} x {inputs} -> {outputs}");
        measure(&name, &dense, &mut arena, &weights, 4 * inputs * outputs);
        println!("{:>34} {:.3} GFLOP", "", 2e-9 * (batch * inputs * outputs) as f64);
    }
}

#[test]
#[ignore = "measures"]
fn speed_of_packing() {
    for shape in [[1, 3, 224, 224], [1, 64, 56, 56], [1, 512, 7, 7], [1, 255, 76, 76]] {
        let mut arena = Arena::new();
        let len = shape.iter().product();
        let plain = arena.random_plain(len, &mut Numbers::new(1));
        let blocked = arena.random_tensor(shape, ONE, &mut Numbers::new(1));
        let name = std::format!("pack {}x{}x{}", shape[1], shape[2], shape[3]);
        measure(&name, &Pack { input: plain, output: blocked }, &mut arena, &[], 8 * len);
        let name = std::format!("unpack {}x{}x{}", shape[1], shape[2], shape[3]);
        measure(&name, &Unpack { input: blocked, output: plain }, &mut arena, &[], 8 * len);
    }
}

#[test]
#[ignore = "measures"]
fn speed_of_blocked() {
    let shape = [1, 256, 56, 56];
    let len: usize = shape.iter().product();
    for halo in [NONE, ONE] {
        let mut arena = Arena::new();
        let mut numbers = Numbers::new(1);
        let input = arena.random_tensor(shape, halo, &mut numbers);
        let other = arena.random_tensor(shape, halo, &mut numbers);
        let point = arena.random_tensor([1, 256, 1, 1], NONE, &mut numbers);
        let output = arena.tensor(shape, halo);
        let weights = vec![0.5f32; 512];
        let (scale, shift) = (Section { offset: 0, len: 256 }, Section { offset: 1024, len: 256 });
        for activation in [Activation::Identity, Activation::Relu, Activation::Silu] {
            let step = ScaleShift { input, output, scale, shift, activation };
            measure(&std::format!("scale {activation:?}"), &step, &mut arena, &weights, 8 * len);
            let step = BlockedUnary { input, output, activation };
            measure(&std::format!("blocked {activation:?}"), &step, &mut arena, &weights, 8 * len);
            for (right, name) in [(other, "whole"), (point, "point")] {
                let operation = BinaryOperation::Add;
                let step = BlockedBinary { left: input, right, output, operation, activation };
                let bytes = if name == "whole" { 12 * len } else { 8 * len };
                let name = std::format!("blocked add {name} {activation:?}");
                measure(&name, &step, &mut arena, &weights, bytes);
            }
        }
        for first in [0, 3] {
            let wide = arena.tensor([1, 512, 56, 56], halo);
            let step = BlockedCopy { input, output: wide, first };
            measure(&std::format!("copy to channel {first}"), &step, &mut arena, &[], 8 * len);
        }
    }
}

#[test]
#[ignore = "measures"]
fn speed_of_normalization() {
    let mut arena = Arena::new();
    let mut numbers = Numbers::new(1);
    let (channels, plane) = (96, 54 * 54);
    let len = channels * plane;
    let (input, output) = (arena.random_plain(len, &mut numbers), arena.plain(len));
    for beta in [0.75, 0.6] {
        let step = LocalResponse {
            input,
            output,
            batch: 1,
            channels,
            plane,
            size: 5,
            alpha: 1e-4,
            beta,
            bias: 1.0,
        };
        measure(&std::format!("local response {beta}"), &step, &mut arena, &[], 8 * len);
    }
    for [outer, axis, inner] in [[1, 1000, 1], [96, 2916, 1], [1, 96, 2916]] {
        for logarithm in [false, true] {
            let len = outer * axis * inner;
            let (input, output) = (Plain { len, ..input }, Plain { len, ..output });
            let step = Softmax { input, output, outer, axis, inner, logarithm };
            let name = std::format!("softmax {outer}x{axis}x{inner} {logarithm}");
            measure(&name, &step, &mut arena, &[], 8 * len);
        }
    }
}

fn strided(sizes: [usize; 4], strides: [usize; 4]) -> ([usize; RANK], [usize; RANK]) {
    let (mut all_sizes, mut all_strides) = ([1; RANK], [0; RANK]);
    all_sizes[RANK - 4..].copy_from_slice(&sizes);
    all_strides[RANK - 4..].copy_from_slice(&strides);
    (all_sizes, all_strides)
}

#[test]
#[ignore = "measures"]
fn speed_of_plain() {
    let mut arena = Arena::new();
    let mut numbers = Numbers::new(1);
    let len = 64 * 56 * 56;
    let (left, output) = (arena.random_plain(len, &mut numbers), arena.plain(len));
    let right = arena.random_plain(len, &mut numbers);
    let whole = [0, 3136, 56, 1];
    for (name, spread) in [
        ("whole", whole),
        ("one value", [0; 4]),
        ("one a channel", [0, 1, 0, 0]),
        ("one a column", [0, 0, 0, 1]),
        ("one a row", [0, 0, 1, 0]),
        ("turned", [0, 3136, 1, 56]),
    ] {
        for operation in [BinaryOperation::Add, BinaryOperation::Max, BinaryOperation::Pow] {
            let (sizes, left_strides) = strided([1, 64, 56, 56], whole);
            let (_, right_strides) = strided([1; 4], spread);
            let activation = Activation::Identity;
            let step = Binary {
                left,
                right,
                output,
                operation,
                activation,
                sizes,
                left_strides,
                right_strides,
            };
            let name = std::format!("{operation:?} {name}");
            measure(&name, &step, &mut arena, &[], 12 * len);
        }
    }
    for function in [
        UnaryFunction::Abs,
        UnaryFunction::Exp,
        UnaryFunction::Log,
        UnaryFunction::Sqrt,
        UnaryFunction::Floor,
        UnaryFunction::Erf,
        UnaryFunction::Softplus,
        UnaryFunction::Elu { alpha: 1.0 },
        UnaryFunction::Activation { function: Activation::Tanh },
        UnaryFunction::Activation { function: Activation::Relu },
    ] {
        let step = Unary { input: left, output, function };
        measure(&std::format!("{function:?}"), &step, &mut arena, &[], 8 * len);
    }
    for (name, sizes, from, to) in [
        ("channels last", [1, 56, 56, 64], [0, 56, 1, 3136], [0, 3584, 64, 1]),
        ("channels first", [1, 64, 56, 56], [0, 1, 3584, 64], [0, 3136, 56, 1]),
        ("slice", [1, 64, 50, 50], [0, 3136, 56, 1], [0, 2500, 50, 1]),
        ("every second", [1, 64, 56, 28], [0, 3136, 56, 2], [0, 1568, 28, 1]),
        ("shuffle of channels", [1, 32, 2, 3136], [0, 3136, 100_352, 1], [0, 6272, 3136, 1]),
    ] {
        let (all, input_strides) = strided(sizes, from);
        let (_, output_strides) = strided(sizes, to);
        let signed = |strides: [usize; RANK]| strides.map(|stride| stride as isize);
        let step = StridedCopy {
            input: left,
            output,
            element: 4,
            sizes: all,
            input_start: 0,
            input_strides: signed(input_strides),
            output_start: 0,
            output_strides: signed(output_strides),
        };
        let bytes = 8 * sizes.iter().product::<usize>();
        measure(&std::format!("copy, {name}"), &step, &mut arena, &[], bytes);
    }
}

#[test]
#[ignore = "measures"]
fn speed_of_products() {
    for (rows, depth, columns) in
        [(1, 1024, 1024), (49, 49, 32), (196, 64, 196), (256, 256, 256), (512, 1024, 1000)]
    {
        let mut arena = Arena::new();
        let mut numbers = Numbers::new(1);
        let left = arena.random_plain(rows * depth, &mut numbers);
        let right = arena.random_plain(depth * columns, &mut numbers);
        let output = arena.plain(rows * columns);
        let step = MatMul {
            left,
            right,
            output,
            rows,
            depth,
            columns,
            batches: [1; RANK],
            left_strides: [0; RANK],
            right_strides: [0; RANK],
        };
        let bytes = 4 * (rows * depth + depth * columns + rows * columns);
        let name = std::format!("product {rows}x{depth}x{columns}");
        measure(&name, &step, &mut arena, &[], bytes);
        println!("{:>34} {:.4} GFLOP", "", 2e-9 * (rows * depth * columns) as f64);
    }
}

/// A layer: name, input shape, output channels (0 where each channel has its own
/// kernel), kernel, stride, padding, rows a strip.
type Upsampling = (&'static str, [usize; 4], usize, usize, usize, usize, usize);

#[test]
#[ignore = "measures"]
fn speed_of_conv_transpose() {
    let rows = std::env::var("ROWS").ok().and_then(|rows| rows.parse().ok());
    let layers: [Upsampling; 11] = [
        ("up2x2_256_8", [1, 256, 8, 8], 128, 2, 2, 0, 8),
        ("up2x2_64_32", [1, 64, 32, 32], 32, 2, 2, 0, 16),
        ("up2x2_32_64", [1, 32, 64, 64], 16, 2, 2, 0, 8),
        ("up2x2_512_28", [1, 512, 28, 28], 256, 2, 2, 0, 14),
        ("up2x2_128_112", [1, 128, 112, 112], 64, 2, 2, 0, 4),
        ("up4x4_64_32", [1, 64, 32, 32], 64, 4, 2, 1, 16),
        ("up4x4_512_8", [1, 512, 8, 8], 256, 4, 2, 1, 8),
        ("fcn8", [1, 21, 17, 22], 21, 16, 8, 0, 9),
        ("fcn32dw", [1, 21, 4, 5], 0, 64, 32, 0, 1),
        ("fcn32dw500", [1, 21, 16, 16], 0, 64, 32, 0, 1),
        ("bilinear2dw", [1, 64, 64, 64], 0, 4, 2, 1, 1),
    ];
    for (name, shape, out, kernel, stride, pad, strip) in layers {
        let mut numbers = Numbers::new(1);
        let mut arena = Arena::new();
        let axis = TransposedAxis { kernel, stride, dilation: 1, pad };
        let size = [2, 3].map(|axis| (shape[axis] - 1) * stride + kernel - 2 * pad);
        let [_, channels, ..] = shape;
        let output =
            arena.tensor([1, if out == 0 { channels } else { out }, size[0], size[1]], NONE);
        let input = arena.random_tensor(shape, ONE, &mut numbers);
        let bytes = 4 * (input.batch_stride + output.batch_stride);
        let axes = [axis; 2];
        let (filters, packed) = if out == 0 {
            let filters = numbers.take(channels * kernel * kernel);
            (filters.len(), pack_transposed_depthwise_weights(&filters, channels, axes, size))
        } else {
            let filters = numbers.take(channels * out * kernel * kernel);
            let packed = pack_transposed_weights(&filters, [channels, out], 1, 1, axes, size);
            (filters.len(), packed)
        };
        let bias = output.channels.next_multiple_of(16);
        let mut weights = vec![0.5f32; bias];
        weights.extend(&packed);
        let weights_section = Section { offset: 4 * bias, len: packed.len() };
        let bias = Section { offset: 0, len: bias };
        let activation = Activation::Relu;
        if out == 0 {
            let step = DepthwiseConvTranspose {
                input,
                output,
                weights: weights_section,
                bias,
                axes,
                activation,
            };
            measure(name, &step, &mut arena, &weights, bytes);
        } else {
            let taps = (kernel / stride) * (kernel / stride);
            let input_blocks = if taps == 1 { 1 << 20 } else { (36 / taps).max(1) };
            let blocking = Blocking { input_blocks, rows: rows.unwrap_or(strip) };
            let step = ConvTranspose {
                input,
                output,
                weights: weights_section,
                bias,
                axes,
                groups: 1,
                activation,
                blocking,
            };
            measure(name, &step, &mut arena, &weights, bytes);
        }
        let operations = 2 * filters * shape[2] * shape[3];
        println!("{:>34} {:.3} GFLOP", "", 1e-9 * operations as f64);
    }
}
