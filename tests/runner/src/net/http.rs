// SPDX-License-Identifier: GPL-3.0-or-later
//! A web site of a scenario. In: requests, of which only the first line matters. Out: the same body at
//! every path, as fast as the scenario wants it, and counters.

#![expect(clippy::disallowed_methods, reason = "a server that gives up on who is too slow")]

use super::wait::{Stop, Woken};
use crate::format::ServeHttp;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const KIB: u64 = 1024;
/// Longest head of a request.
const MAX_HEAD: usize = 8192;
/// A client that says nothing for so long is let go.
const PATIENCE: Duration = Duration::from_secs(60);
/// Pieces of a slow answer in a second.
const PIECES: u64 = 8;
/// Longest piece of a fast one.
const PIECE: u64 = 64 * KIB;

/// What a site has seen so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// Requests.
    pub requests: u64,
    /// Bytes of bodies that were sent.
    pub sent: u64,
    /// Answers that were sent to their end.
    pub whole: u64,
    /// Answers whose reader went away before.
    pub cut: u64,
}

#[derive(Debug, Default)]
struct Counters {
    requests: AtomicU64,
    sent: AtomicU64,
    whole: AtomicU64,
    cut: AtomicU64,
}

/// A site and its counters.
#[derive(Debug)]
pub(super) struct Site {
    body: Option<String>,
    len: u64,
    rate: u64,
    hold_after: Option<u64>,
    counters: Counters,
}

impl Site {
    pub(super) fn new(wanted: &ServeHttp) -> Self {
        let text = wanted.body.as_ref().map(|body| body.len() as u64);
        Self {
            body: wanted.body.clone(),
            len: text.unwrap_or_else(|| wanted.size_kib.unwrap_or(0).saturating_mul(KIB)),
            rate: wanted.rate_kib_s.saturating_mul(KIB),
            hold_after: wanted.hold_after_kib.map(|kib| kib.saturating_mul(KIB)),
            counters: Counters::default(),
        }
    }

    pub(super) fn seen(&self) -> Seen {
        let get = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        Seen {
            requests: get(&self.counters.requests),
            sent: get(&self.counters.sent),
            whole: get(&self.counters.whole),
            cut: get(&self.counters.cut),
        }
    }

    /// Some bytes of the body from `at`: each KiB of the pattern is one letter.
    fn piece(&self, at: u64, most: u64) -> Vec<u8> {
        let end = self.len.min(at.saturating_add(most));
        match &self.body {
            Some(text) => {
                let (from, to) = (usize::try_from(at), usize::try_from(end));
                from.ok()
                    .zip(to.ok())
                    .and_then(|(a, b)| text.as_bytes().get(a..b))
                    .unwrap_or_default()
                    .to_vec()
            }
            None => (at..end).map(|n| b'a' + u8::try_from(n / KIB % 26).unwrap_or(0)).collect(),
        }
    }
}

fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::SeqCst);
}

/// Serves until the end; each connection has a thread of its own.
pub(super) fn serve(listener: &TcpListener, site: &Arc<Site>, stop: &Stop) {
    let mut threads = Vec::new();
    while stop.wait(listener, false, None).is_ok_and(|woken| woken == Woken::Ready) {
        let Ok((stream, _)) = listener.accept() else { continue };
        let (site, stop) = (Arc::clone(site), stop.clone());
        threads.push(std::thread::spawn(move || {
            if let Err(error) = connection(stream, &site, &stop) {
                tracing::debug!(%error, "a connection of the scenario's site");
            }
        }));
    }
    for thread in threads {
        if thread.join().is_err() {
            tracing::error!("a thread of the scenario's site panicked");
        }
    }
}

fn connection(mut stream: TcpStream, site: &Site, stop: &Stop) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let Some(method) = request(&mut stream, stop)? else { return Ok(()) };
    count(&site.counters.requests, 1);
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n",
        site.len
    );
    let end = Instant::now() + PATIENCE;
    if !write(&mut stream, head.as_bytes(), stop, end)? || method == "HEAD" {
        return Ok(());
    }
    match body(&mut stream, site, stop) {
        Ok(true) => {
            count(&site.counters.whole, 1);
            stream.shutdown(std::net::Shutdown::Write)?;
            // The reader says when it has everything.
            gone(&mut stream, stop, Some(end)).map(|_| ())
        }
        Ok(false) => Ok(()),
        Err(error) => {
            count(&site.counters.cut, 1);
            Err(error)
        }
    }
}

/// Sends the body. False if everything is to end; an error if the reader is gone.
fn body(stream: &mut TcpStream, site: &Site, stop: &Stop) -> io::Result<bool> {
    let begun = Instant::now();
    let step = if site.rate == 0 { PIECE } else { (site.rate / PIECES).max(1) };
    let (mut at, mut pieces) = (0, 0_u32);
    while at < site.len {
        if site.hold_after.is_some_and(|hold| at >= hold) {
            return match gone(stream, stop, None)? {
                Woken::Ready => Err(closed()),
                Woken::Due | Woken::Stopped => Ok(false),
            };
        }
        if site.rate > 0 {
            let due = begun + Duration::from_millis(1000 / PIECES).saturating_mul(pieces);
            match gone(stream, stop, Some(due))? {
                Woken::Ready => return Err(closed()),
                Woken::Stopped => return Ok(false),
                Woken::Due => {}
            }
            pieces = pieces.saturating_add(1);
        }
        let most = site.hold_after.map_or(step, |hold| step.min(hold.saturating_sub(at)));
        let piece = site.piece(at, most);
        if !write(stream, &piece, stop, Instant::now() + PATIENCE)? {
            return Ok(false);
        }
        at = at.saturating_add(piece.len() as u64);
        count(&site.counters.sent, piece.len() as u64);
    }
    Ok(true)
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "the reader went away")
}

/// Waits until `due`, or for ever, or until the other side has gone away: [`Woken::Ready`].
fn gone(stream: &mut TcpStream, stop: &Stop, due: Option<Instant>) -> io::Result<Woken> {
    let mut junk = [0; 512];
    loop {
        let woken = stop.wait(&*stream, false, due)?;
        if woken != Woken::Ready {
            return Ok(woken);
        }
        match stream.read(&mut junk) {
            Ok(0) => return Ok(Woken::Ready),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// Writes everything; false if everything is to end.
fn write(stream: &mut TcpStream, mut bytes: &[u8], stop: &Stop, end: Instant) -> io::Result<bool> {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(n) => bytes = bytes.get(n..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                match stop.wait(&*stream, true, Some(end))? {
                    Woken::Ready => {}
                    Woken::Due => return Err(closed()),
                    Woken::Stopped => return Ok(false),
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// Reads the head of a request; gives back its method, or none if there was none.
fn request(stream: &mut TcpStream, stop: &Stop) -> io::Result<Option<String>> {
    let end = Instant::now() + PATIENCE;
    let (mut head, mut piece) = (Vec::new(), [0; 1024]);
    while head.len() < MAX_HEAD {
        if head.windows(4).any(|w| w == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&head);
            return Ok(text.split_whitespace().next().map(str::to_owned));
        }
        if stop.wait(&*stream, false, Some(end))? != Woken::Ready {
            return Ok(None);
        }
        match stream.read(&mut piece) {
            Ok(0) => return Ok(None),
            Ok(n) => head.extend(piece.get(..n).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}
