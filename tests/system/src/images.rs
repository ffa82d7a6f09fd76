// SPDX-License-Identifier: GPL-3.0-or-later
//! The image cache and pictures, as tests look at them. In: files. Out: a cache with one layer changed;
//! colours counted.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Makes `into` an `XDG_CACHE_HOME` whose only difference from the real one is a byte in the root hash of
/// the layer of `app`.
///
/// # Errors
/// If the app is not in the real cache.
pub fn tampered_cache(into: &Path, app: &str) -> Result<(), Box<dyn Error>> {
    let real = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))
        .ok_or("no cache")?
        .join("cofferdam");
    let ours = into.join("cofferdam");
    fs::create_dir(&ours)?;
    let mut changed = 0;
    for entry in fs::read_dir(&real)?.flatten() {
        let target = ours.join(entry.file_name());
        if entry.file_name().to_string_lossy().starts_with(&format!("app-{app}-")) {
            changed += change_root_hashes(&entry.path(), &target)?;
        } else {
            symlink(entry.path(), target)?;
        }
    }
    if changed == 0 { Err(format!("no layer of {app} in {}", real.display()).into()) } else { Ok(()) }
}

fn change_root_hashes(layer: &Path, target: &Path) -> Result<usize, Box<dyn Error>> {
    let mut changed = 0;
    fs::create_dir(target)?;
    for file in fs::read_dir(layer)?.flatten() {
        let copy = target.join(file.file_name());
        let text = fs::read_to_string(file.path()).unwrap_or_default();
        let Some((before, after)) = text.split_once("\"root_hash\"") else {
            symlink(file.path(), copy)?;
            continue;
        };
        let at = after.find(|c: char| c.is_ascii_hexdigit()).ok_or("a root hash without digits")?;
        let other = if after.as_bytes().get(at) == Some(&b'0') { "1" } else { "0" };
        let mut after = after.to_owned();
        after.replace_range(at..=at, other);
        fs::write(copy, format!("{before}\"root_hash\"{after}"))?;
        changed += 1;
    }
    Ok(changed)
}

/// How often each colour stands in a PNG.
///
/// # Errors
/// If it can't be read.
pub fn colours(picture: &Path) -> Result<BTreeMap<[u8; 3], usize>, Box<dyn Error>> {
    let mut reader = png::Decoder::new(std::io::BufReader::new(fs::File::open(picture)?)).read_info()?;
    let mut pixels = vec![0; reader.output_buffer_size().ok_or("too large")?];
    reader.next_frame(&mut pixels)?;
    let mut colours = BTreeMap::new();
    for [r, g, b, _] in pixels.as_chunks::<4>().0 {
        *colours.entry([*r, *g, *b]).or_default() += 1;
    }
    Ok(colours)
}
