// SPDX-License-Identifier: GPL-3.0-or-later
//! The internet of one scenario: a name server and web sites on loopback, in this process.
//!
//! In: the sites of `serve_http` steps. Out: answers to whatever the scenario's desktop lets its apps ask,
//! and counters of what was sent. Nothing here can be reached from another computer.

#![expect(clippy::disallowed_methods, reason = "servers have threads")]

mod dns;
mod http;
mod wait;

pub use http::Seen;

use crate::format::ServeHttp;
use http::Site;
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use wait::{Stop, Stopper};

/// Names and where they are.
type Names = Arc<Mutex<BTreeMap<String, Ipv4Addr>>>;

/// Addresses given out by this process, so that scenarios side by side don't meet.
static GIVEN: AtomicU32 = AtomicU32::new(0);

/// Name server and sites. Dropping it ends them and every connection.
#[derive(Debug)]
pub struct TestNet {
    names: Names,
    dns: SocketAddr,
    sites: BTreeMap<(String, u16), Arc<Site>>,
    threads: Vec<JoinHandle<()>>,
    stop: Stop,
    // Behind `threads` would be too late: they end when this goes.
    stopper: Option<Stopper>,
}

impl TestNet {
    /// Starts a name server that knows no name yet.
    ///
    /// # Errors
    /// If loopback is not there.
    pub fn start() -> io::Result<Self> {
        let (stopper, stop) = wait::pair()?;
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let dns = socket.local_addr()?;
        let names = Names::default();
        let (known, stopped) = (Arc::clone(&names), stop.clone());
        let thread = std::thread::Builder::new().name("dns".into());
        let thread = thread.spawn(move || dns::serve(&socket, &known, &stopped))?;
        Ok(Self { names, dns, sites: BTreeMap::new(), threads: vec![thread], stop, stopper: Some(stopper) })
    }

    /// Where the name server is.
    #[must_use]
    pub fn dns(&self) -> SocketAddr {
        self.dns
    }

    /// Serves a site from now on.
    ///
    /// # Errors
    /// If it is served already, or its port can't be had.
    pub fn serve(&mut self, wanted: &ServeHttp) -> io::Result<()> {
        let key = (wanted.host.clone(), wanted.port);
        if self.sites.contains_key(&key) {
            return Err(io::Error::other(format!("{} is served already", wanted.host)));
        }
        let known = self.names.lock().unwrap_or_else(PoisonError::into_inner).get(&wanted.host).copied();
        let address = known.unwrap_or_else(next_address);
        let listener = TcpListener::bind((address, wanted.port))?;
        listener.set_nonblocking(true)?;
        let site = Arc::new(Site::new(wanted));
        let (served, stopped) = (Arc::clone(&site), self.stop.clone());
        let thread = std::thread::Builder::new().name("http".into());
        self.threads.push(thread.spawn(move || http::serve(&listener, &served, &stopped))?);
        // Only now can the name be asked for: there is no moment at which it leads nowhere.
        self.names.lock().unwrap_or_else(PoisonError::into_inner).insert(wanted.host.clone(), address);
        self.sites.insert(key, site);
        Ok(())
    }

    /// What a site has seen; none if there is no such site.
    #[must_use]
    pub fn seen(&self, host: &str, port: u16) -> Option<Seen> {
        self.sites.get(&(host.to_owned(), port)).map(|site| site.seen())
    }
}

impl Drop for TestNet {
    fn drop(&mut self) {
        self.stopper.take();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the scenario's network panicked");
            }
        }
    }
}

/// An address of 127.64.0.0/10 that no other scenario on this machine is likely to have.
fn next_address() -> Ipv4Addr {
    let number = GIVEN.fetch_add(1, Ordering::Relaxed).wrapping_add(std::process::id().wrapping_mul(61));
    let [_, b, c, d] = (number & 0x003f_ffff).to_be_bytes();
    Ipv4Addr::new(127, 64 | b, c, d)
}

#[cfg(test)]
#[path = "net/tests.rs"]
mod tests;
