//! From arguments to code.

use crate::arguments::Arguments;
use crate::cache::{Entry, package};
use cnnc::{Result, Source, WeightsLocation, compile, write_if_changed};
use proc_macro2::TokenStream;
use quote::quote;
use std::path::{Path, PathBuf};

/// The code of the model; errors point at the path.
pub(crate) fn expand(arguments: &Arguments) -> syn::Result<TokenStream> {
    let Arguments { path, options } = arguments;
    let at_path = |error: cnnc::Error| syn::Error::new(path.span(), error.to_string());
    let model = package().map_err(at_path)?.join(path.value());
    let entry = Entry::of(&model, options).map_err(at_path)?;
    let source = match kept(&entry) {
        Some(source) => source,
        None => write(&model, arguments, &entry).map_err(at_path)?,
    };
    let code: TokenStream = source.parse().map_err(|error| {
        syn::Error::new(path.span(), format!("{}: {error}", entry.source.display()))
    })?;
    let files = std::iter::once(model.clone()).chain(external_files(&source));
    let tracked = files.map(|file| {
        let file = file.to_string_lossy().into_owned();
        quote!(
            const _: &[u8] = ::core::include_bytes!(#file);
        )
    });
    Ok(quote!(#code #(#tracked)*))
}

/// Marks lines that name files which were read beside the model.
const READ: &str = "// read: ";

/// Source of an entry that is whole.
fn kept(entry: &Entry) -> Option<String> {
    let source = std::fs::read_to_string(&entry.source).ok()?;
    entry.weights.is_file().then_some(source)
}

fn write(model: &Path, arguments: &Arguments, entry: &Entry) -> Result<String> {
    let artifact = compile(&Source::path(model), &arguments.options)?;
    artifact.write_weights(&entry.weights)?;
    let mut source = artifact.source(&WeightsLocation::Absolute(entry.weights.clone()))?;
    for file in artifact.files.iter().filter(|file| *file != model) {
        source.push_str(&format!("{READ}{}\n", file.display()));
    }
    write_if_changed(&entry.source, source.as_bytes())?;
    Ok(source)
}

fn external_files(source: &str) -> impl Iterator<Item = PathBuf> {
    source.lines().filter_map(|line| line.strip_prefix(READ)).map(PathBuf::from)
}
