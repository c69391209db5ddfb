//! A whole crate around a module.

use super::names::snake_case;
use crate::build_script::write_if_changed;
use crate::error::Result;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Where the generated crate finds `cnnc-runtime`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuntimeDependency {
    /// The published crate of this compiler's version.
    Published,
    /// A folder.
    Path(PathBuf),
}

/// A crate that holds one model.
#[derive(Clone, Debug)]
pub struct Package<'a> {
    /// Its name; made fit for cargo.
    pub name: &'a str,
    /// The runtime it calls.
    pub runtime: &'a RuntimeDependency,
    /// Features of the runtime beyond the default ones.
    pub features: &'a [&'a str],
    /// Source of `src/lib.rs`.
    pub source: &'a str,
}

impl Package<'_> {
    /// The name as cargo takes it.
    #[must_use]
    pub fn cargo_name(&self) -> String {
        snake_case(self.name, "model")
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> String {
        let mut runtime = match self.runtime {
            RuntimeDependency::Published => format!("version = \"{}\"", env!("CARGO_PKG_VERSION")),
            RuntimeDependency::Path(path) => {
                format!("path = {}", toml_string(&path.to_string_lossy()))
            }
        };
        if !self.features.is_empty() {
            let features: Vec<_> = self.features.iter().map(|f| format!("\"{f}\"")).collect();
            let _ = write!(runtime, ", features = [{}]", features.join(", "));
        }
        format!(
            "[package]\n\
             name = \"{}\"\n\
             version = \"0.1.0\"\n\
             edition = \"2024\"\n\
             publish = false\n\
             \n\
             [dependencies]\n\
             cnnc-runtime = {{ {runtime} }}\n\
             \n\
             # Kernels are compiled with optimisation in every profile.\n\
             [profile.dev.package.cnnc-runtime]\n\
             opt-level = 3\n\
             \n\
             # A workspace of its own, wherever it lies.\n\
             [workspace]\n",
            self.cargo_name()
        )
    }

    /// Writes `Cargo.toml` and `src/lib.rs` below a folder, where they differ.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        write_if_changed(&folder.join("Cargo.toml"), self.manifest().as_bytes())?;
        write_if_changed(&folder.join("src").join("lib.rs"), self.source.as_bytes())
    }
}

/// A TOML string; paths may hold anything.
fn toml_string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", c as u32);
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
