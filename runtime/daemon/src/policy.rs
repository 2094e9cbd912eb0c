//! Policy files from the file system to a checked policy that compiles. Knows nothing of what the policy says.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use compiler::{Program, View};
use lang::checked::Checked;
use lang::diag::Diagnostic;
use lang::import::{self, LoadError, Loader};
use lang::parse::MAX_FILE;
use lang::report::Style;
use lang::source::SourceMap;

/// Reads below the folders of the entry files; follows no link out of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileSystem;

/// What loading came to: a policy, unless there are errors.
#[derive(Debug)]
pub struct Loaded {
    /// Its texts, for reports.
    pub sources: SourceMap,
    /// The policy, if it may be used.
    pub policy: Option<Arc<Checked>>,
    /// Errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads, checks and compiles a policy from these files.
#[must_use]
pub fn load(files: &[PathBuf]) -> Loaded {
    let names: Vec<String> = files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let read = import::load(&names, &FileSystem);
    let (checked, mut diagnostics) = lang::check::check(&read.sources, &read.policy, read.diagnostics);
    let policy = checked.map(Arc::new).filter(|policy| {
        let program = Program::compile(policy.clone(), &View::new(policy));
        diagnostics.extend(program.excess().iter().filter_map(|excess| excess.diagnostic(policy)));
        program.excess().is_empty()
    });
    Loaded { sources: read.sources, policy, diagnostics }
}

impl Loaded {
    /// The report of all findings, without colour.
    #[must_use]
    pub fn report(&self) -> String {
        self.diagnostics.iter().map(|found| lang::report::render(found, &self.sources, Style::default())).collect()
    }

    /// The files that it was read from, and those that it names.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.sources.iter().map(|(_, source)| PathBuf::from(source.name.as_ref())).collect()
    }
}

impl Loader for FileSystem {
    fn read(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        let path = Path::new(path);
        if leads_elsewhere(path) {
            return Err(LoadError::Symlink);
        }
        let found = fs::metadata(path).map_err(|error| reason(&error))?;
        if found.is_dir() {
            return Err(LoadError::IsDirectory);
        }
        let limit = u64::try_from(MAX_FILE).unwrap_or(u64::MAX);
        if found.is_file() && found.len() > limit {
            return Err(LoadError::TooLarge);
        }
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(|error| reason(&error))?;
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| reason(&error))?;
        if bytes.len() > MAX_FILE { Err(LoadError::TooLarge) } else { Ok(bytes) }
    }
}

/// True if the file is a link that leaves its folder. Links within a folder are how mounted configurations are swapped whole.
fn leads_elsewhere(path: &Path) -> bool {
    let is_link = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_symlink());
    if !is_link {
        return false;
    }
    let folder = path.parent().filter(|folder| folder.components().any(|part| part != Component::CurDir));
    let folder = fs::canonicalize(folder.unwrap_or(Path::new(".")));
    match (fs::canonicalize(path), folder) {
        (Ok(target), Ok(folder)) => !target.starts_with(folder),
        _ => false,
    }
}

fn reason(error: &std::io::Error) -> LoadError {
    match error.kind() {
        std::io::ErrorKind::NotFound => LoadError::NotFound,
        std::io::ErrorKind::PermissionDenied => LoadError::Permission,
        std::io::ErrorKind::IsADirectory => LoadError::IsDirectory,
        _ => LoadError::Other(error.to_string()),
    }
}
