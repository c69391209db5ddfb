//! Where expansions are kept, and whether they still hold.
//!
//! An entry is three files: the source, the weights, and a key that says what
//! they were made from. The key is written last, so that what it speaks of is
//! whole.

use cnnc::{Artifact, Error, ErrorKind, Options, Result, WeightsLocation, write_if_changed};
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// What the macro expands to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Expansion {
    /// The source of the module.
    pub(crate) source: String,
    /// Every file that was read; absolute.
    pub(crate) files: Vec<PathBuf>,
    /// The file with the weights.
    pub(crate) weights: PathBuf,
}

impl Expansion {
    /// Puts the weights where cargo puts programs, which look for them beside
    /// themselves under this name.
    pub(crate) fn place_weights(&self, name: &str) -> Result<()> {
        let Some(folder) = programs(std::env::args()) else { return Ok(()) };
        let place = folder.join(name);
        if is_copy(&self.weights, &place).unwrap_or(false) {
            return Ok(());
        }
        let copied = std::fs::copy(&self.weights, &place);
        copied.map(drop).map_err(|error| Error::io(&place, &error))
    }
}

/// Whether files of weights have the same length and the same header, which
/// names the contents.
fn is_copy(one: &Path, other: &Path) -> std::io::Result<bool> {
    let start = |path: &Path| {
        let file = std::fs::File::open(path)?;
        let len = file.metadata()?.len();
        let mut header = [0; cnnc::step::ALIGNMENT];
        (&file).read_exact(&mut header)?;
        Ok::<_, std::io::Error>((len, header))
    };
    Ok(start(one)? == start(other)?)
}

/// The place of an expansion: one for each model and options, so that a model
/// that is trained again and again fills the disk but once.
#[derive(Debug)]
pub(crate) struct Entry {
    folder: PathBuf,
    name: String,
}

impl Entry {
    pub(crate) fn of(model: &Path, options: &Options) -> Result<Self> {
        let mut hasher = DefaultHasher::new();
        model.hash(&mut hasher);
        format!("{options:?}").hash(&mut hasher);
        let stem = model.file_stem().unwrap_or_default().to_string_lossy();
        Ok(Self { folder: folder()?, name: format!("{stem}-{:016x}", hasher.finish()) })
    }

    fn file(&self, extension: &str) -> PathBuf {
        self.folder.join(format!("{}.{extension}", self.name))
    }

    /// The expansion, unless something that it was made from has changed.
    pub(crate) fn kept(&self) -> Option<Expansion> {
        let key = std::fs::read_to_string(self.file("key")).ok()?;
        let (compiler, rest) = key.split_once('\n')?;
        let (weights, files) = rest.split_once('\n')?;
        let weights = self.folder.join(weights);
        if compiler != self::compiler() || !weights.is_file() {
            return None;
        }
        let files = files.lines().map(|line| {
            let path = PathBuf::from(line.splitn(3, ' ').nth(2)?);
            (stamp(&path)? == line).then_some(path)
        });
        let files = files.collect::<Option<Vec<_>>>()?;
        let source = std::fs::read_to_string(self.file("rs")).ok()?;
        Some(Expansion { source, files, weights })
    }

    /// Writes the expansion of a compiled model.
    pub(crate) fn keep(&self, artifact: &Artifact) -> Result<Expansion> {
        let files = artifact.files.iter();
        let files: Vec<_> =
            files.map(|file| std::path::absolute(file).unwrap_or(file.clone())).collect();
        // Named after the contents: source and weights of different versions
        // of a model never meet.
        let weights = format!("{}.{:016x}.weights", self.name, artifact.about.content);
        let path = self.folder.join(&weights);
        artifact.write_weights(&path)?;
        let source = artifact.source(&WeightsLocation::Absolute(path.clone()))?;
        write_if_changed(&self.file("rs"), source.as_bytes())?;
        let mut key = format!("{}\n{weights}\n", compiler());
        for stamp in files.iter().filter_map(|file| stamp(file)) {
            let _ = writeln!(key, "{stamp}");
        }
        write_if_changed(&self.file("key"), key.as_bytes())?;
        self.remove_older_weights(&weights);
        Ok(Expansion { source, files, weights: path })
    }

    fn remove_older_weights(&self, current: &str) {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            let rest = name.strip_prefix(&self.name);
            if name != current && rest.is_some_and(|rest| rest.ends_with(".weights")) {
                // What cannot be removed now is in nobody's way.
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

/// The folder that cargo puts programs into: the one above `deps`, which cargo
/// names to the compiler that this macro runs in.
fn programs(arguments: impl Iterator<Item = String>) -> Option<PathBuf> {
    let deps = PathBuf::from(arguments.skip_while(|argument| argument != "--out-dir").nth(1)?);
    let is_deps = deps.file_name().is_some_and(|name| name == "deps" || name == "examples");
    is_deps.then(|| deps.parent().map(Path::to_owned))?
}

/// Length, time of change and path of a file, in a line.
fn stamp(file: &Path) -> Option<String> {
    let metadata = std::fs::metadata(file).ok()?;
    let modified = nanoseconds(metadata.modified().ok()?);
    Some(format!("{} {modified} {}", metadata.len(), file.to_str()?))
}

fn nanoseconds(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()
}

/// Which compiler this is: its version and, for those who work on it, when its
/// sources changed last.
fn compiler() -> String {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../compiler/src");
    let newest = newest(&sources).map_or(0, nanoseconds);
    format!("cnnc {} {newest}", env!("CARGO_PKG_VERSION"))
}

/// When the newest file below a folder was changed.
fn newest(folder: &Path) -> Option<SystemTime> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let changed = |path: PathBuf| {
        let metadata = std::fs::metadata(&path).ok()?;
        if metadata.is_dir() { newest(&path) } else { metadata.modified().ok() }
    };
    entries.filter_map(|entry| changed(entry.path())).max()
}

/// A folder under cargo's target folder: the one that is named in the
/// environment, the one that holds the package's `OUT_DIR` if it has a build
/// script, or the nearest above the package.
fn folder() -> Result<PathBuf> {
    if let Some(target) = std::env::var_os("CARGO_TARGET_DIR") {
        return Ok(std::path::absolute(&target).unwrap_or(target.into()).join("cnnc"));
    }
    let is_target = |folder: &Path| folder.join("CACHEDIR.TAG").is_file();
    let out_dir = std::env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default();
    let package = package()?;
    let around = out_dir.ancestors().map(Path::to_owned);
    let above = package.ancestors().map(|folder| folder.join("target"));
    let found = around.chain(above).find(|folder| is_target(folder));
    Ok(found.unwrap_or_else(|| package.join("target")).join("cnnc"))
}

/// The folder of the package in which the macro is called.
pub(crate) fn package() -> Result<PathBuf> {
    std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).ok_or_else(|| {
        Error::new(ErrorKind::Build, "CARGO_MANIFEST_DIR is not set")
            .help("include_model! works in packages that cargo builds")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cnnc::{Source, compile};

    const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/models/mnist/model.onnx");

    /// A copy of a model in a folder of its own, and its entry there.
    fn copy(name: &str) -> (PathBuf, Entry) {
        let folder = std::env::temp_dir().join(format!("cnnc-macro-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let model = folder.join("my model.onnx");
        std::fs::copy(MODEL, &model).unwrap();
        (model, Entry { folder, name: "entry".into() })
    }

    fn keep(model: &Path, entry: &Entry) -> Expansion {
        entry.keep(&compile(&Source::path(model), &Options::default()).unwrap()).unwrap()
    }

    #[test]
    fn an_expansion_holds_until_the_model_changes() {
        let (model, entry) = copy("holds");
        assert_eq!(entry.kept(), None);
        let expansion = keep(&model, &entry);
        assert_eq!(expansion.files, [&*model]);
        assert_eq!(entry.kept(), Some(expansion));

        let file = std::fs::File::options().append(true).open(&model).unwrap();
        file.set_modified(SystemTime::now() + std::time::Duration::from_secs(2)).unwrap();
        assert_eq!(entry.kept(), None);
        keep(&model, &entry);
        assert!(entry.kept().is_some());
        std::fs::remove_dir_all(entry.folder).unwrap();
    }

    #[test]
    fn weights_of_older_models_go() {
        let (model, entry) = copy("older");
        let old = entry.folder.join("entry.0123.weights");
        let other = entry.folder.join("other.0123.weights");
        std::fs::write(&old, "").unwrap();
        std::fs::write(&other, "").unwrap();
        keep(&model, &entry);
        assert!(!old.exists() && other.exists());
        let weights = std::fs::read_dir(&entry.folder).unwrap().flatten();
        let weights = weights.map(|file| file.path()).filter(|path| path != &other);
        let weights = weights.filter(|path| path.extension().is_some_and(|e| e == "weights"));
        for path in weights {
            std::fs::remove_file(path).unwrap();
        }
        assert_eq!(entry.kept(), None);
        std::fs::remove_dir_all(entry.folder).unwrap();
    }

    #[test]
    fn copies_of_weights_are_known_by_their_headers() {
        let (model, entry) = copy("copies");
        let weights = keep(&model, &entry).weights;
        let other = entry.folder.join("other");
        assert!(!is_copy(&weights, &other).unwrap_or(false));
        std::fs::copy(&weights, &other).unwrap();
        assert!(is_copy(&weights, &other).unwrap());
        let mut changed = std::fs::read(&other).unwrap();
        changed[8] ^= 1;
        std::fs::write(&other, changed).unwrap();
        assert!(!is_copy(&weights, &other).unwrap());
        std::fs::remove_dir_all(entry.folder).unwrap();
    }

    #[test]
    fn programs_lie_above_the_compilers_results() {
        let folder = |line: &str| programs(line.split(' ').map(str::to_owned));
        let found = folder("rustc --edition 2024 --out-dir /t/debug/deps -C opt-level=3");
        assert_eq!(found, Some("/t/debug".into()));
        assert_eq!(folder("rustc --out-dir /elsewhere"), None);
        assert_eq!(folder("rust-analyzer-proc-macro-srv"), None);
    }

    #[test]
    fn options_and_models_have_entries_of_their_own() {
        let name = |model: &str, options| Entry::of(Path::new(model), &options).unwrap().name;
        let exact = Options { exact: true, ..Options::default() };
        assert_eq!(name("/a/m.onnx", Options::default()), name("/a/m.onnx", Options::default()));
        assert_ne!(name("/a/m.onnx", Options::default()), name("/b/m.onnx", Options::default()));
        assert_ne!(name("/a/m.onnx", Options::default()), name("/a/m.onnx", exact));
    }
}
