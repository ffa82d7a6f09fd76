// SPDX-License-Identifier: GPL-3.0-or-later
//! What a permission is about, in words. In: text of the command line, a rule file or the panel, such as
//! `imap.example.org`, `local:printer.home`, `text from firefox`. Out: the key of a grant, and back.

use cofferdam_ids::{NameError, VmId};
use cofferdam_policy::{
    Contact, Content, FileAccess, FileKind, Host, HostError, Key, Kind, Resource, Transport, Zone,
};
use std::net::IpAddr;

/// Longest scheme of an address.
const MAX_SCHEME: usize = 32;

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

/// Reads what a permission of `kind` is about. Nothing, or `all`, is all of it.
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

/// Whether this is the name of a scheme as policy writes it.
#[must_use]
pub fn is_scheme(text: &str) -> bool {
    let fit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '+' | '-' | '.');
    text.len() <= MAX_SCHEME && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(fit)
}

fn site(text: &str) -> Result<Key, TargetError> {
    let (zone, rest) = ["internet", "local", "host", "vm"]
        .into_iter()
        .zip([Zone::Internet, Zone::Local, Zone::Host, Zone::Vm])
        .find_map(|(word, zone)| Some((Some(zone), text.strip_prefix(word)?.strip_prefix(':')?)))
        .unwrap_or((None, text));
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
    let Host::Addr(addr) = host else { return Zone::Internet };
    let local = match addr {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local() || v4.is_multicast() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_multicast(),
    };
    if addr.is_loopback() || addr.is_unspecified() {
        Zone::Host
    } else if local {
        Zone::Local
    } else {
        Zone::Internet
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

fn place(host: &Host, zone: Zone) -> String {
    match zone {
        Zone::Internet => host.to_string(),
        // Its address already says where it is.
        _ if matches!(host, Host::Addr(_)) && zone_of(host) == zone => host.to_string(),
        Zone::Local => format!("local:{host}"),
        Zone::Host => format!("host:{host}"),
        Zone::Vm => format!("vm:{host}"),
    }
}

/// The words for a key; [`parse`] reads them back.
#[must_use]
pub fn of_key(key: &Key) -> String {
    match key {
        Key::Site { host, zone } => {
            // An address whose own zone is another one must say which is meant.
            if *zone == Zone::Internet && zone_of(host) != Zone::Internet {
                return format!("internet:{host}");
            }
            place(host, *zone)
        }
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
        Resource::Network(contact) if contact.port != 0 => match contact.host {
            Host::Addr(IpAddr::V6(addr)) => format!("[{addr}]:{}", contact.port),
            _ => format!("{}:{}", place(&contact.host, contact.zone), contact.port),
        },
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
        Key::All(kind) => some(*kind),
    }
}

/// Something of a kind. A name under `.invalid` and a VM called `another` stand for any.
fn some(kind: Kind) -> Resource {
    let another = || "another".parse().ok();
    let content = Content::Text;
    let example = match kind {
        Kind::Network => Host::parse("any.invalid").ok().map(|host| {
            Resource::Network(Contact { host, zone: Zone::Internet, transport: Transport::Tcp, port: 443 })
        }),
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
