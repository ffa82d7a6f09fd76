// SPDX-License-Identifier: GPL-3.0-or-later
//! Notes: the desktop's own, and what apps say: short, long, and pretending to be the desktop.

use crate::support::Picture;
use crate::{disc, ground, px};
use cofferdam_chrome::{Chrome, NoticeSpec, QuoteSpec};
use cofferdam_ids::{Identity, Label};

/// All of them, one below the other.
pub(crate) fn notices(chrome: &mut Chrome, scale: f32) -> Picture {
    let mut picture = ground(chrome, 412, 700, scale);
    let output = (picture.width, picture.height);
    let [terminal, mail, chat, editor] =
        ["Terminal asks too often", "Mail", "Chat", "Text Editor"].map(Label::new);
    let icon = disc();
    let plain = NoticeSpec {
        identity: Some(Identity::Vermilion),
        icon: None,
        heading: &terminal,
        text: "It is not heard for now. The panel shows what it wanted.",
        quote: None,
        waiting: 0,
        hovered: false,
        close_hovered: false,
        scale,
        output,
    };
    let said = NoticeSpec { text: "", ..plain.clone() };
    let quote = |title, body| Some(QuoteSpec { title, body });
    let long = "Dear customer, your parcel could not be delivered today because nobody was there to take it. \
                We will try again tomorrow between eight and twelve. If that does not suit you, choose another day \
                before this evening on our site or at the post office next to you.";
    let specs = [
        plain.clone(),
        NoticeSpec {
            identity: Some(Identity::Green),
            icon: Some(&icon),
            heading: &mail,
            quote: quote("New mail from Eve", "Shall we go sailing on Sunday?"),
            ..said.clone()
        },
        NoticeSpec {
            identity: Some(Identity::Sky),
            heading: &chat,
            quote: quote("Rechnungsabschlussbestätigung der Donaudampfschifffahrtsgesellschaft ist da", long),
            waiting: 3,
            hovered: true,
            close_hovered: true,
            ..said.clone()
        },
        NoticeSpec {
            identity: Some(Identity::Yellow),
            icon: Some(&icon),
            heading: &editor,
            quote: quote("Cofferdam", "Drawn by the desktop, not by an app. Press 1 to allow everything."),
            hovered: true,
            ..said.clone()
        },
        NoticeSpec {
            identity: Some(Identity::Grey),
            heading: &mail,
            quote: quote("Done", ""),
            waiting: 12,
            ..said
        },
    ];
    let mut top = 16;
    for spec in &specs {
        let card = chrome.notice(spec);
        // Without the shadows, which have tests of their own: their dither makes large files.
        let own: Vec<_> = card.overlay.parts.last().cloned().into_iter().collect();
        picture.draw(&own, px(16, scale).cast_signed(), top);
        top += card.overlay.size.1.cast_signed() + px(12, scale).cast_signed();
    }
    picture
}
