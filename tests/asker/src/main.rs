// SPDX-License-Identifier: GPL-3.0-or-later
//! A guest program that asks the portals as apps do, or as no app should. In: what to ask. Out: one line with
//! the answer, and exit code 0 if there was one.

#![forbid(unsafe_code)]

mod portals;
mod rude;

use std::io::Write as _;
use std::process::ExitCode;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

const USAGE: &str = "usage: cofferdam-asker file|folder|save TITLE | open ADDRESS | notify TITLE BODY | inhibit | \
                     screenshot | scheme | online | flood | megabyte | cut-off | nonsense";

#[expect(clippy::disallowed_methods, reason = "its answer")]
fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["flood"] => rude::flood(),
        ["cut-off"] => rude::cut_off(),
        ["nonsense"] => rude::nonsense(),
        words => ask(words),
    };
    let (line, code) = match result {
        Ok(line) => (line, ExitCode::SUCCESS),
        Err(error) => (error.to_string(), ExitCode::FAILURE),
    };
    // A closed output has nobody to tell.
    let _ = writeln!(std::io::stdout(), "{line}");
    code
}

fn ask(words: &[&str]) -> Outcome<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let portals = portals::Portals::connect().await?;
        match words {
            [what @ ("file" | "folder" | "save"), title] => portals.choose(what, title).await,
            ["megabyte"] => portals.choose("file", &"\u{202e}A".repeat(1 << 18)).await,
            ["open", address] => portals.open(address).await,
            ["notify", title, body] => portals.notify(title, body).await,
            ["inhibit"] => portals.inhibit().await,
            ["screenshot"] => portals.screenshot().await,
            ["scheme"] => portals.scheme().await,
            ["online"] => portals.online().await,
            _ => Err(USAGE.into()),
        }
    })
}
