//! What the graph asks of an operator.

use super::fact::{Fact, facts_of};
use super::{Attributes, Tensor, TensorType};
use crate::error::{Error, Result};
use std::borrow::Cow;
use std::fmt::Debug;

/// What is known of an operand when types are inferred.
#[derive(Clone, Copy, Debug)]
pub struct Operand<'a> {
    /// Its type.
    pub tensor_type: &'a TensorType,
    /// Its value, where that is constant.
    pub value: Option<&'a Tensor>,
    /// What is known of each of its elements otherwise, where they are a few
    /// integers; see [`Operand::facts`].
    pub known: Option<&'a [Fact]>,
}

impl<'a> Operand<'a> {
    /// An operand of which only the type is known.
    #[must_use]
    pub const fn of_type(tensor_type: &'a TensorType) -> Self {
        Self { tensor_type, value: None, known: None }
    }

    /// An operand whose value may be known.
    #[must_use]
    pub const fn new(tensor_type: &'a TensorType, value: Option<&'a Tensor>) -> Self {
        Self { tensor_type, value, known: None }
    }

    /// What is known of each element, in row-major order, where the operand is
    /// a few integers whose number is known.
    #[must_use]
    pub fn facts(&self) -> Option<Cow<'a, [Fact]>> {
        match (self.value, self.known) {
            (Some(value), _) => facts_of(value).map(Cow::Owned),
            (None, known) => known.map(Cow::Borrowed),
        }
    }
}

/// How a node is written in the file: everything that an operator needs to
/// read itself.
#[derive(Clone, Copy, Debug)]
pub struct Signature<'a> {
    /// The operator's name; `domain.Name` outside the default domain.
    pub operator: &'a str,
    /// Version of the operator set.
    pub opset: u32,
    /// Attributes as written.
    pub attributes: &'a Attributes,
    /// Operands; `None` where an optional one is left out.
    pub operands: &'a [Option<Operand<'a>>],
    /// Which outputs are named, that is, used.
    pub outputs: &'a [bool],
}

/// An operator read from a [`Signature`].
#[derive(Clone, Debug)]
pub struct Parsed<O> {
    /// The operator.
    pub operator: O,
    /// The node's operands by their position in the signature, in the order
    /// that the operator wants them; `None` leaves a slot empty. Operands that
    /// became part of the operator are not among them.
    pub operands: Vec<Option<ParsedOperand>>,
}

/// Where an operand of a [`Parsed`] operator comes from.
#[derive(Clone, Debug)]
pub enum ParsedOperand {
    /// The operand at this position of the signature.
    Given(usize),
    /// A constant that older operator sets wrote as an attribute.
    Constant(Tensor),
}

impl<O> Parsed<O> {
    /// An operator that takes the operands as they are written.
    pub fn as_written(operator: O, signature: &Signature<'_>) -> Self {
        let operands = signature.operands.iter().enumerate();
        Self {
            operator,
            operands: operands.map(|(i, o)| o.map(|_| ParsedOperand::Given(i))).collect(),
        }
    }

    /// An operator that takes only the first `count` operands.
    pub fn first(operator: O, count: usize) -> Self {
        Self { operator, operands: (0..count).map(|i| Some(ParsedOperand::Given(i))).collect() }
    }
}

/// An operator: what the nodes of a graph do.
pub trait Operator: Clone + Debug + PartialEq + Sized {
    /// The name in messages and in the text form.
    fn name(&self) -> String;

    /// The attributes that the text form prints; [`Operator::parse`] with the
    /// newest operator set reads them back.
    fn attributes(&self) -> Attributes;

    /// Reads the operator of a node.
    ///
    /// # Errors
    /// Where the operator is unknown or its attributes make no sense.
    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>>;

    /// Types of the outputs.
    ///
    /// # Errors
    /// Where the operands do not fit.
    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>>;

    /// What is known of the elements of each output, where they are a few
    /// integers; `outputs` are the types that [`Operator::infer`] gave. Sizes
    /// of later nodes may follow from it.
    fn facts(
        &self,
        operands: &[Option<Operand<'_>>],
        outputs: &[TensorType],
    ) -> Vec<Option<Vec<Fact>>> {
        let _ = (operands, outputs);
        Vec::new()
    }

    /// The reference: values of the outputs, computed in the plainest way. It
    /// folds constants and is the oracle of every test.
    ///
    /// # Errors
    /// Where the operands do not fit.
    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>>;

    /// The outputs where they follow from the types of the operands alone
    /// (`Shape`, `Size`), although the values of the operands are unknown.
    ///
    /// # Errors
    /// Where the operands do not fit.
    fn evaluate_types(&self, operands: &[Option<Operand<'_>>]) -> Result<Option<Vec<Tensor>>>;
}

/// The operand in a slot, or an error that says which is missing.
///
/// # Errors
/// [`crate::ErrorKind::Malformed`] where the slot is empty.
pub fn required<T: Copy>(operands: &[Option<T>], slot: usize, what: &str) -> Result<T> {
    operands
        .get(slot)
        .copied()
        .flatten()
        .ok_or_else(|| Error::malformed(format!("operand {slot} ({what}) is missing")))
}
