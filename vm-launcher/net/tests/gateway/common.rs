// SPDX-License-Identifier: GPL-3.0-or-later
//! A gateway with everything around it.
//!
//! In: sites and names. Out: a guest that is online.

use cofferdam_kit::part::{FromPart, MAX_PACKET};
use cofferdam_kit::transport;
use cofferdam_monitor_wire::point::FromPoint;
use cofferdam_netguest::{Card, Features, Gateway, Guest, Monitor, Names, Options, Site, Tcp, Wire as _};
use cofferdam_policy::{Host, Level, Resource};
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::Path;

/// The gateway's own address.
pub(crate) const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);

pub(crate) struct Net {
    pub guest: Guest<Card>,
    pub monitor: Monitor,
    pub names: Names,
    pub control: OwnedFd,
    /// How many markers there were.
    markers: u8,
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
        let guest = Guest::new(card, mtu);
        let mut net = Self { guest, monitor, names, control, markers: 0 };
        if level != Level::Off {
            net.link_goes(true);
        }
        net
    }

    /// Waits until the shepherd is told that the link is up, or down.
    pub(crate) fn word_of_the_link(&mut self, up: bool) {
        loop {
            cofferdam_patience::readable(&self.control, "a word about the link");
            match transport::recv(&self.control, MAX_PACKET, 0).unwrap().unwrap().0 {
                FromPart::Fault { .. } => {}
                word => {
                    let text = if up { "the link is up" } else { "the link is down" }.to_owned();
                    return assert_eq!(word, FromPart::Notice { text });
                }
            }
        }
    }

    /// The same; one that is up answers, too.
    pub(crate) fn link_goes(&mut self, up: bool) {
        self.word_of_the_link(up);
        if up {
            self.guest.ping(GATEWAY, b"up?");
        }
    }

    /// Waits until everything has been done that follows from what was sent and said before; what the monitor
    /// heard meanwhile.
    ///
    /// Questions to the monitor keep the order of what they are about, so a question about a frame that was sent
    /// last is the last thing to be done. Its answer is behind all that the monitor said, hence a second one.
    pub(crate) fn settled(&mut self) -> Vec<FromPoint> {
        let mut heard = Vec::new();
        for _ in 0..2 {
            let marker = self.marker();
            heard.extend(self.until_asked(marker, |_, _| {}));
        }
        heard
    }

    /// An address that nobody else goes to.
    fn marker(&mut self) -> IpAddr {
        self.markers += 1;
        Ipv4Addr::new(93, 184, 217, self.markers).into()
    }

    /// Goes to an address until the monitor is asked about it, and lets it say no; what it heard before that.
    fn until_asked(
        &mut self,
        marker: IpAddr,
        mut meanwhile: impl FnMut(&Monitor, &FromPoint),
    ) -> Vec<FromPoint> {
        let mut heard = Vec::new();
        let Self { guest, monitor, .. } = self;
        let syn = crate::attacks::syn(marker, 7);
        guest.wire_send(&syn);
        guest.until("the question about a marker", |guest| {
            while let Some(message) = monitor.try_hear() {
                match message {
                    FromPoint::Ask { serial, resource: Resource::Network(contact) }
                        if contact.host == Host::Addr(marker) =>
                    {
                        monitor.deny(serial);
                        return Some(());
                    }
                    message => {
                        meanwhile(monitor, &message);
                        heard.push(message);
                    }
                }
            }
            // Held flows may have left no room for it. One that is held already is not asked about twice.
            guest.wire().send(&syn);
            None
        });
        heard
    }

    /// The same where the flows that are held have to be refused before there is room for another.
    pub(crate) fn settled_by_refusals(&mut self) -> Vec<FromPoint> {
        let marker = self.marker();
        self.until_asked(marker, |monitor, message| {
            if let FromPoint::Ask { serial, .. } = message {
                monitor.deny(*serial);
            }
        })
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
