// SPDX-License-Identifier: GPL-3.0-or-later
//! The guest's frames: who they are for, and what becomes of them.
//!
//! In: bytes of one frame. Out: answers of the gateway itself, or a flow that gets them. What is neither for
//! us nor of a flow vanishes, as does everything while the link is down.

use super::Shell;
use super::sockets::is_own;
use crate::link::Link;
use crate::vhost::Offload;
use cofferdam_net_core::build::{self, Unreachable};
use cofferdam_net_core::flow::{FlowId, FlowKey, Opened, Place};
use cofferdam_net_core::packet::{self, Body, Icmp, Ip, protocol};
use cofferdam_net_core::{Fault, dns, plan};
use cofferdam_policy::{Host as Site, Refusal, Transport};
use core::net::{IpAddr, SocketAddr};

/// Port of QUIC, whose first bytes can't be looked at without its keys; apps fall back to TLS over TCP.
const QUIC: u16 = 443;
/// Where flows to our own name server have their numbers: out of the gate's way.
const DNS_FLOWS: u64 = 1 << 56;
/// Most of those at a time.
const MOST_DNS_FLOWS: usize = 64;

impl Shell {
    /// Takes a frame of the guest's.
    pub fn frame(&mut self, bytes: &[u8], link: &mut dyn Link) {
        if !self.gate.is_up() {
            return;
        }
        let handled = packet::frame(bytes).and_then(|frame| {
            if frame.from.first().is_some_and(|first| first & 1 == 0) {
                self.tcps.mac = frame.from;
            }
            match frame.body {
                Body::WhoHas { asker, wanted } => {
                    // Who asks from nowhere checks whether its own address is free.
                    if plan::is_gateway(wanted.into()) && plan::is_guest(asker.into()) {
                        self.send(vec![build::arp_reply(self.tcps.mac, asker, wanted)], link);
                    }
                    Ok(())
                }
                Body::Ip(ip) => self.ip(&ip, link),
                Body::Other => Ok(()),
            }
        });
        if let Err(fault) = handled {
            self.fault(fault);
        }
    }

    fn send(&self, frames: Vec<Vec<u8>>, link: &mut dyn Link) {
        for frame in frames {
            // Lost without room, as on any wire.
            let _ = link.send(&frame, Offload::default());
        }
    }

    fn ip(&mut self, ip: &Ip<'_>, link: &mut dyn Link) -> Result<(), Fault> {
        if !plan::is_guest(ip.src) {
            // The guest's first steps on IPv6 come from nowhere and are for everybody.
            let first_steps = ip.src.is_unspecified() || ip.dst.is_multicast();
            return if first_steps { Ok(()) } else { Err(Fault::Spoofed) };
        }
        if ip.part.is_none() {
            return self.whole(ip, link);
        }
        let now = self.now();
        let Some(whole) = self.fragments.take(ip, now)? else { return Ok(()) };
        let (src, dst, protocol) = (whole.src, whole.dst, whole.protocol);
        self.whole(&Ip { src, dst, protocol, payload: &whole.body, plain: None, part: None }, link)
    }

    fn whole(&mut self, ip: &Ip<'_>, link: &mut dyn Link) -> Result<(), Fault> {
        match (ip.protocol, ip.src.is_ipv4()) {
            (protocol::TCP, _) => self.tcp(ip, link),
            (protocol::UDP, _) => self.udp(ip, link),
            (protocol::ICMP, true) | (protocol::ICMP6, false) => self.icmp(ip, link),
            // Group membership is of no interest to a wire with one end.
            (2, true) => Ok(()),
            _ => Err(Fault::Unspoken),
        }
    }

    fn tcp(&mut self, ip: &Ip<'_>, link: &mut dyn Link) -> Result<(), Fault> {
        let segment = packet::tcp(ip)?;
        // It is kept until the answer is there, and nothing that long begins a connection.
        if segment.opens && ip.payload.len() > plan::MTU {
            return Err(Fault::Malformed);
        }
        let rebuilt;
        let packet = match ip.plain {
            Some(packet) => packet,
            // A packet that came in fragments, or with extensions.
            None => {
                let frames = build::plain(ip.src, ip.dst, protocol::TCP, ip.payload);
                rebuilt = frames.ok_or(Fault::Malformed)?;
                &rebuilt
            }
        };
        let now = self.now();
        let key = FlowKey { transport: Transport::Tcp, guest: segment.guest, remote: segment.remote };
        let known = self.gate.find(&key).or_else(|| self.names_flow(&key));
        if let Some(id) = known.filter(|id| self.tcps.has(*id)) {
            self.gate.touch(id, now);
            self.tcps.segment(id, &segment, packet, link, now);
            return Ok(());
        }
        match self.gate.place(Transport::Tcp, segment.remote) {
            _ if !segment.opens => {
                // A denied connection stays without a word; one that was cut is told so.
                if known.is_none() {
                    self.send(build::reset(self.tcps.mac, &segment), link);
                }
            }
            Place::Dns => {
                if self.name_flows.len() >= MOST_DNS_FLOWS {
                    return Err(Fault::Flood);
                }
                self.next_name_flow = self.next_name_flow.wrapping_add(1);
                let id = FlowId(DNS_FLOWS | self.next_name_flow);
                self.name_flows.insert(key, id);
                self.tcps.hold(id, segment, packet);
                self.tcps.serve_names(id);
            }
            Place::Gateway => self.send(build::reset(self.tcps.mac, &segment), link),
            Place::Nowhere => {}
            Place::Resolver(host) => self.refuse(host, Transport::Tcp, segment.remote.port()),
            Place::Site(host) => {
                let id = self.open(key, host)?;
                if let Some(id) = id {
                    self.tcps.hold(id, segment, packet);
                }
            }
        }
        Ok(())
    }

    fn names_flow(&mut self, key: &FlowKey) -> Option<FlowId> {
        let id = *self.name_flows.get(key)?;
        if !self.tcps.has(id) {
            self.name_flows.remove(key);
            return None;
        }
        Some(id)
    }

    /// A flow to a site, held or going; none if its packets vanish.
    fn open(&mut self, key: FlowKey, host: Site) -> Result<Option<FlowId>, Fault> {
        let now = self.now();
        let own = match host {
            Site::Addr(addr) if self.gate.find(&key).is_none() => is_own(addr),
            _ => false,
        };
        match self.gate.open(key, host, own, now) {
            Opened::New(id) | Opened::Known(id) => Ok(Some(id)),
            Opened::Swallowed => Ok(None),
            Opened::Flood => Err(Fault::Flood),
        }
    }

    fn refuse(&mut self, host: Site, transport: Transport, port: u16) {
        let now = self.now();
        self.gate.refused(host, transport, port, Refusal::Mismatch, now);
    }

    fn udp(&mut self, ip: &Ip<'_>, link: &mut dyn Link) -> Result<(), Fault> {
        let udp = packet::udp(ip)?;
        let mac = self.tcps.mac;
        let key = FlowKey { transport: Transport::Udp, guest: udp.guest, remote: udp.remote };
        match self.gate.place(Transport::Udp, udp.remote) {
            Place::Dns => {
                let reply = dns::answer(udp.data, &mut self.gate.names)?;
                let frames = build::datagram(mac, udp.remote, udp.guest, &reply.bytes, 0);
                self.send(frames, link);
                if let Some(host) = reply.refused {
                    self.refuse(host, Transport::Udp, plan::DNS_PORT);
                }
            }
            Place::Gateway => self.port_closed(ip, link),
            Place::Nowhere => {}
            Place::Resolver(host) => self.refuse(host, Transport::Udp, udp.remote.port()),
            Place::Site(Site::Name(_)) if udp.remote.port() == QUIC => self.port_closed(ip, link),
            Place::Site(host) => {
                if let Some(id) = self.open(key, host)? {
                    let (sent, now) = (self.datagrams.take(id, key, 0, udp.data), self.now());
                    self.gate.used(id, 0, sent, now);
                }
            }
        }
        Ok(())
    }

    fn port_closed(&self, ip: &Ip<'_>, link: &mut dyn Link) {
        let frames = ip
            .plain
            .map(|packet| build::unreachable(self.tcps.mac, ip.dst, ip.src, packet, Unreachable::Port));
        self.send(frames.unwrap_or_default(), link);
    }

    fn icmp(&mut self, ip: &Ip<'_>, link: &mut dyn Link) -> Result<(), Fault> {
        let mac = self.tcps.mac;
        match packet::icmp(ip)? {
            Icmp::Solicit { wanted } => {
                if let IpAddr::V6(asker) = ip.src
                    && plan::is_gateway(wanted.into())
                {
                    self.send(vec![build::neighbour(mac, asker, wanted)], link);
                }
            }
            Icmp::Echo { ident, seq, data } if plan::is_gateway(ip.dst) => {
                self.send(build::echo_reply(mac, ip.dst, ip.src, ident, seq, data), link);
            }
            Icmp::Echo { ident, seq, data } => {
                let (guest, remote) = (SocketAddr::new(ip.src, ident), SocketAddr::new(ip.dst, 0));
                let key = FlowKey { transport: Transport::Echo, guest, remote };
                if let Place::Site(host) = self.gate.place(Transport::Echo, remote)
                    && let Some(id) = self.open(key, host)?
                {
                    let (sent, now) = (self.datagrams.take(id, key, seq, data), self.now());
                    self.gate.used(id, 0, sent, now);
                }
            }
            Icmp::Other => {}
        }
        Ok(())
    }
}
