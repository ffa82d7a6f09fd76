// SPDX-License-Identifier: GPL-3.0-or-later
//! The main loop: one thread, one turn at a time.
//!
//! In: whatever woke the loop. Out: per turn, in this order: events handled, clients dispatched, the
//! pointer's focus looked at again, due frames drawn, answers that waited for the picture sent, and
//! everything flushed. Nothing wakes the loop while nobody wants anything.

use crate::backend::Screens;
use crate::client::Clients;
use crate::clock::Clock;
use crate::config::Config;
use crate::control::{self, ControlRoom};
use crate::input::SeatRoom;
use crate::protocols::{Globals, Selections};
use crate::render::Painter;
use crate::shell::Desk;
use crate::state::State;
use crate::trusted::Trusted;
use crate::vm::Vms;
use calloop::channel::{self, Sender};
use calloop::generic::Generic;
use calloop::{EventLoop, Interest, Mode, PostAction};
use cofferdam_control::desktop::{Counters, Reply, Request};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc;
use wayland_server::Display;

/// Why a compositor can't start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The event loop.
    #[error("event loop: {0}")]
    Loop(#[from] calloop::Error),
    /// The kernel refused a socket or an fd.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// Why not.
        error: std::io::Error,
    },
    /// A listening socket.
    #[error("{path}: {error}")]
    Socket {
        /// Where.
        path: String,
        /// Why not.
        error: cofferdam_kit::transport::TransportError,
    },
    /// The keyboard layout.
    #[error("the keyboard layout can't be used: {0}")]
    Keymap(String),
    /// The renderer or the window it draws into.
    #[error("the picture can't be drawn: {0}")]
    Backend(String),
    /// Wayland can't be served.
    #[error("Wayland can't be served: {0}")]
    Wayland(#[from] wayland_server::backend::InitError),
}

impl Error {
    pub(crate) fn io(what: &str, error: impl Into<std::io::Error>) -> Self {
        Self::Io { what: what.to_owned(), error: error.into() }
    }
}

type Job = Box<dyn FnOnce(&mut State) + Send>;

/// A hand that reaches into a running compositor from another thread: tests and the wlcs shim.
#[derive(Clone)]
pub struct Remote {
    jobs: Sender<Job>,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").finish_non_exhaustive()
    }
}

/// The compositor has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the compositor has ended")]
pub struct Ended;

impl Remote {
    /// Runs `job` on the compositor's thread and waits for what it gives back.
    ///
    /// # Errors
    /// If the compositor has ended.
    pub fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut State) -> T + Send + 'static,
    ) -> Result<T, Ended> {
        let (tell, hear) = mpsc::sync_channel(1);
        let job: Job = Box::new(move |state| {
            // The asker may have given up; then nobody wants the answer.
            let _ = tell.send(job(state));
        });
        self.jobs.send(job).map_err(|_gone| Ended)?;
        hear.recv().map_err(|_gone| Ended)
    }

    /// Asks what the desktop control wire can ask, without a socket.
    ///
    /// # Errors
    /// [`Ended`], or inside it the compositor's refusal.
    pub fn request(
        &self,
        request: Request,
        fds: Vec<OwnedFd>,
    ) -> Result<Result<(Reply, Vec<OwnedFd>), String>, Ended> {
        self.run(move |state| control::answer(state, request, fds))
    }
}

/// A compositor that is ready to run.
#[derive(Debug)]
pub struct Compositor {
    event_loop: EventLoop<'static, State>,
    display: Display<State>,
    state: State,
    remote: Remote,
}

impl Compositor {
    /// Makes outputs, sockets and globals.
    ///
    /// # Errors
    /// See [`Error`]; nothing is left behind.
    pub fn new(config: Config) -> Result<Self, Error> {
        Self::with_clock(config, Clock::kernel())
    }

    /// Like [`Self::new`], on a clock of the caller's.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn with_clock(config: Config, clock: Clock) -> Result<Self, Error> {
        let event_loop = EventLoop::try_new()?;
        let mut display = Display::<State>::new()?;
        let handle = display.handle();
        let mut globals = Globals::new(&handle);
        let seat = SeatRoom::new(&mut globals.seat, &handle, &config)?;
        let (jobs, inbox) = channel::channel::<Job>();
        let mut state = State {
            display: handle,
            event_loop: event_loop.handle(),
            clock,
            globals,
            selections: Selections::new(config.clipboard_wipe, event_loop.handle()),
            seat,
            desk: Desk::default(),
            vms: Vms::new(event_loop.handle()),
            painter: Painter::new(&config.theme)?,
            screens: Screens::new(event_loop.handle()),
            trusted: Trusted::new(&config),
            control: ControlRoom::new(event_loop.handle()),
            counters: Counters::default(),
            clients: Clients::default(),
            config,
        };
        watch_display(&event_loop, &mut display)?;
        event_loop
            .handle()
            .insert_source(inbox, |event, (), state| {
                if let channel::Event::Msg(job) = event {
                    job(state);
                }
            })
            .map_err(|e| Error::Loop(e.error))?;
        state.open_screens()?;
        state.open_sockets()?;
        Ok(Self { event_loop, display, state, remote: Remote { jobs } })
    }

    /// A hand for other threads.
    #[must_use]
    pub fn remote(&self) -> Remote {
        self.remote.clone()
    }

    /// Runs until somebody asks it to stop.
    ///
    /// # Errors
    /// If the event loop itself breaks.
    pub fn run(mut self) -> Result<(), Error> {
        while !self.state.control.quit {
            self.turn()?;
        }
        Ok(())
    }

    fn turn(&mut self) -> Result<(), Error> {
        self.event_loop.dispatch(None, &mut self.state)?;
        let state = &mut self.state;
        state.clock.read();
        state.counters.wakeups = state.counters.wakeups.saturating_add(1);
        self.display.dispatch_clients(state).map_err(|e| Error::io("clients", e))?;
        state.clients.end_hoarders(&state.display, state.counters.wakeups);
        Self::bury(&mut self.display, state);
        state.refresh_pointer();
        state.transfers_turn();
        state.trusted_turn();
        state.draw_due();
        state.answer_syncs();
        // Drawing ends clients too: those whose memory went away.
        Self::bury(&mut self.display, state);
        state.control.answer_pings();
        self.display.flush_clients().map_err(|e| Error::io("clients", e))
    }
}

impl Compositor {
    /// Destroys the objects of clients that ended outside a dispatch: retired ones, and those that
    /// the renderer ended. The backend does so only after dispatching, so it is given a client that
    /// has nothing to say any more.
    fn bury(display: &mut Display<State>, state: &mut State) {
        loop {
            let gone = state.settle_departures();
            let Some(any) = gone.first() else { return };
            if let Err(end) = display.backend().dispatch_single_client(state, any.clone()) {
                tracing::debug!(%end, "client");
            }
            for client in gone {
                state.clients.forget(&client);
            }
            state.selections.sweep(&state.display);
        }
    }
}

/// The display's fd wakes the loop; `turn` then dispatches it together with everything else.
fn watch_display(event_loop: &EventLoop<'static, State>, display: &mut Display<State>) -> Result<(), Error> {
    let poll_fd: OwnedFd =
        display.backend().poll_fd().as_fd().try_clone_to_owned().map_err(|e| Error::io("wayland fd", e))?;
    event_loop
        .handle()
        .insert_source(Generic::new(poll_fd, Interest::READ, Mode::Level), |_, _, _| Ok(PostAction::Continue))
        .map_err(|e| Error::Loop(e.error))?;
    Ok(())
}
