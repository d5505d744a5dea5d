//! No inventory of tags makes its reading fail, and what is read can be asked.

#![no_main]

use std::sync::Arc;

use keytrail::model::time::Time;
use keytrail::tags::book::Book;
use keytrail::tags::catalog;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let name: Arc<str> = "inventory".into();
    let mut book = Book::default();
    let added = catalog::read(&name, data, Time(0), &mut book);
    assert!(added.wrong.iter().all(|wrong| !wrong.is_empty()));
    let arns: Vec<String> = book.arns().into_iter().map(str::to_owned).collect();
    assert!(arns.len() as u64 <= added.resources);
    for arn in arns {
        assert!(book.knows(&arn));
        let _ = book.timeline(&arn);
    }
    // Twice the same is the same.
    let mut twice = book.clone();
    catalog::read(&name, data, Time(0), &mut twice);
    twice.fit();
    book.fit();
    assert_eq!(twice.arns(), book.arns());
});
