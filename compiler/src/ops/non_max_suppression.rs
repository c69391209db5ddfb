//! Boxes of which none overlaps a better one.

use super::indices::{check_integer, check_rank, integer, one_bounded, same};
use super::reading::check;
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Dim, ElementType, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation;

/// `NonMaxSuppression`. Operands: boxes, scores; how many boxes to keep, which
/// overlap is too much, which score is too low: each may be absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NonMaxSuppression {
    /// Whether boxes are given as centre, width and height, not as corners.
    pub center: bool,
}

impl Definition for NonMaxSuppression {
    const NAMES: &'static [&'static str] = &["NonMaxSuppression"];

    fn name(&self) -> &'static str {
        "NonMaxSuppression"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default().with("center_point_box", Attribute::Int(self.center.into()))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &["center_point_box"], 5)?;
        let center = match signature.attributes.int_or("center_point_box", 0)? {
            0 => false,
            1 => true,
            other => {
                return Err(Error::malformed(format!(
                    "attribute `center_point_box` should be 0 or 1, but is {other}"
                )));
            }
        };
        Ok(Parsed::as_written(Self { center }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let boxes = required(operands, 0, "boxes")?.tensor_type;
        let scores = required(operands, 1, "scores")?.tensor_type;
        let optional = |slot| operands.get(slot).copied().flatten();
        check_rank(boxes, 3, "boxes")?;
        check_rank(scores, 3, "scores")?;
        let batches = same(&boxes.shape[0], &scores.shape[0]);
        let count = same(&boxes.shape[1], &scores.shape[2]);
        let floats = boxes.element.is_float() && scores.element == boxes.element;
        let (Some(batches), Some(count), true, Dim::Fixed(4)) =
            (batches, count, floats, &boxes.shape[2])
        else {
            return Err(Error::shape(format!(
                "expected f32 boxes [batches, boxes, 4] and scores [batches, classes, boxes], \
                 found {boxes} and {scores}"
            )));
        };
        check_integer(optional(2), "max_output_boxes_per_class")?;
        check_threshold(optional(3), "iou_threshold")?;
        check_threshold(optional(4), "score_threshold")?;
        // None are kept where it is not said how many.
        let most = optional(2).map_or(0, |kept| integer(Some(kept)).high.max(0));
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(count.max());
        let classes = scores.shape[1].max();
        let rows = most.saturating_mul(classes).saturating_mul(batches.max());
        let rows = if rows == 0 { Dim::Fixed(0) } else { Dim::fresh(rows) };
        one_bounded(TensorType { element: ElementType::I64, shape: vec![rows, Dim::Fixed(3)] })
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(operation::NonMaxSuppression { center: self.center }.into())
    }
}

fn check_threshold(operand: Option<Operand<'_>>, what: &str) -> Result<()> {
    let Some(found) = operand.map(|operand| operand.tensor_type) else { return Ok(()) };
    match found.element.is_float() && found.elements()? == 1 {
        true => Ok(()),
        false => Err(Error::shape(format!("operand `{what}` should be one f32, but is {found}"))),
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    /// Boxes that overlap in pairs, as corners, some of them swapped.
    const BOXES: [f32; 24] = [
        0.0, 0.0, 1.0, 1.0, 0.0, 1.1, 1.0, 0.1, 0.0, -0.1, 1.0, 0.9, 0.0, 10.0, 1.0, 11.0, //
        1.0, 11.1, 0.0, 10.1, 0.0, 100.0, 1.0, 101.0,
    ];
    const SCORES: [f32; 6] = [0.9, 0.75, 0.6, 0.95, 0.5, 0.3];

    fn case(boxes: &[f32], scores: &[f32]) -> Case {
        let boxes = Tensor::new(&[1, boxes.len() / 4, 4], boxes.to_vec()).unwrap();
        let scores = Tensor::new(&[1, 1, scores.len()], scores.to_vec()).unwrap();
        Case::new("NonMaxSuppression", 11).operand(boxes).operand(scores)
    }

    fn kept(case: Case) -> Vec<i64> {
        let rows = case.value();
        assert_eq!(rows.shape()[1], 3);
        rows.integers().unwrap().chunks_exact(3).map(|row| row[2]).collect()
    }

    fn number(value: f32) -> Tensor {
        Tensor::scalar(value)
    }

    #[test]
    fn the_best_of_each_cluster_is_kept() {
        let all = || case(&BOXES, &SCORES).list(&[9]);
        assert_eq!(kept(all().operand(number(0.5))), [3, 0, 5]);
        assert_eq!(kept(all().operand(number(0.5)).operand(number(0.4))), [3, 0]);
        // Touching is enough where no threshold is given.
        assert_eq!(kept(all().absent().operand(number(0.7))), [3, 0]);
        assert_eq!(kept(case(&BOXES, &SCORES).list(&[2]).operand(number(0.5))), [3, 0]);
        assert_eq!(kept(case(&BOXES, &SCORES)), [] as [i64; 0]);
        assert_eq!(kept(case(&BOXES, &SCORES).list(&[-1])), [] as [i64; 0]);
        assert_eq!(kept(case(&[], &[]).list(&[3])), [] as [i64; 0]);
    }

    #[test]
    fn equal_scores_keep_their_order() {
        let scores = [0.0, -0.0, f32::NAN, -1.0, 0.5, 0.0];
        let apart: Vec<f32> = (0..6).flat_map(|i| [3.0 * i as f32, 0.0, 1.0, 1.0]).collect();
        let case = case(&apart, &scores).list(&[9]).int("center_point_box", 1);
        assert_eq!(kept(case.clone()), [4, 0, 1, 5, 3, 2]);
        assert_eq!(kept(case.absent().operand(number(-0.5))), [4, 0, 1, 5]);
    }

    #[test]
    fn by_batch_and_class() {
        let boxes = Tensor::new(&[2, 2, 4], [0.0f32, 0.0, 1.0, 1.0].repeat(4)).unwrap();
        let scores = Tensor::new(&[2, 2, 2], vec![0.1f32, 0.2, 0.4, 0.3, 0.5, 0.5, 0.7, 0.8]);
        let case = Case::new("NonMaxSuppression", 10).operand(boxes).operand(scores.unwrap());
        let rows = case.list(&[2]).value().integers().unwrap();
        assert_eq!(rows, [0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 1, 1]);
    }

    #[test]
    fn errors() {
        let case = |boxes: &[usize], scores: &[usize]| {
            Case::new("NonMaxSuppression", 11).counting(boxes).counting(scores)
        };
        case(&[1, 2, 4], &[1, 1, 3]).refused(ErrorKind::Shape, "found f32[1,2,4] and f32[1,1,3]");
        case(&[1, 2, 5], &[1, 1, 2]).refused(ErrorKind::Shape, "boxes [batches, boxes, 4]");
        case(&[2, 4], &[1, 1, 2]).refused(ErrorKind::Shape, "`boxes` should have 3 dimensions");
        let good = case(&[1, 2, 4], &[1, 1, 2]);
        good.clone().counting(&[1]).refused(ErrorKind::Shape, "one integer");
        good.clone().absent().list(&[1]).refused(ErrorKind::Shape, "one f32");
        good.int("center_point_box", 2).refused(ErrorKind::Malformed, "0 or 1");
    }
}
