// SPDX-License-Identifier: GPL-3.0-or-later
//! The world as a test wants it: a name server and sites, all on loopback.
//!
//! In: names with addresses, what a site does with a connection. Out: what was asked and who came.

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};

/// A name that nobody else asks for.
const MARKER: &str = "marker.invalid";

/// A question for a name server.
pub(crate) fn question(id: u16, name: &str, v6: bool) -> Vec<u8> {
    let mut message = Message::new(id, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    let kind = if v6 { RecordType::AAAA } else { RecordType::A };
    message.add_query(Query::query(Name::from_ascii(format!("{name}.")).unwrap(), kind));
    message.to_vec().unwrap()
}

/// The first address in an answer.
pub(crate) fn answer(bytes: &[u8]) -> Option<IpAddr> {
    let message = Message::from_vec(bytes).unwrap();
    message.answers.iter().find_map(|record| match &record.data {
        RData::A(addr) => Some(IpAddr::V4(addr.0)),
        RData::AAAA(addr) => Some(IpAddr::V6(addr.0)),
        _ => None,
    })
}

#[derive(Debug, Default)]
struct Zone {
    names: BTreeMap<String, Vec<IpAddr>>,
    aliases: BTreeMap<String, String>,
    asked: Vec<String>,
    ttl: u32,
}

/// A name server.
#[derive(Debug, Clone)]
pub struct Names {
    zone: Arc<Mutex<Zone>>,
    /// Where it listens.
    pub addr: SocketAddr,
}

impl Names {
    /// A server that knows no name yet.
    #[must_use]
    pub fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let addr = socket.local_addr().unwrap();
        let zone = Arc::new(Mutex::new(Zone::default()));
        let shared = Arc::clone(&zone);
        #[expect(clippy::disallowed_methods, reason = "the server's own thread")]
        std::thread::spawn(move || serve(&socket, &shared));
        Self { zone, addr }
    }

    /// What a name stands for from now on.
    pub fn set(&self, name: &str, addrs: &[&str]) {
        let addrs = addrs.iter().map(|addr| addr.parse().unwrap()).collect();
        self.zone.lock().unwrap().names.insert(name.to_owned(), addrs);
    }

    /// A name is another one's from now on.
    pub fn alias(&self, name: &str, of: &str) {
        self.zone.lock().unwrap().aliases.insert(name.to_owned(), of.to_owned());
    }

    /// The names that were asked for since the last call, all that were under way included.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        // Datagrams on loopback keep their order: once this question is answered, all before it have been heard.
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(&question(1, MARKER, false), self.addr).unwrap();
        cofferdam_patience::readable(&socket, "the name server");
        let mut asked = std::mem::take(&mut self.zone.lock().unwrap().asked);
        asked.retain(|name| name != MARKER);
        asked
    }
}

fn serve(socket: &UdpSocket, zone: &Mutex<Zone>) {
    let mut bytes = [0; 1500];
    while let Ok((n, from)) = socket.recv_from(&mut bytes) {
        let Ok(question) = Message::from_vec(&bytes[..n]) else { continue };
        let Some(query) = question.queries.first() else { continue };
        let name = query.name.to_ascii().trim_end_matches('.').to_ascii_lowercase();
        let mut reply = Message::response(question.metadata.id, OpCode::Query);
        reply.add_query(query.clone());
        let mut zone = zone.lock().unwrap();
        let mut owner = query.name.clone();
        let mut real = name.clone();
        while let Some(of) = zone.aliases.get(&real) {
            let next = Name::from_ascii(format!("{of}.")).unwrap();
            reply.add_answer(Record::from_rdata(owner, zone.ttl, RData::CNAME(CNAME(next.clone()))));
            (owner, real) = (next, of.clone());
        }
        match zone.names.get(&real) {
            None => reply.metadata.response_code = ResponseCode::NXDomain,
            Some(addrs) => {
                for addr in addrs {
                    let data = match (addr, query.query_type) {
                        (IpAddr::V4(addr), RecordType::A) => RData::A(A(*addr)),
                        (IpAddr::V6(addr), RecordType::AAAA) => RData::AAAA(AAAA(*addr)),
                        _ => continue,
                    };
                    reply.add_answer(Record::from_rdata(owner.clone(), zone.ttl, data));
                }
            }
        }
        zone.asked.push(name);
        drop(zone);
        let _ = socket.send_to(&reply.to_vec().unwrap(), from);
    }
}

/// A site: a TCP server on loopback that runs `f` for each connection, on a thread of its own.
#[derive(Debug)]
pub struct Site {
    /// Where it listens.
    pub addr: SocketAddr,
    visitors: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Site {
    /// Opens a site at an address of loopback.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the site's own threads")]
    pub fn open(addr: &str, f: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((addr, 0)).unwrap();
        let addr = listener.local_addr().unwrap();
        let visitors = Arc::new(Mutex::new(Vec::new()));
        let (guests, f) = (Arc::clone(&visitors), Arc::new(f));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // One that has gone already was there too.
                let nobody = SocketAddr::new(addr.ip(), 0);
                guests.lock().unwrap().push(stream.peer_addr().unwrap_or(nobody));
                let f = Arc::clone(&f);
                std::thread::spawn(move || f(stream));
            }
        });
        Self { addr, visitors }
    }

    /// How many connections there were, all that were under way included.
    #[must_use]
    pub fn visits(&self) -> usize {
        // Connections are accepted in their order: once this one is, all before it have been.
        let own = TcpStream::connect(self.addr).unwrap();
        let own = own.local_addr().unwrap();
        cofferdam_patience::until("a site", || {
            let mut visitors = self.visitors.lock().unwrap();
            let at = visitors.iter().position(|visitor| *visitor == own)?;
            visitors.remove(at);
            Some(visitors.len())
        })
    }
}
