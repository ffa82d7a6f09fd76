// SPDX-License-Identifier: GPL-3.0-or-later
//! What the screen is told of pastes and drops before anybody asks. In: levels. Out: a word when nothing
//! can cross any more, and one when it can again.

use crate::desk::{Desk, vm};
use cofferdam_monitor_core::{Effect, Input, Order};
use cofferdam_monitor_wire::screen::ToScreen;
use cofferdam_policy::{Kind, Level};

fn told(effects: &[Effect]) -> Vec<(bool, bool)> {
    let crossing = |effect: &Effect| match effect {
        Effect::Screen(ToScreen::Crossings { vm: of, paste, drop }) => {
            assert_eq!(*of, vm("mail"));
            Some((*paste, *drop))
        }
        _ => None,
    };
    effects.iter().filter_map(crossing).collect()
}

#[test]
fn the_screen_knows_where_nothing_can_cross() {
    let mut desk = Desk::new();
    let _mail = desk.vm("mail");
    let mut set = |kind, level| {
        let (_, effects) = desk.begin(Order::SetLevel { vm: vm("mail"), kind, level });
        told(&effects)
    };
    assert_eq!(set(Kind::Clipboard, Level::Listed), []);
    assert_eq!(set(Kind::Clipboard, Level::Off), [(false, true)]);
    assert_eq!(set(Kind::DragAndDrop, Level::Off), [(false, false)]);
    assert_eq!(set(Kind::Clipboard, Level::Ask), [(true, false)]);
    // A compositor that comes back is told anew.
    desk.tell(Input::ScreenDown);
    assert_eq!(told(&desk.tell(Input::ScreenUp)), [(true, false)]);
}
