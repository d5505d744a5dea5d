//! A blob reads the same in any pieces and by any scan.

#![no_main]

use keytrail::model::other_document::OtherDocument;
use keytrail::model::problem::Stage;
use keytrail::model::window::{Cut, Window};
use keytrail::record::container::{Reader, Sink};
use keytrail::record::event::Marked;
use keytrail::record::scan::{self, Scan, plain};
use libfuzzer_sys::fuzz_target;

/// What a sink was given, in order.
#[derive(Debug, PartialEq)]
enum Seen {
    Record(u64, String),
    Bad(u64, String),
    Problem(Stage, String),
    Other(OtherDocument),
}

#[derive(Default)]
struct Recorder(Vec<Seen>);

impl Sink for Recorder {
    fn record(&mut self, number: u64, record: Marked<'_>) {
        assert!(plain::valid(record.bytes()), "a record is JSON");
        let event = record.event().expect("a record is UTF-8");
        let header = record.header();
        let name = header.name.and_then(|name| name.text());
        assert_eq!(name, event.text_at(&["eventName"]), "the marks are the record's");
        self.0.push(Seen::Record(number, event.text().to_owned()));
    }
    fn bad(&mut self, number: u64, message: String) {
        self.0.push(Seen::Bad(number, message));
    }
    fn problem(&mut self, stage: Stage, message: String) {
        self.0.push(Seen::Problem(stage, message));
    }
    fn other(&mut self, kind: OtherDocument) {
        self.0.push(Seen::Other(kind));
    }
    fn ready(&mut self) -> bool {
        true
    }
}

/// A window that shows `step` more bytes at each fill, and may fail at its end.
struct Pieces<'a> {
    text: &'a [u8],
    start: usize,
    end: usize,
    step: usize,
    cut: Option<Cut>,
}

impl Window for Pieces<'_> {
    fn text(&self) -> &[u8] {
        &self.text[self.start..self.end]
    }
    fn consume(&mut self, n: usize) {
        self.start += n;
        assert!(self.start <= self.end, "only what is in view is consumed");
    }
    fn fill(&mut self) -> Result<bool, Cut> {
        if self.end == self.text.len() {
            return self.cut.take().map_or(Ok(false), Err);
        }
        self.end = (self.end + self.step).min(self.text.len());
        Ok(true)
    }
    fn offset(&self) -> u64 {
        self.start as u64
    }
}

fn read(reader: &mut Reader, text: &[u8], step: usize, cut: Option<Cut>) -> Vec<Seen> {
    let mut recorder = Recorder::default();
    let mut window = Pieces { text, start: 0, end: step.min(text.len()), step, cut };
    reader.read(&mut window, &mut recorder);
    // A flow log is known by its first line and not read on; nor is what is over the limit.
    let limited =
        recorder.0.iter().any(|s| matches!(s, Seen::Problem(_, m) if m.contains("limit")));
    if !limited && recorder.0.last() != Some(&Seen::Other(OtherDocument::FlowLog)) {
        assert_eq!(window.start, text.len(), "all text is dealt with");
    }
    recorder.0
}

fn reader(scan: Scan) -> Reader {
    Reader::new(scan, 1 << 20)
}

fuzz_target!(|data: &[u8]| {
    let all = data.len().max(1);
    let expected = read(&mut reader(plain::scan), data, all, None);
    for (n, seen) in
        expected.iter().filter(|s| matches!(s, Seen::Record(..) | Seen::Bad(..))).enumerate()
    {
        let (Seen::Record(number, _) | Seen::Bad(number, _)) = seen else { continue };
        assert_eq!(*number, n as u64, "numbered one by one");
    }
    for (name, scan) in scan::all() {
        // One reader for all, as in a worker.
        let mut reader = reader(scan);
        for step in [all, 1, 7, 64] {
            assert_eq!(read(&mut reader, data, step, None), expected, "{name}, by {step}");
        }
    }
    let cut = || Some(Cut { stage: Stage::Inflate, message: "cut".into() });
    let mut fast = reader(scan::fastest());
    let whole = read(&mut fast, data, all, cut());
    assert_eq!(read(&mut fast, data, 7, cut()), whole, "cut");
    let records = |seen: &[Seen]| seen.iter().filter(|s| matches!(s, Seen::Record(..))).count();
    assert_eq!(records(&whole), records(&expected), "a cut hides no record");
    // A limit on records bounds what is held and makes nothing fail.
    read(&mut Reader::new(scan::fastest(), 48), data, 7, None);
});
