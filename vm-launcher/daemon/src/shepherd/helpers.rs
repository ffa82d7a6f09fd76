// SPDX-License-Identifier: GPL-3.0-or-later
//! The helper processes. In: orders to spawn and kill. Out: children with exactly their own fds, and
//! word of their end when they are reaped.

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

/// Our ends of the gpu device's wires.
pub(crate) struct GpuEnds {
    /// vhost-user, for the machine.
    pub(crate) vhost: OwnedFd,
    /// The VM channel, for the compositor.
    pub(crate) channel: OwnedFd,
    /// The device's reports.
    pub(crate) report: OwnedFd,
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
    kill: Option<oneshot::Sender<()>>,
}

impl Process {
    /// Ends it at once; [`Event::HelperExited`] follows.
    pub(crate) fn kill(&mut self) {
        if let Some(kill) = self.kill.take() {
            // The receiver is gone only when the process is.
            let _ = kill.send(());
        }
    }
}

/// Starts the gpu device.
pub(crate) fn spawn_gpu(spec: &ShepherdSpec, inbox: &Inbox) -> io::Result<(Process, GpuEnds)> {
    let (listener, vhost) = private_listener(spec, "gpu")?;
    let (channel, device_channel) = transport::pair().map_err(other)?;
    let (report, device_report) = transport::pair().map_err(other)?;
    let mut command = Command::new(&spec.gpu);
    command.stdin(Stdio::null());
    let mut launch = Launch::new(command);
    let listen = launch.inherit(listener).to_string();
    let channel_fd = launch.inherit(device_channel).to_string();
    let report_fd = launch.inherit(device_report).to_string();
    let arena = spec.arena_mib.to_string();
    launch.args(["--listen-fd", &listen, "--channel-fd", &channel_fd, "--control-fd", &report_fd]);
    let parent = std::process::id().to_string();
    launch.args(["--arena-mib", &arena, "--vm", spec.record.vm.as_str(), "--parent", &parent]);
    launch.args(own_user(spec));
    tracing::debug!(command = launch.describe(), "gpu device");
    let child = launch.spawn_with(|c| tokio::process::Command::from(c).kill_on_drop(true).spawn())?;
    let process = watch(child, inbox, |exit| Input::Vm(Event::HelperExited(Helper::Gpu, exit)));
    Ok((process, GpuEnds { vhost, channel, report }))
}

/// Two devices of different VMs share no user, so that one which is taken over can't signal or trace another.
fn own_user(spec: &ShepherdSpec) -> Vec<String> {
    spec.helper_uid.map_or_else(Vec::new, |uid| vec!["--uid".to_owned(), uid.to_string()])
}

/// Our ends of the network gateway's wires.
pub(crate) struct NetEnds {
    /// vhost-user, for the machine.
    pub(crate) vhost: OwnedFd,
    /// Over which it gets its point sockets.
    pub(crate) control: OwnedFd,
}

/// Starts the network gateway. Its end is [`Input::NetEnded`]: a VM without it is offline and lives on.
pub(crate) fn spawn_net(spec: &ShepherdSpec, inbox: &Inbox) -> io::Result<(Process, NetEnds)> {
    let (listener, vhost) = private_listener(spec, "net")?;
    let (control, gateway_control) = transport::pair().map_err(other)?;
    let mut command = Command::new(&spec.net);
    command.stdin(Stdio::null());
    let mut launch = Launch::new(command);
    let listen = launch.inherit(listener).to_string();
    let control_fd = launch.inherit(gateway_control).to_string();
    let parent = std::process::id().to_string();
    launch.args(["--listen-fd", &listen, "--control-fd", &control_fd]);
    launch.args(["--vm", spec.record.vm.as_str(), "--parent", &parent]);
    launch.args(own_user(spec));
    if let Some(test) = &spec.test_net {
        launch.args(["--upstream-dns", &test.dns.to_string(), "--treat-as-internet", &test.internet]);
    }
    tracing::debug!(command = launch.describe(), "network gateway");
    let child = launch.spawn_with(|c| tokio::process::Command::from(c).kill_on_drop(true).spawn())?;
    let process = watch(child, inbox, |exit| Input::NetEnded(exit.to_string()));
    Ok((process, NetEnds { vhost, control }))
}

/// Starts the machine on the gpu device's socket, and the network gateway's if there is one.
pub(crate) fn spawn_machine(
    spec: &ShepherdSpec,
    vhost: OwnedFd,
    net: Option<OwnedFd>,
    inbox: &Inbox,
) -> Result<(Process, MachineEnds), Box<dyn std::error::Error>> {
    let (console, guest_console) = stream_pair()?;
    let (agent, guest_agent) = stream_pair()?;
    let sockets = [("gpu", Some(vhost)), ("net", net)];
    let wire = |(name, socket): (&str, Option<OwnedFd>)| {
        let part = Part::named(name)?;
        Some(Wire { name: part.name, device: part.device, socket: socket? })
    };
    let devices = sockets.into_iter().filter_map(wire).collect();
    let wires = Wires { devices, console: guest_console, agent: guest_agent };
    let launch = spec.driver.prepare(&spec.machine, wires)?;
    tracing::debug!(command = launch.describe(), "machine");
    let mut child = launch.spawn_with(|mut c| {
        c.stderr(Stdio::piped());
        tokio::process::Command::from(c).kill_on_drop(true).spawn()
    })?;
    let stderr = child.stderr.take().ok_or("no standard error")?;
    let process = watch(child, inbox, |exit| Input::Vm(Event::HelperExited(Helper::Machine, exit)));
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

fn other(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::other(error)
}

fn watch(
    mut child: tokio::process::Child,
    inbox: &Inbox,
    input: impl FnOnce(HelperExit) -> Input + Send + 'static,
) -> Process {
    let (kill, killed) = oneshot::channel();
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
        let _ = inbox.send(input(exit)).await;
    });
    Process { kill: Some(kill) }
}

fn exit_of(status: ExitStatus) -> HelperExit {
    status.code().map_or_else(|| HelperExit::Signal(status.signal().unwrap_or(0)), HelperExit::Code)
}
