//! Random small networks: every kind of layer, in shapes that no sensible
//! network has.
//!
//! The same number gives the same network on every machine.

use crate::models::{Attribute, Maker};
use crate::zoo::Recipe;
use std::fmt::Write as _;

/// Channel counts around the sizes of vectors and blocks.
const CHANNELS: [usize; 12] = [1, 2, 3, 7, 8, 9, 15, 16, 17, 24, 31, 33];

/// Most values of a tensor on the way: the reference is slow.
const MOST_VALUES: usize = 1 << 15;

/// A model with one input `x` and one output `y`.
#[derive(Clone, Debug)]
pub struct Network {
    /// The model.
    pub maker: Maker,
    /// Shape of the input.
    pub input: Vec<usize>,
    /// What it consists of, a layer a line.
    pub description: String,
}

impl Network {
    /// The network of this number.
    #[must_use]
    pub fn new(number: u64) -> Self {
        let mut random = Random::new(number);
        let shape = vec![
            random.one_of(&[1, 1, 1, 2, 3]),
            random.one_of(&CHANNELS),
            random.between(1, 20),
            random.between(1, 20),
        ];
        let opset = random.one_of(&[11, 13, 15, 17, 21]);
        let mut maker = Maker::new(opset);
        maker.input("x", &signed(&shape));
        let description = format!("network {number}, opset {opset}, x {shape:?}\n");
        let value = Value { name: "x".into(), shape: shape.clone() };
        let mut layers = Layers { maker, random, value, description };
        for _ in 0..layers.random.between(2, 7) {
            layers.add_layer();
        }
        layers.finish();
        let Layers { mut maker, value, description, .. } = layers;
        maker.node("Identity", "last", &[&value.name], &["y"], &[]);
        maker.output("y", &signed(&value.shape));
        Self { maker, input: shape, description }
    }

    /// Values for the input, between -1 and 1.
    #[must_use]
    pub fn values(&self) -> Vec<f32> {
        let elements = self.input.iter().product();
        let bytes = Recipe { seed: 7 << 32, scale: 1.0 / 131_070.0 }.bytes(elements);
        bytes.as_chunks().0.iter().map(|&chunk| f32::from_le_bytes(chunk)).collect()
    }
}

fn signed(shape: &[usize]) -> Vec<i64> {
    shape.iter().map(|&size| size as i64).collect()
}

/// Numbers that look random.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    recipe: Recipe,
    drawn: u64,
}

impl Random {
    /// The numbers of a network.
    pub(crate) const fn new(number: u64) -> Self {
        Self { recipe: Recipe { seed: number << 32, scale: 1.0 }, drawn: 0 }
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.drawn += 1;
        // The sum of four parts is not uniform, its low bits are.
        (self.recipe.drawn(self.drawn) & 0xffff) as usize % bound
    }

    pub(crate) fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    pub(crate) fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }
}

/// The value that the next layer reads.
#[derive(Clone, Debug)]
struct Value {
    name: String,
    shape: Vec<usize>,
}

/// A window that slides over one axis.
#[derive(Clone, Copy, Debug)]
struct Window {
    kernel: usize,
    stride: usize,
    dilation: usize,
    before: usize,
    after: usize,
}

impl Window {
    /// Places of the window along `size` elements; `None` where it does not
    /// fit once.
    fn places(self, size: usize) -> Option<usize> {
        let reach = self.dilation * (self.kernel - 1) + 1;
        let room = (size + self.before + self.after).checked_sub(reach)?;
        Some(room / self.stride + 1)
    }
}

struct Layers {
    maker: Maker,
    random: Random,
    value: Value,
    description: String,
}

impl Layers {
    fn channels(&self) -> usize {
        self.value.shape[1]
    }

    /// Appends a node that reads the current value, and other operands, and
    /// makes the current value of this shape.
    fn node(
        &mut self,
        operator: &str,
        operands: &[&str],
        attributes: &[(&str, Attribute<'_>)],
        shape: Vec<usize>,
    ) {
        let name = format!("v{}", self.maker.model.graph.node.len());
        let mut inputs = vec![self.value.name.as_str()];
        inputs.extend(operands);
        let _ =
            writeln!(self.description, "{name} = {operator}({inputs:?}) {attributes:?} {shape:?}");
        self.maker.node(operator, &name, &inputs, &[&name], attributes);
        self.value = Value { name, shape };
    }

    /// Adds weights whose squares add up to about 1 over a filter.
    fn weights(&mut self, shape: &[usize]) -> String {
        let name = format!("w{}", self.maker.model.graph.initializer.len());
        self.maker.weights(&name, shape);
        name
    }

    /// Adds constants between 0.5 and 1.5.
    fn positive(&mut self, shape: &[usize]) -> String {
        let name = format!("w{}", self.maker.model.graph.initializer.len());
        self.maker.uniform(&name, shape, 0.5, 1.5);
        name
    }

    fn add_layer(&mut self) {
        match self.random.below(13) {
            0..=4 => self.convolution(),
            12 => self.transposed_convolution(),
            5 => self.pool(),
            6 => self.batch_normalization(),
            7 => self.activation(),
            8 => self.arithmetic(),
            9 => self.branches(),
            10 => self.residual(),
            _ => self.other(),
        }
    }

    /// Windows over height and width that fit, or `None` with bad luck.
    fn windows(&mut self, kernels: &[usize], dilated: bool) -> Option<([Window; 2], [usize; 2])> {
        let mut sizes = [0; 2];
        let mut windows = [Window { kernel: 1, stride: 1, dilation: 1, before: 0, after: 0 }; 2];
        for (axis, window) in windows.iter_mut().enumerate() {
            window.kernel = self.random.one_of(kernels);
            window.stride = self.random.one_of(&[1, 1, 2, 3]);
            window.dilation = if dilated && self.random.chance(4) { 2 } else { 1 };
            window.before = self.random.below(window.kernel.min(3));
            window.after = self.random.below(window.kernel.min(3));
            sizes[axis] = window.places(self.value.shape[2 + axis])?;
        }
        Some((windows, sizes))
    }

    fn convolution(&mut self) {
        let inputs = self.channels();
        let groups = match self.random.below(6) {
            0 => inputs,
            1 => (1..=inputs).rev().find(|&g| inputs.is_multiple_of(g) && g < inputs).unwrap_or(1),
            _ => 1,
        };
        let multiplier =
            if groups == 1 { self.random.one_of(&CHANNELS) } else { self.random.between(1, 3) };
        let outputs = if groups == inputs && groups > 1 && self.random.below(3) > 0 {
            inputs
        } else {
            groups * multiplier
        };
        let same = self.random.chance(5);
        let Some((mut windows, mut sizes)) = self.windows(&[1, 1, 2, 3, 3, 3, 4, 5], !same) else {
            return;
        };
        let mut auto_pad = "NOTSET";
        if same {
            auto_pad = self.random.one_of(&["SAME_UPPER", "SAME_LOWER"]);
            for (axis, window) in windows.iter_mut().enumerate() {
                (window.before, window.after) = (0, 0);
                let size = self.value.shape[2 + axis];
                sizes[axis] = size.div_ceil(window.stride);
                // Where windows leave more over than this, tools differ.
                if (sizes[axis] - 1) * window.stride + window.kernel + 1 < size {
                    return;
                }
            }
        }
        let shape = vec![self.value.shape[0], outputs, sizes[0], sizes[1]];
        if shape.iter().product::<usize>() > MOST_VALUES {
            return;
        }
        let kernel = windows.map(|window| window.kernel);
        let mut operands = vec![self.weights(&[outputs, inputs / groups, kernel[0], kernel[1]])];
        if self.random.chance(2) {
            operands.push(self.weights(&[outputs]));
        }
        let [strides, dilations] =
            [windows.map(|w| w.stride as i64), windows.map(|w| w.dilation as i64)];
        let pads = [windows[0].before, windows[1].before, windows[0].after, windows[1].after]
            .map(|pad| pad as i64);
        let group = ("group", Attribute::Int(groups as i64));
        let mut attributes = vec![
            group,
            ("strides", Attribute::Ints(&strides)),
            ("dilations", Attribute::Ints(&dilations)),
        ];
        attributes.push(match same {
            true => ("auto_pad", Attribute::Text(auto_pad)),
            false => ("pads", Attribute::Ints(&pads)),
        });
        let operands: Vec<&str> = operands.iter().map(String::as_str).collect();
        self.node("Conv", &operands, &attributes, shape);
        if self.random.chance(3) {
            self.batch_normalization();
        }
        if self.random.chance(2) {
            self.activation();
        }
    }

    fn transposed_convolution(&mut self) {
        let inputs = self.channels();
        let groups = self.random.one_of(&[1, 1, inputs]);
        let multiplier =
            if groups == 1 { self.random.one_of(&CHANNELS) } else { self.random.between(1, 2) };
        let (mut windows, mut kernels, mut sizes) = ([[0i64; 5]; 2], [0; 2], [0; 2]);
        for (axis, window) in windows.iter_mut().enumerate() {
            let kernel = self.random.between(1, 5);
            let (stride, dilation) = (self.random.between(1, 4), self.random.between(1, 2));
            let added = self.random.below(stride.max(dilation));
            let (before, after) = (self.random.below(3), self.random.below(3));
            let spread = (self.value.shape[2 + axis] - 1) * stride + (kernel - 1) * dilation + 1;
            let Some(size) = (spread + added).checked_sub(before + after) else { return };
            sizes[axis] = size;
            *window = [stride, dilation, added, before, after].map(|number| number as i64);
            kernels[axis] = kernel;
        }
        let shape = vec![self.value.shape[0], groups * multiplier, sizes[0], sizes[1]];
        let values = shape.iter().product::<usize>();
        if !(1..=MOST_VALUES).contains(&values) {
            return;
        }
        let [rows, columns] = windows;
        let mut operands = vec![self.weights(&[inputs, multiplier, kernels[0], kernels[1]])];
        if self.random.chance(2) {
            operands.push(self.weights(&[groups * multiplier]));
        }
        let operands: Vec<&str> = operands.iter().map(String::as_str).collect();
        let attributes = [
            ("group", Attribute::Int(groups as i64)),
            ("strides", Attribute::Ints(&[rows[0], columns[0]])),
            ("dilations", Attribute::Ints(&[rows[1], columns[1]])),
            ("output_padding", Attribute::Ints(&[rows[2], columns[2]])),
            ("pads", Attribute::Ints(&[rows[3], columns[3], rows[4], columns[4]])),
        ];
        self.node("ConvTranspose", &operands, &attributes, shape);
        if self.random.chance(3) {
            self.batch_normalization();
        }
        if self.random.chance(2) {
            self.activation();
        }
    }

    fn pool(&mut self) {
        let Some((windows, mut sizes)) = self.windows(&[2, 3, 3, 4], false) else { return };
        let kernel = windows.map(|window| window.kernel as i64);
        let strides = windows.map(|window| window.stride as i64);
        let pads = [windows[0].before, windows[1].before, windows[0].after, windows[1].after]
            .map(|pad| pad as i64);
        let mut attributes = vec![
            ("kernel_shape", Attribute::Ints(&kernel)),
            ("strides", Attribute::Ints(&strides)),
            ("pads", Attribute::Ints(&pads)),
        ];
        let rounded_up = [0, 1].map(|axis| {
            let window: Window = windows[axis];
            let size = self.value.shape[2 + axis];
            let room = size + window.before + window.after - window.kernel;
            let places = room.div_ceil(window.stride) + 1;
            // Whether a last window counts that starts in the padding at the end, versions differ.
            ((places - 1) * window.stride < size + window.before).then_some(places)
        });
        if let ([Some(height), Some(width)], true) = (rounded_up, self.random.chance(2)) {
            attributes.push(("ceil_mode", Attribute::Int(1)));
            sizes = [height, width];
        }
        let average = self.random.chance(2);
        if average && self.random.chance(2) {
            attributes.push(("count_include_pad", Attribute::Int(1)));
        }
        let shape = vec![self.value.shape[0], self.channels(), sizes[0], sizes[1]];
        let operator = if average { "AveragePool" } else { "MaxPool" };
        self.node(operator, &[], &attributes, shape);
    }

    fn batch_normalization(&mut self) {
        let channels = [self.channels()];
        let (scale, shift) = (self.positive(&channels), self.weights(&channels));
        let (mean, variance) = (self.weights(&channels), self.positive(&channels));
        let shape = self.value.shape.clone();
        self.node("BatchNormalization", &[&scale, &shift, &mean, &variance], &[], shape);
    }

    fn activation(&mut self) {
        let shape = self.value.shape.clone();
        match self.random.below(8) {
            0..=2 => self.node("Relu", &[], &[], shape),
            3 => self.node("LeakyRelu", &[], &[("alpha", Attribute::Float(0.1))], shape),
            4 => {
                let (low, high) = (self.scalar(0.0), self.scalar(0.7));
                self.node("Clip", &[&low, &high], &[], shape);
            }
            5 => self.node("HardSigmoid", &[], &[], shape),
            6 => {
                let slopes = self.weights(&[self.channels(), 1, 1]);
                self.node("PRelu", &[&slopes], &[], shape);
            }
            _ => {
                let before = self.value.name.clone();
                self.node("Sigmoid", &[], &[], shape.clone());
                if self.random.chance(2) {
                    self.node("Mul", &[&before], &[], shape);
                }
            }
        }
    }

    fn scalar(&mut self, value: f32) -> String {
        let name = format!("w{}", self.maker.model.graph.initializer.len());
        self.maker.uniform(&name, &[], value, value);
        name
    }

    /// A constant a channel or a single one, combined with the value.
    fn arithmetic(&mut self) {
        let channels = self.channels();
        let constant = match self.random.below(3) {
            0 => self.positive(&[channels, 1, 1]),
            1 => self.positive(&[1, channels, 1, 1]),
            _ => self.scalar(1.25),
        };
        let operator = self.random.one_of(&["Mul", "Add", "Sub", "Div"]);
        let shape = self.value.shape.clone();
        self.node(operator, &[&constant], &[], shape);
    }

    /// Two convolutions of the value side by side, joined by their channels;
    /// sometimes with the value itself.
    fn branches(&mut self) {
        let from = self.value.clone();
        let mut joined = if self.random.chance(2) { vec![from.clone()] } else { Vec::new() };
        for kernel in [1, 3] {
            self.value = from.clone();
            let outputs = self.random.one_of(&CHANNELS);
            let weights = self.weights(&[outputs, self.channels(), kernel, kernel]);
            let pads = [kernel as i64 / 2; 4];
            let shape = vec![from.shape[0], outputs, from.shape[2], from.shape[3]];
            self.node("Conv", &[&weights], &[("pads", Attribute::Ints(&pads))], shape);
            if self.random.chance(2) {
                self.activation();
            }
            joined.push(self.value.clone());
        }
        let mut shape = from.shape;
        shape[1] = joined.iter().map(|value| value.shape[1]).sum();
        self.value = joined.remove(0);
        let others: Vec<&str> = joined.iter().map(|value| value.name.as_str()).collect();
        self.node("Concat", &others, &[("axis", Attribute::Int(1))], shape);
    }

    /// A convolution whose input is added to its output.
    fn residual(&mut self) {
        let from = self.value.clone();
        let channels = self.channels();
        let weights = self.weights(&[channels, channels, 3, 3]);
        self.node("Conv", &[&weights], &[("pads", Attribute::Ints(&[1; 4]))], from.shape.clone());
        if self.random.chance(2) {
            self.batch_normalization();
        }
        if self.random.chance(4) {
            self.activation();
        }
        if self.random.chance(2) {
            self.node("Add", &[&from.name], &[], from.shape);
        } else {
            let added = std::mem::replace(&mut self.value, from.clone());
            self.node("Add", &[&added.name], &[], from.shape);
        }
        if self.random.chance(2) {
            self.activation();
        }
    }

    fn other(&mut self) {
        let mut shape = self.value.shape.clone();
        match self.random.below(3) {
            0 => {
                let size = self.random.one_of(&[1, 3, 5]);
                self.node("LRN", &[], &[("size", Attribute::Int(size))], shape);
            }
            1 => {
                let pads = [0, 0, 1, 2, 0, 0, 0, 1];
                (shape[2], shape[3]) = (shape[2] + 1, shape[3] + 3);
                let name = format!("w{}", self.maker.model.graph.initializer.len());
                self.maker.integers(&name, &pads);
                self.node("Pad", &[&name], &[], shape);
            }
            _ => self.node("Softmax", &[], &[("axis", Attribute::Int(-1))], shape),
        }
    }

    /// What classifiers end with, or nothing.
    fn finish(&mut self) {
        let [batch, channels] = [self.value.shape[0], self.channels()];
        match self.random.below(5) {
            0 | 1 => self.node("GlobalAveragePool", &[], &[], vec![batch, channels, 1, 1]),
            2 | 3 => {}
            _ => return,
        }
        let features: usize = self.value.shape[1..].iter().product();
        self.node("Flatten", &[], &[("axis", Attribute::Int(1))], vec![batch, features]);
        for _ in 0..self.random.between(0, 2) {
            let features = self.value.shape[1];
            let outputs = self.random.one_of(&CHANNELS);
            let (weights, bias) = (self.weights(&[outputs, features]), self.weights(&[outputs]));
            let transposed = [("transB", Attribute::Int(1))];
            self.node("Gemm", &[&weights, &bias], &transposed, vec![batch, outputs]);
            if self.random.chance(2) {
                self.node("Relu", &[], &[], vec![batch, outputs]);
            }
        }
        if self.random.chance(2) {
            let shape = self.value.shape.clone();
            self.node("Softmax", &[], &[("axis", Attribute::Int(1))], shape);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_gives_the_same_network() {
        assert_eq!(Network::new(3).maker.bytes(), Network::new(3).maker.bytes());
        assert_ne!(Network::new(3).maker.bytes(), Network::new(4).maker.bytes());
    }

    #[test]
    fn there_is_every_kind_of_layer() {
        let texts: String = (0..60).map(|number| Network::new(number).description).collect();
        for operator in [
            "Conv",
            "MaxPool",
            "AveragePool",
            "BatchNormalization",
            "Relu",
            "LeakyRelu",
            "Clip",
            "HardSigmoid",
            "PRelu",
            "Sigmoid",
            "Mul",
            "Add",
            "Sub",
            "Div",
            "Concat",
            "LRN",
            "Pad",
            "GlobalAveragePool",
            "Flatten",
            "Gemm",
            "Softmax",
            "SAME_UPPER",
            "SAME_LOWER",
            "ceil_mode",
            "count_include_pad",
        ] {
            assert!(texts.contains(operator), "no {operator}");
        }
    }
}
