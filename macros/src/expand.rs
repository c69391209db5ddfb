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
