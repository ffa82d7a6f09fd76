// SPDX-License-Identifier: GPL-3.0-or-later
//! Gateways side by side: ours, passt, and QEMU's user network (slirp).
//!
//! In: which of them can be had. Out: rows. The same guest's TCP stack drives all of them over the wire that
//! each has: ours a virtio card in shared memory with large segments, passt a stream of frames of 16 KB (with
//! which it is the fastest here), slirp a stream of frames of 1,500 bytes, as QEMU's own card gives it. Servers are on loopback. Every connection
//! through ours is asked about at a monitor's socket, whose answer is yes.

use crate::client::BenchError;
use crate::measure::median;
use crate::table::Row;
use cofferdam_catalogue::Catalogue;
use cofferdam_monitor_wire::point::FromPoint;
use cofferdam_netguest::{
    Card, Features, Gateway, Guest, Monitor, Names, Options, Site, Stream, Tcp, Wire, inheritable,
};
use cofferdam_policy::Level;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Bytes of a download or an upload.
const BULK: usize = 256 << 20;
/// Round trips of one byte.
const TRIPS: usize = 2000;
/// Connections, one after the other.
const CONNECTIONS: usize = 200;
/// Flows that are open at the same time.
const FLOWS: usize = 1000;
/// How long a gateway may take to begin.
const START: Duration = Duration::from_secs(20);
/// The gateway's address, at which the others show the host.
const HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 2, 2));

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Ours,
    Passt,
    Slirp,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Ours => "cofferdam",
            Self::Passt => "passt",
            Self::Slirp => "QEMU user network",
        }
    }
}

/// A gateway, and a guest behind it.
struct Online {
    guest: Guest<Box<dyn Wire>>,
    host: IpAddr,
    pid: u32,
    child: Option<Child>,
    _control: Option<std::os::fd::OwnedFd>,
}

impl Drop for Online {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may be gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The sites that all of them are led to.
struct Sites {
    fountain: Site,
    drain: Site,
    echo: Site,
}

impl Sites {
    fn open() -> Self {
        let block = || vec![0x55_u8; 1 << 18];
        Self {
            fountain: Site::open("127.0.0.1", move |mut stream| {
                let block = block();
                for _ in 0..BULK / block.len() {
                    if stream.write_all(&block).is_err() {
                        break;
                    }
                }
            }),
            drain: Site::open("127.0.0.1", move |mut stream| {
                let (mut block, mut left) = (block(), BULK);
                while left > 0
                    && let Ok(n @ 1..) = stream.read(&mut block)
                {
                    left = left.saturating_sub(n);
                }
                let _ = stream.write_all(b"!");
            }),
            echo: Site::open("127.0.0.1", |mut stream| {
                let mut bytes = [0; 4096];
                let _ = stream.set_nodelay(true);
                while let Ok(n @ 1..) = stream.read(&mut bytes) {
                    if stream.write_all(&bytes[..n]).is_err() {
                        break;
                    }
                }
            }),
        }
    }
}

fn ours(libexec: &Path) -> Result<Online, BenchError> {
    let program = libexec.join("cofferdam-net");
    if !program.exists() {
        return Err(BenchError::Peer(format!("{} is not there", program.display())));
    }
    let names = Names::start();
    names.set("bench.example", &["127.0.0.1"]);
    let dns = names.addr.to_string();
    let words = ["--upstream-dns", &dns, "--treat-as-internet", "127.0.0.0/8"].map(str::to_owned).to_vec();
    let gateway = Gateway::start(&program, &Options { words });
    let (mut monitor, point) = Monitor::new();
    gateway.give_point(&point);
    drop(point);
    monitor.level(Level::Internet);
    // Until the gateway ends.
    std::thread::spawn(move || {
        while let Some(message) = monitor.hear() {
            if let FromPoint::Ask { serial, .. } = message {
                monitor.allow(serial, false);
            }
        }
    });
    let (card, control) = Card::new(gateway, Features::All);
    let pid = card.process();
    let mut guest = Guest::new(Box::new(card) as Box<dyn Wire>, 60_000);
    let host = guest.lookup("bench.example");
    Ok(Online { guest, host, pid, child: None, _control: Some(control) })
}

fn passt() -> Result<Online, BenchError> {
    let (ours, theirs) = UnixStream::pair()?;
    let child = Command::new("passt")
        .args(["--foreground", "--quiet", "--fd", &inheritable(theirs.as_fd()), "--log-file", "/dev/null"])
        .args(["-a", "10.0.2.15", "-n", "24", "-g", "10.0.2.2", "-t", "none", "-u", "none"])
        .args(["--no-dhcp", "--no-ndp", "--no-ra", "--no-dhcpv6"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| BenchError::peer("passt", error))?;
    drop(theirs);
    Ok(streamed(ours, child, 16_000))
}

fn slirp() -> Result<Online, BenchError> {
    let tools = Catalogue::open(&cofferdam_catalogue::Options::default())
        .and_then(|catalogue| catalogue.load_tools());
    let tools = tools.map_err(|error| BenchError::peer("QEMU", error))?;
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("net");
    let listener = UnixListener::bind(&path)?;
    let stream = format!("stream,id=s0,server=off,addr.type=unix,addr.path={}", path.display());
    let mut child = tools
        .qemu
        .command()
        .args(["-M", "none", "-display", "none", "-nodefaults", "-netdev", "user,id=u0"])
        .args(["-netdev", "hubport,id=h0,hubid=0,netdev=u0", "-netdev", &stream])
        .args(["-netdev", "hubport,id=h1,hubid=0,netdev=s0"])
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| BenchError::peer("QEMU", error))?;
    listener.set_nonblocking(true)?;
    let until = Instant::now() + START;
    let socket = loop {
        match listener.accept() {
            Ok((socket, _)) => break socket,
            Err(_) if Instant::now() < until && child.try_wait()?.is_none() => std::thread::yield_now(),
            Err(error) => {
                let _ = child.kill();
                return Err(BenchError::peer("QEMU", error));
            }
        }
    };
    Ok(streamed(socket, child, 1500))
}

fn streamed(socket: UnixStream, child: Child, mtu: usize) -> Online {
    let guest = Guest::new(Box::new(Stream::new(socket)) as Box<dyn Wire>, mtu);
    Online { guest, host: HOST, pid: child.id(), child: Some(child), _control: None }
}

impl Online {
    fn start(kind: Kind, libexec: &Path) -> Result<Self, BenchError> {
        match kind {
            Kind::Ours => ours(libexec),
            Kind::Passt => passt(),
            Kind::Slirp => slirp(),
        }
    }

    fn connect(&mut self, site: &Site) -> Result<Tcp, BenchError> {
        let connection = self.guest.connect(SocketAddr::new(self.host, site.addr.port()));
        self.guest.until("a connection", |guest| guest.tcp(connection).may_send().then_some(()));
        Ok(connection)
    }

    /// Milliseconds of a download.
    fn download(&mut self, site: &Site) -> Result<f64, BenchError> {
        let connection = self.connect(site)?;
        let begun = Instant::now();
        let mut left = BULK;
        self.guest.until("a download", |guest| {
            let socket = guest.tcp(connection);
            while let Ok(n @ 1..) = socket.recv(|bytes| (bytes.len(), bytes.len())) {
                left = left.saturating_sub(n);
            }
            (left == 0).then_some(())
        });
        self.guest.forget(connection);
        Ok(begun.elapsed().as_secs_f64() * 1e3)
    }

    /// Milliseconds of an upload, until the site has all of it.
    fn upload(&mut self, site: &Site) -> Result<f64, BenchError> {
        let connection = self.connect(site)?;
        let (begun, block) = (Instant::now(), vec![0x66; 1 << 18]);
        let mut left = BULK;
        self.guest.until("an upload", |guest| {
            let socket = guest.tcp(connection);
            while left > 0
                && let Ok(n @ 1..) = socket.send_slice(&block[..block.len().min(left)])
            {
                left = left.saturating_sub(n);
            }
            socket.can_recv().then_some(())
        });
        self.guest.forget(connection);
        Ok(begun.elapsed().as_secs_f64() * 1e3)
    }

    /// Microseconds of a round trip of one byte, the median.
    fn latency(&mut self, site: &Site) -> Result<f64, BenchError> {
        let connection = self.connect(site)?;
        let mut trips = Vec::with_capacity(TRIPS);
        for _ in 0..TRIPS {
            let begun = Instant::now();
            self.guest.send(connection, b"x");
            self.guest.until("an echo", |guest| {
                guest
                    .tcp(connection)
                    .recv(|bytes| (bytes.len(), bytes.len()))
                    .is_ok_and(|n| n > 0)
                    .then_some(())
            });
            trips.push(begun.elapsed().as_secs_f64() * 1e6);
        }
        self.guest.forget(connection);
        Ok(median(&mut trips))
    }

    /// Microseconds until a connection stands, the median.
    fn connections(&mut self, site: &Site) -> Result<f64, BenchError> {
        let mut all = Vec::with_capacity(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            let begun = Instant::now();
            let connection = self.connect(site)?;
            all.push(begun.elapsed().as_secs_f64() * 1e6);
            self.guest.tcp(connection).abort();
            self.guest.poll();
            self.guest.forget(connection);
        }
        Ok(median(&mut all))
    }

    /// KiB of memory for each flow that is open and has carried something.
    fn memory(&mut self, site: &Site) -> Result<f64, BenchError> {
        self.guest.buffers = (4096, 4096);
        let before = own_kib(self.pid);
        let mut open = Vec::with_capacity(FLOWS);
        for _ in 0..FLOWS {
            let connection = self.connect(site)?;
            self.guest.send(connection, &[1; 1024]);
            let back = self.guest.receive(connection, 1024).len();
            if back != 1024 {
                return Err(BenchError::Peer(format!("{} flows are too many for it", open.len())));
            }
            open.push(connection);
        }
        let grown = own_kib(self.pid).saturating_sub(before);
        for connection in open {
            self.guest.tcp(connection).abort();
            self.guest.poll();
            self.guest.forget(connection);
        }
        #[allow(clippy::cast_precision_loss, reason = "some thousands")]
        Ok(grown as f64 / FLOWS as f64)
    }
}

/// KiB of a process's own memory.
fn own_kib(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// What is measured: its name, its unit, and how.
type Measure = (&'static str, &'static str, fn(&mut Online, &Sites) -> Result<f64, BenchError>);

const MEASURES: [Measure; 5] = [
    ("gateway: download of 256 MiB", "ms", |online, sites| online.download(&sites.fountain)),
    ("gateway: upload of 256 MiB", "ms", |online, sites| online.upload(&sites.drain)),
    ("gateway: round trip of one byte", "µs", |online, sites| online.latency(&sites.echo)),
    ("gateway: until a connection stands, question included", "µs", |online, sites| {
        online.connections(&sites.echo)
    }),
    ("gateway: memory for each of 1,000 flows", "KiB", |online, sites| online.memory(&sites.echo)),
];

/// Measures all gateways in turn; the second list says what could not be had.
pub(crate) fn measure(libexec: &Path, rounds: usize) -> (Vec<Row>, Vec<String>) {
    let sites = Sites::open();
    let mut samples: BTreeMap<(Kind, usize), Vec<f64>> = BTreeMap::new();
    let mut missing = Vec::new();
    for _ in 0..rounds {
        for kind in [Kind::Ours, Kind::Passt, Kind::Slirp] {
            let mut online = match Online::start(kind, libexec) {
                Ok(online) => online,
                Err(error) => {
                    missing.push(format!("gateway {}: {error}", kind.name()));
                    continue;
                }
            };
            for (index, (what, _, how)) in MEASURES.iter().enumerate() {
                match how(&mut online, &sites) {
                    Ok(value) => samples.entry((kind, index)).or_default().push(value),
                    Err(error) => missing.push(format!("{what}, {}: {error}", kind.name())),
                }
            }
        }
    }
    let mut rows = Vec::new();
    for (index, (what, unit, _)) in MEASURES.iter().enumerate() {
        let mut value = |kind| samples.get_mut(&(kind, index)).map(|values| median(values));
        let Some(ours) = value(Kind::Ours) else { continue };
        for (kind, aim) in [(Kind::Slirp, 1.0), (Kind::Passt, 2.0)] {
            if let Some(theirs) = value(kind) {
                let (what, peer) = ((*what).to_owned(), kind.name().to_owned());
                // passt leaves a flow's bytes in the kernel, whose memory is not counted here.
                let aim = (*unit != "KiB" || kind == Kind::Slirp).then_some(aim);
                rows.push(Row { what, unit, ours, peer, theirs, aim });
            }
        }
    }
    (rows, missing)
}
