// SPDX-License-Identifier: GPL-3.0-or-later
//! The whole way: a point asks, the person answers on the screen, the panel takes it back. In: messages of
//! all three. Out: who hears what, and in which order.

use crate::desktop::{Desktop, resource};
use cofferdam_bus::permissions::PermissionsProxy;
use cofferdam_ids::{Label, Passage};
use cofferdam_monitor_wire::point::{FromPoint, PortalOutcome, PortalWish, ToPoint};
use cofferdam_monitor_wire::screen::FromScreen;
use cofferdam_policy::{Answer, Content, FileAccess, FileKind, Level, Millis, Refusal, Resource, Usage};
use futures_lite::StreamExt as _;
use std::io::{Read as _, Write as _};
use std::sync::mpsc::{TryRecvError, channel};

#[test]
fn a_question_its_answer_and_its_end() {
    let desktop = Desktop::start();
    let screen = desktop.screen();
    let guest = desktop.vm("mail", 1);
    assert_eq!(guest.net.recv(), Some(ToPoint::Level(Level::Ask)));
    guest.ask(7, "imap.example.org");
    let prompt = screen.prompt();
    let panel = desktop.permissions();
    let pending = panel.pending().unwrap();
    assert_eq!((pending.len(), pending[0].target.as_str()), (1, "imap.example.org:443"));
    screen.answer(&prompt, Answer::Hour);
    let (7, Ok(ticket)) = guest.verdict() else { panic!("no yes") };
    let usage = Usage { times: 1, bytes_in: 2_000, ..Usage::default() };
    guest.net.send(&FromPoint::Used { ticket: ticket.id, resource: resource("imap.example.org"), usage });
    guest.ask(8, "imap.example.org");
    assert!(matches!(guest.verdict(), (8, Ok(again)) if again.id == ticket.id));
    let apps = panel.apps().unwrap();
    assert!(apps[0].running && !apps[0].online && apps[0].summary == "online · 60 min", "{apps:?}");
    let log = panel.log("mail", 0, 100, "imap").unwrap();
    let what: Vec<_> = log.iter().map(|l| l.what.as_str()).collect();
    assert_eq!(what, ["used", "granted", "answered", "asked"]);
    assert!(panel.advance_clock(Millis::HOUR).unwrap() > log[0].at);
    assert_eq!(guest.heard(), Some(ToPoint::Cut { ticket: ticket.id }), "its time is over");
    guest.net.send(&FromPoint::CutDone { ticket: ticket.id });
    guest.ask(9, "imap.example.org");
    assert_eq!(screen.prompt().uses, 1);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a caller whose call takes its time")]
fn revoke_answers_only_when_it_is_true() {
    let desktop = Desktop::start();
    let screen = desktop.screen();
    let guest = desktop.vm("mail", 1);
    guest.ask(1, "a.org");
    screen.answer(&screen.prompt(), Answer::Always);
    let (_, Ok(ticket)) = guest.verdict() else { panic!("no yes") };
    let (tell, told) = channel();
    let bus = desktop.bus.clone();
    let caller = std::thread::spawn(move || {
        let panel = cofferdam_runner::blocking::Permissions::connect(&bus).unwrap();
        let token = panel.revoke(ticket.grant.unwrap().0).unwrap();
        tell.send(token).unwrap();
    });
    assert_eq!(guest.heard(), Some(ToPoint::Cut { ticket: ticket.id }));
    // Everything that the monitor would do without us has been done once this answer is here.
    desktop.permissions().now().unwrap();
    assert_eq!(told.try_recv(), Err(TryRecvError::Empty), "it waits for the point");
    guest.net.send(&FromPoint::CutDone { ticket: ticket.id });
    let token = told.recv().unwrap();
    caller.join().unwrap();
    desktop.permissions().undo(token).unwrap();
    guest.ask(2, "a.org");
    assert!(guest.verdict().1.is_ok(), "taken back");
}

#[test]
fn a_chosen_file_arrives_open_and_without_its_path() {
    let desktop = Desktop::start();
    let _screen = desktop.screen();
    let guest = desktop.vm("mail", 1);
    let wish = PortalWish::ChooseFile {
        title: Label::new("Attach"),
        kind: FileKind::File,
        access: FileAccess::Read,
        suggested: Label::default(),
    };
    guest.agent.send(&FromPoint::Portal { serial: 3, wish });
    // What comes behind it is refused at once, so the chooser is open when that is heard.
    guest.agent.send(&FromPoint::Portal { serial: 4, wish: PortalWish::Screenshot });
    assert!(matches!(guest.agent.recv(), Some(ToPoint::PortalDone { serial: 4, .. })));
    let panel = desktop.permissions();
    let choosers = panel.choosers().unwrap();
    assert_eq!((choosers.len(), choosers[0].vm.as_str(), choosers[0].title.as_str()), (1, "mail", "Attach"));
    let path = desktop.directory.path().join("notes.txt");
    std::fs::File::create(&path).unwrap().write_all(b"dear diary").unwrap();
    let open = || std::fs::File::open(&path).unwrap().into();
    let null = std::fs::File::open("/dev/null").unwrap().into();
    assert!(panel.choose(choosers[0].id, "null", null, false).is_err(), "a device is no file");
    assert!(panel.choose(choosers[0].id, "notes.txt", open(), true).is_err(), "it is open for reading");
    panel.choose(choosers[0].id, "/home/me/notes.txt", open(), false).unwrap();
    let (message, mut fds) = guest.agent.recv_with::<ToPoint>().unwrap();
    let ToPoint::PortalDone { serial: 3, outcome: PortalOutcome::File { name, writable: false, .. } } =
        message
    else {
        panic!("{message:?}")
    };
    assert_eq!(name.as_str(), "notes.txt");
    let mut text = String::new();
    std::fs::File::from(fds.remove(0)).read_to_string(&mut text).unwrap();
    assert_eq!(text, "dear diary");
    assert!(panel.choose(choosers[0].id, "notes.txt", open(), false).is_err(), "exactly one");
}

#[test]
fn a_paste_is_asked_by_the_compositor() {
    let desktop = Desktop::start();
    let screen = desktop.screen();
    let (_foot, _mail) = (desktop.vm("foot", 1), desktop.vm("mail", 2));
    let resource = Resource::Clipboard { from: "foot".parse().unwrap(), content: Content::Text };
    screen.wire.send(&FromScreen::Ask { serial: 4, vm: "mail".parse().unwrap(), resource });
    screen.answer(&screen.prompt(), Answer::ThisTime);
    let decided = screen.heard();
    assert!(
        matches!(decided, Some(cofferdam_monitor_wire::screen::ToScreen::Decided { serial: 4, verdict: Ok(t) }) if t.once)
    );
}

#[test]
fn whoever_listens_on_the_bus_hears_of_changes() {
    let desktop = Desktop::start();
    let _screen = desktop.screen();
    let guest = desktop.vm("mail", 1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let bus = zbus::connection::Builder::address(desktop.bus.as_str()).build().await.unwrap();
        let panel = PermissionsProxy::new(&bus).await.unwrap();
        let mut changes = panel.receive_changed().await.unwrap();
        // This compositor draws no notes: no question, and a no in the log.
        let wish =
            PortalWish::Notify { tag: 1, title: Label::new("New mail"), body: Passage::new("from Eve") };
        guest.agent.send(&FromPoint::Portal { serial: 1, wish });
        let outcome = PortalOutcome::Denied(Refusal::Off);
        assert_eq!(guest.agent.recv(), Some(ToPoint::PortalDone { serial: 1, outcome }));
        let change = changes.next().await.unwrap();
        assert_eq!(change.args().unwrap().vm, "mail");
    });
}

#[test]
fn rules_are_read_again_or_the_old_ones_stay() {
    let desktop = Desktop::start();
    let screen = desktop.screen();
    let guest = desktop.vm("mail", 1);
    let panel = desktop.permissions();
    let file = desktop.directory.path().join("admin/10-fleet.toml");
    std::fs::write(&file, "[[rule]]\nkind = \"network\"\nhost = \"bad.org\"\nverdict = \"deny\"\n").unwrap();
    panel.reload_rules().unwrap();
    guest.ask(1, "bad.org");
    assert_eq!(guest.verdict(), (1, Err(Refusal::Admin)));
    assert!(panel.grant("mail", "network", "bad.org", "always").is_err(), "no grant overrides it");
    let (word, why) = panel.explain("mail", "network", "bad.org").unwrap();
    assert!(word == "deny" && why.contains("10-fleet.toml"), "{why}");
    std::fs::write(&file, "[[rule]]\nkind = \"netwrok\"\nverdict = \"deny\"\n").unwrap();
    let error = panel.reload_rules().unwrap_err().to_string();
    assert!(error.contains("10-fleet.toml:2"), "{error}");
    guest.ask(2, "bad.org");
    assert_eq!(guest.verdict(), (2, Err(Refusal::Admin)), "the old ones stay");
    guest.ask(3, "good.org");
    screen.prompt();
}
