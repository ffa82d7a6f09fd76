// SPDX-License-Identifier: GPL-3.0-or-later
//! Running a program in a guest and collecting what it prints. In: a proxy, a VM, words, perhaps input.
//! Out: two byte strings and how the program ended.

use cofferdam_bus::launcher::{GuestExit, LauncherProxy};
use rustix::pipe::{PipeFlags, pipe_with};
use std::os::fd::OwnedFd;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::pipe::{Receiver, Sender};

/// Most bytes kept of each stream; the rest is read and dropped.
const KEEP: u64 = 16 << 20;

/// What a program in a guest left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestOutput {
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
    /// How it ended.
    pub exit: GuestExit,
}

/// Runs `argv` beside the app of `vm`, with `input` as its standard input.
///
/// # Errors
/// In the launcher's words, or the kernel's about pipes.
pub async fn guest_run(
    proxy: &LauncherProxy<'_>,
    vm: &str,
    argv: &[String],
    input: &[u8],
) -> zbus::Result<GuestOutput> {
    let (stdin, feed) = pipe_with(PipeFlags::CLOEXEC).map_err(std::io::Error::from)?;
    let (out, stdout) = pipe()?;
    let (err, stderr) = pipe()?;
    let call = proxy.guest_run(vm, argv, stdin.into(), stdout.into(), stderr.into());
    let (exit, stdout, stderr, ()) = tokio::join!(call, read(out), read(err), write(feed, input));
    Ok(GuestOutput { stdout: stdout?, stderr: stderr?, exit: exit? })
}

/// Writes all of it, unless the program ends before: its exit code says more than our error could.
async fn write(to: OwnedFd, input: &[u8]) {
    if let Ok(mut to) = Sender::from_owned_fd(to) {
        let _ = to.write_all(input).await;
    }
}

fn pipe() -> std::io::Result<(Receiver, OwnedFd)> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
    Ok((Receiver::from_owned_fd(read)?, write))
}

async fn read(mut from: Receiver) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    (&mut from).take(KEEP).read_to_end(&mut bytes).await?;
    tokio::io::copy(&mut from, &mut tokio::io::sink()).await?;
    Ok(bytes)
}
