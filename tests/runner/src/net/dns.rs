// SPDX-License-Identifier: GPL-3.0-or-later
//! The name server of a scenario. In: queries of one question. Out: the address of a served site; for all
//! other names, that there is no such name.

use super::Names;
use super::wait::{Stop, Woken};
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::PoisonError;

const HEADER: usize = 12;
const TYPE_A: u16 = 1;
const CLASS_IN: u16 = 1;
const NO_SUCH_NAME: u8 = 3;
/// An answer holds for so many seconds.
const TTL: u32 = 5;

/// Answers until the end.
pub(super) fn serve(socket: &UdpSocket, names: &Names, stop: &Stop) {
    let mut packet = [0; 1500];
    while stop.wait(socket, false, None).is_ok_and(|woken| woken == Woken::Ready) {
        let Ok((len, from)) = socket.recv_from(&mut packet) else { continue };
        let query = packet.get(..len).unwrap_or_default();
        let find = |name: &str| names.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied();
        if let Some(answer) = answer(query, find)
            && let Err(error) = socket.send_to(&answer, from)
        {
            tracing::warn!(%error, "an answer of the name server was lost");
        }
    }
}

/// The answer to a query; none to what is no query.
fn answer(query: &[u8], find: impl Fn(&str) -> Option<Ipv4Addr>) -> Option<Vec<u8>> {
    let (head, rest) = query.split_first_chunk::<HEADER>()?;
    let question_count = u16::from_be_bytes([head[4], head[5]]);
    if head[2] & 0x80 != 0 || question_count != 1 {
        return None;
    }
    let (name, len) = name(rest)?;
    let [t1, t2, c1, c2] = *rest.get(len..)?.first_chunk()?;
    let address = find(&name);
    let wanted = u16::from_be_bytes([t1, t2]) == TYPE_A && u16::from_be_bytes([c1, c2]) == CLASS_IN;
    let found = address.filter(|_| wanted);
    let mut out = Vec::with_capacity(query.len() + 16);
    out.extend([head[0], head[1]]);
    // An authoritative answer to a query that may recurse.
    out.extend([0x85, 0x80 | if address.is_none() { NO_SUCH_NAME } else { 0 }]);
    out.extend([0, 1, 0, u8::from(found.is_some()), 0, 0, 0, 0]);
    out.extend(rest.get(..len + 4)?);
    if let Some(address) = found {
        // The name of the question, by reference.
        out.extend([0xc0, 12]);
        out.extend(TYPE_A.to_be_bytes());
        out.extend(CLASS_IN.to_be_bytes());
        out.extend(TTL.to_be_bytes());
        out.extend([0, 4]);
        out.extend(address.octets());
    }
    Some(out)
}

/// The name at the beginning of `bytes`, in small letters, and its length there.
fn name(bytes: &[u8]) -> Option<(String, usize)> {
    let (mut name, mut at) = (String::new(), 0);
    loop {
        let len = usize::from(*bytes.get(at)?);
        if len == 0 {
            return Some((name, at + 1));
        }
        if len > 63 || name.len() > 255 {
            return None;
        }
        let label = bytes.get(at + 1..at + 1 + len)?;
        if !name.is_empty() {
            name.push('.');
        }
        name.extend(label.iter().map(|b| char::from(b.to_ascii_lowercase())));
        at += 1 + len;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn query(name: &str, kind: u16) -> Vec<u8> {
        let mut bytes = vec![0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            bytes.push(u8::try_from(label.len()).unwrap());
            bytes.extend(label.as_bytes());
        }
        bytes.push(0);
        bytes.extend(kind.to_be_bytes());
        bytes.extend(CLASS_IN.to_be_bytes());
        bytes
    }

    fn find(name: &str) -> Option<Ipv4Addr> {
        (name == "files.example.org").then_some(Ipv4Addr::new(127, 64, 0, 9))
    }

    #[test]
    fn answers() {
        let asked = query("Files.Example.ORG", TYPE_A);
        let said = answer(&asked, find).unwrap();
        assert_eq!(said[..4], [0xab, 0xcd, 0x85, 0x80]);
        assert_eq!(said[7], 1, "one answer");
        assert_eq!(said[12..asked.len()], asked[12..], "the question as it came, letter for letter");
        assert_eq!(said[said.len() - 4..], [127, 64, 0, 9]);
        let six = answer(&query("files.example.org", 28), find).unwrap();
        assert_eq!((six[3], six[7]), (0x80, 0), "the name exists, without such an address");
        let none = answer(&query("other.example.org", TYPE_A), find).unwrap();
        assert_eq!((none[3], none[7]), (0x80 | NO_SUCH_NAME, 0));
        let mut reply = query("files.example.org", TYPE_A);
        reply[2] |= 0x80;
        assert_eq!(answer(&reply, find), None, "no answer to an answer");
    }

    proptest! {
        #[test]
        fn any_packet(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Some(said) = answer(&bytes, find) {
                prop_assert_eq!(&said[..2], &bytes[..2]);
            }
        }
    }
}
