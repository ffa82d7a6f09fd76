// SPDX-License-Identifier: GPL-3.0-or-later
//! What a permission is about, in words. In: text of the command line, a rule file or the panel, such as
//! `imap.example.org`, `local:printer.home`, `text from firefox`. Out: the key of a grant, and back.

use cofferdam_ids::{NameError, VmId, is_scheme};
use cofferdam_policy::{
    Contact, Content, FileAccess, FileKind, Host, HostError, Key, Kind, Resource, Transport, Zone,
};
use core::net::IpAddr;

/// Why a text says nothing about a kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// No host.
    #[error(transparent)]
    Host(#[from] HostError),
    /// No port.
    #[error("{0:?} is no port")]
    Port(String),
    /// No pair.
    #[error("write what and from where, such as \"text from firefox\"; what is text, image or files")]
    Pair,
    /// No VM.
    #[error(transparent)]
    Vm(#[from] NameError),
    /// No way to use a file.
    #[error("write read or write")]
    Access,
    /// No scheme.
    #[error("{0:?} is no scheme such as https")]
    Scheme(String),
    /// The kind has no targets.
    #[error("{0} has no parts; leave the target out")]
    Whole(Kind),
}

/// Reads what a permission of `kind` is about. Nothing, or `all`, is all of it; of the network, all of the
/// Internet if it is a yes. `local:all`, `host:all` and `vm:all` are the rest.
///
/// # Errors
/// [`TargetError`].
pub fn parse(kind: Kind, text: &str) -> Result<Key, TargetError> {
    let text = text.trim();
    if text.is_empty() || text == "all" {
        return Ok(Key::All(kind));
    }
    match kind {
        Kind::Network => site(text),
        Kind::Clipboard => pair(text).map(|(content, from)| Key::Paste { from, content }),
        Kind::DragAndDrop => pair(text).map(|(content, from)| Key::Drop { from, content }),
        Kind::Files => match text {
            "read" => Ok(Key::Files { access: FileAccess::Read }),
            "write" => Ok(Key::Files { access: FileAccess::Write }),
            _ => Err(TargetError::Access),
        },
        Kind::OpenUri => {
            let scheme = text.to_ascii_lowercase();
            if is_scheme(&scheme) {
                Ok(Key::Scheme(scheme))
            } else {
                Err(TargetError::Scheme(text.to_owned()))
            }
        }
        _ => Err(TargetError::Whole(kind)),
    }
}

fn site(text: &str) -> Result<Key, TargetError> {
    let named = |zone: Zone| Some((Some(zone), text.strip_prefix(zone.name())?.strip_prefix(':')?));
    let (zone, rest) = Zone::ALL.into_iter().find_map(named).unwrap_or((None, text));
    if let (Some(zone), "all") = (zone, rest) {
        return Ok(Key::Zone(zone));
    }
    let host = Host::parse(without_port(rest)?)?;
    let zone = zone.unwrap_or_else(|| zone_of(&host));
    Ok(Key::Site { host, zone })
}

/// `name:993` and `[::1]:993` without the port, which no grant covers.
fn without_port(text: &str) -> Result<&str, TargetError> {
    if text.parse::<IpAddr>().is_ok() {
        return Ok(text);
    }
    match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            port.parse::<u16>().map_err(|_bad| TargetError::Port(port.to_owned()))?;
            Ok(host)
        }
        _ => Ok(text),
    }
}

/// Where a place is if nobody says so: an address says it itself, a name is on the internet.
fn zone_of(host: &Host) -> Zone {
    match host {
        Host::Addr(addr) => Zone::of(*addr),
        Host::Name(_) => Zone::Internet,
    }
}

fn pair(text: &str) -> Result<(Content, VmId), TargetError> {
    let mut words = text.split_whitespace();
    let (Some(what), Some("from"), Some(from), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(TargetError::Pair);
    };
    let content = match what {
        "text" => Content::Text,
        "image" => Content::Image,
        "files" => Content::Files,
        _ => return Err(TargetError::Pair),
    };
    Ok((content, from.parse()?))
}

const fn content_name(content: Content) -> &'static str {
    match content {
        Content::Text => "text",
        Content::Image => "image",
        Content::Files => "files",
    }
}

const fn access_name(access: FileAccess) -> &'static str {
    match access {
        FileAccess::Read => "read",
        FileAccess::Write => "write",
    }
}

/// Puts the zone before a place, unless that is where anybody would look for it.
fn zoned(host: &Host, zone: Zone, place: &str) -> String {
    if zone == zone_of(host) { place.to_owned() } else { format!("{}:{place}", zone.name()) }
}

/// The words for a key; [`parse`] reads them back.
#[must_use]
pub fn of_key(key: &Key) -> String {
    match key {
        Key::Site { host, zone } => zoned(host, *zone, &host.to_string()),
        Key::Zone(zone) => format!("{}:all", zone.name()),
        Key::Paste { from, content } | Key::Drop { from, content } => {
            format!("{} from {from}", content_name(*content))
        }
        Key::Files { access } => access_name(*access).to_owned(),
        Key::Scheme(scheme) => scheme.clone(),
        Key::All(_) => "all".to_owned(),
    }
}

/// The words for one thing that was asked for, with the port.
#[must_use]
pub fn of_resource(resource: &Resource) -> String {
    match resource {
        Resource::Network(contact) if contact.port != 0 => {
            let (host, port) = (&contact.host, contact.port);
            let place = match host {
                Host::Addr(IpAddr::V6(addr)) => format!("[{addr}]:{port}"),
                _ => format!("{host}:{port}"),
            };
            zoned(host, contact.zone, &place)
        }
        Resource::Files { kind: FileKind::Folder, access } => format!("folder, {}", access_name(*access)),
        Resource::Plain(_) => String::new(),
        other => of_key(&other.key()),
    }
}

/// Something to ask for that this key covers, for explanations.
#[must_use]
pub fn example(key: &Key) -> Resource {
    match key {
        Key::Site { host, zone } => Resource::Network(Contact {
            host: host.clone(),
            zone: *zone,
            transport: Transport::Tcp,
            port: 443,
        }),
        Key::Paste { from, content } => Resource::Clipboard { from: from.clone(), content: *content },
        Key::Drop { from, content } => Resource::DragAndDrop { from: from.clone(), content: *content },
        Key::Files { access } => Resource::Files { kind: FileKind::File, access: *access },
        Key::Scheme(scheme) => Resource::OpenUri { scheme: scheme.clone() },
        Key::Zone(zone) => any(*zone).unwrap_or(Resource::Plain(Kind::Network)),
        Key::All(kind) => some(*kind),
    }
}

fn any(zone: Zone) -> Option<Resource> {
    let host = Host::parse("any.invalid").ok()?;
    Some(Resource::Network(Contact { host, zone, transport: Transport::Tcp, port: 443 }))
}

/// Something of a kind. A name under `.invalid` and a VM called `another` stand for any.
fn some(kind: Kind) -> Resource {
    let another = || "another".parse().ok();
    let content = Content::Text;
    let example = match kind {
        Kind::Network => any(Zone::Internet),
        Kind::Clipboard => another().map(|from| Resource::Clipboard { from, content }),
        Kind::DragAndDrop => another().map(|from| Resource::DragAndDrop { from, content }),
        Kind::Files => Some(Resource::Files { kind: FileKind::File, access: FileAccess::Read }),
        Kind::OpenUri => Some(Resource::OpenUri { scheme: "https".to_owned() }),
        _ => None,
    };
    example.unwrap_or(Resource::Plain(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_keys() {
        for (kind, text, expected) in [
            (Kind::Network, "imap.example.org", "imap.example.org"),
            (Kind::Network, "IMAP.example.org.:993", "imap.example.org"),
            (Kind::Network, "local:printer.home", "local:printer.home"),
            (Kind::Network, "192.168.1.5", "192.168.1.5"),
            (Kind::Network, "[::1]:80", "::1"),
            (Kind::Network, "internet:10.0.0.1", "internet:10.0.0.1"),
            (Kind::Network, "9.9.9.9", "9.9.9.9"),
            (Kind::Network, "host:name", "host:name"),
            (Kind::Network, "", "all"),
            (Kind::Network, "local:all", "local:all"),
            (Kind::Network, "internet:all", "internet:all"),
            (Kind::Network, "local:2001:db8::1", "local:2001:db8::1"),
            (Kind::Network, "local:[2001:db8::1]:443", "local:2001:db8::1"),
            (Kind::Network, "internet:100.64.0.1", "internet:100.64.0.1"),
            (Kind::Clipboard, "text from firefox", "text from firefox"),
            (Kind::DragAndDrop, "files  from  foot", "files from foot"),
            (Kind::Files, "read", "read"),
            (Kind::OpenUri, "HTTPS", "https"),
            (Kind::Microphone, "all", "all"),
        ] {
            let key = parse(kind, text).unwrap();
            assert_eq!(of_key(&key), expected, "{text}");
            assert_eq!(key.kind(), kind);
            assert_eq!(parse(kind, &of_key(&key)).unwrap(), key, "{text} comes back");
        }
    }

    #[test]
    fn an_address_is_where_the_gateway_says() {
        for (text, expected) in [
            ("100.64.0.1", Zone::Local),
            ("198.18.0.1", Zone::Local),
            ("192.0.0.8", Zone::Local),
            ("2002:5db8:d822::1", Zone::Local),
            ("2001:0:1::1", Zone::Local),
            ("64:ff9b::7f00:1", Zone::Host),
            ("10.0.2.16", Zone::Vm),
            ("fd00:cffe::16", Zone::Vm),
            ("93.184.216.34", Zone::Internet),
        ] {
            let Ok(Key::Site { zone, .. }) = parse(Kind::Network, text) else { panic!("{text}") };
            assert_eq!(zone, expected, "{text}");
        }
    }

    #[test]
    fn a_line_of_the_log_says_where() {
        for (host, zone, expected) in [
            ("2001:db8::1", Zone::Internet, "[2001:db8::1]:443"),
            ("2001:db8::1", Zone::Local, "local:[2001:db8::1]:443"),
            ("fd00::1", Zone::Local, "[fd00::1]:443"),
            ("93.184.216.34", Zone::Host, "host:93.184.216.34:443"),
            ("192.168.1.1", Zone::Local, "192.168.1.1:443"),
            ("a.org", Zone::Local, "local:a.org:443"),
            ("a.org", Zone::Internet, "a.org:443"),
        ] {
            let host = Host::parse(host).unwrap();
            let contact = Contact { host, zone, transport: Transport::Tcp, port: 443 };
            let words = of_resource(&Resource::Network(contact.clone()));
            assert_eq!(words, expected);
            let key = Key::Site { host: contact.host, zone };
            assert_eq!(parse(Kind::Network, &words).unwrap(), key, "{words} comes back");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (kind, text) in [
            (Kind::Network, "a b"),
            (Kind::Network, "a:x"),
            (Kind::Network, "a:70000"),
            (Kind::Network, "exa\nmple.org"),
            (Kind::Clipboard, "text"),
            (Kind::Clipboard, "sound from firefox"),
            (Kind::Clipboard, "text from Firefox"),
            (Kind::Clipboard, "text from a b"),
            (Kind::Files, "/etc/passwd"),
            (Kind::OpenUri, "-x"),
            (Kind::OpenUri, "ja va"),
            (Kind::Microphone, "left"),
        ] {
            assert!(parse(kind, text).is_err(), "{text}");
        }
    }
}
