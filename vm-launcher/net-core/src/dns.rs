// SPDX-License-Identifier: GPL-3.0-or-later
//! Name questions: those of the guest, and ours to the world.
//!
//! In: questions of the guest, answers of the upstream server. Out: answers that bind a name to an address of
//! the pool without asking anybody; the questions that are sent once a flow is allowed, and the addresses in
//! their answers.

use super::Fault;
use super::names::{Names, TTL};
use super::zones::is_resolver_name;
use cofferdam_monitor_wire::point::MAX_ALIASES;
use cofferdam_policy::Host;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, PTR};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};

/// Longest question that is read.
const QUESTION: usize = 1232;
/// Longest answer that we tell servers we take.
const ANSWER: u16 = 1232;
/// Most addresses taken from one answer.
const ADDRESSES: usize = 16;
/// Most other names that a name may have on the way to its addresses.
const ALIASES: usize = MAX_ALIASES / 2;
/// Names that tell programs whether they should look for another resolver. They should not.
const CANARIES: [&str; 2] = ["use-application-dns.net", "_dns.resolver.arpa"];
/// Ends of names that are nobody's on the internet.
const NOWHERE: [&str; 5] = ["invalid", "onion", "local", "in-addr.arpa", "ip6.arpa"];

/// What the guest is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The answer's bytes.
    pub bytes: Vec<u8>,
    /// A resolver's name that was refused.
    pub refused: Option<Host>,
}

/// Answers a question of the guest.
///
/// # Errors
/// [`Fault::Dns`]: it is none, and gets no answer.
pub fn answer(bytes: &[u8], names: &mut Names) -> Result<Reply, Fault> {
    if bytes.len() > QUESTION {
        return Err(Fault::Dns);
    }
    let question = Message::from_vec(bytes).map_err(|_why| Fault::Dns)?;
    if question.metadata.message_type != MessageType::Query {
        return Err(Fault::Dns);
    }
    let mut reply = Message::response(question.metadata.id, question.metadata.op_code);
    reply.metadata.recursion_desired = question.metadata.recursion_desired;
    reply.metadata.recursion_available = true;
    if question.edns.is_some() {
        let mut edns = Edns::new();
        edns.set_max_payload(ANSWER);
        reply.set_edns(edns);
    }
    let mut refused = None;
    let code = match question.queries.as_slice() {
        _ if question.metadata.op_code != OpCode::Query => ResponseCode::NotImp,
        [query] => {
            reply.add_query(query.clone());
            one(query, names, &mut reply.answers, &mut refused)
        }
        _ => ResponseCode::FormErr,
    };
    reply.metadata.response_code = code;
    let bytes = reply.to_vec().map_err(|_why| Fault::Dns)?;
    Ok(Reply { bytes, refused })
}

fn one(query: &Query, names: &mut Names, out: &mut Vec<Record>, refused: &mut Option<Host>) -> ResponseCode {
    if query.query_class != DNSClass::IN {
        return ResponseCode::Refused;
    }
    let Some(name) = plain(&query.name) else { return ResponseCode::NXDomain };
    if query.query_type == RecordType::PTR {
        return pointer(query, &name, names, out);
    }
    if is_resolver_name(&name) {
        *refused = Some(Host::Name(name));
        return ResponseCode::NXDomain;
    }
    let under = |end: &str| name.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if CANARIES.iter().any(|end| under(end)) || NOWHERE.iter().any(|end| under(end)) {
        return ResponseCode::NXDomain;
    }
    let (v4, v6) = if under("localhost") {
        (Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST)
    } else {
        let pair = names.bind(&name);
        (pair.v4, pair.v6)
    };
    let data = match query.query_type {
        RecordType::A | RecordType::ANY => RData::A(A(v4)),
        RecordType::AAAA => RData::AAAA(AAAA(v6)),
        // Nothing else is known about any name: what it is, the world is only asked after a yes.
        _ => return ResponseCode::NoError,
    };
    out.push(Record::from_rdata(query.name.clone(), TTL, data));
    ResponseCode::NoError
}

/// A name that can be shown and compared.
fn plain(name: &Name) -> Option<String> {
    match Host::parse(&name.to_ascii()) {
        Ok(Host::Name(name)) => Some(name),
        _ => None,
    }
}

/// The name of a pool address.
fn pointer(query: &Query, name: &str, names: &Names, out: &mut Vec<Record>) -> ResponseCode {
    let Some(addr) = reversed(name) else { return ResponseCode::NXDomain };
    let Some(name) = names.name(addr).and_then(|name| Name::from_ascii(format!("{name}.")).ok()) else {
        return ResponseCode::NXDomain;
    };
    out.push(Record::from_rdata(query.name.clone(), TTL, RData::PTR(PTR(name))));
    ResponseCode::NoError
}

fn reversed(name: &str) -> Option<IpAddr> {
    if let Some(labels) = name.strip_suffix(".in-addr.arpa") {
        let mut octets = [0_u8; 4];
        let mut labels = labels.split('.');
        for octet in octets.iter_mut().rev() {
            *octet = labels.next()?.parse().ok()?;
        }
        return labels.next().is_none().then(|| IpAddr::from(octets));
    }
    let mut bits = 0_u128;
    let mut count = 0_u32;
    for label in name.strip_suffix(".ip6.arpa")?.split('.') {
        let nibble = u128::from_str_radix(label, 16).ok().filter(|n| *n < 16)?;
        bits |= nibble.checked_shl(count.checked_mul(4)?)?;
        count = count.checked_add(1)?;
    }
    (count == 32).then(|| IpAddr::V6(Ipv6Addr::from_bits(bits)))
}

/// A question for the upstream server. None if the name can't be written.
#[must_use]
pub fn question(id: u16, name: &str, v6: bool) -> Option<Vec<u8>> {
    let name = Name::from_ascii(format!("{name}.")).ok()?;
    let mut message = Message::new(id, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name, if v6 { RecordType::AAAA } else { RecordType::A }));
    let mut edns = Edns::new();
    edns.set_max_payload(ANSWER);
    message.set_edns(edns);
    message.to_vec().ok()
}

/// What an upstream server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upstream {
    /// These addresses, none if the name has none; the other names on the way to them; for so many seconds.
    Addresses(Vec<IpAddr>, Vec<Host>, u32),
    /// The server could not say.
    Failed,
}

/// Reads the answer to [`question`]. None: it is not the answer to that question.
#[must_use]
pub fn addresses(bytes: &[u8], id: u16, name: &str, v6: bool) -> Option<Upstream> {
    let message = Message::from_vec(bytes).ok()?;
    let kind = if v6 { RecordType::AAAA } else { RecordType::A };
    let [query] = message.queries.as_slice() else { return None };
    let fits = message.metadata.id == id
        && message.metadata.message_type == MessageType::Response
        && query.query_type == kind
        && plain(&query.name).as_deref() == Some(name);
    if !fits {
        return None;
    }
    if !matches!(message.metadata.response_code, ResponseCode::NoError | ResponseCode::NXDomain) {
        return Some(Upstream::Failed);
    }
    let mut owner = query.name.to_lowercase();
    let mut found = Vec::new();
    let mut aliases = Vec::new();
    let mut ttl = u32::MAX;
    // A chain of aliases comes in order; what belongs to no name of the chain is not believed.
    for record in &message.answers {
        if record.name.to_lowercase() != owner {
            continue;
        }
        ttl = ttl.min(record.ttl);
        match &record.data {
            RData::CNAME(alias) => {
                owner = alias.0.to_lowercase();
                // Somebody may have said "never" to it: one that can't be asked about leads nowhere.
                match plain(&owner) {
                    Some(name) if aliases.len() < ALIASES => aliases.push(Host::Name(name)),
                    _ => return Some(Upstream::Failed),
                }
            }
            RData::A(addr) if !v6 => found.push(IpAddr::V4(addr.0)),
            RData::AAAA(addr) if v6 => found.push(IpAddr::V6(addr.0)),
            _ => {}
        }
    }
    // A few of many addresses are as good as all.
    if message.metadata.truncation && found.is_empty() {
        return Some(Upstream::Failed);
    }
    found.truncate(ADDRESSES);
    Some(Upstream::Addresses(found, aliases, ttl))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::rr::rdata::CNAME;
    use proptest::prelude::*;

    fn ask(name: &str, kind: RecordType, names: &mut Names) -> (Message, Option<Host>) {
        let mut message = Message::new(77, MessageType::Query, OpCode::Query);
        message.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
        let reply = answer(&message.to_vec().unwrap(), names).unwrap();
        (Message::from_vec(&reply.bytes).unwrap(), reply.refused)
    }

    fn code(name: &str, kind: RecordType) -> (ResponseCode, usize) {
        let (reply, _) = ask(name, kind, &mut Names::default());
        (reply.metadata.response_code, reply.answers.len())
    }

    #[test]
    fn a_name_gets_an_address_without_anybody_being_asked() {
        let mut names = Names::default();
        let (reply, _) = ask("Mail.Example.ORG.", RecordType::A, &mut names);
        let RData::A(addr) = reply.answers[0].data else { panic!("{reply:?}") };
        assert_eq!(names.name(addr.0.into()), Some("mail.example.org"));
        let (reply, _) = ask("mail.example.org.", RecordType::AAAA, &mut names);
        let RData::AAAA(addr) = reply.answers[0].data else { panic!("{reply:?}") };
        assert_eq!(names.name(addr.0.into()), Some("mail.example.org"));
        let (reply, _) = ask("1.0.18.198.in-addr.arpa.", RecordType::PTR, &mut names);
        assert_eq!(reply.answers[0].data.to_string(), "mail.example.org.");
    }

    #[test]
    fn what_is_no_site_is_not_there() {
        let ok = ResponseCode::NoError;
        let none = ResponseCode::NXDomain;
        for (name, kind, expected) in [
            ("example.org.", RecordType::HTTPS, (ok, 0)),
            ("example.org.", RecordType::MX, (ok, 0)),
            ("example.org.", RecordType::PTR, (none, 0)),
            ("printer.local.", RecordType::A, (none, 0)),
            ("x.onion.", RecordType::A, (none, 0)),
            ("use-application-dns.net.", RecordType::A, (none, 0)),
            ("_dns.resolver.arpa.", RecordType::SVCB, (none, 0)),
            ("8.8.8.8.in-addr.arpa.", RecordType::PTR, (none, 0)),
            ("a.b.localhost.", RecordType::A, (ok, 1)),
            ("10.0.0.1.", RecordType::A, (none, 0)),
            (".", RecordType::NS, (none, 0)),
        ] {
            assert_eq!(code(name, kind), expected, "{name} {kind}");
        }
    }

    #[test]
    fn resolvers_that_would_hide_names_are_refused_and_told() {
        let (reply, refused) = ask("Mozilla.Cloudflare-DNS.com.", RecordType::A, &mut Names::default());
        assert_eq!(reply.metadata.response_code, ResponseCode::NXDomain);
        assert_eq!(refused, Some(Host::Name("mozilla.cloudflare-dns.com".into())));
    }

    fn upstream(records: Vec<(&str, RData)>) -> Vec<u8> {
        let mut message = Message::response(5, OpCode::Query);
        message.add_query(Query::query(Name::from_ascii("a.example.").unwrap(), RecordType::A));
        for (name, data) in records {
            message.add_answer(Record::from_rdata(Name::from_ascii(name).unwrap(), 30, data));
        }
        message.to_vec().unwrap()
    }

    #[test]
    fn only_the_answer_to_the_question_is_believed() {
        let addr = |n| RData::A(A(Ipv4Addr::new(192, 0, 2, n)));
        let alias = RData::CNAME(CNAME(Name::from_ascii("B.example.").unwrap()));
        let bytes = upstream(vec![
            ("a.example.", alias),
            ("b.example.", addr(1)),
            ("b.example.", addr(2)),
            ("c.example.", addr(66)),
        ]);
        let expected = ["192.0.2.1", "192.0.2.2"].map(|a| a.parse().unwrap()).to_vec();
        assert_eq!(
            addresses(&bytes, 5, "a.example", false),
            Some(Upstream::Addresses(expected, vec![Host::Name("b.example".into())], 30))
        );
        assert_eq!(addresses(&bytes, 6, "a.example", false), None);
        assert_eq!(addresses(&bytes, 5, "b.example", false), None);
        assert_eq!(addresses(&bytes, 5, "a.example", true), None);
        assert_eq!(addresses(&question(5, "a.example", false).unwrap(), 5, "a.example", false), None);
    }

    #[test]
    fn chains_of_aliases_have_an_end_and_names_that_can_be_asked_about() {
        let alias = |name: &str| RData::CNAME(CNAME(Name::from_ascii(name).unwrap()));
        let chain = |n: usize| {
            let names: Vec<_> = (1..=n).map(|n| format!("c{n}.example.")).collect();
            let owners = std::iter::once("a.example.").chain(names.iter().map(String::as_str));
            let bytes = upstream(owners.zip(&names).map(|(owner, name)| (owner, alias(name))).collect());
            addresses(&bytes, 5, "a.example", false)
        };
        let names: Vec<_> = (1..=ALIASES).map(|n| Host::Name(format!("c{n}.example"))).collect();
        assert_eq!(chain(ALIASES), Some(Upstream::Addresses(vec![], names, 30)));
        assert_eq!(chain(ALIASES + 1), Some(Upstream::Failed));
        let odd = Name::from_labels([b"x y".as_slice(), b"example"]).unwrap();
        let odd = upstream(vec![("a.example.", RData::CNAME(CNAME(odd)))]);
        assert_eq!(addresses(&odd, 5, "a.example", false), Some(Upstream::Failed));
    }

    proptest! {
        #[test]
        fn any_bytes_have_an_answer_or_none(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = answer(&bytes, &mut Names::default());
            let _ = addresses(&bytes, 1, "a.example", false);
        }

        #[test]
        fn broken_questions_do_not_panic(at in 0_usize..40, byte in any::<u8>(), cut in 0_usize..60) {
            let mut bytes = question(9, "some.name.example", true).unwrap();
            let len = bytes.len();
            if let Some(b) = bytes.get_mut(at) { *b = byte; }
            bytes.truncate(len.saturating_sub(cut));
            let _ = answer(&bytes, &mut Names::default());
        }
    }
}
