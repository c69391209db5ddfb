//! The same elements under a shape that is known only at run time.

use super::counts::{completed, product, vector};
use super::reading::{all_known, axes, axis, check, one, operand_type};
use super::reshape::given_axes;
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Dim, Fact, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation::{GeneralReshape, ReshapeTarget};
use crate::step::RANK;
use std::borrow::Cow;

/// `Reshape`, `Flatten`, `Squeeze`, `Unsqueeze` where sizes are known only at
/// run time; otherwise see [`super::Reshape`]. Operands: data, and for
/// [`RuntimeReshape::Sizes`] the sizes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuntimeReshape {
    /// To the sizes of the second operand, -1 for what is left.
    Sizes {
        /// Whether 0 is a size, rather than the operand's in that place.
        zero_is_zero: bool,
    },
    /// To two dimensions.
    Flat {
        /// The first dimension of the second part.
        axis: usize,
    },
    /// Without these dimensions of size 1.
    Without {
        /// Of the operand's dimensions.
        axes: Vec<usize>,
    },
    /// With these dimensions of size 1.
    With {
        /// Of the result's dimensions.
        axes: Vec<usize>,
    },
}

impl Definition for RuntimeReshape {
    const NAMES: &'static [&'static str] =
        &["RuntimeReshape", "Reshape", "Flatten", "Squeeze", "Unsqueeze"];

    fn reads(signature: &Signature<'_>) -> bool {
        signature.operator == "RuntimeReshape" || !all_known(signature)
    }

    fn name(&self) -> &'static str {
        "RuntimeReshape"
    }

    fn attributes(&self) -> Attributes {
        let ints = |axes: &[usize]| Attribute::Ints(axes.iter().map(|&axis| axis as i64).collect());
        let (name, value) = match self {
            Self::Sizes { zero_is_zero } => {
                ("allowzero", Attribute::Int(i64::from(*zero_is_zero)))
            }
            Self::Flat { axis } => ("flat", Attribute::Int(*axis as i64)),
            Self::Without { axes } => ("without", ints(axes)),
            Self::With { axes } => ("with", ints(axes)),
        };
        Attributes::default().with(name, value)
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let rank = operand_type(signature, 0, "data")?.rank();
        let reshape = match signature.operator {
            "RuntimeReshape" => as_text(signature, rank)?,
            "Flatten" => {
                check(signature, &["axis"], 1)?;
                Self::Flat { axis: place(signature.attributes.int_or("axis", 1)?, rank)? }
            }
            "Squeeze" => Self::Without { axes: squeezed(signature)? },
            "Unsqueeze" => {
                let given = given_axes(signature)?;
                let given = given.ok_or_else(|| Error::malformed("`axes` are missing"))?;
                Self::With { axes: axes(&given, rank + given.len())? }
            }
            _ => {
                let allowed = signature.opset >= 14;
                check(signature, if allowed { &["allowzero"] } else { &[] }, 2)?;
                Self::Sizes { zero_is_zero: signature.attributes.flag("allowzero")? }
            }
        };
        let operands = if matches!(reshape, Self::Sizes { .. }) { 2 } else { 1 };
        Ok(Parsed::first(reshape, operands))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let data = required(operands, 0, "data")?.tensor_type;
        let axis = |axis: usize| {
            Error::shape(format!("there is no place for dimension {axis} beside {data}"))
        };
        let shape = match self {
            Self::Sizes { zero_is_zero } => {
                requested(data, required(operands, 1, "shape")?, *zero_is_zero)?
            }
            Self::Flat { axis: place } => {
                let parts = data.shape.split_at_checked(*place);
                let (before, after) = parts.ok_or_else(|| axis(*place))?;
                vec![product(before)?, product(after)?]
            }
            Self::Without { axes } => {
                let mut shape = data.shape.clone();
                let mut sorted = axes.clone();
                sorted.sort_unstable();
                for &removed in sorted.iter().rev() {
                    match shape.get(removed) {
                        None | Some(Dim::Fixed(0 | 2..) | Dim::Bounded { max: 0, .. }) => {
                            return Err(Error::shape(format!(
                                "axis {removed} of {data} should have size 1 to be removed"
                            )));
                        }
                        Some(_) => drop(shape.remove(removed)),
                    }
                }
                shape
            }
            Self::With { axes } => {
                let mut shape = data.shape.clone();
                let mut sorted = axes.clone();
                sorted.sort_unstable();
                for &inserted in &sorted {
                    if inserted > shape.len() {
                        return Err(axis(inserted));
                    }
                    shape.insert(inserted, Dim::Fixed(1));
                }
                shape
            }
        };
        one(TensorType { element: data.element, shape })
    }

    fn facts(&self, operands: &[Option<Operand<'_>>]) -> Option<Vec<Fact>> {
        operands.first()?.as_ref()?.facts().map(Cow::into_owned)
    }

    fn operation(&self) -> Option<AnyOperation> {
        let marked = |axes: &[usize]| {
            let mut marks = [false; RANK];
            axes.iter().try_for_each(|&axis| marks.get_mut(axis).map(|mark| *mark = true))?;
            Some(marks)
        };
        let target = match self {
            Self::Sizes { zero_is_zero } => ReshapeTarget::Sizes { zero_is_zero: *zero_is_zero },
            Self::Flat { axis } => ReshapeTarget::Flat { axis: *axis },
            Self::Without { axes } => ReshapeTarget::Without { removed: marked(axes)? },
            Self::With { axes } => ReshapeTarget::With { inserted: marked(axes)? },
        };
        Some(GeneralReshape { target }.into())
    }
}

/// A place between dimensions, of which there is one more than dimensions.
fn place(given: i64, rank: usize) -> Result<usize> {
    match usize::try_from(given) {
        Ok(last) if last == rank => Ok(last),
        _ => axis(given, rank),
    }
}

/// The operator as the text form writes it.
fn as_text(signature: &Signature<'_>, rank: usize) -> Result<RuntimeReshape> {
    check(signature, &["allowzero", "flat", "without", "with"], 2)?;
    let attributes = signature.attributes;
    if let Some(&given) = attributes.int("flat")? {
        return Ok(RuntimeReshape::Flat { axis: place(given, rank)? });
    }
    if let Some(given) = attributes.ints("without")? {
        return Ok(RuntimeReshape::Without { axes: axes(given, rank)? });
    }
    if let Some(given) = attributes.ints("with")? {
        return Ok(RuntimeReshape::With { axes: axes(given, rank + given.len())? });
    }
    Ok(RuntimeReshape::Sizes { zero_is_zero: attributes.flag("allowzero")? })
}

/// The dimensions that `Squeeze` removes, which decide how many are left.
fn squeezed(signature: &Signature<'_>) -> Result<Vec<usize>> {
    let data = operand_type(signature, 0, "data")?;
    match given_axes(signature)? {
        Some(given) if !given.is_empty() => axes(&given, data.rank()),
        _ => Err(Error::unsupported(format!(
            "how many dimensions of {data} have size 1 depends on the data"
        ))
        .help("name the `axes` that are to be removed")),
    }
}

/// The shape that a requested one stands for.
fn requested(data: &TensorType, wanted: Operand<'_>, zero_is_zero: bool) -> Result<Vec<Dim>> {
    if wanted.tensor_type.rank() != 1 {
        return Err(Error::shape(format!(
            "operand `shape` should be a vector, but is {}",
            wanted.tensor_type
        )));
    }
    let facts = vector(wanted, "shape")?.ok_or_else(|| {
        Error::unsupported("the number of dimensions depends on the data, or is absurdly large")
    })?;
    if facts.iter().filter(|fact| fact.value() == Some(-1)).count() > 1 {
        return Err(Error::shape("-1 is there twice in a shape"));
    }
    let sizes = facts.iter().enumerate().map(|(dimension, fact)| match fact.value() {
        Some(-1) => Ok(None),
        Some(0) if !zero_is_zero => match data.shape.get(dimension) {
            Some(dim) => Ok(Some(dim.clone())),
            None => Err(Error::shape(format!("{data} has no dimension {dimension} to keep"))),
        },
        // Negative sizes are refused here.
        Some(_) => fact.dim().map(Some),
        None if fact.symbol.is_some() => fact.dim().map(Some),
        // What may be -1 or 0 may be another size.
        None if fact.low > 0 && fact.high < i64::MAX => fact.dim().map(Some),
        None => Ok(None),
    });
    let sizes = sizes.collect::<Result<Vec<_>>>()?;
    let shape = completed(&data.shape, &sizes)?;
    let total = |shape: &[Dim]| product(shape).map(|dim| dim.fixed());
    match (total(&data.shape)?, total(&shape)?) {
        (Some(given), Some(asked)) if given != asked => {
            Err(Error::shape(format!("the {given} elements of {data} are not {asked}")))
        }
        _ => Ok(shape),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::ir::{ElementType, Tensor};
    use crate::ops::reading::NEWEST;
    use crate::ops::testing::Case;

    fn count(max: usize) -> Dim {
        Dim::Bounded { symbol: "n".to_owned(), max }
    }

    fn open(rest: &[usize]) -> TensorType {
        let rest = rest.iter().map(|&size| Dim::Fixed(size));
        let shape = std::iter::once(count(1000)).chain(rest).collect();
        TensorType { element: ElementType::F32, shape }
    }

    fn inferred(reshape: &RuntimeReshape, data: &TensorType, facts: &[Fact]) -> Result<Vec<Dim>> {
        let shape_type = TensorType::fixed(ElementType::I64, &[facts.len()]);
        let shape =
            Operand { tensor_type: &shape_type, value: None, known: Some(facts) };
        let types = reshape.infer(&[Some(Operand::of_type(data)), Some(shape)])?;
        Ok(types[0].shape.clone())
    }

    const SIZES: RuntimeReshape = RuntimeReshape::Sizes { zero_is_zero: false };

    #[test]
    fn counts_stay_what_they_are() {
        let n = Fact::of_dim(&count(1000));
        let of = |data: &[usize], facts: &[Fact]| inferred(&SIZES, &open(data), facts).unwrap();
        let known = Fact::known;
        assert_eq!(of(&[256, 7, 7], &[n.clone(), known(-1)]), [count(1000), Dim::Fixed(12544)]);
        assert_eq!(of(&[84], &[known(-1), known(21), known(4)])[0], count(1000));
        assert_eq!(of(&[84], &[Fact::ANYTHING, known(21), known(4)])[0], count(1000));
        assert_eq!(of(&[4], &[known(0), known(-1)]), [count(1000), Dim::Fixed(4)]);
        assert_eq!(of(&[4], &[known(-1)]), [Dim::fresh(4000)]);
        assert_eq!(of(&[4], &[known(-1), known(8)]), [Dim::fresh(500), Dim::Fixed(8)]);
        let flat = RuntimeReshape::Flat { axis: 1 };
        assert_eq!(inferred(&flat, &open(&[3, 5]), &[]).unwrap(), [count(1000), Dim::Fixed(15)]);
        let with = RuntimeReshape::With { axes: vec![2, 0] };
        let one = Dim::Fixed(1);
        assert_eq!(
            inferred(&with, &open(&[3]), &[]).unwrap(),
            [one.clone(), count(1000), one.clone(), Dim::Fixed(3)]
        );
        let without = RuntimeReshape::Without { axes: vec![1] };
        assert_eq!(inferred(&without, &open(&[1]), &[]).unwrap(), [count(1000)]);
    }

    #[test]
    fn what_cannot_fit_is_refused() {
        let refused = |data: &TensorType, facts: &[Fact]| {
            inferred(&SIZES, data, facts).unwrap_err().kind()
        };
        let known = Fact::known;
        assert_eq!(refused(&open(&[4]), &[known(-1), known(-1)]), ErrorKind::Shape);
        assert_eq!(refused(&open(&[4]), &[known(-2)]), ErrorKind::Shape);
        assert_eq!(refused(&open(&[4]), &[known(1), known(1), known(0)]), ErrorKind::Shape);
        assert_eq!(refused(&TensorType::f32(&[4]), &[known(3)]), ErrorKind::Shape);
        let without = RuntimeReshape::Without { axes: vec![1] };
        assert_eq!(inferred(&without, &open(&[2]), &[]).unwrap_err().kind(), ErrorKind::Shape);
    }

    #[test]
    fn elements_move_as_asked() {
        let case = |shape: &[usize], wanted: &[i64]| {
            Case::new("Reshape", 14).counting(shape).list(wanted).unknown(2)
        };
        assert_eq!(case(&[2, 6], &[3, -1]).f32s(), (vec![3, 4], (0..12).map(|i| i as f32).collect()));
        // Nothing was detected: the other sizes still follow.
        assert_eq!(case(&[0, 3, 2], &[0, -1]).f32s().0, [0, 6]);
        case(&[2], &[3]).refused(ErrorKind::Shape, "are not 3");
        let text = Case::new("RuntimeReshape", NEWEST).counting(&[2, 1, 3]);
        assert_eq!(text.clone().int("flat", 2).value().shape(), [2, 3]);
        assert_eq!(text.clone().ints("without", &[1]).value().shape(), [2, 3]);
        assert_eq!(text.clone().ints("with", &[-1]).value().shape(), [2, 1, 3, 1]);
        let booleans = Tensor::new(&[2], vec![true, false]).unwrap();
        let reshaped = Case::new("Reshape", 14).operand(booleans).list(&[2, 1]).unknown(2).value();
        assert_eq!(reshaped, Tensor::new(&[2, 1], vec![true, false]).unwrap());
        text.ints("without", &[0]).refused(ErrorKind::Shape, "should have size 1");
    }
}
