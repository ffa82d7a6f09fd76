// SPDX-License-Identifier: GPL-3.0-or-later
//! Portals whose answer is short. In: calls. Out: "no" for the guest's hardware and for pictures of the
//! screen, and the one program of the guest that opens addresses.

use super::link::Link;
use super::{OTHER, Options, Response, SUCCESS, request, value};
use crate::local::{Outcome, file_uri};
use cofferdam_agent_wire::PortalWish;
use zbus::ObjectPath;
use zbus::{ObjectServer, fdo};

/// The desktop file whose program asks the host.
const OPENER: &str = "cofferdam-open";

/// Questions that the frontend would ask by itself, about cameras and places: the guest has none.
pub(super) struct Access;

#[zbus::interface(name = "org.freedesktop.impl.portal.Access")]
impl Access {
    #[expect(clippy::too_many_arguments, reason = "the interface has that many")]
    fn access_dialog(
        &self,
        _handle: ObjectPath<'_>,
        _app_id: &str,
        _parent_window: &str,
        _title: &str,
        _subtitle: &str,
        _body: &str,
        _options: Options,
    ) -> Response {
        (OTHER, Options::new())
    }
}

/// Which program of the guest opens something: the host asks which app, so there is nothing to ask here.
pub(super) struct AppChooser;

#[zbus::interface(name = "org.freedesktop.impl.portal.AppChooser")]
impl AppChooser {
    fn choose_application(
        &self,
        _handle: ObjectPath<'_>,
        _app_id: &str,
        _parent_window: &str,
        choices: Vec<String>,
        _options: Options,
    ) -> Response {
        let Some(choice) = choices.iter().find(|c| *c == OPENER).or(choices.first()) else {
            return (OTHER, Options::new());
        };
        (SUCCESS, value(choice.as_str()).map(|v| ("choice".to_owned(), v)).into_iter().collect())
    }

    fn update_choices(&self, _handle: ObjectPath<'_>, _choices: Vec<String>) {}
}

/// Pictures of the screen.
pub(super) struct Screenshot {
    pub(super) link: Link,
}

#[zbus::interface(name = "org.freedesktop.impl.portal.Screenshot")]
impl Screenshot {
    async fn screenshot(
        &self,
        handle: ObjectPath<'_>,
        _app_id: &str,
        _parent_window: &str,
        _options: Options,
        #[zbus(object_server)] server: &ObjectServer,
    ) -> fdo::Result<Response> {
        Ok(match request::ask(server, &handle, &self.link, PortalWish::Screenshot).await? {
            Some(Outcome::File { path, .. }) => {
                let uri = value(file_uri(&path)).map(|v| ("uri".to_owned(), v));
                (SUCCESS, uri.into_iter().collect())
            }
            _ => (OTHER, Options::new()),
        })
    }

    fn pick_color(
        &self,
        _handle: ObjectPath<'_>,
        _app_id: &str,
        _parent_window: &str,
        _options: Options,
    ) -> Response {
        (OTHER, Options::new())
    }
}
