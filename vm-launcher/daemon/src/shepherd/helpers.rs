// SPDX-License-Identifier: GPL-3.0-or-later
//! The helper processes. In: orders to spawn and kill. Out: children with exactly their own fds, and
//! word of their end when they are reaped.

#![expect(clippy::disallowed_types, reason = "starts the helpers of its VM")]

use super::{Inbox, Input, ShepherdSpec};
use cofferdam_kit::transport;
use cofferdam_lifecycle::{Event, Helper, HelperExit, Part};
use cofferdam_machine::{Launch, Machine, Wire, Wires};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus, Stdio};
use tokio::sync::oneshot;

/// Our ends of a part's wires.
pub(crate) struct PartEnds {
    /// vhost-user, for the machine.
    pub(crate) device: OwnedFd,
    /// What we say to each other.
    pub(crate) control: OwnedFd,
    /// The VM channel, for the compositor, of the part that has one.
    pub(crate) channel: Option<OwnedFd>,
}

/// Our ends of the machine's wires.
pub(crate) struct MachineEnds {
    /// The serial console.
    pub(crate) console: OwnedFd,
    /// The agent's port.
    pub(crate) agent: OwnedFd,
    /// What the emulator says itself.
    pub(crate) stderr: tokio::process::ChildStderr,
}

/// A living helper; dropping it kills the process.
#[derive(Debug)]
pub(crate) struct Process {
    /// Its number; none if it has ended before anybody asked.
    id: Option<u32>,
    kill: Option<oneshot::Sender<()>>,
}

impl Process {
    /// Its number.
    pub(crate) const fn id(&self) -> Option<u32> {
        self.id
    }

    /// Ends it at once; [`Event::HelperExited`] follows.
    pub(crate) fn kill(&mut self) {
        if let Some(kill) = self.kill.take() {
            // The receiver is gone only when the process is.
            let _ = kill.send(());
        }
    }
}

/// Starts a part.
pub(crate) fn spawn_part(
    part: &'static Part,
    spec: &ShepherdSpec,
    inbox: &Inbox,
) -> io::Result<(Process, PartEnds)> {
    let (listener, device) = private_listener(spec, part.name)?;
    let (control, their_control) = transport::pair().map_err(io::Error::other)?;
    let mut command = Command::new(spec.libexec.join(part.program));
    command.stdin(Stdio::null());
    let mut launch = Launch::new(command);
    let listen = launch.inherit(listener).to_string();
    let control_fd = launch.inherit(their_control).to_string();
    let parent = std::process::id().to_string();
    launch.args(["--listen-fd", &listen, "--control-fd", &control_fd]);
    launch.args(["--vm", spec.record.vm.as_str(), "--parent", &parent]);
    let mut channel = None;
    if part.desktop {
        let (ours, theirs) = transport::pair().map_err(io::Error::other)?;
        let theirs = launch.inherit(theirs).to_string();
        launch.args(["--channel-fd", &theirs]);
        channel = Some(ours);
    }
    // Parts of different VMs share no user, so that one which is taken over can't signal or trace another.
    if let Some(uid) = spec.helper_uid {
        launch.args(["--uid", &uid.to_string()]);
    }
    launch.args(spec.arguments.get(part.name).into_iter().flatten());
    tracing::debug!(command = launch.describe(), part = part.name, "start");
    let child = launch.spawn_with(|c| tokio::process::Command::from(c).kill_on_drop(true).spawn())?;
    let process = watch(child, inbox, Helper::Part(part));
    Ok((process, PartEnds { device, control, channel }))
}

/// Starts the machine on its devices' sockets.
pub(crate) fn spawn_machine(
    spec: &ShepherdSpec,
    devices: Vec<Wire>,
    inbox: &Inbox,
) -> Result<(Process, MachineEnds), Box<dyn std::error::Error>> {
    let (console, guest_console) = stream_pair()?;
    let (agent, guest_agent) = stream_pair()?;
    let wires = Wires { devices, console: guest_console, agent: guest_agent };
    let launch = spec.driver.prepare(&spec.machine, wires)?;
    tracing::debug!(command = launch.describe(), "machine");
    let mut child = launch.spawn_with(|mut c| {
        c.stderr(Stdio::piped());
        tokio::process::Command::from(c).kill_on_drop(true).spawn()
    })?;
    let stderr = child.stderr.take().ok_or("no standard error")?;
    let process = watch(child, inbox, Helper::Machine);
    Ok((process, MachineEnds { console, agent, stderr }))
}

/// A listening socket for `device` that only this process can reach, and one connection to it that waits for
/// `accept`. The device wants to accept, the machine wants to be connected already.
fn private_listener(spec: &ShepherdSpec, device: &str) -> io::Result<(OwnedFd, OwnedFd)> {
    let path = spec.socket.with_extension(device);
    // Left over from a shepherd that was killed in the few microseconds below.
    if let Err(error) = std::fs::remove_file(&path)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let listener = UnixListener::bind(&path)?;
    let stream = UnixStream::connect(&path);
    std::fs::remove_file(&path)?;
    Ok((listener.into(), stream?.into()))
}

fn stream_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?)
}

fn watch(mut child: tokio::process::Child, inbox: &Inbox, helper: Helper) -> Process {
    let (kill, killed) = oneshot::channel();
    let id = child.id();
    let inbox = inbox.clone();
    tokio::spawn(async move {
        let status = tokio::select! {
            status = child.wait() => status,
            _ = killed => {
                // It fails only if the child has just been reaped; then `wait` says so.
                let _ = child.start_kill();
                child.wait().await
            }
        };
        let exit = status.map_or(HelperExit::Code(-1), exit_of);
        // A closed inbox means that the shepherd is ending anyway.
        let _ = inbox.send(Input::Vm(Event::HelperExited(helper, exit))).await;
    });
    Process { id, kill: Some(kill) }
}

fn exit_of(status: ExitStatus) -> HelperExit {
    status.code().map_or_else(|| HelperExit::Signal(status.signal().unwrap_or(0)), HelperExit::Code)
}
