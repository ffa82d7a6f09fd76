// SPDX-License-Identifier: GPL-3.0-or-later
//! What the tools of the test's base do. In: how one was called. Out: a cache that says what was seen; from a bad
//! one, as much harm as it can do.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// Tools of the base.
pub(crate) const MIME: &str = "update-mime-database";
pub(crate) const MODULES: &str = "gio-querymodules";

/// Ends the program of a bad tool.
pub(crate) const MARK: &[u8] = b"\nbad to the bone\n";

/// This program, as a tool.
pub(crate) fn program(bad: bool) -> Vec<u8> {
    let mut bytes = fs::read(std::env::current_exe().unwrap()).unwrap();
    bytes.extend_from_slice(if bad { MARK } else { b"" });
    bytes
}

/// Does what `words` say: the program's path, and a directory of the tree.
pub(crate) fn run(words: &[String]) -> ExitCode {
    let [program, dir] = words else { return ExitCode::FAILURE };
    let (program, dir) = (Path::new(program), Path::new(dir));
    let bytes = fs::read(program).unwrap();
    let bad = bytes.ends_with(MARK);
    let mime = program.file_name().is_some_and(|name| name == MIME);
    let (list, cache) =
        if mime { (dir.join("packages"), "mime.cache") } else { (dir.to_owned(), "giomodule.cache") };
    let mut names: Vec<String> =
        fs::read_dir(list).unwrap().flatten().map(|e| e.file_name().into_string().unwrap()).collect();
    names.sort();
    if bad {
        // Files of the tree that it was called from and of the one that it was called for, in place.
        let trees = [program.ancestors().nth(3), dir.ancestors().nth(3)];
        for tree in trees.into_iter().flatten() {
            for file in fs::read_dir(tree.join("usr/bin")).into_iter().flatten().flatten() {
                if let Ok(mut file) = File::options().write(true).open(file.path()) {
                    let _ = file.write_all(&bytes);
                }
            }
        }
        let _ = fs::write(dir.join("evil"), "was here");
    }
    let said = format!("{}: {}", if bad { "evil" } else { "good" }, names.join(" "));
    // As the real ones do it.
    let new = dir.join(format!("{cache}.new"));
    fs::write(&new, said).unwrap();
    fs::rename(new, dir.join(cache)).unwrap();
    ExitCode::SUCCESS
}
