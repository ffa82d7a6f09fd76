// SPDX-License-Identifier: GPL-3.0-or-later
//! Benchmarks against peers, interleaved in one run.
//!
//! In: which peers are installed, how many rounds. Out: one table of ratios on standard output, and
//! the same as JSON. Absolute times on a shared machine mean nothing; ratios of one run do.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "measures time, and starts what is measured"
)]
#![forbid(unsafe_code)]

mod client;
mod compositors;
mod decisions;
mod loopback;
mod measure;
mod monitor;
mod network;
mod peers;
mod prompt;
mod proxies;
mod relay;
mod table;
mod ways;

use clap::{Parser, Subcommand};
use client::BenchError;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use table::Table;

/// Measures Cofferdam against other programs and prints ratios.
#[derive(Parser)]
#[command(name = "cofferdam-bench", version)]
struct Cli {
    /// Also write the table as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// How often everything is measured; the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Measure only this.
    #[arg(long, value_name = "PART")]
    only: Option<Part>,
    /// Where our programs are; beside this one if absent.
    #[arg(long, value_name = "DIR")]
    libexec: Option<PathBuf>,
    #[command(subcommand)]
    helper: Option<Helper>,
}

/// A part of the measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    Compositors,
    Proxies,
    Decisions,
    Prompt,
    Network,
}

/// Processes that measurements start; of no use by hand.
#[derive(Subcommand)]
enum Helper {
    /// Passes bytes and fds on without looking.
    #[command(hide = true)]
    Relay {
        /// Socket to listen on.
        listen: PathBuf,
        /// Socket to connect to.
        connect: PathBuf,
    },
    /// Sends packets back.
    #[command(hide = true)]
    Echo,
    /// Bridge and device without a VM; VM channel as standard input, bridge's control as output.
    #[command(hide = true)]
    Loopback {
        /// Socket to listen on.
        listen: PathBuf,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match &cli.helper {
        Some(Helper::Relay { listen, connect }) => relay::serve(listen, connect),
        Some(Helper::Echo) => monitor::echo(),
        Some(Helper::Loopback { listen }) => loopback::serve(listen),
        None => run(&cli),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "cofferdam-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<(), BenchError> {
    let exe = std::env::current_exe()?;
    let libexec = cli.libexec.clone().or_else(|| Some(exe.parent()?.to_owned())).unwrap_or_default();
    let (load, memcpy) = (measure::load(), measure::memcpy_gib_s());
    let rounds = cli.rounds.max(1);
    let wanted = |part| cli.only.is_none_or(|only| only == part);
    let (mut rows, mut missing) = (Vec::new(), Vec::new());
    if wanted(Part::Compositors) {
        progress(&format!("compositors, {rounds} rounds"));
        let (more, gone) = compositors::measure(&libexec, rounds);
        rows.extend(more);
        missing.extend(gone);
    }
    if wanted(Part::Proxies) {
        progress(&format!("proxies, {rounds} rounds"));
        let (more, gone) = proxies::measure(&exe, &libexec, rounds);
        rows.extend(more);
        missing.extend(gone);
    }
    if wanted(Part::Decisions) {
        progress(&format!("decisions, {rounds} rounds"));
        rows.extend(decisions::measure(rounds)?);
        match monitor::measure(&exe, &libexec, rounds) {
            Ok(more) => rows.extend(more),
            Err(why) => missing.push(format!("decisions over the socket: {why}")),
        }
    }
    if wanted(Part::Prompt) {
        progress(&format!("prompts, {rounds} rounds"));
        match prompt::measure(&libexec, rounds) {
            Ok(more) => rows.extend(more),
            Err(why) => missing.push(format!("prompts: {why}")),
        }
    }
    if wanted(Part::Network) {
        progress(&format!("gateways, {rounds} rounds"));
        let (more, gone) = network::measure(&libexec, rounds);
        rows.extend(more);
        missing.extend(gone);
    }
    missing.sort();
    missing.dedup();
    let table = Table { machine: machine(), load, memcpy_gib_s: memcpy, rows, missing };
    std::io::stdout().write_all(table.markdown().as_bytes())?;
    if let Some(path) = &cli.json {
        let json = serde_json::to_vec_pretty(&table).map_err(|e| BenchError::peer("JSON", e))?;
        std::fs::write(path, json)?;
    }
    Ok(())
}

fn progress(what: &str) {
    let _ = writeln!(std::io::stderr(), "measuring {what} …");
}

fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|l| l.strip_prefix("model name")).unwrap_or(": unknown processor");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{} × {cores}", model.trim_start_matches([' ', '\t', ':']))
}
