// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the machine's apt configuration and the cache directory. Out: a private apt state with the
//! suites we need, and commands that run in it.
//!
//! The machine's `apt.conf.d` is honoured (proxies, credentials, certificates); its hooks, sources,
//! pins and package status are not.

#![expect(clippy::disallowed_types, reason = "runs apt on a state of its own")]

use super::sources::{self, Mirrors};
use crate::error::{At, Error, Result};
use crate::progress::Progress;
use cofferdam_catalogue::RELEASE;
use std::cell::OnceCell;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const KEYRINGS: [&str; 2] =
    ["/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp"];

/// A private apt state.
#[derive(Debug)]
pub(crate) struct State {
    dir: PathBuf,
    mirrors: Mirrors,
    updated: OnceCell<()>,
}

impl State {
    /// Writes the configuration of the private state into `dir`.
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        let mut mirrors = machine_mirrors()?;
        if let Ok(uri) = std::env::var("COFFERDAM_DEBIAN_MIRROR") {
            mirrors = Some(Mirrors { main: uri, security: None, keyring: None });
        }
        let mirrors = mirrors.ok_or(Error::NoMirror)?;
        let keyring = mirrors
            .keyring
            .iter()
            .cloned()
            .chain(KEYRINGS.iter().map(PathBuf::from))
            .find(|k| k.is_file())
            .ok_or(Error::NoKeyring)?;
        for sub in ["lists/partial", "cache/archives/partial", "sources"] {
            let path = dir.join(sub);
            fs::create_dir_all(&path).at(&path)?;
        }
        let write = |name: &str, text: &str| {
            let path = dir.join(name);
            fs::write(&path, text).at(&path)
        };
        write("status", "")?;
        write("sources/cofferdam.sources", &source_stanzas(&mirrors, &keyring))?;
        write("apt.conf", &configuration(dir))?;
        Ok(Self { dir: dir.to_path_buf(), mirrors, updated: OnceCell::new() })
    }

    /// The mirrors that are used.
    pub(crate) fn mirrors(&self) -> &Mirrors {
        &self.mirrors
    }

    /// A program of apt that works in this state.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.arg("-c").arg(self.dir.join("apt.conf"));
        command.env("LC_ALL", "C.UTF-8").env("DEBIAN_FRONTEND", "noninteractive").env_remove("APT_CONFIG");
        command.stdin(std::process::Stdio::null());
        command
    }

    /// Brings the lists of packages up to date, once per process. Without a network the lists of
    /// last time still do.
    pub(crate) fn update(&self, progress: &Progress) -> Result<()> {
        if self.updated.get().is_some() {
            return Ok(());
        }
        let step = progress.step("Debian: lists of packages");
        let mut command = self.command("apt-get");
        command.args(["update", "-q", "--error-on=any"]);
        match run(&mut command, "apt-get", "apt") {
            Ok(_) => step.done(),
            Err(Error::Tool { message, .. }) => {
                drop(step);
                if !self.has_lists() {
                    return Err(Error::Download {
                        what: "the lists of Debian packages".into(),
                        why: message,
                    });
                }
                progress.note(&format!(
                    "Debian: lists not renewed ({message}); going on with those of last time"
                ));
            }
            Err(error) if error.is_disk_full() => return Err(Error::disk_full(&self.dir)),
            Err(other) => return Err(other),
        }
        let _ = self.updated.set(());
        Ok(())
    }

    fn has_lists(&self) -> bool {
        let wanted = format!("_dists_{RELEASE}_main_binary-amd64_Packages");
        let entries = fs::read_dir(self.dir.join("lists"));
        entries.is_ok_and(|entries| {
            entries.flatten().any(|e| e.file_name().to_string_lossy().contains(wanted.as_str()))
        })
    }
}

/// Runs a program of the host and returns what it wrote; its last error line becomes the message.
pub(crate) fn run(command: &mut Command, program: &'static str, package: &'static str) -> Result<String> {
    let output = command.output().map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => Error::MissingTool { program, package },
        _ => Error::io(program, e),
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    if text.contains("No space left on device") || text.contains("don't have enough free space") {
        return Err(Error::disk_full(std::env::temp_dir()));
    }
    let line = text.lines().find_map(|l| l.strip_prefix("E: ")).or_else(|| text.lines().last());
    Err(Error::tool(program, line.unwrap_or("no message").trim()))
}

fn machine_mirrors() -> Result<Option<Mirrors>> {
    let etc = Path::new("/etc/apt");
    let mut files = vec![etc.join("sources.list")];
    if let Ok(entries) = fs::read_dir(etc.join("sources.list.d")) {
        let mut parts: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
        parts.sort();
        files.extend(parts);
    }
    let mut all = Vec::new();
    for file in files.iter().filter(|f| f.is_file()) {
        let text = fs::read_to_string(file).at(file)?;
        match file.extension().and_then(|e| e.to_str()) {
            Some("list") => all.extend(sources::parse_list(&text)),
            Some("sources") => all.extend(sources::parse_deb822(&text)),
            _ => {}
        }
    }
    Ok(sources::choose(&all))
}

fn source_stanzas(mirrors: &Mirrors, keyring: &Path) -> String {
    let mut out = String::new();
    let mut stanza = |uri: &str, suites: &str| {
        let _ = write!(
            out,
            "Types: deb\nURIs: {uri}\nSuites: {suites}\nComponents: main\nArchitectures: amd64\nSigned-By: {}\n\n",
            keyring.display()
        );
    };
    stanza(&mirrors.main, &format!("{RELEASE} {RELEASE}-updates {RELEASE}-backports"));
    if let Some(uri) = &mirrors.security {
        stanza(uri, &format!("{RELEASE}-security"));
    }
    out
}

fn configuration(dir: &Path) -> String {
    let dir = dir.display();
    format!(
        r#"Dir::State "{dir}";
Dir::State::lists "{dir}/lists";
Dir::State::status "{dir}/status";
Dir::Cache "{dir}/cache";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "{dir}/sources";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
#clear APT::Architectures;
APT::Architecture "amd64";
APT::Architectures {{ "amd64"; }};
// The cache may lie where apt's own user can't look.
APT::Sandbox::User "root";
APT::Install-Recommends "false";
APT::Install-Suggests "false";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Install-Pkgs;
#clear DPkg::Post-Invoke;
#clear Acquire::IndexTargets::deb::DEP-11;
#clear Acquire::IndexTargets::deb::CNF;
Acquire::Languages "none";
Acquire::ForceHash "SHA256";
Acquire::Retries "2";
"#
    )
}
