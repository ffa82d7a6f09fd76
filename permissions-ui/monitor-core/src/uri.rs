// SPDX-License-Identifier: GPL-3.0-or-later
//! Addresses that one app wants opened in another. In: a guest's string. Out: an address that is exactly
//! what will be opened, and how the person sees it. Nothing is expanded or decoded after it was checked.

use cofferdam_ids::Label;
use cofferdam_policy::Host;

/// Longest address, in bytes.
const MAX: usize = 4096;
/// Schemes that may cross.
const SCHEMES: [&str; 2] = ["http", "https"];
/// Characters of a host, and of its port and the rest, that are shown.
const SHOWN_HOST: usize = 48;
const SHOWN_REST: usize = 22;

/// An address that may be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Uri {
    /// What will be opened, byte for byte.
    pub(crate) text: String,
    /// Its scheme.
    pub(crate) scheme: String,
    /// How it is shown: always with the end of its host, which says whose it is.
    pub(crate) shown: Label,
}

/// Reads an address. None: it can't be opened by anybody.
pub(crate) fn read(raw: &str) -> Option<Uri> {
    // Characters that a URI has; so nothing in it can end an argument, a line or a field.
    let fit = |b: u8| {
        b.is_ascii_graphic() && !matches!(b, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
    };
    if raw.len() > MAX || !raw.bytes().all(fit) {
        return None;
    }
    let (scheme, rest) = raw.split_once(':')?;
    let scheme = scheme.to_ascii_lowercase();
    if !SCHEMES.contains(&scheme.as_str()) {
        return None;
    }
    let rest = rest.strip_prefix("//")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at_checked(end)?;
    // `https://bank.example@evil.example/` shows one host and means another.
    if authority.contains('@') {
        return None;
    }
    let (host, port) = host_of(authority)?;
    Some(Uri { text: raw.to_owned(), shown: shown(&scheme, &host, port, tail), scheme })
}

/// The host as it is shown, and its port if one is said.
fn host_of(authority: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (authority, ""),
    };
    let port = if port.is_empty() { None } else { Some(port.parse::<u16>().ok()?) };
    let bracketed = host.starts_with('[') && host.ends_with(']');
    match Host::parse(host).ok()? {
        Host::Addr(core::net::IpAddr::V6(_)) if !bracketed => None,
        Host::Name(_) if bracketed => None,
        // Without its brackets an address would run into the port.
        Host::Addr(core::net::IpAddr::V6(host)) => Some((format!("[{host}]"), port)),
        host => Some((host.to_string(), port)),
    }
}

fn shown(scheme: &str, host: &str, port: Option<u16>, tail: &str) -> Label {
    let cut = host.len().saturating_sub(SHOWN_HOST);
    let host = match host.get(cut..) {
        Some(end) if cut > 0 => format!("…{end}"),
        _ => host.to_owned(),
    };
    // The usual port goes without saying; any other is another site.
    let usual = if scheme == "http" { 80 } else { 443 };
    let port = port.filter(|port| *port != usual).map(|port| format!(":{port}")).unwrap_or_default();
    let room = SHOWN_REST.saturating_sub(port.len());
    let tail = match tail.get(..room) {
        Some(start) if tail.len() > room => format!("{start}…"),
        _ => tail.to_owned(),
    };
    Label::new(&format!("{scheme}://{host}{port}{tail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (raw, shown) in [
            ("https://example.org", "https://example.org"),
            ("HTTPS://Example.org:8443/a?b#c", "https://example.org:8443/a?b#c"),
            ("https://example.org:443/", "https://example.org/"),
            ("http://example.org:80/", "http://example.org/"),
            ("http://example.org:443/", "http://example.org:443/"),
            ("https://example.org:/", "https://example.org/"),
            ("http://[::1]/", "http://[::1]/"),
            ("http://[::1]:8080/", "http://[::1]:8080/"),
            ("https://a.org/%24%7BHOME%7D", "https://a.org/%24%7BHOME%7D"),
        ] {
            let uri = read(raw).unwrap();
            assert_eq!(uri.shown.as_str(), shown);
            assert_eq!(uri.text, raw, "what was checked is what is opened");
        }
    }

    #[test]
    fn what_could_mean_something_else_is_refused() {
        for raw in [
            "",
            "https:",
            "https://",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "-https://a.org",
            "https://bank.example@evil.example/",
            "https://a.org/ b",
            "https://a.org/\nX: y",
            "https://a.org/\u{202e}gro",
            "https://a.org:99999/",
            "https://a.org/`id`",
            "https://a.org/${HOME}",
            "https://exämple.org/",
            &format!("https://a.org/{}", "x".repeat(MAX)),
        ] {
            assert_eq!(read(raw), None, "{raw:?}");
        }
    }

    #[test]
    fn the_end_of_a_long_host_is_seen() {
        let uri = read(&format!("https://bank.example.{}.evil.example/login", "a".repeat(60))).unwrap();
        assert!(uri.shown.as_str().contains(".evil.example/login"), "{}", uri.shown);
        assert!(!uri.shown.as_str().contains("bank"), "{}", uri.shown);
        let uri = read(&format!("https://{0}.{0}.evil.example:54321/{0}", "a".repeat(60))).unwrap();
        assert!(uri.shown.as_str().contains(".evil.example:54321/aa"), "{}", uri.shown);
        assert!(
            uri.shown.as_str().chars().count() <= 80 && uri.shown.as_str().ends_with("a…"),
            "{}",
            uri.shown
        );
    }
}
