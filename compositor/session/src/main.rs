// SPDX-License-Identifier: GPL-3.0-or-later
//! The `cofferdam-compositor` program: started and restarted by `coffer desktop`.
//!
//! In: a command line. Out: a running compositor, or one line that says why not.

mod walls;

use clap::Parser;
use cofferdam_compositor::{AttentionKey, BackendKind, Compositor, Config, Keymap, parse_output};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use walls::Walls;

/// Bytes of a phrase file that are read.
const MAX_PHRASE_FILE: u64 = 1024;

/// Shows the windows of every VM, each inside its trust border.
#[derive(Debug, Parser)]
#[command(name = "cofferdam-compositor", version)]
struct Arguments {
    /// Desktop control socket to listen on
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Ordinary Wayland socket for trusted clients
    #[arg(long, value_name = "PATH")]
    trusted_socket: Option<PathBuf>,
    /// Where the picture goes
    #[arg(long, value_enum, default_value = "headless")]
    backend: Backend,
    /// A virtual output, such as 1280x800 or 2560x1440@1.5; can be repeated
    #[arg(long = "output", value_name = "WxH[@SCALE]")]
    outputs: Vec<String>,
    /// Theme by name
    #[arg(long, default_value = "default-dark")]
    theme: String,
    /// Inherited pipe that gets one byte when the sockets are open
    #[arg(long, value_name = "N")]
    ready_fd: Option<u32>,
    /// Keyboard layout: LAYOUT[:VARIANT[:OPTIONS]], such as de:nodeadkeys
    #[arg(long, value_name = "LAYOUT", default_value = "")]
    keymap: String,
    /// File with the person's phrase, which the desktop's own cards show
    #[arg(long, value_name = "PATH")]
    phrase_file: Option<PathBuf>,
    /// Key that only the desktop sees, such as ctrl+alt+Escape
    #[arg(long, value_name = "KEY", default_value = "ctrl+alt+Escape")]
    attention_key: AttentionKey,
    /// Wipe from memory what was pasted from one VM into another after this time
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    clipboard_wipe: u64,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Backend {
    /// Virtual outputs in memory
    Headless,
    /// A window of another desktop
    Nested,
}

impl Arguments {
    fn config(self) -> Result<Config, String> {
        let outputs = self
            .outputs
            .iter()
            .zip(1..)
            .map(|(text, n)| parse_output(text, n).map_err(|e| e.to_string()))
            .collect::<Result<Vec<_>, _>>()?;
        let mut names = self.keymap.splitn(3, ':').map(str::to_owned);
        let keymap = Keymap {
            layout: names.next().unwrap_or_default(),
            variant: names.next().unwrap_or_default(),
            options: names.next(),
        };
        let defaults = Config::default();
        let phrase = match &self.phrase_file {
            Some(path) => read_phrase(path).map_err(|e| format!("{}: {e}", path.display()))?,
            None => String::new(),
        };
        Ok(Config {
            control_socket: self.socket,
            trusted_socket: self.trusted_socket,
            backend: match self.backend {
                Backend::Headless => BackendKind::Headless,
                Backend::Nested => BackendKind::Nested,
            },
            outputs: if outputs.is_empty() { defaults.outputs.clone() } else { outputs },
            theme: self.theme,
            keymap,
            phrase,
            attention_key: self.attention_key,
            session_bus: std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some(),
            clipboard_wipe: std::time::Duration::from_secs(self.clipboard_wipe),
            ..defaults
        })
    }
}

/// The first line of a file that the person owns.
fn read_phrase(path: &std::path::Path) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_PHRASE_FILE).read_to_string(&mut text)?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

/// Tells whoever started us that clients may connect.
fn say_ready(fd: u32) -> std::io::Result<()> {
    std::fs::OpenOptions::new().write(true).open(format!("/proc/self/fd/{fd}"))?.write_all(b"\n")
}

/// Every pool of a client is an fd of ours until it is closed: as many as the kernel allows.
fn raise_fd_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    if let Err(e) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!("the limit of open files stays as it is: {e}");
    }
}

#[expect(clippy::disallowed_methods, reason = "the program's last word")]
fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("COFFERDAM_LOG")
                // smithay warns once a frame about buffers that a guest made wrong.
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,smithay=off")),
        )
        .init();
    raise_fd_limit();
    let run = || {
        let arguments = Arguments::parse();
        let ready_fd = arguments.ready_fd;
        let sockets = [arguments.socket.as_deref(), arguments.trusted_socket.as_deref()];
        let nested = !matches!(arguments.backend, Backend::Headless);
        let walls =
            Walls::put_up(nested, sockets, arguments.phrase_file.as_deref()).map_err(|e| e.to_string())?;
        let compositor = Compositor::new(arguments.config()?).map_err(|e| e.to_string())?;
        if let Some(fd) = ready_fd {
            say_ready(fd).map_err(|e| format!("fd {fd}: {e}"))?;
        }
        walls.close().map_err(|e| e.to_string())?;
        compositor.run().map_err(|e| e.to_string())
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            // There is nobody left to tell if stderr is gone too.
            let _ = writeln!(std::io::stderr(), "cofferdam-compositor: {why}");
            ExitCode::FAILURE
        }
    }
}
