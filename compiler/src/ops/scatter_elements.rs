//! Updates of elements, each by its own index along a dimension.

use super::gather_elements::{check_indexed, check_updates};
use super::indices::one_bounded;
use super::reading::{axis, check, operand_type};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result, printable};
use crate::ir::{Attribute, Attributes, Operand, Parsed, Signature, TensorType, required};
use crate::operation::{self, ScatterReduction};

/// `ScatterElements`, and `Scatter`, its older name. Operands: data, indices,
/// updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScatterElements {
    /// The dimension that is indexed.
    pub axis: usize,
    /// What an update does.
    pub reduction: ScatterReduction,
}

impl Definition for ScatterElements {
    const NAMES: &'static [&'static str] = &["ScatterElements", "Scatter"];

    fn name(&self) -> &'static str {
        "ScatterElements"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default()
            .with("axis", Attribute::Int(self.axis as i64))
            .with("reduction", Attribute::String(reduction_name(self.reduction).to_owned()))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let reduces = signature.opset >= 16 && signature.operator != "Scatter";
        check(signature, if reduces { &["axis", "reduction"] } else { &["axis"] }, 3)?;
        let rank = operand_type(signature, 0, "data")?.rank();
        let axis = axis(signature.attributes.int_or("axis", 0)?, rank)?;
        let reduction = reduction(signature)?;
        Ok(Parsed::as_written(Self { axis, reduction }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let data = required(operands, 0, "data")?.tensor_type;
        let indices = required(operands, 1, "indices")?.tensor_type;
        let updates = required(operands, 2, "updates")?.tensor_type;
        check_indexed(data, indices, self.axis)?;
        check_updates(data, &indices.shape, updates)?;
        one_bounded(data.clone())
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(operation::ScatterElements { axis: self.axis, reduction: self.reduction }.into())
    }
}

const REDUCTIONS: [(&str, ScatterReduction); 5] = [
    ("none", ScatterReduction::Assign),
    ("add", ScatterReduction::Add),
    ("mul", ScatterReduction::Multiply),
    ("min", ScatterReduction::Minimum),
    ("max", ScatterReduction::Maximum),
];

pub(super) fn reduction_name(reduction: ScatterReduction) -> &'static str {
    let found = REDUCTIONS.iter().find(|(_, known)| *known == reduction);
    found.map_or("none", |(name, _)| name)
}

/// Reads attribute `reduction`; `min` and `max` are of operator set 18.
pub(super) fn reduction(signature: &Signature<'_>) -> Result<ScatterReduction> {
    let name = signature.attributes.string_or("reduction", "none")?;
    let known = &REDUCTIONS[..if signature.opset < 18 { 3 } else { REDUCTIONS.len() }];
    let found = known.iter().find(|(known, _)| *known == name);
    found.map(|(_, reduction)| *reduction).ok_or_else(|| {
        let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
        Error::malformed(format!(
            "attribute `reduction` should be one of {}, but is `{}`",
            names.join(", "),
            printable(name)
        ))
    })
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn scatter(indices: &[i64], updates: Tensor) -> Case {
        let sizes = updates.shape().to_vec();
        let indices = Tensor::new(&sizes, indices.to_vec()).unwrap();
        let rank = sizes.len();
        let data = Tensor::new(&[vec![1; rank - 1], vec![5]].concat(), vec![1.0f32, 2.0, 3.0, 4.0, 5.0]);
        Case::new("ScatterElements", 18).operand(data.unwrap()).operand(indices).operand(updates)
    }

    fn row(values: &[f32]) -> Tensor {
        Tensor::new(&[1, values.len()], values.to_vec()).unwrap()
    }

    // The examples of the specification.
    #[test]
    fn updates_elements() {
        let case = scatter(&[1, 3], row(&[1.1, 2.1])).int("axis", 1);
        assert_eq!(case.f32s().1, [1.0, 1.1, 3.0, 2.1, 5.0]);
        let twice = |reduction: &str| {
            let case = scatter(&[1, -4, 0], row(&[4.0, -6.0, f32::NAN])).int("axis", -1);
            case.string("reduction", reduction).f32s().1[..2].to_vec()
        };
        assert!(twice("none")[0].is_nan() && twice("max")[0].is_nan() && twice("min")[0].is_nan());
        assert_eq!(twice("none")[1], -6.0);
        assert_eq!(twice("add")[1], 0.0);
        assert_eq!(twice("mul")[1], -48.0);
        assert_eq!(twice("max")[1], 4.0);
        assert_eq!(twice("min")[1], -6.0);
        let rows = Case::new("Scatter", 9)
            .operand(Tensor::new(&[3, 2], vec![0i8; 6]).unwrap())
            .operand(Tensor::new(&[2, 2], vec![1i32, 0, 2, 1]).unwrap())
            .operand(Tensor::new(&[2, 2], vec![1i8, 2, 3, 4]).unwrap());
        assert_eq!(rows.value(), Tensor::new(&[3, 2], vec![0i8, 2, 1, 4, 3, 0]).unwrap());
    }

    #[test]
    fn integers_wrap() {
        let case = |reduction| {
            Case::new("ScatterElements", 16)
                .operand(Tensor::vector(vec![u64::MAX]))
                .list(&[0])
                .operand(Tensor::vector(vec![u64::MAX]))
                .string("reduction", reduction)
                .value()
        };
        assert_eq!(case("add"), Tensor::vector(vec![u64::MAX - 1]));
        assert_eq!(case("mul"), Tensor::vector(vec![1u64]));
    }

    #[test]
    fn errors() {
        let case = scatter(&[5], row(&[0.0])).int("axis", 1);
        case.refused(ErrorKind::Shape, "out of range");
        let case = scatter(&[0], row(&[0.0])).string("reduction", "median");
        case.refused(ErrorKind::Malformed, "one of none, add, mul, min, max");
        let case = Case::new("ScatterElements", 16).counting(&[2]).list(&[0]).counting(&[1]);
        case.clone().string("reduction", "max").refused(ErrorKind::Malformed, "none, add, mul,");
        let case = Case::new("ScatterElements", 16).counting(&[2]).list(&[0]);
        case.clone().counting(&[2]).refused(ErrorKind::Shape, "expected updates f32[1]");
        case.list(&[0]).refused(ErrorKind::Shape, "found i64[1]");
        let old = Case::new("ScatterElements", 13).string("reduction", "add").counting(&[1]);
        old.refused(ErrorKind::Malformed, "unknown attribute `reduction`");
    }
}
