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
    let model = package()?.join(Path::new(&arguments.path.value()));
    let entry = Entry::of(&model, &arguments.options)?;
    let expansion = match entry.kept() {
        Some(expansion) => expansion,
        None => entry.keep(&compile(&Source::path(&model), &arguments.options)?)?,
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::time::SystemTime;

    const MNIST: &str = "../examples/models/mnist/model.onnx";

    fn arguments(source: &str) -> Arguments {
        syn::parse_str(source).unwrap()
    }

    /// Arguments of the macro for a model at this path.
    fn literal(model: &Path) -> String {
        format!("{:?}", model.to_string_lossy())
    }

    /// A copy of the MNIST network that tests may change, gone when it is
    /// dropped, together with what was kept for it.
    struct Copy {
        folder: PathBuf,
        model: PathBuf,
    }

    impl Copy {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("cnnc-{name}-{}", std::process::id()));
            fs::create_dir_all(&folder).unwrap();
            let model = folder.join(format!("{name}.onnx"));
            fs::copy(package().unwrap().join(MNIST), &model).unwrap();
            Self { folder, model }
        }

        fn entry(&self) -> Entry {
            Entry::of(&self.model, &arguments(&literal(&self.model)).options).unwrap()
        }

        fn expand(&self) -> syn::Result<TokenStream> {
            expand(&arguments(&literal(&self.model)))
        }
    }

    impl Drop for Copy {
        fn drop(&mut self) {
            if self.model.is_file() {
                let Entry { source, weights } = self.entry();
                let _ = (fs::remove_file(source), fs::remove_file(weights));
            }
            let _ = fs::remove_dir_all(&self.folder);
        }
    }

    fn modified(path: &Path) -> SystemTime {
        fs::metadata(path).unwrap().modified().unwrap()
    }

    #[test]
    fn the_code_is_what_the_compiler_gives() {
        let arguments = arguments(&format!("{MNIST:?}"));
        let expanded = expand(&arguments).unwrap();
        let model = package().unwrap().join(MNIST);
        let entry = Entry::of(&model, &arguments.options).unwrap();
        let artifact = compile(&Source::path(&model), &arguments.options).unwrap();
        let source =
            artifact.source(&WeightsLocation::Absolute(entry.source.with_extension("weights")));
        let source = source.unwrap();
        assert!(fs::read_to_string(&entry.source).unwrap() == source);
        assert!(fs::read(&entry.weights).unwrap() == artifact.weights());
        let code: TokenStream = source.parse().unwrap();
        let expanded = expanded.to_string();
        let rest = expanded.strip_prefix(&code.to_string()).unwrap();
        assert!(rest.contains("include_bytes") && rest.contains("model.onnx"), "{rest}");
    }

    #[test]
    fn a_second_expansion_writes_nothing() {
        let copy = Copy::new("kept");
        let first = copy.expand().unwrap().to_string();
        let Entry { source, weights } = copy.entry();
        let before = [modified(&source), modified(&weights)];
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert!(copy.expand().unwrap().to_string() == first);
        assert_eq!([modified(&source), modified(&weights)], before);
        // That it was read, not computed: what is kept is what is given.
        fs::write(&source, "const READ: () = ();").unwrap();
        assert!(copy.expand().unwrap().to_string().starts_with("const READ"));
    }

    #[test]
    fn an_entry_without_weights_is_written_again() {
        let copy = Copy::new("incomplete");
        copy.expand().unwrap();
        fs::remove_file(copy.entry().weights).unwrap();
        copy.expand().unwrap();
        assert!(copy.entry().weights.is_file());
    }

    #[test]
    fn a_changed_model_and_other_options_are_other_entries() {
        let copy = Copy::new("changed");
        let before = copy.entry().source;
        let exact = arguments(&format!("{}, exact", literal(&copy.model)));
        assert_ne!(Entry::of(&copy.model, &exact.options).unwrap().source, before);
        let mut bytes = fs::read(&copy.model).unwrap();
        bytes.truncate(bytes.len() / 2);
        fs::write(&copy.model, bytes).unwrap();
        assert_ne!(copy.entry().source, before);
        let error = copy.expand().unwrap_err().to_string();
        assert!(error.contains("changed.onnx"), "{error}");
        assert!(!copy.entry().source.exists(), "an error leaves nothing behind");
    }

    #[test]
    fn errors_name_the_file() {
        let error = expand(&arguments("\"no/such.onnx\"")).unwrap_err().to_string();
        assert!(error.contains("no/such.onnx"), "{error}");
        let error = expand(&arguments("\"Cargo.toml\"")).unwrap_err().to_string();
        assert!(error.contains("Cargo.toml"), "{error}");
    }
}
