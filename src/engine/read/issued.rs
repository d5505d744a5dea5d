//! Which credentials a record says were made, and by whom.

use super::blob::BlobSink;
use crate::engine::evaluate::Basics;
use crate::model::lineage::{lineage, of_key, of_session};
use crate::model::memory::Issued;
use crate::record::event::Marked;
use crate::record::issued::Credentials;
use crate::record::kms::View;

/// Whether a call makes credentials for whoever calls. What a provider's token or a service asks for is
/// not among them: nobody in the log is behind it.
pub fn is_issue(basics: &Basics<'_>) -> bool {
    match basics.source {
        b"sts.amazonaws.com" => matches!(
            basics.name,
            b"AssumeRole" | b"GetSessionToken" | b"GetFederationToken" | b"AssumeRoot"
        ),
        b"iam.amazonaws.com" => basics.name == b"CreateAccessKey",
        _ => false,
    }
}

/// Notes the credentials that a record makes.
pub fn note(sink: &mut BlobSink<'_, '_>, marked: Marked<'_>, basics: &Basics<'_>) {
    let (Some(event), Some(time)) = (marked.event(), basics.time) else { return };
    let view = View::new(&event);
    let context = sink.context;
    // What a VPC endpoint logs says nothing of how the call ended.
    if view.attempt() || event.is_of_endpoint() {
        return;
    }
    let principal = view.principal();
    let estate = &context.plan.estate;
    let Some(maker) = lineage(&principal, view.access_key(), estate) else { return };
    let hash = |text: &str| context.key.short(text.as_bytes());
    let row = |made: String| Issued {
        made: hash(&made),
        vague: principal.kind.as_deref() == Some("AWSAccount"),
        maker: hash(&maker),
        maker_key: view.access_key().map_or(0, |id| hash(&of_key(id))),
        lasting: basics.name == b"CreateAccessKey",
        time,
    };
    made(&Credentials::of(&event))
        .into_iter()
        .map(row)
        .for_each(|row| sink.partial.issued.push(row));
}

/// The names under which whoever made credentials goes on.
fn made(credentials: &Credentials<'_>) -> Vec<String> {
    let key = credentials.access_key.as_deref().map(of_key);
    let session = credentials.asked.as_ref().map(|(role, session)| of_session(role, session));
    key.into_iter().chain(session).collect()
}
