//! Steps with absurd numbers are refused: whatever a description says, a step
//! that runs stays inside its memory. Generated code holds no such steps, but
//! [`Run::step`](cnnc_runtime::Run::step) is safe to call with any.
//!
//! Numbers that wrap when they are multiplied are what this is about: kernels
//! are built without overflow checks. A step that goes astray here mostly ends
//! the whole process; the address sanitizer sees all of them.

use cnnc_runtime::kernels::{General, Step};
use cnnc_runtime::operation::{ElementType, TopK};
use cnnc_runtime::step::*;
use cnnc_runtime::{Engine, Weights};
use proptest::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

const ARENA: usize = 1 << 16;
const WEIGHTS: usize = 4096;

/// A number that takes the place of one of a description.
#[derive(Clone, Copy, Debug)]
struct Wild {
    field: usize,
    value: usize,
}

fn wild() -> impl Strategy<Value = Vec<Wild>> {
    let half = usize::BITS / 2;
    let wrapping = prop::sample::select(vec![
        0,
        1,
        1 << (half - 1),
        1 << half,
        1 << (2 * half - 2),
        usize::MAX,
    ]);
    let power = (0..usize::BITS).prop_map(|power| 1usize << power);
    let near = (power, 0..3usize).prop_map(|(power, more)| power.wrapping_add(more) - 1);
    let value = prop_oneof![3 => wrapping, 3 => near, 1 => 0..20usize, 1 => any::<usize>()];
    let one = (any::<usize>(), value).prop_map(|(field, value)| Wild { field, value });
    prop::collection::vec(one, 1..5)
}

/// Runs a step if it lets itself be run, and says whether it did.
fn survive(step: &impl Step) -> bool {
    let mut weights = vec![0.0; WEIGHTS / 4];
    let content = seal(&mut weights);
    let bytes: Vec<u8> = weights.iter().flat_map(|value| value.to_le_bytes()).collect();
    let mut engine = Engine::new(Weights::copied(&bytes), ARENA, WEIGHTS, content).unwrap();
    catch_unwind(AssertUnwindSafe(|| engine.start().step(step))).is_ok()
}

/// Declares a test that puts wild numbers into the fields of a step.
macro_rules! survives {
    ($name:ident, $step:ident = $value:expr; $($place:expr),* $(,)?) => {
        proptest! {
            #[test]
            fn $name(wild in wild()) {
                let mut $step = $value;
                prop_assert!(survive(&$step), "nothing is wrong with it yet");
                let count = [$(stringify!($place)),*].len();
                for Wild { field, value } in wild {
                    let mut left = field % count;
                    $(
                        if left == 0 {
                            $place = value as _;
                        }
                        left = left.wrapping_sub(1);
                    )*
                    let _ = left;
                }
                survive(&$step);
            }
        }
    };
}

const HALO: Halo = Halo { top: 1, left: 1, bottom: 1, right: 1 };
const PLANES: Blocked = Blocked::new([1, 12, 4, 5], HALO, 16384);
const OTHERS: Blocked = Blocked::new([1, 12, 4, 5], HALO, 32768);
const ROW: Plain = Plain { offset: 0, len: 12 * 4 * 5 };
const TARGET: Plain = Plain { offset: 4096, len: 12 * 4 * 5 };
const SECTION: Section = Section { offset: 64, len: 16 };
const BATCHES: [usize; RANK] = [1, 1, 1, 1, 1, 1, 1, 1];

survives!(pool, step = Pool {
        input: PLANES,
        output: Blocked::new([1, 12, 2, 3], HALO, 32768),
        kind: PoolKind::Max,
        kernel: [2, 2],
        stride: [2, 2],
        dilation: [1, 1],
        pad: [1, 1],
        pad_end: [1, 1],
    };
    step.input.origin, step.input.batch, step.input.channels, step.input.height, step.input.width,
    step.output.origin, step.output.height, step.output.width, step.output.row_stride,
    step.kernel[0], step.kernel[1], step.stride[0], step.stride[1],
    step.dilation[0], step.dilation[1], step.pad[0], step.pad[1], step.pad_end[1]);

survives!(average_pool, step = Pool {
        input: PLANES,
        output: Blocked::new([1, 12, 2, 3], HALO, 32768),
        kind: PoolKind::AveragePadded,
        kernel: [2, 2],
        stride: [2, 2],
        dilation: [1, 1],
        pad: [1, 1],
        pad_end: [1, 1],
    };
    step.input.height, step.input.width, step.input.halo.top, step.output.height,
    step.output.width, step.output.row_stride, step.kernel[0], step.kernel[1],
    step.stride[0], step.stride[1], step.dilation[0], step.dilation[1], step.pad[0], step.pad[1],
    step.pad_end[0], step.pad_end[1]);

survives!(global_average,
    step = GlobalAverage { input: PLANES, output: Plain { offset: 0, len: 12 } };
    step.output.offset, step.output.len, step.input.batch, step.input.channels,
    step.input.batch_stride, step.input.plane_stride, step.input.height, step.input.width,
    step.input.halo.left, step.input.halo.right);

survives!(pack, step = Pack { input: ROW, output: PLANES };
    step.input.offset, step.input.len, step.output.origin, step.output.batch,
    step.output.channels, step.output.height, step.output.width, step.output.batch_stride,
    step.output.plane_stride, step.output.row_stride, step.output.halo.top,
    step.output.halo.left, step.output.halo.bottom, step.output.halo.right);

survives!(unpack, step = Unpack { input: PLANES, output: TARGET };
    step.output.offset, step.output.len, step.input.batch, step.input.channels,
    step.input.height, step.input.width, step.input.plane_stride, step.input.row_stride);

survives!(blocked_copy,
    step = BlockedCopy {
        input: Blocked::new([1, 3, 4, 5], HALO, 32768),
        output: PLANES,
        first: 5,
    };
    step.first, step.input.channels, step.output.channels, step.input.height,
    step.output.height, step.input.batch, step.output.batch);

survives!(blocked_unary,
    step = BlockedUnary { input: PLANES, output: OTHERS, activation: Activation::Relu };
    step.input.height, step.output.height, step.input.width, step.output.width,
    step.input.channels, step.output.channels, step.output.origin);

survives!(blocked_binary,
    step = BlockedBinary {
        left: PLANES,
        right: Blocked::new([1, 12, 1, 1], HALO, 65536 - 2 * 9 * 32),
        output: OTHERS,
        operation: BinaryOperation::Add,
        activation: Activation::Relu,
    };
    step.left.height, step.right.height, step.output.height, step.left.channels,
    step.right.channels, step.output.channels, step.right.batch, step.right.width);

survives!(scale_shift,
    step = ScaleShift {
        input: PLANES,
        output: OTHERS,
        scale: SECTION,
        shift: SECTION,
        activation: Activation::ChannelRelu { slopes: SECTION },
    };
    step.input.channels, step.output.channels, step.scale.offset, step.scale.len,
    step.shift.offset, step.shift.len, step.input.origin);

/// The number in an extent: where a size lies, or the size.
fn number(extent: &mut Extent) -> &mut usize {
    match extent {
        Extent::Counted { count, .. } | Extent::Found { count, .. } => count,
        Extent::Fixed { size } => size,
    }
}

const fn array(offset: usize, element: ElementType, sizes: [Extent; 2]) -> Array {
    let mut all = [Extent::Fixed { size: 1 }; RANK];
    (all[0], all[1]) = (sizes[0], sizes[1]);
    Array { space: Space::Arena, offset, element, rank: 2, sizes: all }
}

const THREE: Extent = Extent::Fixed { size: 3 };
const FOUND: Extent = Extent::Found { count: 1024, max: 4 };

survives!(general,
    step = General {
        operation: TopK { axis: 1, largest: true },
        inputs: [
            Some(array(0, ElementType::F32, [THREE, Extent::Counted { count: 2048, max: 5 }])),
            Some(array(512, ElementType::I64, [Extent::Fixed { size: 1 }; 2])),
        ],
        outputs: [
            array(4096, ElementType::F32, [THREE, FOUND]),
            array(5120, ElementType::I64, [THREE, Extent::Counted { count: 1024, max: 4 }]),
        ],
        scratch: Plain { offset: 3072, len: 5 },
    };
    step.inputs[0].as_mut().unwrap().offset, step.inputs[1].as_mut().unwrap().offset,
    step.inputs[0].as_mut().unwrap().rank, step.outputs[0].rank, step.outputs[0].offset,
    step.outputs[1].offset, step.scratch.offset, step.scratch.len, step.operation.axis,
    *number(&mut step.inputs[0].as_mut().unwrap().sizes[0]),
    *number(&mut step.inputs[0].as_mut().unwrap().sizes[1]),
    *number(&mut step.outputs[0].sizes[0]), *number(&mut step.outputs[0].sizes[1]),
    *number(&mut step.outputs[1].sizes[1]));

survives!(dense,
    step = Dense {
        input: Plain { offset: 0, len: 8 },
        output: Plain { offset: 64, len: 4 },
        weights: Section { offset: 64, len: 16 },
        bias: SECTION,
        batch: Extent::Counted { count: 0, max: 2 },
        inputs: 4,
        outputs: 2,
        activation: Activation::Identity,
    };
    step.input.offset, step.input.len, step.output.offset, step.output.len,
    step.weights.offset, step.weights.len, step.bias.len, step.inputs, step.outputs,
    *number(&mut step.batch));

survives!(batch_dense,
    step = BatchDense {
        input: Plain { offset: 0, len: 8 },
        output: Plain { offset: 64, len: 4 },
        weights: Section { offset: 64, len: 64 },
        bias: SECTION,
        rows: Extent::Counted { count: 0, max: 2 },
        inputs: 4,
        outputs: 2,
        activation: Activation::Identity,
    };
    step.input.offset, step.input.len, step.output.offset, step.output.len,
    step.weights.offset, step.weights.len, step.bias.len, step.inputs, step.outputs,
    *number(&mut step.rows));

survives!(matmul,
    step = MatMul {
        left: Plain { offset: 0, len: 6 },
        right: Plain { offset: 64, len: 6 },
        output: Plain { offset: 128, len: 4 },
        rows: 2,
        depth: 3,
        columns: 2,
        batches: BATCHES,
        left_strides: BATCHES,
        right_strides: BATCHES,
    };
    step.left.len, step.right.len, step.output.len, step.rows, step.depth, step.columns,
    step.batches[0], step.batches[6], step.batches[7], step.left_strides[0],
    step.left_strides[7], step.right_strides[6], step.right_strides[7]);

survives!(softmax,
    step = Softmax { input: ROW, output: TARGET, outer: 12, axis: 4, inner: 5, logarithm: true };
    step.input.offset, step.input.len, step.output.len, step.outer, step.axis, step.inner);

survives!(local_response,
    step = LocalResponse {
        input: ROW,
        output: TARGET,
        batch: 2,
        channels: 6,
        plane: 20,
        size: 5,
        alpha: 1.0,
        beta: 0.75,
        bias: 1.0,
    };
    step.input.len, step.output.len, step.batch, step.channels, step.plane, step.size);

survives!(unary, step = Unary { input: ROW, output: TARGET, function: UnaryFunction::Abs };
    step.input.offset, step.input.len, step.output.offset, step.output.len);

survives!(binary,
    step = Binary {
        left: ROW,
        right: ROW,
        output: TARGET,
        operation: BinaryOperation::Add,
        activation: Activation::Identity,
        sizes: [1, 1, 1, 1, 1, 12, 4, 5],
        left_strides: [1, 1, 1, 1, 1, 20, 5, 1],
        right_strides: [1, 1, 1, 1, 1, 1, 5, 1],
    };
    step.left.len, step.right.len, step.output.len, step.sizes[0], step.sizes[4], step.sizes[6],
    step.sizes[7], step.left_strides[0], step.left_strides[6], step.left_strides[7],
    step.right_strides[4], step.right_strides[6], step.right_strides[7]);

survives!(strided_copy,
    step = StridedCopy {
        input: ROW,
        output: TARGET,
        element: 4,
        sizes: [1, 1, 1, 1, 1, 12, 4, 5],
        input_start: 0,
        input_strides: [1, 1, 1, 1, 1, 20, 5, 1],
        output_start: 239,
        output_strides: [1, 1, 1, 1, 1, -20, -5, -1],
    };
    step.element, step.input.len, step.output.len, step.sizes[0], step.sizes[4], step.sizes[6],
    step.sizes[7], step.input_start, step.output_start, step.input_strides[4],
    step.input_strides[6], step.input_strides[7], step.output_strides[4],
    step.output_strides[6], step.output_strides[7]);

survives!(roi_align,
    step = RoiAlign {
        input: PLANES,
        corners: Plain { offset: 0, len: 8 },
        pictures: Plain { offset: 64, len: 2 },
        output: Plain { offset: 4096, len: 2 * 12 * 6 },
        regions: 2,
        count: None,
        pooled: [3, 2],
        scale: 1.0,
        samples: 2,
        half_pixel: false,
    };
    step.input.origin, step.input.batch, step.input.channels, step.input.height, step.input.width,
    step.input.row_stride, step.input.plane_stride, step.corners.offset, step.corners.len,
    step.pictures.offset, step.pictures.len, step.output.len, step.regions, step.pooled[0],
    step.pooled[1], step.samples, step.scale, *step.count.get_or_insert(0));

survives!(max_roi_pool,
    step = MaxRoiPool {
        input: PLANES,
        corners: Plain { offset: 0, len: 10 },
        output: Plain { offset: 4096, len: 2 * 12 * 6 },
        regions: 2,
        count: None,
        pooled: [3, 2],
        scale: 1.0,
    };
    step.input.origin, step.input.batch, step.input.channels, step.input.height, step.input.width,
    step.input.row_stride, step.input.plane_stride, step.corners.offset, step.corners.len,
    step.output.len, step.regions, step.pooled[0], step.pooled[1], step.scale,
    *step.count.get_or_insert(0));

survives!(fill, step = Fill { output: TARGET, source: Section { offset: 64, len: 1 } };
    step.output.offset, step.output.len, step.source.offset, step.source.len);

survives!(pad_planes,
    step = PadPlanes {
        input: Plain { offset: 0, len: 12 },
        output: Plain { offset: 4096, len: 60 },
        planes: 1,
        height: 3,
        width: 4,
        padded_height: 6,
        padded_width: 10,
        top: 1,
        left: 2,
    };
    step.input.len, step.output.len, step.planes, step.height, step.width, step.padded_height,
    step.padded_width, step.top, step.left);

survives!(conv,
    step = Conv {
        input: PLANES,
        output: OTHERS,
        residual: None,
        weights: Section { offset: 64, len: 16 * 16 * 3 },
        bias: SECTION,
        kernel: [1, 3],
        stride: [1, 1],
        dilation: [1, 1],
        pad: [0, 1],
        groups: 1,
        activation: Activation::Relu,
        blocking: Blocking { input_blocks: 1, rows: 2 },
    };
    step.input.channels, step.input.height, step.input.width, step.input.halo.left,
    step.output.channels, step.output.height, step.output.width, step.weights.len, step.bias.len,
    step.kernel[0], step.kernel[1], step.stride[0], step.stride[1], step.dilation[0],
    step.dilation[1], step.pad[0], step.pad[1], step.groups, step.blocking.input_blocks,
    step.blocking.rows);

survives!(depthwise_conv,
    step = DepthwiseConv {
        input: PLANES,
        output: OTHERS,
        residual: Some(Residual { view: OTHERS, order: ResidualOrder::BeforeActivation }),
        weights: Section { offset: 64, len: 16 * 9 },
        bias: SECTION,
        kernel: [3, 3],
        stride: [1, 1],
        dilation: [1, 1],
        pad: [1, 1],
        activation: Activation::Relu,
    };
    step.input.channels, step.input.height, step.input.width, step.input.halo.left,
    step.output.channels, step.output.height, step.output.width, step.weights.len, step.bias.len,
    step.kernel[0], step.kernel[1], step.stride[0], step.stride[1], step.dilation[0],
    step.dilation[1], step.pad[0], step.pad[1]);

survives!(planar_conv,
    step = PlanarConv {
        input: Plain { offset: 0, len: 3 * 8 * 9 },
        output: OTHERS,
        channels: 3,
        height: 8,
        width: 9,
        weights: Section { offset: 64, len: 16 * 27 },
        bias: SECTION,
        kernel: [3, 3],
        stride: [1, 1],
        dilation: [1, 1],
        activation: Activation::Relu,
    };
    step.input.len, step.channels, step.height, step.width, step.output.channels,
    step.output.height, step.output.width, step.weights.len, step.bias.len, step.kernel[0],
    step.kernel[1], step.stride[0], step.stride[1], step.dilation[0], step.dilation[1]);
