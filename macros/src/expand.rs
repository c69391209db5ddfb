//! From arguments to code.

use crate::arguments::Arguments;
use crate::cache::{Entry, Expansion, package};
use cnnc::{Error, Source, compile};
use proc_macro2::TokenStream;
use quote::quote;
use std::path::{Path, PathBuf};

/// The code of the model; errors point at the path.
pub(crate) fn expand(arguments: &Arguments) -> syn::Result<TokenStream> {
    let path = &arguments.path;
    let at_path = |error: &dyn std::fmt::Display| syn::Error::new(path.span(), error.to_string());
    let Expansion { source, files } = expansion(arguments).map_err(|error| at_path(&error))?;
    let code: TokenStream = source.parse().map_err(|error| at_path(&error))?;
    let tracking = track(&files);
    Ok(quote!(#code #tracking))
}

fn expansion(arguments: &Arguments) -> Result<Expansion, Error> {
    let model = package()?.join(Path::new(&arguments.path.value()));
    let entry = Entry::of(&model, &arguments.options)?;
    match entry.kept() {
        Some(expansion) => Ok(expansion),
        None => entry.keep(&compile(&Source::path(&model), &arguments.options)?),
    }
}

/// Makes cargo compile the package again when one of the files changes.
///
/// That the files are included in the body of a function that nobody calls
/// matters. rustc reads them, notes them as dependencies and goes no further;
/// as values of constants it would keep copies, also in its results. For a
/// model of 550 MB in a library, rustc 1.95 took 3 s and 1.1 GB for this, but
/// 66 s and 8.4 GB for `const _: &[u8] = include_bytes!(..)`.
fn track(files: &[PathBuf]) -> TokenStream {
    let files = files.iter().filter_map(|file| file.to_str());
    quote! {
        const _: () = {
            #[allow(dead_code)]
            fn dependencies() {
                #(let _ = ::core::include_bytes!(#files);)*
            }
        };
    }
}
