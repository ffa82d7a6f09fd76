// SPDX-License-Identifier: GPL-3.0-or-later
//! The attacks and the VM from which they come. In: the table that the program prints. Out: each of them
//! carried out in the VM, with the faults that were counted meanwhile.

#![expect(clippy::disallowed_types, reason = "asks the hostile program for its table")]

use super::Outcome;
use cofferdam_control::desktop::{Reply, Request, WindowId, WindowInfo};
use cofferdam_ids::VmId;
use cofferdam_runner::desktop::{DesktopError, GuestOutput};
use cofferdam_system_tests::{DOOR, TestDesktop, guest_program};
use std::fmt;

/// Where the program lies in the guest.
const PROGRAM: &str = "/tmp/hostile";

/// A line of the program's table.
#[derive(Debug)]
pub(crate) struct Attack {
    way: String,
    name: String,
    end: String,
    fault: bool,
    /// Whether it stays until it is ended.
    pub(crate) stays: Stays,
}

/// Why an attack stays until it is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stays {
    /// It does not.
    No,
    /// It shows something.
    Picture,
    /// The desktop keeps something for it.
    Holds,
}

impl fmt::Display for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.way, self.name)
    }
}

impl Attack {
    /// What its screenshots are called.
    pub(crate) fn file_name(&self) -> String {
        format!("{}-{}", self.way, self.name)
    }

    /// The command line in the guest.
    fn argv(&self) -> Vec<String> {
        self.with_its_rights(&[PROGRAM, &self.way, &self.name])
    }

    /// A command line as its user; only the bridge's reaches the device.
    fn with_its_rights(&self, words: &[&str]) -> Vec<String> {
        let prefix: &[&str] = if self.way == "app" { &[] } else { &[DOOR, "as-bridge"] };
        prefix.iter().chain(words).map(|word| (*word).to_owned()).collect()
    }
}

/// All attacks.
pub(crate) fn table() -> Outcome<Vec<Attack>> {
    // It is static, so it runs on the host as well; for its table it attacks nothing.
    let program = guest_program("cofferdam-hostile");
    let output = std::process::Command::new(&program).arg("--list").output();
    let output = output.map_err(|e| format!("{}: {e}: run dist/setup", program.display()))?;
    let line = |line: &str| match line.split(' ').collect::<Vec<_>>().as_slice() {
        [way, name, end, fault, stays] => Ok(Attack {
            way: (*way).to_owned(),
            name: (*name).to_owned(),
            end: (*end).to_owned(),
            fault: *fault == "fault",
            stays: match *stays {
                "picture" => Stays::Picture,
                "holds" => Stays::Holds,
                _ => Stays::No,
            },
        }),
        _ => Err(format!("not understood: {line}").into()),
    };
    String::from_utf8(output.stdout)?.lines().map(line).collect()
}

/// The VM that attacks, and is the first to suffer.
#[derive(Debug)]
pub(crate) struct Victim {
    /// The VM.
    pub(crate) vm: VmId,
    /// The window of its app.
    app: WindowId,
}

impl Victim {
    /// Starts it and puts the program into it.
    pub(crate) fn start(t: &mut TestDesktop) -> Outcome<Self> {
        let vm = t.open("foot")?;
        let input = std::fs::read(guest_program("cofferdam-hostile"))?;
        let argv = ["sh", "-c", "cat > /tmp/hostile && chmod 755 /tmp/hostile"].map(str::to_owned);
        let put = t.desktop.guest_run_with(&vm, &argv, &input)?;
        if put.exit.code != 0 {
            return Err(format!("the program can't be put into {vm}: {put:?}").into());
        }
        let app = t.desktop.windows()?.into_iter().find(|w| w.vm.as_ref() == Some(&vm));
        Ok(Self { app: app.ok_or("no window")?.id, vm })
    }

    /// Mistakes of this VM, whoever counted them.
    fn faults(&self, t: &mut TestDesktop) -> Outcome<[u64; 3]> {
        let text = t.desktop.counters(&self.vm)?;
        let counters: serde_json::Value = serde_json::from_str(&text)?;
        let number = |path: &str| {
            let value = counters.pointer(path).and_then(serde_json::Value::as_u64);
            value.ok_or_else(|| format!("no {path} in {text}"))
        };
        let (Reply::Counters(compositor), _) = t.desktop.call(Request::Counters)? else {
            return Err("no counters".into());
        };
        Ok([number("/bridge/faults")?, number("/parts/gpu/faults")?, compositor.vm_faults])
    }

    /// Carries out an attack that ends by itself.
    pub(crate) fn attack(&self, t: &mut TestDesktop, attack: &Attack) -> Outcome<String> {
        let before = self.faults(t)?;
        let GuestOutput { stdout, stderr, exit } = t.desktop.guest_run(&self.vm, &attack.argv())?;
        let said = String::from_utf8_lossy(&stdout).trim().to_owned();
        if exit.code != 0 {
            let stderr = String::from_utf8_lossy(&stderr);
            return Err(format!("should end {}, said {said:?} {stderr:?} {exit:?}", attack.end).into());
        }
        // The guest's program may be told of its end before everybody has counted.
        let mut counted = [0; 3];
        let mut look = |t: &mut TestDesktop| -> Outcome<bool> {
            let after = self.faults(t)?;
            for ((count, after), before) in counted.iter_mut().zip(after).zip(before) {
                *count = after.saturating_sub(before);
            }
            Ok(counted.iter().any(|count| *count > 0))
        };
        let seen = look(t)? || look(t)?;
        self.alone(t)?;
        let [bridge, device, compositor] = counted;
        if attack.fault && !seen {
            return Err(format!("{said}, but no fault was counted").into());
        }
        Ok(format!("{said}; faults: bridge {bridge}, device {device}, compositor {compositor}"))
    }

    fn windows(&self, t: &mut TestDesktop) -> Result<Vec<WindowInfo>, DesktopError> {
        let ours = |w: &WindowInfo| w.vm.as_ref() == Some(&self.vm) && w.id != self.app;
        Ok(t.desktop.windows()?.into_iter().filter(ours).collect())
    }

    /// Waits until nothing of the VM but its app is on the screen.
    fn alone(&self, t: &mut TestDesktop) -> Outcome {
        let ours = |w: &WindowInfo| w.vm.as_ref() == Some(&self.vm);
        Ok(t.wait(
            "the attack's windows to go",
            |d| Ok(d.windows()?.iter().filter(|w| ours(w)).count() <= 1),
        )?)
    }

    /// Starts an attack that shows something; gives back its window once the program says that all is shown.
    pub(crate) fn show(&self, t: &mut TestDesktop, attack: &Attack) -> Outcome<WindowInfo> {
        let said = self.begin(t, attack)?;
        let window = self.windows(t)?.pop();
        window.ok_or_else(|| format!("no window, it said {said:?}").into())
    }

    /// Starts an attack that stays; gives back what the program says once all is done.
    pub(crate) fn begin(&self, t: &mut TestDesktop, attack: &Attack) -> Outcome<String> {
        let Attack { way, name, .. } = attack;
        let script = format!(
            "rm -f /tmp/shown-{way}; setsid {PROGRAM} {way} {name} > /tmp/shown-{way} 2>&1 & \
             echo $! > /tmp/shown-{way}.pid"
        );
        t.desktop.guest_run(&self.vm, &attack.with_its_rights(&["sh", "-c", &script]))?;
        let argv = ["cat".to_owned(), format!("/tmp/shown-{way}")];
        let mut said = Vec::new();
        t.wait("the attack to show something", |d| {
            said = d.guest_run(&self.vm, &argv)?.stdout;
            Ok(!said.is_empty())
        })?;
        t.desktop.call(Request::Sync)?;
        Ok(String::from_utf8_lossy(&said).trim().to_owned())
    }

    /// Ends it.
    pub(crate) fn end(&self, t: &mut TestDesktop, attack: &Attack) -> Outcome {
        let script = format!("kill $(cat /tmp/shown-{}.pid)", attack.way);
        t.desktop.guest_run(&self.vm, &attack.with_its_rights(&["sh", "-c", &script]))?;
        self.alone(t)
    }
}
