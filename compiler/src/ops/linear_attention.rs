//! Attention as a recurrence.

use super::floats::{check_float, check_same_element};
use super::reading::{check, size};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{Attribute, Attributes, Dim, Operand, Parsed, Signature, TensorType, required};
use crate::operation;

/// `LinearAttention`. Operands: queries, keys, values; past state, decay, beta
/// (may be empty), the latter two as the rule asks for. Results: what was
/// attended to, state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinearAttention {
    /// Heads of the queries.
    pub query_heads: usize,
    /// Heads of keys and values.
    pub key_heads: usize,
    /// Factor of results; 0 for one over the root of the size of a key.
    pub scale: f32,
    /// Whether the state decays.
    pub decays: bool,
    /// Whether only what the state does not know is written.
    pub corrects: bool,
}

/// Names of the rules, and whether they let the state decay, and correct it.
const RULES: [(&str, bool, bool); 4] = [
    ("linear", false, false),
    ("gated", true, false),
    ("delta", false, true),
    ("gated_delta", true, true),
];

impl Definition for LinearAttention {
    const NAMES: &'static [&'static str] = &["LinearAttention"];

    fn name(&self) -> &'static str {
        "LinearAttention"
    }

    fn attributes(&self) -> Attributes {
        let rule = RULES.iter().find(|(_, decays, corrects)| {
            (*decays, *corrects) == (self.decays, self.corrects)
        });
        let rule = rule.map_or("", |(name, ..)| name);
        Attributes::default()
            .with("q_num_heads", Attribute::Int(self.query_heads as i64))
            .with("kv_num_heads", Attribute::Int(self.key_heads as i64))
            .with("scale", Attribute::Float(self.scale))
            .with("update_rule", Attribute::String(rule.to_owned()))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        // The size of chunks only matters for speed.
        let known = ["q_num_heads", "kv_num_heads", "scale", "update_rule", "chunk_size"];
        check(signature, &known, 6)?;
        let attributes = signature.attributes;
        let rule = attributes.string_or("update_rule", "gated_delta")?;
        let Some(&(_, decays, corrects)) = RULES.iter().find(|(name, ..)| *name == rule) else {
            let rule = crate::error::printable(rule);
            return Err(Error::malformed(format!("attribute `update_rule` names no rule: {rule}")));
        };
        let heads = |name| size(attributes.int_or(name, 0)?, name);
        let attention = Self {
            query_heads: heads("q_num_heads")?,
            key_heads: heads("kv_num_heads")?,
            scale: attributes.float_or("scale", 0.0)?,
            decays,
            corrects,
        };
        if attention.query_heads.checked_rem(attention.key_heads) != Some(0)
            || attention.query_heads == 0
        {
            return Err(Error::malformed("heads of queries do not share those of keys evenly"));
        }
        Ok(Parsed::as_written(attention, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let query = required(operands, 0, "query")?.tensor_type;
        check_float(query)?;
        for (slot, wanted, what) in [(4, self.decays, "decay"), (5, self.corrects, "beta")] {
            if operands.get(slot).copied().flatten().is_some() != wanted {
                return Err(Error::malformed(format!("the rule does not fit operand `{what}`")));
            }
        }
        operands.iter().flatten().try_for_each(|o| check_same_element(query, o.tensor_type))?;
        let width = |slot, what, heads: usize| {
            let tensor_type = required(operands, slot, what)?.tensor_type;
            match &tensor_type.shape[..] {
                [_, _, Dim::Fixed(width)] if width % heads == 0 => Ok(width / heads),
                _ => Err(Error::shape(format!(
                    "expected [batch, length, width] of {heads} heads, found {tensor_type}"
                ))),
            }
        };
        width(0, "query", self.query_heads)?;
        let key = width(1, "key", self.key_heads)?;
        let value = width(2, "value", self.key_heads)?;
        let [batch, len] = [query.shape[0].clone(), query.shape[1].clone()];
        let output = Dim::Fixed(value.saturating_mul(self.query_heads));
        let state = [self.key_heads, key, value].map(Dim::Fixed);
        let state = std::iter::once(batch.clone()).chain(state).collect();
        let results = vec![
            TensorType { element: query.element, shape: vec![batch, len, output] },
            TensorType { element: query.element, shape: state },
        ];
        results.iter().try_for_each(|result| result.elements().map(drop))?;
        Ok(results)
    }

    fn operation(&self) -> Option<AnyOperation> {
        let Self { query_heads, key_heads, scale, .. } = *self;
        Some(operation::LinearAttention { query_heads, key_heads, scale }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn tensor(sizes: &[usize], values: &[f32]) -> Tensor {
        Tensor::new(sizes, values.to_vec()).unwrap()
    }

    fn case(rule: &str) -> Case {
        Case::new("LinearAttention", 27)
            .operand(tensor(&[1, 2, 1], &[1.0, 1.0]))
            .operand(tensor(&[1, 2, 1], &[1.0, 2.0]))
            .operand(tensor(&[1, 2, 1], &[3.0, 5.0]))
            .int("q_num_heads", 1)
            .int("kv_num_heads", 1)
            .string("update_rule", rule)
            .outputs(2)
    }

    #[test]
    fn the_state_gathers_products() {
        let results = case("linear").evaluate().unwrap();
        assert_eq!(results[0], tensor(&[1, 2, 1], &[3.0, 13.0]));
        assert_eq!(results[1], tensor(&[1, 1, 1, 1], &[13.0]));
    }

    #[test]
    fn the_state_may_be_corrected() {
        let beta = case("delta").absent().absent().operand(tensor(&[1, 2, 1], &[1.0, 0.5]));
        // 3, then 3 + 2 * 0.5 * (5 - 2 * 3).
        assert_eq!(beta.evaluate().unwrap()[0], tensor(&[1, 2, 1], &[3.0, 2.0]));
    }

    #[test]
    fn operands_follow_from_the_rule() {
        case("gated").refused(ErrorKind::Malformed, "`decay`");
        case("wild").refused(ErrorKind::Malformed, "no rule");
        case("linear").int("kv_num_heads", 2).refused(ErrorKind::Malformed, "evenly");
    }
}
