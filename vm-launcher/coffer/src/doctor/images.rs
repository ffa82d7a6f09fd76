// SPDX-License-Identifier: GPL-3.0-or-later
//! What VMs are made of and how they would run. In: the image cache. Out: findings.

use super::Finding;
use cofferdam_catalogue::{Bundle, Cache, Catalogue, Options};
use cofferdam_kit::paths::Paths;
use cofferdam_machine::{Acceleration, KvmVerdict, QemuProgram};

const KVM: &str = "KVM";
const APPS: &str = "apps";

/// Looks at emulator, KVM and apps.
pub(super) fn look(paths: &Paths) -> Vec<Finding> {
    let probe = paths.program("cofferdam-kvm-probe");
    let catalogue = match Catalogue::open(&Options::default()) {
        Ok(catalogue) => catalogue,
        Err(error) => {
            let advice = "run `dist/setup`, or install Cofferdam completely";
            return vec![
                kvm(None, &KvmVerdict::tiny_guest(&probe)),
                Finding::bad(APPS, error.to_string(), advice),
            ];
        }
    };
    let known: Vec<String> = catalogue.apps().unwrap_or_default().iter().map(ToString::to_string).collect();
    let built: Vec<(String, Bundle)> =
        known.iter().filter_map(|app| Some((app.clone(), catalogue.load(app).ok()?))).collect();
    let tried = catalogue.load_tools().ok().zip(built.first()).map(|(tools, (_, bundle))| {
        let qemu = QemuProgram { argv: tools.qemu.argv, environment: tools.qemu.env };
        Acceleration::detect(&qemu, &bundle.kernel, &probe, &Cache::default_root())
    });
    let (acceleration, verdict) = match tried {
        Some((acceleration, verdict)) => (Some(acceleration), verdict),
        None => (None, KvmVerdict::tiny_guest(&probe)),
    };
    vec![kvm(acceleration, &verdict), apps(&known, &built)]
}

fn kvm(tried: Option<Acceleration>, verdict: &KvmVerdict) -> Finding {
    match (verdict, tried) {
        (KvmVerdict::Works, Some(_)) => Finding::good(KVM, "works; VMs run at full speed with it"),
        (KvmVerdict::Works, None) => Finding::fair(
            KVM,
            "ran a guest of four instructions",
            "a whole VM can be tried once an app is built",
        ),
        (KvmVerdict::Unusable(why), _) => Finding::fair(
            KVM,
            format!("not usable: {why}"),
            "VMs run in emulation: everything works, an app needs 10 to 30 seconds to start",
        ),
    }
}

fn apps(known: &[String], built: &[(String, Bundle)]) -> Finding {
    let missing: Vec<&str> =
        known.iter().filter(|app| !built.iter().any(|(b, _)| b == *app)).map(String::as_str).collect();
    let ready = built.iter().map(|(app, _)| app.as_str()).collect::<Vec<_>>().join(", ");
    if built.is_empty() {
        return Finding::bad(APPS, "none is built", "`coffer run APP` builds it, or run `dist/setup`");
    }
    let found = format!("ready: {ready}");
    if missing.is_empty() {
        return Finding::good(APPS, found);
    }
    Finding::good(APPS, format!("{found}; built when first asked for: {}", missing.join(", ")))
}
