//! One node of a file, for tests of how operators are read and evaluated.

use super::Op;
use super::reading::NEWEST;
use crate::error::{ErrorKind, Result};
use crate::ir::{
    Attribute, Attributes, Operand, Operator, ParsedOperand, Signature, Tensor, TensorType,
};

/// Whether a result is what was inferred: of equal sizes, or within bounds.
fn fits(found: &TensorType, inferred: &TensorType) -> bool {
    let mut sizes = found.shape.iter().zip(&inferred.shape);
    found.element == inferred.element
        && found.rank() == inferred.rank()
        && sizes.all(|(found, dim)| dim.fixed().map_or(found.max() <= dim.max(), |_| found == dim))
}

/// A node as a file writes it.
#[derive(Clone, Debug)]
pub(super) struct Case {
    operator: &'static str,
    opset: u32,
    attributes: Attributes,
    operands: Vec<Option<Tensor>>,
    /// How many of the first operands only have a known type.
    unknown: usize,
    outputs: usize,
}

impl Case {
    pub(super) fn new(operator: &'static str, opset: u32) -> Self {
        let (attributes, operands) = (Attributes::default(), Vec::new());
        Self { operator, opset, attributes, operands, unknown: 0, outputs: 1 }
    }

    pub(super) fn with(mut self, name: &str, attribute: Attribute) -> Self {
        self.attributes.insert(name, attribute);
        self
    }

    pub(super) fn int(self, name: &str, value: i64) -> Self {
        self.with(name, Attribute::Int(value))
    }

    pub(super) fn ints(self, name: &str, values: &[i64]) -> Self {
        self.with(name, Attribute::Ints(values.to_vec()))
    }

    pub(super) fn string(self, name: &str, value: &str) -> Self {
        self.with(name, Attribute::String(value.to_owned()))
    }

    /// An operand of f32 values 0, 1, 2, ..
    pub(super) fn counting(self, shape: &[usize]) -> Self {
        let count = shape.iter().product::<usize>();
        self.operand(Tensor::new(shape, (0..count).map(|i| i as f32).collect::<Vec<_>>()).unwrap())
    }

    pub(super) fn operand(mut self, tensor: Tensor) -> Self {
        self.operands.push(Some(tensor));
        self
    }

    /// An operand of integers, a vector.
    pub(super) fn list(self, values: &[i64]) -> Self {
        self.operand(Tensor::vector(values.to_vec()))
    }

    /// An optional operand that is left out.
    pub(super) fn absent(mut self) -> Self {
        self.operands.push(None);
        self
    }

    pub(super) fn outputs(mut self, outputs: usize) -> Self {
        self.outputs = outputs;
        self
    }

    /// Lets the values of the first operands depend on the data.
    pub(super) fn unknown(mut self, unknown: usize) -> Self {
        self.unknown = unknown;
        self
    }

    /// Reads the node; checks that its text form reads back as the same.
    /// Returns the operator and the operands it wants.
    pub(super) fn read(&self) -> Result<(Op, Vec<Option<Tensor>>)> {
        let (operator, operands) = self.parse()?;
        let text = Self {
            operator: operator.name().leak(),
            opset: NEWEST,
            attributes: operator.attributes(),
            operands: operands.clone(),
            unknown: 0,
            outputs: self.outputs,
        };
        let read_back = text.parse().unwrap();
        // Compared as text: NaN equals itself there.
        assert_eq!(format!("{read_back:?}"), format!("{:?}", (&operator, &operands)), "{text:?}");
        Ok((operator, operands))
    }

    fn parse(&self) -> Result<(Op, Vec<Option<Tensor>>)> {
        let types: Vec<_> =
            self.operands.iter().map(|o| o.as_ref().map(Tensor::tensor_type)).collect();
        let operands: Vec<_> = (self.operands.iter().zip(&types).enumerate())
            .map(|(slot, (value, tensor_type))| {
                let value = value.as_ref().filter(|_| slot >= self.unknown);
                tensor_type.as_ref().map(|tensor_type| Operand::new(tensor_type, value))
            })
            .collect();
        let parsed = Op::parse(&Signature {
            operator: self.operator,
            opset: self.opset,
            attributes: &self.attributes,
            operands: &operands,
            outputs: &vec![true; self.outputs],
        })?;
        let wanted = parsed.operands.into_iter().map(|operand| match operand? {
            ParsedOperand::Given(slot) => self.operands.get(slot).cloned().flatten(),
            ParsedOperand::Constant(tensor) => Some(tensor),
        });
        Ok((parsed.operator, wanted.collect()))
    }

    /// Reads and evaluates the node; checks that the types are what was
    /// inferred.
    pub(super) fn evaluate(&self) -> Result<Vec<Tensor>> {
        let (operator, operands) = self.read()?;
        let references: Vec<_> = operands.iter().map(Option::as_ref).collect();
        let types: Vec<_> = references.iter().map(|o| o.map(Tensor::tensor_type)).collect();
        let known: Vec<_> = (references.iter().zip(&types))
            .map(|(&value, t)| t.as_ref().map(|tensor_type| Operand::new(tensor_type, value)))
            .collect();
        let types = operator.infer(&known)?;
        let values = operator.evaluate(&references)?;
        let found: Vec<_> = values.iter().map(Tensor::tensor_type).collect();
        let fits = found.len() == types.len() && found.iter().zip(&types).all(|(f, t)| fits(f, t));
        assert!(fits, "{types:?} was inferred, but found {found:?}");
        Ok(values)
    }

    /// The one output.
    pub(super) fn value(&self) -> Tensor {
        match <[Tensor; 1]>::try_from(self.evaluate().unwrap()) {
            Ok([value]) => value,
            Err(values) => panic!("expected one output, found {}", values.len()),
        }
    }

    /// The one output, which is f32: its shape and values.
    pub(super) fn f32s(&self) -> (Vec<usize>, Vec<f32>) {
        let value = self.value();
        (value.shape().to_vec(), value.f32s().unwrap().to_vec())
    }

    /// What kind of error the node is, and its message.
    pub(super) fn error(&self) -> (ErrorKind, String) {
        let error = self.evaluate().unwrap_err();
        (error.kind(), error.to_string())
    }

    /// Asserts that the node is refused with a message that contains this.
    #[track_caller]
    pub(super) fn refused(&self, kind: ErrorKind, message: &str) {
        let (found, text) = self.error();
        assert!(found == kind && text.contains(message), "{found:?}: {text}");
    }
}
