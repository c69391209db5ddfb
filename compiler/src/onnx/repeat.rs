//! `Loop`: its body, as often as it may run.
//!
//! While it is not known whether a step is taken, what it computes is selected
//! only if it is. A step after the last one computes something that nobody
//! reads.

use super::body::Node;
use super::control::Truth;
use super::graph::Importer;
use crate::error::{Error, Result};
use crate::ir::{Attribute, Attributes, Operator, Tensor, Value};

/// How often a loop runs.
struct Count {
    /// The number of steps, where it is computed.
    computed: Option<Value>,
    /// That many at least.
    least: usize,
    /// That many at most.
    most: Option<usize>,
}

/// A loop that is being unrolled.
struct Unrolled {
    count: Count,
    /// Whether the next step is taken.
    active: Truth,
    states: Vec<Value>,
    /// For each step whether it is taken.
    taken: Vec<Truth>,
    /// What the steps give that is stacked, result by result.
    stacked: Vec<Vec<Value>>,
    /// Whether an option says how many steps there are at most, so that the
    /// network may ask for more.
    limited: bool,
}

impl<O: Operator> Importer<'_, O> {
    /// Unrolls a `Loop`.
    pub(super) fn repeat(&mut self, node: &Node) -> Result<Vec<Value>> {
        let mut unrolled = self.unrolled(node)?;
        while self.runs_on(node, &mut unrolled)? {
            self.take_step(node, &mut unrolled)?;
        }
        self.results_of(node, unrolled)
    }

    /// A loop before its first step.
    fn unrolled(&mut self, node: &Node) -> Result<Unrolled> {
        let outputs = node.body("body")?.outputs.len();
        let operands = self.operands(node)?;
        let count = self.count(node, operands.first().copied().flatten())?;
        let active = match operands.get(1).copied().flatten() {
            None => Truth::Known(true),
            Some(condition) => self.truth(node, condition)?,
        };
        let states = operands.get(2..).unwrap_or_default().iter().copied();
        let states = states.collect::<Option<Vec<Value>>>();
        let states = states.ok_or_else(|| Error::malformed("a loop's state has no value"))?;
        let stacked = outputs.checked_sub(1 + states.len()).ok_or_else(|| {
            let states = states.len();
            Error::malformed(format!(
                "the body of a loop with {states} states has {outputs} outputs"
            ))
        })?;
        let stacked = vec![Vec::new(); stacked];
        Ok(Unrolled { count, active, states, taken: Vec::new(), stacked, limited: false })
    }

    /// Whether there is another step, which may or may not be taken.
    fn runs_on(&mut self, node: &Node, unrolled: &mut Unrolled) -> Result<bool> {
        let step = unrolled.taken.len();
        unrolled.active = self.until(node, unrolled.active, &unrolled.count, step)?;
        if unrolled.count.most.is_none() && matches!(unrolled.active, Truth::Computed(_)) {
            let what = "how often this loop runs follows from the data";
            unrolled.count.most = Some(self.bounds.needed(node, what)?);
            unrolled.limited = true;
        }
        Ok(unrolled.active != Truth::Known(false) && unrolled.count.most != Some(step))
    }

    fn take_step(&mut self, node: &Node, unrolled: &mut Unrolled) -> Result<()> {
        let Unrolled { active, states, taken, stacked, .. } = unrolled;
        let results = self.step(node, taken.len(), *active, states)?;
        let (condition, results) = results.split_first().ok_or_else(no_condition)?;
        let (new, scanned) = results.split_at(states.len());
        for (stack, value) in stacked.iter_mut().zip(scanned) {
            stack.push(*value);
        }
        for (state, &new) in states.iter_mut().zip(new) {
            *state = match *active {
                Truth::Known(_) => new,
                Truth::Computed(active) => self.select(node, active, new, *state, false)?,
            };
        }
        taken.push(*active);
        *active = self.both(node, *active, *condition)?;
        Ok(())
    }

    /// The last states, and what is stacked.
    fn results_of(&mut self, node: &Node, unrolled: Unrolled) -> Result<Vec<Value>> {
        let Unrolled { active, mut states, taken, stacked, limited, .. } = unrolled;
        if let (true, Truth::Computed(active)) = (limited, active) {
            for state in &mut states {
                *state = self.select(node, active, *state, *state, true)?;
            }
        }
        // The results of a step that is not taken tell the types.
        let like = if taken.is_empty() { self.step(node, 0, active, &states)? } else { Vec::new() };
        let like = like.get(1 + states.len()..).unwrap_or_default();
        let stacked =
            stacked.into_iter().enumerate().map(|(index, values)| match like.get(index) {
                Some(&like) => self.stack_of_none(node, like, 0),
                None => self.stack_taken(node, &values, &taken),
            });
        let stacked = stacked.collect::<Result<Vec<_>>>()?;
        states.extend(stacked);
        Ok(states)
    }

    /// Adds the body for a step; its results.
    fn step(
        &mut self,
        node: &Node,
        step: usize,
        active: Truth,
        states: &[Value],
    ) -> Result<Vec<Value>> {
        let number = self.constant(node, Tensor::scalar(step as i64));
        let condition = match active {
            Truth::Known(known) => self.constant(node, Tensor::scalar(known)),
            Truth::Computed(value) => value,
        };
        let operands = [number, condition].into_iter().chain(states.iter().copied());
        let operands: Vec<_> = operands.map(Some).collect();
        self.body(node.body("body")?, &operands)
    }

    /// What is known of the number of steps.
    fn count(&mut self, node: &Node, count: Option<Value>) -> Result<Count> {
        let Some(value) = count else {
            return Ok(Count { computed: None, least: usize::MAX, most: None });
        };
        let found = self.builder.graph.type_of(value).clone();
        if found.element.is_float() || found.shape.iter().any(|dim| dim.fixed() != Some(1)) {
            return Err(Error::shape(format!("expected one number of steps, found {found}")));
        }
        let fact = self.fact(value).unwrap_or(crate::ir::Fact::ANYTHING);
        let least = usize::try_from(fact.low).unwrap_or(0);
        let known = fact.value().is_some();
        let most = match usize::try_from(fact.high) {
            // What exporters write for a loop that only its condition ends.
            Ok(most) if fact.high < i64::MAX => Some(most),
            Ok(_) => None,
            Err(_) => Some(0),
        };
        let computed = if known { None } else { Some(self.single(node, value)?) };
        Ok(Count { computed, least, most })
    }

    /// Whether a step is taken: `active`, and there are so many.
    fn until(&mut self, node: &Node, active: Truth, count: &Count, step: usize) -> Result<Truth> {
        match count.computed {
            Some(steps) if step >= count.least && active != Truth::Known(false) => {
                let number = self.constant(node, Tensor::scalar(step as i64));
                let more = self.add_node(node, "Less", &Attributes::default(), &[number, steps])?;
                self.both(node, active, more)
            }
            _ => Ok(active),
        }
    }

    /// Whether both are true.
    fn both(&mut self, node: &Node, active: Truth, more: Value) -> Result<Truth> {
        match (active, self.truth(node, more)?) {
            (Truth::Known(false), _) | (_, Truth::Known(false)) => Ok(Truth::Known(false)),
            (active, Truth::Known(true)) => Ok(active),
            (Truth::Known(true), more) => Ok(more),
            (Truth::Computed(active), Truth::Computed(more)) => {
                Ok(Truth::Computed(self.select(node, active, more, active, false)?))
            }
        }
    }

    /// What the steps that are taken give, one after the other.
    fn stack_taken(&mut self, node: &Node, values: &[Value], taken: &[Truth]) -> Result<Value> {
        let stacked = self.stack(node, values, 0)?;
        if taken.iter().all(|&taken| taken == Truth::Known(true)) {
            return Ok(stacked);
        }
        let taken = taken.iter().map(|&taken| match taken {
            Truth::Known(known) => self.constant(node, Tensor::scalar(known)),
            Truth::Computed(value) => value,
        });
        let taken: Vec<_> = taken.collect();
        let taken = self.stack(node, &taken, 0)?;
        let attributes = Attributes::default().with("axis", Attribute::Int(0));
        self.add_node(node, "Compress", &attributes, &[stacked, taken])
    }
}

fn no_condition() -> Error {
    Error::malformed("the body of a loop gives no condition")
}
