// SPDX-License-Identifier: GPL-3.0-or-later
//! Addresses of names that flows were allowed to.
//!
//! In: names, and the name servers to ask. Out: questions to those from a fresh socket each, and the addresses in the
//! answers, kept for as long as the answer says, a minute at most: what is behind a name is looked at anew for
//! new flows.

use super::poller::{Poller, Source};
use super::sockets;
use cofferdam_net_core::FlowId;
use cofferdam_net_core::dns::{self, Upstream};
use cofferdam_policy::Host;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use rustix::event::epoll::EventFlags;
use rustix::net::{RecvFlags, SendFlags};
use std::collections::{BTreeMap, HashMap};
use std::os::fd::{AsFd, OwnedFd};

/// How long a server may take before the next one is asked.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often servers are asked in all, for each name.
const TRIES: usize = 4;
/// Most answers that are kept.
const KEPT: usize = 1024;
/// Most servers.
const SERVERS: usize = 8;
/// How long an answer is kept, in seconds.
const TTL: (u32, u32) = (1, 60);

/// One half of a question: one type of address.
#[derive(Debug)]
struct Half {
    socket: OwnedFd,
    id: u16,
    /// What came back; none while nothing has.
    found: Option<Vec<IpAddr>>,
}

#[derive(Debug)]
struct Question {
    name: String,
    flows: Vec<FlowId>,
    tries: usize,
    until: Duration,
    /// Other names on the way.
    aliases: Vec<Host>,
    /// A and AAAA.
    halves: [Option<Half>; 2],
    ttl: u32,
}

/// A name's addresses, for those who waited.
#[derive(Debug)]
pub(super) struct Answer {
    /// Who waited.
    pub(super) flows: Vec<FlowId>,
    /// None, if the name has none or nobody answered.
    pub(super) addresses: Vec<IpAddr>,
    /// The name's other names.
    pub(super) aliases: Vec<Host>,
}

/// Questions under way and answers that are kept.
#[derive(Debug)]
pub(super) struct Resolver {
    servers: Vec<SocketAddr>,
    questions: BTreeMap<u64, Question>,
    by_name: HashMap<String, u64>,
    kept: HashMap<String, (Vec<IpAddr>, Vec<Host>, Duration)>,
    next: u64,
}

impl Resolver {
    /// Asks these servers.
    #[must_use]
    pub(super) fn new(servers: Vec<SocketAddr>) -> Self {
        let (questions, by_name, kept) = (BTreeMap::new(), HashMap::new(), HashMap::new());
        Self { servers, questions, by_name, kept, next: 0 }
    }

    /// Asks these servers from now on, also what others were asked and have not answered yet. What those said is
    /// forgotten: another network may have other names.
    pub(super) fn set_servers(
        &mut self,
        servers: Vec<SocketAddr>,
        poller: &Poller,
        now: Duration,
    ) -> Vec<Answer> {
        self.servers = servers;
        self.kept.clear();
        for question in self.questions.values_mut() {
            question.tries = 0;
            question.aliases.clear();
            // With their sockets.
            question.halves = [None, None];
            question.ttl = TTL.1;
        }
        let all: Vec<_> = self.questions.keys().copied().collect();
        all.into_iter().filter_map(|id| self.ask(id, poller, now)).collect()
    }

    /// Finds a name's addresses, at once if they are known.
    pub(super) fn resolve(
        &mut self,
        flow: FlowId,
        name: &str,
        poller: &Poller,
        now: Duration,
    ) -> Option<Answer> {
        if let Some((addresses, aliases, until)) = self.kept.get(name)
            && *until > now
        {
            let (addresses, aliases) = (addresses.clone(), aliases.clone());
            return Some(Answer { flows: vec![flow], addresses, aliases });
        }
        if let Some(question) = self.by_name.get(name).and_then(|id| self.questions.get_mut(id)) {
            question.flows.push(flow);
            return None;
        }
        self.next = self.next.wrapping_add(1);
        let (id, until) = (self.next, now.saturating_add(PATIENCE));
        let question = Question {
            name: name.to_owned(),
            flows: vec![flow],
            tries: 0,
            until,
            aliases: Vec::new(),
            halves: [None, None],
            ttl: TTL.1,
        };
        self.questions.insert(id, question);
        self.by_name.insert(name.to_owned(), id);
        self.ask(id, poller, now)
    }

    /// Asks the next server what is still unknown; gives up after some.
    fn ask(&mut self, id: u64, poller: &Poller, now: Duration) -> Option<Answer> {
        let question = self.questions.get_mut(&id)?;
        loop {
            let server = self.servers.get(question.tries % self.servers.len().max(1)).copied();
            let Some(server) = server.filter(|_| question.tries < TRIES) else { return self.finish(id, now) };
            question.tries = question.tries.saturating_add(1);
            question.until = now.saturating_add(PATIENCE);
            let mut asked = false;
            for (half, v6) in question.halves.iter_mut().zip([false, true]) {
                if half.as_ref().is_some_and(|half| half.found.is_some()) {
                    continue;
                }
                *half = send(&question.name, v6, server, id, poller);
                asked |= half.is_some();
            }
            if asked {
                return None;
            }
        }
    }

    /// A server's answer may be there.
    pub(super) fn ready(&mut self, id: u64, poller: &Poller, now: Duration) -> Option<Answer> {
        let question = self.questions.get_mut(&id)?;
        let mut failed = false;
        for (half, v6) in question.halves.iter_mut().zip([false, true]) {
            let Some(half) = half.as_mut().filter(|half| half.found.is_none()) else { continue };
            let mut bytes = [0; 1500];
            // Until nothing is there any more: what is no answer to this question is passed over.
            loop {
                match rustix::net::recv(&half.socket, bytes.as_mut_slice(), RecvFlags::empty()) {
                    Ok((n, _)) => {
                        let bytes = bytes.get(..n).unwrap_or(&[]);
                        match dns::addresses(bytes, half.id, &question.name, v6) {
                            Some(Upstream::Addresses(found, aliases, ttl)) => {
                                question.aliases.extend(aliases);
                                question.ttl = question.ttl.min(ttl);
                                half.found = Some(found);
                                break;
                            }
                            Some(Upstream::Failed) => {
                                failed = true;
                                break;
                            }
                            None => {}
                        }
                    }
                    Err(rustix::io::Errno::AGAIN) => break,
                    Err(_) => {
                        failed = true;
                        break;
                    }
                }
            }
        }
        let done = |half: &Option<Half>| half.as_ref().is_some_and(|half| half.found.is_some());
        if question.halves.iter().all(done) {
            return self.finish(id, now);
        }
        if failed { self.ask(id, poller, now) } else { None }
    }

    fn finish(&mut self, id: u64, now: Duration) -> Option<Answer> {
        let question = self.questions.remove(&id)?;
        self.by_name.remove(&question.name);
        let answered = question.halves.iter().flatten().any(|half| half.found.is_some());
        let found = question.halves.into_iter().flatten().filter_map(|half| half.found);
        let addresses: Vec<_> = found.flatten().collect();
        let mut aliases = question.aliases;
        aliases.sort_unstable();
        aliases.dedup();
        if answered {
            if self.kept.len() >= KEPT {
                self.kept.retain(|_, (.., until)| *until > now);
            }
            if self.kept.len() < KEPT {
                let ttl = Duration::from_secs(u64::from(question.ttl.clamp(TTL.0, TTL.1)));
                let entry = (addresses.clone(), aliases.clone(), now.saturating_add(ttl));
                self.kept.insert(question.name, entry);
            }
        }
        Some(Answer { flows: question.flows, addresses, aliases })
    }

    /// When [`Self::expire`] has something to do.
    #[must_use]
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        self.questions.values().map(|question| question.until).min()
    }

    /// Asks the next server where one took too long.
    pub(super) fn expire(&mut self, poller: &Poller, now: Duration) -> Vec<Answer> {
        let late = self.questions.iter().filter(|(_, question)| question.until <= now);
        let late: Vec<_> = late.map(|(id, _)| *id).collect();
        late.into_iter().filter_map(|id| self.ask(id, poller, now)).collect()
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.questions.clear();
        self.by_name.clear();
        self.kept.clear();
    }
}

fn send(name: &str, v6: bool, server: SocketAddr, question: u64, poller: &Poller) -> Option<Half> {
    let mut chance = [0; 2];
    rustix::rand::getrandom(&mut chance, rustix::rand::GetRandomFlags::empty()).ok()?;
    let id = u16::from_ne_bytes(chance);
    let bytes = dns::question(id, name, v6)?;
    // A socket of its own has a port of its own, which somebody who forges answers has to guess.
    let socket = sockets::udp(server).ok()?;
    poller.add(socket.as_fd(), Source::Question(question), EventFlags::IN).ok()?;
    rustix::net::send(&socket, &bytes, SendFlags::NOSIGNAL).ok()?;
    Some(Half { socket, id, found: None })
}

/// The servers that the shepherd names, each an address and a port; none if it names no server, or something
/// that is none.
pub(super) fn servers(words: &[String]) -> Option<Vec<SocketAddr>> {
    let servers = words.iter().take(SERVERS).map(|word| word.parse()).collect::<Result<Vec<_>, _>>();
    servers.ok().filter(|servers| !servers.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    fn server() -> UdpSocket {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        // On loopback what was sent is there.
        server.set_nonblocking(true).unwrap();
        server
    }

    /// The questions that came to a server, as answers without an address, and where they go.
    fn answers(server: &UdpSocket) -> Vec<(Vec<u8>, SocketAddr)> {
        let mut bytes = [0; 512];
        let next = || server.recv_from(&mut bytes).ok().map(|(n, from)| (bytes[..n].to_vec(), from));
        let mut answers: Vec<_> = std::iter::from_fn(next).collect();
        answers.iter_mut().for_each(|(bytes, _)| bytes[2] |= 0x80);
        answers
    }

    #[test]
    fn a_question_under_way_goes_to_the_new_servers_and_the_old_ones_are_not_heard() {
        let (old, new) = (server(), server());
        let poller = Poller::new().unwrap();
        let mut resolver = Resolver::new(vec![old.local_addr().unwrap()]);
        assert!(resolver.resolve(FlowId(1), "nas.home", &poller, Duration::ZERO).is_none());
        let late = answers(&old);
        assert_eq!(late.len(), 2);
        // One half is there before, the other one comes after.
        old.send_to(&late[0].0, late[0].1).unwrap();
        assert!(resolver.ready(1, &poller, Duration::ZERO).is_none());
        let servers = vec![new.local_addr().unwrap()];
        assert!(resolver.set_servers(servers, &poller, Duration::ZERO).is_empty());
        // Nobody may be there to take it.
        let _ = old.send_to(&late[1].0, late[1].1);
        assert!(resolver.ready(1, &poller, Duration::ZERO).is_none());
        assert!(resolver.kept.is_empty());
        let right = answers(&new);
        assert_eq!(right.len(), 2, "both halves");
        for (bytes, from) in &right {
            new.send_to(bytes, *from).unwrap();
        }
        let answer = resolver.ready(1, &poller, Duration::ZERO).unwrap();
        assert_eq!(answer.flows, [FlowId(1)]);
        assert!(resolver.kept.contains_key("nas.home"));
    }
}
