// SPDX-License-Identifier: GPL-3.0-or-later
//! A damaged record. In: the ledger of a desktop that does not run. Out: the damaged file under another
//! name, and a ledger that gives nothing that the damaged part might have taken back.

#![expect(clippy::disallowed_methods, reason = "a repaired file is named after the time")]

use crate::error::Error;
use crate::ui;
use cofferdam_kit::paths::Paths;
use cofferdam_ledger::{Entry, Ledger, LedgerError};
use cofferdam_policy::{Author, Effect, Event, Levels};
use std::path::Path;
use std::time::SystemTime;

/// `coffer permissions --repair`.
pub(super) fn repair(desktop: &str) -> Result<(), Error> {
    let paths = Paths::of(desktop)?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    match repair_in(&paths.ledger(), now) {
        Ok(aside) => {
            ui::note(&format!("the damaged record is kept as {aside}; every permission was taken back"));
            Ok(())
        }
        Err(LedgerError::InUse(_)) => {
            Err(Error::Plain(format!("the desktop {desktop} is running; end it first")))
        }
        Err(error) => Err(Error::Plain(error.to_string())),
    }
}

fn repair_in(dir: &Path, now: u64) -> Result<String, LedgerError> {
    let (mut ledger, ..) = Ledger::<Event>::open(dir)?;
    let aside = ledger.repair(now, |entry| Some(without_gifts(entry)))?;
    Ok(aside.display().to_string())
}

/// An event, or in place of one that gives something the same without the gift. A grant becomes its own
/// end, so that its number stays used.
fn without_gifts(entry: Entry<Event>) -> Event {
    match entry.event {
        Event::Granted(grant) if grant.effect == Effect::Allow => {
            Event::Revoked { grant: grant.id, by: Author::Policy }
        }
        Event::LevelSet { vm, kind, level, by } => {
            let initial = Levels::initial(kind);
            let level = if level.rank() < initial.rank() { level } else { initial };
            Event::LevelSet { vm, kind, level, by }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_policy::{Contact, Refusal, Resource, Transport};
    use cofferdam_policy::{Decision, Grant, GrantId, Host, Key, Kind, Level, Lifetime, Millis, State, Zone};

    fn contact(name: &str) -> Contact {
        let host = Host::parse(name).unwrap();
        Contact { host, zone: Zone::Internet, transport: Transport::Tcp, port: 443 }
    }

    fn granted(id: u64, name: &str, effect: Effect) -> Event {
        Event::Granted(Grant {
            id: GrantId(id),
            vm: "mail".parse().unwrap(),
            key: Key::Site { host: Host::parse(name).unwrap(), zone: Zone::Internet },
            effect,
            lifetime: Lifetime::Standing,
            author: Author::Person,
            at: Millis(2),
        })
    }

    fn registered() -> Event {
        Event::Registered {
            vm: "mail".parse().unwrap(),
            app: "thunderbird".parse().unwrap(),
            name: cofferdam_ids::Label::new("Mail"),
            identity: "sky".parse().unwrap(),
            parent: None,
            run: 1,
        }
    }

    #[test]
    fn a_level_that_is_tighter_stays() {
        for (level, kept) in
            [(Level::Off, Level::Off), (Level::Listed, Level::Listed), (Level::All, Level::Ask)]
        {
            let (vm, kind) = ("mail".parse().unwrap(), Kind::Network);
            let event = Event::LevelSet { vm, kind, level, by: Author::Person };
            let Event::LevelSet { level: left, .. } = without_gifts(Entry { seq: 1, at: 1, event }) else {
                panic!("another event")
            };
            assert_eq!(left, kept);
        }
    }

    #[test]
    fn what_may_have_been_taken_back_is_not_given_again() {
        let dir = tempfile::tempdir().unwrap();
        let (mut ledger, ..) = Ledger::open(dir.path()).unwrap();
        let level = |level| Event::LevelSet {
            vm: "mail".parse().unwrap(),
            kind: Kind::Network,
            level,
            by: Author::Person,
        };
        let events = [
            registered(),
            level(Level::All),
            granted(0, "a.org", Effect::Allow),
            granted(1, "b.org", Effect::Deny),
        ];
        ledger.append(2, &events).unwrap();
        ledger.append(3, &[Event::Revoked { grant: GrantId(0), by: Author::Person }]).unwrap();
        assert!(matches!(repair_in(dir.path(), 9), Err(LedgerError::InUse(_))));
        drop(ledger);
        assert!(matches!(repair_in(dir.path(), 9), Err(LedgerError::NotDamaged)));
        let path = dir.path().join("ledger");
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let aside = repair_in(dir.path(), 9).unwrap();
        assert_eq!(std::fs::read(aside).unwrap(), bytes);

        let (_, entries, report) = Ledger::<Event>::open(dir.path()).unwrap();
        assert_eq!(report.damage, None);
        let mut state = State::new();
        for entry in &entries {
            state.apply(Millis(entry.at), &entry.event).unwrap();
        }
        let mail = "mail".parse().unwrap();
        let decide = |name: &str| state.decide(&mail, &Resource::Network(contact(name)), Millis(10));
        assert!(matches!(decide("a.org"), Decision::Ask { .. }), "{:?}", decide("a.org"));
        assert_eq!(decide("b.org"), Decision::Deny(Refusal::Never));
        assert!(matches!(decide("c.org"), Decision::Ask { .. }), "the level gives nothing either");
        assert_eq!(state.next_grant_id(), GrantId(2), "no number is used twice");
    }
}
