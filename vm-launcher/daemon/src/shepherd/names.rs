// SPDX-License-Identifier: GPL-3.0-or-later
//! The name servers of this computer, which its network gateways can't look up from their jails.
//!
//! In: the file that lists them, and the kernel's word that it has changed, was replaced, or is now a link to
//! another one. Out: the list, then and whenever it is another. A file that names no server changes nothing:
//! it may be half written, and yesterday's servers are better than none.

use super::{Inbox, Input};
use cofferdam_kit::readiness;
use cofferdam_lifecycle::NAME_SERVERS;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use std::io::{self, Read as _};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Where they are listed.
const FILE: &str = "/etc/resolv.conf";
/// Most bytes of it that are read.
const MOST: u64 = 64 * 1024;
/// Most servers that are used.
const SERVERS: usize = 3;
/// Most links that are followed.
const LINKS: usize = 16;

/// Begins to tell of them.
pub(crate) fn follow(inbox: &Inbox) {
    let inbox = inbox.clone();
    tokio::spawn(async move {
        if let Err(error) = run(Path::new(FILE), &inbox).await {
            tracing::warn!(%error, "changes of the name servers will not be noticed");
        }
    });
}

/// Ends only with the shepherd, or when the kernel refuses to watch.
async fn run(file: &Path, inbox: &Inbox) -> io::Result<()> {
    let fd = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
    let fd = readiness::watch(fd, Interest::READABLE)?;
    let (mut told, mut good) = (Vec::new(), true);
    loop {
        // Watched first and read then, so that no change is missed between the two.
        watch(fd.get_ref(), file);
        let servers = read(file).map(|text| parse(&text)).unwrap_or_default();
        if servers.is_empty() {
            if std::mem::replace(&mut good, false) {
                tracing::warn!(file = %file.display(), "it names no name server; those of before stay");
            }
        } else {
            good = true;
            if servers != told {
                told.clone_from(&servers);
                if inbox.send(setting(&servers)).await.is_err() {
                    return Ok(());
                }
            }
        }
        tokio::select! {
            changed = change(&fd) => changed?,
            () = inbox.closed() => return Ok(()),
        }
    }
}

/// Waits until something has changed.
async fn change(fd: &AsyncFd<OwnedFd>) -> io::Result<()> {
    loop {
        let mut guard = fd.ready(Interest::READABLE).await?;
        let mut events = [0; 4096];
        match rustix::io::read(guard.get_inner(), &mut events) {
            Ok(_) => return Ok(()),
            Err(rustix::io::Errno::AGAIN) => guard.clear_ready(),
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Watches the directory of the file, and those of the links on the way to it.
fn watch(fd: &OwnedFd, file: &Path) {
    let mut path = file.to_owned();
    for _ in 0..LINKS {
        let above = path.parent().unwrap_or(Path::new("/"));
        let flags = WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::CLOSE_WRITE | WatchFlags::ONLYDIR;
        // What is not there yet appears in the next directory above it that is.
        if !above.ancestors().any(|directory| inotify::add_watch(fd, directory, flags).is_ok()) {
            tracing::debug!(path = %path.display(), "nothing to watch");
        }
        let Ok(target) = std::fs::read_link(&path) else { return };
        path = plain(&above.join(target));
    }
}

/// A path without `..`, as far as that can be said without looking.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, part| {
        match part {
            std::path::Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
        plain
    })
}

fn read(file: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    let opened = rustix::fs::open(
        file,
        // Somebody may have put a pipe there.
        rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC | rustix::fs::OFlags::NONBLOCK,
        rustix::fs::Mode::empty(),
    )?;
    std::fs::File::from(opened).take(MOST).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The servers that a file names, the first few.
fn parse(text: &str) -> Vec<SocketAddr> {
    let server = |line: &str| {
        let mut words = line.split_whitespace();
        let address = words.next().filter(|word| *word == "nameserver").and_then(|_| words.next())?;
        // A link-local server's interface is not ours to name.
        let address = address.split('%').next()?;
        address.parse().ok().map(|address: IpAddr| SocketAddr::new(address, 53))
    };
    text.lines().filter_map(server).take(SERVERS).collect()
}

/// The words in which parts are told.
fn setting(servers: &[SocketAddr]) -> Input {
    Input::Setting { name: NAME_SERVERS, words: servers.iter().map(ToString::to_string).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::sync::mpsc;

    #[test]
    fn files() {
        let long = "nameserver 192.0.2.1\n".repeat(9);
        for (text, expected) in [
            ("", vec![]),
            ("search example.org\noptions edns0\n", vec![]),
            ("nameserver\nnameserver x\nnameservers 192.0.2.1\n#nameserver 192.0.2.1\n", vec![]),
            (
                "  nameserver\t192.0.2.1 # home\nnameserver 2001:db8::1\n",
                vec!["192.0.2.1:53", "[2001:db8::1]:53"],
            ),
            ("nameserver fe80::1%eth0", vec!["[fe80::1]:53"]),
            (&long, vec!["192.0.2.1:53"; 3]),
        ] {
            let expected: Vec<SocketAddr> = expected.iter().map(|addr| addr.parse().unwrap()).collect();
            assert_eq!(parse(text), expected, "{text:?}");
        }
    }

    /// The last number of the first server that is told next; none if nothing is.
    async fn told(inputs: &mut mpsc::Receiver<Input>) -> u8 {
        let input = tokio::time::timeout(Duration::from_secs(10), inputs.recv()).await;
        let Ok(Some(Input::Setting { name: NAME_SERVERS, words })) = input else { panic!("{input:?}") };
        let server: SocketAddr = words[0].parse().unwrap();
        let IpAddr::V4(addr) = server.ip() else { panic!("{words:?}") };
        addr.octets()[3]
    }

    #[tokio::test]
    async fn changes_are_told_however_they_come_and_a_bad_file_changes_nothing() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        let write = |name: &str, n: u8| {
            std::fs::write(at(name), format!("nameserver 192.0.2.{n}\n")).unwrap();
        };
        let link = |target: &str| {
            std::os::unix::fs::symlink(target, at("new")).unwrap();
            std::fs::rename(at("new"), at("etc/resolv.conf")).unwrap();
        };
        std::fs::create_dir(at("etc")).unwrap();
        std::fs::create_dir(at("run")).unwrap();
        write("etc/resolv.conf", 1);
        let (inbox, mut inputs) = mpsc::channel(8);
        let file = at("etc/resolv.conf");
        let task = tokio::spawn(async move { run(&file, &inbox).await });
        assert_eq!(told(&mut inputs).await, 1);
        write("etc/resolv.conf", 2);
        assert_eq!(told(&mut inputs).await, 2, "written");
        write("etc/new", 3);
        std::fs::rename(at("etc/new"), at("etc/resolv.conf")).unwrap();
        assert_eq!(told(&mut inputs).await, 3, "replaced");
        write("run/a.conf", 4);
        link("../run/a.conf");
        assert_eq!(told(&mut inputs).await, 4, "a link");
        write("run/a.conf", 5);
        assert_eq!(told(&mut inputs).await, 5, "written behind the link");
        write("run/new", 6);
        std::fs::rename(at("run/new"), at("run/a.conf")).unwrap();
        assert_eq!(told(&mut inputs).await, 6, "replaced behind the link");
        link("../run/later/b.conf");
        std::fs::create_dir(at("run/later")).unwrap();
        write("run/later/b.conf", 7);
        assert_eq!(told(&mut inputs).await, 7, "a link to what appears later");
        // Neither a bad file nor the same servers again are told.
        std::fs::write(at("run/later/b.conf"), "nameserver nowhere\n").unwrap();
        std::fs::remove_file(at("run/later/b.conf")).unwrap();
        write("run/later/b.conf", 7);
        write("run/later/b.conf", 8);
        assert_eq!(told(&mut inputs).await, 8);
        drop(inputs);
        task.await.unwrap().unwrap();
    }
}
