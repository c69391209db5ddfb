//! All passes on random networks: whatever is rewritten, the results stay.

use super::testing::{graph, norm, same_results, text};
use super::{PassOptions, run};

/// A linear congruential generator (Knuth, "Seminumerical algorithms", 3.3.4).
struct Random(u64);

/// Constants beside a value `[1, 4, 4, 4]`: neutral ones, numbers, one a
/// channel, and some along other dimensions.
const CONSTANTS: [&str; 8] = [
    "f32[] [0.5]",
    "f32[] [0]",
    "f32[] [1]",
    "f32[1] [6]",
    "f32[4,1,1] [1, -2, 0.5, 3]",
    "f32[1,4,1,1] [1, 1, 1, 1]",
    "f32[4] [1, 2, 3, -1]",
    "f32[1,1,4,1] [2, 1, -1, 0.5]",
];

/// Shapes of weights and attributes of convolutions that keep the shape.
const CONVOLUTIONS: [(&str, &str); 4] = [
    ("4,4,1,1", ""),
    ("4,4,3,3", "pads = [1, 1, 1, 1]"),
    ("4,2,3,3", "pads = [2, 0, 0, 2], group = 2"),
    ("4,1,3,3", "pads = [1, 1, 1, 1], group = 4"),
];

const ACTIVATIONS: [&str; 8] = [
    "Relu(x)",
    "Sigmoid(x)",
    "Tanh(x)",
    "Swish(x)",
    "HardSwish(x)",
    "LeakyRelu(x) { alpha = 0.2 }",
    "Clip(x) { min = -0.5, max = 1.5 }",
    "Clip(x) { max = 2.0 }",
];

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % bound
    }

    fn choice<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// The name of one of the last three of `count` values.
    fn value(&mut self, count: usize) -> String {
        format!("v{}", count - 1 - self.below(count.min(3)))
    }

    fn network(&mut self) -> String {
        let mut lines = "v0 = input f32[1,4,4,4]\n".to_owned();
        let count = 4 + self.below(12);
        for i in 1..count {
            lines += &format!("{}\n", self.node(i));
        }
        lines += &format!("output v{}\n", count - 1);
        if self.below(3) == 0 {
            lines += &format!("output v{}\n", self.below(count - 1));
        }
        lines
    }

    /// Lines that compute the value `v{i}`.
    fn node(&mut self, i: usize) -> String {
        let (x, y) = (self.value(i), self.value(i));
        match self.below(12) {
            0..3 => self.convolution(i, &x),
            3 => format!(
                "p{i} = Pad({x}) {{ pads = [0, 0, 1, 1, 0, 0, 1, 1], value = 0.0 }}
                 w{i} = constant f32[4,4,3,3] random({i}, -0.4, 0.4)
                 v{i} = Conv(p{i}, w{i})"
            ),
            4..6 => norm(&format!("v{i}"), &x, 4, self.below(1000)),
            6 => format!("v{i} = {}", self.choice(&ACTIVATIONS).replace("(x)", &format!("({x})"))),
            7 => {
                let operation = self.choice(&["Add", "Sub", "Mul", "Max", "Min", "PRelu"]);
                format!(
                    "c{i} = constant {}\nv{i} = {operation}({x}, c{i})",
                    self.choice(&CONSTANTS)
                )
            }
            8 => {
                let operation = self.choice(&["Add", "Sub", "Mul", "Max"]);
                format!(
                    "c{i} = constant {}\nv{i} = {operation}(c{i}, {x})",
                    self.choice(&CONSTANTS)
                )
            }
            9 => format!("v{i} = Add({x}, {y})"),
            10 => format!("s{i} = Sigmoid({x})\nv{i} = Mul(s{i}, {y})"),
            _ => format!("v{i} = MaxPool({x}) {{ kernel_shape = [3, 3], pads = [1, 1, 1, 1] }}"),
        }
    }

    fn convolution(&mut self, i: usize, x: &str) -> String {
        let (shape, attributes) = self.choice(&CONVOLUTIONS);
        let bias = if self.below(2) == 0 { "_".to_owned() } else { format!("b{i}") };
        format!(
            "w{i} = constant f32[{shape}] random({}, -0.5, 0.5)
             b{i} = constant f32[4] random({i})
             v{i} = Conv({x}, w{i}, {bias}) {{ {attributes} }}",
            self.below(1000)
        )
    }
}

#[test]
fn random_networks_compute_the_same_afterwards() {
    for seed in 0..300 {
        let network = Random(seed).network();
        let mut after = graph(&network);
        let reports = run(&mut after, &PassOptions::default());
        assert!(reports.is_ok(), "{:?}\n{network}", reports.err());
        let same = std::panic::catch_unwind(|| same_results(&graph(&network), &after));
        assert!(same.is_ok(), "seed {seed}\n{network}\nbecame\n{}", text(&after));
    }
}
