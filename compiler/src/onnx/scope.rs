//! Which value a name stands for, where graphs lie inside graphs.

use crate::ir::Value;
use std::collections::HashMap;

/// The values by name, the innermost graph last. Looked up only: their order
/// is not that of the file.
#[derive(Debug)]
pub(super) struct Scope(Vec<HashMap<String, Option<Value>>>);

impl Default for Scope {
    fn default() -> Self {
        Self(vec![HashMap::new()])
    }
}

impl Scope {
    /// Enters a graph inside the one that is read.
    pub fn enter(&mut self) {
        self.0.push(HashMap::new());
    }

    /// Leaves it: what was defined there is not seen any more.
    pub fn leave(&mut self) {
        self.0.pop();
    }

    /// Defines a name in the innermost graph; `None` stands for an operand
    /// that the call of a function leaves out.
    pub fn define(&mut self, name: &str, value: Option<Value>) {
        if let Some(names) = self.0.last_mut() {
            names.insert(name.to_owned(), value);
        }
    }

    /// What a name stands for, as the innermost graph sees it.
    pub fn get(&self, name: &str) -> Option<Option<Value>> {
        self.0.iter().rev().find_map(|names| names.get(name)).copied()
    }
}
