//! Scaled dot product attention.

use super::floats::{check_float, check_same_element};
use super::reading::{check, operand_type, size};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{Attribute, Attributes, Dim, Operand, Parsed, Signature, TensorType, required};
use crate::operation::{self, Scores};

/// `Attention`. Operands: queries, keys, values; mask, past keys, past values,
/// count of keys that are no padding (all may be empty). Results: what was
/// attended to; keys and values, scores, where they are asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attention {
    /// What is computed.
    pub operation: operation::Attention,
    /// How many of the results there are.
    pub results: usize,
}

/// A count that is unlimited where it is -1.
fn limit(signature: &Signature<'_>, name: &str) -> Result<Option<usize>> {
    match signature.attributes.int_or(name, -1)? {
        -1 => Ok(None),
        value => size(value, name).map(Some),
    }
}

impl Definition for Attention {
    const NAMES: &'static [&'static str] = &["Attention", "ai.onnx.preview.FlexAttention"];

    fn name(&self) -> &'static str {
        "Attention"
    }

    fn attributes(&self) -> Attributes {
        let operation::Attention { query_heads, key_heads, scale, softcap, causal, .. } =
            self.operation;
        let mode = match self.operation.scores {
            Scores::Products => 0,
            Scores::Capped => 1,
            Scores::Masked => 2,
            Scores::Probabilities => 3,
        };
        let limit = |limit: Option<usize>| Attribute::Int(limit.map_or(-1, |limit| limit as i64));
        let attributes = Attributes::default()
            .with("q_num_heads", Attribute::Int(query_heads as i64))
            .with("kv_num_heads", Attribute::Int(key_heads as i64))
            .with("softcap", Attribute::Float(softcap))
            .with("is_causal", Attribute::Int(causal.into()))
            .with("left_window_size", limit(self.operation.left))
            .with("right_window_size", limit(self.operation.right))
            .with("qk_matmul_output_mode", Attribute::Int(mode));
        match scale {
            Some(scale) => attributes.with("scale", Attribute::Float(scale)),
            None => attributes,
        }
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        // The precision of softmax is that of f64 in any case.
        if signature.operator != "Attention" {
            // What a graph in an attribute makes of scores is refused there.
            check(signature, &["scale", "softmax_precision"], 3)?;
        }
        let known = [
            "q_num_heads",
            "kv_num_heads",
            "scale",
            "softcap",
            "is_causal",
            "left_window_size",
            "right_window_size",
            "qk_matmul_output_mode",
            "softmax_precision",
        ];
        check(signature, &known, 7)?;
        let attributes = signature.attributes;
        let scores = match attributes.int_or("qk_matmul_output_mode", 0)? {
            0 => Scores::Products,
            1 => Scores::Capped,
            2 => Scores::Masked,
            3 => Scores::Probabilities,
            mode => {
                return Err(Error::malformed(format!(
                    "attribute `qk_matmul_output_mode` should be 0 to 3, but is {mode}"
                )));
            }
        };
        let heads = |name| size(attributes.int_or(name, 0)?, name);
        let operation = operation::Attention {
            query_heads: heads("q_num_heads")?,
            key_heads: heads("kv_num_heads")?,
            scale: attributes.float("scale")?.copied(),
            softcap: attributes.float_or("softcap", 0.0)?,
            causal: attributes.flag("is_causal")?,
            left: limit(signature, "left_window_size")?,
            right: limit(signature, "right_window_size")?,
            scores,
        };
        operand_type(signature, 0, "Q")?;
        let results = signature.outputs.iter().rposition(|&used| used).map_or(1, |last| last + 1);
        Ok(Parsed::as_written(Self { operation, results: results.min(4) }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let query_type = required(operands, 0, "Q")?.tensor_type;
        check_float(query_type)?;
        let query = Heads::of(query_type, self.operation.query_heads)?;
        let [key, value] = [(1, "K"), (2, "V")].map(|(slot, what)| {
            let tensor_type = required(operands, slot, what)?.tensor_type;
            check_same_element(query_type, tensor_type)?;
            Heads::of(tensor_type, self.operation.key_heads)
        });
        let (mut key, value) = (key?, value?);
        let past = [4, 5].map(|slot| operands.get(slot).copied().flatten());
        let nonpad = operands.get(6).copied().flatten();
        match past {
            [Some(past), Some(past_value)] if nonpad.is_none() => {
                check_same_element(query_type, past.tensor_type)?;
                check_same_element(query_type, past_value.tensor_type)?;
                let past = Heads::of(past.tensor_type, 0)?;
                Heads::of(past_value.tensor_type, 0)?;
                key.len = match (past.len, key.len) {
                    (Dim::Fixed(a), Dim::Fixed(b)) => Dim::Fixed(a.saturating_add(b)),
                    (a, b) => Dim::fresh(a.max().saturating_add(b.max())),
                };
            }
            [None, None] => {}
            _ => {
                return Err(Error::malformed(
                    "past keys come with past values, and without a count of keys",
                ));
            }
        }
        if let Some(mask) = operands.get(3).copied().flatten()
            && !(1..=4).contains(&mask.tensor_type.rank())
        {
            let mask = mask.tensor_type;
            return Err(Error::shape(format!("expected a mask of 1 to 4 dimensions, found {mask}")));
        }
        let of = |shape: Vec<Dim>| TensorType { element: query_type.element, shape };
        let result = match query_type.rank() {
            3 => {
                let width = times(&query.count, &value.size);
                of(vec![query.batch.clone(), query.len.clone(), width])
            }
            _ => of(vec![query.batch.clone(), query.count.clone(), query.len.clone(), value.size.clone()]),
        };
        let cache = |size: &Dim| {
            of(vec![key.batch.clone(), key.count.clone(), key.len.clone(), size.clone()])
        };
        let scores = of(vec![query.batch, query.count, query.len, key.len.clone()]);
        let mut results = vec![result, cache(&key.size), cache(&value.size), scores];
        results.truncate(self.results);
        results.iter().try_for_each(|result| result.elements().map(drop))?;
        Ok(results)
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(self.operation.into())
    }
}

/// Dimensions of a tensor of heads.
struct Heads {
    batch: Dim,
    count: Dim,
    len: Dim,
    size: Dim,
}

impl Heads {
    fn of(tensor_type: &TensorType, count: usize) -> Result<Self> {
        match &tensor_type.shape[..] {
            [batch, count, len, size] => Ok(Self {
                batch: batch.clone(),
                count: count.clone(),
                len: len.clone(),
                size: size.clone(),
            }),
            [batch, len, width] if width.max().checked_rem(count) == Some(0) => {
                let size = match width {
                    Dim::Fixed(width) => Dim::Fixed(width / count),
                    Dim::Bounded { max, .. } => Dim::fresh(max / count),
                };
                Ok(Self { batch: batch.clone(), count: Dim::Fixed(count), len: len.clone(), size })
            }
            _ => Err(Error::shape(format!(
                "expected [batch, heads, length, size], or [batch, length, width] of {count} heads, \
                 found {tensor_type}"
            ))),
        }
    }
}

/// A dimension as many times as another one.
fn times(count: &Dim, size: &Dim) -> Dim {
    match (count, size) {
        (Dim::Fixed(count), Dim::Fixed(size)) => Dim::Fixed(count.saturating_mul(*size)),
        _ => Dim::fresh(count.max().saturating_mul(size.max())),
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

    /// One query that is no closer to one of two keys than to the other.
    fn case() -> Case {
        Case::new("Attention", 24)
            .operand(tensor(&[1, 1, 1, 2], &[1.0, 1.0]))
            .operand(tensor(&[1, 1, 2, 2], &[1.0, 0.0, 0.0, 1.0]))
            .operand(tensor(&[1, 1, 2, 1], &[2.0, 4.0]))
    }

    #[test]
    fn values_are_weighted_by_likeness() {
        assert_eq!(case().f32s(), (vec![1, 1, 1, 1], vec![3.0]));
        let masked = case().operand(Tensor::vector(vec![false, true]));
        assert_eq!(masked.f32s().1, [4.0]);
        let nothing = case().operand(Tensor::vector(vec![f32::NEG_INFINITY; 2]));
        assert_eq!(nothing.f32s().1, [0.0]);
        // A mask that is too short covers what is left.
        assert_eq!(case().operand(Tensor::vector(vec![true])).f32s().1, [2.0]);
        assert_eq!(case().int("is_causal", 1).f32s().1, [2.0]);
    }

    #[test]
    fn past_keys_come_first() {
        let past = case().absent().operand(tensor(&[1, 1, 1, 2], &[1.0, 1.0]));
        let past = past.operand(tensor(&[1, 1, 1, 1], &[9.0]));
        let results = past.outputs(4).with("scale", Attribute::Float(1.0)).evaluate().unwrap();
        assert_eq!(results[1], tensor(&[1, 1, 3, 2], &[1.0, 1.0, 1.0, 0.0, 0.0, 1.0]));
        assert_eq!(results[2], tensor(&[1, 1, 3, 1], &[9.0, 2.0, 4.0]));
        assert_eq!(results[3], tensor(&[1, 1, 1, 3], &[2.0, 1.0, 1.0]));
    }

    #[test]
    fn heads_may_lie_side_by_side() {
        let wide = Case::new("Attention", 23)
            .operand(tensor(&[1, 1, 2], &[1.0, 1.0]))
            .operand(tensor(&[1, 1, 1], &[1.0]))
            .operand(tensor(&[1, 1, 2], &[5.0, 6.0]));
        let wide = || wide.clone().int("q_num_heads", 2);
        let result = wide().int("kv_num_heads", 1).f32s();
        assert_eq!(result, (vec![1, 1, 4], vec![5.0, 6.0, 5.0, 6.0]));
        wide().refused(ErrorKind::Shape, "0 heads");
    }

    #[test]
    fn flexible_attention_is_the_same_without_graphs() {
        let flexible = Case::new("ai.onnx.preview.FlexAttention", 1)
            .counting(&[1, 1, 1, 2])
            .counting(&[1, 1, 2, 2])
            .counting(&[1, 1, 2, 1]);
        assert_eq!(flexible.with("scale", Attribute::Float(0.0)).f32s().1, [0.5]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let past = case().absent().operand(tensor(&[1, 1, 1, 2], &[1.0, 1.0]));
        past.refused(ErrorKind::Malformed, "past values");
        let counts = Tensor::vector(vec![false; 3]);
        case().operand(counts).refused(ErrorKind::Shape, "does not fit");
        case().int("qk_matmul_output_mode", 4).refused(ErrorKind::Malformed, "0 to 3");
    }
}
