// SPDX-License-Identifier: GPL-3.0-or-later
//! Which driver runs a machine, as data. In: JSON from the launcher, which knows what this computer can do. Out: the
//! same three answers whoever it is; who starts a machine knows no driver by name.

use crate::{Launch, Machine, MachineError, MachineSpec, Qemu, Wires};
use serde::{Deserialize, Serialize};

/// A way to run a VM, with all that it needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Driver {
    /// QEMU, with or without KVM.
    Qemu(Qemu),
}

impl Driver {
    const fn machine(&self) -> &dyn Machine {
        match self {
            Self::Qemu(qemu) => qemu,
        }
    }
}

impl Machine for Driver {
    fn name(&self) -> &'static str {
        self.machine().name()
    }

    fn is_slow(&self) -> bool {
        self.machine().is_slow()
    }

    fn prepare(&self, spec: &MachineSpec, wires: Wires) -> Result<Launch, MachineError> {
        self.machine().prepare(spec, wires)
    }
}
