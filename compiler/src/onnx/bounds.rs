//! Bounds that options give to sizes that follow from the data.

use super::body::Node;
use super::graph::Importer;
use crate::error::{Error, ErrorKind, Result, printable};
use crate::ir::{Operator, Value};

/// The options, and which of them were of use.
#[derive(Debug)]
pub(super) struct Bounds<'a> {
    given: &'a [(String, usize)],
    used: Vec<bool>,
}

impl<'a> Bounds<'a> {
    /// These options.
    ///
    /// # Errors
    /// [`ErrorKind::Option`] where a name is given two bounds.
    pub fn new(given: &'a [(String, usize)]) -> Result<Self> {
        for (index, (name, _)) in given.iter().enumerate() {
            if given[..index].iter().any(|(earlier, _)| earlier == name) {
                let name = printable(name);
                return Err(option(format!("`{name}` is given two bounds")));
            }
        }
        Ok(Self { given, used: vec![false; given.len()] })
    }

    /// The option for a node: for its name, or that of a result.
    fn of(&self, node: &Node) -> Option<(usize, usize)> {
        let named = |name: &String| *name == node.label || node.outputs.contains(name);
        let found = self.given.iter().enumerate().find(|(_, (name, _))| named(name));
        found.map(|(index, &(_, most))| (index, most))
    }

    /// The bound for a node that has no other.
    ///
    /// # Errors
    /// [`ErrorKind::Unpinned`] where no option gives one: `what` is not bounded.
    pub fn needed(&mut self, node: &Node, what: &str) -> Result<usize> {
        if let Some((index, most)) = self.of(node) {
            self.used[index] = true;
            return Ok(most);
        }
        Err(unbounded(node, what))
    }

    /// Checks that every option was of use.
    ///
    /// # Errors
    /// [`ErrorKind::Option`], naming one that was not.
    pub fn check_used(&self) -> Result<()> {
        match self.given.iter().zip(&self.used).find(|(_, used)| !**used) {
            None => Ok(()),
            Some(((name, _), _)) => Err(option(format!(
                "nothing that is called `{}` has a size that follows from the data",
                printable(name)
            ))
            .help("a bound is for the name of a node or of its result")),
        }
    }
}

fn option(message: String) -> Error {
    Error::new(ErrorKind::Option, message)
}

fn unbounded(node: &Node, what: &str) -> Error {
    let name = node.outputs.iter().find(|name| !name.is_empty()).unwrap_or(&node.label);
    Error::new(ErrorKind::Unpinned, format!("{what}, and no bound follows from the network"))
        .help(format!("give the most that there can be: --bound {}=N", printable(name)))
}

impl<O: Operator> Importer<'_, O> {
    /// Bounds the sizes of a node that was just added.
    pub(super) fn bound(&mut self, node: &Node, value: Value) -> Result<()> {
        if let Some((index, most)) = self.bounds.of(node)
            && self.builder.bound(value.node, most)
        {
            self.bounds.used[index] = true;
        }
        for tensor_type in &self.builder.graph.node(value.node).outputs {
            if tensor_type.shape.iter().any(crate::ir::Dim::is_open) {
                let what = format!("a size of the result {tensor_type} follows from the data");
                return Err(unbounded(node, &what));
            }
            tensor_type.elements()?;
        }
        Ok(())
    }
}
