// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the text of a theme file. Out: typed values, or an error that names the line and what was
//! probably meant. Total: no input panics.

use crate::{Problem, Rgb, ThemeError};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One file, for error messages and for the lines in them.
#[derive(Clone, Copy)]
pub(crate) struct Doc<'a> {
    file: &'a str,
    text: &'a str,
}

/// One table of a file.
pub(crate) struct Section<'a> {
    doc: Doc<'a>,
    /// The name with a dot at its end, empty for the root.
    prefix: String,
    at: Range<usize>,
    table: DeTable<'a>,
}

impl<'a> Doc<'a> {
    pub(crate) const fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text }
    }

    fn error_at(self, at: usize, problem: Problem) -> ThemeError {
        let before = self.text.as_bytes().iter().take(at).filter(|b| **b == b'\n').count();
        ThemeError { file: self.file.to_owned(), line: before + 1, problem }
    }

    pub(crate) fn root(self) -> Result<Section<'a>, ThemeError> {
        let table = DeTable::parse(self.text).map_err(|e| {
            let at = e.span().map_or(0, |s| s.start);
            self.error_at(at, Problem::Syntax(e.message().trim().replace('\n', ", ")))
        })?;
        Ok(Section { doc: self, prefix: String::new(), at: 0..0, table: table.into_inner() })
    }
}

impl<'a> Section<'a> {
    /// An error on the line where this section starts.
    pub(crate) fn error(&self, problem: Problem) -> ThemeError {
        self.doc.error_at(self.at.start, problem)
    }

    /// An error on the line of `key`, or of the section where the key isn't there.
    pub(crate) fn error_on(&self, key: &str, problem: Problem) -> ThemeError {
        let at = self.entry(key).map_or(self.at.start, |(at, _)| at);
        self.doc.error_at(at, problem)
    }

    fn entry(&self, key: &str) -> Option<(usize, &Spanned<DeValue<'a>>)> {
        self.table.iter().find(|(k, _)| k.get_ref() == key).map(|(k, v)| (k.span().start, v))
    }

    fn full(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    fn value(&self, key: &str) -> Result<&Spanned<DeValue<'a>>, ThemeError> {
        self.entry(key).map(|(_, v)| v).ok_or_else(|| self.error(Problem::Missing(self.full(key))))
    }

    fn bad(&self, key: &str, expected: &'static str) -> ThemeError {
        self.error_on(key, Problem::BadValue { key: self.full(key), expected })
    }

    /// Refuses the first key, by line, that is not in `known`.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), ThemeError> {
        let stranger = self
            .table
            .keys()
            .filter(|k| !known.contains(&k.get_ref().as_ref()))
            .min_by_key(|k| k.span().start);
        stranger.map_or(Ok(()), |k| {
            let key = k.get_ref().as_ref();
            let problem =
                Problem::UnknownKey { key: self.full(key), meant: nearest(key, known).map(|k| self.full(k)) };
            Err(self.doc.error_at(k.span().start, problem))
        })
    }

    pub(crate) fn section(&self, key: &str) -> Result<Self, ThemeError> {
        let value = self.value(key)?;
        match value.get_ref() {
            DeValue::Table(table) => Ok(Self {
                doc: self.doc,
                prefix: format!("{}{key}.", self.prefix),
                at: value.span(),
                table: table.clone(),
            }),
            _ => Err(self.bad(key, "a section")),
        }
    }

    pub(crate) fn string(&self, key: &str) -> Result<&str, ThemeError> {
        match self.value(key)?.get_ref() {
            DeValue::String(s) => Ok(s),
            _ => Err(self.bad(key, "a string")),
        }
    }

    pub(crate) fn color(&self, key: &str) -> Result<Rgb, ThemeError> {
        match self.value(key)?.get_ref() {
            DeValue::String(s) => s.parse().ok(),
            _ => None,
        }
        .ok_or_else(|| self.bad(key, "a colour, written as \"#RRGGBB\""))
    }

    pub(crate) fn flag(&self, key: &str) -> Result<bool, ThemeError> {
        match self.value(key)?.get_ref() {
            DeValue::Boolean(b) => Ok(*b),
            _ => Err(self.bad(key, "true or false")),
        }
    }

    /// A number of 0 to 1.
    pub(crate) fn share(&self, key: &str) -> Result<f32, ThemeError> {
        let number: Option<f32> = match self.value(key)?.get_ref() {
            DeValue::Float(f) => f.as_str().replace('_', "").parse().ok(),
            DeValue::Integer(i) if i.radix() == 10 => i.as_str().parse().ok(),
            _ => None,
        };
        number.filter(|n| (0.0..=1.0).contains(n)).ok_or_else(|| self.bad(key, "a number from 0 to 1"))
    }

    /// A whole number of 0 to 1000.
    pub(crate) fn milliseconds(&self, key: &str) -> Result<u16, ThemeError> {
        let number: Option<u16> = match self.value(key)?.get_ref() {
            DeValue::Integer(i) if i.radix() == 10 => i.as_str().parse().ok(),
            _ => None,
        };
        number
            .filter(|n| *n <= 1000)
            .ok_or_else(|| self.bad(key, "milliseconds, a whole number from 0 to 1000"))
    }

    pub(crate) fn choice<T: Copy>(
        &self,
        key: &str,
        choices: &[(T, &str)],
        expected: &'static str,
    ) -> Result<T, ThemeError> {
        let name = self.string(key)?;
        choices.iter().find(|(_, n)| *n == name).map(|(v, _)| *v).ok_or_else(|| self.bad(key, expected))
    }
}

/// The known key fewest edits away from `key`, when it is near enough to be a slip.
fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    // A key of a kilobyte is no slip of anything; the work below is quadratic.
    if key.len() > 40 {
        return None;
    }
    known.iter().map(|k| (edits(key, k), *k)).min().filter(|(n, k)| *n <= 2.max(k.len() / 2)).map(|(_, k)| k)
}

/// Levenshtein distance over bytes.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (slot, cb) in row.iter_mut().skip(1).zip(b.bytes()) {
            let cost = (diagonal + usize::from(ca != cb)).min(*slot + 1).min(left + 1);
            diagonal = *slot;
            *slot = cost;
            left = cost;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edit_distance() {
        for (a, b, n) in
            [("", "", 0), ("a", "", 1), ("", "ab", 2), ("surfce", "surface", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!(edits(a, b), n, "{a} {b}");
        }
    }

    #[test]
    fn nearest_only_when_near() {
        let known = ["surface", "text", "accent"];
        for (key, meant) in [("surfce", Some("surface")), ("txet", Some("text")), ("zzzzzzzz", None)] {
            assert_eq!(nearest(key, &known), meant);
        }
    }
}
