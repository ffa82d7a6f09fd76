// SPDX-License-Identifier: GPL-3.0-or-later
//! `cofferdam-gpu`: one VM's gpu device as a process.
//!
//! In: inherited descriptors named on the command line. Out: a virtio-gpu device for the machine, Wayland
//! clients for the compositor, reports for the shepherd. It ends when the machine or the shepherd does.

use cofferdam_gpu::args::Args;
use cofferdam_gpu::host::Host;
use cofferdam_gpu::vhost::{GpuBackend, HOST_EVENT, SharedMemory};
use cofferdam_gpu::{sandbox, sys};
use cofferdam_gpu_core::Config;
use cofferdam_jail::{Limits, Plan, Report};
use std::error::Error;
use std::os::unix::net::UnixListener;
use std::process::ExitCode;
use std::sync::Arc;
use vhost::vhost_user::{Error as VhostError, Listener};
use vhost_user_backend::{Error as DaemonError, VhostUserDaemon};
use vm_memory::GuestMemoryMmap;
use vmm_sys_util::epoll::EventSet;

/// Descriptors that a device may have: 32 clients, 16 pipes for each, and what is in flight.
const DESCRIPTORS: u64 = 4096;

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(error) => {
            start_log();
            tracing::error!("{error}");
            return ExitCode::from(2);
        }
    };
    let jailed = jail(&args);
    start_log();
    let result = jailed.and_then(|report| {
        tracing::info!(vm = %args.vm, uid = report.uid, landlock = ?report.landlock, "jailed");
        serve(&args)
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
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
}

fn jail(args: &Args) -> Result<Report, Box<dyn Error>> {
    let plan = Plan {
        keep: &[args.listen, args.channel, args.report],
        user: args.uid,
        parent: args.parent,
        limits: Limits { descriptors: DESCRIPTORS, file_bytes: args.arena, data_bytes: None },
        landlock: true,
        connects: false,
    };
    Ok(cofferdam_jail::enter(&plan, &sandbox::first()?)?)
}

fn serve(args: &Args) -> Result<(), Box<dyn Error>> {
    let listener = UnixListener::from(sys::inherit(args.listen)?);
    let channel = sys::inherit(args.channel)?;
    let reports = sys::inherit(args.report)?;
    let limits = cofferdam_xdomain::Limits::DEFAULT;
    let host = Host::new(Config { arena: args.arena, limits }, channel, Some(reports))?;
    if let Some(reports) = host.reports() {
        reports.ready()?;
    }
    let memory = SharedMemory::new(GuestMemoryMmap::new());
    let backend = Arc::new(GpuBackend::new(host, memory.clone(), &limits)?);
    let daemon = VhostUserDaemon::new("machine".into(), Arc::clone(&backend), memory);
    let mut daemon = daemon.map_err(|error| error.to_string())?;
    for handler in daemon.get_epoll_handlers() {
        handler.register_listener(backend.host_events(), EventSet::IN, HOST_EVENT)?;
    }
    // Compiled before the machine connects, so that nothing stands between its connection and the filter.
    let serving = sandbox::serving()?;
    daemon.start(&mut Listener::from(listener)).map_err(|error| error.to_string())?;
    cofferdam_jail::tighten(&serving)?;
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
