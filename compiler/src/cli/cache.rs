//! The folder in which `verify` and `bench` build generated crates.

use super::failed;
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Bytes of crates that are kept; those that were used last stay. A built
/// program is about as large again.
const KEPT: u64 = 4 << 30;

/// The cache.
#[derive(Clone, Debug)]
pub(super) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// In the folder that `CNNC_CACHE` names, or `cnnc` in the user's cache
    /// folder.
    pub(super) fn open() -> Result<Self> {
        let named = std::env::var_os("CNNC_CACHE").filter(|name| !name.is_empty());
        let folder = match named {
            Some(name) => PathBuf::from(name),
            None => dirs::cache_dir().map(|folder| folder.join("cnnc")).ok_or_else(|| {
                failed("there is no cache folder")
                    .help("name one in the environment variable CNNC_CACHE")
            })?,
        };
        let folder = std::path::absolute(&folder).map_err(|error| Error::io(&folder, &error))?;
        Ok(Self { folder })
    }

    /// Where the crate of this name belongs.
    pub(super) fn package(&self, name: &str) -> PathBuf {
        self.folder.join("crates").join(name)
    }

    /// Cargo's target folder: one for all crates, so that the runtime is
    /// compiled once.
    pub(super) fn target(&self) -> PathBuf {
        self.folder.join("target")
    }

    /// A new folder for what a program reads and writes; gone when it is
    /// dropped.
    pub(super) fn scratch(&self) -> Result<Scratch> {
        let folder = self.folder.join(format!("scratch-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|error| Error::io(&folder, &error))?;
        Ok(Scratch(folder))
    }

    /// Notes that a crate was used just now, and removes those that were not
    /// used for longest until the rest is small enough.
    pub(super) fn keep(&self, name: &str) {
        // A cache that cannot be tidied still serves.
        let _ = self.touch(name);
        for old in self.surplus(KEPT) {
            if old != name {
                self.remove(&old);
            }
        }
    }

    fn touch(&self, name: &str) -> std::io::Result<()> {
        let file = std::fs::File::create(self.package(name).join("used"))?;
        file.set_modified(SystemTime::now())
    }

    /// Names of the crates beyond the newest that have so many bytes together.
    fn surplus(&self, most: u64) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.folder.join("crates")) else { return Vec::new() };
        let mut crates: Vec<(SystemTime, String, u64)> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let used = std::fs::metadata(entry.path().join("used")).ok()?.modified().ok()?;
                Some((used, entry.file_name().into_string().ok()?, bytes(&entry.path())))
            })
            .collect();
        crates.sort_by(|one, other| other.cmp(one));
        let mut sum = 0u64;
        let is_surplus = |&(_, _, bytes): &(_, _, u64)| {
            sum = sum.saturating_add(bytes);
            sum > most
        };
        crates.into_iter().filter(is_surplus).map(|(_, name, _)| name).collect()
    }

    /// Removes a crate and what cargo made of it.
    fn remove(&self, name: &str) {
        let _ = std::fs::remove_dir_all(self.package(name));
        let release = self.target().join("release");
        for folder in [release.clone(), release.join("deps"), release.join(".fingerprint")] {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            for path in entries.map(|entry| entry.path()) {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                let rest = stem.strip_prefix(name);
                if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-')) {
                    let _ = std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir_all(&path));
                }
            }
        }
    }
}

/// Bytes of the files of a crate.
fn bytes(package: &Path) -> u64 {
    let files = std::fs::read_dir(package.join("src")).into_iter().flatten().flatten();
    files.filter_map(|file| Some(file.metadata().ok()?.len())).sum()
}

/// A folder that is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// A file in it.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A file left behind in the cache does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let folder = std::env::temp_dir().join(format!("cnnc-cache-{}", std::process::id()));
        let cache = Cache { folder: folder.clone() };
        for (name, age) in [("new_1", 0), ("old_1", 20), ("older_1", 30)] {
            let source = cache.package(name).join("src");
            std::fs::create_dir_all(&source).unwrap();
            std::fs::write(source.join("network.weights"), [0; 100]).unwrap();
            let used = std::fs::File::create(cache.package(name).join("used")).unwrap();
            used.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
        }
        assert_eq!(cache.surplus(300), [""; 0]);
        assert_eq!(cache.surplus(200), ["older_1"]);
        assert_eq!(cache.surplus(99), ["new_1", "old_1", "older_1"]);

        let deps = cache.target().join("release/deps");
        std::fs::create_dir_all(&deps).unwrap();
        for file in ["old_1-0a", "old_1-0a.d", "old_12-0a", "libcnnc_runtime.rlib"] {
            std::fs::write(deps.join(file), "").unwrap();
        }
        cache.remove("old_1");
        assert!(!cache.package("old_1").exists() && cache.package("older_1").exists());
        let mut left: Vec<_> = std::fs::read_dir(deps)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["libcnnc_runtime.rlib", "old_12-0a"]);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
