// SPDX-License-Identifier: GPL-3.0-or-later
//! Processes of a desktop. In: a command. Out: a child that is ready, that Ctrl-C on our terminal does not
//! reach, and that dies with us.

#![expect(clippy::disallowed_types, reason = "starts the daemons")]

use crate::error::{Error, system};
use cofferdam_kit::launch::Launch;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, kill_process};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;

/// How long a daemon may take until it serves.
const READY_LIMIT: Duration = Duration::from_secs(30);

/// A daemon of the desktop.
#[derive(Debug)]
pub(crate) struct Daemon {
    /// Its name in messages.
    pub(crate) name: &'static str,
    child: tokio::process::Child,
}

impl Daemon {
    /// Starts `command`, which gets `--ready-fd N`, and waits until it says that it is ready.
    pub(crate) async fn start(name: &'static str, command: Command) -> Result<Self, Error> {
        Self::start_with(name, command, None).await
    }

    /// The same, with one more fd, whose number stands in the environment variable beside it.
    pub(crate) async fn start_with(
        name: &'static str,
        mut command: Command,
        extra: Option<(&str, OwnedFd)>,
    ) -> Result<Self, Error> {
        use std::os::unix::process::CommandExt as _;
        if let Some((variable, fd)) = &extra {
            command.env(variable, fd.as_raw_fd().to_string());
        }
        let program = PathBuf::from(command.get_program());
        let (ready, said) = pipe_with(PipeFlags::CLOEXEC).map_err(|e| system("pipe")(e.into()))?;
        command.process_group(0);
        let mut launch = Launch::new(command);
        if let Some((_, fd)) = extra {
            launch.inherit(fd);
        }
        let number = launch.inherit(said).to_string();
        launch.args(["--ready-fd", &number]);
        let child = launch
            .spawn_with(|c| tokio::process::Command::from(c).kill_on_drop(true).spawn())
            .map_err(|source| Error::Program { path: program, source })?;
        let mut daemon = Self { name, child };
        let mut ready = Receiver::from_owned_fd(ready).map_err(system("pipe"))?;
        let mut byte = [0; 1];
        match tokio::time::timeout(READY_LIMIT, ready.read(&mut byte)).await {
            Ok(Ok(1)) => Ok(daemon),
            Ok(_) => {
                let status = daemon.child.wait().await.map_err(system("wait"))?;
                Err(Error::Plain(format!(
                    "the {name} ended before it was ready ({status}); its last line says why"
                )))
            }
            Err(_late) => {
                Err(Error::Plain(format!("the {name} was not ready within {} s", READY_LIMIT.as_secs())))
            }
        }
    }

    /// Wraps a child that is known to be ready.
    pub(crate) const fn running(name: &'static str, child: tokio::process::Child) -> Self {
        Self { name, child }
    }

    /// Waits for its end.
    pub(crate) async fn wait(&mut self) -> Result<ExitStatus, Error> {
        self.child.wait().await.map_err(system("wait"))
    }

    /// Asks it to end; harmless if it has.
    pub(crate) fn terminate(&self) {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It fails only if the process has just ended.
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    /// Asks it to end, and kills it if it takes longer than `limit`.
    pub(crate) async fn finish(mut self, limit: Duration) {
        self.terminate();
        if tokio::time::timeout(limit, self.child.wait()).await.is_err() {
            tracing::warn!("the {} did not end within {} s and was killed", self.name, limit.as_secs());
            // It fails only if the process has just ended.
            let _ = self.child.kill().await;
        }
    }
}
