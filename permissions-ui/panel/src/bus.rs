// SPDX-License-Identifier: GPL-3.0-or-later
//! The permission monitor, over D-Bus.
//!
//! In: the monitor's signals, and orders of the person. Out: [`News`] on a channel. Everything is asked for
//! when the monitor says that it changed, and nothing at any other time; a monitor that restarts is found
//! again by its name.

use cofferdam_bus::permissions::{
    AppEntry, ChooserEntry, FileEntry, LogEntry, NAME, PermissionEntry, PermissionsProxy,
};
use futures_lite::StreamExt as _;
use std::os::fd::OwnedFd;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use zbus::Connection;
use zbus::fdo::DBusProxy;
use zbus::names::BusName;

/// What came from the monitor.
#[derive(Debug)]
pub enum News {
    /// All apps, and its clock.
    Apps(Vec<AppEntry>, u64),
    /// What one app may do and did, for what was looked at.
    Detail {
        /// Which app.
        vm: String,
        /// What was searched for.
        search: String,
        /// What it may do.
        permissions: Vec<PermissionEntry>,
        /// The files that it has.
        files: Vec<FileEntry>,
        /// What it did, newest first.
        lines: Vec<LogEntry>,
        /// There is more before that.
        more: bool,
    },
    /// Files that apps wait for.
    Choosers(Vec<ChooserEntry>),
    /// Something about this VM, or all, has changed.
    Changed(String),
    /// Something was done that can be taken back.
    Done {
        /// What, in words.
        words: String,
        /// For undo; none if it can't be taken back.
        token: Option<u64>,
    },
    /// Something was not done.
    Failed(String),
    /// The monitor is there, or gone.
    Present(bool),
}

/// What the person wants done.
#[derive(Debug)]
pub enum Order {
    /// All apps.
    Apps,
    /// One app in detail.
    Detail {
        /// Which.
        vm: String,
        /// Lines that contain this.
        search: String,
        /// How many.
        limit: u32,
    },
    /// Files that apps wait for.
    Choosers,
    /// Another level.
    SetLevel {
        /// For which app.
        vm: String,
        /// Of what.
        kind: String,
        /// Which.
        level: String,
        /// What was done, for the undo line.
        words: String,
    },
    /// Take a grant back.
    Revoke(u64, String),
    /// Take a file back.
    TakeBack(u64),
    /// Never again.
    Never {
        /// For which app.
        vm: String,
        /// Of what.
        kind: String,
        /// About what.
        target: String,
    },
    /// Everything off for one app.
    Off(String, String),
    /// Everything off for all.
    OffForAll,
    /// Take the last one back.
    Undo(u64),
    /// Hand a file over.
    Choose {
        /// For which wish.
        id: u64,
        /// Under which name.
        name: String,
        /// The open file.
        file: OwnedFd,
        /// For writing too.
        write: bool,
    },
    /// No file.
    CancelChooser(u64),
}

/// The way to the monitor, and what comes from there.
#[derive(Debug)]
pub struct Bus {
    orders: UnboundedSender<Order>,
    /// What came.
    pub news: UnboundedReceiver<News>,
}

impl Bus {
    /// Starts to listen on `connection`; must be called on the runtime.
    #[must_use]
    pub fn start(connection: Connection) -> Self {
        let (orders, inbox) = unbounded_channel();
        let (teller, news) = unbounded_channel();
        tokio::spawn(async move {
            if let Err(error) = listen(connection, inbox, teller).await {
                tracing::error!(%error, "the session bus is gone");
            }
        });
        Self { orders, news }
    }

    /// Orders something; the answer comes as news.
    pub fn order(&self, order: Order) {
        if self.orders.send(order).is_err() {
            tracing::warn!("nobody is there to take an order");
        }
    }
}

async fn listen(
    connection: Connection,
    mut inbox: UnboundedReceiver<Order>,
    news: UnboundedSender<News>,
) -> zbus::Result<()> {
    let proxy = PermissionsProxy::new(&connection).await?;
    let daemon = DBusProxy::new(&connection).await?;
    let name = BusName::try_from(NAME)?;
    let mut owners = daemon.receive_name_owner_changed_with_args(&[(0, NAME)]).await?;
    let mut changes = proxy.receive_changed().await?;
    let mut choosers = proxy.receive_choosers_changed().await?;
    if daemon.name_has_owner(name).await? {
        greet(&proxy, &news).await;
    }
    loop {
        tokio::select! {
            owner = owners.next() => {
                let Some(owner) = owner else { return Ok(()) };
                if owner.args().is_ok_and(|args| args.new_owner().is_some()) {
                    greet(&proxy, &news).await;
                } else {
                    tell(&news, News::Present(false));
                }
            }
            change = changes.next() => {
                let Some(change) = change else { return Ok(()) };
                if let Ok(args) = change.args() {
                    tell(&news, News::Changed(args.vm().to_string()));
                }
            }
            change = choosers.next() => {
                if change.is_none() { return Ok(()) }
                follow(&proxy, Order::Choosers, &news).await;
            }
            order = inbox.recv() => {
                let Some(order) = order else { return Ok(()) };
                // A revoke answers once everything is cut: what else is asked must not wait for it.
                let (proxy, news) = (proxy.clone(), news.clone());
                tokio::spawn(async move { follow(&proxy, order, &news).await });
            }
        }
    }
}

fn tell(news: &UnboundedSender<News>, what: News) {
    // Nobody listens only while the program ends.
    let _ = news.send(what);
}

/// The monitor has come: everything is news.
async fn greet(proxy: &PermissionsProxy<'_>, news: &UnboundedSender<News>) {
    tell(news, News::Present(true));
    follow(proxy, Order::Apps, news).await;
    follow(proxy, Order::Choosers, news).await;
}

async fn follow(proxy: &PermissionsProxy<'_>, order: Order, news: &UnboundedSender<News>) {
    match carry_out(proxy, order).await {
        Ok(what) => tell(news, what),
        Err(error) => tell(news, News::Failed(said(&error))),
    }
}

/// The monitor's own words, without the name of the error.
fn said(error: &zbus::Error) -> String {
    match error {
        zbus::Error::MethodError(_, Some(words), _) => words.clone(),
        other => other.to_string(),
    }
}

async fn carry_out(proxy: &PermissionsProxy<'_>, order: Order) -> zbus::Result<News> {
    let undo = |words: String, token: u64| News::Done { words, token: Some(token) };
    let done = |words: &str| News::Done { words: words.to_owned(), token: None };
    Ok(match order {
        Order::Apps => News::Apps(proxy.apps().await?, proxy.now().await?),
        Order::Detail { vm, search, limit } => {
            let permissions = proxy.permissions(&vm).await?;
            let files = proxy.files(&vm).await?;
            let mut lines = proxy.log(&vm, 0, limit.saturating_add(1), &search).await?;
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let more = lines.len() > limit;
            lines.truncate(limit);
            News::Detail { vm, search, permissions, files, lines, more }
        }
        Order::Choosers => News::Choosers(proxy.choosers().await?),
        Order::SetLevel { vm, kind, level, words } => undo(words, proxy.set_level(&vm, &kind, &level).await?),
        Order::Revoke(grant, words) => undo(words, proxy.revoke(grant).await?),
        Order::TakeBack(file) => {
            proxy.take_back(file).await?;
            done("")
        }
        Order::Never { vm, kind, target } => {
            proxy.grant(&vm, &kind, &target, "never").await?;
            done(&format!("Never: {target}"))
        }
        Order::Off(vm, words) => undo(words, proxy.revoke_all(&vm).await?),
        Order::OffForAll => {
            undo("Everything is off for all apps.".to_owned(), proxy.revoke_everything().await?)
        }
        Order::Undo(token) => {
            proxy.undo(token).await?;
            done("Undone")
        }
        Order::Choose { id, name, file, write } => {
            proxy.choose(id, &name, zbus::OwnedFd::from(file), write).await?;
            done("")
        }
        Order::CancelChooser(id) => {
            proxy.cancel_chooser(id).await?;
            done("")
        }
    })
}
