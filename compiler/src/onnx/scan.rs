//! `Scan`: its body, once for each slice of the operands.

use super::body::Node;
use super::graph::Importer;
use crate::error::{Error, Result};
use crate::ir::{Attribute, Attributes, Dim, Operator, Tensor, Value};

/// The axes and directions of operands or results that are scanned.
struct Ways(Vec<(i64, bool)>);

impl Ways {
    /// Reads the attributes of these names; there are `count` ways.
    fn of(attributes: &Attributes, axes: &str, directions: &str, count: usize) -> Result<Self> {
        let read = |name: &str| -> Result<Vec<i64>> {
            match attributes.ints(name)? {
                None => Ok(vec![0; count]),
                Some(given) if given.len() == count => Ok(given.clone()),
                Some(given) => Err(Error::malformed(format!(
                    "attribute `{name}` should have {count} numbers, but has {}",
                    given.len()
                ))),
            }
        };
        let directions = read(directions)?.into_iter().map(|direction| match direction {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(Error::malformed(format!("the direction {other} is neither 0 nor 1"))),
        });
        let directions = directions.collect::<Result<Vec<_>>>()?;
        Ok(Self(read(axes)?.into_iter().zip(directions).collect()))
    }
}

impl<O: Operator> Importer<'_, O> {
    /// Unrolls a `Scan`.
    pub(super) fn scan(&mut self, node: &Node) -> Result<Vec<Value>> {
        if self.builder.opset >= 9 {
            let operands = self.operands(node)?.into_iter().collect::<Option<Vec<Value>>>();
            let operands = operands.ok_or_else(|| Error::malformed("an operand is left out"))?;
            return self.scan_once(node, &operands, "scan_input_directions");
        }
        // At first there was a batch: the first dimension of everything.
        let (lengths, operands) = match self.operands(node)?.split_first() {
            Some((lengths, operands)) => (*lengths, operands.iter().copied().collect()),
            None => (None, None),
        };
        let operands: Vec<Value> =
            operands.ok_or_else(|| Error::malformed("an operand is left out"))?;
        if lengths.is_some() {
            return Err(Error::unsupported("Scan over sequences of several lengths"));
        }
        let batch = operands.first().map(|&v| self.builder.graph.type_of(v).shape.first());
        let batch = batch.flatten().and_then(Dim::fixed).filter(|&batch| batch > 0);
        let batch = batch.ok_or_else(|| Error::unsupported("Scan over a batch of unknown size"))?;
        let mut stacked: Vec<Vec<Value>> = Vec::new();
        for index in 0..batch {
            let own = operands.iter().map(|&value| self.slice(node, value, index, 0));
            let own = own.collect::<Result<Vec<_>>>()?;
            let results = self.scan_once(node, &own, "directions")?;
            stacked.resize_with(results.len(), Vec::new);
            stacked.iter_mut().zip(results).for_each(|(stack, result)| stack.push(result));
        }
        stacked.iter().map(|values| self.stack(node, values, 0)).collect()
    }

    /// What is at an index of an axis.
    fn slice(&mut self, node: &Node, value: Value, index: usize, axis: i64) -> Result<Value> {
        let place = self.constant(node, Tensor::scalar(index as i64));
        let attributes = Attributes::default().with("axis", Attribute::Int(axis));
        self.add_node(node, "Gather", &attributes, &[value, place])
    }

    /// Unrolls a `Scan` without a batch, the directions of whose operands are
    /// an attribute of this name.
    fn scan_once(
        &mut self,
        node: &Node,
        operands: &[Value],
        directions: &str,
    ) -> Result<Vec<Value>> {
        let body = node.body("body")?;
        let attributes = self.attributes(node)?.into_owned();
        let scanned = attributes.int_or("num_scan_inputs", 0)?;
        let scanned = usize::try_from(scanned).ok().filter(|n| (1..=operands.len()).contains(n));
        let scanned = scanned.ok_or_else(|| {
            Error::malformed("`num_scan_inputs` is not the number of operands to scan")
        })?;
        let (states, scanned) = operands.split_at(operands.len() - scanned);
        let mut states = states.to_vec();
        let results =
            body.outputs.len().checked_sub(states.len()).ok_or_else(|| {
                Error::malformed("the body of a scan has fewer outputs than states")
            })?;
        let inputs = Ways::of(&attributes, "scan_input_axes", directions, scanned.len())?;
        let outputs = Ways::of(&attributes, "scan_output_axes", "scan_output_directions", results)?;

        let steps = self.steps(scanned, &inputs)?;
        let mut stacked = vec![Vec::new(); results];
        for step in 0..steps {
            let values = self.scan_step(node, step, steps, &states, scanned, &inputs)?;
            let (new, slices) = values.split_at(states.len());
            for (stack, &slice) in stacked.iter_mut().zip(slices) {
                stack.push(slice);
            }
            states = new.to_vec();
        }
        if steps == 0 {
            return Err(Error::unsupported("Scan over no slices"));
        }
        for (mut values, (axis, backwards)) in stacked.into_iter().zip(outputs.0) {
            if backwards {
                values.reverse();
            }
            states.push(self.stack(node, &values, axis)?);
        }
        Ok(states)
    }

    /// The number of slices.
    fn steps(&self, scanned: &[Value], ways: &Ways) -> Result<usize> {
        let mut steps = None;
        for (&value, &(axis, _)) in scanned.iter().zip(&ways.0) {
            let found = self.builder.graph.type_of(value);
            let place = if axis < 0 { axis.saturating_add(found.rank() as i64) } else { axis };
            let dim = usize::try_from(place).ok().and_then(|place| found.shape.get(place));
            let dim =
                dim.ok_or_else(|| Error::shape(format!("there is no axis {axis} in {found}")))?;
            let size = dim.fixed().ok_or_else(|| {
                Error::unsupported(format!(
                    "the number of slices along axis {axis} of {found} depends on the data"
                ))
            })?;
            if *steps.get_or_insert(size) != size {
                return Err(Error::shape("the scanned operands have different numbers of slices"));
            }
        }
        Ok(steps.unwrap_or(0))
    }

    /// Adds the body for a step; its results.
    fn scan_step(
        &mut self,
        node: &Node,
        step: usize,
        steps: usize,
        states: &[Value],
        scanned: &[Value],
        ways: &Ways,
    ) -> Result<Vec<Value>> {
        let mut operands: Vec<_> = states.iter().copied().map(Some).collect();
        for (&value, &(axis, backwards)) in scanned.iter().zip(&ways.0) {
            let place = if backwards { steps - 1 - step } else { step };
            operands.push(Some(self.slice(node, value, place, axis)?));
        }
        self.body(node.body("body")?, &operands)
    }
}
