// SPDX-License-Identifier: GPL-3.0-or-later
//! The state as the panel shows it. In: a [`State`]. Out: VMs, grants and counts, in a fixed order.

use crate::slot::AsKey;
use crate::state::Vm;
use crate::{Grant, GrantId, Kind, Millis, Resource, State, Usage};
use cofferdam_ids::{AppId, Identity, Label, VmId};

/// One VM that was registered at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VmView<'a> {
    /// Its id.
    pub vm: &'a VmId,
    /// Its app.
    pub app: &'a AppId,
    /// Its name in chrome.
    pub name: &'a Label,
    /// Its colour and pattern.
    pub identity: Identity,
    /// Whose child it is.
    pub parent: Option<&'a VmId>,
    /// Its last run.
    pub run: u64,
    /// Whether that still goes on.
    pub running: bool,
    /// When that began.
    pub since: Millis,
}

fn view<'a>(id: &'a VmId, vm: &'a Vm) -> VmView<'a> {
    let card = &vm.card;
    VmView {
        vm: id,
        app: &card.app,
        name: &card.name,
        identity: card.identity,
        parent: card.parent.as_ref(),
        run: vm.run,
        running: vm.running,
        since: card.since,
    }
}

impl State {
    /// All VMs that were registered, running ones first, then by name.
    #[must_use]
    pub fn vms(&self) -> Vec<VmView<'_>> {
        let mut all: Vec<_> = self.vms.iter().map(|(id, vm)| view(id, vm)).collect();
        all.sort_by_key(|v| (!v.running, v.vm));
        all
    }

    /// One VM.
    #[must_use]
    pub fn vm(&self, vm: &VmId) -> Option<VmView<'_>> {
        self.vms.get_key_value(vm).map(|(id, vm)| view(id, vm))
    }

    /// The grants of a VM, oldest first, also those that have lapsed but were not removed yet.
    #[must_use]
    pub fn grants_of(&self, vm: &VmId) -> Vec<&Grant> {
        let mut all: Vec<_> =
            self.vms.get(vm).into_iter().flat_map(|v| v.grants.iter()).map(|h| &h.grant).collect();
        all.sort_by_key(|g| g.id);
        all
    }

    /// One grant, while it holds.
    #[must_use]
    pub fn grant(&self, id: GrantId) -> Option<&Grant> {
        self.given(id).map(|given| &given.grant)
    }

    /// When a grant was last used.
    #[must_use]
    pub fn last_used(&self, id: GrantId) -> Option<Millis> {
        self.given(id).and_then(|given| given.last_used)
    }

    /// When time alone ends a grant; of a standing yes, when it lapses if it is not used before.
    #[must_use]
    pub fn end_of(&self, id: GrantId) -> Option<Millis> {
        self.given(id).and_then(|given| given.end())
    }

    /// What a VM used of a kind so far.
    #[must_use]
    pub fn uses(&self, vm: &VmId, kind: Kind) -> Usage {
        self.vms.get(vm).and_then(|v| v.uses.get(&kind)).copied().unwrap_or_default()
    }

    /// Whether a VM asked so often that it is not heard for this run.
    #[must_use]
    pub fn is_silenced(&self, vm: &VmId, kind: Kind) -> bool {
        self.vms.get(vm).is_some_and(|v| v.silenced.contains(&kind))
    }

    /// Whether a VM asked for this, or used it, before.
    #[must_use]
    pub fn was_seen(&self, vm: &VmId, resource: &Resource) -> bool {
        self.vms.get(vm).is_some_and(|v| v.seen.contains(resource as &dyn AsKey))
    }
}
