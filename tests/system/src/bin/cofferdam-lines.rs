// SPDX-License-Identifier: GPL-3.0-or-later
//! `cargo run -p cofferdam-system-tests --bin cofferdam-lines`: how much of our own code each program is made of.
//!
//! In: the workspace around it. Out: a table, the largest program first, with the crates behind each.

use cofferdam_system_tests::lines::Crates;
use std::io::{self, Write as _};
use std::path::Path;

#[expect(clippy::disallowed_methods, reason = "its answer")]
fn main() -> io::Result<()> {
    let crates = Crates::of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))?;
    let mut rows: Vec<_> = crates
        .programs()
        .into_iter()
        .map(|(program, names)| (crates.lines(&names), program, names))
        .collect();
    rows.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    let mut out = io::stdout().lock();
    for (lines, program, names) in rows {
        let mut parts: Vec<_> = names
            .iter()
            .filter_map(|name| {
                Some((crates.get(name)?.lines, name.strip_prefix("cofferdam-").unwrap_or(name)))
            })
            .collect();
        parts.sort_by(|a, b| b.cmp(a));
        let parts: Vec<String> = parts.into_iter().map(|(n, name)| format!("{name} {n}")).collect();
        writeln!(out, "{lines:>6}  {program:<22} {}", parts.join(", "))?;
    }
    Ok(())
}
