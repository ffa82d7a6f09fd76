// SPDX-License-Identifier: GPL-3.0-or-later
//! Key names (`ctrl+shift+n`) in, evdev codes out.

/// A chord that can't be pressed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No key has this name.
    #[error(
        "unknown key `{0}`; use names such as a, f5, enter, tab, esc, left, pageup, ctrl, shift, alt, super, joined by +"
    )]
    Unknown(String),
    /// Nothing between two `+`, or nothing at all.
    #[error("a key is missing in `{0}`; the plus key is called `plus`")]
    Missing(String),
}

/// Named keys: modifiers first, as on a US keyboard (evdev codes are places, not letters).
const NAMES: &[(&str, u32)] = &[
    ("ctrl", 29),
    ("shift", 42),
    ("alt", 56),
    ("super", 125),
    ("rightctrl", 97),
    ("rightshift", 54),
    ("rightalt", 100),
    ("esc", 1),
    ("escape", 1),
    ("minus", 12),
    ("equal", 13),
    ("plus", 78),
    ("backspace", 14),
    ("tab", 15),
    ("enter", 28),
    ("return", 28),
    ("semicolon", 39),
    ("apostrophe", 40),
    ("grave", 41),
    ("backslash", 43),
    ("comma", 51),
    ("dot", 52),
    ("slash", 53),
    ("space", 57),
    ("capslock", 58),
    ("f11", 87),
    ("f12", 88),
    ("home", 102),
    ("up", 103),
    ("pageup", 104),
    ("left", 105),
    ("right", 106),
    ("end", 107),
    ("down", 108),
    ("pagedown", 109),
    ("insert", 110),
    ("delete", 111),
    ("menu", 139),
];

/// Rows of letters and digits: the first code of each row, then its keys in order.
const ROWS: &[(u32, &str)] = &[(2, "1234567890"), (16, "qwertyuiop"), (30, "asdfghjkl"), (44, "zxcvbnm")];

fn single(name: &str) -> Option<u32> {
    if let Some((_, code)) = NAMES.iter().find(|(n, _)| *n == name) {
        return Some(*code);
    }
    if let Some(n) =
        name.strip_prefix('f').and_then(|n| n.parse::<u32>().ok()).filter(|n| (1..=10).contains(n))
    {
        return Some(58 + n);
    }
    let mut chars = name.chars();
    let (Some(c), None) = (chars.next(), chars.next()) else { return None };
    let (first, place) = ROWS.iter().find_map(|(first, row)| row.find(c).map(|p| (*first, p)))?;
    Some(first + u32::try_from(place).ok()?)
}

/// The evdev codes of a chord, in the order in which they go down.
///
/// # Errors
/// [`KeyError`] naming the part that is no key.
pub fn chord(text: &str) -> Result<Vec<u32>, KeyError> {
    text.split('+')
        .map(|part| {
            let name = part.trim().to_ascii_lowercase();
            if name.is_empty() {
                return Err(KeyError::Missing(text.to_owned()));
            }
            single(&name).ok_or(KeyError::Unknown(name))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chords() {
        for (text, expected) in [
            ("a", Ok(vec![30])),
            ("ctrl+shift+n", Ok(vec![29, 42, 49])),
            ("Alt+Tab", Ok(vec![56, 15])),
            ("f5", Ok(vec![63])),
            ("f10", Ok(vec![68])),
            ("f11", Ok(vec![87])),
            ("0", Ok(vec![11])),
            ("p", Ok(vec![25])),
            ("m", Ok(vec![50])),
            ("ctrl++", Err(KeyError::Missing("ctrl++".into()))),
            ("flurb", Err(KeyError::Unknown("flurb".into()))),
            ("f0", Err(KeyError::Unknown("f0".into()))),
        ] {
            assert_eq!(chord(text), expected, "{text}");
        }
    }
}
