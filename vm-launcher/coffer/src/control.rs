// SPDX-License-Identifier: GPL-3.0-or-later
//! The compositor, asked from an event loop. In: requests. Out: replies. The client blocks, so it is lent to
//! a thread for each call.

#![expect(clippy::disallowed_methods, reason = "the compositor's answer is waited for beside the loop")]

use crate::error::{Error, file};
use cofferdam_control::client::Client;
use cofferdam_control::desktop::{Reply, Request, WindowInfo};
use cofferdam_kit::paths::Paths;
use std::fs::File;
use std::io::{BufWriter, Read as _, Seek as _};
use std::os::fd::OwnedFd;
use std::path::Path;

/// A connection to a desktop.
#[derive(Debug)]
pub(crate) struct Control(Option<Client>);

impl Control {
    /// Connects to the desktop at `paths`.
    pub(crate) fn connect(paths: &Paths) -> Result<Self, Error> {
        let client = Client::connect(&paths.compositor()).map_err(|_refused| {
            Error::Plain(format!(
                "no desktop called {:?} runs; start one with `coffer desktop`",
                paths.desktop
            ))
        })?;
        Ok(Self(Some(client)))
    }

    /// Asks.
    pub(crate) async fn call(&mut self, request: Request) -> Result<(Reply, Vec<OwnedFd>), Error> {
        let gone = || Error::Plain("the connection to the desktop was lost".to_owned());
        let mut client = self.0.take().ok_or_else(gone)?;
        let called = tokio::task::spawn_blocking(move || {
            let result = client.call(request, &[]);
            (client, result)
        });
        let (client, result) = called.await.map_err(|_panicked| gone())?;
        self.0 = Some(client);
        Ok(result?)
    }

    /// All windows, lowest first.
    pub(crate) async fn windows(&mut self) -> Result<Vec<WindowInfo>, Error> {
        match self.call(Request::Windows).await?.0 {
            Reply::Windows(windows) => Ok(windows),
            other => Err(odd(&other)),
        }
    }

    /// A picture of `output`, or of the first one.
    pub(crate) async fn picture(&mut self, output: Option<String>) -> Result<Picture, Error> {
        let (reply, fds) = self.call(Request::Screenshot { output }).await?;
        let (&Reply::Image { width, height, .. }, Some(fd)) = (&reply, fds.into_iter().next()) else {
            return Err(odd(&reply));
        };
        let length = u64::from(width) * u64::from(height) * 4;
        let mut rgba = Vec::new();
        let mut memfd = File::from(fd);
        memfd.rewind().and_then(|()| memfd.take(length).read_to_end(&mut rgba)).map_err(file("picture"))?;
        Ok(Picture { width, height, rgba })
    }
}

/// What an output shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Picture {
    width: u32,
    height: u32,
    rgba: Vec<u8>,
}

impl Picture {
    /// How much of the picture differs from `other`, from 0 to 1.
    pub(crate) fn difference(&self, other: &Self) -> f64 {
        if (self.width, self.height) != (other.width, other.height) || self.rgba.is_empty() {
            return 1.0;
        }
        let (ours, theirs) = (self.rgba.as_chunks::<4>().0, other.rgba.as_chunks::<4>().0);
        let different = ours.iter().zip(theirs).filter(|(a, b)| a != b).count();
        // Far fewer pixels than a float can count.
        #[allow(clippy::cast_precision_loss)]
        let share = different as f64 / ours.len() as f64;
        share
    }

    /// Writes it as PNG.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Error> {
        let out = File::create(path).map_err(file(path))?;
        let mut encoder = png::Encoder::new(BufWriter::new(out), self.width, self.height);
        encoder.set_color(png::ColorType::Rgba);
        encoder.set_depth(png::BitDepth::Eight);
        let written = encoder.write_header().and_then(|mut writer| {
            writer.write_image_data(&self.rgba)?;
            writer.finish()
        });
        written.map_err(|error| file(path)(error.into()))
    }
}

fn odd(reply: &Reply) -> Error {
    Error::Plain(format!("the desktop gave an answer that fits no question: {reply:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_shares_of_the_picture() {
        let picture = |rgba: &[u8]| Picture { width: 2, height: 2, rgba: rgba.to_vec() };
        let black = picture(&[0; 16]);
        let mut one = [0; 16];
        one[5] = 1;
        for (other, expected) in [(black.clone(), 0.0), (picture(&one), 0.25), (picture(&[9; 16]), 1.0)] {
            assert!((black.difference(&other) - expected).abs() < 1e-9);
        }
        assert!((Picture::default().difference(&black) - 1.0).abs() < 1e-9);
    }
}
