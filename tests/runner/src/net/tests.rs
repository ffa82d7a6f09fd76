// SPDX-License-Identifier: GPL-3.0-or-later
//! A real client of the scenario's network. In: sites. Out: what a reader gets, and what the counters say.

use super::*;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

fn site(host: &str, size_kib: u64) -> ServeHttp {
    ServeHttp {
        host: host.into(),
        port: 8080,
        body: None,
        size_kib: Some(size_kib),
        rate_kib_s: 0,
        hold_after_kib: None,
    }
}

/// Asks the name server as a stub resolver does.
fn resolve(net: &TestNet, name: &str) -> Option<Ipv4Addr> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut query = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        query.push(u8::try_from(label.len()).unwrap());
        query.extend(label.as_bytes());
    }
    query.extend([0, 0, 1, 0, 1]);
    socket.send_to(&query, net.dns()).unwrap();
    let mut answer = [0; 512];
    let len = socket.recv(&mut answer).unwrap();
    let last: [u8; 4] = *answer[..len].last_chunk().unwrap();
    (answer[7] == 1).then(|| Ipv4Addr::from(last))
}

fn get(net: &TestNet, host: &str) -> TcpStream {
    let mut stream = TcpStream::connect((resolve(net, host).unwrap(), 8080)).unwrap();
    write!(stream, "GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    stream
}

/// Waits for what the server's threads do; its end is the end of the test's own connection.
fn settled(net: TestNet, host: &str) -> Seen {
    let counters = Arc::clone(&net.sites[&(host.to_owned(), 8080)]);
    drop(net);
    counters.seen()
}

#[test]
fn a_site_is_found_by_its_name_and_read_to_its_end() {
    let mut net = TestNet::start().unwrap();
    net.serve(&site("files.example.org", 100)).unwrap();
    net.serve(&ServeHttp { body: Some("hello".into()), size_kib: None, ..site("text.example.org", 0) })
        .unwrap();
    assert!(net.serve(&site("files.example.org", 1)).is_err(), "twice");
    assert_eq!(resolve(&net, "other.example.org"), None);
    let read = |host: &str| {
        let mut text = String::new();
        get(&net, host).read_to_string(&mut text).unwrap();
        text.split_once("\r\n\r\n").unwrap().1.to_owned()
    };
    assert_eq!(read("text.example.org"), "hello");
    let body = read("files.example.org");
    assert_eq!((body.len(), &body[1023..1025]), (100 << 10, "ab"));
    assert_eq!(settled(net, "files.example.org"), Seen { requests: 1, sent: 100 << 10, whole: 1, cut: 0 });
}

#[test]
fn a_held_answer_waits_for_its_reader_to_go() {
    let mut net = TestNet::start().unwrap();
    net.serve(&ServeHttp { hold_after_kib: Some(10), ..site("files.example.org", 4096) }).unwrap();
    let mut stream = get(&net, "files.example.org");
    let mut bytes = vec![0; 10 << 10];
    stream.read_exact(&mut bytes).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    // The server closes its side once it has noticed.
    let rest = stream.read_to_end(&mut bytes).unwrap();
    assert!(rest < 200, "{rest} bytes, which is more than the head");
    assert_eq!(settled(net, "files.example.org"), Seen { requests: 1, sent: 10 << 10, whole: 0, cut: 1 });
}

#[test]
fn a_slow_answer_comes_in_pieces_and_ends_with_the_network() {
    let mut net = TestNet::start().unwrap();
    net.serve(&ServeHttp { rate_kib_s: 8, ..site("files.example.org", 1 << 20) }).unwrap();
    let mut stream = get(&net, "files.example.org");
    let mut bytes = vec![0; 3 << 10];
    stream.read_exact(&mut bytes).unwrap();
    let seen = settled(net, "files.example.org");
    assert!(seen.sent >= 2 << 10 && seen.sent < 1 << 20, "{seen:?}");
    assert_eq!((seen.requests, seen.whole), (1, 0));
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
}

#[test]
fn addresses_are_of_loopback_and_not_given_twice() {
    let some: std::collections::BTreeSet<_> = (0..1000).map(|_| next_address()).collect();
    assert_eq!(some.len(), 1000);
    assert!(some.iter().all(|a| a.octets()[0] == 127 && a.octets()[1] >= 64 && a.octets()[1] < 128));
}
