// SPDX-License-Identifier: GPL-3.0-or-later
//! The answering side of `org.cofferdam.Launcher1`. In: D-Bus calls with strings that anybody on the bus
//! chose. Out: typed commands for the main loop; its answers, as D-Bus replies.

#![expect(clippy::disallowed_methods, reason = "images are looked up beside the loop")]

use super::{Answer, Command, Inbox, Input, images};
use cofferdam_bus::launcher::{GuestExit, OpenerEntry, VmEntry};
use cofferdam_ids::VmId;
use std::collections::BTreeMap;
use tokio::sync::oneshot;
use zbus::fdo;
use zbus::object_server::SignalEmitter;

/// The D-Bus object.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) inbox: Inbox,
}

impl Service {
    async fn ask<T>(&self, command: impl FnOnce(Answer<T>) -> Command) -> fdo::Result<T> {
        let (answer, waiting) = oneshot::channel();
        let gone = || fdo::Error::Failed("the launcher is shutting down".to_owned());
        self.inbox.send(Input::Command(command(answer))).await.map_err(|_e| gone())?;
        waiting.await.map_err(|_e| gone())?.map_err(fdo::Error::Failed)
    }
}

fn vm_id(vm: &str) -> fdo::Result<VmId> {
    vm.parse().map_err(|error| fdo::Error::InvalidArgs(format!("{vm:?} is no VM: {error}")))
}

#[zbus::interface(name = "org.cofferdam.Launcher1")]
impl Service {
    async fn run(
        &self,
        app: &str,
        args: Vec<String>,
        options: BTreeMap<String, String>,
    ) -> fdo::Result<String> {
        let app =
            app.parse().map_err(|error| fdo::Error::InvalidArgs(format!("{app:?} is no app: {error}")))?;
        let vm = self.ask(|answer| Command::Run { app, args, options, answer }).await?;
        Ok(vm.into())
    }

    async fn list(&self) -> fdo::Result<Vec<VmEntry>> {
        self.ask(|answer| Command::List { answer }).await
    }

    async fn stop(&self, vm: &str) -> fdo::Result<()> {
        let vm = vm_id(vm)?;
        self.ask(|answer| Command::Stop { vm, answer }).await
    }

    async fn console(&self, vm: &str, lines: u32) -> fdo::Result<Vec<String>> {
        let vm = vm_id(vm)?;
        self.ask(|answer| Command::Console { vm, lines, answer }).await
    }

    async fn guest_run(
        &self,
        vm: &str,
        argv: Vec<String>,
        stdin: zbus::OwnedFd,
        stdout: zbus::OwnedFd,
        stderr: zbus::OwnedFd,
    ) -> fdo::Result<GuestExit> {
        let vm = vm_id(vm)?;
        let fds = vec![stdin.into(), stdout.into(), stderr.into()];
        self.ask(|answer| Command::GuestRun { vm, argv, fds, answer }).await
    }

    async fn counters(&self, vm: &str) -> fdo::Result<String> {
        let vm = vm_id(vm)?;
        self.ask(|answer| Command::Counters { vm, answer }).await
    }

    async fn openers(&self) -> fdo::Result<Vec<OpenerEntry>> {
        let found = tokio::task::spawn_blocking(images::openers).await;
        found.map_err(|error| fdo::Error::Failed(error.to_string()))?.map_err(fdo::Error::Failed)
    }

    /// A VM has changed its state.
    #[zbus(signal)]
    pub(super) async fn vm_state_changed(
        emitter: &SignalEmitter<'_>,
        vm: &str,
        state: &str,
        detail: &str,
        exit_code: i32,
    ) -> zbus::Result<()>;
}
