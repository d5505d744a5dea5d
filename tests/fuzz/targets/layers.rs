//! Whatever lies inside a blob: nothing panics, no two members have one name, and the text of all of
//! them is bounded.
//!
//! A blob that starts with `T` stands for a tar of what follows, cut into members by line feeds.

#![no_main]

use std::collections::HashSet;
use std::sync::atomic::AtomicBool;
use std::sync::Arc;

use keytrail::model::outcome::Passed;
use keytrail::model::problem::Problem;
use keytrail::model::window::Window;
use keytrail::source::s3::Object;
use keytrail::source::{
    At, Blob, Body, Entry, Source, Taken, Text, Visitor, Workers, pool, read_all,
};
use libfuzzer_sys::fuzz_target;

/// What comes of a blob of at most a few kilobytes.
const TEXT_MAX: usize = 80 << 20;

struct One(Option<Blob>);

impl Source for One {
    fn next(&mut self, _: &AtomicBool) -> Option<Entry> {
        self.0.take().map(Entry::Blob)
    }

    fn passed(&self) -> Passed {
        Passed::default()
    }
}

#[derive(Default)]
struct Counting {
    names: HashSet<Arc<str>>,
    text: usize,
}

impl Visitor for Counting {
    type Found = ();

    fn problem(&mut self, _: Problem) {}

    fn known(&mut self, _: &Arc<str>) {}

    fn blob(&mut self, at: At<'_>, text: Result<&mut Text<'_>, Problem>) -> Taken {
        assert!(self.names.insert(Arc::clone(&at.blob.name)), "{} twice", at.blob.name);
        let Ok(text) = text else { return Taken::Part };
        loop {
            let here = text.text().len();
            self.text += here;
            assert!(self.text <= TEXT_MAX, "{} bytes", self.text);
            text.consume(here);
            if !matches!(text.fill(), Ok(true)) {
                return Taken::Whole;
            }
        }
    }

    fn finish(self) {}
}

/// A tar whose members are these.
fn tar(texts: &[u8]) -> Vec<u8> {
    let mut tar = Vec::new();
    for text in texts.split(|byte| *byte == b'\n') {
        let mut block = [0; 512];
        block[0] = b'a';
        let size = format!("{:011o}", text.len());
        block[124..135].copy_from_slice(size.as_bytes());
        block[257..262].copy_from_slice(b"ustar");
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
        tar.extend(block);
        tar.extend(text);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}

fuzz_target!(|data: &[u8]| {
    let bytes = match data {
        [b'T', texts @ ..] => tar(texts),
        _ => data.to_vec(),
    };
    let body = Body::Object(Object::whole(bytes.into(), None));
    let blob = Blob { name: "blob".into(), body, token: None };
    let stop = AtomicBool::new(false);
    let pool = pool(1).expect("a thread to read with");
    let workers = Workers { pool: &pool, stop: &stop, beat: &|_| {} };
    read_all(&mut One(Some(blob)), workers, |_| Counting::default());
});
