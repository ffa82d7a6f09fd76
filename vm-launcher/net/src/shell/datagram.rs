// SPDX-License-Identifier: GPL-3.0-or-later
//! Flows of datagrams and pings.
//!
//! In: datagrams of the guest, readiness of sockets, what the gate decided. Out: datagrams both ways. While a
//! flow waits for its yes the first few are kept; after that nothing is.

use super::poller::Poller;
use super::sockets;
use crate::link::Link;
use crate::vhost::{FRAME, Offload};
use cofferdam_net_core::plan::Mac;
use cofferdam_net_core::{FlowId, FlowKey, build};
use cofferdam_policy::Transport;
use core::net::SocketAddr;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use std::collections::{HashMap, VecDeque};
use std::os::fd::{AsFd, OwnedFd};

/// Most datagrams that are kept while a flow waits.
const HELD: usize = 4;
/// Most bytes that are kept so, of all flows together.
const HELD_BYTES: usize = 4 << 20;
/// Most datagrams read in one go.
const BATCH: usize = 64;

/// What a datagram carries: for a ping its sequence number and data, otherwise data.
#[derive(Debug, Clone)]
struct Held {
    seq: u16,
    data: Vec<u8>,
}

#[derive(Debug)]
struct Flow {
    key: FlowKey,
    held: Vec<Held>,
    socket: Option<OwnedFd>,
    readable: bool,
    ident: u16,
    /// The far end, which may be of another version of IP than what the guest sees.
    far: Option<SocketAddr>,
}

/// What became of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It goes on; so many bytes came in.
    Going(u64),
    /// Nobody is there.
    Refused,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Datagrams {
    flows: HashMap<FlowId, Flow>,
    starved: VecDeque<FlowId>,
    held_bytes: usize,
    buffer: Vec<u8>,
}

impl Datagrams {
    /// The guest's driver begins anew.
    pub(super) fn begin(&mut self) {
        self.flows.clear();
        self.starved.clear();
        self.held_bytes = 0;
    }

    /// A datagram of the guest's; how many bytes went out at once.
    pub(super) fn take(&mut self, id: FlowId, key: FlowKey, seq: u16, data: &[u8]) -> u64 {
        let fresh = || Flow { key, held: Vec::new(), socket: None, readable: false, ident: 0, far: None };
        let flow = self.flows.entry(id).or_insert_with(fresh);
        if flow.socket.is_some() {
            return send(flow, seq, data);
        }
        let after = self.held_bytes.saturating_add(data.len());
        if flow.held.len() < HELD && after <= HELD_BYTES {
            self.held_bytes = after;
            flow.held.push(Held { seq, data: data.to_vec() });
        }
        0
    }

    /// Opens a flow's socket and sends what was kept; how many bytes that was.
    ///
    /// # Errors
    /// Why there is no socket.
    pub(super) fn connect(&mut self, id: FlowId, to: &[SocketAddr], poller: &Poller) -> Result<u64, Errno> {
        let Some(flow) = self.flows.get_mut(&id) else { return Ok(0) };
        let v4 = flow.key.guest.is_ipv4();
        let to = to.iter().find(|addr| addr.is_ipv4() == v4).or_else(|| to.first());
        let to = *to.ok_or(Errno::HOSTUNREACH)?;
        let socket = match flow.key.transport {
            Transport::Echo => sockets::ping(to.ip())?,
            Transport::Tcp | Transport::Udp => sockets::udp(to)?,
        };
        poller.add_flow(socket.as_fd(), id)?;
        (flow.socket, flow.far) = (Some(socket), Some(to));
        let held = std::mem::take(&mut flow.held);
        self.held_bytes = self.held_bytes.saturating_sub(bytes_of(&held));
        Ok(held.iter().fold(0, |sum, held| sum.saturating_add(send(flow, held.seq, &held.data))))
    }

    /// A socket has something, or may have.
    pub(super) fn ready(&mut self, id: FlowId, mac: Mac, link: &mut dyn Link) -> Outcome {
        let Some(flow) = self.flows.get_mut(&id) else { return Outcome::Going(0) };
        flow.readable = true;
        self.buffer.resize(FRAME, 0);
        let mut bytes = 0_u64;
        for _ in 0..BATCH {
            let Some(socket) = &flow.socket else { break };
            if !link.has_room(FRAME) {
                self.starved.push_back(id);
                return Outcome::Going(bytes);
            }
            match rustix::net::recv(socket, self.buffer.as_mut_slice(), RecvFlags::empty()) {
                Ok((n, _)) => {
                    bytes = bytes.saturating_add(u64::try_from(n).unwrap_or(0));
                    deliver(flow, self.buffer.get(..n).unwrap_or(&[]), mac, link);
                }
                Err(Errno::AGAIN) => {
                    flow.readable = false;
                    return Outcome::Going(bytes);
                }
                Err(Errno::INTR) => {}
                Err(Errno::CONNREFUSED) => return Outcome::Refused,
                Err(error) => {
                    tracing::debug!("datagram: {error}");
                    return Outcome::Going(bytes);
                }
            }
        }
        // The others first.
        self.starved.push_back(id);
        Outcome::Going(bytes)
    }

    /// Flows that were not finished, to be tried again.
    pub(super) fn take_starved(&mut self) -> VecDeque<FlowId> {
        std::mem::take(&mut self.starved)
    }

    /// Ends a flow. Its key, and whether it had no far end yet.
    pub(super) fn end(&mut self, id: FlowId) -> Option<(FlowKey, bool)> {
        let flow = self.flows.remove(&id)?;
        self.held_bytes = self.held_bytes.saturating_sub(bytes_of(&flow.held));
        Some((flow.key, flow.socket.is_none()))
    }
}

fn bytes_of(held: &[Held]) -> usize {
    held.iter().map(|held| held.data.len()).sum()
}

fn send(flow: &Flow, seq: u16, data: &[u8]) -> u64 {
    let (Some(socket), Some(far)) = (&flow.socket, flow.far) else { return 0 };
    let sent = if flow.key.transport == Transport::Echo {
        let message = sockets::ping_message(far.ip(), seq, data);
        rustix::net::send(socket, &message, SendFlags::NOSIGNAL)
    } else {
        rustix::net::send(socket, data, SendFlags::NOSIGNAL)
    };
    // A datagram that finds no room is lost, as everywhere.
    sent.map_or(0, |_| u64::try_from(data.len()).unwrap_or(0))
}

fn deliver(flow: &mut Flow, bytes: &[u8], mac: Mac, link: &mut dyn Link) {
    let key = flow.key;
    flow.ident = flow.ident.wrapping_add(1);
    let frames = if key.transport == Transport::Echo {
        let Some((seq, data)) = sockets::pong(bytes) else { return };
        build::echo_reply(mac, key.remote.ip(), key.guest.ip(), key.guest.port(), seq, data)
    } else {
        build::datagram(mac, key.remote, key.guest, bytes, flow.ident)
    };
    for frame in frames {
        // Room was there for a whole packet.
        let _ = link.send(&frame, Offload::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_bounded_for_all_flows_together() {
        let mut datagrams = Datagrams::default();
        let guest = SocketAddr::new(cofferdam_net_core::plan::GUEST4.into(), 1);
        let key = FlowKey { transport: Transport::Udp, guest, remote: guest };
        let kept = |datagrams: &Datagrams| datagrams.flows.values().map(|f| bytes_of(&f.held)).sum::<usize>();
        for n in 0..5000 {
            datagrams.take(FlowId(n % 500), key, 0, &[0; 60_000]);
        }
        assert!((HELD_BYTES - 60_000..=HELD_BYTES).contains(&kept(&datagrams)));
        // What ends gives its part back.
        for n in 0..500 {
            datagrams.end(FlowId(n));
        }
        assert_eq!((kept(&datagrams), datagrams.held_bytes), (0, 0));
        datagrams.take(FlowId(1), key, 0, &[0; 60_000]);
        assert_eq!(kept(&datagrams), 60_000);
    }
}
