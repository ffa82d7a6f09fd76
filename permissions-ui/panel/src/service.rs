// SPDX-License-Identifier: GPL-3.0-or-later
//! `org.cofferdam.Panel1`: what the surfaces show, for scenarios.
//!
//! In: a call on the session bus. Out: a question on a channel, which the program answers once it has
//! drawn; and a signal after each drawing. Nothing can be done through it: clicks and keys come from the
//! compositor alone.

use cofferdam_bus::panel::{Element, NAME, PATH};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use zbus::object_server::{InterfaceRef, SignalEmitter};
use zbus::{Connection, fdo};

/// Somebody wants to know what is shown.
pub type Caller = oneshot::Sender<Vec<Element>>;

/// The D-Bus object.
#[derive(Debug)]
struct Object {
    questions: UnboundedSender<Caller>,
}

#[zbus::interface(name = "org.cofferdam.Panel1")]
impl Object {
    async fn elements(&self) -> fdo::Result<Vec<Element>> {
        let gone = || fdo::Error::Failed("the panel is shutting down".to_owned());
        let (answer, wait) = oneshot::channel();
        self.questions.send(answer).map_err(|_gone| gone())?;
        wait.await.map_err(|_gone| gone())
    }

    #[zbus(signal)]
    async fn changed(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;
}

/// The service as the program holds it.
pub struct Service {
    object: InterfaceRef<Object>,
    /// Questions that wait.
    pub questions: UnboundedReceiver<Caller>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").finish_non_exhaustive()
    }
}

impl Service {
    /// Serves on `connection`.
    ///
    /// # Errors
    /// If another panel does.
    pub async fn start(connection: &Connection) -> zbus::Result<Self> {
        let (asker, questions) = unbounded_channel();
        connection.object_server().at(PATH, Object { questions: asker }).await?;
        connection.request_name(NAME).await?;
        let object = connection.object_server().interface::<_, Object>(PATH).await?;
        Ok(Self { object, questions })
    }

    /// Says that something else is shown.
    pub fn say_changed(&self) {
        let object = self.object.clone();
        tokio::spawn(async move {
            if let Err(error) = Object::changed(object.signal_emitter()).await {
                tracing::debug!(%error, "nobody heard that something changed");
            }
        });
    }
}
