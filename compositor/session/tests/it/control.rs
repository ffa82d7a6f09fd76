// SPDX-License-Identifier: GPL-3.0-or-later
//! The real sockets: desktop control, VM channels, the trusted Wayland socket.

use crate::common::{Client, Desktop};
use cofferdam_compositor::Config;
use cofferdam_control::client::{Client as Control, ClientError};
use cofferdam_control::desktop::{
    Answer, Call, Event, FromCompositor, MAX_PACKET as CONTROL_PACKET, Reply, Request,
};
use cofferdam_control::vm_channel::{FromDevice, MAX_PACKET};
use cofferdam_ids::{Identity, Label, VmId};
use cofferdam_kit::transport;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const RED: [u8; 3] = [255, 0, 0];

pub(crate) fn start() -> (tempfile::TempDir, PathBuf, PathBuf, Desktop) {
    let dir = tempfile::tempdir().unwrap();
    let (control, trusted) = (dir.path().join("c.sock"), dir.path().join("w.sock"));
    let config = Config {
        control_socket: Some(control.clone()),
        trusted_socket: Some(trusted.clone()),
        ..Config::default()
    };
    (dir, control, trusted, Desktop::with(config))
}

/// Waits for the event that `wanted` looks for; the others are dropped.
#[expect(clippy::disallowed_methods, reason = "a desktop of its own")]
pub(crate) fn event(control: &mut Control, what: &str, wanted: impl Fn(&Event) -> bool) -> Event {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let event = control.next_event(deadline).unwrap();
        let event = event.unwrap_or_else(|| panic!("no {what}"));
        if wanted(&event) {
            return event;
        }
    }
}

/// What a gpu device does: adopted with a channel, it opens clients on it.
pub(crate) fn adopt(control: &mut Control, name: &str) -> OwnedFd {
    let (device, compositor) = transport::pair().unwrap();
    let vm: VmId = name.parse().unwrap();
    let request = Request::AdoptVm { vm, identity: Identity::Blue, name: Label::new(name), icon_size: None };
    control.call(request, &[compositor.as_fd()]).unwrap();
    device
}

pub(crate) fn open_client(device: &OwnedFd) -> Client {
    let (ours, theirs) = UnixStream::pair().unwrap();
    transport::send(device, &FromDevice::NewClient { ctx_id: 1 }, &[theirs.as_fd()], MAX_PACKET).unwrap();
    drop(theirs);
    Client::new(ours)
}

#[test]
fn a_vm_from_adoption_to_retirement() {
    let (_dir, path, _, _desktop) = start();
    let mut control = Control::connect(&path).unwrap();
    control.call(Request::Subscribe, &[]).unwrap();
    let device = adopt(&mut control, "term");
    let mut client = open_client(&device);
    let window = client.window(300, 200, RED);
    let Event::WindowMapped(info) = event(&mut control, "map", |e| matches!(e, Event::WindowMapped(_)))
    else {
        panic!("not mapped");
    };
    assert_eq!(info.vm.as_ref().map(VmId::as_str), Some("term"));
    assert_eq!((info.identity, info.visible, info.content.w), (Some(Identity::Blue), true, 300));

    // A picture over the wire is as large as it says, and sealed.
    let (reply, fds) = control.call(Request::Screenshot { output: None }, &[]).unwrap();
    let Reply::Image { width, height, .. } = reply else { panic!("{reply:?}") };
    assert_eq!(rustix::fs::fstat(&fds[0]).unwrap().st_size, i64::from(width * height * 4));
    assert!(rustix::fs::ftruncate(&fds[0], 0).is_err());

    // A fault is told, with its VM.
    window.surface.set_buffer_scale(0);
    client.ended();
    let fault = event(&mut control, "fault", |e| matches!(e, Event::VmFault { .. }));
    assert!(matches!(fault, Event::VmFault { vm, kind, .. } if vm.as_str() == "term" && kind == "value"));

    // Another client of the same VM, then the VM goes.
    let mut second = open_client(&device);
    second.window(50, 50, RED);
    event(&mut control, "map", |e| matches!(e, Event::WindowMapped(_)));
    control.call(Request::RetireVm { vm: "term".parse().unwrap() }, &[]).unwrap();
    event(&mut control, "close", |e| matches!(e, Event::WindowClosed { .. }));
    let again = control.call(Request::RetireVm { vm: "term".parse().unwrap() }, &[]);
    assert!(matches!(again, Err(ClientError::Refused(why)) if why.contains("term")));
}

fn send_call(socket: &OwnedFd, serial: u64, request: Request) {
    transport::send(socket, &Call { serial, request }, &[], CONTROL_PACKET).unwrap();
}

fn next_answer(socket: &OwnedFd) -> Answer {
    match transport::recv::<FromCompositor>(socket, CONTROL_PACKET, 0).unwrap().unwrap().0 {
        FromCompositor::Answer(answer) => answer,
        FromCompositor::Event(event) => panic!("{event:?}"),
    }
}

/// The first round trip hears the ping, the second takes the pong along.
fn pong(client: &mut Client) {
    client.sync();
    client.sync();
}

#[test]
fn a_ping_is_answered_after_what_the_app_drew_before_its_pong() {
    let (_dir, path, _, desktop) = start();
    let mut control = Control::connect(&path).unwrap();
    let device = adopt(&mut control, "term");
    let mut client = open_client(&device);
    let window = client.window(300, 200, RED);
    let mut idle = open_client(&device);
    idle.window(50, 50, RED);
    let drawn = || desktop.windows().iter().map(|w| w.commits).sum::<u64>();
    let (before, term) = (drawn(), "term".parse::<VmId>().unwrap());
    let raw = transport::connect(&path).unwrap();
    send_call(&raw, 7, Request::Ping { vm: term.clone() });
    // It has pinged: the second is refused, which is the next thing that comes.
    send_call(&raw, 8, Request::Ping { vm: term.clone() });
    let refused = next_answer(&raw);
    assert!((refused.serial, refused.result.is_err()) == (8, true), "{:?}", refused.result);
    // Both clients have to answer; one of them draws first.
    pong(&mut idle);
    send_call(&raw, 9, Request::Sync);
    assert_eq!(next_answer(&raw).serial, 9, "one has not answered");
    client.draw(&window.surface, (300, 200), [0, 0, 255]);
    pong(&mut client);
    assert_eq!((next_answer(&raw).serial, drawn()), (7, before + 1));
    // One that is gone owes nothing, and a VM without windows has nobody to ask.
    send_call(&raw, 10, Request::Ping { vm: term });
    // It has pinged: nobody else's words can come in between.
    send_call(&raw, 12, Request::Sync);
    assert_eq!(next_answer(&raw).serial, 12);
    pong(&mut idle);
    drop(client);
    assert_eq!(next_answer(&raw).serial, 10);
    send_call(&raw, 11, Request::Ping { vm: "none".parse().unwrap() });
    assert_eq!(next_answer(&raw).serial, 11);
}

#[test]
fn a_device_that_dies_is_told() {
    let (_dir, path, _, _desktop) = start();
    let mut control = Control::connect(&path).unwrap();
    control.call(Request::Subscribe, &[]).unwrap();
    drop(adopt(&mut control, "term"));
    event(
        &mut control,
        "disconnection",
        |e| matches!(e, Event::VmDisconnected { vm } if vm.as_str() == "term"),
    );
}

#[test]
fn a_device_that_speaks_nonsense_loses_its_channel_and_nothing_else() {
    let (_dir, path, _, _desktop) = start();
    let mut control = Control::connect(&path).unwrap();
    control.call(Request::Subscribe, &[]).unwrap();
    let device = adopt(&mut control, "term");
    let mut client = open_client(&device);
    client.window(300, 200, RED);
    transport::send(&device, &"nonsense", &[], MAX_PACKET).unwrap();
    event(&mut control, "fault", |e| matches!(e, Event::VmFault { kind, .. } if kind == "vm_channel"));
    event(&mut control, "disconnection", |e| matches!(e, Event::VmDisconnected { .. }));
    // Its client was a connection of its own.
    client.sync();
    // What is no stream socket is no client, and the channel goes on.
    let second = adopt(&mut control, "calc");
    let (file, _other) = transport::pair().unwrap();
    transport::send(&second, &FromDevice::NewClient { ctx_id: 2 }, &[file.as_fd()], MAX_PACKET).unwrap();
    event(&mut control, "fault", |e| matches!(e, Event::VmFault { kind, .. } if kind == "new_client"));
    open_client(&second).window(50, 50, RED);
}

#[test]
fn nonsense_on_the_control_socket_ends_that_connection_only() {
    let (_dir, path, _, _desktop) = start();
    let raw = transport::connect(&path).unwrap();
    transport::send(&raw, &"nonsense", &[], MAX_PACKET).unwrap();
    assert!(transport::recv::<String>(&raw, MAX_PACKET, 0).unwrap().is_none());
    let mut control = Control::connect(&path).unwrap();
    assert_eq!(control.call(Request::Sync, &[]).unwrap().0, Reply::Done);
    assert!(control.call(Request::SetTheme("no-such".into()), &[]).is_err());
    control.call(Request::SetTheme("high-contrast".into()), &[]).unwrap();
}

#[test]
fn trusted_clients_come_by_the_ordinary_socket() {
    let (_dir, _, path, desktop) = start();
    let mut client = Client::new(UnixStream::connect(path).unwrap());
    client.window(100, 100, RED);
    let windows = desktop.windows();
    assert_eq!((windows.len(), windows[0].vm.as_ref(), windows[0].identity), (1, None, None));
}
