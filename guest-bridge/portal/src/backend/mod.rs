// SPDX-License-Identifier: GPL-3.0-or-later
//! The portal backend of the guest. In: calls of xdg-desktop-portal on the session bus, which starts it for
//! the first one. Out: wishes for the agent, and their outcomes as the portals' specification has them.

mod chooser;
mod inhibit;
mod link;
mod notification;
mod refused;
mod request;
mod settings;

use link::Link;
use std::collections::HashMap;
use std::io::Write as _;
use std::process::ExitCode;
use zbus::OwnedVariant;

/// The name by which the frontend knows us.
const NAME: &str = "org.freedesktop.impl.portal.desktop.cofferdam";
/// The object that serves all portals.
const PATH: &str = "/org/freedesktop/portal/desktop";

/// What comes with a call or an answer.
type Options = HashMap<String, OwnedVariant>;
/// An answer: a code, and results.
type Response = (u32, Options);

/// It was done.
const SUCCESS: u32 = 0;
/// The person said no, or would have.
const CANCELLED: u32 = 1;
/// It ended without anybody being asked.
const OTHER: u32 = 2;

/// Why there is no backend.
#[derive(Debug, thiserror::Error)]
enum BackendError {
    #[error("session bus: {0}")]
    Bus(#[from] zbus::Error),
    #[error("agent: {0}")]
    Agent(#[from] std::io::Error),
}

/// Serves the portals until the bus or the agent goes away.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the program's last word")]
pub fn run() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = runtime.map_err(BackendError::Agent).and_then(|runtime| runtime.block_on(serve()));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The bus's own standard error is the app's.
            let _ = writeln!(std::io::stderr(), "cofferdam portal: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), BackendError> {
    let (link, reader) = Link::open().await?;
    let connection = zbus::connection::Builder::session()
        .serve_at(PATH, chooser::FileChooser { link: link.clone() })
        .serve_at(PATH, inhibit::Inhibit { link: link.clone() })
        .serve_at(PATH, notification::Notification { link: link.clone() })
        .serve_at(PATH, refused::Access)
        .serve_at(PATH, refused::AppChooser)
        .serve_at(PATH, refused::Screenshot { link: link.clone() })
        .serve_at(PATH, settings::Settings { link: link.clone() })
        .name(NAME)
        .build()
        .await?;
    let changes = settings::follow(connection.clone(), link);
    tokio::select! {
        // Without the agent there is nobody to ask; the next call starts a new backend.
        () = reader => Ok(()),
        result = changes => Ok(result?),
        () = connection.closed() => Ok(()),
    }
}

/// A value for the bus; those that we send always fit.
fn value<'v>(value: impl Into<zbus::Variant<'v>>) -> Option<OwnedVariant> {
    value.into().try_to_owned().ok()
}
