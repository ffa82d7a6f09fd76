// SPDX-License-Identifier: GPL-3.0-or-later
//! Signals on D-Bus. In: what has changed. Out: one signal per VM, at most ten times a second; a bus that
//! does not take them holds nobody up.

#![expect(clippy::disallowed_methods, reason = "what changed is said in rounds")]

use super::service::Service;
use cofferdam_ids::VmId;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;
use zbus::object_server::InterfaceRef;

/// Shortest time between two rounds of signals.
const ROUND: Duration = Duration::from_millis(100);
/// Above so many VMs, one signal says that all have changed.
const MAX_VMS: usize = 64;

/// What is still to be said.
#[derive(Debug, Default)]
struct News {
    vms: BTreeSet<VmId>,
    all: bool,
    choosers: bool,
}

/// The way to those who listen.
#[derive(Debug, Clone)]
pub(super) struct Announcer {
    news: Arc<Mutex<News>>,
    wake: Arc<Notify>,
}

impl Announcer {
    pub(super) fn start(service: InterfaceRef<Service>) -> Self {
        let this = Self { news: Arc::default(), wake: Arc::new(Notify::new()) };
        tokio::spawn(this.clone().speak(service));
        this
    }

    fn add(&self, change: impl FnOnce(&mut News)) {
        change(&mut self.news.lock().unwrap_or_else(PoisonError::into_inner));
        self.wake.notify_one();
    }

    /// Something about a VM, or about all.
    pub(super) fn changed(&self, vm: Option<VmId>) {
        self.add(|news| match vm {
            Some(vm) if news.vms.len() < MAX_VMS => {
                news.vms.insert(vm);
            }
            _ => news.all = true,
        });
    }

    pub(super) fn choosers_changed(&self) {
        self.add(|news| news.choosers = true);
    }

    async fn speak(self, service: InterfaceRef<Service>) {
        let mut round = tokio::time::interval(ROUND);
        round.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.wake.notified().await;
            round.tick().await;
            let news = std::mem::take(&mut *self.news.lock().unwrap_or_else(PoisonError::into_inner));
            if let Err(error) = say(&service, news).await {
                tracing::warn!(%error, "D-Bus signal");
            }
        }
    }
}

async fn say(service: &InterfaceRef<Service>, news: News) -> zbus::Result<()> {
    let emitter = service.signal_emitter();
    if news.choosers {
        Service::choosers_changed(emitter).await?;
    }
    if news.all {
        Service::changed(emitter, "").await?;
    }
    for vm in news.vms.iter().filter(|_| !news.all) {
        Service::changed(emitter, vm.as_str()).await?;
    }
    Ok(())
}
