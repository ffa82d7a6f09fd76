// SPDX-License-Identifier: GPL-3.0-or-later
//! The launcher daemon.
//!
//! In: `--desktop NAME` (or `COFFERDAM_DESKTOP`), `DBUS_SESSION_BUS_ADDRESS`, in tests
//! `--test-net-dns IP:PORT`, and `--ready-fd N`, to which one
//! byte is written when callers are served. Out: `org.cofferdam.Launcher1`, until SIGTERM.

use cofferdam_catalogue::Cache;
use cofferdam_kit::inherited::take_fd;
use cofferdam_kit::paths::{DEFAULT_DESKTOP, Paths};
use cofferdam_launcher::shepherd::TestNet;
use std::error::Error;
use std::fs::File;
use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    cofferdam_kit::logging::start();
    match launcherd() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn launcherd() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip_while(|word| word != "--desktop");
    let desktop = words.nth(1).or_else(|| std::env::var("COFFERDAM_DESKTOP").ok());
    let paths = Paths::of(desktop.as_deref().unwrap_or(DEFAULT_DESKTOP))?;
    let test_net = test_net()?;
    // D-Bus activation gives no fd; then nobody waits.
    let ready =
        if std::env::args().any(|word| word == "--ready-fd") { Some(take_fd("--ready-fd")?) } else { None };
    let say_ready = move || {
        if let Some(fd) = ready
            && let Err(error) = File::from(fd).write_all(b"\n")
        {
            tracing::debug!(%error, "nobody waits for readiness any more");
        }
    };
    paths.create()?;
    // What VMs are made of stays where it is for as long as this desktop runs.
    let held = Cache::open(Cache::default_root(), false).and_then(|cache| cache.hold());
    let _held = held.inspect_err(|error| tracing::warn!(%error, "the cache can't be held")).ok();
    cofferdam_launcher::walls::around_launcher(&paths)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(cofferdam_launcher::launcherd::run(paths, test_net, say_ready))?)
}

/// `--test-net-dns IP:PORT`: a test's own name server; what it answers on loopback counts as the internet.
fn test_net() -> Result<Option<TestNet>, Box<dyn Error>> {
    let mut words = std::env::args().skip_while(|word| word != "--test-net-dns");
    if words.next().is_none() {
        return Ok(None);
    }
    let dns = words.next().ok_or("--test-net-dns needs an address")?.parse()?;
    Ok(Some(TestNet { dns, internet: "127.0.0.0/8".to_owned() }))
}
