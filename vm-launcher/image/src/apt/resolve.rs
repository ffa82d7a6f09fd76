// SPDX-License-Identifier: GPL-3.0-or-later
//! In: names of packages and a private apt state. Out: every package of their closure with its
//! version, hash and place in the archive, as apt's own resolver picks them for an empty system.

use super::state::{State, run};
use crate::error::{Error, Result};
use cofferdam_catalogue::{Archive, Package};
use std::collections::BTreeMap;

/// Resolves `packages` (names, or `name/suite`); `prefer` is a suite whose versions win.
pub(crate) fn resolve(state: &State, packages: &[String], prefer: Option<&str>) -> Result<Vec<Package>> {
    let mut command = state.command("apt-get");
    command.args(["install", "--print-uris", "-qq", "-y"]);
    if let Some(suite) = prefer {
        command.args(["-t", suite]);
    }
    command.arg("--").args(packages);
    let text = run(&mut command, "apt-get", "apt")?;
    let mirrors = state.mirrors();
    parse_uris(&text, &mirrors.main, mirrors.security.as_deref())
}

/// Reads lines of `'URI' NAME_VERSION_ARCH.deb SIZE SHA256:HASH`; sorted by name.
fn parse_uris(text: &str, main: &str, security: Option<&str>) -> Result<Vec<Package>> {
    let mut found = BTreeMap::new();
    for line in text.lines().filter(|l| l.starts_with('\'')) {
        let package = parse_uri(line, main, security)
            .ok_or_else(|| Error::malformed("apt-get --print-uris", format!("can't read {line:?}")))?;
        found.insert(package.name.clone(), package);
    }
    Ok(found.into_values().collect())
}

fn parse_uri(line: &str, main: &str, security: Option<&str>) -> Option<Package> {
    let (uri, rest) = line.strip_prefix('\'')?.split_once("' ")?;
    let mut words = rest.split_whitespace();
    let file = words.next()?;
    let size = words.next()?.parse().ok()?;
    let sha256 = words.next()?.strip_prefix("SHA256:")?.to_owned();
    let mut parts = file.strip_suffix(".deb")?.split('_');
    let name = parts.next()?.to_owned();
    let version = parts.next()?.replace("%3a", ":");
    let below = |base: &str| uri.strip_prefix(base)?.strip_prefix('/').map(str::to_owned);
    let (archive, path) = match security.and_then(below) {
        Some(path) => (Archive::Security, path),
        None => (Archive::Debian, below(main)?),
    };
    Some(Package { name, version, sha256, size, archive, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn print_uris() {
        let text = "'http://m.test/debian/pool/main/c/c/c_2%3a1%2b2_all.deb' c_2%3a1+2_all.deb 12 SHA256:cc\n\
                    'http://m.test/debian-security/pool/a_1-1_amd64.deb' a_1-1_amd64.deb 34 SHA256:aa\nnoise\n";
        let found = parse_uris(text, "http://m.test/debian", Some("http://m.test/debian-security")).unwrap();
        let package = |name: &str, version: &str, sha256: &str, size, archive, path: &str| Package {
            name: name.into(),
            version: version.into(),
            sha256: sha256.into(),
            size,
            archive,
            path: path.into(),
        };
        assert_eq!(
            found,
            [
                package("a", "1-1", "aa", 34, Archive::Security, "pool/a_1-1_amd64.deb"),
                package("c", "2:1+2", "cc", 12, Archive::Debian, "pool/main/c/c/c_2%3a1%2b2_all.deb"),
            ]
        );
        assert!(
            parse_uris("'http://other.test/x_1_all.deb' x_1_all.deb 1 SHA256:0", "http://m.test", None)
                .is_err()
        );
        assert!(
            parse_uris("'http://m.test/x_1_all.deb' x_1_all.deb 1 MD5Sum:0", "http://m.test", None).is_err()
        );
    }
}
