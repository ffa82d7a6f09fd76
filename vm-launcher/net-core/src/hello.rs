// SPDX-License-Identifier: GPL-3.0-or-later
//! The name in a TLS hello.
//!
//! In: the first bytes that an app sends on a connection. Out: the server name it asks for, that there is
//! none, that this is no TLS, or that more bytes are needed. The hello may come in several records; at most
//! 16 KiB of it are looked at. Nothing else of TLS is understood or wanted.

/// Longest hello.
pub const LIMIT: usize = 16 * 1024;

/// What the first bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hello {
    /// Not TLS at all.
    NotTls,
    /// The beginning of a hello.
    More,
    /// A hello without a server name.
    Nameless,
    /// A hello for this server, in lower case.
    For(String),
    /// A broken hello, or one too long. What hides its name is not let through.
    Broken,
}

/// Why reading stops.
enum Stop {
    /// Too few bytes.
    Short,
    /// Not a hello.
    Bad,
}

/// A cursor over bytes that says no instead of reading past the end.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(n)?;
        self.0 = tail;
        Some(head)
    }

    fn number(&mut self, bytes: usize) -> Option<usize> {
        Some(self.take(bytes)?.iter().fold(0, |n, byte| (n << 8) | usize::from(*byte)))
    }

    /// A piece that says its own length in so many bytes.
    fn piece(&mut self, bytes: usize) -> Option<Self> {
        let n = self.number(bytes)?;
        self.take(n).map(Self)
    }
}

/// Reads the first bytes of a connection.
#[must_use]
pub fn read(bytes: &[u8]) -> Hello {
    match bytes {
        [] => return Hello::More,
        [0x16] => return Hello::More,
        [0x16, 3, ..] => {}
        _ => return Hello::NotTls,
    }
    match handshake(bytes) {
        Ok(message) => client_hello(&message).unwrap_or(Hello::Broken),
        Err(Stop::Short) if bytes.len() < LIMIT => Hello::More,
        Err(Stop::Short | Stop::Bad) => Hello::Broken,
    }
}

/// The body of the first handshake message, put together from records.
fn handshake(bytes: &[u8]) -> Result<Vec<u8>, Stop> {
    let mut records = Cursor(bytes);
    let mut message = Vec::new();
    loop {
        if message.first().is_some_and(|kind| *kind != 1) {
            return Err(Stop::Bad);
        }
        if let Some(header) = message.first_chunk::<4>() {
            let [_, high, middle, low] = *header;
            let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
            if length > LIMIT {
                return Err(Stop::Bad);
            }
            if let Some(body) = message.get(4..length.saturating_add(4)) {
                return Ok(body.to_vec());
            }
        }
        let header = records.take(3).ok_or(Stop::Short)?;
        if !header.starts_with(&[0x16, 3]) {
            return Err(Stop::Bad);
        }
        let length = records.number(2).ok_or(Stop::Short)?;
        if length == 0 || length > LIMIT {
            return Err(Stop::Bad);
        }
        // A record that is not all there yet may still hold what is missing.
        match records.take(length) {
            Some(record) => message.extend_from_slice(record),
            None => {
                message.extend_from_slice(records.take(records.0.len()).unwrap_or(&[]));
                let length = message
                    .first_chunk::<4>()
                    .map(|[_, a, b, c]| usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c));
                let body = length.and_then(|length| message.get(4..length.saturating_add(4)));
                return match (message.first(), body) {
                    (Some(kind), _) if *kind != 1 => Err(Stop::Bad),
                    (_, Some(body)) => Ok(body.to_vec()),
                    _ => Err(Stop::Short),
                };
            }
        }
    }
}

fn client_hello(body: &[u8]) -> Option<Hello> {
    let mut hello = Cursor(body);
    hello.take(2 + 32)?;
    hello.piece(1)?;
    hello.piece(2)?;
    hello.piece(1)?;
    if hello.0.is_empty() {
        return Some(Hello::Nameless);
    }
    let mut extensions = hello.piece(2)?;
    if !hello.0.is_empty() {
        return None;
    }
    let mut name = None;
    while !extensions.0.is_empty() {
        let kind = extensions.number(2)?;
        let extension = extensions.piece(2)?;
        if kind == 0 {
            // Twice the same extension is forbidden, and would let two readers see two names.
            if name.is_some() {
                return None;
            }
            name = Some(server_name(extension)?);
        }
    }
    Some(name.map_or(Hello::Nameless, Hello::For))
}

fn server_name(mut extension: Cursor<'_>) -> Option<String> {
    let mut list = extension.piece(2)?;
    let kind = list.number(1)?;
    let name = list.piece(2)?.0;
    let fits = extension.0.is_empty() && list.0.is_empty() && kind == 0 && (1..=255).contains(&name.len());
    if !fits || !name.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    let name = core::str::from_utf8(name).ok()?.to_ascii_lowercase();
    Some(name.strip_suffix('.').map(str::to_owned).unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = kind.to_be_bytes().to_vec();
        bytes.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
        bytes.extend(body);
        bytes
    }

    fn sni(name: &[u8]) -> Vec<u8> {
        let len = u16::try_from(name.len()).unwrap();
        let mut body = (len + 3).to_be_bytes().to_vec();
        body.push(0);
        body.extend(len.to_be_bytes());
        body.extend(name);
        extension(0, &body)
    }

    /// A hello in records of at most `cut` bytes.
    fn hello(extensions: &[u8], cut: usize) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0, 0, 2, 0x13, 1, 1, 0]);
        body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
        body.extend(extensions);
        let mut message = vec![1];
        message.extend(&u32::try_from(body.len()).unwrap().to_be_bytes()[1..]);
        message.extend(body);
        let mut bytes = Vec::new();
        for part in message.chunks(cut) {
            bytes.extend([0x16, 3, 1]);
            bytes.extend(u16::try_from(part.len()).unwrap().to_be_bytes());
            bytes.extend(part);
        }
        bytes
    }

    #[test]
    fn names_are_found() {
        let other = extension(10, &[0, 2, 0, 29]);
        let named = [other.clone(), sni(b"Mail.Example.org.")].concat();
        for cut in [1, 3, 50, 10_000] {
            assert_eq!(read(&hello(&named, cut)), Hello::For("mail.example.org".into()), "{cut}");
            assert_eq!(read(&hello(&other, cut)), Hello::Nameless, "{cut}");
        }
        assert_eq!(read(b"GET / HTTP/1.1\r\n"), Hello::NotTls);
        assert_eq!(read(b"\x16SSH"), Hello::NotTls);
        assert_eq!(read(b""), Hello::More);
    }

    #[test]
    fn two_readers_can_not_see_two_names() {
        let twice = [sni(b"good.example"), sni(b"evil.example")].concat();
        assert_eq!(read(&hello(&twice, 10_000)), Hello::Broken);
        assert_eq!(read(&hello(&sni(b"a\0b"), 10_000)), Hello::Broken);
        assert_eq!(read(&hello(&sni(b""), 10_000)), Hello::Broken);
        // Two names in one list.
        let body = [0, 8, 0, 0, 1, b'a', 0, 0, 1, b'b'];
        assert_eq!(read(&hello(&extension(0, &body), 10_000)), Hello::Broken);
        // A record that is no handshake in between, and empty ones.
        let mut mixed = hello(&sni(b"good.example"), 10);
        mixed[15] = 0x17;
        assert_eq!(read(&mixed), Hello::Broken);
        assert_eq!(read(&[0x16, 3, 1, 0, 0, 0x16, 3, 1]), Hello::Broken);
    }

    #[test]
    fn what_hides_behind_length_is_not_let_through() {
        let mut long = vec![0x16, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc];
        long.resize(LIMIT, 0);
        assert_eq!(read(&long), Hello::Broken);
        assert_eq!(read(&[0x16, 3, 1, 0, 4, 1, 1, 0, 0]), Hello::Broken, "65,536 bytes announced");
    }

    proptest! {
        #[test]
        fn every_prefix_wants_more_and_nothing_panics(name in "[a-z]{1,40}\\.example", cut in 1_usize..200) {
            let bytes = hello(&sni(name.as_bytes()), cut);
            for end in 0..bytes.len() {
                prop_assert_eq!(read(&bytes[..end]), Hello::More);
            }
            prop_assert_eq!(read(&bytes), Hello::For(name));
        }

        #[test]
        fn any_bytes_are_something(mut bytes in prop::collection::vec(any::<u8>(), 0..400), tls in any::<bool>()) {
            if tls && bytes.len() > 6 {
                bytes[..6].copy_from_slice(&[0x16, 3, 1, 0, 200, 1]);
            }
            let _ = read(&bytes);
        }
    }
}
