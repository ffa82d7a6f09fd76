// SPDX-License-Identifier: GPL-3.0-or-later
//! The gateway with real sockets around its core: what a VM, a test and a benchmark all run.
//!
//! In: frames of a guest, readiness of sockets, packets of the monitor, time. Out: frames to the guest,
//! connections to the world, packets to the monitor. One thread; nothing in here blocks.

mod datagram;
mod effects;
mod frames;
mod greeting;
mod network;
mod point;
mod poller;
mod port;
mod resolve;
mod sockets;
mod tcp;

pub use network::Network;
pub use tcp::{FROM_GUEST, TO_GUEST};

use crate::link::Link;
use crate::vhost::Abilities;
use cofferdam_kit::transport;
use cofferdam_monitor_wire::point::{FromPoint, ToPoint};
use cofferdam_net_core::fragment::Fragments;
use cofferdam_net_core::zones::Range;
use cofferdam_net_core::{Fault, Faults, FlowId, FlowKey, Gate};
use core::net::SocketAddr;
use core::time::Duration;
use datagram::Datagrams;
use point::Point;
use poller::{Poller, Source};
use resolve::Resolver;
use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use std::collections::HashMap;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::time::Instant;
use tcp::Tcps;

/// How often one turn asks for events before the guest's rings get theirs.
const ROUNDS: usize = 8;
/// Longest packet of the shepherd.
const CONTROL: usize = 512;

/// What a gateway is told at its start.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Name servers in place of those that the shepherd tells.
    pub upstream: Vec<SocketAddr>,
    /// Ranges that a test counts as the internet.
    pub internet: Vec<Range>,
}

/// A gateway at work.
pub struct Host {
    gate: Gate,
    faults: Faults,
    fragments: Fragments,
    tcps: Tcps,
    datagrams: Datagrams,
    resolver: Resolver,
    poller: Poller,
    point: Option<Point>,
    /// Points that were lost in this turn: their sockets close when what followed is done, since a monitor takes
    /// the close for the end of everything.
    lost: Vec<Point>,
    control: OwnedFd,
    network: Network,
    /// It was told its name servers at its start.
    own_servers: bool,
    /// Connections of the guest's to our own name server.
    name_flows: HashMap<FlowKey, FlowId>,
    next_name_flow: u64,
    /// The shepherd is gone.
    over: bool,
    start: Instant,
}

impl Host {
    /// A gateway that knows nothing and lets nothing through.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn new(
        config: Config,
        network: Network,
        control: OwnedFd,
        point: Option<OwnedFd>,
    ) -> Result<Self, Errno> {
        let poller = Poller::new()?;
        rustix::io::ioctl_fionbio(&control, true)?;
        poller.add(control.as_fd(), Source::Control, EventFlags::IN)?;
        let point = point.map(|socket| Point::new(socket, &poller)).transpose()?;
        let mut chance = [0; 8];
        rustix::rand::getrandom(&mut chance, rustix::rand::GetRandomFlags::empty())?;
        poller.add(network.as_fd(), Source::Network, EventFlags::IN)?;
        let mut host = Self {
            gate: Gate::new(config.internet),
            faults: Faults::default(),
            fragments: Fragments::default(),
            tcps: Tcps::new(u64::from_ne_bytes(chance)),
            datagrams: Datagrams::default(),
            own_servers: !config.upstream.is_empty(),
            resolver: Resolver::new(config.upstream),
            poller,
            point,
            lost: Vec::new(),
            control,
            network,
            name_flows: HashMap::new(),
            next_name_flow: 0,
            over: false,
            start: Instant::now(),
        };
        // Before the first name is looked up.
        host.network_ready();
        Ok(host)
    }

    fn network_ready(&mut self) {
        if self.network.read() {
            self.gate.set_nets(self.network.nets().ranges());
        }
    }

    /// Whether the guest is to see a network.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.gate.is_up()
    }

    /// Whether the shepherd is gone, and the gateway with it.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.over
    }

    /// How many flows there are, held and denied ones included.
    #[must_use]
    pub fn flows(&self) -> usize {
        self.gate.flows()
    }

    /// The guest's mistakes.
    #[must_use]
    pub const fn faults(&self) -> &Faults {
        &self.faults
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Counts a mistake of the guest's.
    pub fn fault(&mut self, fault: Fault) {
        if self.faults.count(fault) {
            tracing::warn!(count = self.faults.of(fault), "guest: {fault}");
        }
    }

    /// A guest's driver begins, with these abilities; what an earlier one had is gone.
    pub fn guest_begins(&mut self, abilities: Abilities) {
        self.tcps.begin(abilities);
        self.datagrams.begin();
        self.name_flows.clear();
        self.gate.guest_gone();
        self.fragments = Fragments::default();
        self.poller.wake();
    }

    /// Has [`Self::events`] called again soon.
    pub fn wake(&self) {
        self.poller.wake();
    }

    /// Handles what is ready.
    pub fn events(&mut self, link: &mut dyn Link) {
        for _ in 0..ROUNDS {
            let (ready, more) = match self.poller.ready() {
                Ok(ready) => ready,
                Err(error) => {
                    tracing::error!("event loop: {error}");
                    return;
                }
            };
            for ready in ready {
                self.event(ready, link);
            }
            self.effects(link);
            if !more {
                return;
            }
        }
        self.poller.wake();
    }

    fn event(&mut self, ready: poller::Ready, link: &mut dyn Link) {
        let now = self.now();
        match ready.source {
            Source::Flow(id) if self.tcps.has(id) => {
                let attempt = self.tcps.ready(id, ready, &self.poller);
                self.attempted(id, attempt, link);
            }
            Source::Flow(id) => self.datagram_ready(id, link),
            Source::Question(id) => {
                if let Some(answer) = self.resolver.ready(id, &self.poller, now) {
                    self.answered(&answer);
                }
            }
            Source::Point => self.point_ready(ready.readable),
            Source::Control => self.control_ready(),
            Source::Network => self.network_ready(),
            Source::Wake => self.poller.acknowledge_wake(),
            Source::Timer => {
                self.poller.acknowledge_timer();
                self.gate.expire(now);
                self.tcps.expire(now);
                for answer in self.resolver.expire(&self.poller, now) {
                    self.answered(&answer);
                }
            }
        }
    }

    fn point_ready(&mut self, readable: bool) {
        let now = self.now();
        let Some(point) = &mut self.point else { return };
        if point.write(&self.poller).is_err() {
            self.lose_point();
            return;
        }
        if !readable {
            return;
        }
        let Ok(messages) = point.read() else {
            self.lose_point();
            return;
        };
        for message in messages {
            match message {
                ToPoint::Decided { serial, verdict } => self.gate.decided(serial, verdict, now),
                ToPoint::Checked { serial, verdict } => self.gate.checked(serial, verdict),
                ToPoint::Cut { ticket } => self.gate.cut(ticket),
                ToPoint::Level(level) => self.gate.set_level(level),
                // Portals are not ours.
                ToPoint::PortalDone { .. } => {}
            }
        }
    }

    /// Without a monitor nothing is allowed.
    fn lose_point(&mut self) {
        self.lost.extend(self.point.take());
        self.gate.monitor_lost();
    }

    fn say(&mut self, message: &FromPoint) {
        let Some(point) = &mut self.point else { return };
        if point.say(message, &self.poller).is_err() {
            self.lose_point();
        }
    }

    /// The shepherd hands over a new socket to the monitor, tells of name servers, or is gone.
    fn control_ready(&mut self) {
        match transport::recv_packet(self.control.as_fd(), CONTROL, 1) {
            Ok(Some((bytes, mut sockets))) => {
                let Some(socket) = sockets.pop() else { return self.name_servers(&bytes) };
                self.lose_point();
                match Point::new(socket, &self.poller) {
                    Ok(point) => self.point = Some(point),
                    Err(error) => tracing::error!("the monitor's socket: {error}"),
                }
            }
            Err(error) if error.would_block() => {}
            Ok(None) | Err(_) => {
                self.over = true;
                self.lose_point();
            }
        }
    }

    /// The computer's name servers are these now.
    fn name_servers(&mut self, bytes: &[u8]) {
        let now = self.now();
        let servers = bytes.strip_prefix(b"N").and_then(resolve::servers);
        match servers {
            _ if self.own_servers => {}
            Some(servers) => {
                for answer in self.resolver.set_servers(servers, &self.poller, now) {
                    self.answered(&answer);
                }
            }
            None => tracing::error!("the shepherd is not understood"),
        }
    }

    /// Tells the shepherd how the link is, if it listens.
    fn tell_link(&self, up: bool) {
        tracing::info!(up, "link");
        // It may not want to know.
        let _ = transport::send_packet(self.control.as_fd(), if up { b"U" } else { b"D" }, &[]);
    }

    fn arm(&mut self) {
        let now = self.now();
        let deadlines = [self.gate.poll_timeout(), self.tcps.poll_timeout(), self.resolver.poll_timeout()];
        let deadline = deadlines.into_iter().flatten().min();
        if let Err(error) = self.poller.arm(deadline, now) {
            tracing::error!("timer: {error}");
        }
    }
}

impl AsRawFd for Host {
    fn as_raw_fd(&self) -> RawFd {
        self.poller.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::RecvFlags;

    /// A guest without a driver: nothing has a place.
    struct Absent;

    impl Link for Absent {
        fn has_room(&mut self, _bytes: usize) -> bool {
            false
        }

        fn send(&mut self, _frame: &[u8], _offload: crate::vhost::Offload) -> bool {
            false
        }

        fn abilities(&self) -> Abilities {
            Abilities::default()
        }
    }

    #[test]
    fn a_monitor_sees_the_close_when_everything_has_ended() {
        let (control, _shepherd) = transport::pair().unwrap();
        let (point, monitor) = transport::pair().unwrap();
        let network = Network::open().unwrap();
        let mut host = Host::new(Config::default(), network, control, Some(point)).unwrap();
        let seen = || rustix::net::recv(&monitor, &mut [0_u8; 16], RecvFlags::DONTWAIT).map(|(n, _)| n);
        host.lose_point();
        // What was ready behind it in the same batch still comes to flows that live.
        assert_eq!(seen(), Err(Errno::AGAIN));
        host.effects(&mut Absent);
        assert_eq!(seen(), Ok(0));
    }
}
