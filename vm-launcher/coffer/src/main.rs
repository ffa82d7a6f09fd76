// SPDX-License-Identifier: GPL-3.0-or-later
//! `coffer`, the one command people use. In: a command line. Out: answers on standard output, progress and
//! one-line errors on standard error, an exit code.

mod args;
mod commands;
mod control;
mod desktop;
mod doctor;
mod error;
mod interrupts;
mod launcher;
mod permissions;
mod ui;

use args::{Cli, Command};
use clap::Parser as _;
use error::{Error, system};
use interrupts::Interrupts;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

#[expect(clippy::disallowed_methods, reason = "where the log goes")]
fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter =
        EnvFilter::try_from_env("COFFERDAM_LOG").unwrap_or_else(|_| EnvFilter::new(log_level(cli.verbose)));
    let ansi = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(ansi).init();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            ui::note(&format!("coffer: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// What our daemons and we log when `-v` was given so often.
fn log_level(verbose: u8) -> &'static str {
    match verbose {
        // smithay warns once a frame about buffers that a guest made wrong.
        0 => "warn,smithay=off",
        1 => "info,smithay=off",
        _ => "debug",
    }
}

fn run(cli: Cli) -> Result<ExitCode, Error> {
    let desktop = cli.desktop;
    let work = async {
        let done = |(): ()| ExitCode::SUCCESS;
        match cli.command {
            Command::Desktop(args) => desktop::desktop(&desktop, args, cli.verbose).await.map(done),
            Command::Run(args) => commands::run(&desktop, args).await,
            Command::Ps { json, all } => commands::ps(&desktop, json, all).await.map(done),
            Command::Stop { vm } => commands::stop(&desktop, &vm).await.map(done),
            Command::Screenshot { file, output } => {
                commands::screenshot(&desktop, &file, output).await.map(done)
            }
            Command::Windows { json } => commands::windows(&desktop, json).await.map(done),
            Command::Exec { vm, argv } => commands::exec(&desktop, &vm, &argv).await,
            Command::Console { vm, lines } => commands::console(&desktop, &vm, lines).await.map(done),
            Command::Permissions(args) => permissions::permissions(&desktop, args).await.map(done),
            Command::Grant(args) => permissions::grant(&desktop, args).await.map(done),
            Command::Revoke(args) => permissions::revoke(&desktop, args).await.map(done),
            Command::Log(args) => permissions::log(&desktop, args).await.map(done),
            Command::Test(args) => commands::test(args),
            Command::Doctor { json } => doctor::doctor(json).map(done),
            Command::Completions { shell } => {
                commands::completions(shell);
                Ok(ExitCode::SUCCESS)
            }
        }
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(system("event loop"))?;
    let result = runtime.block_on(work);
    // A thread that still waits for a compositor must not keep us.
    runtime.shutdown_background();
    result
}
