// SPDX-License-Identifier: GPL-3.0-or-later
//! The log as people read it. In: events. Out: lines whose words are the desktop's own; what came from a
//! guest stands in fields of its own, cleaned, so that it can forge no line.

use super::Core;
use super::book::Line;
use super::shares::MANY_SITES;
use super::views::answer_name;
use crate::shown::LogView;
use crate::target;
use cofferdam_ids::{Label, VmId, is_unfit};
use cofferdam_policy::{
    Answer, Author, Contact, Effect, Event, Grant, Host, Lifetime, Refusal, Resource, Usage,
};

/// Most lines in one answer.
const MAX_LINES: usize = 1_000;
/// Longest target, in characters; the longest name with a port fits.
const MAX_TARGET: usize = 512;
/// Longest text that is searched for, in characters.
const MAX_SEARCH: usize = 200;

impl Core {
    pub(super) fn log(&self, vm: Option<&VmId>, before: u64, limit: u32, search: &str) -> Vec<LogView> {
        let limit = usize::try_from(limit).unwrap_or(MAX_LINES).min(MAX_LINES);
        let search: String = search.chars().take(MAX_SEARCH).collect::<String>().to_lowercase();
        let wanted = |entry: &LogView| {
            search.is_empty()
                || entry.target.to_lowercase().contains(&search)
                || entry.detail.to_lowercase().contains(&search)
        };
        self.book
            .lines()
            .filter(|line| before == 0 || line.seq < before)
            .filter(|line| vm.is_none_or(|vm| line.vm.as_ref() == Some(vm)))
            .map(entry)
            .filter(wanted)
            .take(limit)
            .collect()
    }
}

fn entry(line: &Line) -> LogView {
    let mut entry = LogView {
        seq: line.seq,
        at: line.at,
        vm: line.vm.clone(),
        kind: None,
        what: "",
        target: String::new(),
        detail: String::new(),
        bytes_in: 0,
        bytes_out: 0,
        grant: None,
    };
    let (what, detail) = words(line, &mut entry);
    entry.what = what;
    // Whatever a guest could have named passes the same cleaning as in chrome.
    entry.detail = Label::new(&detail).into();
    entry.target = whole(&entry.target);
    entry
}

/// The same, but to its end: a name that is cut says less than what was asked for.
fn whole(text: &str) -> String {
    let fit = text.chars().filter(|c| !is_unfit(*c));
    fit.map(|c| if c.is_whitespace() { ' ' } else { c }).take(MAX_TARGET).collect()
}

fn words(line: &Line, entry: &mut LogView) -> (&'static str, String) {
    match &line.event {
        Event::Registered { .. } => ("started", String::new()),
        Event::Closed { .. } => ("ended", String::new()),
        Event::Asked { resource, .. } => {
            entry.kind = Some(resource.kind());
            entry.target = target::of_resource(resource);
            ("asked", String::new())
        }
        Event::Answered { resource, answer, .. } => {
            entry.kind = Some(resource.kind());
            entry.target = target::of_resource(resource);
            ("answered", said(*answer))
        }
        Event::Granted(grant) => {
            about_grant(entry, grant);
            entry.grant = Some(grant.id);
            ("granted", format!("{}, by {}", lasts(grant), by(grant.author)))
        }
        Event::Revoked { by: author, .. } => {
            let Some(grant) = &line.ended else { return ("revoked", format!("by {}", by(*author))) };
            about_grant(entry, grant);
            let how = match (author, grant.lifetime) {
                (Author::Policy, Lifetime::Once) => "used up".to_owned(),
                (Author::Policy, _) => "its time was over".to_owned(),
                (author, _) => format!("by {}", by(*author)),
            };
            ("revoked", how)
        }
        Event::LevelSet { kind, level, by: author, .. } => {
            entry.kind = Some(*kind);
            ("level", format!("{level} by {}", by(*author)))
        }
        Event::Used { resource, grant, usage, .. } => {
            entry.kind = Some(resource.kind());
            entry.target = target::of_resource(resource);
            if matches!(resource, Resource::Network(Contact { host: Host::Name(name), .. }) if name == MANY_SITES)
            {
                entry.target = "many sites".to_owned();
            }
            entry.grant = *grant;
            (entry.bytes_in, entry.bytes_out) = (usage.bytes_in, usage.bytes_out);
            ("used", amount(*usage))
        }
        Event::Refused { resource, why, .. } => {
            entry.kind = Some(resource.kind());
            entry.target = target::of_resource(resource);
            ("refused", reason(*why).to_owned())
        }
        Event::TakenBack { resource, by: author, .. } => {
            entry.kind = Some(resource.kind());
            entry.target = target::of_resource(resource);
            ("revoked", format!("by {}", by(*author)))
        }
        Event::Silenced { kind, .. } => {
            entry.kind = Some(*kind);
            ("silenced", "asked too often, not heard until it is closed".to_owned())
        }
    }
}

fn about_grant(entry: &mut LogView, grant: &Grant) {
    entry.kind = Some(grant.key.kind());
    entry.target = target::of_key(&grant.key);
}

const fn lasts(grant: &Grant) -> &'static str {
    match (grant.effect, grant.lifetime) {
        (Effect::Deny, Lifetime::Standing) => "never",
        (Effect::Deny, _) => "not for now",
        (_, Lifetime::Once) => "once",
        (_, Lifetime::Run(_)) => "until closed",
        (_, Lifetime::Until(_)) => "for a time",
        (_, Lifetime::Standing) => "always",
    }
}

const fn by(author: Author) -> &'static str {
    match author {
        Author::Prompt | Author::Person => "you",
        Author::Admin => "the administrator",
        Author::Policy => "the desktop",
    }
}

fn said(answer: Answer) -> String {
    match answer {
        Answer::NotNow => "not now".to_owned(),
        Answer::Pick(_) => "picked an app".to_owned(),
        Answer::Hour => "for an hour".to_owned(),
        other => answer_name(other).replace('-', " "),
    }
}

const fn reason(why: Refusal) -> &'static str {
    match why {
        Refusal::Off => "off",
        Refusal::NotListed => "not on the list",
        Refusal::Never => "you said never",
        Refusal::Admin => "the administrator does not allow it",
        Refusal::Parent => "the app it belongs to may not either",
        Refusal::Answered => "refused by you",
        Refusal::Silence => "nobody answered",
        Refusal::Silenced => "it asked too often",
        Refusal::NotRunning => "nothing runs that could do it",
        Refusal::NoLedger => "it could not be written down",
        Refusal::Mismatch => "it was not what it claimed to be",
        Refusal::Malformed => "it made no sense",
    }
}

fn amount(usage: Usage) -> String {
    let mut words = Vec::new();
    if usage.bytes_in > 0 {
        words.push(format!("{} in", size(usage.bytes_in)));
    }
    if usage.bytes_out > 0 {
        words.push(format!("{} out", size(usage.bytes_out)));
    }
    if usage.millis > 0 {
        words.push(format!("{} s", usage.millis.div_ceil(1000)));
    }
    if words.is_empty() {
        words.push(if usage.times == 1 { "once".to_owned() } else { format!("{} times", usage.times) });
    }
    words.join(", ")
}

/// Bytes as people count them.
fn size(bytes: u64) -> String {
    let mut unit = 1u64;
    for name in ["B", "kB", "MB", "GB"] {
        let next = unit.saturating_mul(1000);
        if bytes < next || name == "GB" {
            let tenths = u128::from(bytes) * 10 / u128::from(unit);
            let whole = tenths / 10;
            let plain = name == "B" || whole >= 100;
            return if plain { format!("{whole} {name}") } else { format!("{whole}.{} {name}", tenths % 10) };
        }
        unit = next;
    }
    format!("{bytes} B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (bytes, words) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (1_234_567, "1.2 MB"),
            (250_000_000, "250 MB"),
            (u64::MAX, "18446744073 GB"),
        ] {
            assert_eq!(size(bytes), words);
        }
    }
}
