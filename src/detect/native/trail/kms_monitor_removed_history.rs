//! Sets the level of a removed alarm, event rule, metric filter or Config rule by what is known of its
//! name: the monitors in the configuration, and who removed it.
//!
//! What must stay true: what stops AWS Config as a whole keeps its level, and so does a name that
//! speaks of keys where no monitors are configured.

use crate::detect::stateful::{Context, Decided, History, Mark, Noted};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::json::Json;
use crate::record::kms::{Actor, View};
use crate::record::shape::{at, each, is_call, request};

/// Something with a name was removed. The value is the name.
const REMOVED: u32 = 0;

/// The calls that remove something with a name, and where the name is.
const CALLS: [(&str, &[&str], &[&str]); 4] = [
    ("monitoring.amazonaws.com", &["DeleteAlarms", "DisableAlarmActions"], &["alarmNames"]),
    ("events.amazonaws.com", &["DeleteRule", "DisableRule", "RemoveTargets"], &["name", "rule"]),
    ("logs.amazonaws.com", &["DeleteMetricFilter"], &["filterName"]),
    ("config.amazonaws.com", &["DeleteConfigRule"], &["configRuleName"]),
];

/// Words of a name that speaks of keys, as in the rule.
const WORDS: [&str; 4] = ["kms", "cmk", "key", "encrypt"];

/// How many names of one call are looked at: the API takes a hundred alarms.
const NAMES_MAX: usize = 100;

/// See `rules/trail/kms-monitor-removed.md`.
#[derive(Debug)]
pub struct KmsMonitorRemovedHistory;

/// The names of what a call removes or switches off.
pub fn removed(event: &Event<'_>, view: &View<'_>) -> Vec<String> {
    let call = CALLS.iter().find(|(source, calls, _)| is_call(view, source, calls));
    let removed = call.zip(request(event)).map(|((.., members), request)| names(request, members));
    removed.unwrap_or_default()
}

/// The names in the members of a request.
fn names(request: Json<'_>, members: &[&str]) -> Vec<String> {
    let values = members.iter().filter_map(|member| at(request, &[member])).flat_map(each);
    values.filter_map(Json::scalar).map(std::borrow::Cow::into_owned).take(NAMES_MAX).collect()
}

impl History for KmsMonitorRemovedHistory {
    fn note(&self, event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        if view.attempt() || view.actor() == Actor::Service {
            return;
        }
        // All names of one call are decided over together.
        let names = removed(event, view);
        if let (Some(first), Ok(value)) = (names.first(), serde_json::to_string(&names)) {
            let part = format!("{} {first}", view.account().unwrap_or_default());
            marks.push(Mark { part, kind: REMOVED, value });
        }
    }

    fn days(&self) -> u16 {
        1
    }

    fn conclude(&self, notes: &[Noted], context: &Context<'_>) -> Vec<Decided> {
        let estate = context.estate;
        let judged = |at: usize| {
            let noted = &notes[at];
            let names: Vec<String> = serde_json::from_str(&noted.value).ok()?;
            let arn = noted.about.principal.arn.as_deref();
            let automated = arn.is_some_and(|arn| estate.automation_roles.match_arn(arn));
            let speaks = |name: &String| {
                let name = name.to_ascii_lowercase();
                WORDS.iter().any(|word| name.contains(word))
            };
            let (level, why) = if !estate.monitors.is_empty() {
                match names.iter().any(|name| estate.monitors.matches(name)) {
                    true => (Level::Medium, "the configuration names it as a monitor of KMS"),
                    false => (Level::Informational, "the configuration does not name it"),
                }
            } else if automated && !names.iter().any(speaks) {
                (Level::Informational, "automation removed it, and its name speaks of no keys")
            } else {
                return None;
            };
            noted.found.then(|| Decided::new([at], level).with("why", why))
        };
        (0..notes.len()).filter_map(judged).collect()
    }

    fn adjusts(&self) -> Option<&'static str> {
        Some("kms-monitor-removed")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::native::testing::recorded::{call, decide_in, refused};
    use crate::model::estate::Estate;
    use crate::model::pattern::Patterns;

    fn removed(user: &str, source: &str, name: &str, request: &Value) -> Value {
        let mut record = call("2026-11-02T10:00:00Z", user, name, "-", request);
        record["eventSource"] = json!(format!("{source}.amazonaws.com"));
        record
    }

    fn level(monitors: &[&str], record: &Value) -> Option<Level> {
        let estate = Estate {
            monitors: Patterns::new(monitors.iter().copied()),
            automation_roles: Patterns::new(["*:user/deploy"]),
            ..Estate::default()
        };
        let records = std::slice::from_ref(record);
        let all = decide_in(&estate, &KmsMonitorRemovedHistory, records, "2026-12-01T00:00:00Z");
        assert!(all.len() < 2, "{all:?}");
        all.first().map(|(_, decided)| decided.level)
    }

    #[test]
    fn monitors_of_the_configuration() {
        let alarms = json!({"alarmNames": ["cpu", "watch-grants"]});
        let removed = |name: &str, request: &Value| removed("ana", "monitoring", name, request);
        let monitors = ["watch-*"];
        let gone = removed("DeleteAlarms", &alarms);
        assert_eq!(level(&monitors, &gone), Some(Level::Medium));
        assert_eq!(level(&["kms-*"], &gone), Some(Level::Informational));
        assert_eq!(level(&[], &gone), None);
        assert_eq!(level(&monitors, &refused(gone)), None);
        assert_eq!(level(&monitors, &removed("PutMetricAlarm", &alarms)), None);
        assert_eq!(level(&monitors, &removed("DeleteAlarms", &json!({"alarmNames": {}}))), None);
    }

    #[test]
    fn automation_that_removes_other_things() {
        let rule = |user: &str, name: &str| {
            level(&[], &removed(user, "events", "DeleteRule", &json!({"name": name})))
        };
        assert_eq!(rule("deploy", "orders-nightly"), Some(Level::Informational));
        assert_eq!(rule("deploy", "Watch-KMS"), None);
        assert_eq!(rule("ana", "orders-nightly"), None);
        let stopped = json!({"configurationRecorderName": "default"});
        let stopped = removed("deploy", "config", "StopConfigurationRecorder", &stopped);
        assert_eq!(level(&["watch-*"], &stopped), None, "all of Config");
    }
}
