//! The text of an opened blob: one window, over a whole text or over a stream.
//!
//! Of a stream only the unread text is held. It moves to the front of the memory, and the memory
//! grows only when unread text fills it. So a blob of any size takes no more memory than its largest
//! record. A byte order mark is not text. A UTF-16 mark ends the blob before its first byte.

use std::fmt;
use std::sync::Arc;

use crate::model::problem::Stage;
use crate::model::window::{Cut, Window};

use super::stream::Feed;
use super::terms::{Broken, Compression, Limits};

const UTF8_BOM: [u8; 3] = [0xef, 0xbb, 0xbf];
const UTF16_BOMS: [[u8; 2]; 2] = [[0xff, 0xfe], [0xfe, 0xff]];

/// Text that is all in memory, and what is wrong behind it.
pub(super) struct Ready<'a> {
    pub memory: &'a mut Vec<u8>,
    pub len: usize,
    pub cut: Option<Cut>,
}

/// What is known of a blob beside its text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stats {
    pub kind: Compression,
    pub read: u64,
    pub inflated: u64,
    pub size_on_disk: Option<u64>,
    /// For gzip: how many members have begun, and whether other data follows them.
    pub members: (u64, bool),
    /// How many bytes were read before the first byte of text, if the blob was read whole.
    pub held: Option<u64>,
}

impl Default for Stats {
    fn default() -> Self {
        Stats {
            kind: Compression::Plain,
            read: 0,
            inflated: 0,
            size_on_disk: None,
            members: (0, false),
            held: None,
        }
    }
}

/// A window over the text of an opened blob. See [`Inflater::open`](super::Inflater::open).
pub struct Text<'a> {
    name: Arc<str>,
    memory: &'a mut Vec<u8>,
    /// The unread text is `memory[start..end]`.
    start: usize,
    end: usize,
    /// How much of `memory` is the window; what a larger blob left behind it is not used.
    window: usize,
    max_window: usize,
    /// The offset in the text of `memory[start]`.
    offset: u64,
    /// Where more comes from; `None` once all is there.
    feed: Option<Feed<'a>>,
    /// Reported when the text in view is consumed.
    cut: Option<Cut>,
    bom_open: bool,
    broken: bool,
    stats: Stats,
}

impl<'a> Text<'a> {
    /// Text that is all there.
    pub(super) fn ready(name: &Arc<str>, ready: Ready<'a>, mut stats: Stats) -> Self {
        (stats.read, stats.inflated) = (stats.held.unwrap_or(0), ready.len as u64);
        let mut text = Text {
            name: Arc::clone(name),
            memory: ready.memory,
            start: 0,
            end: ready.len,
            window: ready.len,
            max_window: ready.len,
            offset: 0,
            feed: None,
            cut: ready.cut,
            bom_open: true,
            broken: false,
            stats,
        };
        text.broken = text.cut.is_some();
        text.skip_bom();
        text
    }

    /// Text that comes from `feed`; nothing is read yet.
    pub(super) fn stream(
        name: &Arc<str>,
        limits: &Limits,
        memory: &'a mut Vec<u8>,
        feed: Feed<'a>,
        mut stats: Stats,
    ) -> Self {
        stats.read = stats.held.unwrap_or(0);
        Text {
            name: Arc::clone(name),
            memory,
            start: 0,
            end: 0,
            window: limits.window.max(1),
            max_window: limits.max_window.max(limits.window),
            offset: 0,
            feed: Some(feed),
            cut: None,
            bom_open: true,
            broken: false,
            stats,
        }
    }

    /// The blob's name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// How many bytes were read from the source so far, compressed as they are.
    pub fn bytes_read(&self) -> u64 {
        self.stats.read
    }

    /// How many bytes of text were inflated so far, a byte order mark and unread text included.
    pub fn bytes_inflated(&self) -> u64 {
        self.stats.inflated
    }

    /// The size in bytes of a regular file when it was opened; `None` for a pipe or a device.
    pub fn size_on_disk(&self) -> Option<u64> {
        self.stats.size_on_disk
    }

    /// Of gzip, how many members have begun so far, and whether something follows the last that is
    /// no member.
    pub fn members(&self) -> (u64, bool) {
        self.stats.members
    }

    /// How the blob is compressed. For a stream, this is known once [`fill`](Window::fill) was
    /// called, and [`Compression::Plain`] before.
    pub fn kind(&self) -> Compression {
        self.stats.kind
    }

    /// Whether the blob came to its proper end without a byte of text.
    ///
    /// For a stream, this is known once [`fill`](Window::fill) gave the end, and `false` before.
    pub fn is_empty(&self) -> bool {
        self.feed.is_none() && !self.broken && self.stats.inflated == 0
    }

    /// Whether the window shows all text that is not consumed.
    pub fn is_all_there(&self) -> bool {
        self.feed.is_none()
    }

    /// Whether the fault that ended the text was given.
    pub(in crate::source) fn has_told(&self) -> bool {
        self.broken && self.cut.is_none()
    }

    /// Brings more text into view; `false` at the end. A fault is kept for [`fill`](Window::fill).
    pub(in crate::source) fn more(&mut self) -> bool {
        let had = self.end - self.start;
        while self.feed.is_some() {
            if !self.make_room() {
                let max = self.max_window;
                let message = format!(
                    "a record at byte {} of the text is larger than {max} bytes, which cannot \
                     be held; expected smaller ones; the rest is not read",
                    self.offset
                );
                self.stop(Cut { stage: Stage::Parse, message });
                break;
            }
            self.pull();
            if self.awaits_bom() {
                // Held back: text in view must not be taken away again.
                continue;
            }
            self.skip_bom();
            if self.end - self.start > had {
                return true;
            }
        }
        false
    }

    /// Lets the feed write behind the unread text, once.
    fn pull(&mut self) {
        let Some(feed) = &mut self.feed else { return };
        let result = feed.read(&mut self.memory[self.end..self.window]);
        self.stats.kind = feed.kind();
        self.stats.members = feed.members();
        self.stats.inflated = feed.bytes_inflated();
        self.stats.read = self.stats.held.unwrap_or(feed.bytes_read());
        match result {
            Ok(0) => self.feed = None,
            Ok(n) => self.end += n,
            Err(Broken { text, cut }) => {
                self.end += text;
                self.stop(cut);
            }
        }
    }

    /// Ends the text; `cut` is reported after the text in view.
    fn stop(&mut self, cut: Cut) {
        self.feed = None;
        self.cut = Some(cut);
        self.broken = true;
    }

    /// Makes room behind the unread text; `false` if the window is full and may not grow.
    fn make_room(&mut self) -> bool {
        if self.start > 0 {
            self.memory.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end < self.window {
            return true;
        }
        if self.window >= self.max_window {
            return false;
        }
        self.window = self.window.saturating_mul(2).min(self.max_window);
        if self.memory.len() < self.window {
            // Exactly: growth by habit would hold twice the limit.
            self.memory.reserve_exact(self.window - self.memory.len());
            self.memory.resize(self.window, 0);
        }
        true
    }

    /// Whether the first bytes of the text may still turn out to be a byte order mark.
    fn awaits_bom(&self) -> bool {
        let head = &self.memory[self.start..self.end];
        let could_be = |bom: &[u8]| head.len() < bom.len() && bom.starts_with(head);
        self.bom_open
            && self.feed.is_some()
            && (could_be(&UTF8_BOM) || UTF16_BOMS.iter().any(|bom| could_be(bom)))
    }

    /// Takes a byte order mark off the first text.
    fn skip_bom(&mut self) {
        if !self.bom_open {
            return;
        }
        self.bom_open = false;
        let head = &self.memory[self.start..self.end];
        if head.starts_with(&UTF8_BOM) {
            self.consume(UTF8_BOM.len());
        } else if UTF16_BOMS.iter().any(|bom| head.starts_with(bom)) {
            self.end = self.start;
            let message = "UTF-16 text, by the byte order mark at byte 0; expected UTF-8".into();
            self.stop(Cut { stage: Stage::Parse, message });
        }
    }
}

impl Window for Text<'_> {
    fn text(&self) -> &[u8] {
        &self.memory[self.start..self.end]
    }

    fn consume(&mut self, n: usize) {
        debug_assert!(n <= self.end - self.start, "only text in view can be consumed");
        self.start += n;
        self.offset += n as u64;
    }

    fn fill(&mut self) -> Result<bool, Cut> {
        if self.more() {
            return Ok(true);
        }
        self.cut.take().map_or(Ok(false), Err)
    }

    fn offset(&self) -> u64 {
        self.offset
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Text")
            .field("name", &self.name)
            .field("offset", &self.offset)
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}
