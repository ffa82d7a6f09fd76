// SPDX-License-Identifier: GPL-3.0-or-later
//! The answering side of `org.cofferdam.Permissions1`. In: D-Bus calls with strings that anybody on the bus
//! chose. Out: typed orders for the main loop; its answers, as D-Bus replies.

use super::{Answer, Chosen, Event, Inbox, entries, files};
use cofferdam_bus::permissions::{
    AppEntry, ChooserEntry, FileEntry, LogEntry, PendingEntry, PermissionEntry,
};
use cofferdam_ids::VmId;
use cofferdam_monitor_core::{Order, OrderError, Reply, Span};
use cofferdam_policy::{GrantId, Kind, Level};
use tokio::sync::oneshot;
use zbus::fdo;
use zbus::object_server::SignalEmitter;

/// Longest text of a caller, in bytes.
const MAX_TEXT: usize = 4096;

/// The D-Bus object.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) inbox: Inbox,
}

fn gone() -> fdo::Error {
    fdo::Error::Failed("the permission monitor is shutting down".to_owned())
}

fn odd() -> fdo::Error {
    fdo::Error::Failed("the permission monitor gave an odd answer".to_owned())
}

fn bad(why: impl std::fmt::Display) -> fdo::Error {
    fdo::Error::InvalidArgs(why.to_string())
}

fn refused(error: OrderError) -> fdo::Error {
    match error {
        OrderError::NoVm(_) | OrderError::NoLevel { .. } | OrderError::Target(_) => {
            fdo::Error::InvalidArgs(error.to_string())
        }
        OrderError::Admin => fdo::Error::AccessDenied(error.to_string()),
        other => fdo::Error::Failed(other.to_string()),
    }
}

fn vm_id(vm: &str) -> fdo::Result<VmId> {
    vm.parse().map_err(|error| bad(format_args!("{vm:?} is no app: {error}")))
}

fn kind_of(kind: &str) -> fdo::Result<Kind> {
    Kind::from_name(kind).ok_or_else(|| {
        let all = Kind::ALL.map(Kind::name).join(", ");
        bad(format_args!("{kind:?} is no kind of permission; there are {all}"))
    })
}

fn short(text: &str) -> fdo::Result<String> {
    if text.len() > MAX_TEXT { Err(bad("the text is too long")) } else { Ok(text.to_owned()) }
}

impl Service {
    async fn send(&self, event: impl FnOnce(Answer) -> Event) -> fdo::Result<Reply> {
        let (answer, waiting) = oneshot::channel();
        self.inbox.send(event(answer)).await.map_err(|_e| gone())?;
        waiting.await.map_err(|_e| gone())?.map_err(refused)
    }

    async fn order(&self, order: Order) -> fdo::Result<Reply> {
        self.send(|answer| Event::Order(order, answer)).await
    }

    async fn number(&self, order: Order) -> fdo::Result<u64> {
        match self.order(order).await? {
            Reply::Number(number) => Ok(number),
            _ => Err(odd()),
        }
    }

    async fn done(&self, order: Order) -> fdo::Result<()> {
        self.order(order).await.map(|_reply| ())
    }
}

#[zbus::interface(name = "org.cofferdam.Permissions1")]
impl Service {
    async fn apps(&self) -> fdo::Result<Vec<AppEntry>> {
        match self.order(Order::Apps).await? {
            Reply::Apps(all) => Ok(all.into_iter().map(entries::app).collect()),
            _ => Err(odd()),
        }
    }

    async fn permissions(&self, vm: &str) -> fdo::Result<Vec<PermissionEntry>> {
        match self.order(Order::Permissions(vm_id(vm)?)).await? {
            Reply::Permissions(all) => Ok(all.into_iter().map(entries::permission).collect()),
            _ => Err(odd()),
        }
    }

    async fn set_level(&self, vm: &str, kind: &str, level: &str) -> fdo::Result<u64> {
        let (vm, kind) = (vm_id(vm)?, kind_of(kind)?);
        let level = Level::from_name(level).ok_or_else(|| bad(format_args!("{level:?} is no level")))?;
        self.number(Order::SetLevel { vm, kind, level }).await
    }

    async fn grant(&self, vm: &str, kind: &str, target: &str, lifetime: &str) -> fdo::Result<u64> {
        let (vm, kind, target) = (vm_id(vm)?, kind_of(kind)?, short(target)?);
        let span = Span::from_name(lifetime).ok_or_else(|| {
            bad(format_args!("{lifetime:?} is no lifetime: use once, run, hour, today, always or never"))
        })?;
        self.number(Order::Grant { vm, kind, target, span }).await
    }

    async fn revoke(&self, grant: u64) -> fdo::Result<u64> {
        self.number(Order::Revoke(GrantId(grant))).await
    }

    async fn revoke_all(&self, vm: &str) -> fdo::Result<u64> {
        self.number(Order::RevokeAll(vm_id(vm)?)).await
    }

    async fn revoke_everything(&self) -> fdo::Result<u64> {
        self.number(Order::RevokeEverything).await
    }

    async fn undo(&self, token: u64) -> fdo::Result<()> {
        self.done(Order::Undo(token)).await
    }

    async fn log(&self, vm: &str, before: u64, limit: u32, search: &str) -> fdo::Result<Vec<LogEntry>> {
        let vm = if vm.is_empty() { None } else { Some(vm_id(vm)?) };
        match self.order(Order::Log { vm, before, limit, search: short(search)? }).await? {
            Reply::Log(all) => Ok(all.into_iter().map(entries::log).collect()),
            _ => Err(odd()),
        }
    }

    async fn pending(&self) -> fdo::Result<Vec<PendingEntry>> {
        match self.order(Order::Pending).await? {
            Reply::Pending(all) => Ok(all.into_iter().map(entries::pending).collect()),
            _ => Err(odd()),
        }
    }

    async fn explain(&self, vm: &str, kind: &str, target: &str) -> fdo::Result<(String, String)> {
        let (vm, kind, target) = (vm_id(vm)?, kind_of(kind)?, short(target)?);
        match self.order(Order::Explain { vm, kind, target }).await? {
            Reply::Explained(word, why) => Ok((word, why)),
            _ => Err(odd()),
        }
    }

    async fn reload_rules(&self) -> fdo::Result<()> {
        let (answer, waiting) = oneshot::channel();
        self.inbox.send(Event::Reload(answer)).await.map_err(|_e| gone())?;
        let holds = waiting.await.map_err(|_e| gone())?.map_err(fdo::Error::Failed)?;
        // What the rules took away has ended by then.
        holds.await.map_err(|_e| gone())?.map(|_done| ()).map_err(bad)
    }

    async fn choosers(&self) -> fdo::Result<Vec<ChooserEntry>> {
        match self.order(Order::Choosers).await? {
            Reply::Choosers(all) => Ok(all.into_iter().map(entries::chooser).collect()),
            _ => Err(odd()),
        }
    }

    async fn choose(&self, id: u64, name: &str, file: zbus::OwnedFd, write: bool) -> fdo::Result<()> {
        let file: std::os::fd::OwnedFd = file.into();
        let folder = files::check(&file, write).map_err(bad)?;
        let chosen = Chosen { id, name: files::name(name), file, folder, writable: write };
        self.send(|answer| Event::Chosen(chosen, answer)).await.map(|_reply| ())
    }

    async fn cancel_chooser(&self, id: u64) -> fdo::Result<()> {
        self.done(Order::CancelChooser(id)).await
    }

    async fn files(&self, vm: &str) -> fdo::Result<Vec<FileEntry>> {
        match self.order(Order::Files(vm_id(vm)?)).await? {
            Reply::Files(all) => Ok(all.into_iter().map(entries::file).collect()),
            _ => Err(odd()),
        }
    }

    async fn take_back(&self, file: u64) -> fdo::Result<()> {
        self.done(Order::TakeBack(file)).await
    }

    async fn now(&self) -> fdo::Result<u64> {
        let (answer, waiting) = oneshot::channel();
        self.inbox.send(Event::Now(answer)).await.map_err(|_e| gone())?;
        waiting.await.map_err(|_e| gone())
    }

    async fn advance_clock(&self, millis: u64) -> fdo::Result<u64> {
        let (answer, waiting) = oneshot::channel();
        self.inbox.send(Event::Advance(millis, answer)).await.map_err(|_e| gone())?;
        let moved = waiting.await.map_err(|_e| gone())?;
        moved.ok_or_else(|| fdo::Error::NotSupported("the clock of this desktop can't be moved".to_owned()))
    }

    /// Something about this VM has changed.
    #[zbus(signal)]
    pub(super) async fn changed(emitter: &SignalEmitter<'_>, vm: &str) -> zbus::Result<()>;

    /// The list of files that apps wait for has changed.
    #[zbus(signal)]
    pub(super) async fn choosers_changed(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;
}
