// SPDX-License-Identifier: GPL-3.0-or-later
//! What a surface says to those who can't see it.
//!
//! In: a window with a component. Out: its accessible elements from top to bottom, with names, values and
//! places, as scenarios and tests read them.

use crate::platform::Canvas;
use cofferdam_bus::panel::Element;
use i_slint_core::accessibility::{
    AccessibleStringProperty, accessible_descendents, nearest_accessible_item,
};
use i_slint_core::item_tree::ItemRc;
use i_slint_core::items::AccessibleRole;
use i_slint_core::window::{WindowAdapter as _, WindowInner};

/// All elements of a window, those that are scrolled out of sight too.
#[must_use]
pub fn elements(canvas: &Canvas, surface: &str) -> Vec<Element> {
    let window = WindowInner::from_pub(canvas.window());
    let Some(component) = window.try_component() else { return Vec::new() };
    window.ensure_tree_instantiated();
    let focus = window.focus_item.borrow().upgrade().map(nearest_accessible_item);
    let mut found = Vec::new();
    gather(&ItemRc::new_root(component), surface, focus.as_ref(), &mut found);
    found
}

/// Whether something in a window has the focus. What had it may have been taken away with its line.
#[must_use]
pub fn has_focus(canvas: &Canvas) -> bool {
    let window = WindowInner::from_pub(canvas.window());
    window.ensure_tree_instantiated();
    window.focus_item.borrow().upgrade().is_some()
}

fn gather(item: &ItemRc, surface: &str, focus: Option<&ItemRc>, found: &mut Vec<Element>) {
    for child in accessible_descendents(item) {
        found.push(element(&child, surface, focus));
        gather(&child, surface, focus, found);
    }
}

fn element(item: &ItemRc, surface: &str, focus: Option<&ItemRc>) -> Element {
    let text = |what| item.accessible_string_property(what).map(|t| t.to_string());
    let value = text(AccessibleStringProperty::Value)
        .or_else(|| {
            let checkable = text(AccessibleStringProperty::Checkable).is_some_and(|t| t == "true");
            text(AccessibleStringProperty::Checked).filter(|_| checkable)
        })
        .or_else(|| text(AccessibleStringProperty::Description));
    let geometry = item.geometry();
    let place = item.map_to_window(geometry.origin);
    Element {
        surface: surface.to_owned(),
        role: role_name(item.accessible_role()).to_owned(),
        label: text(AccessibleStringProperty::Label).unwrap_or_default(),
        value: value.unwrap_or_default(),
        x: f64::from(place.x),
        y: f64::from(place.y),
        w: f64::from(geometry.width()),
        h: f64::from(geometry.height()),
        seen: item.is_visible(),
        enabled: text(AccessibleStringProperty::Enabled).is_none_or(|t| t == "true"),
        focused: focus == Some(item),
    }
}

fn role_name(role: AccessibleRole) -> &'static str {
    match role {
        AccessibleRole::Button => "button",
        AccessibleRole::List => "list",
        AccessibleRole::ListItem => "list-item",
        AccessibleRole::Main => "main",
        AccessibleRole::RadioButton => "radio-button",
        AccessibleRole::RadioGroup => "radio-group",
        AccessibleRole::Switch => "switch",
        AccessibleRole::TextInput => "text-input",
        AccessibleRole::Text => "text",
        _ => "none",
    }
}
