//! Recurrent layers.

use super::operands::{elements, optional, required};
use super::{Failure, Input, Native, Operation, Output, with_type};
use crate::real;

description! {
    /// `RNN`, `GRU` (Cho et al. 2014) and `LSTM` (Hochreiter and Schmidhuber
    /// 1997). Operands: x, weights, recurrent weights, biases, lengths, first
    /// state, first cell, peepholes, as ONNX has them; from the biases on they
    /// may be missing. Results: states of all steps, last state, and of an LSTM
    /// the last cell.
    pub struct Recurrent {
        /// What a step computes.
        pub cell: Cell,
        /// Values of a state.
        pub hidden: usize,
        /// The ways that a sequence is gone through.
        pub direction: Direction,
        /// Whether the batch is the first dimension, not steps or directions.
        pub batch_first: bool,
        /// What goes into activations is not below minus this, nor above it.
        pub clip: f32,
        /// Activations, those of the other direction after those of the first.
        pub activations: [GateActivation; 6],
    }
}

description! {
    /// What a step computes.
    pub enum Cell {
        /// `RNN`: one gate, the state.
        Simple,
        /// `GRU`: update, reset and hidden gate.
        Gated {
            /// Whether the state is multiplied with the weights before it is
            /// reset.
            linear_before_reset: bool,
        },
        /// `LSTM`: input, output, forget and cell gate.
        Memory {
            /// Whether what is not let in is what is not forgotten.
            coupled: bool,
        },
    }
}

description! {
    /// The ways that a sequence is gone through.
    #[derive(Eq)]
    pub enum Direction {
        /// From the first step to the last.
        Forward,
        /// From the last step to the first.
        Reverse,
        /// Both.
        Both,
    }
}

description! {
    /// The activation of a gate.
    pub struct GateActivation {
        /// What function it is.
        pub curve: Curve,
        /// Its first parameter.
        pub alpha: f32,
        /// Its second parameter.
        pub beta: f32,
    }
}

description! {
    /// Functions that activations of gates are.
    #[derive(Eq)]
    #[allow(missing_docs)]
    pub enum Curve {
        Relu,
        Tanh,
        Sigmoid,
        Affine,
        LeakyRelu,
        ThresholdedRelu,
        ScaledTanh,
        HardSigmoid,
        Elu,
        Softsign,
        Softplus,
    }
}

impl GateActivation {
    fn apply(self, x: f64) -> f64 {
        let (alpha, beta) = (f64::from(self.alpha), f64::from(self.beta));
        match self.curve {
            Curve::Relu => if x < 0.0 { 0.0 } else { x },
            Curve::Tanh => real::tanh(x),
            Curve::Sigmoid => 1.0 / (1.0 + real::exp(-x)),
            Curve::Affine => alpha * x + beta,
            Curve::LeakyRelu => if x < 0.0 { alpha * x } else { x },
            Curve::ThresholdedRelu => if x < alpha { 0.0 } else { x },
            Curve::ScaledTanh => alpha * real::tanh(beta * x),
            Curve::HardSigmoid => (alpha * x + beta).clamp(0.0, 1.0),
            Curve::Elu => if x < 0.0 { alpha * real::exp_m1(x) } else { x },
            Curve::Softsign => x / (1.0 + x.abs()),
            Curve::Softplus => x.max(0.0) + real::ln_1p(real::exp(-x.abs())),
        }
    }
}

impl Cell {
    /// Gates, and different activations of them.
    const fn counts(self) -> (usize, usize) {
        match self {
            Self::Simple => (1, 1),
            Self::Gated { .. } => (3, 2),
            Self::Memory { .. } => (4, 3),
        }
    }
}

impl Operation for Recurrent {
    fn scratch(&self, _: &[&[usize]]) -> usize {
        let (gates, _) = self.cell.counts();
        // State and cell before and after a step, and gates.
        self.hidden.saturating_mul(gates + 4)
    }

    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        scratch: &mut [u64],
    ) -> Result<(), Failure> {
        with_type!(required(inputs, 0)?.element(), T: floats => {
            let layer = Layer::<T>::new(self, inputs)?;
            let ([all, last, rest @ ..], &[batches, steps]) = (outputs, &layer.sizes) else {
                return Err(Failure("expected two results or three"));
            };
            let (directions, hidden) = (layer.directions, self.hidden);
            let [all_sizes, last_sizes] = if self.batch_first {
                [[batches, steps, directions, hidden], [batches, directions, hidden, 1]]
            } else {
                [[steps, directions, batches, hidden], [directions, batches, hidden, 1]]
            };
            let all = all.resize::<T>(&all_sizes)?;
            all.fill(T::default());
            let last = last.resize::<T>(&last_sizes[..3])?;
            let cells = match rest.first_mut() {
                Some(cells) => cells.resize::<T>(&last_sizes[..3])?,
                None => &mut [],
            };
            for direction in 0..directions {
                for batch in 0..batches {
                    layer.go(direction, batch, scratch, all)?;
                    let place = layer.place(direction, batch);
                    let numbers = scratch.iter().map(|&bits| T::from_f64(f64::from_bits(bits)));
                    let states = last[place..].iter_mut().take(hidden);
                    let cells = cells.iter_mut().skip(place).take(hidden);
                    let places = states.chain(cells);
                    places.zip(numbers).for_each(|(place, number)| *place = number);
                }
            }
            Ok(())
        })
    }
}

/// A layer and its operands.
struct Layer<'a, T> {
    layer: &'a Recurrent,
    /// Sequences, and steps in them.
    sizes: [usize; 2],
    directions: usize,
    /// Values of x in a step.
    width: usize,
    x: &'a [T],
    weights: &'a [T],
    recurrent: &'a [T],
    biases: &'a [T],
    lengths: Option<Input<'a>>,
    first_state: &'a [T],
    first_cell: &'a [T],
    peepholes: &'a [T],
}

impl<'a, T: Native> Layer<'a, T> {
    #[inline]
    fn new(layer: &'a Recurrent, inputs: &[Option<Input<'a>>]) -> Result<Self, Failure> {
        let x = required(inputs, 0)?;
        let (sizes, width) = match (x.sizes(), layer.batch_first) {
            (&[batches, steps, width], true) | (&[steps, batches, width], false) => {
                ([batches, steps], width)
            }
            _ => return Err(Failure("expected sequences of vectors")),
        };
        let directions = if layer.direction == Direction::Both { 2 } else { 1 };
        let (gates, _) = layer.cell.counts();
        let rows = directions * gates * layer.hidden;
        let states = directions.wrapping_mul(sizes[0]).wrapping_mul(layer.hidden);
        let exactly = |slot, len: usize| {
            let values = elements::<T>(inputs, slot)?;
            match values.len() == len || optional(inputs, slot).is_none() {
                true => Ok(values),
                false => Err(Failure("an operand does not fit the layer")),
            }
        };
        let lengths = optional(inputs, 4);
        if lengths.is_some_and(|lengths| lengths.len() != sizes[0]) {
            return Err(Failure("there are not as many lengths as sequences"));
        }
        required(inputs, 1)?;
        required(inputs, 2)?;
        Ok(Self {
            layer,
            sizes,
            directions,
            width,
            x: x.values()?,
            weights: exactly(1, rows.wrapping_mul(width))?,
            recurrent: exactly(2, rows.wrapping_mul(layer.hidden))?,
            biases: exactly(3, 2 * rows)?,
            lengths,
            first_state: exactly(5, states)?,
            first_cell: exactly(6, states)?,
            peepholes: exactly(7, directions * 3 * layer.hidden)?,
        })
    }

    /// The first value of a state of a direction and sequence.
    const fn place(&self, direction: usize, batch: usize) -> usize {
        let [batches, _] = self.sizes;
        self.layer.hidden
            * if self.layer.batch_first {
                batch * self.directions + direction
            } else {
                direction * batches + batch
            }
    }

    /// Goes through a sequence. Leaves the last state and cell at the begin of
    /// the scratch memory.
    fn go(
        &self,
        direction: usize,
        batch: usize,
        scratch: &mut [u64],
        all: &mut [T],
    ) -> Result<(), Failure> {
        let [batches, steps] = self.sizes;
        let hidden = self.layer.hidden;
        let place = self.place(direction, batch);
        let (old, new) = scratch
            .split_at_mut_checked(2 * hidden)
            .ok_or(Failure("there is too little scratch memory"))?;
        for (i, word) in old.iter_mut().enumerate() {
            let first =
                if i < hidden { self.first_state.get(place + i) } else { self.first_cell.get(place + i - hidden) };
            *word = first.map_or(0.0, |first| first.to_f64()).to_bits();
        }
        let len = match self.lengths {
            None => steps,
            Some(lengths) => usize::try_from(lengths.integer(batch)?)
                .ok()
                .filter(|&len| len <= steps)
                .ok_or(Failure("a sequence is longer than there are steps"))?,
        };
        let backward = direction == 1 || self.layer.direction == Direction::Reverse;
        for i in 0..len {
            let step = if backward { len - 1 - i } else { i };
            let row = if self.layer.batch_first { batch * steps + step } else { step * batches + batch };
            let x = &self.x[row * self.width..][..self.width];
            let new = new
                .get_mut(..hidden * (self.layer.cell.counts().0 + 2))
                .ok_or(Failure("there is too little scratch memory"))?;
            self.step(direction, x, old, new);
            old.copy_from_slice(&new[..2 * hidden]);
            let row = if self.layer.batch_first {
                (batch * steps + step) * self.directions + direction
            } else {
                (step * self.directions + direction) * batches + batch
            };
            for (place, &word) in all[row * hidden..].iter_mut().zip(&old[..hidden]) {
                *place = T::from_f64(f64::from_bits(word));
            }
        }
        Ok(())
    }

    /// The bounded sum that goes into an activation.
    fn activated(&self, direction: usize, which: usize, sum: f64) -> f64 {
        let (_, count) = self.layer.cell.counts();
        let clip = f64::from(self.layer.clip);
        self.layer.activations[direction * count + which].apply(sum.max(-clip).min(clip))
    }

    /// The part of a gate that comes from x, and the part that comes from a
    /// state.
    fn parts(&self, direction: usize, row: usize, x: &[T], state: impl Fn(usize) -> f64) -> [f64; 2] {
        let (hidden, width) = (self.layer.hidden, self.width);
        let rows = self.layer.cell.counts().0 * hidden;
        let line = direction * rows + row;
        let bias = |at: usize| self.biases.get(at).map_or(0.0, |bias| bias.to_f64());
        let weights = self.weights[line * width..][..width].iter().zip(x);
        let own = weights.fold(0.0, |sum, (weight, x)| sum + weight.to_f64() * x.to_f64());
        let weights = self.recurrent[line * hidden..][..hidden].iter().enumerate();
        let other = weights.fold(0.0, |sum, (i, weight)| sum + weight.to_f64() * state(i));
        let start = direction * 2 * rows + row;
        [own + bias(start), other + bias(start + rows)]
    }

    /// Computes state and cell, and gates after them, from the old ones.
    fn step(&self, direction: usize, x: &[T], old: &[u64], new: &mut [u64]) {
        let hidden = self.layer.hidden;
        let state = |i: usize| f64::from_bits(old[i]);
        let (result, gates) = new.split_at_mut(2 * hidden);
        match self.layer.cell {
            Cell::Simple => {
                for (i, result) in result[..hidden].iter_mut().enumerate() {
                    let [a, b] = self.parts(direction, i, x, state);
                    *result = self.activated(direction, 0, a + b).to_bits();
                }
            }
            Cell::Gated { linear_before_reset } => {
                for (i, gate) in gates[..2 * hidden].iter_mut().enumerate() {
                    let [a, b] = self.parts(direction, i, x, state);
                    *gate = self.activated(direction, 0, a + b).to_bits();
                }
                let gate = |i: usize| f64::from_bits(gates[i]);
                for (i, result) in result[..hidden].iter_mut().enumerate() {
                    let row = 2 * hidden + i;
                    let sum = if linear_before_reset {
                        let [a, b] = self.parts(direction, row, x, state);
                        a + gate(hidden + i) * b
                    } else {
                        let reset = |j: usize| gate(hidden + j) * state(j);
                        let [a, b] = self.parts(direction, row, x, reset);
                        a + b
                    };
                    let candidate = self.activated(direction, 1, sum);
                    *result = ((1.0 - gate(i)) * candidate + gate(i) * state(i)).to_bits();
                }
            }
            Cell::Memory { coupled } => self.remember(direction, x, old, result, coupled),
        }
    }

    /// A step of an LSTM.
    fn remember(&self, direction: usize, x: &[T], old: &[u64], result: &mut [u64], coupled: bool) {
        let hidden = self.layer.hidden;
        let state = |i: usize| f64::from_bits(old[i]);
        for i in 0..hidden {
            let before = f64::from_bits(old[hidden + i]);
            let peephole = |gate: usize| {
                let place = (direction * 3 + gate) * hidden + i;
                self.peepholes.get(place).map_or(0.0, |peephole| peephole.to_f64())
            };
            let sum = |gate: usize| {
                let [a, b] = self.parts(direction, gate * hidden + i, x, state);
                a + b
            };
            let input = self.activated(direction, 0, sum(0) + peephole(0) * before);
            let forget = if coupled {
                1.0 - input
            } else {
                self.activated(direction, 0, sum(2) + peephole(2) * before)
            };
            let cell = forget * before + input * self.activated(direction, 1, sum(3));
            let output = self.activated(direction, 0, sum(1) + peephole(1) * cell);
            result[i] = (output * self.activated_state(direction, cell)).to_bits();
            result[hidden + i] = cell.to_bits();
        }
    }

    /// What a cell shows; its activation is not bounded.
    fn activated_state(&self, direction: usize, cell: f64) -> f64 {
        self.layer.activations[direction * 3 + 2].apply(cell)
    }
}
