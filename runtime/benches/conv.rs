//! Convolution on the shapes of ResNet-50, SqueezeNet 1.1 and MobileNetV2.
//!
//! `cargo bench -p cnnc-runtime --bench conv [-- FILTER]` prints, for each
//! instruction set, the best time of many runs, GFLOP/s and the share of the
//! peak. The peak is measured again before each shape, because the clock of a
//! busy machine moves.

use cnnc_runtime::kernels::Step;
use cnnc_runtime::simd::measure_fma_peak;
use cnnc_runtime::step::{
    Activation, Blocked, Blocking, Conv, DepthwiseConv, Halo, LANES, Plain, PlanarConv, Section,
};
use cnnc_runtime::{Isa, Memory};
use std::hint::black_box;
use std::time::Instant;

/// What is measured.
enum Kernel {
    Direct,
    Planar,
    Depthwise,
}

/// A layer with square picture and kernel.
struct Shape {
    kernel: Kernel,
    channels: [usize; 2],
    output: usize,
    taps: usize,
    stride: usize,
}

const fn direct(input: usize, out: usize, output: usize, taps: usize, stride: usize) -> Shape {
    Shape { kernel: Kernel::Direct, channels: [input, out], output, taps, stride }
}

const fn planar(out: usize, output: usize, taps: usize, stride: usize) -> Shape {
    Shape { kernel: Kernel::Planar, channels: [3, out], output, taps, stride }
}

const fn depthwise(channels: usize, output: usize, stride: usize) -> Shape {
    Shape { kernel: Kernel::Depthwise, channels: [channels; 2], output, taps: 3, stride }
}

const SHAPES: &[Shape] = &[
    planar(64, 112, 7, 2),
    direct(64, 64, 56, 1, 1),
    direct(64, 256, 56, 1, 1),
    direct(256, 64, 56, 1, 1),
    direct(256, 128, 56, 1, 1),
    direct(512, 128, 28, 1, 1),
    direct(128, 512, 28, 1, 1),
    direct(1024, 256, 14, 1, 1),
    direct(256, 1024, 14, 1, 1),
    direct(2048, 512, 7, 1, 1),
    direct(512, 2048, 7, 1, 1),
    direct(256, 512, 28, 1, 2),
    direct(512, 1024, 14, 1, 2),
    direct(1024, 2048, 7, 1, 2),
    direct(64, 64, 56, 3, 1),
    direct(128, 128, 28, 3, 1),
    direct(256, 256, 14, 3, 1),
    direct(512, 512, 7, 3, 1),
    direct(128, 128, 28, 3, 2),
    direct(256, 256, 14, 3, 2),
    direct(512, 512, 7, 3, 2),
    planar(64, 111, 3, 2),
    direct(64, 16, 55, 1, 1),
    direct(16, 64, 55, 1, 1),
    direct(16, 64, 55, 3, 1),
    direct(128, 32, 27, 1, 1),
    direct(32, 128, 27, 3, 1),
    direct(48, 192, 13, 3, 1),
    direct(64, 256, 13, 3, 1),
    direct(512, 1000, 13, 1, 1),
    depthwise(32, 112, 1),
    depthwise(96, 56, 2),
    depthwise(144, 56, 1),
    depthwise(192, 28, 1),
    depthwise(384, 14, 1),
    depthwise(576, 7, 2),
    depthwise(960, 7, 1),
];

/// A layer laid out: its step, the bytes of arena and weights that it needs.
struct Layer {
    step: Box<dyn Step>,
    arena: usize,
    weights: usize,
    operations: usize,
}

fn layer(shape: &Shape) -> Layer {
    let Shape { channels: [input, out], output, taps, stride, .. } = *shape;
    let depth = match shape.kernel {
        Kernel::Depthwise => 1,
        Kernel::Direct | Kernel::Planar => input,
    };
    let len = out.next_multiple_of(16) * depth.next_multiple_of(LANES) * taps * taps;
    let weights = Section { offset: 0, len };
    let bias = Section { offset: 4 * len, len: out.next_multiple_of(16) };
    let (kernel, strides, one, pad) = ([taps; 2], [stride; 2], [1, 1], [taps / 2; 2]);
    let halo = Halo { top: pad[0], left: pad[0], bottom: pad[0], right: pad[0] };
    let blocked = Blocked::new([1, input, output * stride, output * stride], halo, 0);
    let size = (output - 1) * stride + taps;
    let planar = Plain { offset: 0, len: input * size * size };
    let start = match shape.kernel {
        Kernel::Planar => 4 * planar.len,
        Kernel::Direct | Kernel::Depthwise => blocked.storage(),
    };
    let start = start.next_multiple_of(64);
    let view = Blocked::new([1, out, output, output], Halo::default(), start);
    let activation = Activation::Relu;
    let step: Box<dyn Step> = match shape.kernel {
        Kernel::Direct => Box::new(Conv {
            input: blocked,
            output: view,
            residual: None,
            weights,
            bias,
            kernel,
            stride: strides,
            dilation: one,
            pad,
            groups: 1,
            activation,
            blocking: Blocking { input_blocks: input.div_ceil(LANES), rows: 7 },
        }),
        Kernel::Planar => Box::new(PlanarConv {
            input: planar,
            output: view,
            channels: input,
            height: size,
            width: size,
            weights,
            bias,
            kernel,
            stride: strides,
            dilation: one,
            activation,
        }),
        Kernel::Depthwise => Box::new(DepthwiseConv {
            input: blocked,
            output: view,
            residual: None,
            weights,
            bias,
            kernel,
            stride: strides,
            dilation: one,
            pad,
            activation,
        }),
    };
    Layer {
        step,
        arena: start + view.storage(),
        weights: 4 * (weights.len + bias.len),
        operations: 2 * depth * out * taps * taps * output * output,
    }
}

/// Zeroed floats as the bytes of a memory.
fn bytes(floats: &mut [f32]) -> &mut [u8] {
    // SAFETY: floats are bytes, and any bytes are floats.
    unsafe { core::slice::from_raw_parts_mut(floats.as_mut_ptr().cast(), size_of_val(floats)) }
}

fn seconds(layer: &Layer, isa: Isa) -> f64 {
    let (mut arena, mut weights) = (vec![0.5f32; layer.arena / 4], vec![1e-3; layer.weights / 4]);
    let memory = Memory::new(bytes(&mut arena), bytes(&mut weights));
    layer.step.check(&memory);
    let mut best = f64::INFINITY;
    let start = Instant::now();
    while start.elapsed().as_millis() < 60 {
        let once = Instant::now();
        // SAFETY: checked for this memory, which nothing else uses; the
        // processor has the set.
        unsafe { black_box(&layer.step).run(&memory, isa, 0..layer.step.pieces(isa)) };
        best = best.min(once.elapsed().as_secs_f64());
    }
    best
}

fn main() {
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    for isa in Isa::available() {
        println!("{isa}{:>38} {:>9} {:>6}", "ms", "GFLOP/s", "peak");
        for shape in SHAPES {
            let kernel = match shape.kernel {
                Kernel::Direct => "direct",
                Kernel::Planar => "planar",
                Kernel::Depthwise => "depthwise",
            };
            let Shape { channels: [input, out], output, taps, stride, .. } = shape;
            let name = format!("{kernel} {input}->{out} {output}x{output} {taps}x{taps}/{stride}");
            if filter.as_ref().is_some_and(|filter| !name.contains(filter.as_str())) {
                continue;
            }
            let peak = measure_fma_peak(isa);
            let layer = layer(shape);
            let time = seconds(&layer, isa);
            let rate = layer.operations as f64 / time / 1e9;
            println!("{name:34} {:9.4} {rate:9.1} {:5.0}%", time * 1e3, 100.0 * rate / peak);
        }
    }
}
