//! What enriched events tell of tags. Few logs have any, so a record costs nothing without them.

use std::borrow::Cow;
use std::sync::Arc;

use super::blob::BlobSink;
use crate::engine::evaluate::Basics;
use crate::model::origin::Origin;
use crate::record::event::{Marked, Raw};
use crate::tags::change::{Evidence, Source};
use crate::tags::enriched::told;

/// Notes the tags that CloudTrail tells beside a record. As with other tags, it does not matter whether
/// the record lies in the range that is reported.
pub fn note(sink: &mut BlobSink<'_, '_>, number: u64, marked: Marked<'_>, basics: &Basics<'_>) {
    let (Some(event), Some(time)) = (marked.event(), basics.time) else { return };
    let told = told(&event);
    if told.is_empty() {
        return;
    }
    let source = Source::Enriched {
        id: basics.header.id.and_then(Raw::text).map(Cow::into_owned),
        name: String::from_utf8_lossy(basics.name).into_owned(),
        origin: Origin { blob: Arc::clone(&sink.blob.name), record: Some(number) },
    };
    let evidence = Arc::new(Evidence { time, source });
    let tags = &mut sink.partial.enriched;
    told.into_iter().for_each(|(arn, list)| tags.add(&arn, list, &evidence));
}
