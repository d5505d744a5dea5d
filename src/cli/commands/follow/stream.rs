//! Where a follower hears of lines: standard input, which may never end.
//!
//! What comes on standard input can be read once, and a follower reads everything twice. So lines are put
//! aside in *segments*: files that are objects to the follower, each closed after a second or at 4 MiB, and
//! removed when it is done. Beside a state on disk they outlive the process, and the next one goes on with
//! them.
//!
//! What must stay true: a segment ends at the end of a line, so that no line is judged in two halves; a
//! line that is too long is cut off and the rest of it dropped, so that it cannot pass for lines of its own.
//! No more is held in memory than a few chunks and one line.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::scanner::AtHand;
use crate::follow::{Announced, Content, Delivery, Inbox, InboxTrouble};
use crate::model::time::Time;
use crate::source::{Body, Known, blob_id};

/// What standard input is called where a source is named.
pub const STDIN: &str = "-";

/// A segment is closed when it has this many bytes (4 MiB).
const SEGMENT: usize = 4 << 20;

/// Or when its first line is so old.
const OPEN: Duration = Duration::from_secs(1);

/// How often it is looked whether to end, while nothing comes.
const LOOK_UP: Duration = Duration::from_millis(50);

/// What is kept of a line (65 MiB): more than a record may have.
const LINE: usize = 65 << 20;

/// What is read at once (64 KiB), and how many of these may wait.
const CHUNK: usize = 64 << 10;
const CHUNKS: usize = 16;

/// How long a segment that could not be read is left alone.
const LATER: Duration = Duration::from_secs(30);

/// The first bytes of gzip and of Zstandard.
const PACKED: [&[u8]; 2] = [b"\x1f\x8b", b"\x28\xb5\x2f\xfd"];

/// Lines of standard input.
#[derive(Debug)]
pub struct OfStream {
    chunks: Receiver<io::Result<Vec<u8>>>,
    /// Where segments are.
    folder: PathBuf,
    at_hand: AtHand,
    stop: Arc<AtomicBool>,
    lines: Cut,
    /// Segments that are to be delivered, with how often they were and not before when.
    waiting: VecDeque<(Segment, u32, Option<Instant>)>,
    /// Those that were delivered, by name.
    in_hand: BTreeMap<String, (Segment, u32)>,
    /// In the names of segments: when this process began, and how many it has made.
    stamp: String,
    made: u64,
    /// Whether standard input has ended.
    ended: bool,
    /// Why it ended too early.
    pub failed: Option<String>,
}

/// Lines on disk.
#[derive(Debug, Clone)]
struct Segment {
    path: PathBuf,
    /// Bytes.
    size: u64,
}

impl Segment {
    /// What reports call it.
    fn name(&self) -> String {
        format!("{STDIN}/{}", self.path.file_name().unwrap_or_default().to_string_lossy())
    }

    fn id(&self) -> crate::model::memory::Id {
        blob_id(&self.name(), self.size, "")
    }
}

impl OfStream {
    /// One that reads `input` from now on. `folder` is made if it is not there; segments that another
    /// process has left there come first, but for those that are `known`.
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub fn new(
        input: impl Read + Send + 'static,
        folder: &Path,
        known: &Known,
        (stop, at_hand): (Arc<AtomicBool>, AtHand),
    ) -> io::Result<OfStream> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let waiting = left(folder, known)?.into_iter().map(|segment| (segment, 0, None)).collect();
        let (sender, chunks) = sync_channel(CHUNKS);
        thread::spawn(move || read(input, &sender));
        Ok(OfStream {
            chunks,
            folder: folder.to_owned(),
            at_hand,
            stop,
            lines: Cut::default(),
            waiting,
            in_hand: BTreeMap::new(),
            stamp: format!("{:020}", Time::now().0),
            made: 0,
            ended: false,
            failed: None,
        })
    }

    /// Whether nothing more comes, and all that came was delivered.
    pub fn is_over(&self) -> bool {
        let is_new = |(_, deliveries, _): &(Segment, u32, Option<Instant>)| *deliveries == 0;
        self.ended && self.lines.is_empty() && !self.waiting.iter().any(is_new)
    }

    /// Gathers lines for one segment: until there are enough of them, or the first is old enough.
    fn gather(&mut self) {
        let begun = Instant::now();
        while !self.ended && !self.lines.is_enough() {
            if self.stop.load(Ordering::Relaxed) {
                return self.gather_rest();
            }
            let left = OPEN.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return;
            }
            match self.chunks.recv_timeout(left.min(LOOK_UP)) {
                Ok(chunk) => self.add(chunk),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => self.ended = true,
            }
        }
    }

    /// Gathers what was read when it was asked to end. Whatever comes behind it is left.
    fn gather_rest(&mut self) {
        for _ in 0..=CHUNKS {
            let Ok(chunk) = self.chunks.try_recv() else { break };
            self.add(chunk);
        }
        self.ended = true;
    }

    fn add(&mut self, chunk: io::Result<Vec<u8>>) {
        match chunk {
            Ok(chunk) => self.lines.add(&chunk),
            Err(error) => {
                self.failed = Some(format!("standard input: {error}"));
                self.ended = true;
            }
        }
    }

    /// Writes the lines that have come to a segment.
    fn close(&mut self) -> io::Result<()> {
        let end = self.lines.end(self.ended);
        if end == 0 {
            return Ok(());
        }
        let name = format!("{}-{:012}", self.stamp, self.made);
        let (path, new) = (self.folder.join(&name), self.folder.join(format!("{name}.new")));
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        // An empty line, so that no line is taken for the beginning of an archive.
        file.write_all(b"\n")?;
        file.write_all(&self.lines.text[..end])?;
        fs::rename(&new, &path)?;
        self.made += 1;
        self.lines.take(end);
        let size = end as u64 + 1;
        self.waiting.push_back((Segment { path, size }, 0, None));
        Ok(())
    }

    fn deliver(&mut self, segment: Segment, deliveries: u32) -> Delivery {
        let name = segment.name();
        let object = Announced { name: name.as_str().into(), etag: None };
        let body = Body::File(segment.path.clone());
        let mut all = self.at_hand.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        all.insert(object.clone(), (body, segment.id()));
        drop(all);
        self.in_hand.insert(name.clone(), (segment, deliveries));
        Delivery {
            id: name.clone(),
            receipt: name.clone(),
            deliveries,
            sent: None,
            body: name,
            content: Content::Objects(vec![object]),
        }
    }
}

impl Inbox for OfStream {
    fn receive(&mut self, most: usize) -> Result<Vec<Delivery>, InboxTrouble> {
        self.gather();
        if self.made == 0 && PACKED.iter().any(|magic| self.lines.text.starts_with(magic)) {
            let what = "standard input is compressed: follow takes lines, as gzip -dc gives them";
            return Err(InboxTrouble { message: what.to_owned(), lasting: true });
        }
        self.close().map_err(|error| InboxTrouble {
            message: format!("{}: {error}", self.folder.display()),
            lasting: false,
        })?;
        let mut deliveries = Vec::new();
        for _ in 0..self.waiting.len() {
            let Some((segment, times, given_back)) = self.waiting.pop_front() else { break };
            let is_early = given_back.is_some_and(|at| at.elapsed() < LATER);
            if is_early || deliveries.len() >= most {
                self.waiting.push_back((segment, times, given_back));
            } else {
                deliveries.push(self.deliver(segment, times + 1));
            }
        }
        Ok(deliveries)
    }

    fn keep(&mut self, _: &[String]) -> Result<(), InboxTrouble> {
        Ok(())
    }

    fn give_back(&mut self, receipts: &[String], _: bool) -> Result<(), InboxTrouble> {
        for name in receipts {
            if let Some((segment, times)) = self.in_hand.remove(name.as_str()) {
                self.waiting.push_back((segment, times, Some(Instant::now())));
            }
        }
        Ok(())
    }

    fn done(&mut self, receipts: &[String]) -> Result<(), InboxTrouble> {
        for name in receipts {
            if let Some((segment, _)) = self.in_hand.remove(name.as_str()) {
                // The state knows it: one that stays is not judged again.
                let _ = fs::remove_file(segment.path);
            }
        }
        Ok(())
    }
}

/// Segments that another process has left, the oldest first. What it had not finished is removed.
fn left(folder: &Path, known: &Known) -> io::Result<Vec<Segment>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let segment = Segment { size: entry.metadata()?.len(), path };
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_ours = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        match name.strip_suffix(".new") {
            Some(name) if is_ours(name) => drop(fs::remove_file(&segment.path)),
            None if is_ours(&name) && known.has(segment.id()) => {
                drop(fs::remove_file(&segment.path));
            }
            None if is_ours(&name) => all.push(segment),
            _ => {}
        }
    }
    all.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(all)
}

/// Reads until the end, or until nobody takes what was read.
fn read(mut input: impl Read, chunks: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let mut chunk = vec![0; CHUNK];
        let sent = match input.read(&mut chunk) {
            Ok(0) => return,
            Ok(len) => {
                chunk.truncate(len);
                chunks.send(Ok(chunk))
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => chunks.send(Err(error)),
        };
        if sent.is_err() {
            return;
        }
    }
}

/// Text that is to be cut at ends of lines.
#[derive(Debug, Default)]
struct Cut {
    text: Vec<u8>,
    /// Behind the last end of a line; 0 if there is none.
    whole: usize,
    /// Whether the line that goes on is dropped, since it is too long.
    dropping: bool,
}

impl Cut {
    /// Takes what has come.
    fn add(&mut self, mut chunk: &[u8]) {
        if self.dropping {
            let Some(end) = memchr::memchr(b'\n', chunk) else { return };
            chunk = &chunk[end..];
            self.dropping = false;
        }
        if let Some(end) = memchr::memrchr(b'\n', chunk) {
            self.whole = self.text.len() + end + 1;
        }
        self.text.extend_from_slice(chunk);
        // A line ends in this chunk, so that the one behind it is short.
        if self.text.len() - self.whole > LINE {
            self.dropping = true;
            self.whole = self.text.len();
        }
    }

    fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether there is enough for a segment. While a line is dropped, what came before it is enough once: the
    /// rest of the line has to be taken too.
    fn is_enough(&self) -> bool {
        self.whole >= SEGMENT || self.dropping && !self.text.is_empty()
    }

    /// Where a segment ends; at the end of all, the last line need not have an end.
    fn end(&self, ended: bool) -> usize {
        if ended { self.text.len() } else { self.whole }
    }

    /// Removes what was written.
    fn take(&mut self, end: usize) {
        self.text.drain(..end);
        self.whole = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(folder: &Path, input: impl Read + Send + 'static, known: &Known) -> OfStream {
        let (stop, at_hand) = Default::default();
        OfStream::new(input, folder, known, (stop, at_hand)).unwrap()
    }

    fn all(stream: &mut OfStream) -> Vec<(String, String)> {
        let mut all = Vec::new();
        while !stream.is_over() {
            for delivery in stream.receive(1_000).unwrap() {
                let segment = &stream.in_hand[&delivery.id].0;
                all.push((delivery.id.clone(), fs::read_to_string(&segment.path).unwrap()));
            }
        }
        all
    }

    #[test]
    fn what_comes_behind_a_line_that_is_too_long_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let long = io::repeat(b'x').take((LINE + SEGMENT) as u64);
        let input = b"before\n".chain(long).chain(&b"\nbehind\n"[..]);
        let mut stream = of(folder.path(), input, &Known::new(|_| false));
        let all: String = all(&mut stream).into_iter().map(|(_, text)| text).collect();
        let lines: Vec<&str> = all.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!((lines.len(), lines[0], lines[2]), (3, "before", "behind"));
        assert!((LINE..=LINE + CHUNK).contains(&lines[1].len()), "{}", lines[1].len());
    }

    #[test]
    fn lines_are_cut_into_segments_that_together_are_all_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let text: String = (0..300_000).map(|line| format!("{{\"line\": {line}}}\n")).collect();
        let text = format!("{text}the last");
        let nothing = Known::new(|_| false);
        let mut stream = of(folder.path(), io::Cursor::new(text.clone()), &nothing);
        let segments = all(&mut stream);
        assert!(segments.len() > 1);
        assert!(segments.iter().rev().skip(1).all(|(_, text)| text.ends_with("}\n")));
        let together: String = segments.iter().map(|(_, text)| &text[1..]).collect();
        assert_eq!(together, text);
        // Another process has what was not done, but for what the state knows.
        stream.done(&[segments[0].0.clone()]).unwrap();
        let second = stream.in_hand[&segments[1].0].0.id();
        let known = Known::new(move |id| id == second);
        let mut other = of(folder.path(), io::empty(), &known);
        assert_eq!(all(&mut other), segments[2..]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), segments.len() - 2);
    }

    #[test]
    fn the_rest_of_a_line_that_is_too_long_does_not_pass_for_a_line() {
        let mut cut = Cut::default();
        cut.add(b"one\n{\"pad\": \"");
        let chunk = vec![b'x'; 1 << 20];
        let most = (0..200).map(|_| {
            cut.add(&chunk);
            cut.text.len()
        });
        assert!(most.max().unwrap() < LINE + (2 << 20));
        assert!(cut.is_enough());
        let end = cut.end(false);
        cut.take(end);
        cut.add(b"{\"eventName\": \"forged\"}");
        cut.add(b" still\ntwo\nthr");
        assert_eq!((cut.text.as_slice(), cut.end(false)), (&b"\ntwo\nthr"[..], 5));
    }

    #[test]
    fn what_is_compressed_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let nothing = Known::new(|_| false);
        let mut packed = of(folder.path(), io::Cursor::new(b"\x1f\x8b\x08..".to_vec()), &nothing);
        let refused = packed.receive(10).unwrap_err();
        assert!(refused.lasting && refused.message.contains("gzip -dc"), "{}", refused.message);
    }
}
