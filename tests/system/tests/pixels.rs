// SPDX-License-Identifier: GPL-3.0-or-later
//! Pixels are copied once, in the guest, and only where they changed.

use cofferdam_control::desktop::{Input, Reply, Request};
use cofferdam_ids::VmId;
use cofferdam_system_tests::TestDesktop;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn number(counters: &str, path: &str) -> Outcome<u64> {
    let value: serde_json::Value = serde_json::from_str(counters)?;
    value
        .pointer(path)
        .and_then(serde_json::Value::as_u64)
        .ok_or_else(|| format!("no {path} in {counters}").into())
}

/// Types one key and waits until the app has drawn something for it.
fn press(t: &mut TestDesktop, vm: &VmId, key: &str) -> Outcome<()> {
    let before = number(&t.desktop.counters(vm)?, "/bridge/commits")?;
    t.desktop.call(Request::Input(Input::Text(key.into())))?;
    t.wait("a key to show", |d| {
        Ok(number(&d.counters(vm)?, "/bridge/commits").is_ok_and(|commits| commits > before))
    })?;
    Ok(())
}

#[test]
fn one_copy_in_the_guest_and_none_on_the_host() -> Outcome<()> {
    let mut t = TestDesktop::start("pixels")?;
    let vm = t.open("foot")?;
    // Each buffer of a window starts with one whole copy; only then does a key cost what it changes.
    for key in ["a", "b", "c"] {
        press(&mut t, &vm, key)?;
    }
    let before = t.desktop.counters(&vm)?;
    press(&mut t, &vm, "x")?;
    let after = t.desktop.counters(&vm)?;
    let copied =
        number(&after, "/bridge/pixel_bytes_copied")? - number(&before, "/bridge/pixel_bytes_copied")?;
    let window = t.desktop.windows()?.into_iter().find(|w| w.vm.as_ref() == Some(&vm)).ok_or("no window")?;
    let whole = u64::try_from(window.content.w * window.content.h * 4)?;
    assert!(copied > 0, "a changed cell must be copied");
    // Two shadow buffers may each have to catch up once; a whole frame is never needed for one key.
    assert!(copied < whole / 2, "one key copied {copied} bytes of a window of {whole}");
    assert_eq!(number(&after, "/parts/gpu/pixel_bytes_copied")?, 0);
    let (Reply::Counters(c), _) = t.desktop.call(Request::Counters)? else {
        return Err("no counters".into());
    };
    assert_eq!(c.client_bytes_copied, 0);
    assert_eq!(c.vm_faults, 0);
    Ok(t.desktop.finish()?)
}
