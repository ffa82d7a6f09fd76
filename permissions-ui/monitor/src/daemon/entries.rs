// SPDX-License-Identifier: GPL-3.0-or-later
//! The core's views in the words of D-Bus. In: typed views. Out: entries with strings and numbers, 0 or the
//! empty string for what is not there.

use cofferdam_bus::permissions::{
    AppEntry, ChooserEntry, FileEntry, GrantEntry, LogEntry, PendingEntry, PermissionEntry,
};
use cofferdam_monitor_core::answer_name;
use cofferdam_monitor_core::shown::{
    AppView, ChooserView, FileView, GrantView, LogView, PendingView, PermissionView,
};
use cofferdam_policy::{Author, Effect, FileKind, Kind, Level, Lifetime};

pub(super) fn app(view: AppView) -> AppEntry {
    AppEntry {
        vm: view.vm.to_string(),
        app: view.app.to_string(),
        name: view.name.into(),
        identity: view.identity.name().to_owned(),
        running: view.running,
        since: view.since.0,
        online: view.online,
        waiting: view.waiting,
        silenced: view.silenced,
        summary: view.summary,
    }
}

pub(super) fn permission(view: PermissionView) -> PermissionEntry {
    PermissionEntry {
        kind: view.kind.name().to_owned(),
        level: view.level.name().to_owned(),
        levels: view.levels.into_iter().map(Level::name).map(str::to_owned).collect(),
        author: view.author.map_or("default", author).to_owned(),
        grants: view.grants.into_iter().map(grant).collect(),
        uses: view.uses,
    }
}

fn grant(view: GrantView) -> GrantEntry {
    let grant = view.grant;
    GrantEntry {
        id: grant.id.0,
        vm: grant.vm.to_string(),
        kind: grant.key.kind().name().to_owned(),
        target: view.target,
        effect: match grant.effect {
            Effect::Allow => "allow",
            Effect::Deny => "deny",
        }
        .to_owned(),
        lifetime: match grant.lifetime {
            Lifetime::Once => "once",
            Lifetime::Run(_) => "run",
            Lifetime::Until(_) => "until",
            Lifetime::Standing => "standing",
        }
        .to_owned(),
        until: match grant.lifetime {
            Lifetime::Until(end) => end.0,
            _ => 0,
        },
        author: author(grant.author).to_owned(),
        at: grant.at.0,
        last_used: view.last_used.unwrap_or_default().0,
    }
}

pub(super) fn log(view: LogView) -> LogEntry {
    LogEntry {
        seq: view.seq,
        at: view.at.0,
        vm: view.vm.map(|vm| vm.to_string()).unwrap_or_default(),
        kind: view.kind.map(Kind::name).unwrap_or_default().to_owned(),
        what: view.what.to_owned(),
        target: view.target,
        detail: view.detail,
        bytes_in: view.bytes_in,
        bytes_out: view.bytes_out,
        grant: view.grant.map_or(0, |grant| grant.0),
    }
}

pub(super) fn pending(view: PendingView) -> PendingEntry {
    PendingEntry {
        id: view.id.0,
        vm: view.vm.to_string(),
        kind: view.kind.name().to_owned(),
        target: view.target,
        at: view.at.0,
        answers: view.answers.into_iter().map(answer_name).collect(),
    }
}

pub(super) fn chooser(view: ChooserView) -> ChooserEntry {
    ChooserEntry {
        id: view.id,
        vm: view.vm.to_string(),
        title: view.title.into(),
        kind: match view.kind {
            FileKind::File => "file",
            FileKind::Folder => "folder",
            FileKind::NewFile => "new-file",
        }
        .to_owned(),
        write: view.write,
        suggested: view.suggested.into(),
    }
}

pub(super) fn file(view: FileView) -> FileEntry {
    FileEntry {
        id: view.id,
        vm: view.vm.to_string(),
        name: view.name.into(),
        folder: view.folder,
        write: view.write,
        at: view.at.0,
    }
}

const fn author(author: Author) -> &'static str {
    match author {
        Author::Prompt => "prompt",
        Author::Person => "person",
        Author::Admin => "admin",
        Author::Policy => "policy",
    }
}
