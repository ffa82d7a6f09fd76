// SPDX-License-Identifier: GPL-3.0-or-later
//! Rules from files: what an administrator or the person laid down before anybody asked.
//!
//! In: [`Rule`]s in the order of their files. Out: [`AdminRules`], indexed so that looking one request up
//! costs a few hash look-ups, however many rules there are: rules are found by subject and kind, host
//! names by walking their labels.
//!
//! A deny can't be overridden by any grant or level; an allow of the rules yields to every deny.

use crate::table::{KindRules, Number, Said};
use crate::{Host, Kind, Level, Levels, Resource, Zone};
use cofferdam_ids::{AppId, NameError, VmId};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;

/// A name, or the start of one with `*` behind it. `*` alone is every name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Glob {
    /// This name.
    Exact(String),
    /// Every name that starts so.
    Prefix(String),
}

impl FromStr for Glob {
    type Err = NameError;
    fn from_str(raw: &str) -> Result<Self, NameError> {
        match raw.strip_suffix('*') {
            Some("") => Ok(Self::Prefix(String::new())),
            Some(start) => AppId::from_str(start).map(|_| Self::Prefix(start.to_owned())),
            None => AppId::from_str(raw).map(|_| Self::Exact(raw.to_owned())),
        }
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Prefix(start) => write!(f, "{start}*"),
        }
    }
}

/// Whom a rule speaks about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Who {
    /// Every VM.
    Everyone,
    /// The VMs of these apps.
    App(Glob),
    /// These VMs.
    Vm(Glob),
}

/// Whose file a rule stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// The administrator's.
    Admin,
    /// The person's own.
    Person,
}

/// What a rule says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Says {
    /// No, whatever anybody else says.
    Deny,
    /// Yes without a question, unless something else says no. Without a zone it speaks of the Internet only.
    Allow,
    /// The level can't be more open than this.
    AtMost(Level),
    /// The level as long as nobody chose one.
    Initially(Level),
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Where it stands, for explanations: `10-fleet.toml, line 4`.
    pub name: String,
    /// Whose it is.
    pub origin: Origin,
    /// Whom it speaks about.
    pub who: Who,
    /// About which kind; none is every kind, or the network if there is a host or zone.
    pub kind: Option<Kind>,
    /// Only about this host; a name stands for all names under it too.
    pub host: Option<Host>,
    /// Only about this zone.
    pub zone: Option<Zone>,
    /// What it says.
    pub says: Says,
}

/// Why a set of rules is refused: which rule, counted from 0, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct RuleError {
    /// The rule's place in the list.
    pub index: usize,
    /// What is wrong with it.
    pub why: RuleFault,
}

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleFault {
    /// A host or a zone, but not the network.
    #[error("only network rules can name a host or a zone, this one is about {0}")]
    NotNetwork(Kind),
    /// A level for a single host or zone.
    #[error("a level is for a whole kind; for a host or zone say \"allow\" or \"deny\"")]
    LevelOfPart,
    /// An allow for everything at once.
    #[error("\"allow\" has to name a kind, such as \"network\"")]
    AllowsEverything,
    /// A level that the kind does not have.
    #[error("{kind} has no level \"{level}\"; it has {}", names(*kind))]
    NoSuchLevel {
        /// The kind.
        kind: Kind,
        /// The level.
        level: Level,
    },
    /// More rules than can be counted.
    #[error("there are too many rules")]
    TooMany,
}

fn names(kind: Kind) -> String {
    Levels::of(kind).iter().map(|l| l.name()).collect::<Vec<_>>().join(", ")
}

/// All rules, ready to be asked. The default is none.
#[derive(Debug, Clone, Default)]
pub struct AdminRules {
    rules: Vec<Rule>,
    subjects: HashMap<Who, usize>,
    /// For each subject, a table a kind.
    tables: Vec<BTreeMap<Kind, KindRules>>,
}

impl AdminRules {
    /// Puts rules in order. Where two say the same, the first is the one that explanations name.
    ///
    /// # Errors
    /// If one of them makes no sense; nothing is accepted then.
    pub fn new(rules: Vec<Rule>) -> Result<Self, RuleError> {
        let mut built = Self::default();
        for (index, rule) in rules.iter().enumerate() {
            let fault = |why| RuleError { index, why };
            check(rule).map_err(fault)?;
            let number = u32::try_from(index).ok().and_then(|n| Number::MIN.checked_add(n));
            built.index(number.ok_or(fault(RuleFault::TooMany))?, rule);
        }
        built.rules = rules;
        Ok(built)
    }

    fn index(&mut self, number: Number, rule: &Rule) {
        let fresh = self.tables.len();
        let subject = *self.subjects.entry(rule.who.clone()).or_insert(fresh);
        if subject == fresh {
            self.tables.push(BTreeMap::new());
        }
        let Some(tables) = self.tables.get_mut(subject) else { return };
        let narrow = rule.host.is_some() || rule.zone.is_some();
        let kind = rule.kind.or(narrow.then_some(Kind::Network));
        for kind in Kind::ALL.into_iter().filter(|k| kind.is_none_or(|only| only == *k)) {
            tables.entry(kind).or_default().add(number, kind, rule);
        }
    }

    /// How many rules there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The rule of this number.
    pub(crate) fn rule(&self, number: Number) -> Option<&Rule> {
        let index = number.get().checked_sub(1)?;
        usize::try_from(index).ok().and_then(|n| self.rules.get(n))
    }

    /// The subjects that rules name and that this VM is, the most exact first. Done once for a VM.
    pub(crate) fn subjects_of(&self, vm: &VmId, app: &AppId) -> Vec<usize> {
        let mut found = Vec::new();
        if self.subjects.is_empty() {
            return found;
        }
        self.named(vm.as_str(), Who::Vm, &mut found);
        self.named(app.as_str(), Who::App, &mut found);
        found.extend(self.subjects.get(&Who::Everyone));
        found
    }

    fn named(&self, name: &str, who: impl Fn(Glob) -> Who, found: &mut Vec<usize>) {
        found.extend(self.subjects.get(&who(Glob::Exact(name.to_owned()))));
        for end in (0..=name.len()).rev() {
            let Some(start) = name.get(..end) else { continue };
            found.extend(self.subjects.get(&who(Glob::Prefix(start.to_owned()))));
        }
    }

    /// What the rules about these subjects say to `resource`.
    pub(crate) fn about(&self, subjects: &[usize], resource: &Resource) -> Said {
        let mut said = Said::default();
        for table in self.tables_of(subjects, resource.kind()) {
            table.levels(&mut said);
            table.verdicts(resource, &mut said);
        }
        said
    }

    /// What they say about the level of a kind.
    pub(crate) fn levels(&self, subjects: &[usize], kind: Kind) -> Said {
        let mut said = Said::default();
        for table in self.tables_of(subjects, kind) {
            table.levels(&mut said);
        }
        said
    }

    fn tables_of(&self, subjects: &[usize], kind: Kind) -> impl Iterator<Item = &KindRules> {
        subjects.iter().filter_map(move |subject| self.tables.get(*subject)?.get(&kind))
    }
}

fn check(rule: &Rule) -> Result<(), RuleFault> {
    let narrow = rule.host.is_some() || rule.zone.is_some();
    if let Some(kind) = rule.kind.filter(|k| narrow && *k != Kind::Network) {
        return Err(RuleFault::NotNetwork(kind));
    }
    match rule.says {
        Says::Deny => Ok(()),
        Says::Allow if rule.kind.is_none() && !narrow => Err(RuleFault::AllowsEverything),
        Says::Allow => Ok(()),
        Says::AtMost(_) | Says::Initially(_) if narrow => Err(RuleFault::LevelOfPart),
        Says::AtMost(level) | Says::Initially(level) => match rule.kind {
            Some(kind) if !Levels::of(kind).contains(&level) => Err(RuleFault::NoSuchLevel { kind, level }),
            _ => Ok(()),
        },
    }
}
