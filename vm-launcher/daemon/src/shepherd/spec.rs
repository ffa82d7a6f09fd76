// SPDX-License-Identifier: GPL-3.0-or-later
//! What a shepherd is told at birth. In: JSON on an inherited fd, from the launcher. Out: plain data.

use crate::link::VmRecord;
use cofferdam_lifecycle::Limits;
use cofferdam_machine::{Driver, Machine as _, MachineSpec};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// One VM, as its shepherd runs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShepherdSpec {
    /// Who the VM is.
    pub record: VmRecord,
    /// What it is made of.
    pub machine: MachineSpec,
    /// Who runs it.
    pub driver: Driver,
    /// Where the programs of its parts are.
    pub libexec: PathBuf,
    /// What single parts are told on their command lines beside what all are, by name.
    pub arguments: BTreeMap<String, Vec<String>>,
    /// The user that the VM's device processes become, if we may change users at all.
    pub helper_uid: Option<u32>,
    /// Where the permission monitor hears of VMs.
    pub monitor: PathBuf,
    /// The desktop's control socket.
    pub compositor: PathBuf,
    /// Where to listen for launchers.
    pub socket: PathBuf,
    /// Where console and logs go.
    pub directory: PathBuf,
    /// A PNG of the app's icon.
    pub icon: Option<PathBuf>,
    /// Seconds until the guest's agent must have answered, if not the usual ones.
    pub boot_limit: Option<u64>,
    /// Extra arguments of the app.
    pub args: Vec<String>,
    /// Extra environment of the app.
    pub env: Vec<(String, String)>,
}

/// A test's own internet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestNet {
    /// Its name server.
    pub dns: std::net::SocketAddr,
    /// Addresses that count as the internet, such as `127.0.0.0/8`.
    pub internet: String,
}

impl TestNet {
    /// What the network gateway is told of it.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let dns = self.dns.to_string();
        ["--upstream-dns", &dns, "--treat-as-internet", &self.internet].map(str::to_owned).to_vec()
    }
}

impl ShepherdSpec {
    /// How long each step of the VM's life may take.
    #[must_use]
    pub(super) fn limits(&self) -> Limits {
        let usual = if self.driver.is_slow() { Limits::EMULATED } else { Limits::FAST };
        Limits { boot: self.boot_limit.map_or(usual.boot, Duration::from_secs), ..usual }
    }
}
