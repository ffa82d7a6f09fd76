// SPDX-License-Identifier: GPL-3.0-or-later
//! In: pinned packages. Out: their `.deb` files in the cache, each checked against its hash by
//! apt's downloader; and the names of those that the mirror no longer has.

use super::state::{State, run};
use crate::error::{At, Error, Result};
use crate::progress::Progress;
use cofferdam_catalogue::{Archive, Package};
use std::fs;
use std::path::{Path, PathBuf};

/// Files handed to one run of the downloader: few enough to show progress, many enough to pipeline.
const BATCH_FILES: usize = 24;
const BATCH_BYTES: u64 = 12 << 20;

/// Where the `.deb` of a package is kept; named by hash, so what is there is right.
pub(crate) fn deb_path(debs: &Path, package: &Package) -> PathBuf {
    debs.join(format!("{}.deb", package.sha256))
}

/// Downloads what is missing into `debs`. Returns the packages that the mirror does not have (any
/// more); everything else that goes wrong is an error.
pub(crate) fn fetch<'p>(
    state: &State,
    debs: &Path,
    packages: &'p [Package],
    what: &str,
    progress: &Progress,
) -> Result<Vec<&'p Package>> {
    let partial = debs.join("partial");
    fs::create_dir_all(&partial).at(&partial)?;
    let missing: Vec<&Package> = packages.iter().filter(|p| !deb_path(debs, p).is_file()).collect();
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let total: u64 = missing.iter().map(|p| p.size).sum();
    let step = progress.step(format!("{what}: downloading {} packages, {} MiB", missing.len(), total >> 20));
    let mut done = 0;
    let mut gone = Vec::new();
    for batch in batches(&missing) {
        step.bytes(done, total);
        gone.extend(fetch_batch(state, debs, &partial, batch)?);
        done += batch.iter().map(|p| p.size).sum::<u64>();
    }
    step.done();
    Ok(gone)
}

fn batches<'a, 'p>(mut rest: &'a [&'p Package]) -> impl Iterator<Item = &'a [&'p Package]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = rest.iter().take(BATCH_FILES).take_while(|p| {
            let first = bytes == 0;
            bytes += p.size.max(1);
            first || bytes <= BATCH_BYTES
        });
        let (batch, later) = rest.split_at_checked(fits.count())?;
        rest = later;
        (!batch.is_empty()).then_some(batch)
    })
}

fn fetch_batch<'p>(
    state: &State,
    debs: &Path,
    partial: &Path,
    batch: &[&'p Package],
) -> Result<Vec<&'p Package>> {
    let mirrors = state.mirrors();
    let mut command = state.command("/usr/lib/apt/apt-helper");
    command.args(["-q", "download-file"]);
    for package in batch {
        let base = match package.archive {
            Archive::Debian => &mirrors.main,
            // Fixes of the security archive reach the main one with the next point release.
            Archive::Security => mirrors.security.as_ref().unwrap_or(&mirrors.main),
        };
        command.arg(format!("{base}/{}", package.path));
        command.arg(partial.join(&package.sha256));
        command.arg(format!("SHA256:{}", package.sha256));
    }
    let outcome = run(&mut command, "apt-helper", "apt");
    let mut absent = Vec::new();
    for &package in batch {
        let got = partial.join(&package.sha256);
        if got.is_file() {
            let path = deb_path(debs, package);
            fs::rename(&got, &path).at(&path)?;
        } else {
            absent.push(package);
        }
    }
    match outcome {
        Ok(_) if absent.is_empty() => Ok(absent),
        Err(Error::Tool { message, .. }) if message.contains("404") => Ok(absent),
        Err(Error::Tool { message, .. }) => Err(Error::Download { what: names(&absent), why: message }),
        Err(error) if error.is_disk_full() => Err(Error::disk_full(debs)),
        Err(other) => Err(other),
        Ok(_) => Err(Error::Download { what: names(&absent), why: "nothing arrived".into() }),
    }
}

fn names(packages: &[&Package]) -> String {
    let mut names: Vec<&str> = packages.iter().map(|p| p.name.as_str()).collect();
    let more = names.len().saturating_sub(3);
    names.truncate(3);
    if more > 0 { format!("{} and {more} more packages", names.join(", ")) } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, size: u64) -> Package {
        let (version, sha256, path) = ("1".into(), String::new(), String::new());
        Package { name: name.into(), version, sha256, size, archive: Archive::Debian, path }
    }

    #[test]
    fn batches_cover_everything_once() {
        let packages: Vec<Package> =
            (0..60).map(|n| package("p", if n == 30 { 99 << 20 } else { 1 << 20 })).collect();
        let all: Vec<&Package> = packages.iter().collect();
        let sizes: Vec<usize> = batches(&all).map(<[_]>::len).collect();
        assert_eq!(sizes.iter().sum::<usize>(), 60);
        assert!(sizes.iter().all(|&s| (1..=12).contains(&s)), "{sizes:?}");
        assert_eq!(batches(&[]).count(), 0);
    }

    #[test]
    fn long_lists_are_cut() {
        let p: Vec<Package> = ["a", "b", "c", "d", "e"].iter().map(|n| package(n, 1)).collect();
        assert_eq!(names(&p.iter().collect::<Vec<_>>()), "a, b, c and 2 more packages");
        assert_eq!(names(&[&p[0]]), "a");
    }
}
