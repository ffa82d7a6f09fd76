// SPDX-License-Identifier: GPL-3.0-or-later
//! The command line of `coffer`. In: words. Out: what to do.

use crate::permissions::args::{GrantArgs, LogArgs, PermissionsArgs, RevokeArgs};
use clap::{Args, Parser, Subcommand, ValueHint};
use std::path::PathBuf;

/// A desktop where every app runs in a virtual machine of its own.
#[derive(Debug, Parser)]
#[command(name = "coffer", version, propagate_version = true, subcommand_required = true)]
pub(crate) struct Cli {
    /// Which desktop, if several run
    #[arg(long, global = true, value_name = "NAME", env = "COFFERDAM_DESKTOP", default_value = "main")]
    pub(crate) desktop: String,
    /// Say more: once for what happens, twice for details
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a desktop, and apps in it
    ///
    /// Without options it opens as a window of the Wayland desktop that it is started from, and runs
    /// headless where there is none. Ctrl-C ends it: apps are asked to close, then their VMs are shut down.
    Desktop(DesktopArgs),
    /// Start an app in a VM of its own
    Run(RunArgs),
    /// List VMs
    Ps {
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// Also list VMs that are off
        #[arg(short, long)]
        all: bool,
    },
    /// Shut a VM down; its data stays
    ///
    /// The app is asked to end, then the VM is switched off. A second `stop` switches it off at once.
    Stop {
        /// The VM, as `coffer ps` names it
        vm: String,
    },
    /// Write a picture of the desktop
    Screenshot {
        /// PNG file to write
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Which output, if there are several
        #[arg(long, value_name = "NAME")]
        output: Option<String>,
    },
    /// List windows
    Windows {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Run a program in a VM, beside its app
    Exec {
        /// The VM, as `coffer ps` names it
        vm: String,
        /// Program and arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        argv: Vec<String>,
    },
    /// Print what a VM wrote on its console
    Console {
        /// The VM, as `coffer ps` names it
        vm: String,
        /// How many lines
        #[arg(short = 'n', long, default_value_t = 200)]
        lines: u32,
    },
    /// Show what apps may do, what waits for an answer, and why
    Permissions(PermissionsArgs),
    /// Allow an app something, or forbid it
    Grant(GrantArgs),
    /// Take a permission back; what lives under it ends at once
    ///
    /// Returns once nothing lives any more. Says a number with which `coffer revoke --undo` gives it back,
    /// for ten minutes.
    Revoke(RevokeArgs),
    /// Show what apps asked for, were given and used
    Log(LogArgs),
    /// Run screenshot tests, each on a private headless desktop
    Test(TestArgs),
    /// Say what this machine can do, and what to change
    Doctor {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print shell completions
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DesktopArgs {
    /// Draw into memory instead of a window
    #[arg(long, conflicts_with = "nested")]
    pub(crate) headless: bool,
    /// Open as a window of the desktop that runs already
    #[arg(long)]
    pub(crate) nested: bool,
    /// Size of the headless output in pixels
    #[arg(long, value_name = "WxH", default_value = "1280x800", value_parser = parse_size)]
    pub(crate) size: (u32, u32),
    /// Scale of the headless output, such as 1, 1.5 or 2
    #[arg(long, default_value_t = 1.0)]
    pub(crate) scale: f64,
    /// Theme: default-dark, default-light or high-contrast
    #[arg(long)]
    pub(crate) theme: Option<String>,
    /// Wait until every app shows itself, write a picture, and end
    #[arg(long, value_name = "FILE.png", value_hint = ValueHint::FilePath)]
    pub(crate) screenshot: Option<PathBuf>,
    /// Keep apart from your own desktops: own bus, own data, all of it removed at the end
    #[arg(long)]
    pub(crate) private: bool,
    /// When everything is up, print one line of JSON that says where to connect
    #[arg(long)]
    pub(crate) ready_json: bool,
    /// For tests: names are looked up here, and what answers on this computer counts as the internet
    #[arg(long, value_name = "IP:PORT", requires = "private", hide_short_help = true)]
    pub(crate) test_net_dns: Option<std::net::SocketAddr>,
    /// For tests: end when this process, the parent, does
    #[arg(long, value_name = "PID", hide = true)]
    pub(crate) parent: Option<i32>,
    /// Apps to start
    #[arg(value_name = "APP")]
    pub(crate) apps: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The app, such as foot
    pub(crate) app: String,
    /// Name of the VM; by default that of the app, with a number if it runs already
    #[arg(long, value_name = "VM")]
    pub(crate) name: Option<String>,
    /// Memory of the VM in MiB
    #[arg(long, value_name = "MIB")]
    pub(crate) memory: Option<u32>,
    /// Set a variable in the app's environment
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) env: Vec<String>,
    /// Wait until the app ends and return its exit code
    #[arg(long)]
    pub(crate) wait: bool,
    /// Arguments for the app
    #[arg(last = true, value_name = "ARGS")]
    pub(crate) args: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Scenario files, see tests/scenarios/README.md
    #[arg(value_name = "SCENARIO.toml", value_hint = ValueHint::FilePath)]
    pub(crate) scenarios: Vec<PathBuf>,
    /// Where screenshots and reports go
    #[arg(long, value_name = "DIR", default_value = "coffer-test", value_hint = ValueHint::DirPath)]
    pub(crate) out: PathBuf,
    /// Accept what is drawn as the new goldens
    #[arg(long)]
    pub(crate) update: bool,
    /// Run only part I of N
    #[arg(long, value_name = "I/N")]
    pub(crate) shard: Option<cofferdam_runner::run::Shard>,
    /// How many scenarios at once; 0: as many as cores and memory allow
    #[arg(short, long, default_value_t = 0)]
    pub(crate) jobs: usize,
    /// Put results of earlier runs into the report
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) merge: Vec<PathBuf>,
}

fn parse_size(text: &str) -> Result<(u32, u32), String> {
    let number = |s: &str| s.parse::<u32>().ok().filter(|n| (64..=16384).contains(n));
    text.split_once('x')
        .and_then(|(w, h)| Some((number(w)?, number(h)?)))
        .ok_or_else(|| "write it like 1280x800; each side has 64 to 16384 pixels".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    /// `dist/man` holds what the command line says. `COFFERDAM_UPDATE=1` writes it anew.
    #[test]
    fn the_manual_says_what_the_command_line_does() {
        let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dist/man");
        let mut command = Cli::command().name("coffer");
        command.build();
        let pages: Vec<_> = std::iter::once(command.clone())
            .chain(command.get_subcommands().filter(|sub| sub.get_name() != "help").cloned())
            .collect();
        for page in pages {
            let name = page.get_display_name().unwrap_or_else(|| page.get_name()).to_owned();
            let mut text = b".\\\" SPDX-License-Identifier: GPL-3.0-or-later\n".to_vec();
            clap_mangen::Man::new(page).title(name.to_uppercase()).render(&mut text).unwrap();
            let path = directory.join(format!("{name}.1"));
            if std::env::var_os("COFFERDAM_UPDATE").is_some() {
                std::fs::write(&path, &text).unwrap();
            }
            let written = std::fs::read(&path).unwrap_or_default();
            assert!(written == text, "{} is old; run this test with COFFERDAM_UPDATE=1", path.display());
        }
    }

    #[test]
    fn apps_and_their_arguments_are_told_apart() {
        let cli = Cli::try_parse_from(["coffer", "run", "foot", "--wait", "--", "-e", "top"]).unwrap();
        let Command::Run(run) = cli.command else { panic!("not run") };
        assert_eq!((run.app.as_str(), run.wait), ("foot", true));
        assert_eq!(run.args, ["-e", "top"]);
        let line = ["coffer", "desktop", "--headless", "--screenshot", "o.png", "foot", "gnome-calculator"];
        let Command::Desktop(desktop) = Cli::try_parse_from(line).unwrap().command else {
            panic!("not desktop")
        };
        assert_eq!(desktop.apps, ["foot", "gnome-calculator"]);
    }

    #[test]
    fn sizes() {
        assert_eq!(parse_size("1280x800"), Ok((1280, 800)));
        for bad in ["", "1280", "0x0", "1280x", "99999x1", "-1x100"] {
            assert!(parse_size(bad).is_err(), "{bad:?}");
        }
    }
}
