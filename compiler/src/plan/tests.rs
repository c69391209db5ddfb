//! Tests of whole plans: who lives when, and how large the arena is.

use super::memory::least_possible;
use super::testing::{compiled, conv, planned};
use super::{Kernel, Plan};

/// Networks in the manner of the well-known ones, small.
fn networks() -> Vec<(&'static str, String)> {
    vec![
        ("chain", chain()),
        ("residual", residual()),
        ("inception", inception()),
        ("dense block", dense_block()),
        ("two heads", two_heads()),
    ]
}

/// Convolutions and pooling one after the other.
fn chain() -> String {
    let mut text = String::from("x = input f32[1,3,32,32]\n");
    let mut x = "x".to_owned();
    let mut channels = 3;
    for (layer, outputs) in [16, 32, 64].into_iter().enumerate() {
        let name = format!("c{layer}");
        text.push_str(&conv(&name, &x, [outputs, channels, 3]));
        text.push_str(&format!(
            "r{layer} = Relu({name})
             p{layer} = MaxPool(r{layer}) {{ kernel_shape = [2, 2], strides = [2, 2] }}\n"
        ));
        (x, channels) = (format!("p{layer}"), outputs);
    }
    text + &format!("output {x}")
}

/// Three residual blocks.
fn residual() -> String {
    let mut text = String::from("x = input f32[1,16,16,16]\n");
    let mut x = "x".to_owned();
    for block in 0..3 {
        text.push_str(&conv(&format!("a{block}"), &x, [16, 16, 3]));
        text.push_str(&format!("r{block} = Relu(a{block})\n"));
        text.push_str(&conv(&format!("b{block}"), &format!("r{block}"), [16, 16, 3]));
        text.push_str(&format!("s{block} = Add(b{block}, {x})\ny{block} = Relu(s{block})\n"));
        x = format!("y{block}");
    }
    text + &format!("output {x}")
}

/// Branches of several windows, joined, one of them ragged.
fn inception() -> String {
    let mut text = String::from("x = input f32[1,24,16,16]\n");
    text.push_str(&conv("a", "x", [16, 24, 1]));
    text.push_str(&conv("b1", "x", [12, 24, 1]));
    text.push_str(&conv("b", "b1", [20, 12, 3]));
    text.push_str(&conv("c1", "x", [8, 24, 1]));
    text.push_str(&conv("c", "c1", [8, 8, 5]));
    text.push_str("p = MaxPool(x) { kernel_shape = [3, 3], pads = [1, 1, 1, 1] }\n");
    text.push_str(&conv("d", "p", [8, 24, 1]));
    text.push_str("joined = Concat(a, b, c, d) { axis = 1 }\n");
    text.push_str(&conv("last", "joined", [16, 52, 3]));
    text + "output last"
}

/// Layers that read all before them.
fn dense_block() -> String {
    let mut text = String::from("x = input f32[1,16,16,16]\n");
    text.push_str(&conv("f0", "x", [16, 16, 3]));
    let mut list = String::from("f0");
    for layer in 1..5 {
        text.push_str(&format!("j{layer} = Concat({list}) {{ axis = 1 }}\n"));
        text.push_str(&conv(&format!("n{layer}"), &format!("j{layer}"), [32, 8 + 8 * layer, 1]));
        text.push_str(&conv(&format!("f{layer}"), &format!("n{layer}"), [8, 32, 3]));
        list.push_str(&format!(", f{layer}"));
    }
    text + &format!("all = Concat({list}) {{ axis = 1 }}\noutput all")
}

/// Two inputs and two outputs.
fn two_heads() -> String {
    let mut text = String::from("x = input f32[1,8,16,16]\nz = input f32[1,8,16,16]\n");
    text.push_str(&conv("a", "x", [16, 8, 3]));
    text.push_str(&conv("b", "z", [16, 8, 3]));
    text.push_str("m = Mul(a, b)\ng = GlobalAveragePool(m)\n");
    text.push_str(&conv("c", "m", [8, 16, 3]));
    text + "output g\noutput c"
}

#[test]
fn arenas_are_close_to_the_least_possible() {
    for (name, text) in networks() {
        let plan = compiled(&text);
        let least = least_possible(&plan.residents);
        assert!(plan.arena_bytes >= least, "{name}");
        let most = least * 115 / 100;
        assert!(plan.arena_bytes <= most, "{name}: {} of {least} bytes", plan.arena_bytes);
    }
}

#[test]
fn what_lives_at_the_same_time_shares_no_byte() {
    for (name, text) in networks() {
        let plan = compiled(&text);
        for (i, a) in plan.residents.iter().enumerate() {
            assert!(a.offset + a.bytes <= plan.arena_bytes, "{name}");
            for b in &plan.residents[..i] {
                let apart = a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset;
                let never_meet = a.last < b.first || b.last < a.first;
                assert!(apart || never_meet, "{name}: {a:?} and {b:?}");
            }
        }
    }
}

/// When what lies at a byte lives, of all that lies there at this step.
#[track_caller]
fn life(plan: &Plan, byte: usize, step: usize) -> (usize, usize) {
    let there = plan.residents.iter().find(|r| {
        (r.offset..r.offset + r.bytes).contains(&byte) && (r.first..=r.last).contains(&step)
    });
    there.map(|r| (r.first, r.last)).unwrap()
}

#[test]
fn inputs_live_from_the_start_and_outputs_to_the_end() {
    let text = format!(
        "x = input f32[1,8,4,4]\nlate = input f32[1,128]
         early = Relu(x)
         {}e = Exp(late)
         output early\noutput e\noutput a",
        conv("a", "x", [8, 8, 1])
    );
    let plan = planned(&text);
    let end = plan.steps.len() + 1;
    let step = |name: &str| 1 + plan.steps.iter().position(|step| step.name == name).unwrap();
    assert_eq!(life(&plan, plan.inputs[1].place.offset, 0), (0, step("e")));
    assert_eq!(life(&plan, plan.outputs[0].place.offset, end), (step("early"), end));
    assert_eq!(life(&plan, plan.outputs[1].place.offset, end), (step("e"), end));
}

#[test]
fn a_storage_lives_as_long_as_any_view_of_it() {
    // `a` is a part of the list and read again after everything else; what is
    // written in between must not be put there.
    let text = format!(
        "x = input f32[1,8,8,8]
         {}{}joined = Concat(a, b) {{ axis = 1 }}
         {}{}{}last = Add(d, a)
         output last",
        conv("a", "x", [8, 8, 1]),
        conv("b", "x", [8, 8, 1]),
        conv("c", "joined", [8, 16, 1]),
        conv("c2", "c", [8, 8, 1]),
        conv("d", "c2", [8, 8, 1])
    );
    let plan = planned(&text);
    let position = |name: &str| plan.steps.iter().position(|step| step.name == name).unwrap();
    let (a, last) = (1, position("last"));
    let Kernel::Conv(first) = &plan.steps[a].kernel else { panic!() };
    assert_eq!(life(&plan, first.output.origin, a + 1), (a + 1, last + 1));
    // The other part lies in the same storage, one block further.
    let Kernel::Conv(second) = &plan.steps[position("b")].kernel else { panic!() };
    assert_eq!(second.output.origin - first.output.origin, 8 * 8 * 8 * 4);
    assert_eq!(life(&plan, second.output.origin, a + 1), (a + 1, last + 1));
}

#[test]
fn a_plan_is_the_same_every_time() {
    for (name, text) in networks() {
        let (first, second) = (compiled(&text), compiled(&text));
        assert_eq!(first.steps, second.steps, "{name}");
        assert_eq!(first.residents, second.residents, "{name}");
        assert!(first.weights == second.weights, "{name}");
    }
}
