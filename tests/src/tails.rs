//! Random graphs of what detection networks end with: gathers, selections,
//! reductions and index arithmetic over every element type, in sizes that are
//! found when the network runs.
//!
//! The same number gives the same graph on every machine. A graph grows node by
//! node; a proposed node that the compiler refuses, or that fails on the values
//! at hand, is left out.

use crate::models::{Attribute, Maker};
use crate::random::Random;
use crate::raw;
use cnnc::evaluate::evaluate;
use cnnc::ir::{Data, ElementType, Tensor, TensorType};
use cnnc::{Options, Source, onnx};
use onnx_protobuf::tensor_proto::DataType;
use onnx_protobuf::{TensorProto, ValueInfoProto};
use std::collections::HashSet;

/// Most elements of a value.
const MOST: usize = 1 << 12;

/// A graph, and what it computes by the reference evaluation.
#[derive(Clone, Debug)]
pub struct Tail {
    /// The model.
    pub maker: Maker,
    /// Values for its inputs.
    pub inputs: Vec<Tensor>,
    /// What it should compute.
    pub expected: Vec<Tensor>,
}

/// A value of the graph.
#[derive(Clone, Debug)]
struct Value {
    name: String,
    inferred: TensorType,
    value: Tensor,
    /// Whether it is the same to the bit however sums are ordered. Only such
    /// values are compared, sorted and cut to integers.
    exact: bool,
}

/// How the results of a proposed node round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rounding {
    Exact,
    Rounds,
}

/// The data type of an element type in a file.
#[must_use]
pub fn data_type(element: ElementType) -> DataType {
    match element {
        ElementType::F32 => DataType::FLOAT,
        ElementType::F64 => DataType::DOUBLE,
        ElementType::I8 => DataType::INT8,
        ElementType::I16 => DataType::INT16,
        ElementType::I32 => DataType::INT32,
        ElementType::I64 => DataType::INT64,
        ElementType::U8 => DataType::UINT8,
        ElementType::U16 => DataType::UINT16,
        ElementType::U32 => DataType::UINT32,
        ElementType::U64 => DataType::UINT64,
        ElementType::Bool => DataType::BOOL,
    }
}

/// A tensor as files store it.
#[must_use]
pub fn stored(name: &str, tensor: &Tensor) -> TensorProto {
    TensorProto {
        name: name.into(),
        data_type: data_type(tensor.element()) as i32,
        dims: tensor.shape().iter().map(|&size| size as i64).collect(),
        raw_data: raw::bytes(tensor),
        ..Default::default()
    }
}

impl Tail {
    /// The graph of this number.
    #[must_use]
    pub fn new(number: u64) -> Self {
        let random = Random::new(number);
        let mut growing =
            Growing { maker: Maker::new(18), random, inputs: Vec::new(), values: Vec::new() };
        growing.add_inputs();
        let nodes = growing.random.between(4, 12);
        // Bad luck may strike any proposal.
        for _ in 0..nodes * 8 {
            if growing.maker.model.graph.node.len() < nodes {
                growing.grow();
            }
        }
        growing.finish()
    }

    /// The operators, in order.
    pub fn operators(&self) -> impl Iterator<Item = &str> {
        self.maker.model.graph.node.iter().map(|node| node.op_type.as_str())
    }

    /// What the graph consists of, a node a line.
    #[must_use]
    pub fn description(&self) -> String {
        let nodes = self.maker.model.graph.node.iter().map(|node| {
            let attributes: Vec<_> =
                node.attribute.iter().map(|a| format!("{}={}{:?}", a.name, a.i, a.ints)).collect();
            format!("{:?} = {}({:?}) {attributes:?}\n", node.output, node.op_type, node.input)
        });
        let inputs = self.inputs.iter().map(|input| format!("{} ", input.tensor_type()));
        inputs.chain(["\n".to_owned()]).chain(nodes).collect()
    }
}

struct Growing {
    maker: Maker,
    random: Random,
    inputs: Vec<Tensor>,
    values: Vec<Value>,
}

/// A node on trial: the model with it, its results, and how they round.
type Proposal = Option<(Vec<String>, Rounding)>;

impl Growing {
    fn add_inputs(&mut self) {
        let count = self.random.between(1, 3);
        for number in 0..count {
            let element = self.random.one_of(&[
                ElementType::F32,
                ElementType::F32,
                ElementType::F32,
                ElementType::F64,
                ElementType::I32,
                ElementType::I64,
                ElementType::U8,
            ]);
            let rank = self.random.between(1, 4);
            let shape: Vec<_> =
                (0..rank).map(|_| self.random.one_of(&[1, 2, 3, 4, 5, 8])).collect();
            let value = self.drawn(element, &shape);
            let name = format!("x{number}");
            self.maker.typed_input(&name, data_type(element), &shape);
            let inferred = value.tensor_type();
            self.inputs.push(value.clone());
            self.values.push(Value { name, inferred, value, exact: true });
        }
    }

    /// Values that sums of do not round: eighths, and small integers.
    fn drawn(&mut self, element: ElementType, shape: &[usize]) -> Tensor {
        let count: usize = shape.iter().product();
        let numbers: Vec<i64> =
            (0..count).map(|_| self.random.between(0, 40) as i64 - 20).collect();
        let unsigned = numbers.iter().map(|&n| n.unsigned_abs() as u8);
        let eighths = numbers.iter().map(|&n| n as f64 / 8.0);
        let data = match element {
            ElementType::F32 => Data::F32(eighths.map(|x| x as f32).collect()),
            ElementType::F64 => Data::F64(eighths.collect()),
            ElementType::I32 => Data::I32(numbers.iter().map(|&n| n as i32).collect()),
            ElementType::U8 => Data::U8(unsigned.collect()),
            ElementType::Bool => Data::Bool(numbers.iter().map(|&n| n > 0).collect()),
            _ => Data::I64(numbers),
        };
        Tensor::new(shape, data).expect("as many values as the shape has")
    }

    /// Adds a constant; its name.
    fn constant(&mut self, maker: &mut Maker, tensor: &Tensor) -> String {
        let name = format!("c{}", maker.model.graph.initializer.len());
        maker.initializer(stored(&name, tensor));
        name
    }

    fn list(&mut self, maker: &mut Maker, values: &[i64]) -> String {
        self.constant(maker, &Tensor::vector(values.to_vec()))
    }

    /// A value that fits, mostly one of the newest.
    fn pick(&mut self, fits: impl Fn(&Value) -> bool) -> Option<Value> {
        let fitting: Vec<_> = self.values.iter().rev().filter(|value| fits(value)).collect();
        let index = self.random.below(fitting.len().clamp(1, 4));
        fitting.get(index).map(|&value| value.clone())
    }

    fn grow(&mut self) {
        let mut maker = self.maker.clone();
        let Some((outputs, rounding)) = self.propose(&mut maker) else { return };
        let Some(computed) = computed(&maker, &outputs, &self.inputs) else { return };
        let fits = |(inferred, value): &(TensorType, Tensor)| {
            value.len() <= MOST
                && inferred.elements().is_ok_and(|elements| elements <= 16 * MOST)
                && inferred.rank() <= 6
                && raw::numbers(value).iter().all(|x| x.abs() < 1e6)
        };
        if !computed.iter().all(fits) {
            return;
        }
        let read: HashSet<_> = maker
            .model
            .graph
            .node
            .last()
            .map_or_else(HashSet::new, |node| node.input.iter().cloned().collect());
        let of_exact = self.values.iter().all(|value| value.exact || !read.contains(&value.name));
        let exact = of_exact && rounding == Rounding::Exact;
        self.maker = maker;
        for (name, (inferred, value)) in outputs.into_iter().zip(computed) {
            self.values.push(Value { name, inferred, value, exact });
        }
    }

    fn propose(&mut self, maker: &mut Maker) -> Proposal {
        match self.random.below(26) {
            0 | 1 => self.unary(maker),
            2 | 3 => self.binary(maker),
            4 => self.comparison(maker),
            5 => self.logical(maker),
            6 => self.choice(maker),
            7 => self.cast(maker),
            8 | 9 => self.gather(maker),
            10 => self.gather_elements(maker),
            11 => self.scatter(maker),
            12 | 13 => self.non_zero(maker),
            14 => self.compress(maker),
            15 => self.top_k(maker),
            16 => self.suppression(maker),
            17 | 18 => self.reduction(maker),
            19 => self.extreme(maker),
            20 => self.concat(maker),
            21 => self.slice(maker),
            22 => self.reshape(maker),
            23 => self.transpose(maker),
            24 => self.product(maker),
            _ => self.shape(maker),
        }
    }

    /// Adds a node of one result.
    fn node(
        &self,
        maker: &mut Maker,
        operator: &str,
        inputs: &[&str],
        attributes: &[(&str, Attribute<'_>)],
        rounding: Rounding,
    ) -> Proposal {
        let name = format!("v{}", maker.model.graph.node.len());
        maker.node(operator, &name, inputs, &[&name], attributes);
        Some((vec![name], rounding))
    }

    fn unary(&mut self, maker: &mut Maker) -> Proposal {
        let x = self.pick(|value| value.value.element() != ElementType::Bool)?;
        if !x.value.element().is_float() {
            let operator = self.random.one_of(&["Abs", "Neg", "Sign"]);
            return self.node(maker, operator, &[&x.name], &[], Rounding::Exact);
        }
        if x.exact && self.random.chance(2) {
            let operators = ["Abs", "Neg", "Sign", "Floor", "Ceil", "Round", "Relu"];
            let operator = self.random.one_of(&operators);
            return self.node(maker, operator, &[&x.name], &[], Rounding::Exact);
        }
        let operators = ["Sigmoid", "Tanh", "Erf", "Softplus", "Elu", "Abs", "Relu", "Softmax"];
        let operator = self.random.one_of(&operators);
        self.node(maker, operator, &[&x.name], &[], Rounding::Rounds)
    }

    fn binary(&mut self, maker: &mut Maker) -> Proposal {
        let x = self.pick(|value| value.value.element() != ElementType::Bool)?;
        let element = x.value.element();
        let other = if self.random.chance(2) {
            let sizes: Vec<usize> =
                x.inferred.shape.iter().map(|d| d.fixed().unwrap_or(1)).collect();
            let ones: Vec<usize> =
                sizes.iter().map(|&size| if self.random.chance(2) { 1 } else { size }).collect();
            let from = self.random.below(ones.len() + 1);
            let constant = self.drawn(element, &ones[from..]);
            self.constant(maker, &constant)
        } else {
            self.pick(|value| value.value.element() == element)?.name
        };
        let (operator, rounding) = self.random.one_of(&[
            ("Add", Rounding::Exact),
            ("Sub", Rounding::Exact),
            ("Mul", Rounding::Rounds),
            ("Max", Rounding::Exact),
            ("Min", Rounding::Exact),
        ]);
        let rounding = if element.is_float() { rounding } else { Rounding::Exact };
        let mut operands = [x.name.as_str(), other.as_str()];
        if self.random.chance(3) {
            operands.reverse();
        }
        self.node(maker, operator, &operands, &[], rounding)
    }

    fn comparison(&mut self, maker: &mut Maker) -> Proposal {
        let x = self.pick(|value| value.exact && value.value.element() != ElementType::Bool)?;
        let constant = self.drawn(x.value.element(), &[1]);
        let other = self.constant(maker, &constant);
        let operators = ["Less", "Greater", "Equal", "LessOrEqual", "GreaterOrEqual"];
        let operator = self.random.one_of(&operators);
        self.node(maker, operator, &[&x.name, &other], &[], Rounding::Exact)
    }

    fn logical(&mut self, maker: &mut Maker) -> Proposal {
        let is_bool = |value: &Value| value.value.element() == ElementType::Bool;
        let (x, y) = (self.pick(is_bool)?, self.pick(is_bool)?);
        match self.random.one_of(&["And", "Or", "Xor", "Not"]) {
            "Not" => self.node(maker, "Not", &[&x.name], &[], Rounding::Exact),
            other => self.node(maker, other, &[&x.name, &y.name], &[], Rounding::Exact),
        }
    }

    fn choice(&mut self, maker: &mut Maker) -> Proposal {
        let condition = self.pick(|value| value.value.element() == ElementType::Bool)?;
        let x = self.pick(|value| value.value.element() != ElementType::Bool)?;
        let other = self.drawn(x.value.element(), &[]);
        let other = self.constant(maker, &other);
        self.node(maker, "Where", &[&condition.name, &x.name, &other], &[], Rounding::Exact)
    }

    fn cast(&mut self, maker: &mut Maker) -> Proposal {
        let x = self.pick(|value| value.exact)?;
        let negative = raw::numbers(&x.value).iter().any(|&value| value < 0.0);
        let to = self.random.one_of(&[
            DataType::FLOAT,
            DataType::DOUBLE,
            DataType::INT64,
            DataType::INT32,
            DataType::BOOL,
            DataType::UINT8,
        ]);
        if to == DataType::UINT8 && negative {
            return None;
        }
        self.node(maker, "Cast", &[&x.name], &[("to", Attribute::Int(to as i64))], Rounding::Exact)
    }

    /// A dimension whose size is known, and that size.
    fn axis(&mut self, value: &Value) -> Option<(usize, usize)> {
        let axis = self.random.below(value.inferred.rank().max(1));
        let size = value.inferred.shape.get(axis)?.fixed()?;
        (size > 0).then_some((axis, size))
    }

    fn indices(&mut self, below: usize, count: usize) -> Vec<i64> {
        (0..count).map(|_| self.random.below(2 * below) as i64 - below as i64).collect()
    }

    fn gather(&mut self, maker: &mut Maker) -> Proposal {
        let x = self.pick(|value| value.inferred.rank() > 0)?;
        let (axis, size) = self.axis(&x)?;
        let count = self.random.between(1, 4);
        let indices = self.indices(size, count);
        let indices = match self.random.below(3) {
            0 => Tensor::scalar(indices[0]),
            1 => Tensor::vector(indices),
            _ => Tensor::new(&[1, count], indices).ok()?,
        };
        let indices = self.constant(maker, &indices);
        let axis = [("axis", Attribute::Int(axis as i64))];
        self.node(maker, "Gather", &[&x.name, &indices], &axis, Rounding::Exact)
    }

    fn gather_elements(&mut self, maker: &mut Maker) -> Proposal {
        let x = self.pick(|value| value.inferred.rank() > 0 && value.inferred.is_fixed())?;
        let (axis, size) = self.axis(&x)?;
        let mut shape = x.value.shape().to_vec();
        shape[axis] = self.random.between(1, 3);
        let indices = self.indices(size, shape.iter().product());
        let indices = self.constant(maker, &Tensor::new(&shape, indices).ok()?);
        let axis = [("axis", Attribute::Int(axis as i64))];
        self.node(maker, "GatherElements", &[&x.name, &indices], &axis, Rounding::Exact)
    }

    fn scatter(&mut self, maker: &mut Maker) -> Proposal {
        let x = self.pick(|value| value.inferred.rank() > 0 && value.inferred.is_fixed())?;
        let (_, size) = (0, *x.value.shape().first()?);
        if size == 0 || x.value.is_empty() {
            return None;
        }
        let index = self.random.below(size) as i64;
        let index = self.constant(maker, &Tensor::new(&[1, 1], vec![index]).ok()?);
        let mut shape = x.value.shape().to_vec();
        shape[0] = 1;
        let updates = self.drawn(x.value.element(), &shape);
        let updates = self.constant(maker, &updates);
        self.node(maker, "ScatterND", &[&x.name, &index, &updates], &[], Rounding::Exact)
    }

    /// Places that are not 0, and then what is at the places.
    fn non_zero(&mut self, maker: &mut Maker) -> Proposal {
        let x = self.pick(|value| value.exact && value.inferred.rank() > 0)?;
        let (_, rounding) = self.node(maker, "NonZero", &[&x.name], &[], Rounding::Exact)?;
        let places = format!("v{}", maker.model.graph.node.len() - 1);
        if self.random.chance(3) {
            return Some((vec![places], rounding));
        }
        let order = [("perm", Attribute::Ints(&[1, 0]))];
        let (rows, _) = self.node(maker, "Transpose", &[&places], &order, Rounding::Exact)?;
        let (found, _) =
            self.node(maker, "GatherND", &[&x.name, &rows[0]], &[], Rounding::Exact)?;
        Some((vec![rows[0].clone(), found[0].clone()], Rounding::Exact))
    }

    fn compress(&mut self, maker: &mut Maker) -> Proposal {
        let x = self.pick(|value| value.inferred.rank() > 0)?;
        let flat = self.random.chance(3);
        let is_bool = |value: &Value| {
            value.value.element() == ElementType::Bool && value.inferred.rank() == 1
        };
        let condition = self.pick(is_bool)?;
        let axis = self.random.below(x.inferred.rank()) as i64;
        let axis = [("axis", Attribute::Int(axis))];
        let attributes = if flat { &[][..] } else { &axis[..] };
        self.node(maker, "Compress", &[&x.name, &condition.name], attributes, Rounding::Exact)
    }

    fn top_k(&mut self, maker: &mut Maker) -> Proposal {
        let x = self.pick(|value| {
            value.exact && value.value.element() != ElementType::Bool && value.inferred.rank() > 0
        })?;
        let (axis, size) = self.axis(&x)?;
        let count = self.random.between(1, size) as i64;
        let count = self.list(maker, &[count]);
        let largest = self.random.below(2) as i64;
        let attributes =
            [("axis", Attribute::Int(axis as i64)), ("largest", Attribute::Int(largest))];
        let name = format!("v{}", maker.model.graph.node.len());
        let outputs = [name.clone(), format!("{name}i")];
        let named: Vec<&str> = outputs.iter().map(String::as_str).collect();
        maker.node("TopK", &name, &[&x.name, &count], &named, &attributes);
        Some((outputs.to_vec(), Rounding::Exact))
    }

    /// Boxes and scores of constants, moved by the data, less those that
    /// overlap.
    fn suppression(&mut self, maker: &mut Maker) -> Proposal {
        let boxes = self.random.between(1, 12);
        let x = self.pick(|value| value.exact && value.value.element() == ElementType::F32)?;
        let least = [("keepdims", Attribute::Int(0))];
        let (shift, _) = self.node(maker, "ReduceMax", &[&x.name], &least, Rounding::Exact)?;
        let corners = self.drawn(ElementType::F32, &[1, boxes, 4]);
        let scores = self.drawn(ElementType::F32, &[1, 2, boxes]);
        let [corners, scores] = [corners, scores].map(|tensor| self.constant(maker, &tensor));
        let (moved, _) = self.node(maker, "Add", &[&corners, &shift[0]], &[], Rounding::Exact)?;
        let most = self.random.between(1, 6) as i64;
        let most = self.list(maker, &[most]);
        let overlap = self.constant(maker, &Tensor::vector(vec![0.3f32]));
        let least = self.constant(maker, &Tensor::vector(vec![-1.0f32]));
        let operands = [&moved[0], &scores, &most, &overlap, &least].map(String::as_str);
        self.node(maker, "NonMaxSuppression", &operands, &[], Rounding::Exact)
    }

    fn reduction(&mut self, maker: &mut Maker) -> Proposal {
        let x = self.pick(|value| value.value.element() != ElementType::Bool)?;
        let (operator, rounding) = self.random.one_of(&[
            ("ReduceSum", Rounding::Rounds),
            ("ReduceMean", Rounding::Rounds),
            ("ReduceMax", Rounding::Exact),
            ("ReduceMin", Rounding::Exact),
            ("ReduceL1", Rounding::Rounds),
            ("ReduceSumSquare", Rounding::Rounds),
        ]);
        let rank = x.inferred.rank();
        let axes: Vec<i64> = (0..rank as i64).filter(|_| self.random.chance(2)).collect();
        let axes = self.list(maker, &axes);
        let keeps = [("keepdims", Attribute::Int(self.random.below(2) as i64))];
        let rounding = if x.value.element().is_float() { rounding } else { Rounding::Exact };
        self.node(maker, operator, &[&x.name, &axes], &keeps, rounding)
    }

    fn extreme(&mut self, maker: &mut Maker) -> Proposal {
        let x = self.pick(|value| {
            value.exact && value.value.element() != ElementType::Bool && value.inferred.rank() > 0
        })?;
        if self.random.chance(3) {
            let axis = self.random.below(x.inferred.rank()) as i64;
            let axis = self.constant(maker, &Tensor::scalar(axis));
            let reverse = [("reverse", Attribute::Int(self.random.below(2) as i64))];
            return self.node(maker, "CumSum", &[&x.name, &axis], &reverse, Rounding::Rounds);
        }
        let (axis, _) = self.axis(&x)?;
        let attributes = [
            ("axis", Attribute::Int(axis as i64)),
            ("keepdims", Attribute::Int(self.random.below(2) as i64)),
            ("select_last_index", Attribute::Int(self.random.below(2) as i64)),
        ];
        let operator = self.random.one_of(&["ArgMax", "ArgMin"]);
        self.node(maker, operator, &[&x.name], &attributes, Rounding::Exact)
    }

    fn concat(&mut self, maker: &mut Maker) -> Proposal {
        let x = self.pick(|value| value.inferred.rank() > 0)?;
        let (element, rank) = (x.value.element(), x.inferred.rank());
        let other =
            self.pick(|value| value.value.element() == element && value.inferred.rank() == rank)?;
        let axis = self.random.below(rank) as i64;
        let axis = [("axis", Attribute::Int(axis))];
        self.node(maker, "Concat", &[&x.name, &other.name, &x.name], &axis, Rounding::Exact)
    }

    fn slice(&mut self, maker: &mut Maker) -> Proposal {
        let x = self.pick(|value| value.inferred.rank() > 0)?;
        let axis = self.random.below(x.inferred.rank()) as i64;
        let (start, end, step) = (
            self.random.between(0, 6) as i64 - 3,
            self.random.one_of(&[2, 5, -1, i64::MAX]),
            self.random.one_of(&[1, 1, 2, -1]),
        );
        let range = if step > 0 { [start, end, axis, step] } else { [-1, i64::MIN, axis, step] };
        let [start, end, axis, step] = range.map(|number| self.list(maker, &[number]));
        self.node(maker, "Slice", &[&x.name, &start, &end, &axis, &step], &[], Rounding::Exact)
    }

    fn reshape(&mut self, maker: &mut Maker) -> Proposal {
        let x = self.pick(|_| true)?;
        let rank = x.inferred.rank() as i64;
        match self.random.below(4) {
            0 => {
                let axis = self.random.below(x.inferred.rank() + 1) as i64;
                let axes = self.list(maker, &[axis]);
                self.node(maker, "Unsqueeze", &[&x.name, &axes], &[], Rounding::Exact)
            }
            1 => self.node(maker, "Squeeze", &[&x.name], &[], Rounding::Exact),
            2 => {
                let axis = [("axis", Attribute::Int(self.random.below(rank as usize + 1) as i64))];
                self.node(maker, "Flatten", &[&x.name], &axis, Rounding::Exact)
            }
            _ => {
                let shape = self.random.one_of(&[&[-1][..], &[0, -1], &[-1, 1], &[2, -1]]);
                let shape = self.list(maker, shape);
                self.node(maker, "Reshape", &[&x.name, &shape], &[], Rounding::Exact)
            }
        }
    }

    fn transpose(&mut self, maker: &mut Maker) -> Proposal {
        let x = self.pick(|value| value.inferred.rank() > 1)?;
        let mut order: Vec<i64> = (0..x.inferred.rank() as i64).collect();
        let shift = self.random.between(1, order.len() - 1);
        order.rotate_left(shift);
        let order = [("perm", Attribute::Ints(&order))];
        self.node(maker, "Transpose", &[&x.name], &order, Rounding::Exact)
    }

    fn product(&mut self, maker: &mut Maker) -> Proposal {
        let x = self.pick(|value| value.value.element().is_float() && value.inferred.rank() > 1)?;
        let inner = x.inferred.shape.last()?.fixed()?;
        let columns = self.random.between(1, 9);
        let weights = self.drawn(x.value.element(), &[inner, columns]);
        let weights = self.constant(maker, &weights);
        self.node(maker, "MatMul", &[&x.name, &weights], &[], Rounding::Rounds)
    }

    /// Something whose shape is that of a value.
    fn shape(&mut self, maker: &mut Maker) -> Proposal {
        let x = self.pick(|value| value.inferred.rank() > 0)?;
        let (shape, _) = self.node(maker, "Shape", &[&x.name], &[], Rounding::Exact)?;
        match self.random.below(4) {
            0 => Some((shape, Rounding::Exact)),
            1 => {
                let one = self.drawn(ElementType::F32, &[1]);
                let one = self.constant(maker, &one);
                self.node(maker, "Expand", &[&one, &shape[0]], &[], Rounding::Exact)
            }
            2 => self.node(maker, "ConstantOfShape", &[&shape[0]], &[], Rounding::Exact),
            _ => {
                let first = self.constant(maker, &Tensor::scalar(0i64));
                let (count, _) =
                    self.node(maker, "Gather", &[&shape[0], &first], &[], Rounding::Exact)?;
                let step = self.constant(maker, &Tensor::scalar(1i64));
                self.node(maker, "Range", &[&first, &count[0], &step], &[], Rounding::Exact)
            }
        }
    }

    /// Makes outputs of what nothing reads.
    fn finish(self) -> Tail {
        let Self { mut maker, inputs, values, .. } = self;
        let nodes = &maker.model.graph.node;
        let read: HashSet<_> = nodes.iter().flat_map(|node| node.input.iter().cloned()).collect();
        let made: HashSet<_> = nodes.iter().flat_map(|node| node.output.iter().cloned()).collect();
        let is_end = |value: &&Value| !read.contains(&value.name) && made.contains(&value.name);
        let ends: Vec<_> = values.iter().filter(is_end).cloned().collect();
        declare(&mut maker, ends.iter().map(|value| value.name.clone()));
        Tail { maker, inputs, expected: ends.into_iter().map(|value| value.value).collect() }
    }
}

/// Makes these the outputs, of whatever type.
fn declare(maker: &mut Maker, names: impl Iterator<Item = String>) {
    let outputs = names.map(|name| ValueInfoProto { name, ..Default::default() });
    maker.model.graph.mut_or_insert_default().output = outputs.collect();
}

/// Types and values of some values of a model; none where it is refused.
fn computed(
    maker: &Maker,
    outputs: &[String],
    inputs: &[Tensor],
) -> Option<Vec<(TensorType, Tensor)>> {
    let mut maker = maker.clone();
    declare(&mut maker, outputs.iter().cloned());
    let imported = onnx::import(&Source::bytes(maker.bytes()), &Options::default()).ok()?;
    let graph = imported.graph;
    let types = graph.outputs().iter().map(|output| graph.type_of(output.value).clone());
    let types: Vec<_> = types.collect();
    let values = evaluate(&graph, inputs).ok()?;
    Some(types.into_iter().zip(values).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_gives_the_same_graph() {
        assert_eq!(Tail::new(3).maker.bytes(), Tail::new(3).maker.bytes());
        assert_ne!(Tail::new(3).maker.bytes(), Tail::new(4).maker.bytes());
    }

    #[test]
    fn there_is_every_kind_of_operator() {
        let tails: Vec<_> = (0..300).map(Tail::new).collect();
        let operators: HashSet<_> = tails.iter().flat_map(Tail::operators).collect();
        for operator in [
            "NonZero",
            "GatherND",
            "TopK",
            "NonMaxSuppression",
            "Compress",
            "ScatterND",
            "GatherElements",
            "Where",
            "Cast",
            "ReduceSum",
            "ArgMax",
            "CumSum",
            "Concat",
            "Slice",
            "MatMul",
            "Range",
            "Expand",
            "Xor",
        ] {
            assert!(operators.contains(operator), "no {operator}");
        }
        assert!(tails.iter().all(|tail| !tail.expected.is_empty()));
    }
}
