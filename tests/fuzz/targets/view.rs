//! No shape of a record makes the view or a rule fail, and what other rules have asked hides no hit.

#![no_main]

use std::sync::{Arc, LazyLock};

use keytrail::detect::case::Case;
use keytrail::detect::{Asked, Hit, RuleSet};
use keytrail::record::event::{Event, Marked};
use keytrail::record::kms::View;
use keytrail::record::scan::{self, Index, plain};
use libfuzzer_sys::fuzz_target;

static RULES: LazyLock<RuleSet> =
    LazyLock::new(|| RuleSet::load(true, &[], &Arc::default()).expect("the rules load").rules);

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
    // Rules in code do not look again at the names and cases by which they are routed, so only what
    // is routed to them is asked.
    let (of_case, of_any) = (candidates.of(|| Case::of(&view)), candidates.of_any());
    assert!(of_case.is_sorted() && of_any.is_sorted());
    let mut asked = Asked::default();
    asked.next();
    let mut may_match = |rule: &u32| RULES.may_match(*rule, &mut asked, &event, &view);
    let routed: Vec<u32> = of_any.iter().copied().filter(|rule| may_match(rule)).collect();
    // A history makes its marks wherever it is asked.
    let single = |rule: &u32| RULES.history(*rule as usize).is_none();
    let hits = |rules: &[u32]| -> Vec<Hit> {
        let rules = rules.iter().copied().filter(single);
        rules.filter_map(|rule| RULES.check(rule, &event, &view)).collect()
    };
    let all = of_any.iter().copied();
    let one_by_one: Vec<u32> = all.filter(|rule| alone(*rule, &event, &view)).collect();
    assert_eq!(hits(&routed), hits(&one_by_one), "what others asked hides a hit");
    assert!(of_case.iter().all(|rule| of_any.contains(rule)), "a case adds no rule");
    for rule in routed {
        if let Some((_, history)) = RULES.history(rule as usize) {
            history.note(&event, &view, &mut Vec::new());
        }
    }
});

/// Whether a rule may match, without what other rules have asked.
fn alone(rule: u32, event: &Event<'_>, view: &View<'_>) -> bool {
    RULES.may_match(rule, &mut Asked::default(), event, view)
}

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
