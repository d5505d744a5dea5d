//! A finding in a few sentences, for formats that have a field for text.
//!
//! What must stay true: the text is short, and nothing in it is hidden.

use super::fields::{said, shown};
use crate::model::finding::Finding;
use crate::model::undo::{Effect, Fate};

/// The most characters of one thing that comes from the log.
const PART: usize = 200;

/// The title of a finding. An attempt says that it is one.
pub fn headline(finding: &Finding) -> String {
    let title = said(Some(&finding.told.title)).unwrap_or(&finding.rule);
    let title = shown(title, PART);
    if finding.attempt { format!("{title} (attempt)") } else { title }
}

/// What happened: the headline, who, what, from where, how often and when, and what became of it.
pub fn sentences(finding: &Finding) -> String {
    let part = |text: &str| shown(text, PART);
    let mut all = vec![headline(finding)];
    all.extend(who(finding));
    if let Some(key) = &finding.key {
        let alias = said(key.alias.as_deref()).map(|alias| format!(" ({})", part(alias)));
        all.push(format!("Key {}{}", part(&key.arn), alias.unwrap_or_default()));
    }
    if let Some(resource) = &finding.resource {
        all.push(format!("Resource {}", part(&resource.arn)));
    }
    all.extend(said(finding.source_ip.as_deref()).map(|from| format!("From {}", part(from))));
    all.push(when(finding));
    all.extend(finding.effect.as_ref().and_then(fate));
    all.join(". ") + "."
}

fn who(finding: &Finding) -> Option<String> {
    let principal = &finding.principal;
    let arn = said(principal.arn.as_deref()).or(said(principal.account.as_deref()))?;
    let mut text = format!("By {}", shown(arn, PART));
    if let Some(session) = said(principal.session.as_deref()) {
        text += &format!(", session {}", shown(session, PART));
    }
    if let Some(service) = said(principal.invoked_by.as_deref()).filter(|by| *by != arn) {
        text += &format!(", through {}", shown(service, PART));
    }
    Some(text)
}

fn when(finding: &Finding) -> String {
    let events = if finding.count == 1 { "event" } else { "events" };
    let count = format!("{} {events}", finding.count);
    match (finding.first_seen, finding.last_seen) {
        (Some(first), Some(last)) if first < last => format!("{count} from {first} to {last}"),
        (Some(at), _) | (None, Some(at)) => format!("{count} at {at}"),
        (None, None) => count,
    }
}

/// What became of it, where a reader has to know.
pub fn fate(effect: &Effect) -> Option<String> {
    let by = |by: &str| format!(" by {}", shown(by, PART));
    match (effect.fate, &effect.undone, effect.due) {
        (Fate::Reversed, Some(undone), _) => {
            let by = said(undone.by.as_deref()).map(by).unwrap_or_default();
            Some(format!("Reversed at {}{by}", undone.at))
        }
        (Fate::Reversed, None, _) => Some("Reversed".into()),
        (Fate::Open, _, Some(due)) => Some(format!("Still open, due {due}")),
        (Fate::Open, _, None) => Some("Still open".into()),
        (Fate::Refused, ..) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::escape::is_hidden;
    use crate::report::sample;

    #[test]
    fn a_finding_is_told_in_a_few_sentences() {
        assert_eq!(
            sentences(&sample::deletion()),
            "KMS key scheduled for deletion. By arn:aws:iam::111122223333:role/team/Admin, session \
             ann@example.com. Key arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-\
             1234567890ab. From 203.0.113.7. 1 event at 2026-11-23T20:17:00Z."
        );
        let text = sentences(&sample::foreign_use());
        assert!(text.starts_with("Data decrypted by a principal of another account (attempt). "));
        assert!(text.ends_with("1204 events from 2026-11-22T03:00:00Z to 2026-11-23T21:30:59Z."));
    }

    #[test]
    fn no_text_of_a_log_is_long_or_hidden_in_it() {
        let text = sentences(&sample::hostile(&"\u{1b}]0;x\u{7}\u{202e}".repeat(200_000)));
        assert!(text.chars().count() < 12 * PART && !text.chars().any(is_hidden), "{text}");
    }
}
