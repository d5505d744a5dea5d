//! No shape of a record makes the view or a rule fail, and routing hides no hit.

#![no_main]

use std::sync::LazyLock;

use keytrail::detect::RuleSet;
use keytrail::record::event::Marked;
use keytrail::record::kms::View;
use keytrail::record::scan::{self, Index, plain};
use libfuzzer_sys::fuzz_target;

static RULES: LazyLock<RuleSet> =
    LazyLock::new(|| RuleSet::load(true, &[]).expect("the built-in rules load").rules);

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let text = text.trim_ascii();
    if !text.starts_with('{') || !plain::valid(text.as_bytes()) {
        return;
    }
    let mut index = Index::default();
    let (len, _) = scan::fastest()(text.as_bytes(), &mut index).expect("valid JSON ends");
    assert_eq!(len, text.len());
    let marked = Marked::new(text.as_bytes(), &index);
    let event = marked.event().expect("UTF-8");
    let view = View::new(&event);
    look(&view);
    let candidates = RULES.candidates_of(&marked.header());
    assert!(candidates.is_sorted());
    let routed: Vec<_> = candidates.iter().filter_map(|&n| RULES.check(n, &event, &view)).collect();
    let asked: Vec<_> =
        (0..RULES.len() as u32).filter_map(|n| RULES.check(n, &event, &view)).collect();
    assert_eq!(routed, asked, "routing hides a hit");
});

/// Asks the view for everything it can tell.
fn look(view: &View<'_>) {
    let _ = (view.is_kms(), view.name(), view.account(), view.region(), view.source_ip());
    let _ = (view.user_agent(), view.shared_event_id(), view.actor(), view.caller_account());
    let _ = (view.context(), view.subject(), view.resource(), view.key_is_inferred());
    assert_ne!(view.attempt(), view.ok());
    let principal = view.principal();
    assert_eq!(principal.mfa, view.mfa());
    let keys = view.keys();
    assert_eq!(view.key(), keys.first().cloned());
    assert_eq!(view.key_account(), keys.first().and_then(|key| key.account.clone()));
    assert!(view.key_is_inferred() <= !keys.is_empty(), "nothing is inferred of no key");
    let _ = view.event().json().to_value();
}
