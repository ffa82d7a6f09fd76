// SPDX-License-Identifier: GPL-3.0-or-later
//! What the panel and the command line are shown. In: the state. Out: the types of [`super::shown`].

use super::Core;
use super::words::OrderError;
use crate::shown::{AppView, ChooserView, FileView, GrantView, PendingView, PermissionView};
use crate::target;
use cofferdam_ids::VmId;
use cofferdam_policy::{Answer, Decision, Effect, FileAccess, Grant, Kind, Levels, Lifetime, Millis};

impl Core {
    pub(super) fn apps(&self) -> Vec<AppView> {
        self.book.state().vms().into_iter().map(|v| v.vm.clone()).filter_map(|vm| self.app(&vm)).collect()
    }

    fn app(&self, vm: &VmId) -> Option<AppView> {
        let known = self.book.state().vm(vm)?;
        let standing = self.standing(vm);
        Some(AppView {
            vm: vm.clone(),
            app: known.app.clone(),
            name: known.name.clone(),
            identity: known.identity,
            running: known.running,
            since: known.since,
            online: standing.as_ref().is_some_and(|s| s.online),
            waiting: standing.as_ref().map_or(0, |s| s.waiting),
            silenced: standing.is_some_and(|s| s.silenced),
            summary: self.summary(vm),
        })
    }

    /// What a VM has, in a word or two.
    fn summary(&self, vm: &VmId) -> String {
        let state = self.book.state();
        let given: Vec<&Grant> =
            state.grants_of(vm).into_iter().filter(|g| g.effect == Effect::Allow).collect();
        let mut words = Vec::new();
        if self.may_go_online(vm) {
            words.push("online".to_owned());
            let ends = given.iter().filter(|g| g.key.kind() == Kind::Network).map(|g| match g.lifetime {
                Lifetime::Until(end) => Some(end),
                _ => None,
            });
            let ends: Option<Vec<Millis>> = ends.collect();
            if let Some(end) = ends.into_iter().flatten().max() {
                words.push(remaining(end.0.saturating_sub(self.book.now().0)));
            }
        }
        let has = |kind: Kind| given.iter().any(|g| g.key.kind() == kind);
        for (kind, word) in [(Kind::Clipboard, "pastes"), (Kind::Files, "files"), (Kind::OpenUri, "links")] {
            if has(kind) || (kind == Kind::Files && !self.tickets.files_of(vm).is_empty()) {
                words.push(word.to_owned());
            }
        }
        if words.is_empty() { "nothing".to_owned() } else { words.join(" · ") }
    }

    pub(super) fn permissions(&self, vm: &VmId) -> Result<Vec<PermissionView>, OrderError> {
        let state = self.book.state();
        if state.vm(vm).is_none() {
            return Err(OrderError::NoVm(vm.clone()));
        }
        let entry = |kind: Kind| {
            let (level, by) = state.level(vm, kind);
            let grants = state.grants_of(vm).into_iter().filter(|g| g.key.kind() == kind);
            let grants: Vec<GrantView> = grants.map(|g| self.grant_view(g)).collect();
            // What has no effect is not offered; what was said about it is shown, so that it can be taken back.
            let shown = self.has_effect(kind) || by.is_some() || !grants.is_empty();
            shown.then(|| PermissionView {
                kind,
                level,
                levels: Levels::of(kind).to_vec(),
                author: by,
                grants,
                uses: state.uses(vm, kind).times,
            })
        };
        Ok(Kind::ALL.into_iter().filter_map(entry).collect())
    }

    /// Whether a yes to this kind would do anything on the desktop as it is.
    const fn has_effect(&self, kind: Kind) -> bool {
        match kind {
            Kind::Network | Kind::Clipboard | Kind::DragAndDrop | Kind::Files | Kind::OpenUri => true,
            Kind::Notifications => self.screen.can.notes,
            Kind::IdleInhibit => self.screen.can.idle,
            // The same for everybody, and said in one sentence: never.
            Kind::Microphone | Kind::Camera | Kind::Devices => true,
            Kind::ScreenCapture | Kind::Background => false,
        }
    }

    fn grant_view(&self, grant: &Grant) -> GrantView {
        GrantView {
            target: target::of_key(&grant.key),
            last_used: self.book.state().last_used(grant.id),
            grant: grant.clone(),
        }
    }

    pub(super) fn pending(&self) -> Vec<PendingView> {
        let entry =
            |(id, q): (cofferdam_monitor_wire::screen::PromptId, &super::questions::Question)| PendingView {
                id,
                vm: q.vm.clone(),
                kind: q.key.kind(),
                target: target::of_resource(&q.resource),
                at: q.at,
                answers: q.answers.clone(),
            };
        self.questions.iter().map(entry).collect()
    }

    pub(super) fn choosers(&self) -> Vec<ChooserView> {
        let entry = |(id, c): (u64, &super::portals::Chooser)| ChooserView {
            id,
            vm: c.vm.clone(),
            title: c.title.clone(),
            kind: c.kind,
            write: c.access == FileAccess::Write,
            suggested: c.suggested.clone(),
        };
        self.portals.choosers().map(entry).collect()
    }

    /// The files and folders that a VM has now.
    pub(super) fn files(&self, vm: &VmId) -> Result<Vec<FileView>, OrderError> {
        if self.book.state().vm(vm).is_none() {
            return Err(OrderError::NoVm(vm.clone()));
        }
        let entry = |(id, file): (u64, &super::tickets::Handed)| FileView {
            id,
            vm: vm.clone(),
            name: file.name.clone(),
            folder: file.folder,
            write: file.writable,
            at: file.at,
        };
        Ok(self.tickets.files_of(vm).into_iter().map(entry).collect())
    }

    pub(super) fn explain(
        &self,
        vm: &VmId,
        kind: Kind,
        target: &str,
    ) -> Result<(String, String), OrderError> {
        if self.book.state().vm(vm).is_none() {
            return Err(OrderError::NoVm(vm.clone()));
        }
        let key = target::parse(kind, target)?;
        let explanation = self.book.explain(vm, &target::example(&key));
        let word = match explanation.decision {
            Decision::Allow { .. } => "allow",
            Decision::Deny(_) => "deny",
            Decision::Ask { .. } => "ask",
        };
        Ok((word.to_owned(), explanation.to_string()))
    }
}

/// How long something lasts, for people.
fn remaining(millis: u64) -> String {
    let minutes = millis.div_ceil(60_000);
    if minutes < 90 { format!("{minutes} min") } else { format!("{} h", minutes.div_ceil(60)) }
}

/// An answer by name, as on D-Bus.
#[must_use]
pub fn answer_name(answer: Answer) -> String {
    match answer {
        Answer::NotNow => "not-now",
        Answer::ThisTime => "this-time",
        Answer::UntilClosed => "until-closed",
        Answer::Hour => "hour",
        Answer::Today => "today",
        Answer::Always => "always",
        Answer::Never => "never",
        Answer::Pick(n) => return format!("pick-{n}"),
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::remaining;

    #[test]
    fn what_is_left_is_said_shortly() {
        for (millis, words) in [(0, "0 min"), (1, "1 min"), (3_600_000, "60 min"), (7_200_000, "2 h")] {
            assert_eq!(remaining(millis), words);
        }
    }
}
