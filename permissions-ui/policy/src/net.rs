// SPDX-License-Identifier: GPL-3.0-or-later
//! Places in the network. In: untrusted names and addresses. Out: types that hold only what can be shown
//! and compared.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest host name, in bytes (RFC 1035, without the final dot).
const MAX_NAME: usize = 253;

/// Why a string is no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// Nothing there.
    #[error("a host name can't be empty")]
    Empty,
    /// More than 253 bytes.
    #[error("a host name has at most {MAX_NAME} characters, this one has {0}")]
    TooLong(usize),
    /// A label is empty or longer than 63 bytes.
    #[error("a part of a host name has 1 to 63 characters")]
    BadLabel,
    /// Something else than letters, digits, `-` and `_`.
    #[error("a host name is made of a–z, 0–9, '-', '_' and dots; {0:?} is not one of them")]
    BadChar(char),
    /// A name that programs read as an address: `127.1`, `0x7f000001`, `10.0.0.1.`.
    #[error("a name can't end in a number; an address has four numbers, or is in the long form")]
    Number,
}

/// Who is contacted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Host {
    /// A DNS name: lower case, ASCII (punycode as it came), no final dot.
    Name(String),
    /// A literal address that no name of ours stands for.
    Addr(IpAddr),
}

impl Host {
    /// Reads a name or an address.
    ///
    /// # Errors
    /// See [`HostError`].
    pub fn parse(raw: &str) -> Result<Self, HostError> {
        let inside = raw.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let addr = match inside {
            Some(inside) => inside.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            None => raw.parse::<IpAddr>().ok(),
        };
        if let Some(addr) = addr {
            return Ok(Self::Addr(addr.to_canonical()));
        }
        let raw = raw.strip_suffix('.').unwrap_or(raw);
        if raw.is_empty() {
            return Err(HostError::Empty);
        }
        if raw.len() > MAX_NAME {
            return Err(HostError::TooLong(raw.len()));
        }
        for label in raw.split('.') {
            if label.is_empty() || label.len() > 63 {
                return Err(HostError::BadLabel);
            }
            if let Some(c) = label.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))) {
                return Err(HostError::BadChar(c));
            }
        }
        // Resolvers read such a thing as an address, each in its own way. No name on the internet ends so.
        if raw.rsplit('.').next().is_some_and(is_number) {
            return Err(HostError::Number);
        }
        Ok(Self::Name(raw.to_ascii_lowercase()))
    }
}

/// Decimal, octal or hexadecimal, as `inet_aton` and browsers read the parts of an address.
fn is_number(label: &str) -> bool {
    match label.strip_prefix("0x").or_else(|| label.strip_prefix("0X")) {
        Some(digits) => digits.bytes().all(|b| b.is_ascii_hexdigit()),
        None => label.bytes().all(|b| b.is_ascii_digit()),
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Addr(addr) => addr.fmt(f),
        }
    }
}

impl TryFrom<String> for Host {
    type Error = HostError;
    fn try_from(raw: String) -> Result<Self, HostError> {
        Self::parse(&raw)
    }
}

impl From<Host> for String {
    fn from(host: Host) -> Self {
        host.to_string()
    }
}

/// Which network an address belongs to. Each is a grant of its own: a name on the internet whose address
/// turns out to lie in the local network needs the local grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Zone {
    /// Public addresses.
    Internet,
    /// Private, link-local and multicast ranges.
    Local,
    /// This computer: loopback and its own addresses.
    Host,
    /// Other VMs.
    Vm,
}

impl Zone {
    /// All, the open world first.
    pub const ALL: [Self; 4] = [Self::Internet, Self::Local, Self::Host, Self::Vm];

    /// The name on the command line, in rule files and in front of a target.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Internet => "internet",
            Self::Local => "local",
            Self::Host => "host",
            Self::Vm => "vm",
        }
    }

    /// The zone of an address, as far as the address itself says. A public address may still be one of this
    /// computer's own or of the network it is in; only the gateway can find that out.
    #[must_use]
    pub fn of(addr: IpAddr) -> Self {
        match addr.to_canonical() {
            IpAddr::V4(addr) => of_v4(addr),
            IpAddr::V6(addr) => of_v6(addr),
        }
    }
}

const fn of_v4(addr: Ipv4Addr) -> Zone {
    match addr.octets() {
        [0 | 127, ..] => Zone::Host,
        [10, 0, 2, _] => Zone::Vm,
        // Private, shared, link-local, special and benchmark ranges, multicast, reserved, broadcast.
        [10, ..]
        | [100, 64..=127, ..]
        | [169, 254, ..]
        | [172, 16..=31, ..]
        | [192, 0, 0, _]
        | [192, 168, ..]
        | [198, 18..=19, ..]
        | [224..=255, ..] => Zone::Local,
        _ => Zone::Internet,
    }
}

const fn of_v6(addr: Ipv6Addr) -> Zone {
    match addr.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => Zone::Host,
        // Addresses that a translator turns into IPv4 ones.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            of_v4(Ipv4Addr::from_bits(((high as u32) << 16) | low as u32))
        }
        [0xfd00, 0xcffe, ..] => Zone::Vm,
        // Global unicast; without tunnels, whose inner address may be anybody's.
        [0x2002, ..] | [0x2001, 0, ..] => Zone::Local,
        [0x2000..=0x3fff, ..] => Zone::Internet,
        _ => Zone::Local,
    }
}

/// What carries the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP echo; its port is 0.
    Echo,
}

/// A wish to talk to somebody.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// Who.
    pub host: Host,
    /// Where that is.
    pub zone: Zone,
    /// How.
    pub transport: Transport,
    /// At which port; shown, but not part of what a grant covers.
    pub port: u16,
}
