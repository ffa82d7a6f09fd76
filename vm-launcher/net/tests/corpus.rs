// SPDX-License-Identifier: GPL-3.0-or-later
//! In: frames, name messages, TLS hellos, and the committed corpus of the fuzz targets. Out: that no bytes break
//! a promise of their parsers.

#[cfg(test)]
#[path = "../../../tests/fuzz/harness/corpus.rs"]
mod corpus;
#[cfg(test)]
#[allow(unreachable_pub)]
#[path = "../../../tests/fuzz/harness/net.rs"]
mod harness;

#[cfg(test)]
mod tests {
    use super::{corpus, harness};
    use cofferdam_net_core::dns::{addresses, answer, question};
    use cofferdam_net_core::hello::{self, Hello};
    use cofferdam_net_core::names::Names;
    use cofferdam_net_core::packet::{self, Body};
    use cofferdam_net_core::{build, plan};
    use proptest::prelude::*;
    use std::net::SocketAddr;

    /// A TLS hello for a name.
    fn client_hello(name: &str) -> Vec<u8> {
        let short = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
        let entry = [vec![0], short(name.as_bytes())].concat();
        let extension = [vec![0, 0], short(&short(&entry))].concat();
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0, 0, 2, 0x13, 1, 1, 0]);
        body.extend(short(&extension));
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        let message = [&[1], &length[1..], &body].concat();
        [vec![0x16, 3, 1], short(&message)].concat()
    }

    /// Frames as a guest sends them, each behind its length; the last is a datagram in fragments.
    fn frames() -> Vec<Vec<u8>> {
        let guest: SocketAddr = "10.0.2.15:4000".parse().unwrap();
        let remote: SocketAddr = "198.18.0.1:53".parse().unwrap();
        let six: SocketAddr = "[fd00:cffe::15]:4000".parse().unwrap();
        let far: SocketAddr = "[fd00:cffe::3]:53".parse().unwrap();
        let mac = plan::GUEST_MAC;
        let mut all = vec![build::arp_reply(mac, "10.0.2.15".parse().unwrap(), "10.0.2.2".parse().unwrap())];
        all.extend(build::datagram(mac, guest, remote, b"hello", 1));
        all.extend(build::datagram(mac, six, far, b"hello", 2));
        all.extend(build::echo_reply(mac, guest.ip(), remote.ip(), 3, 4, b"ping"));
        all.extend(build::datagram(mac, guest, remote, &[9; 3_000], 5));
        all
    }

    #[test]
    fn seeds_are_up_to_date_and_are_what_they_seem() {
        let frames = frames();
        let read = |f: &&Vec<u8>| matches!(packet::frame(f).map(|f| f.body), Ok(Body::Ip(_)));
        assert!(frames.iter().filter(read).count() >= 5, "{frames:?}");
        let mut bytes = Vec::new();
        for frame in &frames {
            bytes.extend(u16::try_from(frame.len()).unwrap().to_be_bytes());
            bytes.extend(frame);
        }
        corpus::seed("net_frames", "guest", &bytes);
        let asked = question(0x4142, "a.example", false).unwrap();
        let answered = answer(&asked, &mut Names::default()).unwrap().bytes;
        assert!(addresses(&answered, 0x4142, "a.example", false).is_some());
        corpus::seed("net_dns", "question", &[&[0], asked.as_slice()].concat());
        corpus::seed("net_dns", "answer", &[&[1], answered.as_slice()].concat());
        let hello = client_hello("mail.example.org");
        assert_eq!(hello::read(&hello), Hello::For("mail.example.org".into()));
        corpus::seed("net_hello", "name", &[&[0, 60], hello.as_slice()].concat());
    }

    #[test]
    fn the_corpus_breaks_no_promise() {
        assert!(corpus::replay("net_frames", harness::frames) >= 1);
        assert!(corpus::replay("net_dns", harness::dns) >= 2);
        assert!(corpus::replay("net_hello", harness::hello) >= 1);
    }

    proptest! {
        #[test]
        fn changed_bytes_break_no_promise(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in 0..400_u16) {
            let frames = frames().concat();
            let asked = question(0x4142, "a.example", false).unwrap();
            let hello = [&cut.to_be_bytes(), client_hello("mail.example.org").as_slice()].concat();
            for (bytes, read) in [
                ([&[0], asked.as_slice()].concat(), harness::dns as fn(&[u8])),
                ([&[1], asked.as_slice()].concat(), harness::dns),
                (frames, harness::frames),
                (hello, harness::hello),
            ] {
                let (mut bytes, at) = (bytes.clone(), at.index(bytes.len()));
                bytes[at] = byte;
                read(&bytes);
                read(&bytes[..at]);
            }
        }
    }
}
