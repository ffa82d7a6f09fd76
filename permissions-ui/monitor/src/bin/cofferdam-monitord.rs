// SPDX-License-Identifier: GPL-3.0-or-later
//! The permission monitor.
//!
//! In: `--desktop NAME` (or `COFFERDAM_DESKTOP`), `DBUS_SESSION_BUS_ADDRESS`, `--ready-fd N`, to which one
//! byte is written when it serves, and for desktops of tests `--test-clock` and `--admin-rules FOLDER`. Out:
//! `org.cofferdam.Permissions1` and `RUNTIME/monitor.sock`, until SIGTERM.

use cofferdam_kit::inherited::take_fd;
use cofferdam_kit::paths::{DEFAULT_DESKTOP, Paths};
use cofferdam_monitor::daemon::{Config, run};
use cofferdam_monitor::rules::{RuleFolder, folders};
use cofferdam_policy::Origin;
use std::error::Error;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    cofferdam_kit::logging::start();
    match monitord() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn after(option: &str) -> Option<String> {
    std::env::args().skip_while(|word| word != option).nth(1)
}

fn has(option: &str) -> bool {
    std::env::args().any(|word| word == option)
}

fn monitord() -> Result<(), Box<dyn Error>> {
    let desktop = after("--desktop").or_else(|| std::env::var("COFFERDAM_DESKTOP").ok());
    let paths = Paths::of(desktop.as_deref().unwrap_or(DEFAULT_DESKTOP))?;
    // D-Bus activation gives no fd; then nobody waits.
    let ready = if has("--ready-fd") { Some(take_fd("--ready-fd")?) } else { None };
    let test_clock = has("--test-clock");
    let config = Config { rules: rules(test_clock)?, test_clock, walls: true, paths };
    let say_ready = move || {
        if let Some(fd) = ready
            && let Err(error) = File::from(fd).write_all(b"\n")
        {
            tracing::debug!(%error, "nobody waits for readiness any more");
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(run(config, say_ready))?)
}

/// The folders of rule files. Only a test's desktop may have another administrator.
fn rules(test: bool) -> Result<Vec<RuleFolder>, Box<dyn Error>> {
    let user = Paths::user_rules().ok_or("neither XDG_CONFIG_HOME nor HOME is set; set one of them")?;
    // `folders` adds its own names to the home of configuration.
    let config = user.ancestors().nth(2).unwrap_or(&user).to_owned();
    let [admin, person] = folders(&config);
    let admin = match after("--admin-rules") {
        Some(folder) if test => RuleFolder { path: PathBuf::from(folder), origin: Origin::Admin },
        Some(_) => return Err("--admin-rules is for desktops with --test-clock".into()),
        None => admin,
    };
    Ok(vec![admin, person])
}
