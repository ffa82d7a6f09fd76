// SPDX-License-Identifier: GPL-3.0-or-later
//! What a compositor is started with.
//!
//! In: the command line, or a test. Out: a plain value that the compositor never writes to.

use crate::trusted::AttentionKey;
use cofferdam_control::desktop::OutputSpec;
use std::path::PathBuf;
use std::time::Duration;

/// Scale 1.0 in the 120ths of [`OutputSpec::scale_120`].
const SCALE_ONE: u32 = 120;

/// Where pictures go and input comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BackendKind {
    /// Virtual outputs in memory, virtual seat.
    #[default]
    Headless,
    /// A window of another Wayland desktop.
    Nested,
}

/// Keyboard layout in xkb's words; empty means xkb's default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keymap {
    /// Such as `de` or `us,ru`.
    pub layout: String,
    /// Such as `nodeadkeys`.
    pub variant: String,
    /// Such as `grp:alt_shift_toggle`.
    pub options: Option<String>,
}

/// Everything a compositor is started with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Desktop control socket to listen on.
    pub control_socket: Option<PathBuf>,
    /// Ordinary Wayland socket for trusted clients to listen on.
    pub trusted_socket: Option<PathBuf>,
    /// Which backend.
    pub backend: BackendKind,
    /// Virtual outputs, left to right. At least one for the headless backend.
    pub outputs: Vec<OutputSpec>,
    /// Refresh of the virtual outputs in millihertz.
    pub refresh_mhz: u32,
    /// Theme by name.
    pub theme: String,
    /// Keyboard layout.
    pub keymap: Keymap,
    /// Key repeat: delay in milliseconds, rate in keys per second.
    pub repeat: (i32, i32),
    /// How long what was pasted from one VM into another stays in memory for another paste.
    pub clipboard_wipe: Duration,
    /// The person's own words, by which they know the desktop's cards; may be empty.
    pub phrase: String,
    /// The key that only the desktop sees.
    pub attention_key: AttentionKey,
    /// There is a session bus, and screen readers may come over it.
    pub session_bus: bool,
    /// End clients that draw before they answered their first configure, as xdg-shell says. Off only
    /// under wlcs, whose own windows do that.
    pub insist_on_configure: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            control_socket: None,
            trusted_socket: None,
            backend: BackendKind::default(),
            outputs: vec![OutputSpec {
                name: "HEADLESS-1".into(),
                width: 1280,
                height: 800,
                scale_120: SCALE_ONE,
            }],
            refresh_mhz: 60_000,
            theme: "default-dark".into(),
            keymap: Keymap::default(),
            repeat: (400, 30),
            clipboard_wipe: Duration::from_secs(120),
            phrase: String::new(),
            attention_key: AttentionKey::default(),
            session_bus: false,
            insist_on_configure: true,
        }
    }
}

/// The text is no output.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no output size; write it like 1280x800 or 2560x1440@1.5")]
pub struct ParseOutputError(pub String);

/// Reads `WIDTHxHEIGHT[@SCALE]`, for the output number `index` (from 1).
///
/// # Errors
/// If the text has another form, or a number is out of the range of [`OutputSpec`].
pub fn parse_output(text: &str, index: usize) -> Result<OutputSpec, ParseOutputError> {
    let wrong = || ParseOutputError(text.to_owned());
    let (size, scale) = text.split_once('@').unwrap_or((text, "1"));
    let (width, height) = size.split_once('x').ok_or_else(wrong)?;
    let number = |s: &str| s.parse::<u32>().ok().filter(|n| (64..=16384).contains(n)).ok_or_else(wrong);
    let scale: f64 = scale.parse().map_err(|_nan| wrong())?;
    let scale_120 = scale_to_120(scale).ok_or_else(wrong)?;
    Ok(OutputSpec {
        name: format!("HEADLESS-{index}"),
        width: number(width)?,
        height: number(height)?,
        scale_120,
    })
}

fn scale_to_120(scale: f64) -> Option<u32> {
    (60..=480)
        .min_by_key(|n| {
            // Distances are compared in millionths; the range is tiny, the cast can't truncate.
            #[allow(clippy::cast_possible_truncation)]
            let distance = ((f64::from(*n) / 120.0 - scale).abs() * 1e6).min(1e9) as i64;
            distance
        })
        .filter(|n| (f64::from(*n) / 120.0 - scale).abs() < 0.01)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs() {
        for (text, expected) in [
            ("1280x800", Some((1280, 800, 120))),
            ("2560x1440@2", Some((2560, 1440, 240))),
            ("1920x1080@1.5", Some((1920, 1080, 180))),
            ("1920x1080@1.25", Some((1920, 1080, 150))),
            ("10x10", None),
            ("1280", None),
            ("1280x800@9", None),
            ("1280x800@nan", None),
        ] {
            let got = parse_output(text, 1).ok().map(|o| (o.width, o.height, o.scale_120));
            assert_eq!(got, expected, "{text}");
        }
    }
}
