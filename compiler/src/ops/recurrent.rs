//! Recurrent layers.

use super::floats::{check_float, check_same_element};
use super::reading::{check, operand_type};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{Attribute, Attributes, Dim, Operand, Parsed, Signature, TensorType, required};
use crate::operation::{self, Cell, Curve, Direction, GateActivation};

/// `RNN`, `GRU` and `LSTM`, with operands and results as ONNX has them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recurrent {
    /// What is computed.
    pub layer: operation::Recurrent,
}

/// Names of activations, and the defaults of their parameters.
const CURVES: [(&str, Curve, Option<f32>, Option<f32>); 11] = [
    ("Relu", Curve::Relu, None, None),
    ("Tanh", Curve::Tanh, None, None),
    ("Sigmoid", Curve::Sigmoid, None, None),
    ("Affine", Curve::Affine, Some(1.0), Some(0.0)),
    ("LeakyRelu", Curve::LeakyRelu, Some(0.01), None),
    ("ThresholdedRelu", Curve::ThresholdedRelu, Some(1.0), None),
    ("ScaledTanh", Curve::ScaledTanh, Some(1.0), Some(1.0)),
    ("HardSigmoid", Curve::HardSigmoid, Some(0.2), Some(0.5)),
    ("Elu", Curve::Elu, Some(1.0), None),
    ("Softsign", Curve::Softsign, None, None),
    ("Softplus", Curve::Softplus, None, None),
];

/// Gates of a cell, and names of its activations where the file names none.
const fn parts(cell: Cell) -> (usize, &'static [&'static str]) {
    match cell {
        Cell::Simple => (1, &["Tanh"]),
        Cell::Gated { .. } => (3, &["Sigmoid", "Tanh"]),
        Cell::Memory { .. } => (4, &["Sigmoid", "Tanh", "Tanh"]),
    }
}

const fn directions(direction: Direction) -> usize {
    match direction {
        Direction::Forward | Direction::Reverse => 1,
        Direction::Both => 2,
    }
}

/// The activations that the attributes name, and for other places the first.
fn activations(signature: &Signature<'_>, cell: Cell, count: usize) -> Result<[GateActivation; 6]> {
    let (_, defaults) = parts(cell);
    let names: Vec<&str> = match signature.attributes.strings("activations")? {
        Some(names) => names.iter().map(String::as_str).collect(),
        None => defaults.iter().copied().cycle().take(count).collect(),
    };
    if names.len() != count {
        return Err(Error::malformed(format!("expected {count} activations, found {}", names.len())));
    }
    let list = |name| Ok(signature.attributes.floats(name)?.cloned().unwrap_or_default().into_iter());
    let (mut alphas, mut betas) = (list("activation_alpha")?, list("activation_beta")?);
    let mut activations = [GateActivation { curve: Curve::Tanh, alpha: 0.0, beta: 0.0 }; 6];
    for (place, name) in activations.iter_mut().zip(names) {
        let found = CURVES.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name));
        let &(_, curve, alpha, beta) = found.ok_or_else(|| {
            Error::malformed(format!("no activation has the name {}", crate::error::printable(name)))
        })?;
        // Lists have parameters only for those functions that take them.
        let alpha = alpha.map_or(0.0, |default| alphas.next().unwrap_or(default));
        let beta = beta.map_or(0.0, |default| betas.next().unwrap_or(default));
        *place = GateActivation { curve, alpha, beta };
    }
    Ok(activations)
}

impl Recurrent {
    /// Activations that the layer has.
    fn used(&self) -> &[GateActivation] {
        let count = parts(self.layer.cell).1.len() * directions(self.layer.direction);
        self.layer.activations.get(..count).unwrap_or_default()
    }
}

impl Definition for Recurrent {
    const NAMES: &'static [&'static str] = &["RNN", "GRU", "LSTM"];

    fn name(&self) -> &'static str {
        match self.layer.cell {
            Cell::Simple => "RNN",
            Cell::Gated { .. } => "GRU",
            Cell::Memory { .. } => "LSTM",
        }
    }

    fn attributes(&self) -> Attributes {
        let direction = match self.layer.direction {
            Direction::Forward => "forward",
            Direction::Reverse => "reverse",
            Direction::Both => "bidirectional",
        };
        let known = |activation: &GateActivation| {
            CURVES.iter().find(|(_, curve, ..)| *curve == activation.curve)
        };
        let (mut names, mut alphas, mut betas) = (Vec::new(), Vec::new(), Vec::new());
        for activation in self.used() {
            if let Some((name, _, alpha, beta)) = known(activation) {
                names.push((*name).to_owned());
                alphas.extend(alpha.map(|_| activation.alpha));
                betas.extend(beta.map(|_| activation.beta));
            }
        }
        let attributes = Attributes::default()
            .with("hidden_size", Attribute::Int(self.layer.hidden as i64))
            .with("direction", Attribute::String(direction.to_owned()))
            .with("layout", Attribute::Int(self.layer.batch_first.into()))
            .with("clip", Attribute::Float(self.layer.clip))
            .with("activations", Attribute::Strings(names))
            .with("activation_alpha", Attribute::Floats(alphas))
            .with("activation_beta", Attribute::Floats(betas));
        match self.layer.cell {
            Cell::Simple => attributes,
            Cell::Gated { linear_before_reset } => {
                attributes.with("linear_before_reset", Attribute::Int(linear_before_reset.into()))
            }
            Cell::Memory { coupled } => {
                attributes.with("input_forget", Attribute::Int(coupled.into()))
            }
        }
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let attributes = signature.attributes;
        let mut known = vec![
            "hidden_size",
            "direction",
            "layout",
            "clip",
            "activations",
            "activation_alpha",
            "activation_beta",
        ];
        let (cell, operands) = match signature.operator {
            "RNN" => (Cell::Simple, 6),
            "GRU" => {
                known.push("linear_before_reset");
                let linear_before_reset = attributes.flag("linear_before_reset")?;
                (Cell::Gated { linear_before_reset }, 6)
            }
            _ => {
                known.push("input_forget");
                (Cell::Memory { coupled: attributes.flag("input_forget")? }, 8)
            }
        };
        check(signature, &known, operands)?;
        let direction = match attributes.string_or("direction", "forward")? {
            "forward" => Direction::Forward,
            "reverse" => Direction::Reverse,
            "bidirectional" => Direction::Both,
            other => {
                let other = crate::error::printable(other);
                return Err(Error::malformed(format!("attribute `direction` is {other}")));
            }
        };
        let recurrent = operand_type(signature, 2, "R")?;
        let hidden = recurrent.shape.get(2).and_then(Dim::fixed).ok_or_else(|| {
            Error::shape(format!("expected recurrent weights of known sizes, found {recurrent}"))
        })?;
        let clip = match attributes.float("clip")?.copied() {
            Some(clip) if clip > 0.0 => clip,
            _ => f32::INFINITY,
        };
        let count = parts(cell).1.len() * directions(direction);
        let layer = operation::Recurrent {
            cell,
            hidden,
            direction,
            batch_first: attributes.flag("layout")?,
            clip,
            activations: activations(signature, cell, count)?,
        };
        if attributes.int("hidden_size")?.is_some_and(|&size| usize::try_from(size) != Ok(hidden)) {
            return Err(Error::shape(format!("`hidden_size` is not that of {recurrent}")));
        }
        Ok(Parsed::as_written(Self { layer }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let x = required(operands, 0, "X")?.tensor_type;
        check_float(x)?;
        let (batch, steps, width) = match (&x.shape[..], self.layer.batch_first) {
            ([batch, steps, width], true) | ([steps, batch, width], false) => (batch, steps, width),
            _ => return Err(Error::shape(format!("expected sequences of vectors, found {x}"))),
        };
        let directions = Dim::Fixed(directions(self.layer.direction));
        let hidden = Dim::Fixed(self.layer.hidden);
        let rows = parts(self.layer.cell).0.saturating_mul(self.layer.hidden);
        let rows = Dim::Fixed(rows);
        for (slot, expected) in [
            (1, [&directions, &rows, width]),
            (2, [&directions, &rows, &hidden]),
        ] {
            let found = required(operands, slot, "weights")?.tensor_type;
            if !found.shape.iter().eq(expected) {
                return Err(Error::shape(format!(
                    "expected weights [{directions},{rows},..] that fit {x}, found {found}"
                )));
            }
        }
        for (slot, operand) in operands.iter().enumerate() {
            if let (Some(operand), false) = (operand, slot == 4) {
                check_same_element(x, operand.tensor_type)?;
            }
        }
        let of = |shape: &[&Dim]| TensorType {
            element: x.element,
            shape: shape.iter().copied().cloned().collect(),
        };
        let [all, last] = match self.layer.batch_first {
            true => [of(&[batch, steps, &directions, &hidden]), of(&[batch, &directions, &hidden])],
            false => [of(&[steps, &directions, batch, &hidden]), of(&[&directions, batch, &hidden])],
        };
        all.elements()?;
        let mut results = vec![all, last.clone()];
        if let Cell::Memory { .. } = self.layer.cell {
            results.push(last);
        }
        Ok(results)
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(self.layer.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::ErrorKind;
    use crate::ir::{Attribute, Tensor};
    use crate::ops::testing::Case;

    fn tensor(sizes: &[usize], values: &[f32]) -> Tensor {
        Tensor::new(sizes, values.to_vec()).unwrap()
    }

    /// Two steps of one value, through a layer of one value.
    fn case(operator: &'static str, gates: usize) -> Case {
        Case::new(operator, 22)
            .operand(tensor(&[2, 1, 1], &[1.0, 2.0]))
            .operand(tensor(&[1, gates, 1], &vec![1.0; gates]))
            .operand(tensor(&[1, gates, 1], &vec![0.5; gates]))
    }

    fn linear(case: Case, count: usize) -> Case {
        let names = vec!["Affine".to_owned(); count];
        case.with("activations", Attribute::Strings(names))
    }

    fn states(case: Case, outputs: usize) -> Vec<f32> {
        case.outputs(outputs).evaluate().unwrap()[0].f32s().unwrap().to_vec()
    }

    #[test]
    fn states_are_handed_on() {
        let rnn = || linear(case("RNN", 1), 1);
        assert_eq!(states(rnn(), 2), [1.0, 2.5]);
        assert_eq!(states(rnn().string("direction", "reverse"), 2), [2.0, 2.0]);
        assert_eq!(states(rnn().with("clip", Attribute::Float(1.5)), 2), [1.0, 1.5]);
        let first = rnn().absent().absent().operand(tensor(&[1, 1, 1], &[4.0]));
        assert_eq!(states(first, 2), [3.0, 3.5]);
        let short = rnn().absent().operand(Tensor::vector(vec![1i32]));
        let results = short.outputs(2).evaluate().unwrap();
        assert_eq!(results[0].f32s().unwrap(), [1.0, 0.0]);
        assert_eq!(results[1], tensor(&[1, 1, 1], &[1.0]));
    }

    #[test]
    fn gates_mix_old_and_new() {
        // z = r = 1, candidate 1: (1 - 1) * 1 + 1 * 0; then z = 2.
        assert_eq!(states(linear(case("GRU", 3), 2), 2), [0.0, -2.0]);
        // i = o = f = 1, c = 1: C = 1, H = 1; then all are 2.5.
        let lstm = linear(case("LSTM", 4), 3);
        assert_eq!(states(lstm, 3), [1.0, 2.5 * (2.5 + 2.5 * 2.5)]);
    }

    #[test]
    fn weights_must_fit() {
        case("GRU", 4).outputs(2).refused(ErrorKind::Shape, "expected weights");
        case("RNN", 1).int("hidden_size", 3).refused(ErrorKind::Shape, "`hidden_size`");
        linear(case("RNN", 1), 2).refused(ErrorKind::Malformed, "expected 1 activations");
        case("RNN", 1).string("direction", "up").refused(ErrorKind::Malformed, "`direction`");
        let long = case("RNN", 1).absent().operand(Tensor::vector(vec![3i32]));
        long.outputs(2).refused(ErrorKind::Shape, "longer");
    }
}
