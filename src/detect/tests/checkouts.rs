//! Folders as they are: rules for other logs, other files, older forms, and rules with mistakes.

use super::collections::{many, matched, problems, reported};
use super::*;

const GOOD: &str = "title: G\nid: good\nlogsource: {product: aws, service: cloudtrail}\ndetection:\n  selection: {eventName: DisableKey}\n  condition: selection\n";

/// What is said of another file beside a good rule.
fn beside(text: &str) -> Loaded {
    let loaded = load(false, &[("a.yml", text), ("good.yml", GOOD)]);
    let loaded = loaded.unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
    assert!(reported(&loaded).contains(&"good"), "{text}");
    loaded
}

fn passed_over(text: &str, reason: &str) {
    let loaded = beside(text);
    assert!(loaded.skipped.iter().any(|one| one.contains(reason)), "{text}: {:?}", loaded.skipped);
    assert!(loaded.skipped.iter().all(|one| one.starts_with("a.yml: ")), "{:?}", loaded.skipped);
    assert_eq!(problems(&loaded), [""; 0], "{text}");
}

#[test]
fn what_is_no_rule_for_these_logs_stops_nothing() {
    for (text, reason) in [
        (
            "title: Someone\norder: 20\nlogsources: {a: {product: windows}}\n",
            "'Someone': it is no Sigma",
        ),
        ("title: Mapping\nlogsource: {product: aws}\n", "it is no Sigma"),
        ("name: x\ndetection: {sigma_id: y}\n", "log source is none"),
        ("name: x\ncorrelation: {a: b}\n", "Missing required field"),
        ("- a\n", "it is no Sigma"),
        ("text\n", "it is no Sigma"),
        ("", "it holds no rule"),
        ("# nothing\n", "it holds no rule"),
        ("action: allow\nx: 1\n", "it is no Sigma"),
        ("{{- if .Values.x }}\nkind: X\n{{- end }}\n", "it is no YAML"),
        (
            "title: W\nlogsource: {product: windows}\ndetection:\n  a: {b: c}\n  condition: a AND\n",
            "'W': log source is windows",
        ),
        (
            "title: W\nlogsource: {product: windows}\nlevel: info\ndetection:\n  a: {b: c}\n  condition: a\n",
            "'W': log source is windows",
        ),
        (
            "title: W\nlogsource:\ndetection:\n  a: {b: c}\n  condition: a\n",
            "'W': log source is none",
        ),
        (
            "title: W\nlogsource: linux\ndetection:\n  a: {b: c}\n  condition: a\n",
            "'W': log source is linux",
        ),
    ] {
        passed_over(text, reason);
        let folder = folder(&[("a.yml", text)]);
        let named = RuleSet::load(false, &[folder.path().join("a.yml")], &Arc::default());
        assert_eq!(named.is_err(), !text.starts_with("title: W\n"), "{text}");
    }
    let folder = folder(&[("good.yml", GOOD)]);
    for (bytes, is_told) in [
        (&b"title: \xe4\nlogsource: {product: windows}\ndetection: {}\n"[..], false),
        (b"\xff\xfet\0i\0t\0l\0e\0", false),
        (b"title: \xe4\nlogsource: {product: aws}\ndetection: {}\n", true),
        (b"\xff\xfel\0o\0g\0s\0o\0u\0r\0c\0e\0:\0 \0a\0w\0s\0", true),
    ] {
        fs::write(folder.path().join("a.yml"), bytes).unwrap();
        let loaded = RuleSet::load(false, &[folder.path().to_owned()], &Arc::default());
        assert_eq!(loaded.is_err(), is_told, "{bytes:?}");
    }
}

#[test]
fn a_mistake_in_a_rule_for_these_logs_is_told() {
    for (old, new) in [
        ("condition: selection", "condition: selektion"),
        ("condition: selection", "condition: (selection"),
        ("detection:", "detections:"),
        ("title: G\n", ""),
        ("eventName:", "eventName|frob:"),
        ("{eventName: DisableKey}", "{eventName: [}"),
    ] {
        assert!(GOOD.contains(old));
        let loaded = load(false, &[("a.yml", &GOOD.replace(old, new))]);
        assert!(loaded.is_err(), "{new}: {loaded:?}");
    }
    for level in ["severe", "info", "3", "[high]", "{a: b}"] {
        let loaded = beside(&GOOD.replace("id: good", &format!("id: odd\nlevel: {level}")));
        let said = problems(&loaded).join("\n");
        assert!(said.contains("'G' is not evaluated: invalid level: "), "{said}");
        assert!(said.contains("informational, low, medium, high, critical"), "{said}");
        assert!(loaded.reasons["odd"].contains("invalid level"));
    }
    let loaded = beside(&GOOD.replace("id: good", "id: odd\nlevel: ''"));
    assert_eq!(reported(&loaded), ["good", "odd"]);
}

#[test]
fn words_in_capitals_and_categories_are_understood() {
    let with = |old: &str, new: &str| {
        assert!(GOOD.contains(old));
        let text = GOOD.replace("id: good", "id: a").replace(old, new);
        let loaded = load(false, &[("a.yml", &text)]).unwrap();
        matched(&loaded.rules, r#","awsRegion":"eu-west-1""#)
    };
    let more = "x: {awsRegion: eu-west-1}\n  y: {awsRegion: no}\n  condition: ";
    for (condition, found) in [
        ("selection AND NOT y", 1),
        ("selection AND y", 0),
        ("selection AND (x OR y)", 1),
        ("ALL OF THEM", 0),
        ("1 OF x* AND selection", 1),
    ] {
        let found_by = with("condition: selection", &format!("{more}{condition}"));
        assert_eq!(found_by.len(), found, "{condition}");
    }
    let counted = with("condition: selection", &format!("{more}selection AND x | count() > 2"));
    assert_eq!(counted, ["a#events"]);
    assert_eq!(with("service: cloudtrail", "category: cloudtrail").len(), 1);
    let upper =
        GOOD.replace("selection", "AND").replace("condition: AND", "condition: AND AND AND");
    assert!(load(false, &[("a.yml", &upper)]).is_err());
}

#[test]
fn fields_within_fields_are_understood() {
    let record =
        r#","requestParameters":{"encryption":"AES256","rules":[{"days":1},{"name":"x"}]}"#;
    for (lines, found) in [
        ("requestParameters: {encryption: AES256}", 1),
        ("requestParameters: {encryption|startswith: aes}", 1),
        ("requestParameters: {encryption: other}", 0),
        ("requestParameters.rules: [{days: 1}, {days: 7}]", 1),
        ("requestParameters: {rules: [{days: 7}, {name: x}]}", 1),
        ("requestParameters: {rules: [{days: 7}, {name: y}]}", 0),
    ] {
        let text =
            GOOD.replace("eventName: DisableKey", &format!("eventName: DisableKey, {lines}"));
        let loaded = load(false, &[("a.yml", &text)]).unwrap();
        assert_eq!(matched(&loaded.rules, record).len(), found, "{lines}");
    }
    let odd = GOOD.replace("id: good", "id: odd");
    passed_over(
        &odd.replace("{eventName: DisableKey}", "{a|contains: {b: c}}"),
        "'G': 'a|contains'",
    );
    for empty in ["", "{}", "[]"] {
        let text = odd.replace("{eventName: DisableKey}", empty);
        passed_over(&text, "'G': its detection 'selection' is empty");
    }
}

#[test]
fn what_cannot_be_evaluated_is_passed_over_with_a_reason() {
    let odd = GOOD.replace("id: good", "id: odd");
    let with = |new: &str| odd.replace("{eventName: DisableKey}", new);
    passed_over(&with(r"{eventName|re: '^(?!Get).*'}"), "'G': `|re` knows no look-around");
    passed_over(&with(r"{eventName|re: '(a)\1'}"), "'G': `|re` knows no look-around");
    for count in ["count() > 2 by awsRegion", "near selection", "SUM(x) > 3"] {
        let text = odd.replace("condition: selection", &format!("condition: {count}"));
        passed_over(&text, "write a Sigma correlation");
    }
    let correlation = many("[good]");
    for (old, new) in [
        ("timespan: 5m", "timespan: 1hour"),
        ("timespan: 5m", "timespan: 300"),
        ("event_count", "temporal_extended"),
        ("gte:", "distinct_count_gte:"),
        ("{gte: 3}", "{gte: many}"),
    ] {
        assert!(correlation.contains(old));
        let text = correlation.replace(old, new);
        passed_over(&text, "a.yml: 'Many': Invalid ");
        let both = format!("{text}---\n{GOOD}");
        let folder = folder(&[("both.yml", &both)]);
        let named = RuleSet::load(false, &[folder.path().join("both.yml")], &Arc::default());
        assert_eq!(named.is_ok(), !matches!(new, "timespan: 300" | "{gte: many}"), "{new}");
    }
}

#[test]
fn a_time_without_a_count_means_nothing() {
    let text = GOOD.replace("condition:", "timeframe: 10m\n  condition:");
    for condition in ["selection", "[selection, selection]"] {
        let text = text.replace("condition: selection", &format!("condition: {condition}"));
        let loaded = load(false, &[("a.yml", &text)]).unwrap();
        assert_eq!(reported(&loaded), ["good"]);
        let notes: Vec<String> = loaded.notes().into_iter().map(|note| note.message).collect();
        assert!(notes[0].starts_with("The rule 'G' has a `timeframe`"), "{notes:?}");
    }
}

#[test]
fn a_correlation_names_rules_in_any_case_and_says_which_is_missing() {
    let id = "0c9f7b52-5a1e-4f6e-9a0f-2d0f6ac54a01";
    let base = GOOD.replace("id: good", &format!("id: {id}"));
    let upper = id.to_uppercase();
    for (named, own) in [(&*upper, id), (id, &*upper), (&upper, &upper)] {
        let text = base.replace(id, own)
            + "---\n"
            + &many(&format!("[{named}]")).replace("gte: 3", "gte: '3'");
        let loaded = beside(&text);
        assert_eq!(reported(&loaded), [own, "good", "many"], "{named}");
        assert_eq!((loaded.skipped.len(), loaded.problems.len()), (0, 0));
    }
    let over = many("[many]").replace("title: Many\nid: many", "title: Over\nid: over");
    let loaded = beside(&(many("[nobody]") + "---\n" + &over));
    assert_eq!(reported(&loaded), ["good"]);
    assert_eq!(
        problems(&loaded),
        [
            "a.yml: rule: 'Many' is not evaluated: it names 'nobody', which is no rule; rules are named by their `id`, `name` or title",
            "a.yml: rule: 'Over' is not evaluated: it names 'many', which is left out",
        ]
    );
    // Built-in rules are known, and in a file that is named itself it is an error.
    let loaded = load(true, &[("a.yml", &many("[key-disabled]"))]).unwrap();
    assert!(reported(&loaded).contains(&"many"));
    let folder = folder(&[("a.yml", &many("[nobody]"))]);
    let named = RuleSet::load(true, &[folder.path().join("a.yml")], &Arc::default());
    assert!(named.unwrap_err()[0].to_string().contains("'nobody', which is no rule"));
}

#[test]
fn stars_nulls_numbers_and_addresses_match_as_they_are_meant() {
    let record = r#","sourceIPAddress":"203.0.113.7","vpcEndpointId":"2001:db8::1","userAgent":"x","errorMessage":null,"recipientAccountId":"111122223333","responseElements":{"ConsoleLogin":"Failure"},"resources":[{"ARN":"arn:id:1"},{"type":"t"}],"requestParameters":{"none":null,"list":["a"],"port":22,"empty":{}}"#;
    for (lines, found) in [
        ("{responseElements: '*Failure*'}", true),
        ("{responseElements: '*Success*'}", false),
        ("{responseElements: ['*no*', '*failure*']}", true),
        ("{responseElements: ['*no*', Failure]}", false),
        ("{responseElements|cased: '*failure*'}", false),
        ("{resources: '*id*'}", true),
        ("{resources: '*other*'}", false),
        ("{responseElements: '*'}", true),
        ("{responseElements: [Failure, '**']}", true),
        ("{requestParameters.empty: '*'}", true),
        ("{requestParameters.port: '*'}", true),
        ("{requestParameters.list: '*'}", true),
        ("{requestParameters.none: '*'}", false),
        ("{requestParameters.other: '*'}", false),
        ("{userAgent: '*x*', resources: '*id*'}", true),
        ("{errorCode: [null, Success]}", true),
        ("{errorMessage: [Success, null]}", true),
        ("{userAgent: [null, x]}", true),
        ("{userAgent: [null, y]}", false),
        ("{userAgent|contains: [null, y]}", false),
        ("{errorCode|startswith: [null, y]}", true),
        ("[111122223333]", true),
        ("[444455556666]", false),
        ("111122223333", true),
        ("{'|all': [111122223333, Failure]}", true),
        ("{sourceIPAddress|cidr: 203.0.113.7}", true),
        ("{sourceIPAddress|cidr: [203.0.113.8, 203.0.113.9]}", false),
        ("{vpcEndpointId|cidr: '2001:db8::1'}", true),
        ("{vpcEndpointId|cidr: '2001:db8::2'}", false),
    ] {
        let text = GOOD.replace("{eventName: DisableKey}", lines);
        let loaded = load(false, &[("a.yml", &text)]);
        let loaded = loaded.unwrap_or_else(|errors| panic!("{lines}: {errors:?}"));
        assert_eq!(matched(&loaded.rules, record).len(), usize::from(found), "{lines}");
    }
}
