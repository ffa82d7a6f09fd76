// SPDX-License-Identifier: GPL-3.0-or-later
//! The desktop as a window: our program with its GLES backend, inside our own headless desktop.

use crate::common::{Client, Desktop};
use crate::control::{adopt, event, open_client, start};
use cofferdam_control::client::Client as Control;
use cofferdam_control::desktop::{Event, Input, Reply, Request};
use std::process::{Child, Command};

const RED: [u8; 3] = [255, 0, 0];

/// Ends the program with the test, however the test ends.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How many red pixels the outer desktop shows.
fn red(outer: &Desktop) -> usize {
    outer.screenshot().count((0, 0, 1280, 800), RED)
}

#[test]
fn a_vm_is_seen_through_the_nested_window() {
    let (dir, control, trusted, outer) = start();
    let mut outer_control = Control::connect(&control).unwrap();
    outer_control.call(Request::Subscribe, &[]).unwrap();
    let socket = dir.path().join("nested.sock");
    let program = Command::new(env!("CARGO_BIN_EXE_cofferdam-compositor"))
        .args(["--backend", "winit", "--socket"])
        .arg(&socket)
        .env("WAYLAND_DISPLAY", &trusted)
        .env("XDG_RUNTIME_DIR", dir.path())
        .env("LIBGL_ALWAYS_SOFTWARE", "1")
        .env_remove("DISPLAY")
        .spawn()
        .unwrap();
    let _program = Program(program);
    let Event::WindowMapped(window) =
        event(&mut outer_control, "nested window", |e| matches!(e, Event::WindowMapped(_)))
    else {
        panic!("not mapped");
    };

    // The nested desktop listens before it shows its window.
    let mut inner = Control::connect(&socket).unwrap();
    inner.call(Request::Subscribe, &[]).unwrap();
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

    // Its frame reaches the outer desktop through EGL; each commit of it is a change there.
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
