// SPDX-License-Identifier: GPL-3.0-or-later
//! Logs of the daemons. In: `COFFERDAM_LOG`, a filter such as `debug` or `cofferdam_launcher=trace`.
//! Out: lines on standard error, which whoever started us has pointed somewhere.

#![expect(clippy::disallowed_methods, reason = "where the log goes")]

use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// Starts logging; for `main` functions.
pub fn start() {
    let filter = EnvFilter::try_from_env("COFFERDAM_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}
