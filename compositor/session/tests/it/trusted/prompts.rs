// SPDX-License-Identifier: GPL-3.0-or-later
//! Questions and their answers.

use super::*;
use cofferdam_control::desktop::Input;
use cofferdam_ids::Identity;
use cofferdam_policy::Kind;

#[test]
fn a_question_is_on_the_screen_with_the_next_frame() {
    let stage = Stage::new();
    let vm = stage.desktop.vm("mail", Identity::Green);
    stage.desktop.screenshot();
    let before = stage.desktop.counters();
    stage.asks(1, &vm);
    let after = stage.desktop.counters();
    assert_eq!(after.frames - before.frames, 1);
    let prompt = stage.prompt().expect("it is shown");
    assert_eq!((prompt.id, prompt.vm.as_str(), prompt.armed, prompt.waiting), (1, "mail", false, 0));
    assert_eq!(prompt.title, "mail wants to go online");
    assert_eq!(prompt.detail, "to imap.example.org, port 993 — first contact");
    let answers: Vec<&str> = prompt.choices.iter().map(|choice| choice.answer.as_str()).collect();
    assert_eq!(answers, ["not-now", "this-time", "until-closed", "hour", "always", "never"]);
    assert!(prompt.choices[0].focused);
    // The border of the card is the VM's, and everything around it is dark.
    let image = stage.desktop.screenshot();
    let card = prompt.card;
    let [r, g, b] = image.at(card.x + 2, card.y + card.h / 2);
    let library = cofferdam_themes::Library::built_in().unwrap();
    let style = library.identities.get(Identity::Green);
    assert!(style.owns_border_pixel(cofferdam_themes::Rgb::new(r, g, b), 2), "{r} {g} {b}");
    assert!(image.at(10, 400).iter().all(|c| *c < 12));
}

#[test]
fn answers_by_mouse_keyboard_and_finger() {
    let stage = Stage::new();
    let vm = stage.desktop.vm("mail", Identity::Green);
    let ask = |id| {
        stage.asks(id, &vm);
        stage.wait(1000);
        assert!(stage.prompt().expect("shown").armed);
    };
    ask(1);
    let (x, y) = stage.place("hour");
    stage.desktop.click(x, y);
    stage.answered(1, Answer::Hour);
    assert_eq!(stage.prompt(), None);
    ask(2);
    stage.tap(KEY_1);
    stage.answered(2, Answer::ThisTime);
    ask(3);
    for _ in 0..4 {
        stage.tap(KEY_TAB);
    }
    assert!(stage.choice("always").focused);
    stage.tap(KEY_ENTER);
    assert!(stage.prompt().is_some(), "Enter never gives");
    stage.tap(KEY_SPACE);
    stage.answered(3, Answer::Always);
    ask(4);
    let (x, y) = stage.place("until-closed");
    stage.desktop.input(Input::TouchDown { slot: 0, x: f64::from(x), y: f64::from(y) });
    stage.desktop.input(Input::TouchUp { slot: 0 });
    stage.answered(4, Answer::UntilClosed);
    ask(5);
    let (x, y) = stage.place("never");
    stage.desktop.click(x, y);
    stage.answered(5, Answer::Never);
    ask(6);
    stage.tap(KEY_ESC);
    stage.answered(6, Answer::NotNow);
}

#[test]
fn what_gives_is_dead_for_a_second_and_after_every_change() {
    let stage = Stage::new();
    let vm = stage.desktop.vm("mail", Identity::Green);
    stage.asks(1, &vm);
    let (x, y) = stage.place("this-time");
    let dead = || {
        stage.desktop.click(x, y);
        stage.tap(KEY_1);
        assert!(stage.prompt().is_some_and(|prompt| !prompt.armed));
    };
    stage.wait(999);
    dead();
    let changes: [fn(&Stage); 3] = [
        |stage| drop(stage.desktop.ask(Request::SetTheme("default-light".into()))),
        |stage| {
            drop(stage.desktop.ask(Request::AddOutput(cofferdam_control::desktop::OutputSpec {
                name: "second".into(),
                width: 640,
                height: 480,
                scale_120: 240,
            })))
        },
        |stage| {
            stage.desktop.ask(Request::Attention(true));
            stage.desktop.ask(Request::Sync);
            stage.desktop.ask(Request::Attention(false));
        },
    ];
    for change in changes {
        stage.wait(1000);
        assert!(stage.prompt().is_some_and(|prompt| prompt.armed));
        stage.desktop.key(KEY_1, true);
        change(&stage);
        stage.desktop.ask(Request::Sync);
        stage.desktop.key(KEY_1, false);
        dead();
        stage.wait(999);
        dead();
    }
    stage.wait(1000);
    stage.desktop.click(x, y);
    stage.answered(1, Answer::ThisTime);
}

#[test]
fn silence_a_lost_monitor_and_a_stopped_vm_mean_no() {
    let stage = Stage::new();
    let (mail, notes) = (stage.desktop.vm("mail", Identity::Green), stage.desktop.vm("notes", Identity::Sky));
    stage.asks(1, &mail);
    stage.asks(2, &notes);
    stage.wait(60_000);
    stage.desktop.ask(Request::RetireVm { vm: notes.id.clone() });
    let mut answers = [stage.hear(), stage.hear()];
    answers.sort_by_key(|answer| match answer {
        FromScreen::Answered { id, .. } => id.0,
        _ => u64::MAX,
    });
    for (answer, id) in answers.iter().zip([1, 2]) {
        assert!(matches!(answer, FromScreen::Answered { id: of, answer: Answer::NotNow, .. } if of.0 == id));
    }
    stage.asks(3, &mail);
    assert!(stage.prompt().is_some());
    let second = Stage::connect(&stage.desktop);
    assert_eq!(stage.prompt(), None, "another monitor took its place");
    transport::send_packet(second.as_fd(), &encode(&ToScreen::Ask(question(3, "mail"))).unwrap(), &[])
        .unwrap();
    drop(second);
    let quiet = Stage::connect(&stage.desktop);
    drop(quiet);
    assert_eq!(stage.prompt(), None);
}

#[test]
fn a_packet_that_is_no_message_ends_the_link() {
    let stage = Stage::new();
    let vm = stage.desktop.vm("mail", Identity::Green);
    for rubbish in [
        vec![0xFF; 40],
        encode(&(ToScreen::IdleInhibited(true), 7u8)).unwrap(),
        encode(&ToScreen::Ask(Prompt { answers: vec![], ..question(9, "mail") })).unwrap(),
        encode(&ToScreen::Ask(Prompt { about: About::Plain(Kind::Network), ..question(1, "mail") })).unwrap(),
    ] {
        let stage = Stage {
            monitor: Stage::connect(&stage.desktop),
            desktop: Desktop::start(),
            hand: Arc::default(),
        };
        let vm = stage.desktop.vm("mail", Identity::Green);
        let stage = Stage { monitor: Stage::connect(&stage.desktop), ..stage };
        stage.asks(1, &vm);
        transport::send_packet(stage.monitor.as_fd(), &rubbish, &[]).unwrap();
        let end = transport::recv_packet(stage.monitor.as_fd(), MAX_PACKET, 0).unwrap();
        assert!(end.is_none(), "{end:?}");
        assert_eq!(stage.prompt(), None);
    }
    let stage = Stage { monitor: Stage::connect(&stage.desktop), ..stage };
    stage.asks(1, &vm);
    assert!(stage.prompt().is_some(), "the next one is heard");
}

#[test]
fn nothing_is_spent_when_nobody_asks() {
    let stage = Stage::new();
    let vm = stage.desktop.vm("mail", Identity::Green);
    let mut client = stage.desktop.client(&vm);
    let window = client.window(600, 400, RED);
    stage.asks(1, &vm);
    stage.tap(KEY_ESC);
    stage.answered(1, Answer::NotNow);
    stage.desktop.screenshot();
    let before = stage.desktop.counters();
    let buffer = client.app.buffer(&client.queue.handle(), 600, 400, RED);
    window.surface.attach(Some(&buffer), 0, 0);
    window.surface.damage_buffer(10, 10, 64, 64);
    window.surface.commit();
    client.sync();
    stage.desktop.screenshot();
    assert_eq!(stage.desktop.counters().damaged_pixels - before.damaged_pixels, 64 * 64);
}

#[test]
fn a_vm_that_comes_or_comes_back_disturbs_nobody_who_is_about_to_answer() {
    let stage = Stage::new();
    let mail = stage.desktop.vm("mail", Identity::Green);
    stage.asks(1, &mail);
    stage.wait(1000);
    let armed = || {
        stage.desktop.ask(Request::Sync);
        stage.prompt().expect("shown").armed
    };
    assert!(armed());
    let _web = stage.desktop.vm("web", Identity::Sky);
    assert!(armed(), "another VM");
    let _again = stage.desktop.vm("mail", Identity::Green);
    assert!(armed(), "the same VM, as it was");
    let _other = stage.desktop.vm("mail", Identity::Orange);
    assert!(!armed(), "the card has another colour now");
    stage.wait(1000);
    assert!(armed());
    stage.tap(KEY_1);
    stage.answered(1, Answer::ThisTime);
}

#[test]
fn what_an_earlier_monitor_allowed_is_over_when_the_next_one_is_told_so() {
    let stage = Stage::new();
    let next = Stage::connect(&stage.desktop);
    let cut = encode(&ToScreen::Cut { ticket: cofferdam_monitor_wire::point::BEFORE }).unwrap();
    transport::send_packet(next.as_fd(), &cut, &[]).unwrap();
    let (packet, _) = transport::recv_packet(next.as_fd(), MAX_PACKET, 0).unwrap().unwrap();
    let done = FromScreen::CutDone { ticket: cofferdam_monitor_wire::point::BEFORE };
    assert_eq!(decode::<FromScreen>(&packet), Ok(done));
}
