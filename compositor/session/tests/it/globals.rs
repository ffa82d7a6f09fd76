// SPDX-License-Identifier: GPL-3.0-or-later
//! What a VM's client can see at all.

use crate::common::Desktop;
use cofferdam_admission::globals::TABLE;
use cofferdam_ids::Identity;

/// Fails when a global appears that nobody put on the allow-list, and when one is missing.
#[test]
fn a_vm_sees_the_allow_list_and_nothing_else() {
    let desktop = Desktop::start();
    let vm = desktop.vm("term", Identity::Orange);
    let client = desktop.client(&vm);
    let mut seen: Vec<&str> = client.app.globals.iter().map(|(interface, ..)| interface.as_str()).collect();
    seen.sort_unstable();
    let mut listed: Vec<&str> = TABLE.iter().filter(|g| g.vm.is_some()).map(|g| g.interface).collect();
    listed.sort_unstable();
    assert_eq!(seen, listed);
    for global in TABLE {
        let version = client.app.globals.iter().find(|(i, ..)| i == global.interface).map(|(_, v, _)| *v);
        assert!(version >= global.vm, "{}: {version:?} offered, {:?} listed", global.interface, global.vm);
    }
}
