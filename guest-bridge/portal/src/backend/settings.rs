// SPDX-License-Identifier: GPL-3.0-or-later
//! Settings. In: how the host's desktop looks. Out: the keys that toolkits ask for: light or dark, contrast,
//! and the type, cursor and icons that the guest's image has.

use super::link::Link;
use super::{Options, PATH, value};
use cofferdam_agent_wire::Appearance;
use std::collections::HashMap;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, fdo};
use zbus::{OwnedVariant, Variant};

const APPEARANCE: &str = "org.freedesktop.appearance";
const INTERFACE: &str = "org.gnome.desktop.interface";

pub(super) struct Settings {
    pub(super) link: Link,
}

#[zbus::interface(name = "org.freedesktop.impl.portal.Settings")]
impl Settings {
    /// All keys of these namespaces; a name may end in `*`.
    fn read_all(&self, namespaces: Vec<String>) -> HashMap<String, Options> {
        let look = *self.link.appearance().borrow();
        let mut found: HashMap<String, Options> = HashMap::new();
        for (namespace, key, setting) in all(look) {
            if namespaces.is_empty() || namespaces.iter().any(|pattern| matches(pattern, namespace)) {
                let setting = value(setting).map(|v| (key.to_owned(), v));
                found.entry(namespace.to_owned()).or_default().extend(setting);
            }
        }
        found
    }

    /// One key.
    fn read(&self, namespace: &str, key: &str) -> fdo::Result<OwnedVariant> {
        let look = *self.link.appearance().borrow();
        all(look)
            .into_iter()
            .find(|(n, k, _)| (*n, *k) == (namespace, key))
            .and_then(|(_, _, setting)| value(setting))
            .ok_or_else(|| fdo::Error::Failed("there is no such setting".to_owned()))
    }

    #[zbus(signal)]
    async fn setting_changed(
        emitter: &SignalEmitter<'_>,
        namespace: &str,
        key: &str,
        value: Variant<'_>,
    ) -> zbus::Result<()>;

    #[zbus(property, name = "version")]
    fn version(&self) -> u32 {
        2
    }
}

/// Tells the frontend of each change. Ends with the link.
pub(super) async fn follow(connection: Connection, link: Link) -> zbus::Result<()> {
    let mut changes = link.appearance();
    // What holds at the start is asked for, not told.
    changes.mark_unchanged();
    let emitter = SignalEmitter::new(&connection, PATH)?;
    while changes.changed().await.is_ok() {
        let look = *changes.borrow_and_update();
        for (namespace, key, setting) in appearance(look) {
            Settings::setting_changed(&emitter, namespace, key, setting).await?;
        }
    }
    std::future::pending().await
}

fn matches(pattern: &str, namespace: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => namespace.starts_with(prefix),
        None => pattern.is_empty() || pattern == namespace,
    }
}

type Setting = (&'static str, &'static str, Variant<'static>);

fn appearance(look: Appearance) -> Vec<Setting> {
    let scheme: u32 = if look.dark { 1 } else { 2 };
    let name = if look.dark { "prefer-dark" } else { "prefer-light" };
    let theme = match (look.contrast, look.dark) {
        (true, true) => "HighContrastInverse",
        (true, false) => "HighContrast",
        (false, true) => "Adwaita-dark",
        (false, false) => "Adwaita",
    };
    vec![
        (APPEARANCE, "color-scheme", scheme.into()),
        (APPEARANCE, "contrast", u32::from(look.contrast).into()),
        (INTERFACE, "color-scheme", name.into()),
        (INTERFACE, "gtk-theme", theme.into()),
        ("org.gnome.desktop.a11y.interface", "high-contrast", look.contrast.into()),
    ]
}

/// The image's own settings are those of its GSettings overrides, which toolkits don't read beside a portal.
fn all(look: Appearance) -> Vec<Setting> {
    let mut settings = appearance(look);
    settings.extend([
        (INTERFACE, "font-name", "Inter 10".into()),
        (INTERFACE, "document-font-name", "Inter 10".into()),
        (INTERFACE, "monospace-font-name", "DejaVu Sans Mono 10".into()),
        (INTERFACE, "icon-theme", "Adwaita".into()),
        (INTERFACE, "cursor-theme", "Adwaita".into()),
        (INTERFACE, "cursor-size", 24_i32.into()),
        (INTERFACE, "text-scaling-factor", 1.0_f64.into()),
        (INTERFACE, "enable-animations", false.into()),
        // A cursor that blinks keeps an idle VM awake.
        (INTERFACE, "cursor-blink", false.into()),
        ("org.gnome.desktop.wm.preferences", "button-layout", "appmenu:close".into()),
    ]);
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, namespace, expected) in [
            ("", APPEARANCE, true),
            ("*", APPEARANCE, true),
            ("org.gnome.*", INTERFACE, true),
            ("org.gnome.*", APPEARANCE, false),
            (APPEARANCE, APPEARANCE, true),
            ("org.freedesktop", APPEARANCE, false),
        ] {
            assert_eq!(matches(pattern, namespace), expected, "{pattern} {namespace}");
        }
    }

    #[test]
    fn dark_and_light_are_told_apart_everywhere() {
        let (dark, light) = (Appearance { dark: true, contrast: false }, Appearance::default());
        for (ours, theirs) in appearance(dark).iter().zip(appearance(light)) {
            let same = matches!(ours.1, "contrast" | "high-contrast");
            assert_eq!(ours.2 == theirs.2, same, "{}", ours.1);
        }
    }
}
