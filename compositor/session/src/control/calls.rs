// SPDX-License-Identifier: GPL-3.0-or-later
//! What each call of the desktop control wire does.
//!
//! In: one request and its fds. Out: its reply and fds, or a sentence that says why not.

use crate::client::ClientIdentity;
use crate::config::BackendKind;
use crate::state::State;
use crate::vm::Adoption;
use cofferdam_control::desktop::{Reply, Request, WindowId, WindowOp};
use cofferdam_prompts::Event;
use cofferdam_scene as scene;
use scene::{Op, Point, Size};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

type Answered = Result<(Reply, Vec<OwnedFd>), String>;

/// Answers a request. `Sync`, `Ping` and `Subscribe` belong to a connection and are handled there; asked
/// in-process they have nothing to wait for, and a ping has nobody to tell.
pub(crate) fn answer(state: &mut State, request: Request, fds: Vec<OwnedFd>) -> Answered {
    match request {
        Request::AdoptVm { vm, identity, name, icon_size } => {
            let mut fds = fds.into_iter();
            let channel = fds.next().ok_or("the VM's channel is missing")?;
            let icon = match icon_size {
                Some(size) => Some((size, fds.next().ok_or("the icon is missing")?)),
                None => None,
            };
            done(state.adopt_vm(Adoption { vm, identity, name, channel, icon }))
        }
        Request::RetireVm { vm } => done(state.retire_vm(&vm)),
        Request::Windows => Ok((Reply::Windows(state.desk.window_infos(&state.vms)), Vec::new())),
        Request::Screenshot { output } => {
            let (image, pixels) = state.screenshot(output.as_deref())?;
            Ok((image, vec![pixels]))
        }
        Request::Input(input) => {
            headless_only(state)?;
            done(state.virtual_input(input))
        }
        Request::WindowOp { window, op } => done(state.window_op(window, op)),
        Request::Sync => {
            state.draw_all();
            done(Ok(()))
        }
        Request::Subscribe => done(Ok(())),
        Request::Ping { .. } => Err("an app is pinged over the control socket".into()),
        Request::Counters => Ok((Reply::Counters(state.counters.clone()), Vec::new())),
        Request::SetTheme(name) => done(state.set_theme(&name)),
        Request::AddOutput(spec) => {
            headless_only(state)?;
            done(state.add_output(&spec))
        }
        Request::RemoveOutput(name) => {
            headless_only(state)?;
            done(state.remove_output(&name))
        }
        Request::AddTrustedClient => {
            let socket = fds.into_iter().next().ok_or("the socket is missing")?;
            let added = state.add_client(UnixStream::from(socket), ClientIdentity::Trusted);
            done(added.map(|_| ()).map_err(|error| error.to_string()))
        }
        Request::ServePermissions => {
            let socket = fds.into_iter().next().ok_or("the monitor's socket is missing")?;
            done(state.serve_permissions(socket))
        }
        Request::Prompt => {
            state.clock.read();
            state.trusted_turn();
            state.draw_all();
            Ok((Reply::Prompt(state.trusted.prompt_info(&state.vms, state.clock.now())), Vec::new()))
        }
        Request::Notice => {
            state.clock.read();
            state.trusted_turn();
            Ok((Reply::Notice(state.trusted.notice_info(&state.vms, state.clock.now())), Vec::new()))
        }
        Request::Drag => Ok((Reply::Drag(state.selections.drag_info()), Vec::new())),
        Request::SetLocked(on) => {
            if !on {
                headless_only(state)?;
            }
            state.trusted(Event::Lock(on));
            done(Ok(()))
        }
        Request::Attention(on) => {
            headless_only(state)?;
            state.trusted(Event::Attention(on));
            done(Ok(()))
        }
        Request::Quit => {
            state.control.quit = true;
            done(Ok(()))
        }
    }
}

fn done(result: Result<(), String>) -> Answered {
    result.map(|()| (Reply::Done, Vec::new()))
}

fn headless_only(state: &State) -> Result<(), String> {
    match state.config.backend {
        BackendKind::Headless => Ok(()),
        BackendKind::Nested => Err("only a headless desktop can do that".into()),
    }
}

impl State {
    fn window_op(&mut self, window: WindowId, op: WindowOp) -> Result<(), String> {
        let window = scene::WindowId(window.0);
        let op = match op {
            WindowOp::Activate => Op::Activate(window),
            WindowOp::Close => Op::Close(window),
            WindowOp::Maximize => Op::SetMaximized { window, on: true },
            WindowOp::Unmaximize => Op::SetMaximized { window, on: false },
            WindowOp::Fullscreen => Op::SetFullscreen { window, on: true, output: None },
            WindowOp::Unfullscreen => Op::SetFullscreen { window, on: false, output: None },
            WindowOp::Minimize => Op::Minimize(window),
            WindowOp::Move { x, y } => Op::MoveTo { window, frame: Point::new(x, y) },
            WindowOp::Resize { w, h } => Op::ResizeTo { window, size: Size::new(w, h) },
        };
        self.apply(op).map_err(|refused| refused.to_string())
    }
}
