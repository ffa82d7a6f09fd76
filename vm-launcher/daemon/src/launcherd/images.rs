// SPDX-License-Identifier: GPL-3.0-or-later
//! What VMs are made of. In: an app's id. Out: its bundle, the emulator and how to run it, all from the
//! cache, and which apps open addresses; nothing is downloaded or built here.

use cofferdam_bus::launcher::OpenerEntry;
use cofferdam_catalogue::{Bundle, Cache, Catalogue, Options};
use cofferdam_ids::AppId;
use cofferdam_machine::{Acceleration, QemuProgram};
use std::path::Path;

/// All that is needed to boot an app.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) bundle: Bundle,
    pub(super) qemu: QemuProgram,
    pub(super) acceleration: Acceleration,
}

/// Looks everything up. Blocks: the first time on a machine it tries KVM.
pub(super) fn find(app: &AppId, probe: &Path) -> Result<Parts, String> {
    let catalogue = Catalogue::open(&Options::default()).map_err(|e| e.to_string())?;
    let bundle = catalogue.load(app.as_str()).map_err(|e| e.to_string())?;
    let tools = catalogue.load_tools().map_err(|e| e.to_string())?;
    let qemu = QemuProgram { argv: tools.qemu.argv, environment: tools.qemu.env };
    let (acceleration, _) = Acceleration::detect(&qemu, &bundle.kernel, probe, &Cache::default_root());
    Ok(Parts { bundle, qemu, acceleration })
}

/// Apps that open addresses. Blocks.
pub(super) fn openers() -> Result<Vec<OpenerEntry>, String> {
    let catalogue = Catalogue::open(&Options::default()).map_err(|e| e.to_string())?;
    let found = catalogue.openers().map_err(|e| e.to_string())?;
    Ok(found
        .into_iter()
        .map(|(app, name, schemes)| OpenerEntry { app: app.into(), name: name.into(), schemes })
        .collect())
}
