// SPDX-License-Identifier: GPL-3.0-or-later
//! A hostile guest harms nobody but itself.
//!
//! In: a desktop with a witness in one VM, and `cofferdam-hostile` in another. Out: each of its attacks has
//! ended as its table says, a fault was counted for each that breaks a rule, and the witness's pixels, its
//! border included, are what they were. A report and the screenshots stand in `target/tmp/hostile/`.

mod attacks;
mod harm;

use attacks::{Attack, Stays, Victim, table};
use cofferdam_control::desktop::{Input, Request, WindowOp};
use cofferdam_runner::desktop::Desktop;
use cofferdam_system_tests::{TestDesktop, out_dir};
use harm::Witness;
use std::fmt::Write as _;

/// How much the compositor may grow by one attack, in KiB: what a VM may have it keep, and what an allocator
/// keeps by itself. Unbounded, the smallest of these attacks takes three times as much.
const MAX_GROWTH: u64 = 8 * 1024;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

#[test]
fn every_attack_ends_as_it_should_and_harms_nobody_else() -> Outcome {
    let attacks = table()?;
    assert!(attacks.len() > 150, "only {} attacks", attacks.len());
    let mut t = TestDesktop::start_with_doors("hostile")?;
    let vm = t.open("foot")?;
    t.desktop.call(Request::Input(Input::Text("echo the witness\n".into())))?;
    let mut victim = Victim::start(&mut t)?;
    let witness = Witness::look(&mut t, &vm)?;
    let (mut report, mut wrong) = (String::new(), Vec::new());
    for attack in &attacks {
        let result = match attack.stays {
            Stays::Picture => show(&mut t, attack, &victim, &witness),
            Stays::Holds => hold(&mut t, attack, &victim),
            Stays::No => victim.attack(&mut t, attack),
        };
        let line = match &result {
            Ok(said) => said.clone(),
            Err(why) => {
                wrong.push(format!("{attack}: {why}"));
                format!("{attack}: WRONG: {why}")
            }
        };
        writeln!(report, "{line}")?;
        std::fs::write(out_dir("hostile").join("report.txt"), &report)?;
        if let Err(why) = witness.check(&mut t, &attack.file_name()) {
            wrong.push(format!("{attack}: the witness: {why}"));
        }
        if t.desktop.check_vms(std::iter::once(&victim.vm)).is_err() {
            wrong.push(format!("{attack}: its VM ended"));
            victim = Victim::start(&mut t)?;
        }
    }
    assert!(wrong.is_empty(), "{} of {} went wrong:\n{}", wrong.len(), attacks.len(), wrong.join("\n"));
    answers(&mut t, &vm)?;
    answers(&mut t, &victim.vm)?;
    Ok(t.desktop.finish()?)
}

/// Lets an attack show its picture, looks at its own frame and at the witness, and ends it.
fn show(t: &mut TestDesktop, attack: &Attack, victim: &Victim, witness: &Witness) -> Outcome<String> {
    let window = victim.show(t, attack)?;
    let looks = harm::own_frame(t, &window, &attack.file_name());
    let harmless = witness.check(t, &attack.file_name());
    victim.end(t, attack)?;
    looks?;
    harmless?;
    Ok(format!("{attack}: shown inside its own border"))
}

/// Lets an attack make the compositor keep what it can, and looks at the compositor's memory, both while the
/// attack is there and when it is gone.
fn hold(t: &mut TestDesktop, attack: &Attack, victim: &Victim) -> Outcome<String> {
    let before = memory(t)?;
    let said = victim.begin(t, attack)?;
    let during = memory(t)?.saturating_sub(before);
    victim.end(t, attack)?;
    let after = memory(t)?.saturating_sub(before);
    if during.max(after) > MAX_GROWTH {
        return Err(
            format!("{said}, but the compositor took {during} KiB, and {after} KiB at the end").into()
        );
    }
    if !said.ends_with("survived") {
        return Err(format!("it said {said:?}").into());
    }
    Ok(format!("{said}; the compositor took {during} KiB, {after} KiB at the end"))
}

/// The memory that is the compositor's alone, in KiB.
fn memory(t: &TestDesktop) -> Outcome<u64> {
    let compositor = cofferdam_system_tests::running("cofferdam-compositor", t.desktop.pid());
    let [compositor] = compositor.as_slice() else { return Err("not one compositor".into()) };
    let status = std::fs::read_to_string(format!("/proc/{}/status", compositor.as_raw_nonzero()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).ok_or("no RssAnon")?;
    Ok(kib.parse()?)
}

/// Types into the window of a VM and reads the effect through its agent.
fn answers(t: &mut TestDesktop, vm: &cofferdam_ids::VmId) -> Outcome {
    let window = t.desktop.windows()?.into_iter().find(|w| w.vm.as_ref() == Some(vm)).ok_or("no window")?;
    t.desktop.call(Request::WindowOp { window: window.id, op: WindowOp::Activate })?;
    t.desktop.call(Request::Input(Input::Text("echo alive > /tmp/alive\n".into())))?;
    let argv = ["cat".to_owned(), "/tmp/alive".to_owned()];
    Ok(t.wait("a VM to answer", |d: &mut Desktop| Ok(d.guest_run(vm, &argv)?.stdout == b"alive\n"))?)
}
