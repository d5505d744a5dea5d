//! Judges calls that take a key away by the life of the key: lowers them if nobody but the caller
//! loses anything, and raises a scheduled deletion if the key was in use.
//!
//! Three rules share it: two about scheduled deletions, and one about disabled keys. What must stay
//! true: only a use that succeeded before the call counts. The rest is said in `shared/key_life.rs`.

use serde_json::Value;

use crate::detect::native::shared::key_life::{Life, TAKEN, TakesAway};
use crate::detect::native::shared::timeline::mark_key;
use crate::detect::stateful::{Context, Decided, Mark, Noted};
use crate::model::level::Level;
use crate::record::event::Event;
use crate::record::kms::View;

/// A rule about calls that take a key away.
#[derive(Debug)]
pub struct KeyTakenAway {
    /// The rule.
    rule: &'static str,
    /// The call.
    call: &'static str,
    /// To which level it is raised if the key was in use.
    in_use: Option<Level>,
}

impl KeyTakenAway {
    /// See `rules/lifecycle/key-deletion-scheduled.md`.
    pub const SCHEDULED: KeyTakenAway = KeyTakenAway {
        rule: "key-deletion-scheduled",
        call: "ScheduleKeyDeletion",
        in_use: Some(Level::Critical),
    };
    /// See `rules/lifecycle/key-deletion-short-window.md`.
    pub const SHORT_WINDOW: KeyTakenAway =
        KeyTakenAway { rule: "key-deletion-short-window", in_use: None, ..KeyTakenAway::SCHEDULED };
    /// See `rules/lifecycle/key-disabled.md`.
    pub const DISABLED: KeyTakenAway =
        KeyTakenAway { rule: "key-disabled", call: "DisableKey", in_use: None };
}

impl TakesAway for KeyTakenAway {
    fn adjusts(&self) -> Option<&'static str> {
        Some(self.rule)
    }

    fn note(&self, _event: &Event<'_>, view: &View<'_>, marks: &mut Vec<Mark>) {
        if view.is_kms() && view.name().is_some_and(|name| name == self.call) {
            mark_key(view, TAKEN, "", marks);
        }
    }

    fn conclude(&self, notes: &[Noted], context: &Context<'_>) -> Vec<Decided> {
        let life = Life::read(notes, context);
        let judged = |taken: usize| {
            let raised = || Some((self.in_use?, life.in_use(notes[taken].time)?));
            let (level, why) = life.lowered(taken).or_else(raised)?;
            Some(Decided::new([taken], level).with("why", Value::from(why)))
        };
        life.taken().filter(|at| notes[*at].found).filter_map(judged).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::native::shared::key_life::OfLife;
    use crate::detect::native::testing::recorded::{KEY, OTHER, call, decide, refused};

    fn used(first: &str, last: &str, key: &str) -> Value {
        let mut used = call(first, "orders-app", "Decrypt", key, &json!({}));
        used["last"] = json!(last);
        used
    }

    fn raised(uses: &[Value]) -> usize {
        let deletion =
            call("2026-11-23T09:30:00Z", "alice", "ScheduleKeyDeletion", KEY, &json!({}));
        let records: Vec<Value> = uses.iter().cloned().chain([deletion]).collect();
        decide(&OfLife(KeyTakenAway::SCHEDULED), &records, "2026-12-23T00:00:00Z").len()
    }

    #[test]
    fn raised_by_a_use_in_the_thirty_days_before() {
        assert_eq!(raised(&[]), 0);
        let (long_ago, edge) = ("2026-01-01T00:00:00Z", "2026-10-24T09:30:00Z");
        assert_eq!(raised(&[used(long_ago, edge, KEY)]), 1);
        assert_eq!(raised(&[used(long_ago, "2026-10-24T09:29:59Z", KEY)]), 0);
        assert_eq!(raised(&[used(long_ago, "2026-11-22T00:00:00Z", OTHER)]), 0);
        let after = used("2026-11-23T09:30:01Z", "2026-11-25T00:00:00Z", KEY);
        assert_eq!(raised(&[after]), 0, "used after a cancelled deletion only");
        assert_eq!(raised(&[refused(used(edge, "2026-11-22T00:00:00Z", KEY))]), 0);
        // A later use that has ended does not hide an earlier one that continues.
        let on = used(long_ago, "2026-11-23T09:29:00Z", KEY);
        assert_eq!(raised(&[on, used("2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z", KEY)]), 1);
    }

    const BUCKET: &str = "arn:aws:s3:::example-orders/1";

    /// The same call by a role that deploys.
    fn deployed(mut record: Value) -> Value {
        record["userIdentity"] = json!({"type": "AssumedRole", "accountId": "111122223333",
            "arn": "arn:aws:sts::111122223333:assumed-role/app-deploy/run",
            "sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/app-deploy"}}});
        record["userAgent"] = json!("HashiCorp Terraform/1.9.8");
        record
    }

    /// A use through S3, of a bucket that knows no other key if `alone`.
    fn stored(mut record: Value, alone: bool) -> Value {
        record["last"] = record["eventTime"].clone();
        record["userIdentity"]["invokedBy"] = json!("AWS Internal");
        record["requestParameters"] = json!({"encryptionContext": {"aws:s3:arn": BUCKET}});
        record["only_key"] = json!(alone);
        record
    }

    fn on(time: &str, user: &str, name: &str) -> Value {
        call(time, user, name, KEY, &json!({}))
    }

    fn created() -> Value {
        on("2026-11-10T10:00:00Z", "alice", "CreateKey")
    }

    fn taken(time: &str) -> Value {
        on(time, "alice", "ScheduleKeyDeletion")
    }

    /// The level that the scheduled deletion in `records` gets; `None` if it keeps its own.
    fn level(records: &[Value]) -> Option<Level> {
        let found = decide(&OfLife(KeyTakenAway::SCHEDULED), records, "2026-12-23T00:00:00Z");
        found.first().map(|(_, decided)| decided.level)
    }

    #[test]
    fn a_young_key_of_ones_own_is_low() {
        let (edge, late) = ("2026-11-24T10:00:00Z", "2026-11-24T10:00:01Z");
        assert_eq!(level(&[created(), taken(edge)]), Some(Level::Low));
        assert_eq!(level(&[created(), taken(late)]), None, "it is too old");
        assert_eq!(level(&[taken(edge)]), None, "its creation is not in the log");
        assert_eq!(level(&[refused(created()), taken(edge)]), None);
        let bob = on("2026-11-10T10:00:00Z", "bob", "CreateKey");
        assert_eq!(level(&[bob, taken(edge)]), None);
        let own = used("2026-11-11T10:00:00Z", "2026-11-12T10:00:00Z", KEY);
        let mut by_alice = own.clone();
        by_alice["userIdentity"] = created()["userIdentity"].clone();
        assert_eq!(level(&[created(), by_alice, taken(edge)]), Some(Level::Low));
        assert_eq!(level(&[created(), own.clone(), taken(edge)]), Some(Level::Critical));
        assert_eq!(level(&[created(), refused(own), taken(edge)]), Some(Level::Low));
        let tagged = on("2026-11-11T10:00:00Z", "alice", "TagResource");
        assert_eq!(level(&[tagged, taken(edge)]), None, "what the caller sets proves nothing");
    }

    #[test]
    fn data_that_came_from_elsewhere_keeps_the_level() {
        let edge = "2026-11-20T10:00:00Z";
        let mut moved = on("2026-11-11T10:00:00Z", "alice", "ReEncrypt");
        moved["resources"] = json!([{"ARN": OTHER}, {"ARN": KEY}]);
        assert_eq!(level(&[created(), moved.clone(), taken(edge)]), None);
        assert_eq!(level(&[created(), refused(moved), taken(edge)]), Some(Level::Low));
        let other = |source: &str, name: &str, request: Value| {
            let mut record = call("2026-11-11T10:00:00Z", "alice", name, KEY, &request);
            record["eventSource"] = json!(source);
            record["resources"] = json!(null);
            record
        };
        let copied = other(
            "s3.amazonaws.com",
            "CopyObject",
            json!({"x-amz-server-side-encryption-aws-kms-key-id": KEY}),
        );
        assert_eq!(level(&[created(), copied, taken(edge)]), None);
        let id = KEY.rsplit('/').next().unwrap();
        for request in [json!({"kmsKeyId": KEY}), json!({"kmsKeyId": id})] {
            let snapshot = other("ec2.amazonaws.com", "CopySnapshot", request.clone());
            assert_eq!(level(&[created(), snapshot, taken(edge)]), None, "{request}");
            let trail = other("cloudtrail.amazonaws.com", "UpdateTrail", request);
            assert_eq!(level(&[created(), trail, taken(edge)]), None);
        }
        let pointed = on("2026-11-11T10:00:00Z", "alice", "UpdateAlias");
        assert_eq!(level(&[created(), pointed, taken(edge)]), None);
    }

    /// The same call by a pipeline, as the record of its session proves.
    fn piped(record: Value) -> Value {
        let mut record = deployed(record);
        record["userAgent"] = json!("aws-cli/2");
        record["userIdentity"]["sessionContext"]["webIdFederationData"] = json!({"federatedProvider":
            "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"});
        record
    }

    #[test]
    fn an_environment_that_automation_creates_is_its_own() {
        let (write, edge) = ("2026-11-11T10:00:00Z", "2026-11-20T10:00:00Z");
        let (made, gone) = (piped(created()), piped(taken(edge)));
        let app = |alone| stored(on(write, "app", "GenerateDataKey"), alone);
        assert_eq!(level(&[made.clone(), app(true), gone.clone()]), Some(Level::Low));
        // Another key was used on the bucket, so there is more in it than this environment.
        assert_eq!(level(&[made.clone(), app(false), gone.clone()]), Some(Level::Critical));
        let mut foreign = app(true);
        foreign["userIdentity"]["accountId"] = json!("444455556666");
        assert_eq!(level(&[made.clone(), foreign, gone.clone()]), Some(Level::Critical));
        let mut before = app(true);
        before["eventTime"] = json!("2026-11-09T10:00:00Z");
        assert_eq!(level(&[made, before, gone]), Some(Level::Critical));
        // What a person writes to a bucket may be a copy of what was in it.
        let own = stored(on(write, "alice", "GenerateDataKey"), true);
        assert_eq!(level(&[created(), own, taken(edge)]), Some(Level::Critical));
        assert_eq!(level(&[created(), app(true), taken(edge)]), Some(Level::Critical));
        // So may what another role writes there, for whoever only says that it is a pipeline.
        let (made, gone) = (deployed(created()), deployed(taken(edge)));
        assert_eq!(level(&[made, app(true), gone]), Some(Level::Critical));
    }

    #[test]
    fn what_holds_copies_is_own_only_if_it_was_made_empty() {
        let (write, edge) = ("2026-11-11T10:00:00Z", "2026-11-20T10:00:00Z");
        let on_volume = |who: &str| {
            let mut used = on(write, who, "GenerateDataKeyWithoutPlaintext");
            used["last"] = json!(write);
            used["userIdentity"]["invokedBy"] = json!("ec2.amazonaws.com");
            used["requestParameters"] = json!({"encryptionContext": {"aws:ebs:id": "vol-0a"}});
            used["only_key"] = json!(true);
            used
        };
        let volume = |request: Value| {
            let mut record = call(write, "alice", "CreateVolume", KEY, &request);
            record["eventSource"] = json!("ec2.amazonaws.com");
            record["resources"] = json!(null);
            record["responseElements"] = json!({"volumeId": "vol-0a", "kmsKeyId": KEY});
            record
        };
        let used = on_volume("alice");
        // The key may have been named by an alias, or the call may be another one.
        assert_eq!(level(&[created(), used.clone(), taken(edge)]), Some(Level::Critical));
        let empty = volume(json!({"size": "8", "kmsKeyId": KEY}));
        let all = [created(), empty.clone(), used.clone(), taken(edge)];
        assert_eq!(level(&all), Some(Level::Low));
        let copy = volume(json!({"snapshotId": "snap-0a", "kmsKeyId": KEY}));
        assert_eq!(level(&[created(), copy, taken(edge)]), None, "it came from elsewhere");
        assert_eq!(level(&[created(), refused(empty), used, taken(edge)]), Some(Level::Critical));
        let app = on_volume("app");
        let (made, gone) = (deployed(created()), deployed(taken(edge)));
        assert_eq!(level(&[made, app.clone(), gone]), Some(Level::Critical));
        assert_eq!(level(&[piped(created()), app, piped(taken(edge))]), Some(Level::Low));
        let mut secret = on_volume("alice");
        secret["requestParameters"] = json!({"encryptionContext": {"SecretARN":
            "arn:aws:secretsmanager:eu-central-1:111122223333:secret:new-a1B2c3"}});
        assert_eq!(level(&[created(), secret, taken(edge)]), Some(Level::Low));
    }

    #[test]
    fn automation_on_an_unused_key_is_medium() {
        let gone = || deployed(taken("2026-11-20T10:00:00Z"));
        assert_eq!(level(&[gone()]), Some(Level::Medium));
        let long_ago = used("2026-01-11T10:00:00Z", "2026-01-11T10:00:00Z", KEY);
        assert_eq!(level(&[long_ago, gone()]), None, "it was used, if long ago");
        let after = used("2026-11-20T10:00:01Z", "2026-11-21T10:00:00Z", KEY);
        assert_eq!(level(&[after, gone()]), Some(Level::Medium));
        let mut remedied = gone();
        remedied["userAgent"] = json!("ssm.amazonaws.com");
        assert_eq!(level(&[remedied.clone()]), None);
        remedied["userIdentity"]["invokedBy"] = json!("ssm.amazonaws.com");
        assert_eq!(level(&[remedied]), Some(Level::Medium));
    }

    #[test]
    fn short_windows_and_disabled_keys_are_lowered_and_never_raised() {
        let using = used("2026-11-11T10:00:00Z", "2026-11-12T10:00:00Z", KEY);
        let off = on("2026-11-20T10:00:00Z", "alice", "DisableKey");
        let gone = taken("2026-11-20T10:00:00Z");
        for (rule, call) in [(KeyTakenAway::DISABLED, off), (KeyTakenAway::SHORT_WINDOW, gone)] {
            let rule = OfLife(rule);
            let levels = |records: &[Value]| {
                let found = decide(&rule, records, "2026-12-23T00:00:00Z");
                found.iter().map(|(_, decided)| decided.level).collect::<Vec<_>>()
            };
            assert_eq!(levels(&[created(), call.clone()]), [Level::Low]);
            assert_eq!(levels(&[created(), using.clone(), call]), []);
        }
    }
}
