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
use cofferdam_device_kit::control::Control;
use cofferdam_device_kit::poller::Ready;
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
use std::sync::Arc;
use std::time::Instant;
use tcp::Tcps;

/// How often one turn asks for events before the guest's rings get theirs.
const ROUNDS: usize = 8;

/// What a gateway is told at its start.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Name servers in place of those that the shepherd tells.
    pub upstream: Vec<SocketAddr>,
    /// Ranges that a test counts as the internet.
    pub internet: Vec<Range>,
}

/// A gateway at work.
pub struct Shell {
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
    control: Arc<Control>,
    network: Network,
    /// It was told its name servers at its start.
    own_servers: bool,
    /// Connections of the guest's to our own name server.
    name_flows: HashMap<FlowKey, FlowId>,
    next_name_flow: u64,
    start: Instant,
}

impl Shell {
    /// A gateway that knows nothing and lets nothing through.
    ///
    /// # Errors
    /// If the kernel refuses.
    #[expect(clippy::disallowed_methods, reason = "the core is told the time here")]
    pub fn new(config: Config, network: Network, control: Arc<Control>) -> Result<Self, Errno> {
        let poller = Poller::new()?;
        let mut chance = [0; 8];
        rustix::rand::getrandom(&mut chance, rustix::rand::GetRandomFlags::empty())?;
        poller.add(network.as_fd(), Source::Network, EventFlags::IN)?;
        let mut shell = Self {
            gate: Gate::new(config.internet),
            faults: Faults::default(),
            fragments: Fragments::default(),
            tcps: Tcps::new(u64::from_ne_bytes(chance)),
            datagrams: Datagrams::default(),
            own_servers: !config.upstream.is_empty(),
            resolver: Resolver::new(config.upstream),
            poller,
            point: None,
            lost: Vec::new(),
            control,
            network,
            name_flows: HashMap::new(),
            next_name_flow: 0,
            start: Instant::now(),
        };
        // Before the first name is looked up.
        shell.network_ready();
        Ok(shell)
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

    #[expect(clippy::disallowed_methods, reason = "the core is told the time here")]
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
        self.poller.numbers.waker().wake();
    }

    /// Has [`Self::events`] called again soon.
    pub fn wake(&self) {
        self.poller.numbers.waker().wake();
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
            for (source, ready) in ready {
                self.event(source, ready, link);
            }
            self.effects(link);
            if !more {
                return;
            }
        }
        self.poller.numbers.waker().wake();
    }

    fn event(&mut self, source: Source, ready: Ready, link: &mut dyn Link) {
        let now = self.now();
        match source {
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
            Source::Point => self.point_ready(ready.is_readable()),
            Source::Network => self.network_ready(),
            Source::Wake => self.poller.numbers.acknowledge_wake(),
            Source::Timer => {
                self.poller.numbers.acknowledge_timer();
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

    /// The shepherd hands over a new socket to the monitor. [`Self::events`] must follow.
    pub fn set_point(&mut self, socket: OwnedFd) {
        self.lose_point();
        match Point::new(socket, &self.poller) {
            Ok(point) => self.point = Some(point),
            Err(error) => tracing::error!("the monitor's socket: {error}"),
        }
    }

    /// The computer's name servers are these now. [`Self::events`] must follow.
    pub fn set_name_servers(&mut self, words: &[String]) {
        let now = self.now();
        match resolve::servers(words) {
            _ if self.own_servers => {}
            Some(servers) => {
                for answer in self.resolver.set_servers(servers, &self.poller, now) {
                    self.answered(&answer);
                }
            }
            None => tracing::error!("the shepherd names no name servers"),
        }
    }

    /// Tells the shepherd how the link is.
    fn tell_link(&self, up: bool) {
        tracing::info!(up, "link");
        self.control.notice(if up { "the link is up" } else { "the link is down" });
    }

    fn arm(&mut self) {
        let now = self.now();
        let deadlines = [self.gate.poll_timeout(), self.tcps.poll_timeout(), self.resolver.poll_timeout()];
        let deadline = deadlines.into_iter().flatten().min();
        if let Err(error) = self.poller.numbers.arm(deadline, now) {
            tracing::error!("timer: {error}");
        }
    }
}

impl AsRawFd for Shell {
    fn as_raw_fd(&self) -> RawFd {
        self.poller.numbers.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::Nowhere;
    use cofferdam_kit::transport;
    use rustix::net::RecvFlags;

    #[test]
    fn a_monitor_sees_the_close_when_everything_has_ended() {
        let (control, _shepherd) = transport::pair().unwrap();
        let (point, monitor) = transport::pair().unwrap();
        let network = Network::open().unwrap();
        let control = Arc::new(Control::new(control).unwrap());
        let mut shell = Shell::new(Config::default(), network, control).unwrap();
        shell.set_point(point);
        let seen = || rustix::net::recv(&monitor, &mut [0_u8; 16], RecvFlags::DONTWAIT).map(|(n, _)| n);
        shell.lose_point();
        // What was ready behind it in the same batch still comes to flows that live.
        assert_eq!(seen(), Err(Errno::AGAIN));
        shell.effects(&mut Nowhere);
        assert_eq!(seen(), Ok(0));
    }
}
