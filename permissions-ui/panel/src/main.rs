// SPDX-License-Identifier: GPL-3.0-or-later
//! The `cofferdam-panel` program: started and restarted by `coffer desktop`.
//!
//! In: `WAYLAND_SOCKET`, a Wayland connection that the compositor trusts; the session bus. Out: the bar,
//! the panel, the file chooser.

mod walls;

use clap::Parser;
use std::io::Write as _;
use std::process::ExitCode;

/// Shows what every app may do and did.
#[derive(Debug, Parser)]
#[command(name = "cofferdam-panel", version)]
struct Arguments {
    /// Name of the desktop
    #[arg(long, default_value = "main")]
    desktop: String,
    /// Inherited pipe that gets one byte when the bar is on its way to the screen
    #[arg(long, value_name = "N")]
    ready_fd: Option<u32>,
}

#[expect(clippy::disallowed_methods, reason = "the program's last word")]
fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("COFFERDAM_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info")),
        )
        .init();
    let arguments = Arguments::parse();
    tracing::debug!(desktop = arguments.desktop, "panel");
    let walled = walls::put_up().map_err(|why| why.to_string());
    match walled
        .and_then(|()| cofferdam_panel::program::run(arguments.ready_fd).map_err(|why| why.to_string()))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            // There is nobody left to tell if stderr is gone too.
            let _ = writeln!(std::io::stderr(), "cofferdam-panel: {why}");
            ExitCode::FAILURE
        }
    }
}
