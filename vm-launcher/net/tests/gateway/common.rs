// SPDX-License-Identifier: GPL-3.0-or-later
//! A gateway with everything around it.
//!
//! In: sites and names. Out: a guest that is online.

use cofferdam_netguest::{Card, Features, Gateway, Guest, Monitor, Names, Options, Site, Tcp};
use cofferdam_policy::Level;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

/// How long a test waits for what must not come.
pub(crate) const QUIET: Duration = Duration::from_millis(300);

pub(crate) struct Net {
    pub guest: Guest<Card>,
    pub monitor: Monitor,
    pub names: Names,
    pub control: OwnedFd,
}

impl Net {
    /// A guest whose network is at this level, in a world in which 127.0.0.0/8 is the internet.
    pub(crate) fn new(level: Level) -> Self {
        Self::with(level, Features::All, &["--treat-as-internet", "127.0.0.0/8"])
    }

    pub(crate) fn with(level: Level, features: Features, words: &[&str]) -> Self {
        let dns = |names: &Names| vec!["--upstream-dns".to_owned(), names.addr.to_string()];
        Self::start(level, features, words, dns)
    }

    /// The same with what `dns` says about the name server on the command line.
    pub(crate) fn start(
        level: Level,
        features: Features,
        words: &[&str],
        dns: impl Fn(&Names) -> Vec<String>,
    ) -> Self {
        let names = Names::start();
        let mut all = dns(&names);
        all.extend(words.iter().map(|word| (*word).to_owned()));
        let program = Path::new(env!("CARGO_BIN_EXE_cofferdam-net"));
        let gateway = Gateway::start(program, &Options { words: all });
        let (monitor, point) = Monitor::new();
        gateway.give_point(&point);
        monitor.level(level);
        let (card, control) = Card::new(gateway, features);
        let mtu = if features == Features::All { 60_000 } else { 1500 };
        let mut guest = Guest::new(card, mtu);
        // The level has arrived when names are answered.
        if level != Level::Off {
            guest.until("the link", |guest| {
                let answered = guest.ping("10.0.2.2".parse().unwrap(), b"up?", QUIET);
                answered.then_some(())
            });
        }
        Self { guest, monitor, names, control }
    }

    /// Connects to a name, says yes, and waits; the connection and the ticket.
    pub(crate) fn visit(&mut self, name: &str, port: u16) -> (Tcp, u64) {
        let to = SocketAddr::new(self.guest.lookup(name), port);
        let connection = self.guest.connect(to);
        let serial = self.question();
        let ticket = self.monitor.allow(serial, false);
        assert!(self.guest.established(connection), "{name} was allowed and is there");
        (connection, ticket)
    }

    /// The serial of the next question, while the guest goes on.
    pub(crate) fn question(&mut self) -> u32 {
        let Self { guest, monitor, .. } = self;
        guest.until("a question", |_| monitor.try_asked()).0
    }
}

/// A site that says `hello` and then sends back all it hears.
pub(crate) fn echo(addr: &str) -> Site {
    Site::open(addr, |mut stream| {
        let _ = stream.write_all(b"hello ");
        let mut bytes = [0; 65_536];
        while let Ok(n @ 1..) = stream.read(&mut bytes) {
            if stream.write_all(&bytes[..n]).is_err() {
                break;
            }
        }
    })
}

/// A site that sends without end.
pub(crate) fn fountain(addr: &str) -> Site {
    Site::open(addr, |mut stream| while stream.write_all(&[0x55; 65_536]).is_ok() {})
}
