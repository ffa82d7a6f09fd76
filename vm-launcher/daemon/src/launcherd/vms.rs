// SPDX-License-Identifier: GPL-3.0-or-later
//! What the daemon knows of its VMs. In: records, links, states. Out: entries for D-Bus, ids and
//! identities for new VMs. No I/O.

#![expect(clippy::disallowed_methods, reason = "when a VM was started is written down")]

use super::links::Outgoing;
use super::{Answer, LinkId};
use crate::link::{Call, Reply, Request, VmRecord, VmStatus};
use cofferdam_bus::launcher::VmEntry;
use cofferdam_ids::{AppId, Identity, Label, VmId};
use cofferdam_kit::paths::MAX_VM_ID;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, oneshot};

/// A VM whose processes exist, or are about to.
#[derive(Debug)]
struct Living {
    status: VmStatus,
    /// None while it is being prepared.
    link: Option<Link>,
    /// Who waits for the VM's id.
    asked: Option<Answer<VmId>>,
}

#[derive(Debug)]
struct Link {
    id: LinkId,
    outbox: mpsc::Sender<Outgoing>,
    next_serial: u64,
    waiting: BTreeMap<u64, oneshot::Sender<Result<Reply, String>>>,
}

/// All VMs of a desktop.
#[derive(Debug, Default)]
pub(super) struct Vms {
    records: BTreeMap<VmId, VmRecord>,
    living: BTreeMap<VmId, Living>,
    ended: BTreeMap<VmId, VmStatus>,
}

/// The state of a VM that is about to get a shepherd.
fn preparing() -> VmStatus {
    VmStatus {
        state: "preparing".to_owned(),
        detail: String::new(),
        exit_code: None,
        console: Vec::new(),
        started: seconds(),
    }
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

impl Vms {
    pub(super) fn new(records: BTreeMap<VmId, VmRecord>) -> Self {
        Self { records, ..Self::default() }
    }

    /// Takes an id and an identity for a new VM of `app`: the wanted id, or the first free one of `foot`,
    /// `foot-2`, … A VM that ran before keeps its data and its identity.
    pub(super) fn reserve(
        &mut self,
        app: &AppId,
        wanted: Option<VmId>,
        name: impl FnOnce(&VmId) -> Label,
        asked: Answer<VmId>,
    ) -> Result<VmRecord, (String, Answer<VmId>)> {
        let vm = match self.free_id(app, wanted) {
            Ok(vm) => vm,
            Err(why) => return Err((why, asked)),
        };
        let record = self.records.get(&vm).cloned().unwrap_or_else(|| VmRecord {
            app: app.clone(),
            name: name(&vm),
            identity: Identity::least_used(self.records.values().map(|r| r.identity)),
            vm: vm.clone(),
        });
        self.ended.remove(&vm);
        self.records.insert(vm.clone(), record.clone());
        self.living.insert(vm, Living { status: preparing(), link: None, asked: Some(asked) });
        Ok(record)
    }

    fn free_id(&self, app: &AppId, wanted: Option<VmId>) -> Result<VmId, String> {
        let short = |vm: &VmId| vm.as_str().len() <= MAX_VM_ID;
        let fits = |vm: &VmId| short(vm) && self.records.get(vm).is_none_or(|r| r.app == *app);
        if let Some(vm) = wanted {
            if !short(&vm) {
                return Err(format!("the name of a VM has at most {MAX_VM_ID} characters"));
            }
            if self.living.contains_key(&vm) {
                return Err(format!("the VM {vm} runs already; stop it or use another name"));
            }
            return if fits(&vm) { Ok(vm) } else { Err(format!("the VM {vm} belongs to another app")) };
        }
        (1..=1000)
            .filter_map(|n| if n == 1 { app.as_str().parse() } else { format!("{app}-{n}").parse() }.ok())
            .find(|vm| !self.living.contains_key(vm) && fits(vm))
            .ok_or_else(|| {
                format!(
                    "no free name is left for a VM of {app}; choose one of at most {MAX_VM_ID} characters"
                )
            })
    }

    /// The name in chrome has become known.
    pub(super) fn set_name(&mut self, vm: &VmId, name: &Label) {
        if let Some(record) = self.records.get_mut(vm) {
            record.name = name.clone();
        }
    }

    /// The VM has a shepherd; whoever asked for it learns its id.
    pub(super) fn attach(&mut self, record: VmRecord, id: LinkId, outbox: mpsc::Sender<Outgoing>) {
        let vm = record.vm.clone();
        self.records.insert(vm.clone(), record);
        let living = self.living.entry(vm.clone()).or_insert_with(|| Living {
            status: preparing(),
            link: None,
            asked: None,
        });
        living.link = Some(Link { id, outbox, next_serial: 0, waiting: BTreeMap::new() });
        if let Some(asked) = living.asked.take() {
            // Whoever asked may have gone; the VM runs all the same.
            let _ = asked.send(Ok(vm));
        }
    }

    /// The VM could not be prepared.
    pub(super) fn abandon(&mut self, vm: &VmId, why: String) {
        if let Some(asked) = self.living.remove(vm).and_then(|living| living.asked) {
            let _ = asked.send(Err(why));
        }
    }

    fn by_link(&mut self, id: LinkId) -> Option<(&VmId, &mut Living)> {
        self.living.iter_mut().find(|(_, l)| l.link.as_ref().is_some_and(|link| link.id == id))
    }

    /// A shepherd says how its VM stands.
    pub(super) fn status(&mut self, id: LinkId, status: VmStatus) -> Option<(VmId, VmStatus)> {
        let (vm, living) = self.by_link(id)?;
        living.status = status.clone();
        Some((vm.clone(), status))
    }

    /// A shepherd answers.
    pub(super) fn answer(&mut self, id: LinkId, serial: u64, result: Result<Reply, String>) {
        let waiting = self.by_link(id).and_then(|(_, l)| l.link.as_mut()?.waiting.remove(&serial));
        if let Some(waiting) = waiting {
            let _ = waiting.send(result);
        }
    }

    /// A shepherd is gone. The state to announce, if it had not announced its end itself.
    pub(super) fn detach(&mut self, id: LinkId) -> Option<(VmId, VmStatus)> {
        let vm = self.by_link(id)?.0.clone();
        let living = self.living.remove(&vm)?;
        let mut status = living.status;
        let announced = matches!(status.state.as_str(), "stopped" | "failed");
        if !announced {
            "failed".clone_into(&mut status.state);
            "its shepherd ended without a word".clone_into(&mut status.detail);
        }
        self.ended.insert(vm.clone(), status.clone());
        (!announced).then_some((vm, status))
    }

    /// Asks a VM's shepherd.
    pub(super) fn call(
        &mut self,
        vm: &VmId,
        request: Request,
        fds: Vec<OwnedFd>,
    ) -> Result<oneshot::Receiver<Result<Reply, String>>, String> {
        let living = self.living.get_mut(vm).ok_or_else(|| match self.records.contains_key(vm) {
            true => format!("the VM {vm} is off"),
            false => format!("there is no VM {vm}; `coffer ps` lists them"),
        })?;
        let link = living.link.as_mut().ok_or_else(|| format!("the VM {vm} is still being prepared"))?;
        let serial = link.next_serial;
        link.next_serial = serial.wrapping_add(1);
        let (answer, waiting) = oneshot::channel();
        link.outbox
            .try_send((Call { serial, request }, fds))
            .map_err(|_full| format!("the shepherd of {vm} does not answer"))?;
        link.waiting.insert(serial, answer);
        Ok(waiting)
    }

    /// Ids of all VMs that have processes.
    pub(super) fn living(&self) -> Vec<VmId> {
        self.living.keys().cloned().collect()
    }

    /// All VMs for D-Bus.
    pub(super) fn entries(&self) -> Vec<VmEntry> {
        self.records
            .values()
            .map(|record| {
                let living = self.living.get(&record.vm).map(|l| &l.status);
                let status = living.or_else(|| self.ended.get(&record.vm));
                VmEntry {
                    vm: record.vm.to_string(),
                    app: record.app.to_string(),
                    name: record.name.to_string(),
                    identity: record.identity.to_string(),
                    state: status.map_or("off", |s| &s.state).to_owned(),
                    detail: status.map_or("", |s| &s.detail).to_owned(),
                    exit_code: status.and_then(|s| s.exit_code).unwrap_or(-1),
                    uptime: living.map_or(0, |s| seconds().saturating_sub(s.started)),
                }
            })
            .collect()
    }

    /// The last console lines that came with a failure.
    pub(super) fn last_words(&self, vm: &VmId) -> Option<&[String]> {
        self.ended.get(vm).map(|s| s.console.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reserve(vms: &mut Vms, app: &str, wanted: Option<&str>) -> Result<(String, Identity), String> {
        let (answer, _) = oneshot::channel();
        let wanted = wanted.map(|w| w.parse().unwrap());
        vms.reserve(&app.parse().unwrap(), wanted, |vm| Label::new(vm.as_str()), answer)
            .map(|r| (r.vm.to_string(), r.identity))
            .map_err(|(why, _)| why)
    }

    #[test]
    fn ids_are_reused_and_identities_kept() {
        let mut vms = Vms::default();
        assert_eq!(reserve(&mut vms, "foot", None), Ok(("foot".to_owned(), Identity::Orange)));
        assert_eq!(reserve(&mut vms, "foot", None), Ok(("foot-2".to_owned(), Identity::Sky)));
        assert_eq!(reserve(&mut vms, "mousepad", None), Ok(("mousepad".to_owned(), Identity::Green)));
        vms.abandon(&"foot".parse().unwrap(), String::new());
        assert_eq!(reserve(&mut vms, "foot", None), Ok(("foot".to_owned(), Identity::Orange)));
        assert!(reserve(&mut vms, "foot", Some("foot-2")).unwrap_err().contains("runs already"));
        vms.abandon(&"mousepad".parse().unwrap(), String::new());
        assert!(reserve(&mut vms, "foot", Some("mousepad")).unwrap_err().contains("another app"));
    }

    #[test]
    fn a_shepherd_that_dies_without_a_word_is_a_failure() {
        let mut vms = Vms::default();
        reserve(&mut vms, "foot", None).unwrap();
        let (outbox, _calls) = mpsc::channel(1);
        let record = vms.records.values().next().unwrap().clone();
        vms.attach(record, LinkId(7), outbox);
        let waiting = vms.call(&"foot".parse().unwrap(), Request::Stop, Vec::new()).unwrap();
        let (_, status) = vms.detach(LinkId(7)).unwrap();
        assert_eq!(status.state, "failed");
        assert_eq!(vms.entries()[0].state, "failed");
        assert!(waiting.blocking_recv().is_err());
    }
}
