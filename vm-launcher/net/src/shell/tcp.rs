// SPDX-License-Identifier: GPL-3.0-or-later
//! TCP flows: the guest's connection ends here, ours begins, bytes are carried across.
//!
//! In: segments of the guest, readiness of sockets, what the gate decided. Out: segments to the guest, bytes to
//! sockets. Each flow is a stack of its own with two buffers; neither side is read while the other's buffer
//! is full, so a flow never holds more than those, and a thousand flows cost a segment of one nothing.

use super::greeting::{Greeting, greet};
use super::poller::Poller;
use super::port::{LARGE, Port, capabilities};
use super::sockets;
use crate::link::{Link, Nowhere};
use crate::vhost::Abilities;
use carry::carry;
use cofferdam_device_kit::poller::Ready;
use cofferdam_net_core::names::Names;
use cofferdam_net_core::packet::Tcp;
use cofferdam_net_core::plan::Mac;
use cofferdam_net_core::{Fault, FlowId};
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use rustix::io::Errno;
use smoltcp::iface::{Config, Interface, PollResult, SocketHandle, SocketSet};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpListenEndpoint};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::os::fd::{AsFd, OwnedFd};

/// Bytes of a flow from the guest that are kept here.
pub const FROM_GUEST: usize = 128 * 1024;
/// Bytes of a flow to the guest that are kept here, until the guest has them.
pub const TO_GUEST: usize = 256 * 1024;
/// What each of the two is for a flow that finds this many others: a guest that opens thousands gets narrow ones.
const NARROW: usize = 24 * 1024;
/// How many flows have wide ones.
const WIDE: usize = 256;
/// Headers of a segment, generously.
const HEADERS: usize = 128;
/// How long the acknowledgement of a little thing waits for an answer that takes it along, where the far end is
/// that quick: one frame less for each question and answer.
const ANSWER: Duration = Duration::from_millis(1);
/// How often a flow whose clock has stopped is probed.
const PROBE: smoltcp::time::Duration = smoltcp::time::Duration::from_millis(100);
/// The guest's segment size must lie between these.
const MSS: (u16, u16) = (88, 1460);

/// The far end of a flow.
#[derive(Debug)]
enum Peer {
    /// Nobody yet.
    Nobody,
    /// A connection under way, and where to try next.
    Connecting(OwnedFd, VecDeque<SocketAddr>),
    /// A connection.
    Live(OwnedFd),
    /// Our own name server: what there is of a question.
    Dns(Vec<u8>),
}

#[derive(Debug)]
struct Flow {
    segment: Tcp,
    /// The guest's newest SYN, until it is answered.
    syn: Vec<u8>,
    stack: Option<(SocketSet<'static>, SocketHandle)>,
    peer: Peer,
    large: bool,
    /// It has wide buffers.
    wide: bool,
    mss: u16,
    /// The first bytes were not looked at yet.
    greeting: bool,
    readable: bool,
    writable: bool,
    /// What there is to read may be more than one read gives.
    special: bool,
    /// When the guest said the last little thing that was not answered yet.
    spoke: Option<Duration>,
    /// The last one was answered so soon that the answer could acknowledge it.
    chats: bool,
    /// The far end has said all.
    heard: bool,
    /// The far end was told that the guest has said all.
    told: bool,
    timer: Option<Duration>,
    queued: bool,
}

/// What a turn of a flow came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Turn {
    /// Bytes to the guest.
    pub(super) bytes_in: u64,
    /// Bytes from the guest.
    pub(super) bytes_out: u64,
    /// How it ended, if it did.
    pub(super) over: Option<Over>,
}

/// How a flow ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// By one of its ends.
    Closed,
    /// The first bytes are a TLS hello for another server.
    Mismatch,
    /// The first bytes are a broken TLS hello, or a name question is.
    Fault(Fault),
}

/// What a connection attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt {
    /// It goes on.
    Going,
    /// It stands.
    Stands,
    /// The far end refused it.
    Refused,
    /// Nobody answered.
    Unreachable,
}

/// All TCP flows.
pub(super) struct Tcps {
    small: Interface,
    large: Interface,
    flows: HashMap<FlowId, Flow>,
    timers: BTreeSet<(Duration, FlowId)>,
    queue: VecDeque<FlowId>,
    /// Flows that found no room in the guest's ring.
    starved: VecDeque<FlowId>,
    /// How many have wide buffers.
    wide: usize,
    scratch: Vec<u8>,
    /// The guest's card.
    pub(super) mac: Mac,
    abilities: Abilities,
}

fn interface(large: bool, seed: u64) -> Interface {
    let mut config = Config::new(HardwareAddress::Ip);
    config.random_seed = seed;
    let (mut link, mut scratch) = (Nowhere, Vec::new());
    let mut port = Port {
        link: &mut link,
        packet: None,
        scratch: &mut scratch,
        mac: Mac::default(),
        large,
        mss: 0,
        most: 0,
        starved: false,
    };
    debug_assert_eq!(capabilities(large).max_transmission_unit > 1500, large);
    let mut interface = Interface::new(config, &mut port, Instant::ZERO);
    interface.set_any_ip(true);
    interface
}

fn instant(now: Duration) -> Instant {
    Instant::from_micros(i64::try_from(now.as_micros()).unwrap_or(i64::MAX))
}

impl Tcps {
    /// No flows. `seed` is chance.
    #[must_use]
    pub(super) fn new(seed: u64) -> Self {
        Self {
            small: interface(false, seed),
            large: interface(true, seed.rotate_left(32)),
            flows: HashMap::new(),
            timers: BTreeSet::new(),
            queue: VecDeque::new(),
            starved: VecDeque::new(),
            wide: 0,
            scratch: Vec::new(),
            mac: cofferdam_net_core::plan::GUEST_MAC,
            abilities: Abilities::default(),
        }
    }

    /// The guest's driver begins anew: flows of the old one are gone with it.
    pub(super) fn begin(&mut self, abilities: Abilities) {
        self.abilities = abilities;
        self.flows.clear();
        self.timers.clear();
        self.queue.clear();
        self.starved.clear();
        self.wide = 0;
    }

    /// Whether this is one of them.
    #[must_use]
    pub(super) fn has(&self, id: FlowId) -> bool {
        self.flows.contains_key(&id)
    }

    /// Keeps a SYN until the flow is allowed and its far end has answered.
    pub(super) fn hold(&mut self, id: FlowId, segment: Tcp, packet: &[u8]) {
        let large = match segment.guest.ip() {
            IpAddr::V4(_) => self.abilities.large4,
            IpAddr::V6(_) => self.abilities.large6,
        };
        let mss = segment.mss.unwrap_or(536).clamp(MSS.0, MSS.1);
        let flow = Flow {
            segment,
            syn: packet.to_vec(),
            stack: None,
            peer: Peer::Nobody,
            large,
            wide: false,
            mss: if segment.guest.is_ipv6() { mss.min(1440) } else { mss },
            greeting: true,
            readable: false,
            writable: false,
            special: false,
            spoke: None,
            chats: false,
            heard: false,
            told: false,
            timer: None,
            queued: false,
        };
        self.flows.entry(id).or_insert(flow);
    }

    /// A connection of the guest's to our own name server.
    pub(super) fn serve_names(&mut self, id: FlowId) {
        if let Some(flow) = self.flows.get_mut(&id) {
            flow.peer = Peer::Dns(Vec::new());
            flow.greeting = false;
            self.accept(id);
        }
    }

    /// Connects a flow to the first of `to` that answers.
    pub(super) fn connect(&mut self, id: FlowId, to: Vec<SocketAddr>, poller: &Poller) -> Attempt {
        let Some(flow) = self.flows.get_mut(&id) else { return Attempt::Going };
        let mut to: VecDeque<_> = to.into();
        // The guest's own version of IP is the likelier one to work.
        to.make_contiguous().sort_by_key(|addr| addr.is_ipv4() != flow.segment.guest.is_ipv4());
        try_next(flow, id, to, poller, Attempt::Unreachable)
    }

    /// A socket is ready.
    pub(super) fn ready(&mut self, id: FlowId, ready: Ready, poller: &Poller) -> Attempt {
        let Some(flow) = self.flows.get_mut(&id) else { return Attempt::Going };
        // An end shows itself to who writes, too.
        let writable = ready.is_writable() || ready.is_hung_up();
        flow.readable |= ready.is_readable();
        flow.writable |= writable;
        flow.special |= ready.is_special();
        match std::mem::replace(&mut flow.peer, Peer::Nobody) {
            Peer::Connecting(fd, rest) if writable => {
                let end = match rustix::net::sockopt::socket_error(&fd) {
                    Ok(Ok(())) => {
                        // The events that came before belong to the attempt.
                        (flow.readable, flow.writable) = (true, true);
                        flow.peer = Peer::Live(fd);
                        self.accept(id);
                        return Attempt::Stands;
                    }
                    Ok(Err(Errno::CONNREFUSED)) => Attempt::Refused,
                    _ => Attempt::Unreachable,
                };
                drop(fd);
                try_next(flow, id, rest, poller, end)
            }
            peer => {
                flow.peer = peer;
                self.queue(id);
                Attempt::Going
            }
        }
    }

    /// Answers the guest's SYN.
    fn accept(&mut self, id: FlowId) {
        let Some(flow) = self.flows.get_mut(&id) else { return };
        let wide = self.wide < WIDE;
        self.wide = self.wide.saturating_add(usize::from(wide));
        flow.wide = wide;
        let (from, to) = if wide { (FROM_GUEST, TO_GUEST) } else { (NARROW, NARROW) };
        let mut socket = Socket::new(SocketBuffer::new(vec![0; from]), SocketBuffer::new(vec![0; to]));
        socket.set_nagle_enabled(false);
        socket.set_ack_delay(None);
        let remote = flow.segment.remote;
        let at = IpListenEndpoint { addr: Some(remote.ip().into()), port: remote.port() };
        if let Err(error) = socket.listen(at) {
            tracing::error!("no listening at {remote}: {error}");
            return;
        }
        let mut sockets = SocketSet::new(Vec::with_capacity(1));
        let handle = sockets.add(socket);
        flow.stack = Some((sockets, handle));
        if flow.large
            && let Some(at) = flow.segment.mss_at
        {
            // The stack may write segments as long as packets go; the guest's card cuts them.
            let end = flow.syn.len().saturating_sub(flow.segment_len()).saturating_add(at);
            if let Some(mss) = flow.syn.get_mut(end..end.saturating_add(2)) {
                mss.copy_from_slice(&u16::MAX.to_be_bytes());
            }
        }
        self.queue(id);
    }

    fn queue(&mut self, id: FlowId) {
        if let Some(flow) = self.flows.get_mut(&id)
            && !flow.queued
        {
            flow.queued = true;
            self.queue.push_back(id);
        }
    }

    /// A segment of the guest's for a flow.
    pub(super) fn segment(
        &mut self,
        id: FlowId,
        segment: &Tcp,
        packet: &[u8],
        link: &mut dyn Link,
        now: Duration,
    ) {
        let Some(flow) = self.flows.get_mut(&id) else { return };
        if flow.stack.is_none() {
            if segment.opens {
                flow.syn = packet.to_vec();
                flow.segment = *segment;
            }
            return;
        }
        flow.heard_of(segment, now);
        self.feed(id, packet, link, now);
        self.queue(id);
    }

    fn feed(&mut self, id: FlowId, packet: &[u8], link: &mut dyn Link, now: Duration) {
        let Some(flow) = self.flows.get_mut(&id) else { return };
        let Some((sockets, _)) = &mut flow.stack else { return };
        let interface = if flow.large { &mut self.large } else { &mut self.small };
        let mut port = Port {
            link,
            packet: Some(packet),
            scratch: &mut self.scratch,
            mac: self.mac,
            large: flow.large,
            mss: flow.mss,
            most: HEADERS,
            starved: false,
        };
        interface.poll_ingress_single(instant(now), &mut port, sockets);
    }

    /// The next flow that has something to do.
    pub(super) fn next(&mut self) -> Option<FlowId> {
        let id = self.queue.pop_front()?;
        if let Some(flow) = self.flows.get_mut(&id) {
            flow.queued = false;
        }
        Some(id)
    }

    /// Carries bytes across and lets the stack answer. `name`: the server that was allowed.
    pub(super) fn turn(
        &mut self,
        id: FlowId,
        name: &str,
        names: &mut Names,
        link: &mut dyn Link,
        now: Duration,
    ) -> Turn {
        let mut turn = Turn::default();
        let Some(flow) = self.flows.get_mut(&id) else { return turn };
        let syn = std::mem::take(&mut flow.syn);
        if flow.stack.is_some() && !syn.is_empty() {
            self.feed(id, &syn, link, now);
        } else {
            flow.syn = syn;
        }
        let Some(flow) = self.flows.get_mut(&id) else { return turn };
        let Some((sockets, handle)) = &mut flow.stack else { return turn };
        let socket = sockets.get_mut::<Socket<'_>>(*handle);
        if flow.greeting {
            match greet(socket, name) {
                Greeting::Wait => {}
                Greeting::Go => flow.greeting = false,
                Greeting::Stop(over) => {
                    turn.over = Some(over);
                    return turn;
                }
            }
        }
        carry(flow, names, &mut turn);
        flow.answered(turn.bytes_in, now);
        self.answer(id, link, now, &mut turn);
        turn
    }

    /// Lets the stack of a flow send what it has to, and sets its timer.
    fn answer(&mut self, id: FlowId, link: &mut dyn Link, now: Duration, turn: &mut Turn) {
        let Some(flow) = self.flows.get_mut(&id) else { return };
        let Some((sockets, handle)) = &mut flow.stack else { return };
        let interface = if flow.large { &mut self.large } else { &mut self.small };
        let most = sockets.get_mut::<Socket<'_>>(*handle).send_queue().saturating_add(HEADERS);
        let mut port = Port {
            link,
            packet: None,
            scratch: &mut self.scratch,
            mac: self.mac,
            large: flow.large,
            mss: flow.mss,
            most: most.min(if flow.large { LARGE } else { 1500 }),
            starved: false,
        };
        while interface.poll_egress(instant(now), &mut port, sockets) == PollResult::SocketStateChanged {}
        let starved = port.starved;
        let socket = sockets.get_mut::<Socket<'_>>(*handle);
        let drained = socket.recv_queue() == 0 || !matches!(flow.peer, Peer::Live(_));
        if matches!(socket.state(), State::Closed | State::TimeWait) && drained {
            turn.over = Some(Over::Closed);
        }
        let mut wish = interface.poll_at(instant(now), sockets);
        let socket = sockets.get_mut::<Socket<'_>>(*handle);
        let waits = socket.send_queue() > 0;
        if wish.is_none() && waits && !starved {
            // The stack stops its clock when a closed window opens again, also if bytes it had sent before
            // were lost; probes draw answers that make it send those again.
            socket.set_keep_alive(Some(PROBE));
            wish = interface.poll_at(instant(now), sockets);
        } else if !waits && socket.keep_alive().is_some() {
            socket.set_keep_alive(None);
        }
        let at = wish.filter(|_| !starved).map(|at| {
            let at = Duration::from_micros(u64::try_from(at.total_micros()).unwrap_or(0));
            // "At once" was just tried.
            at.max(now.saturating_add(Duration::from_millis(1)))
        });
        if let Some(old) = std::mem::replace(&mut flow.timer, at) {
            self.timers.remove(&(old, id));
        }
        if let Some(at) = at {
            self.timers.insert((at, id));
        }
        if starved {
            self.starved.push_back(id);
        }
    }

    /// There may be room in the guest's ring again.
    pub(super) fn feed_starved(&mut self) {
        while let Some(id) = self.starved.pop_front() {
            self.queue(id);
        }
    }

    /// When [`Self::expire`] has something to do.
    #[must_use]
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Queues flows whose timer is due.
    pub(super) fn expire(&mut self, now: Duration) {
        while let Some((at, id)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.timers.remove(&(at, id));
            if let Some(flow) = self.flows.get_mut(&id) {
                flow.timer = None;
            }
            self.queue(id);
        }
    }

    /// Ends a flow: nothing of it is kept, nothing of it is sent but a reset if that is wished. Its SYN, if it
    /// was not answered yet.
    pub(super) fn end(
        &mut self,
        id: FlowId,
        reset: bool,
        link: &mut dyn Link,
        now: Duration,
    ) -> Option<(Tcp, Vec<u8>)> {
        if reset
            && let Some(flow) = self.flows.get_mut(&id)
            && let Some((sockets, handle)) = &mut flow.stack
        {
            sockets.get_mut::<Socket<'_>>(*handle).abort();
            self.answer(id, link, now, &mut Turn::default());
        }
        let flow = self.flows.remove(&id)?;
        self.wide = self.wide.saturating_sub(usize::from(flow.wide));
        if let Some(at) = flow.timer {
            self.timers.remove(&(at, id));
        }
        flow.stack.is_none().then_some((flow.segment, flow.syn))
    }
}

impl Flow {
    /// A segment of the guest's comes: whether it is acknowledged at once.
    fn heard_of(&mut self, segment: &Tcp, now: Duration) {
        let little = segment.span > 0 && segment.span < u32::from(self.mss);
        if little {
            self.spoke = Some(now);
        }
        if let Some((sockets, handle)) = &mut self.stack {
            let delay = (little && self.chats).then_some(ANSWER.into());
            sockets.get_mut::<Socket<'_>>(*handle).set_ack_delay(delay);
        }
    }

    /// The far end has said so much.
    fn answered(&mut self, bytes: u64, now: Duration) {
        if bytes > 0
            && let Some(at) = self.spoke.take()
        {
            self.chats = now.saturating_sub(at) < ANSWER;
        }
    }

    /// Bytes of the SYN behind its IP header: all of it, options included, since it has no data.
    fn segment_len(&self) -> usize {
        let header = if self.segment.guest.is_ipv4() { 20 } else { 40 };
        let ihl = match self.syn.first() {
            Some(first) if first >> 4 == 4 => usize::from(first & 0x0f) * 4,
            _ => header,
        };
        self.syn.len().saturating_sub(ihl)
    }
}

fn try_next(
    flow: &mut Flow,
    id: FlowId,
    mut rest: VecDeque<SocketAddr>,
    poller: &Poller,
    mut end: Attempt,
) -> Attempt {
    while let Some(to) = rest.pop_front() {
        (flow.readable, flow.writable, flow.special) = (false, false, false);
        match sockets::tcp(to).and_then(|fd| poller.add_flow(fd.as_fd(), id).map(|()| fd)) {
            Ok(fd) => {
                flow.peer = Peer::Connecting(fd, rest);
                return Attempt::Going;
            }
            Err(Errno::CONNREFUSED) => end = Attempt::Refused,
            Err(error) => tracing::debug!("no connection to {to}: {error}"),
        }
    }
    end
}

mod carry;
#[cfg(test)]
mod tests;
