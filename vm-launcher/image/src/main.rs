// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the command line. Out: `cofferdam-image`, which builds what VMs are made of.

use clap::{Parser, Subcommand};
use cofferdam_catalogue::{Bundle, Cache, Options};
use cofferdam_ids::AppId;
use cofferdam_image::{Images, Progress, Pruned, Result, days_ago};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Builds what Cofferdam's VMs are made of: tools, kernel, initramfs and layers.
///
/// Everything lies in ${XDG_CACHE_HOME:-~/.cache}/cofferdam, keyed by the hash of its inputs; what
/// is there already is not built again, and an interrupted build carries on.
#[derive(Debug, Parser)]
#[command(name = "cofferdam-image", version)]
struct Cli {
    /// Directory with base.toml, lock.json and apps/
    #[arg(long, global = true, value_name = "DIR")]
    guest_dir: Option<PathBuf>,
    /// The guest's static binary
    #[arg(long, global = true, value_name = "FILE", env = "COFFERDAM_GUEST_BINARY")]
    guest_binary: Option<PathBuf>,
    /// Build again even what is in the cache
    #[arg(long, global = true)]
    fresh: bool,
    /// Say nothing but errors
    #[arg(long, short, global = true)]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build QEMU and mkfs.erofs; print how to start them as JSON
    Tools,
    /// Build kernel and initramfs; print their paths as JSON
    Kernel,
    /// Build the layer that all apps share; print it as JSON
    Base,
    /// Build everything these apps need to boot; print it as JSON
    #[command(visible_alias = "app")]
    Ensure {
        /// Names of apps, or paths of TOML files
        #[arg(required = true, value_name = "APP")]
        apps: Vec<String>,
    },
    /// Print what these apps need to boot as JSON, without building anything
    Show {
        /// Names of apps, or paths of TOML files
        #[arg(required = true, value_name = "APP")]
        apps: Vec<String>,
    },
    /// List the apps there are
    List,
    /// Remove what nobody has used for a while; nothing while a desktop runs
    Prune {
        /// For how long it must have been of no use
        #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
        days: u32,
    },
    /// Compare the locked versions of packages with those the mirror has now
    Lock {
        /// Write the versions of now into lock.json
        #[arg(long)]
        update: bool,
        /// Fail if they differ (the default)
        #[arg(long, conflicts_with = "update")]
        check: bool,
    },
}

#[expect(clippy::disallowed_methods, reason = "the program's answers")]
fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "cofferdam-image: {error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the program's answers")]
fn run(cli: Cli) -> Result<()> {
    let progress = if cli.quiet { Progress::quiet() } else { Progress::stderr() };
    let options =
        Options { cache: None, guest_dir: cli.guest_dir, guest_binary: cli.guest_binary, fresh: cli.fresh };
    if let Command::Prune { days } = cli.command {
        return prune(days, cli.quiet);
    }
    let images = Images::open(&options, progress)?;
    match cli.command {
        Command::Tools => print_json(&images.ensure_tools()?),
        Command::Kernel => print_json(&images.ensure_kernel()?),
        Command::Base => print_json(&images.ensure_base()?),
        Command::Ensure { apps } => print_json(&bundles(&apps, |a| images.ensure(a))?),
        Command::Show { apps } => print_json(&bundles(&apps, |a| Ok(images.catalogue().load(a)?))?),
        Command::List => {
            for app in images.catalogue().apps()? {
                let _ = writeln!(std::io::stdout(), "{app}");
            }
            Ok(())
        }
        Command::Lock { update, .. } => lock(&images, update),
        Command::Prune { .. } => Ok(()),
    }
}

#[expect(clippy::disallowed_methods, reason = "the program's answers")]
fn prune(days: u32, quiet: bool) -> Result<()> {
    let pruned = cofferdam_image::prune(&Cache::open(Cache::default_root(), false)?, days_ago(days))?;
    let lines = match pruned {
        Pruned::InUse => vec!["a desktop runs, or something is being built; nothing was removed".to_owned()],
        Pruned::Removed(names) => names.into_iter().map(|name| format!("removed {name}")).collect(),
    };
    for line in lines.iter().filter(|_| !quiet) {
        let _ = writeln!(std::io::stderr(), "{line}");
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the program's answers")]
fn lock(images: &Images, update: bool) -> Result<()> {
    let changes = images.renew_lock(update)?;
    for change in &changes {
        let _ = writeln!(std::io::stdout(), "{change}");
    }
    if update || changes.is_empty() {
        return Ok(());
    }
    let why = format!("{} sets differ from the mirror: run `cofferdam-image lock --update`", changes.len());
    Err(cofferdam_catalogue::Error::malformed("lock.json", why).into())
}

fn bundles(apps: &[String], get: impl Fn(&str) -> Result<Bundle>) -> Result<BTreeMap<AppId, Bundle>> {
    apps.iter().map(|a| get(a)).map(|b| b.map(|b| (b.manifest.id.clone(), b))).collect()
}

#[expect(clippy::disallowed_methods, reason = "the program's answers")]
fn print_json(value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|e| cofferdam_catalogue::Error::malformed("output", e))?;
    // A reader that closes early has what it wanted.
    let _ = writeln!(std::io::stdout(), "{text}");
    Ok(())
}
