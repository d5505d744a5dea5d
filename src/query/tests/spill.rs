//! What does not fit in memory reads back as it was.

use serde_json::json;

use super::{KEY, on_key, record, rows_of};
use crate::model::occurrence::Occurrence;
use crate::query::Query;

#[test]
fn records_that_were_put_away_read_back_as_they_were() {
    // More than the shelf of one worker holds, and less than those of eight.
    let calls = (0..8_000).map(|number| {
        let mut call = record(&format!("{number:05}"), "Decrypt", number % 60, on_key(KEY));
        call["errorCode"] = json!("AccessDenied");
        call["userIdentity"]["invokedBy"] = json!("s3.amazonaws.com");
        call
    });
    let calls: Vec<_> = calls.collect();
    let files: Vec<_> = calls.chunks(calls.len() / 8).map(<[_]>::to_vec).collect();
    let bare = |mut rows: Vec<Occurrence>| {
        rows.iter_mut().for_each(|row| (row.place.blob, row.place.record) = (String::new(), 0));
        rows
    };
    let away = bare(rows_of(&Query::default(), &[calls], 1));
    assert_eq!(away.len(), 8_000);
    assert_eq!(away, bare(rows_of(&Query::default(), &files, 8)));
}
