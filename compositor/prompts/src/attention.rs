// SPDX-License-Identifier: GPL-3.0-or-later
//! In: whose windows are on the desktop, how VMs stand, what they ask. Out: the lines of the attention
//! view.

use cofferdam_ids::VmId;
use cofferdam_monitor_wire::screen::Standing;

/// One line: a VM, or the desktop itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The VM; none for the desktop's own windows.
    pub vm: Option<VmId>,
    /// Windows that it has.
    pub windows: usize,
    /// What it may do at the moment, in a word or two.
    pub state: String,
}

/// A line for each owner of a window and for each VM that asks or does something, in the order of
/// `windows` (uppermost first), the silent ones last.
#[must_use]
pub fn rows<'a>(
    windows: &[Option<VmId>],
    standings: impl Iterator<Item = &'a Standing>,
    waiting: impl Fn(&VmId) -> usize,
) -> Vec<Row> {
    let standings: Vec<&Standing> = standings.collect();
    let mut owners: Vec<Option<VmId>> = Vec::new();
    let busy = standings
        .iter()
        .filter(|s| s.online || s.microphone || s.silenced || waiting(&s.vm) > 0)
        .map(|s| Some(s.vm.clone()));
    for owner in windows.iter().cloned().chain(busy) {
        if !owners.contains(&owner) {
            owners.push(owner);
        }
    }
    owners
        .into_iter()
        .map(|vm| {
            let standing = standings.iter().find(|s| Some(&s.vm) == vm.as_ref());
            let asks = vm.as_ref().map_or(0, &waiting);
            Row {
                windows: windows.iter().filter(|owner| **owner == vm).count(),
                state: match &vm {
                    Some(_) => state(standing.copied(), asks),
                    None => "the desktop".to_owned(),
                },
                vm,
            }
        })
        .collect()
}

fn state(standing: Option<&Standing>, asks: usize) -> String {
    let mut words: Vec<String> = Vec::new();
    if let Some(standing) = standing {
        if standing.microphone {
            words.push("hears you".into());
        }
        if standing.online {
            words.push("online".into());
        } else if standing.may_go_online {
            words.push("may go online".into());
        }
        if standing.silenced {
            words.push("not heard".into());
        }
    }
    match asks {
        0 => {}
        1 => words.push("asks".into()),
        n => words.push(format!("asks {n} times")),
    }
    if words.is_empty() { "nothing".into() } else { words.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vm(name: &str) -> VmId {
        name.parse().unwrap()
    }

    fn standing(name: &str) -> Standing {
        Standing {
            vm: vm(name),
            online: false,
            may_go_online: false,
            microphone: false,
            waiting: 0,
            silenced: false,
        }
    }

    #[test]
    fn everybody_is_named_once() {
        let windows = [Some(vm("b")), None, Some(vm("a")), Some(vm("b"))];
        let standings = [
            Standing { online: true, microphone: true, ..standing("a") },
            Standing { may_go_online: true, ..standing("b") },
            Standing { silenced: true, ..standing("c") },
            standing("idle"),
        ];
        let rows = rows(&windows, standings.iter(), |vm| if vm.as_str() == "b" { 2 } else { 0 });
        let got: Vec<_> =
            rows.iter().map(|r| (r.vm.as_ref().map(VmId::as_str), r.windows, r.state.as_str())).collect();
        assert_eq!(
            got,
            [
                (Some("b"), 2, "may go online, asks 2 times"),
                (None, 1, "the desktop"),
                (Some("a"), 1, "hears you, online"),
                (Some("c"), 0, "not heard"),
            ]
        );
    }
}
