// SPDX-License-Identifier: GPL-3.0-or-later
//! `cofferdam-net`: one VM's network gateway as a process.
//!
//! In: inherited descriptors named on the command line. Out: a network device for the machine, connections
//! that were allowed. It ends when the machine or the shepherd does.

use cofferdam_jail::{Limits, Plan, Report};
use cofferdam_net::args::Args;
use cofferdam_net::host::{Config, Host, Network};
use cofferdam_net::vhost::{HOST_EVENT, NetBackend};
use cofferdam_net::{sandbox, sys};
use std::error::Error;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixListener;
use std::process::ExitCode;
use std::sync::Arc;
use vhost::vhost_user::{Error as VhostError, Listener};
use vhost_user_backend::{Error as DaemonError, VhostUserDaemon};
use vm_memory::{GuestMemoryAtomic, GuestMemoryMmap};
use vmm_sys_util::epoll::EventSet;

/// Bytes of the largest file, which can only be the log.
const LOG: u64 = 1 << 30;

/// Descriptors that a gateway may have: a socket for each flow, two for each name question, and its own.
const DESCRIPTORS: u64 = 16_384;

/// Bytes of memory of its own; what flows may have at most is about half of that.
const DATA: u64 = 768 << 20;

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(error) => {
            start_log();
            tracing::error!("{error}");
            return ExitCode::from(2);
        }
    };
    // A socket of a kind that can't be made any more when the jail has closed.
    let network = Network::open();
    let jailed = jail(&args, network.as_ref().ok());
    start_log();
    let result = jailed.and_then(|report| {
        tracing::info!(vm = %args.vm, uid = report.uid, landlock = ?report.landlock, "jailed");
        serve(&args, network?)
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

fn jail(args: &Args, network: Option<&Network>) -> Result<Report, Box<dyn Error>> {
    let mut keep = vec![args.listen, args.control];
    keep.extend(args.point);
    keep.extend(network.map(Network::as_raw_fd));
    let plan = Plan {
        keep: &keep,
        user: args.uid,
        parent: args.parent,
        limits: Limits { descriptors: DESCRIPTORS, file_bytes: LOG, data_bytes: Some(DATA) },
        landlock: true,
        connects: true,
    };
    Ok(cofferdam_jail::enter(&plan, &sandbox::first()?)?)
}

fn serve(args: &Args, network: Network) -> Result<(), Box<dyn Error>> {
    let listener = UnixListener::from(sys::inherit(args.listen)?);
    let control = sys::inherit(args.control)?;
    let point = args.point.map(sys::inherit).transpose()?;
    let host = Host::new(
        Config { upstream: args.upstream.clone(), internet: args.internet.clone() },
        network,
        control,
        point,
    )?;
    let memory = GuestMemoryAtomic::new(GuestMemoryMmap::new());
    let backend = Arc::new(NetBackend::new(host, memory.clone()));
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
        // However a machine ends, it is not an error of the gateway.
        Ok(()) | Err(DaemonError::HandleRequest(VhostError::Disconnected | VhostError::PartialMessage)) => {
            Ok(())
        }
        Err(error) => Err(error.to_string().into()),
    }
}
