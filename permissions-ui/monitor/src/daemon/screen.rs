// SPDX-License-Identifier: GPL-3.0-or-later
//! The way to the compositor. In: where its control socket is. Out: a socket on which it asks and answers;
//! a new one each time a compositor has appeared.

use super::{Event, Inbox};
use cofferdam_kit::packets::Packets;
use cofferdam_kit::transport;
use cofferdam_kit::watch::Watch;
use cofferdam_monitor_wire::MAX_PACKET;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::io;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;

/// Largest packet of the compositor's control socket.
const CONTROL_PACKET: usize = 128 * 1024;

/// The one call that the monitor makes on that socket. All of its language would be more than this is.
#[derive(Debug, Serialize)]
struct Call {
    serial: u64,
    request: &'static str,
}

/// What comes back, as far as it matters: an answer, or something else.
#[derive(Debug, Deserialize)]
struct Said {
    answer: Option<Answer>,
}

#[derive(Debug, Deserialize)]
struct Answer {
    result: Result<IgnoredAny, String>,
}

const SERVE: Call = Call { serial: 1, request: "serve_permissions" };

/// Asked for another compositor: the last one is gone, or was closed.
pub(super) type Lost = mpsc::Receiver<()>;

/// Keeps a compositor served until the daemon ends. `lost` says when the last one is no more.
pub(super) fn keep(path: PathBuf, inbox: Inbox, lost: Lost) -> io::Result<()> {
    let watch = Watch::new(path.parent().unwrap_or(Path::new("/")))?;
    tokio::spawn(async move {
        if let Err(error) = serve(&path, &inbox, lost, &watch).await {
            tracing::error!(%error, "no compositor is looked for any more");
        }
    });
    Ok(())
}

async fn serve(path: &Path, inbox: &Inbox, mut lost: Lost, watch: &Watch) -> io::Result<()> {
    loop {
        // The watch began before, so a compositor that appears in between is not missed.
        match offer(path).await {
            Ok((packets, _control)) => {
                if inbox.send(Event::ScreenUp(packets)).await.is_err() || lost.recv().await.is_none() {
                    return Ok(());
                }
            }
            Err(why) => tracing::info!(why, "no compositor yet"),
        }
        watch.change().await?;
    }
}

/// Hands one end of a pair to the compositor. The control connection is kept as long as the other one.
async fn offer(path: &Path) -> Result<(Packets, Packets), String> {
    let say = |error: &dyn std::fmt::Display| error.to_string();
    let socket = transport::connect(path).map_err(|e| say(&e))?;
    let control = Packets::new(socket, CONTROL_PACKET).map_err(|e| say(&e))?;
    let (ours, theirs) = transport::pair().map_err(|e| say(&e))?;
    control.send(&SERVE, &[theirs.as_fd()]).await.map_err(|e| say(&e))?;
    drop(theirs);
    loop {
        let packet = control.recv::<Said>().await.map_err(|e| say(&e))?;
        if let Some(answer) = packet.ok_or("it closed the connection")?.0.answer {
            answer.result?;
            return Ok((Packets::new(ours, MAX_PACKET).map_err(|e| say(&e))?, control));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_control::desktop;
    use cofferdam_kit::codec::{decode, encode};

    #[test]
    fn the_compositor_understands_and_is_understood() {
        let call: desktop::Call = decode(&encode(&SERVE, CONTROL_PACKET).unwrap()).unwrap();
        assert_eq!((call.serial, call.request), (1, desktop::Request::ServePermissions));
        assert_eq!(CONTROL_PACKET, desktop::MAX_PACKET);
        for (result, fine) in [(Ok(desktop::Reply::Done), true), (Err("no".to_owned()), false)] {
            let answer = desktop::FromCompositor::Answer(desktop::Answer { serial: 1, result });
            let said: Said = decode(&encode(&answer, CONTROL_PACKET).unwrap()).unwrap();
            assert_eq!(said.answer.unwrap().result.is_ok(), fine);
        }
        let event = desktop::Event::WindowClosed { id: desktop::WindowId(4), vm: None };
        let event = desktop::FromCompositor::Event(Box::new(event));
        let said: Said = decode(&encode(&event, CONTROL_PACKET).unwrap()).unwrap();
        assert!(said.answer.is_none());
    }
}
