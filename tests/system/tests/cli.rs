// SPDX-License-Identifier: GPL-3.0-or-later
//! `coffer` as people use it: a desktop of its own, commands against it, their words and exit codes.

#![expect(clippy::disallowed_types, reason = "runs coffer")]

use cofferdam_runner::blocking::Launcher;
use cofferdam_system_tests::{CliDesktop, out_dir, program};
use std::collections::BTreeMap;
use std::process::Command;

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[test]
fn a_day_of_a_vm() -> Outcome {
    let desktop = CliDesktop::start("cli", &[])?;
    desktop.check(&["ps"], 0, "VM  APP  COLOUR  STATE  UP", "")?;
    desktop.check(&["run", "no-such-app"], 1, "", "no-such-app")?;
    desktop.check(&["run", "foot", "--env", "GREETING=hi", "--", "--title", "mine"], 0, "foot", "running")?;

    let list: serde_json::Value = serde_json::from_str(&desktop.run(&["ps", "--json"], "")?.stdout)?;
    assert_eq!(list[0]["state"], "running");
    assert_eq!((&list[0]["app"], &list[0]["identity"]), (&"foot".into(), &"orange".into()));

    // Streams and exit codes go through, one program beside another.
    let cat = desktop.run(&["exec", "foot", "cat"], "through the guest\n")?;
    assert_eq!((cat.code, cat.stdout.as_str()), (0, "through the guest\n"));
    let code = desktop.run(&["exec", "foot", "sh", "-c", "echo out; echo err >&2; exit 7"], "")?;
    assert_eq!((code.code, code.stdout.as_str(), code.stderr.as_str()), (7, "out\n", "err\n"));
    desktop.check(&["exec", "foot", "no-such-program"], 1, "", "no-such-program")?;
    let user = desktop.run(&["exec", "foot", "id", "-un"], "")?;
    assert_eq!(user.stdout, "user\n");

    // What the app leaves at home is there the next time.
    desktop.check(&["exec", "foot", "sh", "-c", "echo kept > $HOME/kept"], 0, "", "")?;
    desktop.check(&["console", "foot"], 0, "modules loaded", "")?;
    desktop.check(&["stop", "foot"], 0, "", "stopped")?;
    desktop.check(&["stop", "foot"], 1, "", "the VM foot is off")?;
    desktop.check(&["exec", "foot", "true"], 1, "", "the VM foot is off")?;
    desktop.check(&["stop", "nobody"], 1, "", "there is no VM nobody")?;
    desktop.check(&["run", "foot"], 0, "foot", "orange")?;
    desktop.check(&["exec", "foot", "cat", "/home/user/kept"], 0, "kept", "")?;

    let directory = tempfile::tempdir()?;
    let picture = directory.path().join("x.png");
    desktop.check(&["screenshot", picture.to_str().ok_or("path")?], 0, "", "")?;
    assert!(std::fs::read(&picture)?.starts_with(b"\x89PNG"));
    desktop.finish()
}

/// Whether VMs here boot too fast for a limit to be met: then there is no slow boot to test.
fn accelerated() -> bool {
    Command::new(program("coffer"))
        .args(["doctor", "--json"])
        .output()
        .is_ok_and(|o| !String::from_utf8_lossy(&o.stdout).to_lowercase().contains("emulat"))
}

#[test]
fn a_boot_that_takes_too_long_is_reported_with_its_last_lines() -> Outcome {
    let mut desktop = CliDesktop::start("slow-boot", &[])?;
    let launcher = Launcher::connect(&desktop.bus)?;
    // Long enough for a kernel's first line, too short for a boot: how long that is depends on what else
    // the machine does, so the limit grows until a guest has spoken.
    for limit in [2, 4, 8, 16] {
        let options = BTreeMap::from([("boot-limit".to_owned(), limit.to_string())]);
        let vm = launcher.run("foot", &[], options)?;
        let end = desktop.wait_until(|| {
            let entry = launcher.list().ok()?.into_iter().find(|entry| entry.vm == vm)?;
            (entry.state == "running" || !entry.is_alive()).then_some(entry)
        })?;
        if end.state == "running" {
            assert!(limit > 2 || accelerated(), "nothing boots within two seconds in emulation");
            break;
        }
        assert_eq!(end.detail, format!("nothing came for {limit} s while the guest was booting"));
        if !launcher.console(&vm, 20)?.is_empty() {
            return desktop.finish();
        }
    }
    assert!(accelerated(), "a failure comes with the console's last lines");
    desktop.finish()
}

#[test]
fn a_layer_that_was_changed_does_not_boot() -> Outcome {
    let cache = tempfile::tempdir()?;
    cofferdam_system_tests::tampered_cache(cache.path(), "foot")?;
    let name = format!("tampered-{}", std::process::id());
    let picture = out_dir("tampered").join("never.png");
    let output = Command::new(program("coffer"))
        .args(["--desktop", &name, "desktop", "--headless", "--private", "--screenshot"])
        .arg(&picture)
        .arg("foot")
        .env("XDG_CACHE_HOME", cache.path())
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("coffer: foot failed: the guest could not start: "), "{said}");
    assert!(said.contains("last lines of its console:"), "{said}");
    assert!(!picture.exists());
    Ok(())
}

#[test]
fn a_picture_of_two_apps_in_two_colours() -> Outcome {
    let directory = out_dir("two-apps");
    std::fs::create_dir_all(&directory)?;
    let picture = directory.join("two-apps.png");
    let name = format!("picture-{}", std::process::id());
    let output = Command::new(program("coffer"))
        .args(["--desktop", &name, "desktop", "--headless", "--private", "--screenshot"])
        .arg(&picture)
        .args(["foot", "gnome-calculator"])
        .output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let colours = cofferdam_system_tests::colours(&picture)?;
    for (identity, colour) in [("orange", [0xe6, 0x9f, 0x00]), ("sky", [0x56, 0xb4, 0xe9])] {
        let count = colours.get(&colour).copied().unwrap_or(0);
        assert!(count > 1000, "{count} pixels are {identity}");
    }
    Ok(())
}
