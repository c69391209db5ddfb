//! Updates of parts of a tensor, each by several indices.

use super::gather_elements::check_updates;
use super::gather_nd::rows;
use super::indices::one_bounded;
use super::reading::check;
use super::scatter_elements::{reduction, reduction_name};
use super::{AnyOperation, Definition};
use crate::error::Result;
use crate::ir::{Attribute, Attributes, Operand, Parsed, Signature, TensorType, required};
use crate::operation::{self, ScatterReduction};

/// `ScatterND`. Operands: data, indices, updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScatterNd {
    /// What an update does.
    pub reduction: ScatterReduction,
}

impl Definition for ScatterNd {
    const NAMES: &'static [&'static str] = &["ScatterND"];

    fn name(&self) -> &'static str {
        "ScatterND"
    }

    fn attributes(&self) -> Attributes {
        let reduction = reduction_name(self.reduction).to_owned();
        Attributes::default().with("reduction", Attribute::String(reduction))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, if signature.opset < 16 { &[] } else { &["reduction"] }, 3)?;
        Ok(Parsed::as_written(Self { reduction: reduction(signature)? }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let data = required(operands, 0, "data")?.tensor_type;
        let indices = required(operands, 1, "indices")?.tensor_type;
        let updates = required(operands, 2, "updates")?.tensor_type;
        let (rows, columns) = rows(data, indices, 0)?;
        check_updates(data, &[rows, &data.shape[columns..]].concat(), updates)?;
        one_bounded(data.clone())
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(operation::ScatterNd { reduction: self.reduction }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn scatter(sizes: &[usize], indices: Vec<i64>, updates: Tensor) -> Case {
        let indices = Tensor::new(sizes, indices).unwrap();
        Case::new("ScatterND", 18).counting(&[4, 2]).operand(indices).operand(updates)
    }

    #[test]
    fn updates_parts() {
        let rows = Tensor::new(&[2, 2], vec![-1.0f32, -2.0, -3.0, -4.0]).unwrap();
        let case = scatter(&[2, 1], vec![1, -1], rows.clone());
        assert_eq!(case.f32s().1, [0.0, 1.0, -1.0, -2.0, 4.0, 5.0, -3.0, -4.0]);
        let case = scatter(&[2, 1], vec![1, 1], rows).string("reduction", "add");
        assert_eq!(case.f32s().1, [0.0, 1.0, -2.0, -3.0, 4.0, 5.0, 6.0, 7.0]);
        let elements = Tensor::vector(vec![9.0f32, 0.0]);
        let case = scatter(&[2, 2], vec![0, 1, 2, 0], elements).string("reduction", "max");
        assert_eq!(case.f32s().1, [0.0, 9.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        let whole = Tensor::new(&[1, 4, 2], vec![1.0f32; 8]).unwrap();
        assert_eq!(scatter(&[1, 0], vec![], whole).f32s().1, [1.0; 8]);
        let nothing = Tensor::new(&[0, 2], Vec::<f32>::new()).unwrap();
        assert_eq!(scatter(&[0, 1], vec![], nothing).f32s().1[7], 7.0);
    }

    #[test]
    fn errors() {
        let update = || Tensor::vector(vec![0.0f32]);
        scatter(&[1, 2], vec![4, 0], update()).refused(ErrorKind::Shape, "out of range");
        scatter(&[1, 3], vec![0; 3], update()).refused(ErrorKind::Shape, "no 3 indices");
        scatter(&[1, 1], vec![0], update()).refused(ErrorKind::Shape, "expected updates f32[1,2]");
        let case = scatter(&[1, 2], vec![0, 0], update()).string("reduction", "mean");
        case.refused(ErrorKind::Malformed, "`reduction`");
    }
}
