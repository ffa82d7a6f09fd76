// SPDX-License-Identifier: GPL-3.0-or-later
//! In: messages, histories, and the committed corpus of the fuzz targets. Out: that each packet comes back as it
//! went, that nothing else is taken for one, and that no history breaks a promise of policy.

#[cfg(test)]
#[path = "../../../tests/fuzz/harness/corpus.rs"]
mod corpus;
#[cfg(test)]
#[allow(unreachable_pub)]
#[path = "../../../tests/fuzz/harness/monitor.rs"]
mod harness;

#[cfg(test)]
mod tests {
    use super::{corpus, harness};
    use cofferdam_ids::{Identity, Label, Passage, VmId};
    use cofferdam_monitor_wire::encode;
    use cofferdam_monitor_wire::point::{FromPoint, PortalOutcome, PortalWish, Returned, Ticket, ToPoint};
    use cofferdam_monitor_wire::registry::{FromMonitor, Role, ToMonitor};
    use cofferdam_monitor_wire::screen::{
        Abilities, About, Candidate, FromScreen, Prompt, PromptId, Standing, ToScreen,
    };
    use cofferdam_policy::{
        Answer, Author, Contact, Content, Effect, Event, FileAccess, FileKind, Grant, GrantId, Host, Kind,
        Level, Lifetime, Millis, Refusal, Resource, Transport, Usage, Zone,
    };
    use proptest::prelude::*;
    use serde::Serialize;
    use std::path::Path;

    const USAGE: Usage = Usage { times: 1, bytes_in: 300, bytes_out: 70_000, millis: 5 };

    fn vm(name: &str) -> VmId {
        name.parse().unwrap()
    }

    fn contact() -> Contact {
        let host = Host::parse("imap.example.org").unwrap();
        Contact { host, zone: Zone::Internet, transport: Transport::Tcp, port: 993 }
    }

    fn site() -> Resource {
        Resource::Network(contact())
    }

    fn paste() -> Resource {
        Resource::Clipboard { from: vm("web"), content: Content::Text }
    }

    fn ticket() -> Ticket {
        Ticket { id: 7, grant: Some(GrantId(3)), until: Some(Millis(9_000_000)), once: true }
    }

    /// Writes one seed for each message.
    fn seeds<M: Serialize>(wire: u8, name: &str, messages: &[M]) {
        for (n, message) in messages.iter().enumerate() {
            let packet = [vec![wire], encode(message).unwrap()].concat();
            corpus::seed("monitor_packet", &format!("{name}-{n}"), &packet);
        }
        // A message that has gone must not leave a seed behind that says nothing any more.
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fuzz/corpus/monitor_packet");
        let next = format!("{folder}/seed-{name}-{}", messages.len());
        assert!(!Path::new(&next).exists(), "{next} is of no message");
    }

    #[test]
    fn seeds_of_points_are_up_to_date() {
        let title = Label::new("Open");
        let choose = PortalWish::ChooseFile {
            title: title.clone(),
            kind: FileKind::File,
            access: FileAccess::Read,
            suggested: Label::new("a.txt"),
        };
        let uri = PortalWish::OpenUri { uri: "https://example.org/".into() };
        let notify = PortalWish::Notify { tag: 5, title: title.clone(), body: Passage::new("Open") };
        seeds(
            0,
            "from-point",
            &[
                FromPoint::Ask { serial: 1, resource: site() },
                FromPoint::Forget { serial: 1 },
                FromPoint::Used { ticket: 7, resource: site(), usage: USAGE },
                FromPoint::Refused { resource: site(), why: Refusal::Mismatch },
                FromPoint::CutDone { ticket: 7 },
                FromPoint::Portal { serial: 2, wish: choose },
                FromPoint::Portal { serial: 3, wish: uri },
                FromPoint::Portal { serial: 4, wish: notify },
                FromPoint::Portal { serial: 5, wish: PortalWish::InhibitIdle { reason: title.clone() } },
                FromPoint::Online(true),
                FromPoint::Aliases { serial: 6, contact: contact(), names: vec![contact().host] },
                FromPoint::Returned(vec![Returned { ticket: 7, times: 2 }, Returned { ticket: 9, times: 1 }]),
            ],
        );
        let file = PortalOutcome::File { ticket: ticket(), name: title, folder: false, writable: true };
        seeds(
            1,
            "to-point",
            &[
                ToPoint::Decided { serial: 1, verdict: Ok(ticket()) },
                ToPoint::Decided { serial: 1, verdict: Err(Refusal::Silence) },
                ToPoint::Cut { ticket: 7 },
                ToPoint::Level(Level::Internet),
                ToPoint::PortalDone { serial: 2, outcome: file },
                ToPoint::Checked { serial: 6, verdict: Ok(()) },
                ToPoint::Checked { serial: 6, verdict: Err(Refusal::Never) },
            ],
        );
    }

    #[test]
    fn seeds_of_the_screen_and_the_registry_are_up_to_date() {
        let (name, identity) = (Label::new("Mail"), Identity::Green);
        let candidate = Candidate {
            app: "web".parse().unwrap(),
            name: name.clone(),
            vm: Some(vm("web")),
            identity: Some(Identity::Sky),
        };
        let about = [
            About::Network { contact: contact(), first: true },
            About::Paste { from: vm("web"), content: Content::Image },
            About::File { name: name.clone(), access: FileAccess::Write },
            About::OpenUri { uri: Label::new("https://example.org/"), candidates: vec![candidate] },
        ];
        let ask = |about| {
            let answers = vec![Answer::ThisTime, Answer::Always, Answer::Pick(1)];
            ToScreen::Ask(Prompt { id: PromptId(4), vm: vm("mail"), about, answers, uses: 12 })
        };
        let standing = Standing {
            vm: vm("mail"),
            online: true,
            may_go_online: true,
            microphone: false,
            waiting: 2,
            silenced: false,
        };
        seeds(3, "ask-screen", &about.map(ask));
        seeds(
            3,
            "to-screen",
            &[
                ToScreen::Withdraw(PromptId(4)),
                ToScreen::Decided { serial: 9, verdict: Ok(ticket()) },
                ToScreen::Standing(standing),
                ToScreen::IdleInhibited(true),
                ToScreen::Note {
                    vm: vm("mail"),
                    tag: 5,
                    title: name.clone(),
                    body: Passage::new("from Eve"),
                },
                ToScreen::NotesGone { vm: vm("mail"), tag: Some(5) },
            ],
        );
        seeds(
            2,
            "from-screen",
            &[
                FromScreen::Answered { id: PromptId(4), answer: Answer::Hour, silence: false },
                FromScreen::Ask { serial: 9, vm: vm("mail"), resource: paste() },
                FromScreen::Used { vm: vm("mail"), ticket: 7, resource: paste(), usage: USAGE },
                FromScreen::CutEverything,
                FromScreen::Locked(true),
                FromScreen::Can(Abilities { notes: true, idle: false }),
            ],
        );
        let (app, parent) = ("mail".parse().unwrap(), Some(vm("web")));
        let points = Role::ALL.to_vec();
        seeds(
            4,
            "to-monitor",
            &[
                ToMonitor::Register { vm: vm("mail"), app, name, identity, parent, run: Some(77), points },
                ToMonitor::Point { role: Role::Network },
            ],
        );
        seeds(
            5,
            "from-monitor",
            &[
                FromMonitor::Open { serial: 3, uri: "https://example.org/".into() },
                FromMonitor::Registered { run: 77 },
                FromMonitor::Lost { role: Role::Agent },
            ],
        );
    }

    fn history() -> Vec<u8> {
        let registered = |run| Event::Registered {
            vm: vm("mail"),
            app: "mail".parse().unwrap(),
            name: Label::new("Mail"),
            identity: Identity::Green,
            parent: None,
            run,
        };
        let grant = |id, lifetime| {
            let (effect, author) = (Effect::Allow, Author::Prompt);
            Event::Granted(Grant {
                id: GrantId(id),
                vm: vm("mail"),
                key: site().key(),
                effect,
                lifetime,
                author,
                at: Millis(0),
            })
        };
        let used = |grant| Event::Used {
            vm: vm("mail"),
            resource: site(),
            grant: Some(GrantId(grant)),
            usage: USAGE,
        };
        let events = [
            (0, registered(1)),
            (0, Event::Asked { vm: vm("mail"), resource: site() }),
            (1, grant(0, Lifetime::Once)),
            (0, used(0)),
            (2, grant(1, Lifetime::Standing)),
            (200, used(1)),
            (
                0,
                Event::LevelSet {
                    vm: vm("mail"),
                    kind: Kind::Clipboard,
                    level: Level::Off,
                    by: Author::Person,
                },
            ),
            (0, Event::Closed { vm: vm("mail"), run: 1 }),
            (9, registered(2)),
            (0, Event::Silenced { vm: vm("mail"), kind: Kind::Network }),
            (0, grant(2, Lifetime::Until(Millis(900_000_000)))),
            (1, Event::Revoked { grant: GrantId(2), by: Author::Person }),
        ];
        let mut bytes = Vec::new();
        for (pause, event) in events {
            let packet = encode(&event).unwrap();
            bytes.extend([u8::try_from(packet.len()).unwrap(), pause]);
            bytes.extend(packet);
        }
        bytes
    }

    #[test]
    fn the_corpus_breaks_no_promise() {
        corpus::seed("policy_events", "history", &history());
        assert!(corpus::replay("monitor_packet", harness::packet) >= 25);
        assert!(corpus::replay("policy_events", harness::events) >= 1);
    }

    proptest! {
        #[test]
        fn bytes_of_any_kind_break_no_promise(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            harness::packet(&bytes);
            harness::events(&bytes);
        }
    }
}
