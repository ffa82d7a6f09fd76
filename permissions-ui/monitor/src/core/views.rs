// SPDX-License-Identifier: GPL-3.0-or-later
//! What the panel and the command line are shown. In: the state. Out: entries of the D-Bus interface, in
//! short words.

use super::Core;
use super::words::OrderError;
use crate::target;
use cofferdam_bus::permissions::{
    AppEntry, ChooserEntry, FileEntry, GrantEntry, PendingEntry, PermissionEntry,
};
use cofferdam_ids::VmId;
use cofferdam_policy::{
    Answer, Author, Decision, Effect, FileAccess, FileKind, Grant, Kind, Levels, Lifetime, Millis,
};

impl Core {
    pub(super) fn apps(&self) -> Vec<AppEntry> {
        self.book.state().vms().into_iter().map(|v| v.vm.clone()).filter_map(|vm| self.app(&vm)).collect()
    }

    fn app(&self, vm: &VmId) -> Option<AppEntry> {
        let known = self.book.state().vm(vm)?;
        let standing = self.standing(vm);
        Some(AppEntry {
            vm: vm.to_string(),
            app: known.app.to_string(),
            name: known.name.to_string(),
            identity: known.identity.name().to_owned(),
            running: known.running,
            since: known.since.0,
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

    pub(super) fn permissions(&self, vm: &VmId) -> Result<Vec<PermissionEntry>, OrderError> {
        let state = self.book.state();
        if state.vm(vm).is_none() {
            return Err(OrderError::NoVm(vm.clone()));
        }
        let entry = |kind: Kind| {
            let (level, by) = state.level(vm, kind);
            let grants = state.grants_of(vm).into_iter().filter(|g| g.key.kind() == kind);
            let grants: Vec<GrantEntry> = grants.map(|g| self.grant_entry(g)).collect();
            // What has no effect is not offered; what was said about it is shown, so that it can be taken back.
            let shown = self.has_effect(kind) || by.is_some() || !grants.is_empty();
            shown.then(|| PermissionEntry {
                kind: kind.name().to_owned(),
                level: level.name().to_owned(),
                levels: Levels::of(kind).iter().map(|l| l.name().to_owned()).collect(),
                author: by.map_or("default", author_name).to_owned(),
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

    fn grant_entry(&self, grant: &Grant) -> GrantEntry {
        let state = self.book.state();
        GrantEntry {
            id: grant.id.0,
            vm: grant.vm.to_string(),
            kind: grant.key.kind().name().to_owned(),
            target: target::of_key(&grant.key),
            effect: effect_name(grant.effect).to_owned(),
            lifetime: lifetime_name(grant.lifetime).to_owned(),
            until: match grant.lifetime {
                Lifetime::Until(end) => end.0,
                _ => 0,
            },
            author: author_name(grant.author).to_owned(),
            at: grant.at.0,
            last_used: state.last_used(grant.id).unwrap_or_default().0,
        }
    }

    pub(super) fn pending(&self) -> Vec<PendingEntry> {
        let entry =
            |(id, q): (cofferdam_monitor_wire::screen::PromptId, &super::questions::Question)| PendingEntry {
                id: id.0,
                vm: q.vm.to_string(),
                kind: q.key.kind().name().to_owned(),
                target: target::of_resource(&q.resource),
                at: q.at.0,
                answers: q.answers.iter().map(|a| answer_name(*a)).collect(),
            };
        self.questions.iter().map(entry).collect()
    }

    pub(super) fn choosers(&self) -> Vec<ChooserEntry> {
        let entry = |(id, c): (u64, &super::portals::Chooser)| ChooserEntry {
            id,
            vm: c.vm.to_string(),
            title: c.title.to_string(),
            kind: match c.kind {
                FileKind::File => "file",
                FileKind::Folder => "folder",
                FileKind::NewFile => "new-file",
            }
            .to_owned(),
            write: c.access == FileAccess::Write,
            suggested: c.suggested.to_string(),
        };
        self.portals.choosers().map(entry).collect()
    }

    /// The files and folders that a VM has now.
    pub(super) fn files(&self, vm: &VmId) -> Result<Vec<FileEntry>, OrderError> {
        if self.book.state().vm(vm).is_none() {
            return Err(OrderError::NoVm(vm.clone()));
        }
        let entry = |(id, file): (u64, &super::tickets::Handed)| FileEntry {
            id,
            vm: vm.to_string(),
            name: file.name.to_string(),
            folder: file.folder,
            write: file.writable,
            at: file.at.0,
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

pub(super) const fn author_name(author: Author) -> &'static str {
    match author {
        Author::Prompt => "prompt",
        Author::Person => "person",
        Author::Admin => "admin",
        Author::Policy => "policy",
    }
}

pub(super) const fn effect_name(effect: Effect) -> &'static str {
    match effect {
        Effect::Allow => "allow",
        Effect::Deny => "deny",
    }
}

const fn lifetime_name(lifetime: Lifetime) -> &'static str {
    match lifetime {
        Lifetime::Once => "once",
        Lifetime::Run(_) => "run",
        Lifetime::Until(_) => "until",
        Lifetime::Standing => "standing",
    }
}

pub(super) fn answer_name(answer: Answer) -> String {
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
