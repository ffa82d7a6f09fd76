// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the text of the machine's own apt sources (one-line and deb822). Out: the Debian mirror, the
//! security mirror and the keyring that this machine's owner chose.
//!
//! Pure. No mirror is named in this project: whoever set up the machine knows which one is near.

use std::path::PathBuf;

/// One enabled source of binary packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    uri: String,
    suites: Vec<String>,
    components: Vec<String>,
    signed_by: Option<String>,
}

/// What the private state needs of the machine's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mirrors {
    /// Address of the archive, without a slash at the end.
    pub(crate) main: String,
    /// Address of the security archive, if the machine uses one.
    pub(crate) security: Option<String>,
    /// Keyring that the machine uses for the archive, if it says so.
    pub(crate) keyring: Option<PathBuf>,
}

/// Reads a `*.list` file: `deb [options] URI SUITE COMPONENT…`.
pub(crate) fn parse_list(text: &str) -> Vec<Source> {
    text.lines().filter_map(parse_list_line).collect()
}

fn parse_list_line(line: &str) -> Option<Source> {
    let line = line.split('#').next()?.trim();
    let rest = line.strip_prefix("deb").filter(|r| r.starts_with([' ', '\t', '[']))?.trim_start();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(inner) => inner.split_once(']')?,
        None => ("", rest),
    };
    let signed_by = options.split_whitespace().find_map(|o| o.strip_prefix("signed-by=")).map(str::to_owned);
    let mut words = rest.split_whitespace().map(str::to_owned);
    Some(Source { uri: words.next()?, suites: vec![words.next()?], components: words.collect(), signed_by })
}

/// Reads a `*.sources` file: stanzas of `Field: value`.
pub(crate) fn parse_deb822(text: &str) -> Vec<Source> {
    let mut sources = Vec::new();
    for stanza in stanzas(text) {
        let field =
            |name: &str| stanza.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str());
        let words = |name: &str| -> Vec<String> {
            field(name).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
        };
        let enabled = !matches!(field("Enabled").map(str::trim), Some("no" | "false" | "off" | "0"));
        if !enabled || !words("Types").iter().any(|t| t == "deb") {
            continue;
        }
        for uri in words("URIs") {
            sources.push(Source {
                uri,
                suites: words("Suites"),
                components: words("Components"),
                signed_by: field("Signed-By").map(|v| v.trim().to_owned()),
            });
        }
    }
    sources
}

fn stanzas(text: &str) -> Vec<Vec<(String, String)>> {
    let mut all = vec![Vec::<(String, String)>::new()];
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        if line.trim().is_empty() {
            all.push(Vec::new());
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = all.last_mut().and_then(|s| s.last_mut()) {
                value.push('\n');
                value.push_str(line.trim());
            }
        } else if let (Some((name, value)), Some(stanza)) = (line.split_once(':'), all.last_mut()) {
            stanza.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    all
}

impl Source {
    fn is_security(&self) -> bool {
        self.suites.iter().any(|s| s.ends_with("-security") || s.ends_with("/updates"))
    }

    /// How much this looks like the Debian archive; third parties may well use its suite names.
    fn likeness(&self, last_segment: &str) -> u8 {
        let by_key = self.signed_by.as_deref().is_some_and(|k| k.contains("debian-archive"));
        let by_path = self.uri.trim_end_matches('/').ends_with(last_segment);
        u8::from(by_key) * 2 + u8::from(by_path)
    }
}

/// Picks the Debian archive among all sources of the machine.
pub(crate) fn choose(sources: &[Source]) -> Option<Mirrors> {
    let best = |security: bool, segment: &str| {
        sources
            .iter()
            .filter(|s| s.is_security() == security && s.components.iter().any(|c| c == "main"))
            .filter(|s| !s.uri.starts_with("cdrom:") && s.likeness(segment) > 0)
            // Of several equally likely ones the first wins, as it does for apt.
            .rev()
            .max_by_key(|s| s.likeness(segment))
    };
    let main = best(false, "/debian")?;
    let trim = |s: &Source| s.uri.trim_end_matches('/').to_owned();
    let keyring = main.signed_by.as_deref().filter(|k| k.starts_with('/') && k.contains("debian-archive"));
    Some(Mirrors {
        main: trim(main),
        security: best(true, "/debian-security").map(trim),
        keyring: keyring.and_then(|k| k.split([',', '\n']).next()).map(PathBuf::from),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

    fn check(sources: &[Source], expected: Option<(&str, Option<&str>, Option<&str>)>) {
        let found = choose(sources);
        let found = found
            .as_ref()
            .map(|m| (m.main.as_str(), m.security.as_deref(), m.keyring.as_ref().and_then(|k| k.to_str())));
        assert_eq!(found, expected);
    }

    #[test]
    fn deb822() {
        let text = format!(
            "# a comment\nTypes: deb deb-src\nURIs: http://mirror.test/debian/\nSuites: bookworm bookworm-updates\n\
             Components: main\nSigned-By: {KEYRING}\n\n\
             Types: deb\nURIs: http://mirror.test/debian-security\nSuites: bookworm-security\nComponents: main\n\
             Signed-By:\n {KEYRING}\n\n\
             Enabled: no\nTypes: deb\nURIs: http://off.test/debian\nSuites: sid\nComponents: main\n"
        );
        check(
            &parse_deb822(&text),
            Some(("http://mirror.test/debian", Some("http://mirror.test/debian-security"), Some(KEYRING))),
        );
    }

    #[test]
    fn one_line() {
        let text = format!(
            "deb cdrom:[Debian 13]/ trixie main\n#deb http://no.test/debian trixie main\n\
             deb-src http://src.test/debian trixie main\n\
             deb [arch=amd64 signed-by={KEYRING}] https://one.test/debian trixie main contrib # near\n\
             deb https://two.test/debian trixie main\n"
        );
        check(&parse_list(&text), Some(("https://one.test/debian", None, Some(KEYRING))));
    }

    #[test]
    fn third_parties_are_not_debian() {
        check(&parse_list("deb [signed-by=/k/vendor.gpg] https://vendor.test/linux bookworm main\n"), None);
        check(&[], None);
    }
}
