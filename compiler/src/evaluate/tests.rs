use super::*;
use crate::error::ErrorKind;
use crate::ir::{Attributes, Operand, Parsed, Signature, required};

/// Operators that show what the evaluation of a graph does.
#[derive(Clone, Debug, PartialEq)]
enum Test {
    /// The sum of floats, and their difference.
    SumAndDifference,
    /// Fails when it is evaluated.
    Failure,
    /// Does not give what it infers.
    Liar,
}

impl Operator for Test {
    fn name(&self) -> String {
        format!("{self:?}")
    }

    fn attributes(&self) -> Attributes {
        Attributes::default()
    }

    fn parse(_: &Signature<'_>) -> Result<Parsed<Self>> {
        Err(Error::unsupported("not in files"))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let operand = required(operands, 0, "a")?.tensor_type.clone();
        Ok(match self {
            Self::SumAndDifference => vec![operand.clone(), operand],
            Self::Failure | Self::Liar => vec![operand],
        })
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        match self {
            Self::SumAndDifference => {
                let (a, b) = (required(operands, 0, "a")?, required(operands, 1, "b")?);
                let both = match (a.data(), b.data()) {
                    (Data::F32(a), Data::F32(b)) => {
                        let pairs = || a.iter().zip(b);
                        let sum: Vec<_> = pairs().map(|(a, b)| a + b).collect();
                        let difference: Vec<_> = pairs().map(|(a, b)| a - b).collect();
                        [Data::F32(sum), Data::F32(difference)]
                    }
                    (Data::F64(a), Data::F64(b)) => {
                        let pairs = || a.iter().zip(b);
                        let sum: Vec<_> = pairs().map(|(a, b)| a + b).collect();
                        let difference: Vec<_> = pairs().map(|(a, b)| a - b).collect();
                        [Data::F64(sum), Data::F64(difference)]
                    }
                    _ => return Err(Error::shape("mixed types")),
                };
                both.into_iter().map(|data| Tensor::new(a.shape(), data)).collect()
            }
            Self::Failure => Err(Error::shape("as expected")),
            Self::Liar => Ok(vec![Tensor::scalar(1.0f32)]),
        }
    }

    fn evaluate_types(&self, _: &[Option<Operand<'_>>]) -> Result<Option<Vec<Tensor>>> {
        Ok(None)
    }
}

fn graph(shape: &[usize]) -> (Graph<Test>, Value) {
    let mut graph = Graph::new("test");
    let input = graph.add_input("input", TensorType::f32(shape));
    (graph, input)
}

fn second(value: Value) -> Value {
    Value { output: 1, ..value }
}

#[test]
fn computes_outputs_in_their_order() {
    let (mut graph, input) = graph(&[2]);
    let constant = graph.add_constant("one", Tensor::vector(vec![1.0f32, 1.0]));
    let operands = [Some(input), Some(constant)];
    let first = graph.add_operator("first", Test::SumAndDifference, &operands).unwrap();
    let twice = [Some(first), Some(first)];
    let sum = graph.add_operator("second", Test::SumAndDifference, &twice).unwrap();
    graph.add_output("difference", second(first));
    graph.add_output("sum", sum);
    graph.add_output("again", sum);
    graph.add_output("input", input);
    graph.add_output("one", constant);
    let given = Tensor::vector(vec![3.0f32, 5.0]);
    let outputs = evaluate(&graph, std::slice::from_ref(&given)).unwrap();
    let expected = [[2.0f32, 4.0], [8.0, 12.0], [8.0, 12.0], [3.0, 5.0], [1.0, 1.0]];
    assert_eq!(outputs, expected.map(|values| Tensor::vector(values.to_vec())));
    let wide = evaluate_f64(&graph, &[given]).unwrap();
    let expected = expected.map(|values| Tensor::vector(values.map(f64::from).to_vec()));
    assert_eq!(wide, expected);
}

#[test]
fn f64_does_not_round_in_between() {
    let (mut graph, input) = graph(&[]);
    let small = graph.add_constant("small", Tensor::scalar(1e-9f32));
    let sum = graph.add_operator("a", Test::SumAndDifference, &[Some(input), Some(small)]).unwrap();
    let back = graph.add_operator("b", Test::SumAndDifference, &[Some(sum), Some(input)]).unwrap();
    graph.add_output("difference", second(back));
    let one = [Tensor::scalar(1.0f32)];
    assert_eq!(evaluate(&graph, &one).unwrap(), [Tensor::scalar(0.0f32)]);
    let outputs = evaluate_f64(&graph, &one).unwrap();
    let Data::F64(values) = outputs[0].data() else { panic!("{outputs:?}") };
    assert!((values[0] - 1e-9).abs() < 1e-15, "{values:?}");
}

#[test]
fn values_are_freed_after_their_last_use() {
    let (mut graph, input) = graph(&[1]);
    let mut last = input;
    for _ in 0..3 {
        let operands = [Some(last), Some(last)];
        last = graph.add_operator("add", Test::SumAndDifference, &operands).unwrap();
    }
    graph.add_output("last", last);
    let order = graph.order().unwrap();
    let mut values = Values {
        graph: &graph,
        precision: Precision::AsWritten,
        uses: uses(&graph, &order),
        held: BTreeMap::new(),
    };
    values.hold(input, Tensor::vector(vec![1.0f32])).unwrap();
    for &node in &order[1..] {
        values.compute(node, graph.operator(node).unwrap()).unwrap();
        assert_eq!(values.held.keys().collect::<Vec<_>>(), [&Value { node, output: 0 }]);
    }
    assert_eq!(*values.take(last).unwrap(), Tensor::vector(vec![8.0f32]));
    assert!(values.held.is_empty());
}

#[test]
fn what_no_output_needs_is_left_out() {
    let (mut graph, input) = graph(&[1]);
    let dead = graph.add_operator("dead", Test::Failure, &[Some(input)]).unwrap();
    graph.add_operator("later", Test::SumAndDifference, &[Some(dead), Some(input)]).unwrap();
    graph.add_output("input", input);
    let outputs = evaluate(&graph, &[Tensor::vector(vec![2.0f32])]).unwrap();
    assert_eq!(outputs, [Tensor::vector(vec![2.0f32])]);
}

#[test]
fn errors_name_the_node() {
    let fails = |operator: Test, inputs: &[Tensor]| {
        let (mut graph, input) = graph(&[2]);
        let value = graph.add_operator("bad", operator, &[Some(input)]).unwrap();
        graph.add_output("bad", value);
        let error = evaluate(&graph, inputs).unwrap_err();
        (error.kind(), error.to_string())
    };
    let two = || Tensor::vector(vec![1.0f32, 2.0]);
    let (kind, message) = fails(Test::Failure, &[two()]);
    assert_eq!((kind, &*message), (ErrorKind::Shape, "node `bad` (Failure): as expected"));
    let (kind, message) = fails(Test::Liar, &[two()]);
    assert_eq!(kind, ErrorKind::Internal);
    assert_eq!(message, "node `bad` (Liar): the reference gives f32[], but f32[2] is expected");
    let (_, message) = fails(Test::Failure, &[Tensor::scalar(1.0f32)]);
    assert_eq!(message, "node `input`: expected an input f32[2], found f32[]");
    let (_, message) = fails(Test::Failure, &[two(), two()]);
    assert_eq!(message, "expected 1 inputs, found 2");
}

#[test]
fn absurd_sizes_are_refused() {
    let (mut huge, input) = graph(&[1 << 20, 1 << 20]);
    huge.add_output("input", input);
    let error = random_inputs(&huge, 0).unwrap_err();
    assert!(error.to_string().contains("node `input`"), "{error}");
    assert!(error.to_string().contains("too large"), "{error}");
}

#[test]
fn open_sizes_may_be_less_than_their_bounds() {
    let mut graph: Graph<Test> = Graph::new("test");
    let shape = vec![Dim::Bounded { symbol: "boxes".into(), max: 3 }];
    let input = graph.add_input("boxes", TensorType { element: ElementType::F32, shape });
    graph.add_output("boxes", input);
    assert!(evaluate(&graph, &[Tensor::vector(vec![0.0f32; 2])]).is_ok());
    assert!(evaluate(&graph, &[Tensor::vector(vec![0.0f32; 4])]).is_err());
    assert_eq!(random_inputs(&graph, 0).unwrap()[0].shape(), [3]);
}

#[test]
fn random_inputs_are_reproducible_and_roughly_normal() {
    let (mut graph, _) = graph(&[100, 100]);
    for element in ElementType::ALL {
        graph.add_input(element.name(), TensorType::fixed(element, &[50]));
    }
    let inputs = random_inputs(&graph, 7).unwrap();
    assert_eq!(inputs, random_inputs(&graph, 7).unwrap());
    assert_ne!(inputs, random_inputs(&graph, 8).unwrap());
    for (input, &node) in inputs.iter().zip(graph.inputs()) {
        assert_eq!(vec![input.tensor_type()], graph.node(node).outputs);
    }
    let values = inputs[0].f32s().unwrap();
    let mean = values.iter().sum::<f32>() / 1e4;
    let variance = values.iter().map(|v| v * v).sum::<f32>() / 1e4;
    let beyond = values.iter().filter(|v| v.abs() > 2.0).count();
    assert!(mean.abs() < 0.05 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    assert!((300..600).contains(&beyond), "{beyond}");
    let booleans = Data::from((0..50).map(|i| i % 2 == 0).collect::<Vec<_>>());
    assert!(matches!(inputs[11].data(), Data::Bool(_)) && *inputs[11].data() != booleans);
}

#[test]
fn the_generator_is_splitmix() {
    // The first numbers of the authors' program for the seed 0.
    let mut random = SplitMix64(0);
    assert_eq!(random.next(), 0xe220_a839_7b1d_cdaf);
    assert_eq!(random.next(), 0x6e78_9e6a_a1b9_65f4);
}
