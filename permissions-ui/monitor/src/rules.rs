// SPDX-License-Identifier: GPL-3.0-or-later
//! Rule files of the administrator and of the person.
//!
//! In: folders of TOML files, as `cofferdam-policy(5)` describes them. Out: [`AdminRules`], or which file
//! is bad, in which line and why. One bad file and nothing is taken over: the caller keeps the rules it
//! has, and at its start, when it has none, [`closed`].

mod parse;

pub use parse::{Parsed, RuleFileFault, parse};

use cofferdam_policy::{AdminRules, Origin, Rule, Says, Who};
use rustix::process::getuid;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Largest rule file, in bytes.
const MAX_FILE: u64 = 16 << 20;
/// Most rules in all files together.
const MAX_RULES: usize = 200_000;
/// Where the administrator's files are.
const ADMIN: &str = "/etc/cofferdam/policy.d";

/// A folder of rule files and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFolder {
    /// The folder; it need not exist.
    pub path: PathBuf,
    /// Whose rules stand there.
    pub origin: Origin,
}

/// Why rules are not taken over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// A file says something that can't be a rule.
    #[error("{}:{}: {}", path.display(), fault.line, fault.reason)]
    File {
        /// Which.
        path: PathBuf,
        /// Where in it, and why.
        fault: RuleFileFault,
    },
    /// A folder or file can't be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody could write to it who may not make rules.
    #[error("{}: others can write to this file; take that right away with chmod go-w", .0.display())]
    Open(PathBuf),
    /// It belongs to somebody who may not make rules.
    #[error("{}: this file belongs to somebody else", .0.display())]
    Stranger(PathBuf),
    /// More than a rule file has.
    #[error("{}: a rule file has at most {MAX_FILE} bytes", .0.display())]
    Large(PathBuf),
    /// More rules than there can be.
    #[error("{}: with this file there are more than {MAX_RULES} rules", .0.display())]
    Many(PathBuf),
}

/// The folders of this machine and person: the administrator's, then the person's, whose home for
/// configuration (`XDG_CONFIG_HOME`) is `config`.
#[must_use]
pub fn folders(config: &Path) -> [RuleFolder; 2] {
    [
        RuleFolder { path: ADMIN.into(), origin: Origin::Admin },
        RuleFolder { path: config.join("cofferdam/policy.d"), origin: Origin::Person },
    ]
}

/// Reads all `*.toml` files of these folders, each folder in the order of the names.
///
/// # Errors
/// [`RulesError`] about the first bad file; nothing of any file is taken over then.
pub fn load(folders: &[RuleFolder]) -> Result<AdminRules, RulesError> {
    let mut rules = Vec::new();
    // Where each rule stands, for faults that show when they are put together.
    let mut places = Vec::new();
    for folder in folders {
        for path in files(&folder.path)? {
            let text = read(&path)?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let parsed = parse(&name, folder.origin, &text)
                .map_err(|fault| RulesError::File { path: path.clone(), fault })?;
            if rules.len().saturating_add(parsed.len()) > MAX_RULES {
                return Err(RulesError::Many(path));
            }
            for Parsed { rule, line } in parsed {
                rules.push(rule);
                places.push((path.clone(), line));
            }
        }
    }
    AdminRules::new(rules).map_err(|error| {
        let (path, line) = places.get(error.index).cloned().unwrap_or_default();
        RulesError::File { path, fault: RuleFileFault { line, reason: error.why.to_string() } }
    })
}

/// The rules of a monitor that starts with a bad file: nothing is allowed, and explanations say which
/// file it was.
#[must_use]
pub fn closed(error: &RulesError) -> AdminRules {
    nothing(error.to_string())
}

/// Rules that allow nothing, and why, for explanations.
#[must_use]
pub fn nothing(why: String) -> AdminRules {
    let rule = Rule {
        name: why,
        origin: Origin::Admin,
        who: Who::Everyone,
        kind: None,
        host: None,
        zone: None,
        says: Says::Deny,
    };
    // A deny for everyone makes sense in any set; without it there would be nothing to hold on to.
    AdminRules::new(vec![rule]).unwrap_or_default()
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, RulesError> {
    let fault = |source| RulesError::Read { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(fault(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(fault)?.path();
        let hidden = path.file_name().is_none_or(|n| n.as_encoded_bytes().starts_with(b"."));
        if !hidden && path.extension().is_some_and(|e| e == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<String, RulesError> {
    let fault = |source| RulesError::Read { path: path.to_owned(), source };
    // A pipe or device would keep us waiting; what it is must be known before it is opened.
    if !fs::metadata(path).map_err(fault)?.is_file() {
        return Err(fault(io::Error::other("this is not a file")));
    }
    let file = File::open(path).map_err(fault)?;
    let meta = file.metadata().map_err(fault)?;
    if meta.mode() & 0o022 != 0 {
        return Err(RulesError::Open(path.to_owned()));
    }
    if ![0, getuid().as_raw()].contains(&meta.uid()) {
        return Err(RulesError::Stranger(path.to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(fault)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(RulesError::Large(path.to_owned()));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = 1 + good.iter().filter(|b| **b == b'\n').count();
        let reason = "this is not text in UTF-8".to_owned();
        RulesError::File { path: path.to_owned(), fault: RuleFileFault { line, reason } }
    })
}

#[cfg(test)]
#[path = "rules/tests.rs"]
mod tests;
