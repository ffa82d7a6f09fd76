// SPDX-License-Identifier: GPL-3.0-or-later
//! Doing what the core decided, in its order.
//!
//! In: effects, flows with something to do. Out: questions, connections, bytes, ends.

use super::Shell;
use super::datagram::Outcome;
use super::resolve::Answer;
use super::sockets::is_own;
use super::tcp::{Attempt, Over};
use crate::link::Link;
use crate::vhost::Offload;
use cofferdam_monitor_wire::point::FromPoint;
use cofferdam_net_core::build::{self, Unreachable};
use cofferdam_net_core::flow::{Effect, End, FlowId};
use cofferdam_policy::{Refusal, Transport};

impl Shell {
    /// Ends a turn: everything that can move has moved.
    pub fn flush(&mut self, link: &mut dyn Link) {
        self.tcps.feed_starved();
        for id in self.datagrams.take_starved() {
            self.datagram_ready(id, link);
        }
        self.effects(link);
        while let Some(id) = self.tcps.next() {
            self.turn(id, link);
            self.effects(link);
        }
        self.arm();
    }

    /// Carries a TCP flow's bytes.
    fn turn(&mut self, id: FlowId, link: &mut dyn Link) {
        let now = self.now();
        let name = self.gate.host(id).map(ToString::to_string).unwrap_or_default();
        let turn = self.tcps.turn(id, &name, &mut self.gate.names, link, now);
        if turn.bytes_in != 0 || turn.bytes_out != 0 {
            self.gate.used(id, turn.bytes_in, turn.bytes_out, now);
        }
        match turn.over {
            None => {}
            Some(Over::Closed) => {
                self.tcps.end(id, false, link, now);
                self.gate.ended(id);
                self.name_flows.retain(|_, flow| *flow != id);
            }
            Some(Over::Mismatch) => self.gate.refuse(id, Refusal::Mismatch),
            Some(Over::Fault(fault)) => {
                self.fault(fault);
                if self.gate.host(id).is_some() {
                    self.gate.refuse(id, Refusal::Malformed);
                } else {
                    self.tcps.end(id, true, link, now);
                    self.name_flows.retain(|_, flow| *flow != id);
                }
            }
        }
    }

    /// Does what is to be done.
    pub(super) fn effects(&mut self, link: &mut dyn Link) {
        while let Some(effect) = self.gate.poll_effect() {
            match effect {
                Effect::Ask { serial, resource } => self.say(&FromPoint::Ask { serial, resource }),
                Effect::Forget { serial } => self.say(&FromPoint::Forget { serial }),
                Effect::Resolve { flow, name } => {
                    let now = self.now();
                    if let Some(answer) = self.resolver.resolve(flow, &name, &self.poller, now) {
                        self.answered(&answer);
                    }
                }
                Effect::Connect { flow, to } if self.tcps.has(flow) => {
                    let attempt = self.tcps.connect(flow, to, &self.poller);
                    self.attempted(flow, attempt, link);
                }
                Effect::Connect { flow, to } => match self.datagrams.connect(flow, &to, &self.poller) {
                    Ok(bytes) => {
                        let now = self.now();
                        self.gate.connected(flow);
                        self.gate.used(flow, 0, bytes, now);
                    }
                    Err(error) => {
                        tracing::debug!("no socket: {error}");
                        self.end(flow, End::Unreachable, link);
                        self.gate.ended(flow);
                    }
                },
                Effect::End { flow, how } => self.end(flow, how, link),
                Effect::Used(line) => {
                    let (ticket, resource, usage) = (line.ticket, line.resource, line.usage);
                    self.say(&FromPoint::Used { ticket, resource, usage });
                }
                Effect::Refused { resource, why } => self.say(&FromPoint::Refused { resource, why }),
                Effect::Aliases { serial, contact, names } => {
                    self.say(&FromPoint::Aliases { serial, contact, names });
                }
                Effect::Returned(tickets) => self.say(&FromPoint::Returned(tickets)),
                Effect::CutDone { ticket } => self.say(&FromPoint::CutDone { ticket }),
                Effect::Online(online) => self.say(&FromPoint::Online(online)),
                Effect::Link(up) => {
                    if !up {
                        self.resolver.clear();
                    }
                    self.tell_link(up);
                }
            }
        }
        // Nothing lives that one of these allowed.
        self.lost.clear();
    }

    pub(super) fn answered(&mut self, answer: &Answer) {
        let addresses: Vec<_> = answer.addresses.iter().map(|addr| (*addr, is_own(*addr))).collect();
        for flow in &answer.flows {
            self.gate.looked_up(*flow, &addresses, &answer.aliases);
        }
    }

    pub(super) fn attempted(&mut self, id: FlowId, attempt: Attempt, link: &mut dyn Link) {
        let how = match attempt {
            Attempt::Going => return,
            Attempt::Stands => {
                self.gate.connected(id);
                return;
            }
            Attempt::Refused => End::Reset,
            Attempt::Unreachable => End::Unreachable,
        };
        // An allowed site says no: the app is told what it would be told without us.
        self.end(id, how, link);
        self.gate.ended(id);
    }

    pub(super) fn datagram_ready(&mut self, id: FlowId, link: &mut dyn Link) {
        let now = self.now();
        match self.datagrams.ready(id, self.tcps.mac, link) {
            Outcome::Going(0) => {}
            Outcome::Going(bytes) => {
                self.gate.touch(id, now);
                self.gate.used(id, bytes, 0, now);
            }
            Outcome::Refused => {
                self.end(id, End::Unreachable, link);
                self.gate.ended(id);
            }
        }
    }

    /// Ends a flow; the guest hears of it as the core wants.
    fn end(&mut self, id: FlowId, how: End, link: &mut dyn Link) {
        let now = self.now();
        let mac = self.tcps.mac;
        let frames = if self.tcps.has(id) {
            match (self.tcps.end(id, how != End::Silent, link, now), how) {
                // A connection that did not stand yet has nobody to reset it in the stack.
                (Some((segment, _)), End::Reset) => build::reset(mac, &segment),
                (Some((segment, packet)), End::Unreachable) => {
                    let (from, to) = (segment.remote.ip(), segment.guest.ip());
                    build::unreachable(mac, from, to, &packet, Unreachable::Host)
                }
                _ => Vec::new(),
            }
        } else {
            match (self.datagrams.end(id), how) {
                (Some((key, _)), End::Unreachable) if key.transport == Transport::Udp => {
                    let about = build::datagram_header(key.guest, key.remote);
                    let (from, to) = (key.remote.ip(), key.guest.ip());
                    build::unreachable(mac, from, to, &about, Unreachable::Port)
                }
                _ => Vec::new(),
            }
        };
        for frame in frames {
            // Without room it stays silent.
            let _ = link.send(&frame, Offload::default());
        }
    }
}
