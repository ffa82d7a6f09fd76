// SPDX-License-Identifier: GPL-3.0-or-later
//! One rule file. In: its text. Out: its rules with their lines, or the first line that can't be right
//! and why. Reads nothing but the text.

use cofferdam_policy::{Host, Kind, Level, Origin, Rule, Says, Who, Zone};
use std::ops::Range;
use std::str::FromStr;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What a rule can say, in the order of the manual.
const KEYS: [&str; 8] = ["app", "vm", "kind", "host", "zone", "verdict", "at_most", "initially"];
const ZONES: [(&str, Zone); 4] =
    [("internet", Zone::Internet), ("local", Zone::Local), ("host", Zone::Host), ("vm", Zone::Vm)];
const LEVELS: [&str; 5] = ["off", "ask", "listed", "internet", "all"];

/// One rule of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The rule.
    pub rule: Rule,
    /// The line where it begins, from 1.
    pub line: usize,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct RuleFileFault {
    /// In which line, from 1.
    pub line: usize,
    /// Why.
    pub reason: String,
}

/// A place in the text and why it is wrong.
type Fault = (Range<usize>, String);
type Key<'i> = Spanned<std::borrow::Cow<'i, str>>;
type Value<'i> = Spanned<DeValue<'i>>;

/// Reads the text of a rule file; `name` is how explanations call it.
///
/// # Errors
/// The first fault; none of the rules is good for anything then.
pub fn parse(name: &str, origin: Origin, text: &str) -> Result<Vec<Parsed>, RuleFileFault> {
    let line = |at: usize| 1 + text.bytes().take(at).filter(|b| *b == b'\n').count();
    let fault = |(at, reason): Fault| RuleFileFault { line: line(at.start), reason };
    let file = DeTable::parse(text)
        .map_err(|error| fault((error.span().unwrap_or(0..0), error.message().to_owned())))?;
    let mut rules = Vec::new();
    for (key, value) in in_order(file.get_ref()) {
        let list = match value.get_ref() {
            DeValue::Array(list) if key.get_ref() == "rule" => list,
            _ if key.get_ref() == "rule" => {
                return Err(fault((value.span(), "each rule begins with a line [[rule]]".to_owned())));
            }
            _ => return Err(fault(unknown(key, &["rule"]))),
        };
        // Lines are counted on from rule to rule, so that a long file is read once.
        let (mut counted, mut number) = (0, 1);
        for value in list {
            let DeValue::Table(table) = value.get_ref() else {
                return Err(fault((value.span(), "each rule begins with a line [[rule]]".to_owned())));
            };
            let start = value.span().start;
            let between = text.as_bytes().get(counted..start).unwrap_or_default();
            number += between.iter().filter(|b| **b == b'\n').count();
            counted = counted.max(start);
            let name = format!("{name}, line {number}");
            let rule = rule(name, origin, table, value.span()).map_err(fault)?;
            rules.push(Parsed { rule, line: number });
        }
    }
    Ok(rules)
}

fn rule(name: String, origin: Origin, table: &DeTable<'_>, place: Range<usize>) -> Result<Rule, Fault> {
    let mut rule =
        Rule { name, origin, who: Who::Everyone, kind: None, host: None, zone: None, says: Says::Deny };
    let (mut says, mut who) = (None, None);
    for (key, value) in in_order(table) {
        match key.get_ref().as_ref() {
            "app" => once(&mut who, key, "app", Who::App(parsed(value)?), "a rule is about an app or a VM")?,
            "vm" => once(&mut who, key, "vm", Who::Vm(parsed(value)?), "a rule is about an app or a VM")?,
            "kind" => rule.kind = Some(kind(value)?),
            "host" => rule.host = Some(host(value)?),
            "zone" => rule.zone = Some(zone(value)?),
            "verdict" => once(&mut says, key, "verdict", verdict(value)?, "a rule says one thing")?,
            "at_most" => {
                once(&mut says, key, "at_most", Says::AtMost(level(value)?), "a rule says one thing")?
            }
            "initially" => {
                once(&mut says, key, "initially", Says::Initially(level(value)?), "a rule says one thing")?;
            }
            _ => return Err(unknown(key, &KEYS)),
        }
    }
    let Some((_, says)) = says else {
        let reason =
            "this rule says nothing; add verdict = \"deny\", verdict = \"allow\", at_most or initially";
        return Err((place, reason.to_owned()));
    };
    rule.who = who.map_or(Who::Everyone, |(_, who)| who);
    rule.says = says;
    Ok(rule)
}

/// As it stands in the text, so that the first fault is the one that is told.
fn in_order<'t, 'i>(table: &'t DeTable<'i>) -> Vec<(&'t Key<'i>, &'t Value<'i>)> {
    let mut all: Vec<_> = table.iter().collect();
    all.sort_by_key(|(key, _)| key.span().start);
    all
}

/// Sets what only one key of a rule can set.
fn once<T>(
    place: &mut Option<(&'static str, T)>,
    key: &Key<'_>,
    name: &'static str,
    value: T,
    why: &str,
) -> Result<(), Fault> {
    match place.replace((name, value)) {
        Some((other, _)) => Err((key.span(), format!("{why}, this one has both {other} and {name}"))),
        None => Ok(()),
    }
}

fn string<'v>(value: &'v Value<'_>) -> Result<&'v str, Fault> {
    let kind = value.get_ref().type_str();
    value
        .get_ref()
        .as_str()
        .ok_or_else(|| (value.span(), format!("write this in quotes; it is of type {kind}")))
}

fn parsed<T: FromStr<Err: std::fmt::Display>>(value: &Value<'_>) -> Result<T, Fault> {
    string(value)?.parse().map_err(|error: T::Err| (value.span(), error.to_string()))
}

fn kind(value: &Value<'_>) -> Result<Kind, Fault> {
    let word = string(value)?;
    Kind::from_name(word).ok_or_else(|| (value.span(), no_such("kind", word, &Kind::ALL.map(Kind::name))))
}

fn host(value: &Value<'_>) -> Result<Host, Fault> {
    let text = string(value)?;
    // People know `*.example.org`; a name stands for all names under it anyway.
    Host::parse(text.strip_prefix("*.").unwrap_or(text)).map_err(|error| (value.span(), error.to_string()))
}

fn zone(value: &Value<'_>) -> Result<Zone, Fault> {
    let word = string(value)?;
    let found = ZONES.iter().find(|(name, _)| *name == word);
    found.map(|(_, zone)| *zone).ok_or_else(|| (value.span(), no_such("zone", word, &ZONES.map(|(n, _)| n))))
}

fn level(value: &Value<'_>) -> Result<Level, Fault> {
    let word = string(value)?;
    Level::from_name(word).ok_or_else(|| (value.span(), no_such("level", word, &LEVELS)))
}

fn verdict(value: &Value<'_>) -> Result<Says, Fault> {
    match string(value)? {
        "allow" => Ok(Says::Allow),
        "deny" => Ok(Says::Deny),
        word => Err((value.span(), no_such("verdict", word, &["allow", "deny"]))),
    }
}

fn unknown(key: &Key<'_>, known: &[&str]) -> Fault {
    (key.span(), no_such("key", key.get_ref(), known))
}

fn no_such(what: &str, word: &str, known: &[&str]) -> String {
    // It goes to a terminal and a log: cut, and nothing in it moves a cursor.
    let shown: String = word.chars().take(40).flat_map(char::escape_debug).collect();
    let nearest = known
        .iter()
        .filter(|_| word.len() <= 40)
        .map(|k| (strsim::damerau_levenshtein(word, k), k))
        .filter(|(distance, k)| *distance <= 1 + k.len() / 3)
        .min_by_key(|(distance, _)| *distance);
    match nearest {
        Some((_, near)) => format!("there is no {what} \"{shown}\"; did you mean \"{near}\"?"),
        None => format!("there is no {what} \"{shown}\"; there is {}", known.join(", ")),
    }
}
