//! Names of a model file as Rust identifiers.
//!
//! A name in a file is data. It enters generated code in two ways only: as a
//! string literal or comment, escaped, or through [`Names::identifier`], which
//! lets nothing through but lower-case letters, digits and underscores.

use proc_macro2::{Ident, Span};
use std::collections::BTreeSet;

/// Longest identifier made of a name, before a number that makes it unique.
const LONGEST: usize = 40;

/// Identifiers given out so far in one scope.
#[derive(Debug, Default)]
pub struct Names {
    taken: BTreeSet<String>,
}

impl Names {
    /// A scope in which these identifiers are in use.
    #[must_use]
    pub fn reserving(taken: &[&str]) -> Self {
        Self { taken: taken.iter().map(|&name| name.to_owned()).collect() }
    }

    /// An identifier in `snake_case` like this name, different from all before.
    pub fn identifier(&mut self, name: &str, otherwise: &str) -> Ident {
        let base = snake_case(name, otherwise);
        let mut candidate = base.clone();
        let mut number = 2u32;
        while !is_free(&candidate) || !self.taken.insert(candidate.clone()) {
            candidate = format!("{base}_{number}");
            number += 1;
        }
        Ident::new(&candidate, Span::call_site())
    }

    /// The same in `SCREAMING_SNAKE_CASE`.
    pub fn constant(&mut self, name: &str, otherwise: &str) -> Ident {
        let base = snake_case(name, otherwise);
        let base = if names_a_tensor(&base) { format!("{base}_step") } else { base };
        let lower = self.identifier(&base, otherwise).to_string();
        Ident::new(&lower.to_uppercase(), Span::call_site())
    }
}

/// Whether [`crate::emit::Places`] may give this name to a tensor.
fn names_a_tensor(name: &str) -> bool {
    name.strip_prefix(['t', 'p'])
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether it is an identifier and no keyword.
fn is_free(candidate: &str) -> bool {
    syn::parse_str::<Ident>(candidate).is_ok()
}

/// The name of a model as that of a module, a crate and a weights file.
#[must_use]
pub fn module_name(model: &str) -> String {
    let name = snake_case(model, "model");
    if is_free(&name) { name } else { format!("{name}_model") }
}

/// Lower-case letters, digits and single underscores, starting with a letter.
#[must_use]
pub fn snake_case(name: &str, otherwise: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if snake.len() >= LONGEST {
            break;
        }
        if c.is_ascii_alphanumeric() {
            snake.push(c.to_ascii_lowercase());
        } else if !snake.is_empty() && !snake.ends_with('_') {
            snake.push('_');
        }
    }
    let trimmed = snake.trim_end_matches('_');
    match trimmed.chars().next() {
        None => otherwise.to_owned(),
        Some(first) if first.is_ascii_digit() => format!("{otherwise}_{trimmed}"),
        Some(_) => trimmed.to_owned(),
    }
}

/// A name fit for a comment or a string: control characters escaped, cut where
/// it is too long.
#[must_use]
pub fn printable(name: &str) -> String {
    crate::error::printable(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_become_harmless_identifiers() {
        let mut names = Names::reserving(&["run"]);
        let mut name = |name: &str| names.identifier(name, "value").to_string();
        assert_eq!(name("conv1/Conv_output:0"), "conv1_conv_output_0");
        assert_eq!(name("\"; std::process::exit(1); //"), "std_process_exit_1");
        assert_eq!(name("fn"), "fn_2");
        assert_eq!(name("run"), "run_2");
        assert_eq!(name("487"), "value_487");
        assert_eq!(name("数据"), "value");
        assert_eq!(name("数据"), "value_2");
        assert_eq!(name(&"x".repeat(100_000)).len(), LONGEST);
        assert_eq!(name("_"), "value_3");
        assert_eq!(name("Self"), "self_2");
    }

    #[test]
    fn modules_are_named_after_models() {
        assert_eq!(module_name("ResNet-50 v1.5"), "resnet_50_v1_5");
        assert_eq!(module_name("fn"), "fn_model");
        assert_eq!(module_name("50"), "model_50");
        assert_eq!(module_name("..."), "model");
    }
}
