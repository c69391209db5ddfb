//! Where expansions are kept.

use cnnc::{Error, ErrorKind, Options, Result};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

/// The files of one expansion.
pub(crate) struct Entry {
    /// The generated source.
    pub(crate) source: PathBuf,
    /// The weights.
    pub(crate) weights: PathBuf,
}

impl Entry {
    /// The entry of a model as it is now: another length, time of change or
    /// option is another entry.
    pub(crate) fn of(model: &Path, options: &Options) -> Result<Self> {
        let metadata = std::fs::metadata(model).map_err(|error| Error::io(model, &error))?;
        let mut hasher = DefaultHasher::new();
        env!("CARGO_PKG_VERSION").hash(&mut hasher);
        model.hash(&mut hasher);
        metadata.len().hash(&mut hasher);
        metadata.modified().ok().hash(&mut hasher);
        format!("{options:?}").hash(&mut hasher);
        build_of_this_macro().hash(&mut hasher);
        let stem = model.file_stem().unwrap_or_default().to_string_lossy();
        let base = folder()?.join(format!("{stem}-{:016x}", hasher.finish()));
        Ok(Self { source: base.with_extension("rs"), weights: base.with_extension("weights") })
    }
}

/// Differs between builds of the compiler inside this macro, so that working
/// on the compiler does not show what an older one wrote.
fn build_of_this_macro() -> Option<std::time::SystemTime> {
    let this = std::env::current_exe().ok()?;
    std::fs::metadata(this).ok()?.modified().ok()
}

/// A folder under cargo's target folder: the one that is named in the
/// environment, or the nearest above the package.
fn folder() -> Result<PathBuf> {
    if let Some(target) = std::env::var_os("CARGO_TARGET_DIR") {
        return Ok(std::path::absolute(&target).unwrap_or(target.into()).join("cnnc"));
    }
    let package = package()?;
    let targets = package.ancestors().map(|folder| folder.join("target"));
    let found = targets.clone().find(|target| target.join("CACHEDIR.TAG").is_file());
    Ok(found.unwrap_or_else(|| package.join("target")).join("cnnc"))
}

/// The folder of the package in which the macro is called.
pub(crate) fn package() -> Result<PathBuf> {
    std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).ok_or_else(|| {
        Error::new(ErrorKind::Build, "CARGO_MANIFEST_DIR is not set")
            .help("include_model! works in packages that cargo builds")
    })
}
