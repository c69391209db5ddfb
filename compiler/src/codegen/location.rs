//! Where generated code finds its weights.

use proc_macro2::TokenStream;
use quote::quote;
use std::path::PathBuf;

/// How the weights reach the running program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WeightsMode {
    /// Inside the program's own image. They do not pass through the Rust
    /// compiler: the assembler includes the file.
    #[default]
    Embed,
    /// In a file beside the program, which is mapped into memory.
    File,
    /// Handed in by the program as bytes.
    Bytes,
}

/// The weights file when the generated code is compiled; only
/// [`WeightsMode::Embed`] reads it then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WeightsLocation {
    /// In cargo's `OUT_DIR`, under this name.
    OutDir(String),
    /// Relative to the manifest of the package that holds the code.
    Manifest(String),
    /// At this path.
    Absolute(PathBuf),
}

impl WeightsLocation {
    /// An expression that the compiler evaluates to the path.
    pub(super) fn expression(&self) -> TokenStream {
        match self {
            Self::OutDir(name) => {
                let name = format!("/{name}");
                quote!(::core::concat!(::core::env!("OUT_DIR"), #name))
            }
            Self::Manifest(path) => {
                let path = format!("/{path}");
                quote!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), #path))
            }
            Self::Absolute(path) => {
                let path = path.to_string_lossy().into_owned();
                quote!(#path)
            }
        }
    }
}
