// SPDX-License-Identifier: GPL-3.0-or-later
//! In: a command. Out: its process with readable ends of its output and a descriptor for its end.

#![expect(clippy::disallowed_types, reason = "starts the guest's programs")]

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

use cofferdam_agent_wire::{Exit, Stream};
use rustix::io::ioctl_fionbio;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

/// How much a program may leave unread of its input before it is stopped: a test may feed it a whole
/// program to store.
const INPUT_LIMIT: usize = 32 * 1024 * 1024;
/// One message of output; also what a pipe holds at most.
pub(crate) const CHUNK: usize = 32 * 1024;

/// Whose process it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The app of the image.
    App,
    /// A program the host asked for, by the host's number.
    Run(u32),
    /// The app's program once more, to be told of an address.
    Messenger,
}

/// What a read gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Bytes.
    Data(Vec<u8>),
    /// Nothing for now.
    Later,
    /// The stream is closed.
    End,
}

/// A running program.
#[derive(Debug)]
pub(crate) struct Process {
    /// Whose it is.
    pub(crate) owner: Owner,
    /// Readable once the program has ended.
    pub(crate) pidfd: OwnedFd,
    child: Child,
    input: VecDeque<u8>,
    input_closing: bool,
    /// Output that is left unread because the host is slow.
    pub(crate) paused: bool,
}

impl Process {
    /// Starts `command`. Only a run has an input.
    pub(crate) fn spawn(owner: Owner, mut command: Command) -> io::Result<Self> {
        let input = if matches!(owner, Owner::Run(_)) { Stdio::piped() } else { Stdio::null() };
        let mut child = command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let pidfd = match watch(&child) {
            Ok(pidfd) => pidfd,
            Err(e) => {
                // Without a watch its end would go unseen; it has hardly begun.
                drop(child.kill());
                drop(child.wait());
                return Err(e);
            }
        };
        Ok(Self { owner, pidfd, child, input: VecDeque::new(), input_closing: false, paused: false })
    }

    /// Its pid in the VM.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The input, while it is open.
    pub(crate) fn stdin(&self) -> Option<&ChildStdin> {
        self.child.stdin.as_ref()
    }

    /// The descriptor of an output stream, while it is open.
    pub(crate) fn output_fd(&self, stream: Stream) -> Option<std::os::fd::BorrowedFd<'_>> {
        use std::os::fd::AsFd;
        match stream {
            Stream::Stdout => self.child.stdout.as_ref().map(AsFd::as_fd),
            Stream::Stderr => self.child.stderr.as_ref().map(AsFd::as_fd),
        }
    }

    /// Closes an output stream.
    pub(crate) fn close_output(&mut self, stream: Stream) {
        match stream {
            Stream::Stdout => self.child.stdout = None,
            Stream::Stderr => self.child.stderr = None,
        }
    }

    /// Reads at most one [`CHUNK`].
    pub(crate) fn read(&mut self, stream: Stream) -> Output {
        let mut buf = vec![0u8; CHUNK];
        let result = match stream {
            Stream::Stdout => self.child.stdout.as_mut().map(|s| s.read(&mut buf)),
            Stream::Stderr => self.child.stderr.as_mut().map(|s| s.read(&mut buf)),
        };
        match result {
            Some(Ok(count)) if count > 0 => {
                buf.truncate(count);
                Output::Data(buf)
            }
            Some(Err(e)) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                Output::Later
            }
            // A broken pipe end is as good as a closed one.
            _ => Output::End,
        }
    }

    /// Queues input, an empty slice closes it. `false` if the program left too much unread.
    pub(crate) fn push_input(&mut self, data: &[u8]) -> bool {
        if data.is_empty() {
            self.input_closing = true;
        }
        self.input.extend(data);
        self.input.len() <= INPUT_LIMIT
    }

    /// Writes queued input; `true` while some is left and the input is open.
    pub(crate) fn flush_input(&mut self) -> bool {
        let Some(stdin) = self.child.stdin.as_mut() else { return false };
        while !self.input.is_empty() {
            match stdin.write(self.input.as_slices().0) {
                Ok(count) => drop(self.input.drain(..count)),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return true,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    // It does not read any more, which is its right.
                    self.input.clear();
                    self.child.stdin = None;
                    return false;
                }
            }
        }
        if self.input_closing {
            self.child.stdin = None;
        }
        false
    }

    /// How it ended, if it has.
    pub(crate) fn exit(&mut self) -> Option<Exit> {
        self.child.try_wait().ok().flatten().map(exit_of)
    }

    /// Signals the program and whatever it started in its group.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It may have ended a moment ago.
            let _ = kill_process_group(pid, signal);
        }
    }
}

fn watch(child: &Child) -> io::Result<OwnedFd> {
    if let Some(stream) = &child.stdin {
        ioctl_fionbio(stream, true)?;
    }
    if let Some(stream) = &child.stdout {
        ioctl_fionbio(stream, true)?;
    }
    if let Some(stream) = &child.stderr {
        ioctl_fionbio(stream, true)?;
    }
    Ok(pidfd_open(Pid::from_child(child), PidfdFlags::empty())?)
}

/// How a process ended, in the terms of the wire.
pub(crate) fn exit_of(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, signal) => Exit::Signal(signal.unwrap_or(0)),
    }
}
