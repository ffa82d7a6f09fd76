// SPDX-License-Identifier: GPL-3.0-or-later
//! A desktop around a real monitor: a bus of its own, a compositor's control socket that this test serves,
//! shepherds and points that speak the real wires. In: short calls. Out: the messages as they come.

#![expect(clippy::disallowed_types, reason = "starts a bus and a monitor")]

use cofferdam_control::desktop::{self, Call, FromCompositor, Reply, Request};
use cofferdam_ids::{Identity, Label};
use cofferdam_kit::launch::Launch;
use cofferdam_kit::transport;
use cofferdam_monitor_wire::point::{BEFORE, FromPoint, Ticket, ToPoint};
use cofferdam_monitor_wire::registry::{FromMonitor, Role, ToMonitor};
use cofferdam_monitor_wire::screen::{FromScreen, Prompt, ToScreen};
use cofferdam_monitor_wire::{MAX_PACKET, decode, encode};
use cofferdam_policy::{Contact, Host, Refusal, Resource, Transport, Zone};
use cofferdam_runner::blocking::Permissions;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// So long a message may take; then the test has failed.
const LIMIT: Duration = Duration::from_secs(60);

/// A socket whose packets are messages.
#[derive(Debug)]
pub(crate) struct Wire(OwnedFd);

impl Wire {
    #[expect(clippy::disallowed_methods, reason = "a message that does not come fails the test")]
    pub(crate) fn new(socket: OwnedFd) -> Self {
        rustix::io::ioctl_fionbio(&socket, false).unwrap();
        set_socket_timeout(&socket, Timeout::Recv, Some(LIMIT)).unwrap();
        set_socket_timeout(&socket, Timeout::Send, Some(LIMIT)).unwrap();
        Self(socket)
    }

    pub(crate) fn send<T: Serialize>(&self, message: &T) {
        self.send_with(message, &[]);
    }

    pub(crate) fn send_with<T: Serialize>(&self, message: &T, fds: &[BorrowedFd<'_>]) {
        transport::send_packet(self.0.as_fd(), &encode(message).unwrap(), fds).unwrap();
    }

    /// Bytes that need not be a message. Whether they went out.
    pub(crate) fn send_bytes(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> bool {
        let sent = transport::send_packet(self.0.as_fd(), bytes, fds);
        assert!(!sent.as_ref().is_err_and(transport::TransportError::would_block), "nobody takes it");
        sent.is_ok()
    }

    pub(crate) fn recv_with<T: DeserializeOwned>(&self) -> Option<(T, Vec<OwnedFd>)> {
        match transport::recv_packet(self.0.as_fd(), MAX_PACKET, 4) {
            Ok(packet) => packet.map(|(bytes, fds)| (decode(&bytes).unwrap(), fds)),
            // What was on its way when the other end was killed.
            Err(transport::TransportError::Io(rustix::io::Errno::CONNRESET)) => None,
            Err(error) => panic!("no message: {error}"),
        }
    }

    pub(crate) fn recv<T: DeserializeOwned>(&self) -> Option<T> {
        self.recv_with().map(|(message, _)| message)
    }

    /// Waits for the end of the connection, whatever comes before it.
    pub(crate) fn ends(&self) {
        while self.recv::<ToPoint>().is_some() {}
    }
}

/// A VM as its shepherd and its points see it.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) link: Wire,
    pub(crate) net: Wire,
    pub(crate) agent: Wire,
}

impl Guest {
    /// The next message to the gateway that is not about the level.
    pub(crate) fn heard(&self) -> Option<ToPoint> {
        loop {
            match self.net.recv() {
                Some(ToPoint::Level(_)) => {}
                other => return other,
            }
        }
    }

    pub(crate) fn ask(&self, serial: u32, site: &str) {
        self.net.send(&FromPoint::Ask { serial, resource: resource(site) });
    }

    /// The answer to a question of the gateway.
    pub(crate) fn verdict(&self) -> (u32, Result<Ticket, Refusal>) {
        match self.heard() {
            Some(ToPoint::Decided { serial, verdict }) => (serial, verdict),
            other => panic!("{other:?} in place of an answer"),
        }
    }
}

pub(crate) fn resource(site: &str) -> Resource {
    let host = Host::parse(site).unwrap();
    Resource::Network(Contact { host, zone: Zone::Internet, transport: Transport::Tcp, port: 443 })
}

/// The compositor's end of the wire.
#[derive(Debug)]
pub(crate) struct Screen {
    pub(crate) wire: Wire,
    _control: OwnedFd,
}

impl Screen {
    /// The next message that is no news about a VM.
    pub(crate) fn heard(&self) -> Option<ToScreen> {
        loop {
            match self.wire.recv() {
                Some(ToScreen::Standing(_) | ToScreen::IdleInhibited(_)) => {}
                other => return other,
            }
        }
    }

    pub(crate) fn prompt(&self) -> Prompt {
        match self.heard() {
            Some(ToScreen::Ask(prompt)) => prompt,
            other => panic!("{other:?} in place of a question"),
        }
    }

    pub(crate) fn answer(&self, prompt: &Prompt, answer: cofferdam_policy::Answer) {
        self.wire.send(&FromScreen::Answered { id: prompt.id, answer, silence: false });
    }
}

/// A desktop without a compositor so far.
pub(crate) struct Desktop {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) bus: String,
    dbus: Child,
    pub(crate) monitor: Child,
    arguments: Vec<String>,
}

impl Desktop {
    pub(crate) fn start() -> Self {
        Self::start_with(&["--test-clock"])
    }

    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["run", "data", "config", "admin"] {
            std::fs::create_dir(directory.path().join(name)).unwrap();
        }
        let address = format!("unix:path={}", directory.path().join("bus").display());
        let mut dbus = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--nosyslog", "--print-address=1"])
            .arg(format!("--address={address}"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon");
        let mut bus = String::new();
        BufReader::new(dbus.stdout.take().unwrap()).read_line(&mut bus).unwrap();
        let admin = directory.path().join("admin").display().to_string();
        let mut arguments: Vec<String> = arguments.iter().map(|a| (*a).to_owned()).collect();
        if arguments.iter().any(|a| a == "--test-clock") {
            arguments.extend(["--admin-rules".to_owned(), admin]);
        }
        let bus = bus.trim().to_owned();
        let monitor = spawn(&directory, &bus, &arguments).expect("a monitor");
        Self { directory, bus, dbus, monitor, arguments }
    }

    /// Kills the monitor as a crash would, and starts another one.
    pub(crate) fn crash(&mut self) {
        self.kill();
        self.revive();
    }

    /// Starts another monitor after the last one was killed.
    pub(crate) fn revive(&mut self) {
        self.monitor = spawn(&self.directory, &self.bus, &self.arguments).expect("another monitor");
    }

    pub(crate) fn kill(&mut self) {
        self.monitor.kill().unwrap();
        self.monitor.wait().unwrap();
    }

    /// A second monitor beside the first.
    pub(crate) fn second(&self) -> Option<Child> {
        spawn(&self.directory, &self.bus, &self.arguments)
    }

    pub(crate) fn runtime(&self) -> PathBuf {
        self.directory.path().join("run/cofferdam/t")
    }

    pub(crate) fn permissions(&self) -> Permissions {
        Permissions::connect(&self.bus).unwrap()
    }

    /// Becomes the compositor: waits until the monitor serves it.
    pub(crate) fn screen(&self) -> Screen {
        let path = self.runtime().join("compositor.sock");
        let listener = transport::publish(&path).unwrap();
        cofferdam_patience::readable(&listener, "the monitor to look for the compositor");
        let control = transport::accept(&listener).unwrap();
        rustix::io::ioctl_fionbio(&control, false).unwrap();
        let (call, mut fds) = transport::recv::<Call>(&control, desktop::MAX_PACKET, 4).unwrap().unwrap();
        assert_eq!(call.request, Request::ServePermissions);
        let answer = desktop::Answer { serial: call.serial, result: Ok(Reply::Done) };
        transport::send(&control, &FromCompositor::Answer(answer), &[], desktop::MAX_PACKET).unwrap();
        let screen = Screen { wire: Wire::new(fds.remove(0)), _control: control };
        assert_eq!(screen.wire.recv(), Some(ToScreen::Cut { ticket: BEFORE }));
        screen.wire.send(&FromScreen::CutDone { ticket: BEFORE });
        screen
    }

    /// A connection to the registry.
    pub(crate) fn link(&self) -> Wire {
        Wire::new(transport::connect(&self.runtime().join("monitor.sock")).unwrap())
    }

    /// A VM that the monitor knows, and whose points have yet to say that nothing of before lives.
    pub(crate) fn returning(&self, name: &str, run: u64) -> Guest {
        let link = self.link();
        let (net, monitor_net) = transport::pair().unwrap();
        let (agent, monitor_agent) = transport::pair().unwrap();
        link.send_with(&register(name, run), &[monitor_net.as_fd(), monitor_agent.as_fd()]);
        drop((monitor_net, monitor_agent));
        assert_eq!(link.recv(), Some(FromMonitor::Registered { run }));
        let guest = Guest { link, net: Wire::new(net), agent: Wire::new(agent) };
        for point in [&guest.net, &guest.agent] {
            assert_eq!(point.recv(), Some(ToPoint::Cut { ticket: BEFORE }));
        }
        guest
    }

    /// The same; its points hold nothing that an earlier monitor allowed.
    pub(crate) fn vm(&self, name: &str, run: u64) -> Guest {
        let guest = self.returning(name, run);
        for point in [&guest.net, &guest.agent] {
            point.send(&FromPoint::CutDone { ticket: BEFORE });
        }
        guest
    }
}

pub(crate) fn register(name: &str, run: u64) -> ToMonitor {
    ToMonitor::Register {
        vm: name.parse().unwrap(),
        app: name.parse().unwrap(),
        name: Label::new(name),
        identity: Identity::Green,
        parent: None,
        run: Some(run),
        points: vec![Role::Network, Role::Agent],
    }
}

/// Starts a monitor and waits until it serves; none if it ends before that.
fn spawn(directory: &tempfile::TempDir, bus: &str, arguments: &[String]) -> Option<Child> {
    let (ready, said) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
    let at = |name: &str| directory.path().join(name);
    let mut command = Command::new(env!("CARGO_BIN_EXE_cofferdam-monitord"));
    command
        .args(["--desktop", "t"])
        .args(arguments)
        .env("XDG_RUNTIME_DIR", at("run"))
        .env("XDG_DATA_HOME", at("data"))
        .env("XDG_CONFIG_HOME", at("config"))
        .env("DBUS_SESSION_BUS_ADDRESS", bus)
        .env("COFFERDAM_LOG", "warn")
        .stdin(Stdio::null());
    let mut launch = Launch::new(command);
    let number = launch.inherit(said).to_string();
    launch.args(["--ready-fd", &number]);
    let mut child = launch.spawn_with(|mut command| command.spawn()).unwrap();
    let mut byte = [0];
    if std::fs::File::from(ready).read(&mut byte).unwrap() == 1 {
        return Some(child);
    }
    assert!(!child.wait().unwrap().success());
    None
}

impl Drop for Desktop {
    fn drop(&mut self) {
        for child in [&mut self.monitor, &mut self.dbus] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
