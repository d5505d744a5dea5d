//! Loading, replacing, selecting and the levels of attempts, as other layers see them.

use std::fs;
use std::sync::Arc;

use tempfile::TempDir;

use super::loaded::Loaded;
use super::*;
use crate::record::scan::{self, Index};

mod checkouts;
mod collections;

const LOGSOURCE: &str = "logsource: {product: AWS, service: CloudTrail}";

/// A rule of the user's with `members` laid before its detection.
fn rule(members: &str) -> String {
    format!(
        "title: T\n{members}\n{LOGSOURCE}\ndetection:\n  selection: {{eventName: DisableKey}}\n  condition: selection\n"
    )
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn load(builtin: bool, files: &[(&str, &str)]) -> Result<Loaded, Vec<String>> {
    let folder = folder(files);
    let prefix = format!("{}/", folder.path().display());
    let strip = |text: String| text.replace(&prefix, "");
    match RuleSet::load(builtin, &[folder.path().to_owned()], &Arc::default()) {
        Ok(mut loaded) => {
            loaded.skipped = loaded.skipped.into_iter().map(strip).collect();
            loaded.replaced.iter_mut().for_each(|one| one.origin = strip(one.origin.clone()));
            for problem in &mut loaded.problems {
                problem.origin.blob = strip(problem.origin.blob.to_string()).into();
                problem.message = strip(std::mem::take(&mut problem.message));
            }
            Ok(loaded)
        }
        Err(errors) => Err(errors.iter().map(|error| strip(error.to_string())).collect()),
    }
}

fn ids(rules: &RuleSet) -> Vec<&str> {
    rules.metas().iter().map(|meta| meta.id.as_str()).collect()
}

/// What every rule says of a record.
fn hits(rules: &RuleSet, text: &str) -> Vec<(String, Level, bool)> {
    let mut index = Index::default();
    scan::plain::scan(text.as_bytes(), &mut index).unwrap();
    let event = Event::new(text, &index);
    let view = View::new(&event);
    (0u32..)
        .take(rules.metas().len())
        .filter_map(|rule| rules.check_alone(rule, &event, &view))
        .map(|hit| (rules.metas()[hit.rule].id.clone(), hit.level, hit.attempt))
        .collect()
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn built_in_rules_load_without_a_word() {
    let loaded = RuleSet::load(true, &[], &Arc::default()).unwrap();
    assert_eq!(loaded.rules.len(), registry::RULES.len());
    assert!(loaded.skipped.is_empty() && loaded.replaced.is_empty());
    assert!(loaded.rules.metas().is_sorted_by_key(|meta| &meta.id));
    assert!(loaded.rules.explanation("key-disabled").unwrap().starts_with("# key-disabled"));
    assert!(RuleSet::load(false, &[], &Arc::default()).unwrap().rules.is_empty());
}

#[test]
fn files_are_found_in_folders_and_named_by_id_or_stem() {
    let loaded = load(
        false,
        &[
            ("b/two.yaml", &rule("id: 6f2f4f3c-0000-4000-8000-000000000001")),
            ("one.yml", &rule("level: high\nkeytrail: {advice: ' Look. '}")),
            ("notes.txt", "title: not a rule"),
            (".git/config.yml", "a: 1"),
        ],
    )
    .unwrap();
    assert_eq!(ids(&loaded.rules), ["6f2f4f3c-0000-4000-8000-000000000001", "one"]);
    let levels: Vec<Level> = loaded.rules.metas().iter().map(|meta| meta.level).collect();
    assert_eq!(levels, [DEFAULT_LEVEL, Level::High]);
    assert_eq!(loaded.rules.metas()[1].advice.as_deref(), Some("Look."));
    assert_eq!(loaded.rules.metas()[1].group, None);
}

#[test]
fn what_is_no_rule_for_us_is_named_with_the_reason() {
    let windows = rule("name: a").replace(LOGSOURCE, "logsource: {product: windows, category: x}");
    let none = rule("").replace(LOGSOURCE, "author: me");
    let expand =
        rule("").replace("{eventName: DisableKey}", "{'userIdentity.arn|expand': '%admins%'}");
    let count = rule("").replace("condition: selection", "condition: selection | near other");
    let correlation = "title: C\nname: c\ncorrelation:\n  type: event_count\n  rules: [a]\n  group-by: [x]\n  timespan: 5m\n  condition: {gte: 3}\n";
    let newer = rule("sigma-version: 99");
    let loaded = load(
        false,
        &[
            ("1.yml", &windows),
            ("2.yml", &none),
            ("3.yml", &expand),
            ("4.yml", &count),
            ("5.yml", correlation),
            ("6.yml", &newer),
            ("7.yml", &rule("")),
        ],
    )
    .unwrap();
    assert_eq!(ids(&loaded.rules), ["7"]);
    let expected = [
        "1.yml: 'T': log source is windows/x, not aws/cloudtrail",
        "2.yml: 'T': log source is none, not aws/cloudtrail",
        "3.yml: 'T': `|expand` placeholders",
        "4.yml: 'T': aggregations",
        "5.yml: 'C': it names 'a', which was passed over",
        "6.yml: 'T': written for a newer version of Sigma",
    ];
    assert_eq!(loaded.skipped.len(), expected.len(), "{:?}", loaded.skipped);
    for (skipped, expected) in loaded.skipped.iter().zip(expected) {
        assert!(skipped.starts_with(expected), "{skipped}");
    }
}

/// A correlation of any of `rules`.
fn correlation(name: &str, rules: &str, more: &str) -> String {
    format!(
        "title: C\nname: {name}\ncorrelation:\n  type: event_count\n  rules: {rules}\n  group-by: [awsRegion]\n  timespan: 5m\n  condition: {{gte: 3}}\n{more}\n"
    )
}

#[test]
fn a_correlation_that_names_no_rule_or_itself_is_an_error() {
    let load_one = |text: &str| by_name(&[("c.yml", text), ("a.yml", &rule("name: a"))]);
    let message = |text: &str| load_one(text).unwrap_err()[0].to_string();
    let folder = folder(&[("c.yml", &correlation("c", "[nobody]", ""))]);
    let named = RuleSet::load(true, &[folder.path().join("c.yml")], &Arc::default());
    assert!(named.unwrap_err()[0].to_string().contains("names 'nobody'"));
    assert!(message(&correlation("c", "[c]", "")).contains("rests on itself"));
    let by = correlation("d", "[c]", "id: d").replace("awsRegion", "requestParameters.x");
    let both = format!("{}---\n{by}", correlation("c", "[a]", ""));
    assert!(message(&both).contains("cannot group by 'requestParameters.x'"));
}

/// Loads files that are named themselves.
fn by_name(files: &[(&str, &str)]) -> Result<Loaded, Vec<RuleError>> {
    let folder = folder(files);
    let paths: Vec<_> = files.iter().map(|(name, _)| folder.path().join(name)).collect();
    RuleSet::load(false, &paths, &Arc::default())
}

/// A chain of correlations, each over the one before it, in the order of their ids or against it.
fn chain(len: usize, condition: &str, against: bool) -> String {
    let id = |at: usize| format!("{:06}", if against { len - at } else { at });
    let one = |at: usize| {
        let named = if at == 0 { "a".to_owned() } else { format!("c{}", at - 1) };
        let text = correlation(&format!("c{at}"), &format!("[{named}]"), "");
        format!("id: '{}'\n{}", id(at), text.replace("gte: 3", condition))
    };
    (0..len).map(one).collect::<Vec<_>>().join("---\n")
}

#[test]
fn correlations_rest_on_one_another_to_a_small_depth_only() {
    let own = rule("name: a");
    // One "any of these" is as good as the rules that it names, and nests no deeper.
    for condition in ["gte: 3", "gte: 1"] {
        for against in [false, true] {
            let text = chain(40, condition, against);
            assert!(by_name(&[("c.yml", &text), ("a.yml", &own)]).is_ok(), "{condition}");
            let text = chain(2_000, condition, against);
            let errors = by_name(&[("c.yml", &text), ("a.yml", &own)]).unwrap_err();
            assert!(!errors.is_empty());
            for error in errors {
                assert!(error.to_string().contains("more than 64 deep"), "{error}");
            }
            // In a folder they cost themselves only.
            let loaded = load(false, &[("c.yml", &text), ("a.yml", &own)]).unwrap();
            assert!(!loaded.problems.is_empty() && loaded.rules.named("a").is_ok(), "{condition}");
        }
    }
}

#[test]
fn rules_of_a_correlation_are_silent_unless_it_generates() {
    let reported = |more: &str| -> Vec<String> {
        let files = [("c.yml", &*correlation("c", "[a]", "")), ("a.yml", &*rule("name: a"))];
        let files = files.map(|(name, text)| (name, text.replace("correlation:", more)));
        let files: Vec<(&str, &str)> =
            files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let loaded = load(false, &files).unwrap();
        loaded.rules.reported().map(|meta| meta.id.clone()).collect()
    };
    assert_eq!(reported("correlation:"), ["c"]);
    assert_eq!(reported("correlation:\n  generate: true"), ["a", "c"]);
}

#[test]
fn what_a_chosen_rule_rests_on_is_asked_and_not_reported() {
    let text = correlation("c", "[a]", "").replace("type:", "generate: true\n  type:");
    let files =
        [("c.yml", text.as_str()), ("a.yml", &rule("name: a")), ("b.yml", &rule("name: b"))];
    let chosen = load(false, &files).unwrap().rules.select(&["c".into()], &[]).unwrap();
    assert_eq!(ids(&chosen), ["a", "c"]);
    assert_eq!(chosen.reported().map(|meta| &*meta.id).collect::<Vec<_>>(), ["c"]);
    assert_eq!(chosen.len(), 1);
}

#[test]
fn everything_that_is_wrong_is_said_at_once_with_its_place() {
    let errors = load(
        true,
        &[
            ("1.yml", &format!("title: T\n{LOGSOURCE}\ndetection: {{a: [b\n")),
            ("2.yml", "title: T\nlogsource: {product: aws, service: cloudtrail}\n"),
            ("3.yml", &rule("").replace("eventName:", "eventName|like:")),
            ("4.yml", &rule("").replace("condition: selection", "condition: nothing")),
            ("6.yml", &rule("").replace("condition: selection", "condition: (selection")),
            (
                "a.yml",
                &rule("").replace("eventName:", "'eventName|re':").replace("DisableKey", "'('"),
            ),
        ],
    )
    .unwrap_err();
    let starts = [
        "1.yml:4:1: YAML parse error: ",
        "2.yml: Missing required field 'detection'",
        "3.yml:5: Unknown modifier 'like'",
        "4.yml:6: unknown detection identifier: nothing",
        "6.yml:6: Condition parse error",
        "a.yml: invalid regex pattern",
    ];
    assert_eq!(errors.len(), starts.len(), "{errors:#?}");
    for (error, start) in errors.iter().zip(starts) {
        assert!(error.starts_with(start), "{error} is not {start}");
    }
}

#[test]
fn a_path_that_is_not_there_and_a_folder_without_rules_are_errors() {
    let empty = TempDir::new().unwrap();
    let missing = empty.path().join("missing.yml");
    let errors = RuleSet::load(true, &[missing.clone(), empty.path().to_owned()], &Arc::default())
        .unwrap_err();
    assert_eq!(errors.len(), 2);
    assert!(errors[0].to_string().starts_with(&format!("{}: cannot read", missing.display())));
    assert!(errors[1].hint().unwrap().contains("*.yml"));
}

#[test]
fn one_file_named_twice_is_one_rule() {
    let folder = folder(&[("a.yml", &rule(""))]);
    let file = folder.path().join("a.yml");
    let loaded = RuleSet::load(false, &[folder.path().to_owned(), file], &Arc::default()).unwrap();
    assert_eq!(loaded.rules.len(), 1);
}

#[test]
fn a_users_rule_replaces_the_built_in_one_by_id_or_name() {
    let builtin = RuleSet::load(true, &[], &Arc::default()).unwrap().rules;
    for member in
        ["name: key-disabled", "id: key-disabled", "id: f546b655-14ed-4f7c-8d57-f91fbc5d4b7b"]
    {
        let loaded = load(true, &[("mine.yml", &rule(member))]).unwrap();
        assert_eq!(loaded.replaced[0].to_string(), "mine.yml: replaces key-disabled");
        assert_eq!(loaded.rules.len(), builtin.len());
        let failed = r#"{"eventName":"DisableKey","errorCode":"AccessDenied"}"#;
        let hits = hits(&loaded.rules, failed);
        assert_eq!(hits.len(), 1, "{hits:?}");
        assert_eq!((hits[0].1, hits[0].2), (Level::Medium, false));
        // It still goes by the name it has taken the place of.
        let left = loaded.rules.select(&[], &owned(&["key-disabled"])).unwrap();
        assert_eq!(left.len(), builtin.len() - 1);
    }
}

#[test]
fn a_correlation_that_names_a_rule_over_the_whole_log_does_not_double_it() {
    let text = correlation("c", "[key-tag-mismatch, audit-gap]", "");
    let loaded = load(true, &[("c.yml", &text)]).unwrap();
    let over = over_the_log(&loaded.rules);
    assert_eq!(over, over_the_log(&RuleSet::load(true, &[], &Arc::default()).unwrap().rules));
}

/// The rules whose findings rules over the whole log make or change, by id.
fn over_the_log(rules: &RuleSet) -> Vec<&str> {
    rules.whole_log().map(|rule| rules.metas()[rule.about].id.as_str()).collect()
}

#[test]
fn rules_over_the_whole_log_are_those_that_are_reported() {
    let chosen = |select: &[&str], ignore: &[&str]| {
        let rules = RuleSet::load(true, &[], &Arc::default()).unwrap().rules;
        rules.select(&owned(select), &owned(ignore)).unwrap()
    };
    let tags = ["classification-without-key", "key-governed-tag-changed", "key-tag-mismatch"];
    let all = [&["alias-environment-mismatch", "audit-gap"][..], &tags].concat();
    let all = [&all[..], &["key-tag-one-sided", "log-tampering", "subject-tags-unknown"]].concat();
    let all = [&all[..], &["trail-coverage-missing"]].concat();
    assert_eq!(over_the_log(&chosen(&[], &[])), all);
    let gap = chosen(&["audit-gap"], &[]);
    assert_eq!((over_the_log(&gap), gap.compares_tags()), (vec!["audit-gap"], false));
    assert_eq!(gap.looking_at(LooksAt::Hours).count(), 1);
    // What changes the findings of a rule comes with it, and alone has no tags compared.
    let changed = chosen(&["key-governed-tag-changed"], &[]);
    assert_eq!(over_the_log(&changed), ["key-governed-tag-changed"]);
    assert_eq!((changed.len(), changed.compares_tags()), (1, false));
    let ignored = chosen(&[], &["tags", "aliases"]);
    assert_eq!(over_the_log(&ignored), ["audit-gap", "log-tampering", "trail-coverage-missing"]);
    assert!(chosen(&["classification-without-key"], &[]).compares_tags());
}

#[test]
fn a_users_rule_in_the_place_of_one_over_the_whole_log_is_asked_about_records() {
    let over = |member: &str, id: &str| {
        let loaded = load(true, &[("mine.yml", &rule(member))]).unwrap();
        assert_eq!(loaded.replaced[0].to_string(), format!("mine.yml: replaces {id}"));
        over_the_log(&loaded.rules).contains(&id)
    };
    assert!(!over("id: audit-gap", "audit-gap"));
    assert!(!over("name: key-tag-mismatch", "key-tag-mismatch"));
    assert!(!over("name: key-governed-tag-changed", "key-governed-tag-changed"));
    // It took over the id, and with it what is known of that rule.
    assert!(over("id: key-governed-tag-changed", "key-governed-tag-changed"));
}

#[test]
fn attempts_are_one_level_down_unless_the_rule_looks_for_errors() {
    let rules = RuleSet::load(true, &[], &Arc::default()).unwrap().rules;
    let record = |name: &str, rest: &str| {
        format!(r#"{{"eventSource":"kms.amazonaws.com","eventName":"{name}"{rest}}}"#)
    };
    let of = |rule: &str, text: &str| {
        let found = hits(&rules, text).into_iter().find(|hit| hit.0 == rule);
        found.map(|(_, level, attempt)| (level, attempt))
    };
    let denied = r#","errorCode":"AccessDenied""#;
    assert_eq!(of("key-disabled", &record("DisableKey", "")), Some((Level::High, false)));
    assert_eq!(of("key-disabled", &record("DisableKey", denied)), Some((Level::Medium, true)));
    let pending =
        r#","errorCode":"KMSInvalidStateException","errorMessage":"arn:x is pending deletion.""#;
    assert_eq!(
        of("pending-deletion-key-use", &record("Sign", pending)),
        Some((Level::High, false))
    );
    let root = r#","userIdentity":{"type":"Root"}"#;
    assert_eq!(of("root-user-kms", &record("Decrypt", root)), Some((Level::High, false)));
    assert_eq!(of("root-user-kms", &record("ListKeys", root)), Some((Level::Informational, false)));
    let user = r#","userIdentity":{"type":"IAMUser"}"#;
    let mfa = "critical-call-without-mfa";
    assert_eq!(of(mfa, &record("DisableKey", user)), Some((Level::High, false)));
    assert_eq!(
        of(mfa, &record("DisableKey", &format!("{user}{denied}"))),
        Some((Level::Medium, true))
    );
    assert_eq!(of(mfa, &record("disableKey", user)), None);
    assert_eq!(of(mfa, &record("DisableKey", root)), Some((Level::High, false)));
}

#[test]
fn selectors_are_ids_groups_tags_techniques_and_levels() {
    let pick = |select: &[&str], ignore: &[&str]| {
        let rules = RuleSet::load(true, &[], &Arc::default()).unwrap().rules;
        rules.select(&owned(select), &owned(ignore))
    };
    let count = |select: &[&str], ignore: &[&str]| pick(select, ignore).unwrap().len();
    let all = count(&[], &[]);
    // With what changes its level.
    let created = ["key-created", "key-created-history"];
    assert_eq!(ids(&pick(&["key-created"], &[]).unwrap()), created);
    assert_eq!(ids(&pick(&["3a3fb3c1-a2b4-4187-b104-332a091f9520"], &[]).unwrap()), created);
    let (trail, uses) = (count(&["trail"], &[]), count(&["use"], &[]));
    assert!(trail > 0 && trail + count(&[], &["trail"]) == all);
    assert_eq!(count(&["trail", "use"], &["trail-deleted"]), trail + uses - 1);
    assert_eq!(count(&["attack.t1485"], &[]), count(&["T1485"], &[]));
    assert_eq!(count(&[], &["high"]) + count(&["high"], &[]), all);
    let unknown = pick(&["key-creatd"], &["trial"]).unwrap_err();
    assert_eq!(unknown.len(), 2);
    assert!(
        unknown[0].starts_with("'key-creatd' names no rule: did you mean key-created"),
        "{unknown:?}"
    );
    assert!(unknown[1].contains("trail"), "{unknown:?}");
    assert!(pick(&["trail"], &["trail"]).unwrap().is_empty());
}

#[test]
fn the_digest_is_of_ids_and_texts_whatever_the_order() {
    let of = |files: &[(&str, &str)]| load(false, files).unwrap().rules.digest();
    let (one, two) = (rule("id: one"), rule("id: two"));
    let digest = of(&[("a.yml", &one), ("b.yml", &two)]);
    assert_eq!(digest.len(), "sha256:".len() + 64);
    assert_eq!(digest, of(&[("z.yml", &one), ("b.yml", &two)]));
    assert_ne!(digest, of(&[("a.yml", &one)]));
    assert_ne!(digest, of(&[("a.yml", &one), ("b.yml", &rule("id: two\nlevel: low"))]));
}

/// What `rules/README.md` says of the level of a built-in rule's findings, shown on its example.
#[test]
fn the_example_of_the_readme_sets_its_levels() {
    let readme = include_str!("../../rules/README.md");
    let mark = "<!-- file: rules/lifecycle/key-description-edited.yml -->";
    let (_, rest) = readme.split_once(mark).expect("the example");
    let (_, rest) = rest.split_once("```yaml\n").expect("its text");
    let (block, _) = rest.split_once("   ```").expect("its end");
    let text: String = block.lines().map(|line| format!("{}\n", &line[3..])).collect();
    let call = |description: &str, rest: &str| {
        format!(
            r#"{{"eventSource":"kms.amazonaws.com","eventName":"UpdateKeyDescription",
            "requestParameters":{{"description":"{description}"}}{rest}}}"#
        )
    };
    let level = |own: bool, record: &str| {
        let rules = RuleSet::of_texts(own, &[("key-description-edited", text.clone())]);
        let found = hits(&rules, record);
        assert_eq!(found.len(), 1, "{record}");
        (found[0].1, found[0].2)
    };
    let denied = r#","errorCode":"AccessDenied""#;
    assert_eq!(level(true, &call("billing", "")), (Level::Low, false));
    assert_eq!(level(true, &call("", "")), (Level::Medium, false));
    assert_eq!(level(true, &call("", denied)), (Level::Low, true));
    assert_eq!(level(false, &call("", denied)), (Level::Low, false), "a user's rule has its level");
}
