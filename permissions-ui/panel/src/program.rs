// SPDX-License-Identifier: GPL-3.0-or-later
//! The program: one thread that waits for the compositor, the bus and the clock.
//!
//! In: whatever woke it. Out: components that show what is known, and calls of those who do things.

use crate::platform::{self, Event, Place, Session, SessionError, SurfaceId};
use crate::ui::{Bar, Look};
use slint::ComponentHandle as _;
use std::io::Write as _;
use tokio::io::Interest;
use tokio::net::UnixStream;

/// Height of the bar in logical pixels.
const BAR_HEIGHT: i32 = 36;

/// Why the program ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// The compositor.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The kernel.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// A component can't be made.
    #[error("{0}")]
    Component(#[from] slint::PlatformError),
    /// The themes can't be read.
    #[error("{0}")]
    Theme(#[from] cofferdam_themes::ThemeError),
}

/// A bar on one output.
struct BarRoom {
    output: u32,
    surface: SurfaceId,
    component: Bar,
}

/// Everything there is.
struct Rooms {
    session: Session,
    look: Look,
    bars: Vec<BarRoom>,
}

/// Runs until the compositor ends the connection.
///
/// # Errors
/// See [`ProgramError`].
pub fn run(ready_fd: Option<u32>) -> Result<(), ProgramError> {
    platform::install();
    let look = Look::new()?;
    let session = Session::connect()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let rooms = Rooms { session, look, bars: Vec::new() };
    runtime.block_on(rooms.live(ready_fd))
}

impl Rooms {
    async fn live(mut self, ready_fd: Option<u32>) -> Result<(), ProgramError> {
        use std::os::fd::AsFd as _;
        // Only watched; the bytes are read by the connection itself.
        let wire = std::os::unix::net::UnixStream::from(self.session.as_fd().try_clone_to_owned()?);
        wire.set_nonblocking(true)?;
        let wire = UnixStream::from_std(wire)?;
        self.turn()?;
        if let Some(fd) = ready_fd {
            std::fs::OpenOptions::new().write(true).open(format!("/proc/self/fd/{fd}"))?.write_all(b"\n")?;
        }
        loop {
            let deadline = self.session.next_deadline();
            let timers = slint::platform::duration_until_next_timer_update();
            let due = deadline.map(tokio::time::Instant::from_std).into_iter();
            let due = due.chain(timers.map(|t| tokio::time::Instant::now() + t)).min();
            let alarm = async {
                match due {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                ready = wire.readable() => {
                    ready?;
                    if self.session.read()? {
                        // Nothing was left: from here on the next byte wakes us.
                        let empty = || Err::<(), _>(std::io::ErrorKind::WouldBlock.into());
                        let _ = wire.try_io(Interest::READABLE, empty);
                    }
                }
                () = alarm => {}
            }
            self.turn()?;
        }
    }

    /// Everything that follows from what arrived.
    fn turn(&mut self) -> Result<(), ProgramError> {
        slint::platform::update_timers_and_animations();
        self.session.dispatch()?;
        for event in self.session.take_events() {
            self.handle(event)?;
        }
        self.session.draw_and_flush()?;
        Ok(())
    }

    fn handle(&mut self, event: Event) -> Result<(), ProgramError> {
        match event {
            Event::OutputAdded(output) => self.add_bar(output)?,
            Event::OutputRemoved(output) => {
                for room in self.bars.extract_if(.., |room| room.output == output) {
                    self.session.remove(room.surface);
                }
            }
            Event::Theme(name) => {
                self.look.choose(&name);
                for room in &self.bars {
                    self.look.dress(&room.component);
                }
            }
            Event::ActiveVm(_) | Event::TogglePanel | Event::Closed(_) => {}
        }
        Ok(())
    }

    fn add_bar(&mut self, output: u32) -> Result<(), ProgramError> {
        let (component, canvas) = platform::with_canvas(Bar::new)?;
        self.look.dress(&component);
        component.set_network("offline".into());
        component.show()?;
        let surface = self.session.place(canvas, &Place::Bar(output), 0, BAR_HEIGHT);
        self.session.show(surface);
        self.bars.push(BarRoom { output, surface, component });
        Ok(())
    }
}
