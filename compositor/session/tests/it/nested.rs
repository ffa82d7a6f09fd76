// SPDX-License-Identifier: GPL-3.0-or-later
//! The desktop as a window: our program with its nested backend, inside our own headless desktop.

#![expect(clippy::disallowed_types, reason = "runs the compositor")]

use crate::common::{Client, Desktop};
use crate::control::{adopt, event, open_client, start};
use cofferdam_control::client::Client as Control;
use cofferdam_control::desktop::{Event, Input, PromptInfo, Reply, Request, WindowInfo, WindowOp};
use cofferdam_kit::transport;
use cofferdam_monitor_wire::encode;
use cofferdam_monitor_wire::screen::ToScreen;
use std::os::fd::AsFd;
use std::process::{Child, Command};

const RED: [u8; 3] = [255, 0, 0];
const KEY_1: u32 = 2;

/// Ends the program with the test, however the test ends.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One desktop inside the other.
struct Nested {
    _program: Program,
    _dir: tempfile::TempDir,
    outer: Desktop,
    outer_control: Control,
    inner: Control,
    /// The inner one's window in the outer one.
    window: WindowInfo,
}

impl Nested {
    fn start() -> Self {
        let (dir, control, trusted, outer) = start();
        let mut outer_control = Control::connect(&control).unwrap();
        outer_control.call(Request::Subscribe, &[]).unwrap();
        let socket = dir.path().join("nested.sock");
        let program = Command::new(env!("CARGO_BIN_EXE_cofferdam-compositor"))
            .args(["--backend", "nested", "--socket"])
            .arg(&socket)
            .env("WAYLAND_DISPLAY", &trusted)
            .env("XDG_RUNTIME_DIR", dir.path())
            .spawn()
            .unwrap();
        let program = Program(program);
        let Event::WindowMapped(window) =
            event(&mut outer_control, "nested window", |e| matches!(e, Event::WindowMapped(_)))
        else {
            panic!("not mapped");
        };
        // The nested desktop listens before it shows its window.
        let mut inner = Control::connect(&socket).unwrap();
        inner.call(Request::Subscribe, &[]).unwrap();
        Self { _program: program, _dir: dir, outer, outer_control, inner, window }
    }
}

/// How many red pixels the outer desktop shows.
fn red(outer: &Desktop) -> usize {
    outer.screenshot().count((0, 0, 1280, 800), RED)
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a deadline that fails the test")]
fn a_vm_is_seen_through_the_nested_window() {
    let Nested { _program, _dir, outer, mut outer_control, mut inner, window } = Nested::start();
    let device = adopt(&mut inner, "term");
    let mut client: Client = open_client(&device);
    client.window(300, 200, RED);
    let Event::WindowMapped(info) =
        event(&mut inner, "window in the nested desktop", |e| matches!(e, Event::WindowMapped(_)))
    else {
        panic!("not mapped");
    };
    let (reply, _) = inner.call(Request::Screenshot { output: None }, &[]).unwrap();
    let Reply::Image { width, height, .. } = reply else { panic!("{reply:?}") };
    assert!(width > 600 && height > 400, "{width}×{height}");

    // Its frame reaches the outer desktop in shared memory; each commit of it is a change there.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while red(&outer) < 59_000 {
        assert!(std::time::Instant::now() < deadline, "the nested picture never came: {}", red(&outer));
        inner.call(Request::Sync, &[]).unwrap();
    }

    // A drag of the inner title bar, done with the outer pointer.
    let (ox, oy) = (window.content.x, window.content.y);
    let (x, y) = (ox + info.frame.x + 120, oy + info.frame.y + 15);
    outer.pointer(x, y);
    outer.button(true);
    outer.pointer(x + 60, y + 40);
    outer.button(false);
    let moved = |inner: &mut Control| match inner.call(Request::Windows, &[]).unwrap().0 {
        Reply::Windows(windows) => (windows[0].frame.x, windows[0].frame.y),
        other => panic!("{other:?}"),
    };
    while moved(&mut inner) != (info.frame.x + 60, info.frame.y + 40) {
        assert!(std::time::Instant::now() < deadline, "the inner window did not move");
    }
    // What only a headless desktop can do is refused.
    assert!(inner.call(Request::Input(Input::PointerMove { x: 0.0, y: 0.0 }), &[]).is_err());
    inner.call(Request::Quit, &[]).unwrap();
    event(&mut outer_control, "end of the nested window", |e| matches!(e, Event::WindowClosed { .. }));
}

/// GTK 3 binds version 5, wl-clipboard 2: their keymap is a file that they may write to, which the compositor has
/// to make behind its walls.
#[test]
fn keyboards_of_any_age_get_a_keymap_from_behind_the_walls() {
    let Nested { _program, _dir, outer: _outer, outer_control: _control, mut inner, window: _window } =
        Nested::start();
    for version in 1..=9 {
        let device = adopt(&mut inner, &format!("v{version}"));
        let mut client: Client = open_client(&device);
        let keymap = client.keymap(version);
        assert!(keymap.starts_with("xkb_keymap"), "version {version}: {keymap:.40}");
    }
}

/// The next question that is shown and is as wanted.
fn prompt(inner: &mut Control, what: &str, wanted: fn(&PromptInfo) -> bool) -> PromptInfo {
    let told = event(inner, what, |e| match e {
        Event::PromptChanged(prompt) => prompt.as_ref().is_some_and(wanted),
        _ => false,
    });
    let Event::PromptChanged(Some(prompt)) = told else { panic!("{told:?}") };
    prompt
}

#[test]
fn focus_that_comes_or_goes_answers_nothing() {
    let Nested { _program, _dir, outer, outer_control: _outer, mut inner, window } = Nested::start();
    let other = outer.vm("other", cofferdam_ids::Identity::Sky);
    let mut client = outer.client(&other);
    client.window(200, 100, RED);
    outer.window_op(&window, WindowOp::Activate);
    let (monitor, theirs) = transport::pair().unwrap();
    inner.call(Request::ServePermissions, &[theirs.as_fd()]).unwrap();
    let _device = adopt(&mut inner, "mail");
    let ask = ToScreen::Ask(crate::trusted::question(1, "mail"));
    transport::send_packet(monitor.as_fd(), &encode(&ask).unwrap(), &[]).unwrap();
    prompt(&mut inner, "armed question", |prompt| prompt.armed);
    // A choice is held down when the keyboard goes elsewhere: that is no release.
    outer.key(KEY_1, true);
    outer.window_op(&outer.window_of(&other), WindowOp::Activate);
    prompt(&mut inner, "question that waits anew", |prompt| !prompt.armed);
    outer.key(KEY_1, false);
    // The press that comes right after the focus does not count either.
    prompt(&mut inner, "armed question, unfocused", |prompt| prompt.armed);
    outer.window_op(&window, WindowOp::Activate);
    let last = prompt(&mut inner, "question that waits after focus", |prompt| !prompt.armed);
    assert_eq!(last.id, 1);
}
