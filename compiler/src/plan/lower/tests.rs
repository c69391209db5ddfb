//! Tests of lowering: the text of a graph in, the steps of the plan out.

use crate::ErrorKind;
use crate::plan::testing::{compiled, conv, planned, refusal, steps};
use crate::plan::{Kernel, Plan};
use crate::step::{self, Blocked, Extent, Halo};

/// The direct convolution of this node.
#[track_caller]
fn direct(plan: &Plan, node: &str) -> step::Conv {
    let found = plan.steps.iter().find_map(|step| match &step.kernel {
        Kernel::Conv(conv) if step.name == node => Some(*conv),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("{node} is no direct convolution: {:#?}", steps(plan)))
}

/// The packing in front of the first layer.
#[track_caller]
fn packing(plan: &Plan) -> step::Pack {
    match &plan.steps[0].kernel {
        Kernel::Pack(pack) => *pack,
        other => panic!("the first step is {}", other.label()),
    }
}

/// The first channel at which a view of some channels starts.
fn first_channel(part: &Blocked, whole: &Blocked) -> usize {
    assert_eq!((part.row_stride, part.plane_stride), (whole.row_stride, whole.plane_stride));
    (part.origin - whole.origin) / 4 / whole.plane_stride * 8
}

#[test]
fn a_first_layer_reads_planes_and_the_next_blocks() {
    let text = format!(
        "x = input f32[1,3,8,8]\n{}{}output b",
        conv("a", "x", [16, 3, 3]),
        conv("b", "a", [8, 16, 3])
    );
    assert_eq!(
        steps(&planned(&text)),
        [
            "a: padding of planes -> 300 values",
            "a: first-layer convolution -> 1x16x8x8 blocked halo 1,1,1,1",
            "b: direct convolution -> 1x8x8x8 blocked",
            "b: blocked to row-major -> 512 values",
        ]
    );
}

#[test]
fn more_channels_are_packed_once_for_all_who_read_them() {
    let text = format!(
        "x = input f32[1,16,8,8]\n{}{}output a\noutput b",
        conv("a", "x", [16, 16, 1]),
        conv("b", "x", [32, 16, 1])
    );
    assert_eq!(
        steps(&planned(&text))[..3],
        [
            "a: row-major to blocked -> 1x16x8x8 blocked",
            "a: direct convolution -> 1x16x8x8 blocked",
            "b: direct convolution -> 1x32x8x8 blocked",
        ]
    );
}

#[test]
fn conversions_are_named_after_the_value_that_is_converted() {
    let text = format!(
        "x = input f32[1,3,8,8]\n{}{}output b\noutput a",
        conv("a", "x", [16, 3, 1]),
        conv("b", "a", [32, 16, 1])
    );
    assert_eq!(
        steps(&planned(&text))[2..],
        ["b: blocked to row-major -> 2048 values", "a: blocked to row-major -> 1024 values"]
    );
}

#[test]
fn a_filter_a_channel_is_depthwise_and_groups_are_direct() {
    let text = "x = input f32[1,32,8,8]
        d.w = constant f32[32,1,3,3] random(1)
        d = Conv(x, d.w) { group = 32, pads = [1, 1, 1, 1], strides = [2, 2] }
        g.w = constant f32[32,8,1,1] random(2)
        g = Conv(d, g.w) { group = 4 }
        output g";
    let plan = planned(text);
    assert_eq!(
        steps(&plan)[1..3],
        [
            "d: depthwise convolution -> 1x32x4x4 blocked",
            "g: direct convolution -> 1x32x4x4 blocked",
        ]
    );
    assert_eq!(direct(&plan, "g").groups, 2, "groups of 8 channels are merged into ones of 16");
}

#[test]
fn a_residual_block_is_a_step_a_convolution() {
    let text = format!(
        "x = input f32[1,16,8,8]
         {}r = Relu(a)
         {}s = Add(b, x)
         y = Relu(s)
         output y",
        conv("a", "x", [16, 16, 3]),
        conv("b", "r", [16, 16, 3])
    );
    let plan = compiled(&text);
    let labels: Vec<_> = plan.steps.iter().map(|step| step.kernel.label()).collect();
    assert_eq!(
        labels,
        [
            "row-major to blocked",
            "direct convolution",
            "direct convolution",
            "blocked to row-major"
        ]
    );
    let adds = direct(&plan, &plan.steps[2].name);
    assert_eq!(adds.residual.unwrap().view, packing(&plan).output);
}

#[test]
fn parts_of_whole_blocks_are_joined_where_they_are_written() {
    let text = format!(
        "x = input f32[1,16,8,8]
         {}{}joined = Concat(a, b) {{ axis = 1 }}
         {}output c",
        conv("a", "x", [16, 16, 1]),
        conv("b", "x", [12, 16, 3]),
        conv("c", "joined", [8, 28, 3])
    );
    let plan = planned(&text);
    assert_eq!(
        steps(&plan),
        [
            "a: row-major to blocked -> 1x16x8x8 blocked halo 1,1,1,1",
            "a: direct convolution -> 1x16x8x8 blocked halo 1,1,1,1",
            "b: direct convolution -> 1x12x8x8 blocked halo 1,1,1,1",
            "c: direct convolution -> 1x8x8x8 blocked",
            "c: blocked to row-major -> 512 values",
        ]
    );
    let (whole, packed) = (direct(&plan, "c").input, packing(&plan).output);
    assert_eq!(whole.channels, 28);
    assert_eq!(first_channel(&direct(&plan, "a").output, &whole), 0);
    assert_eq!(first_channel(&direct(&plan, "b").output, &whole), 16);
    assert_eq!(direct(&plan, "b").input, packed);
}

#[test]
fn what_starts_within_a_block_is_copied() {
    let text = format!(
        "x = input f32[1,16,8,8]
         {}{}{}joined = Concat(a, b, c) {{ axis = 1 }}
         {}output d",
        conv("a", "x", [12, 16, 1]),
        conv("b", "x", [4, 16, 1]),
        conv("c", "x", [8, 16, 1]),
        conv("d", "joined", [8, 24, 1])
    );
    let plan = planned(&text);
    let copies: Vec<_> = steps(&plan).into_iter().filter(|step| step.contains("copy")).collect();
    assert_eq!(copies, ["joined: copy of channels -> 1x24x8x8 blocked"], "only `b` is copied");
    let Kernel::BlockedCopy(copy) =
        &plan.steps.iter().find(|step| step.name == "joined").unwrap().kernel
    else {
        panic!()
    };
    assert_eq!((copy.first, copy.input.channels), (12, 4));
}

#[test]
fn a_tensor_has_a_place_in_one_list_only() {
    let text = format!(
        "x = input f32[1,8,4,4]
         {}{}p = Concat(a, b) {{ axis = 1 }}
         q = Concat(b, a, a) {{ axis = 1 }}
         {}{}output c\noutput d",
        conv("a", "x", [8, 8, 1]),
        conv("b", "x", [8, 8, 1]),
        conv("c", "p", [8, 16, 1]),
        conv("d", "q", [8, 24, 1])
    );
    let plan = planned(&text);
    let copies = |name: &str| plan.steps.iter().filter(|step| step.name == name).count();
    assert_eq!((copies("p"), copies("q")), (0, 3));
}

#[test]
fn a_dense_block_shares_one_storage_without_a_copy() {
    let mut text = String::from("x = input f32[1,16,8,8]\n");
    text.push_str(&conv("f0", "x", [16, 16, 3]));
    let mut list = String::from("f0");
    for layer in 1..6 {
        let channels = 16 + 8 * (layer - 1);
        let (joined, feature) = (format!("j{layer}"), format!("f{layer}"));
        text.push_str(&format!("{joined} = Concat({list}) {{ axis = 1 }}\n"));
        text.push_str(&conv(&feature, &joined, [8, channels, 3]));
        list.push_str(&format!(", {feature}"));
    }
    text.push_str(&format!("all = Concat({list}) {{ axis = 1 }}\n"));
    text.push_str(&conv("last", "all", [8, 56, 1]));
    text.push_str("output last");
    let plan = planned(&text);
    assert!(steps(&plan).iter().all(|step| !step.contains("copy")), "{:#?}", steps(&plan));
    let all = direct(&plan, "last").input;
    for layer in 0..6 {
        let first = if layer == 0 { 0 } else { 16 + 8 * (layer - 1) };
        let step = direct(&plan, &format!("f{layer}"));
        assert_eq!(first_channel(&step.output, &all), first);
        if layer > 0 {
            assert_eq!((step.input.origin, step.input.channels), (all.origin, first));
        }
    }
    // The input, its blocked form, the block, the result, its row-major form.
    assert_eq!(plan.residents.len(), 5);
}

#[test]
fn the_halo_covers_what_every_reader_touches() {
    let text = "x = input f32[1,8,9,9]
        a.w = constant f32[8,8,1,1] random(1)
        a = Conv(x, a.w)
        b.w = constant f32[8,8,3,3] random(2)
        b = Conv(a, b.w) { pads = [2, 0, 0, 0] }
        c.w = constant f32[8,8,3,3] random(3)
        c = Conv(a, c.w) { pads = [0, 1, 0, 3] }
        output b\noutput c";
    let plan = planned(text);
    let producer = direct(&plan, "a");
    assert_eq!(producer.output.halo, Halo { top: 2, left: 1, bottom: 0, right: 3 });
    assert_eq!(producer.input.halo, Halo::default());
}

#[test]
fn padding_that_no_window_reaches_takes_no_memory() {
    let text = "x = input f32[1,8,8,8]
        w = constant f32[8,8,3,3] random(1)
        y = Conv(x, w) { pads = [1, 1, 1, 1], strides = [2, 2] }
        output y";
    assert_eq!(packing(&planned(text)).output.halo, Halo { top: 1, left: 1, bottom: 0, right: 0 });
}

#[test]
fn another_shape_of_the_same_elements_costs_nothing() {
    let text = "x = input f32[2,3,4]
        r = Reshape(x) { shape = [6, 4] }
        i = Identity(r)
        f = Flatten(i) { axis = 0 }
        output f";
    let plan = planned(text);
    assert!(plan.steps.is_empty());
    assert_eq!(plan.inputs[0].place, plan.outputs[0].place);
}

#[test]
fn the_head_of_a_classifier_is_row_major() {
    let text = "x = input f32[1,16,8,8]
        p = MaxPool(x) { kernel_shape = [3, 3], strides = [2, 2] }
        g = GlobalAveragePool(p)
        f = Flatten(g)
        w = constant f32[10,16] random(1)
        b = constant f32[10] random(2)
        m = Gemm(f, w, b) { transB = 1 }
        s = Softmax(m) { axis = 1 }
        output s";
    assert_eq!(
        steps(&planned(text)),
        [
            "p: row-major to blocked -> 1x16x8x8 blocked",
            "p: pooling -> 1x16x3x3 blocked",
            "g: mean of planes -> 16 values",
            "m: fully connected -> 10 values",
            "s: softmax -> 10 values",
        ]
    );
}

#[test]
fn elementwise_operators_stay_in_the_form_of_their_operand() {
    let text = format!(
        "x = input f32[1,16,8,8]
         e = Exp(x)
         {}t = Tanh(a)
         g = GlobalAveragePool(t)
         gate = Sigmoid(g)
         scaled = Mul(gate, t)
         c = constant f32[8] random(1)
         row = Add(scaled, c)
         output row",
        conv("a", "e", [16, 16, 1])
    );
    assert_eq!(
        steps(&planned(&text)),
        [
            "e: elementwise -> 1024 values",
            "a: row-major to blocked -> 1x16x8x8 blocked",
            "a: direct convolution -> 1x16x8x8 blocked",
            "t: elementwise, blocked -> 1x16x8x8 blocked",
            "g: mean of planes -> 16 values",
            "gate: elementwise -> 16 values",
            "scaled: row-major to blocked -> 1x16x1x1 blocked",
            "scaled: elementwise, two operands, blocked -> 1x16x8x8 blocked",
            "row: blocked to row-major -> 1024 values",
            "row: constant -> 8 values",
            "row: elementwise, two operands -> 1024 values",
        ]
    );
}

#[test]
fn data_moves_by_strided_copies() {
    let text = "x = input f32[2,3,4]
        t = Transpose(x) { perm = [2, 0, 1] }
        s, s:1 = Split(t) { axis = 0, split = [1, 3] }
        c = Concat(s:1, s) { axis = 0 }
        output c";
    assert_eq!(
        steps(&planned(text)),
        [
            "t: strided copy -> 24 values",
            "s: strided copy -> 6 values",
            "s: strided copy -> 18 values",
            "c: strided copy -> 24 values",
            "c: strided copy -> 24 values",
        ]
    );
}

#[test]
fn a_constant_packed_for_one_purpose_is_stored_once() {
    let text = |second: &str| {
        format!(
            "x = input f32[1,16,4,4]
             w = constant f32[16,16,3,3] random(1)
             v = constant f32[16,16,3,3] random(2)
             a = Conv(x, w) {{ pads = [1, 1, 1, 1] }}
             b = Conv(a, {second}) {{ pads = [1, 1, 1, 1] }}
             output b"
        )
    };
    let bytes = |second| planned(&text(second)).weights.len() * 4;
    assert_eq!(bytes("v") - bytes("w"), 16 * 16 * 9 * 4);
}

#[test]
fn all_that_cannot_be_compiled_is_named_at_once() {
    let error = refusal(
        "x = input f32[1,1,1,1,1,1,1,1,4]
         n = ReduceSum(x) { axes = [8] }
         fine = Relu(n)
         r = constant i64[9] [1, 1, 1, 1, 1, 1, 1, 1, 2]
         p = Tile(fine, r)
         w = Softmax(p)
         output w",
    );
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let text = error.to_string();
    assert!(text.contains("2 nodes cannot be compiled"), "{text}");
    for part in ["`n`", "ReduceSum", "`p`", "Tile", "more than 8 dimensions"] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
    assert!(!text.contains("fine") && !text.contains("Softmax"), "{text}");
}

#[test]
fn what_no_kernel_computes_is_an_operation() {
    let plan = planned("x = input i64[4]\ny = Add(x, x)\noutput y");
    assert_eq!(steps(&plan), ["y: ElementwiseArithmetic -> i64[4]"]);
    let computed = "x = input f32[1,8,4,4]\nw = input f32[8,8,1,1]\ny = Conv(x, w)\noutput y";
    assert_eq!(steps(&planned(computed)), ["y: GeneralConv -> f32[1,8,4,4]"]);
}

#[test]
fn what_is_found_at_run_time_is_written_once_and_read_afterwards() {
    let plan = planned(
        "x = input f32[6]
         places = NonZero(x)
         turned = Transpose(places) { perm = [1, 0] }
         output turned",
    );
    assert_eq!(
        steps(&plan),
        ["places: NonZero -> i64[1,..=6]", "turned: GeneralTranspose -> i64[..=6,1]"]
    );
    let sizes = |step: usize| match &plan.steps[step].kernel {
        Kernel::General(general) => general.outputs[0].sizes,
        other => panic!("{other:?}"),
    };
    let (Extent::Found { count, max: 6 }, Extent::Counted { count: same, max: 6 }) =
        (sizes(0)[1], sizes(1)[0])
    else {
        panic!("{:?} {:?}", sizes(0), sizes(1))
    };
    assert_eq!(count, same);
    assert_eq!(plan.outputs[0].counts, [Some(count), None]);
}

#[test]
fn what_one_branch_needs_runs_with_that_branch() {
    let plan = planned(
        "x = input f32[4]
         zero = constant f32[] [0]
         sum = ReduceSum(x) { axes = [0], keepdims = 0 }
         c = Greater(sum, zero)
         a = NonZero(x)
         n = Neg(x)
         b = NonZero(n)
         y = Select(c, a, b)
         output y",
    );
    let guards: Vec<_> =
        plan.steps.iter().map(|s| (s.name.as_str(), s.guards.first().map(|g| g.holds))).collect();
    let expected = [
        ("sum", None),
        ("c", None),
        ("a", Some(true)),
        ("n", Some(false)),
        ("b", Some(false)),
        ("y", None),
    ];
    assert_eq!(guards, expected);
}
