// SPDX-License-Identifier: GPL-3.0-or-later
//! A guest's kernel makes its random numbers of ours as well, and lives on without.
//!
//! In: a VM. Out: the device that its kernel has chosen, and that it asked ours; then, that device killed.

use cofferdam_system_tests::{TestDesktop, kill, running};

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[test]
fn a_guest_takes_entropy_from_its_part_and_lives_on_without() -> Outcome {
    let mut t = TestDesktop::start("entropy")?;
    let vm = t.open("foot")?;
    let chosen = ["cat".to_owned(), "/sys/class/misc/hw_random/rng_current".to_owned()];
    assert_eq!(t.desktop.guest_run(&vm, &chosen)?.stdout, b"virtio_rng.0\n");
    // Its kernel takes what it needs by itself; nobody in the guest has to ask.
    t.wait("the guest's kernel to ask", |d| {
        let counters = d.counters(&vm)?;
        let counters: serde_json::Value = serde_json::from_str(&counters).unwrap_or_default();
        let of = |name: &str| counters.pointer(&format!("/parts/rng/{name}")).and_then(|n| n.as_u64());
        assert_eq!(of("faults"), Some(0), "{counters}");
        Ok(of("bytes") > Some(0))
    })?;
    let devices = running("cofferdam-rng", t.desktop.pid());
    assert_eq!(devices.len(), 1);
    kill(devices[0])?;
    t.wait("a line about it", |d| {
        let console = d.coffer(&["console", vm.as_str()])?;
        Ok(console.lines().any(|line| line.starts_with("the entropy device ended (signal 9)")))
    })?;
    assert_eq!(t.desktop.guest_run(&vm, &["true".to_owned()])?.exit.code, 0);
    Ok(t.desktop.finish()?)
}
