//! From arguments to code.

use crate::arguments::Arguments;
use crate::cache::{Entry, Expansion, package};
use cnnc::codegen::names::module_name;
use cnnc::{Error, Source, WeightsMode, compile};
use proc_macro2::TokenStream;
use quote::quote;
use std::path::{Path, PathBuf};

/// The code of the model; errors point at the path.
pub(crate) fn expand(arguments: &Arguments) -> syn::Result<TokenStream> {
    let path = &arguments.path;
    let at_path = |error: &dyn std::fmt::Display| syn::Error::new(path.span(), error.to_string());
    let Expansion { source, files, .. } = expansion(arguments).map_err(|error| at_path(&error))?;
    let code: TokenStream = source.parse().map_err(|error| at_path(&error))?;
    let tracking = track(&files);
    Ok(quote!(#code #tracking))
}

fn expansion(arguments: &Arguments) -> Result<Expansion, Error> {
    let package = package()?;
    let model = package.join(Path::new(&arguments.path.value()));
    let mut options = arguments.options.clone();
    for (_, file) in &mut options.constants {
        *file = package.join(&file);
    }
    let entry = Entry::of(&model, &options)?;
    let expansion = match entry.kept() {
        Some(expansion) => expansion,
        None => entry.keep(&compile(&Source::path(&model), &options)?)?,
    };
    if arguments.options.weights == WeightsMode::File {
        let stem = model.file_stem().unwrap_or_default().to_string_lossy();
        expansion.place_weights(&format!("{}.weights", module_name(&stem)))?;
    }
    Ok(expansion)
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

#[cfg(test)]
mod tests {
    use super::*;
    use cnnc::WeightsLocation;

    fn expanded(source: &str) -> syn::Result<String> {
        expand(&syn::parse_str(source).unwrap()).map(|code| code.to_string())
    }

    #[test]
    fn the_model_is_tracked() {
        let code = expanded("\"../examples/models/mnist/model.onnx\"").unwrap();
        assert!(code.contains("pub struct Model"));
        let (_, tracking) = code.split_once("fn dependencies").unwrap();
        assert!(tracking.contains("include_bytes ! (\""), "{tracking}");
        assert!(tracking.contains("mnist/model.onnx"), "{tracking}");
    }

    #[test]
    fn the_code_is_what_the_compiler_gives() {
        let arguments: Arguments =
            syn::parse_str("\"../examples/models/mnist/model.onnx\"").unwrap();
        let Expansion { source, weights, .. } = expansion(&arguments).unwrap();
        let model = package().unwrap().join(arguments.path.value());
        let artifact = compile(&Source::path(model), &arguments.options).unwrap();
        assert!(std::fs::read(&weights).unwrap() == artifact.weights());
        assert!(artifact.source(&WeightsLocation::Absolute(weights)).unwrap() == source);
        let code: TokenStream = source.parse().unwrap();
        assert!(expand(&arguments).unwrap().to_string().starts_with(&code.to_string()));
    }

    #[test]
    fn a_second_expansion_writes_nothing_and_a_changed_model_is_compiled() {
        let name = format!("cnnc-second-{}", std::process::id());
        let model = std::env::temp_dir().join(format!("{name}.onnx"));
        std::fs::copy(package().unwrap().join("../examples/models/mnist/model.onnx"), &model)
            .unwrap();
        let arguments: Arguments =
            syn::parse_str(&format!("{:?}", model.to_string_lossy())).unwrap();
        let first = expansion(&arguments).unwrap();
        let folder = first.weights.parent().unwrap();
        // The files that are kept for this model, and when they were written.
        let written = || {
            let files = std::fs::read_dir(folder).unwrap().flatten().map(|file| file.path());
            let is_ours = |file: &PathBuf| file.to_string_lossy().contains(&name);
            let mut files: Vec<_> = files
                .filter(is_ours)
                .map(|file| (file.metadata().unwrap().modified().unwrap(), file))
                .collect();
            files.sort();
            files
        };
        let before = written();
        assert_eq!(before.len(), 3, "source, weights and key");
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert!(expansion(&arguments).unwrap() == first);
        assert_eq!(written(), before);

        let bytes = std::fs::read(&model).unwrap();
        std::fs::write(&model, &bytes[..bytes.len() / 2]).unwrap();
        let error = expansion(&arguments).unwrap_err().to_string();
        assert!(error.contains(&name), "{error}");
        std::fs::remove_file(model).unwrap();
        for (_, file) in written() {
            std::fs::remove_file(file).unwrap();
        }
    }

    #[test]
    fn what_cannot_be_compiled_is_said() {
        let error = expanded("\"no/such.onnx\"").unwrap_err().to_string();
        assert!(error.contains("no/such.onnx"), "{error}");
        let error = expanded("\"src/lib.rs\"").unwrap_err().to_string();
        assert!(error.contains("src/lib.rs"), "{error}");
        let open = "\"../examples/models/mnist/model.onnx\", input(\"absent\" = [1])";
        let error = expanded(open).unwrap_err().to_string();
        assert!(error.contains("absent"), "{error}");
    }
}
