// SPDX-License-Identifier: GPL-3.0-or-later
//! The rules about one subject and one kind, indexed.
//!
//! In: rules, one by one. Out: what they [`Said`] about a request, found by zone, by address and by the
//! labels of a host name, without walking the rules.

use crate::admin::{Origin, Rule, Says};
use crate::{Contact, Host, Kind, Level, Levels, Resource, Zone};
use core::net::IpAddr;
use std::collections::HashMap;
use std::num::NonZeroU32;

/// A rule's place among all, counted from 1, so that none costs no room: the cells of a name and the name
/// fit into one line of a processor's cache.
pub(crate) type Number = NonZeroU32;

/// What rules say to a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) deny_admin: Option<Number>,
    pub(crate) deny_person: Option<Number>,
    pub(crate) allow: Option<Number>,
    pub(crate) most: Option<(Level, Number)>,
    pub(crate) initial: Option<(Level, Number)>,
}

/// What rules say to one thing.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    deny_admin: Option<Number>,
    deny_person: Option<Number>,
    allow: Option<Number>,
}

impl Cell {
    fn set(&mut self, number: Number, rule: &Rule) {
        let place = match (rule.says, rule.origin) {
            (Says::Deny, Origin::Admin) => &mut self.deny_admin,
            (Says::Deny, Origin::Person) => &mut self.deny_person,
            _ => &mut self.allow,
        };
        place.get_or_insert(number);
    }

    fn tell(&self, said: &mut Said) {
        said.deny_admin = said.deny_admin.or(self.deny_admin);
        said.deny_person = said.deny_person.or(self.deny_person);
        said.allow = said.allow.or(self.allow);
    }
}

/// A cell a zone.
type Cells = [Cell; 4];

fn cell(cells: &Cells, zone: Zone) -> &Cell {
    let [internet, local, host, vm] = cells;
    match zone {
        Zone::Internet => internet,
        Zone::Local => local,
        Zone::Host => host,
        Zone::Vm => vm,
    }
}

/// Writes a rule into the cells of the zones it speaks of.
fn write(cells: &mut Cells, number: Number, rule: &Rule) {
    let allow = rule.says == Says::Allow;
    for (zone, cell) in Zone::ALL.into_iter().zip(cells) {
        // Without a zone a deny is about all of them, and an allow about the Internet only.
        if rule.zone.map_or(!allow || zone == Zone::Internet, |only| only == zone) {
            cell.set(number, rule);
        }
    }
}

/// All rules about one subject and one kind.
#[derive(Debug, Clone, Default)]
pub(crate) struct KindRules {
    most: Option<(Level, Number)>,
    /// The person's wish, then the administrator's.
    initial: [Option<(Level, Number)>; 2],
    /// Kinds other than the network use the first cell only.
    whole: Cells,
    names: HashMap<Box<str>, Cells>,
    addresses: HashMap<IpAddr, Cells>,
    /// Bit n is set if `names` has a name of n labels.
    depths: u128,
}

impl KindRules {
    pub(crate) fn add(&mut self, number: Number, kind: Kind, rule: &Rule) {
        match (rule.says, &rule.host) {
            (Says::AtMost(level), _) => {
                let level = Levels::fit(kind, level);
                if self.most.is_none_or(|(old, _)| level.rank() < old.rank()) {
                    self.most = Some((level, number));
                }
            }
            (Says::Initially(level), _) => {
                let [person, admin] = &mut self.initial;
                let place = if rule.origin == Origin::Person { person } else { admin };
                place.get_or_insert((Levels::fit(kind, level), number));
            }
            (_, None) if kind == Kind::Network => write(&mut self.whole, number, rule),
            (_, None) => {
                let [first, ..] = &mut self.whole;
                first.set(number, rule);
            }
            (_, Some(Host::Name(name))) => {
                let depth = u32::try_from(name.split('.').count()).unwrap_or(u32::MAX);
                self.depths |= 1u128.checked_shl(depth).unwrap_or(0);
                write(self.names.entry(name.as_str().into()).or_default(), number, rule);
            }
            (_, Some(Host::Addr(address))) => {
                write(self.addresses.entry(*address).or_default(), number, rule);
            }
        }
    }

    pub(crate) fn levels(&self, said: &mut Said) {
        if let Some((level, number)) = self.most
            && said.most.is_none_or(|(old, _)| level.rank() < old.rank())
        {
            said.most = Some((level, number));
        }
        let [person, admin] = self.initial;
        said.initial = said.initial.or(person).or(admin);
    }

    pub(crate) fn verdicts(&self, resource: &Resource, said: &mut Said) {
        let Resource::Network(contact) = resource else {
            let [first, ..] = &self.whole;
            return first.tell(said);
        };
        match &contact.host {
            Host::Name(name) => self.name(name, contact, said),
            Host::Addr(address) => {
                if let Some(cells) = self.addresses.get(address) {
                    cell(cells, contact.zone).tell(said);
                }
            }
        }
        cell(&self.whole, contact.zone).tell(said);
    }

    /// The name itself, then what it lies under, label by label; only as deep as some rule is.
    fn name(&self, name: &str, contact: &Contact, said: &mut Said) {
        if self.depths == 0 {
            return;
        }
        let mut depth = name.bytes().filter(|b| *b == b'.').count().saturating_add(1);
        let mut rest = name;
        loop {
            let known =
                u32::try_from(depth).ok().and_then(|d| self.depths.checked_shr(d)).unwrap_or(0) & 1 == 1;
            if known && let Some(cells) = self.names.get(rest) {
                cell(cells, contact.zone).tell(said);
            }
            match rest.split_once('.') {
                Some((_, parent)) => rest = parent,
                None => return,
            }
            depth = depth.saturating_sub(1);
        }
    }
}
