// SPDX-License-Identifier: GPL-3.0-or-later
//! A device's program from its first line to its end.
//!
//! In: inherited descriptors named on the command line. Out: a jailed device for one machine. It ends when the
//! machine or the shepherd does, and neither is an error.

#![expect(clippy::disallowed_methods, reason = "where the log goes")]

use crate::SharedMemory;
use crate::args::{Args, Options};
use crate::backend::{Backend, Device};
use crate::control::Control;
use cofferdam_jail::roles::device::SERVING;
use cofferdam_jail::{Limits, Pids, Report, Role, Wall};
use cofferdam_lifecycle::Part;
use std::error::Error;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, RawFd};
use std::os::unix::net::UnixListener;
use std::process::ExitCode;
use std::sync::Arc;
use vhost::vhost_user::{Error as VhostError, Listener};
use vhost_user_backend::{Error as DaemonError, VhostUserDaemon};
use vm_memory::GuestMemoryMmap;
use vmm_sys_util::epoll::EventSet;

/// What a device's program is beside what all of them are. It begins as its default and reads its options.
pub trait Program: Options + Default {
    /// What runs.
    type Device: Device;
    /// The name of its row in the table of parts.
    const PART: &'static str;
    /// Its walls.
    const ROLE: &'static Role;

    /// Numbers of things it may have.
    fn limits(&self) -> Limits;

    /// Opens what can't be opened any more once the jail has closed; gives back what must stay open.
    ///
    /// # Errors
    /// If the kernel refuses.
    fn open(&mut self) -> io::Result<Vec<RawFd>> {
        Ok(Vec::new())
    }

    /// Makes the device. The jail is closed by then.
    ///
    /// # Errors
    /// If the kernel refuses.
    fn device(self, start: Start) -> Result<Self::Device, Box<dyn Error>>;
}

/// What a device is made with.
#[derive(Debug)]
pub struct Start {
    /// The shepherd's socket, to tell it something.
    pub control: Arc<Control>,
    /// The guest's memory, none at first.
    pub memory: SharedMemory,
}

/// The `main` of a device.
#[must_use]
pub fn main<P: Program>() -> ExitCode {
    let mut program = P::default();
    let args = match Args::parse(std::env::args().skip(1), &mut program) {
        Ok(args) => args,
        Err(error) => {
            start_log();
            tracing::error!("{error}");
            return ExitCode::from(2);
        }
    };
    let opened = program.open();
    let jailed = jail(&args, &program, opened.as_deref().unwrap_or_default());
    start_log();
    let result = jailed.and_then(|report| {
        tracing::info!(vm = %args.vm, uid = report.uid, landlock = ?report.landlock, "jailed");
        opened?;
        serve(&args, program)
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(vm = %args.vm, "{error}");
            ExitCode::FAILURE
        }
    }
}

fn start_log() {
    tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(false).init();
}

fn jail<P: Program>(args: &Args, program: &P, opened: &[RawFd]) -> Result<Report, Box<dyn Error>> {
    let mut keep = vec![args.listen, args.control];
    keep.extend(program.descriptors()?);
    keep.extend(opened);
    let wall = Wall::of(P::ROLE).keeping(keep).limited(program.limits());
    Ok(wall.user(args.uid).child_of(args.parent).enter()?)
}

fn serve<P: Program>(args: &Args, program: P) -> Result<(), Box<dyn Error>> {
    let part = Part::named(P::PART).ok_or("there is no such part")?;
    let listener = UnixListener::from(crate::inherit(args.listen)?);
    let control = Arc::new(Control::new(crate::inherit(args.control)?)?);
    let memory = SharedMemory::new(GuestMemoryMmap::new());
    let device = program.device(Start { control: Arc::clone(&control), memory: memory.clone() })?;
    control.ready()?;
    let backend = Arc::new(Backend::new(device, part, Arc::clone(&control)));
    let daemon = VhostUserDaemon::new("machine".into(), Arc::clone(&backend), memory);
    let mut daemon = daemon.map_err(|error| error.to_string())?;
    for handler in daemon.get_epoll_handlers() {
        let control = control.as_fd().as_raw_fd();
        handler.register_listener(control, EventSet::IN, backend.control_event())?;
        if let Some(events) = backend.device().events() {
            handler.register_listener(events, EventSet::IN, backend.own_event())?;
        }
    }
    // Compiled before the machine connects, so that nothing stands between its connection and the filter.
    let serving = P::ROLE.filter(SERVING, &Pids::here())?;
    daemon.start(&mut Listener::from(listener)).map_err(|error| error.to_string())?;
    serving.install()?;
    if let Some(handle) = daemon.shutdown_handle() {
        backend.set_shutdown(handle);
    }
    tracing::info!(vm = %args.vm, "the machine is connected");
    let end = daemon.wait();
    tracing::info!(vm = %args.vm, "the machine is gone");
    match end {
        // However a machine ends, it is not an error of the device.
        Ok(()) | Err(DaemonError::HandleRequest(VhostError::Disconnected | VhostError::PartialMessage)) => {
            Ok(())
        }
        Err(error) => Err(error.to_string().into()),
    }
}
