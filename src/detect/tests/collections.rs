//! Rules as people keep them: copies, filters, counts of older days, titles for names, other files.

use super::*;

/// A correlation of three matches of `rules`, with members before and after it.
pub fn many(rules: &str) -> String {
    format!(
        "title: Many\nid: many\ncorrelation:\n  type: event_count\n  rules: {rules}\n  timespan: 5m\n  condition: {{gte: 3}}\n  generate: true\n"
    )
}

/// A filter of `rules` with this condition over `selection: {userAgent: robot}`.
fn filter(rules: &str, condition: &str) -> String {
    format!(
        "title: F\nid: f\n{LOGSOURCE}\nfilter:\n  rules: {rules}\n  selection: {{userAgent: robot}}\n  condition: {condition}\n"
    )
}

pub fn reported(loaded: &Loaded) -> Vec<&str> {
    loaded.rules.reported().map(|meta| meta.id.as_str()).collect()
}

pub fn problems(loaded: &Loaded) -> Vec<String> {
    loaded.problems.iter().map(ToString::to_string).collect()
}

/// The ids of the rules that match a call of `DisableKey` with further members.
pub fn matched(rules: &RuleSet, members: &str) -> Vec<String> {
    let record = format!(r#"{{"eventName":"DisableKey"{members}}}"#);
    hits(rules, &record).into_iter().map(|(id, ..)| id).collect()
}

#[test]
fn a_copy_of_a_rule_is_the_rule() {
    let one = rule("id: one\nlevel: high\ntags: [attack.t1485, a.b]");
    let same = "---\n# As everybody has it.\ndetection:\n    condition: ( selection )\n    selection:\n        eventName:   'DisableKey'\nlogsource:\n    service: CloudTrail\n    product: AWS\nid: 'one'\ntags:\n    - a.b\n    - attack.t1485\nlevel: high\ntitle: T\nstatus: test\nmodified: 2026-01-01\nauthor: somebody\n";
    for (file, name) in [("a.yml", "b.yml"), ("z.yml", "b.yml")] {
        let both = many("[one]") + same;
        let loaded = load(false, &[(file, &both), (name, &one)]).unwrap();
        assert_eq!(problems(&loaded), [""; 0]);
        assert_eq!(reported(&loaded), ["many", "one"]);
        assert_eq!(matched(&loaded.rules, ""), ["one"]);
        // The file that is about it alone.
        assert_eq!(loaded.rules.named("one").unwrap().origin.rsplit('/').next(), Some(name));
    }
}

#[test]
fn one_id_for_two_rules_leaves_both_out_with_what_rests_on_them() {
    let one = rule("id: one");
    for (old, new) in [
        ("DisableKey", "EnableKey"),
        ("id: one", "id: one\nlevel: high"),
        ("title: T", "title: U"),
        ("id: one", "id: one\nkeytrail: {advice: Look.}"),
        ("condition: selection", "condition: not selection"),
        ("eventName:", "eventName|cased:"),
    ] {
        let other = one.replace(old, new);
        assert_ne!(other, one);
        let files = [
            ("a.yml", one.as_str()),
            ("b.yml", &other),
            ("c.yml", &many("[one]")),
            ("d.yml", &rule("id: d")),
        ];
        let loaded = load(false, &files).unwrap();
        assert_eq!(reported(&loaded), ["d"], "{new}");
        assert_eq!(
            problems(&loaded),
            [
                "a.yml: rule: the id 'one' stands for different rules here and in b.yml: none of them is evaluated; give each rule its own id",
                "c.yml: rule: 'Many' is not evaluated: it names 'one', which is left out",
            ]
        );
    }
    let twice = format!("{one}---\n{}", one.replace("DisableKey", "EnableKey"));
    let loaded = load(true, &[("a.yml", &twice)]).unwrap();
    assert!(problems(&loaded)[0].contains("different rules in this file"), "{:?}", loaded.problems);
    assert_eq!(loaded.rules.len(), registry::RULES.len());
}

#[test]
fn rules_that_cannot_be_compared_are_no_copies() {
    // Keys that are no text.
    let odd = rule("id: one\ncustom_attributes: {a: {1: x, [b]: y}}");
    let other = odd.replace("DisableKey", "EnableKey");
    let loaded = load(false, &[("a.yml", &format!("{odd}---\n{other}"))]).unwrap();
    assert!(problems(&loaded)[0].contains("different rules in this file"), "{:?}", loaded.problems);
    assert_eq!(reported(&loaded), [""; 0]);
    assert_eq!(reported(&load(false, &[("a.yml", &odd)]).unwrap()), ["one"]);
}

#[test]
fn what_rests_on_a_rule_that_is_left_out_is_told_all_the_way_up() {
    let one = rule("id: one");
    let two = one.replace("DisableKey", "EnableKey");
    let named = |n: usize| format!("n{n}");
    let chain: Vec<String> = (0..2_000)
        .map(|n| {
            let below = if n == 0 { "one".to_owned() } else { named(n - 1) };
            many(&format!("[{below}]")).replace("Many", &named(n)).replace("many", &named(n))
        })
        .collect();
    // The last one first, so that each pass over all of them would find one.
    let chain: Vec<&str> = chain.iter().rev().map(String::as_str).collect();
    let files = [
        ("a.yml", one.as_str()),
        ("b.yml", &two),
        ("c.yml", &chain.join("---\n")),
        ("d.yml", &rule("id: d")),
    ];
    let loaded = load(false, &files).unwrap();
    assert_eq!((reported(&loaded), loaded.problems.len()), (vec!["d"], 2_001));
}

#[test]
fn rules_for_other_logs_conflict_with_nothing() {
    let windows = |name: &str| {
        rule("id: one")
            .replace(LOGSOURCE, "logsource: {product: windows}")
            .replace("DisableKey", name)
    };
    let files = [("a.yml", windows("A")), ("b.yml", windows("B")), ("c.yml", rule("id: one"))];
    let files: Vec<(&str, &str)> =
        files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let loaded = load(false, &files).unwrap();
    assert_eq!((problems(&loaded).len(), loaded.skipped.len()), (0, 2));
    assert_eq!(reported(&loaded), ["one"]);
}

#[test]
fn rules_without_an_id_in_one_file_are_told_apart() {
    let text = format!("{}---\n{}---\n{}", rule(""), rule("id: b"), rule("level: low"));
    let loaded = load(false, &[("x.yml", &text)]).unwrap();
    assert_eq!(reported(&loaded), ["b", "x", "x#2"]);
}

#[test]
fn correlations_may_name_rules_by_title() {
    let named = rule("id: a").replace("title: T", "title: Key Gone");
    let far = rule("id: z").replace("title: T", "title: Key Gone").replace("Disable", "Enable");
    let both = format!("{}---\n{named}", many("[Key Gone]"));
    let loaded = load(false, &[("1.yml", &far), ("2.yml", &both)]).unwrap();
    let feeds = |id: &str| {
        let at = loaded.rules.metas().iter().position(|meta| meta.id == id).unwrap();
        loaded.rules.feeds(at).len()
    };
    assert_eq!((feeds("a"), feeds("z")), (1, 0), "the one in its own file");
    // A name comes before a title, and a correlation never means itself by its title.
    let text = many("[Many]") + "---\n" + &rule("id: m").replace("title: T", "title: Many");
    assert_eq!(reported(&load(false, &[("1.yml", &text)]).unwrap()), ["m", "many"]);
    let windows = named.replace(LOGSOURCE, "logsource: {product: windows}");
    let loaded = load(false, &[("1.yml", &many("[Key Gone]")), ("2.yml", &windows)]).unwrap();
    assert_eq!(reported(&loaded), [""; 0]);
    assert!(
        loaded.skipped[0].contains("'Key Gone', which was passed over"),
        "{:?}",
        loaded.skipped
    );
}

#[test]
fn a_filter_narrows_the_rules_that_it_names() {
    let files = |filter: &str| {
        let a = rule("id: a\nname: n").replace("title: T", "title: Titled");
        let other = rule("id: c")
            .replace(LOGSOURCE, "logsource: {product: aws, service: cloudtrail, category: x}");
        load(
            false,
            &[("a.yml", &a), ("b.yml", &rule("id: b")), ("c.yml", &other), ("f.yml", filter)],
        )
    };
    let robot = r#","userAgent":"Robot""#;
    for (rules, left) in [
        ("[a]", &["b", "c"][..]),
        ("a", &["b", "c"]),
        ("[n, nobody]", &["b", "c"]),
        ("[Titled]", &["b", "c"]),
        ("[a, b]", &["c"]),
        ("any", &[]),
        ("All", &[]),
    ] {
        let loaded = files(&filter(rules, "not selection")).unwrap();
        assert_eq!(matched(&loaded.rules, robot), left, "{rules}");
        assert_eq!(matched(&loaded.rules, r#","userAgent":"x""#), ["a", "b", "c"], "{rules}");
        assert_eq!(matched(&loaded.rules, ""), ["a", "b", "c"], "{rules}");
        assert!(loaded.skipped.is_empty(), "{:?}", loaded.skipped);
    }
    let keeping = files(&filter("[a]", "selection")).unwrap();
    assert_eq!(matched(&keeping.rules, ""), ["b", "c"]);
    assert_eq!(matched(&keeping.rules, robot), ["a", "b", "c"]);
    let category = filter("any", "not selection")
        .replace("service: CloudTrail", "service: CloudTrail, category: x");
    assert_eq!(matched(&files(&category).unwrap().rules, robot), ["a", "b"]);
    // What a filter calls its detections is its own business.
    let own = rule("id: a").replace("condition: selection", "condition: 1 of *ion");
    let filter = filter("any", "not 1 of selection*");
    let loaded = load(false, &[("a.yml", &own), ("f.yml", &filter)]).unwrap();
    assert_eq!([matched(&loaded.rules, robot).len(), matched(&loaded.rules, "").len()], [0, 1]);
    // The digest of a rule changes with its filter.
    let digest = |filter: &str| files(filter).unwrap().rules.digest();
    assert_ne!(digest(&filter), digest(&filter.replace("robot", "human")));
}

#[test]
fn a_filter_narrows_what_a_correlation_counts_and_no_built_in_rule() {
    let text =
        format!("{}---\n{}---\n{}", many("[a]"), rule("id: a"), filter("any", "not selection"));
    let loaded = load(true, &[("a.yml", &text)]).unwrap();
    let kms = r#","eventSource":"kms.amazonaws.com","userAgent":"robot""#;
    let matched = matched(&loaded.rules, kms);
    assert!(matched.contains(&"key-disabled".to_owned()) && !matched.contains(&"a".to_owned()));
    assert_eq!(loaded.rules.len(), registry::RULES.len() + 2);
}

#[test]
fn filters_that_narrow_nothing_say_so() {
    let with = |filter: &str| load(false, &[("a.yml", &rule("id: a")), ("f.yml", filter)]);
    let said = |filter: &str| {
        let loaded = with(filter).unwrap();
        assert_eq!(reported(&loaded), ["a"]);
        loaded.skipped.join("\n")
    };
    let not = |rules: &str| filter(rules, "not selection");
    assert!(said(&not("[key-disabled]")).contains("'F': a filter narrows your own rules over single records, and none is called 'key-disabled'"));
    assert!(
        said(&not("any").replace("AWS", "windows")).contains("log source is windows/CloudTrail")
    );
    assert!(said(&not("any").replace("userAgent", "userAgent|expand")).contains("`|expand`"));
    assert!(said(&filter("any", "[selection, not selection]")).contains("one condition"));
    let wrong = not("any").replace("userAgent: robot", "userAgent|re: '('");
    assert!(with(&wrong).unwrap_err()[0].starts_with("f.yml: invalid regex"));
    let missing = not("any").replace("not selection", "not other");
    assert!(with(&missing).unwrap_err()[0].starts_with("f.yml:"), "{:?}", with(&missing));
}

#[test]
fn a_count_at_the_end_of_a_condition_is_a_correlation() {
    let counted = |count: &str, more: &str| {
        rule("id: a\nlevel: high")
            .replace("condition: selection", &format!("condition: selection | {count}{more}"))
    };
    for (count, more) in [
        ("count() by awsRegion > 5", "\n  timeframe: 10m"),
        ("count(eventID) by awsRegion, userAgent >= 2", "\ntimeframe: 1h"),
        ("count() > 3", ""),
    ] {
        let loaded = load(false, &[("a.yml", &counted(count, more))]).unwrap();
        assert_eq!(ids(&loaded.rules), ["a", "a#events"], "{count}");
        assert_eq!(reported(&loaded), ["a"]);
        assert_eq!(loaded.rules.metas()[0].level, Level::High);
        assert_eq!(matched(&loaded.rules, ""), ["a#events"]);
        assert_eq!(loaded.rules.stateful().count(), 1);
        let chosen = loaded.rules.select(&owned(&["a"]), &[]).unwrap();
        assert_eq!(ids(&chosen), ["a", "a#events"]);
    }
    let text = counted("count() > 3", "") + "---\n" + &filter("[a]", "not selection");
    let loaded = load(false, &[("a.yml", &text)]).unwrap();
    assert_eq!(matched(&loaded.rules, r#","userAgent":"robot""#), [""; 0]);
    for other in ["sum(x) > 5", "count() by x", "near b within 5m"] {
        let loaded =
            load(false, &[("a.yml", &counted(other, "")), ("b.yml", &many("[a]"))]).unwrap();
        assert_eq!(loaded.skipped.len(), 2, "{other}: {:?}", loaded.skipped);
        assert!(loaded.skipped[0].contains("write a Sigma correlation"), "{:?}", loaded.skipped);
    }
}

#[test]
fn older_and_looser_forms_are_understood() {
    let service = rule("id: a").replace(LOGSOURCE, "logsource: {service: cloudtrail}");
    let all_of_aws = rule("id: b").replace(LOGSOURCE, "logsource: {product: aws}");
    let capitals =
        rule("id: c\nlevel: High\nstatus: Experimental\ndate: 2020/01/21\nfalsepositives:");
    let empty = format!("---\n---\n{}---\n", rule("id: d"));
    let odd = rule(
        "id: e\nstatus: whatever\nrelated: [{id: x, type: somehow}]\ntaxonomy: own\nscope: [x]\ncustom: {a: [1]}",
    );
    let guard_duty =
        rule("id: f").replace(LOGSOURCE, "logsource: {product: aws, service: guardduty}");
    let files = [
        ("a.yml", &*service),
        ("b.YML", &all_of_aws),
        ("c.yml", &capitals),
        ("d.yml", &empty),
        ("e.yml", &odd),
        ("f.yml", &guard_duty),
    ];
    let loaded = load(false, &files).unwrap();
    assert_eq!(reported(&loaded), ["a", "b", "c", "d", "e"]);
    assert_eq!(loaded.skipped, ["f.yml: 'T': log source is aws/guardduty, not aws/cloudtrail"]);
    assert_eq!(loaded.rules.named("c").unwrap().level, Level::High);
}

#[test]
fn other_yaml_in_a_folder_is_passed_over_and_by_itself_is_an_error() {
    let compose = "services:\n  web: {image: x}\n";
    let files = [("rules/a.yml", &*rule("id: a")), ("compose.yml", compose), ("read.me", "x")];
    let loaded = load(false, &files).unwrap();
    assert_eq!(reported(&loaded), ["a"]);
    assert!(loaded.skipped[0].starts_with("compose.yml: it is no Sigma"), "{:?}", loaded.skipped);
    let folder = folder(&files);
    let named = RuleSet::load(false, &[folder.path().join("compose.yml")], &Arc::default());
    assert!(named.unwrap_err()[0].to_string().contains("Missing required field"));
}

#[test]
fn a_part_of_an_object_is_found_in_its_text() {
    let with = |line: &str| {
        let rule = rule("id: a").replace("{eventName: DisableKey}", &format!("{{{line}}}"));
        load(false, &[("a.yml", &rule)]).unwrap().rules
    };
    let record = r#","requestParameters":{"bucketName":"b","status":"Suspended","deep":[{"policy":"{\"Effect\": \"Allow\"}"}],"port":443}"#;
    for (line, found) in [
        ("requestParameters|contains: suspended", true),
        ("requestParameters|contains|all: ['Suspended', '\"Effect\": \"Allow\"']", true),
        ("requestParameters|contains|all: ['Suspended', 'Deny']", false),
        ("requestParameters|re: '\"status\":\"Susp'", true),
        ("requestParameters|contains: '\"port\":443'", true),
        ("requestParameters.deep|contains: Allow", true),
        ("requestParameters.status|contains: spend", true),
        ("requestParameters|contains: Enabled", false),
        ("requestParameters: Suspended", false),
        ("requestParameters.bucketName|contains: Suspended", false),
    ] {
        assert_eq!(matched(&with(line), record).len(), usize::from(found), "{line}");
        let part = if line.contains("status|") {
            record.replace("b\"", "c\"")
        } else {
            record.replace(['S', 's'], "x").replace("Allow", "x").replace("443", "1")
        };
        assert!(line.contains("status|") || matched(&with(line), &part).is_empty(), "{line}");
    }
    let nothing = r#","requestParameters":null"#;
    assert!(matched(&with("requestParameters|contains: a"), nothing).is_empty());
    assert!(matched(&with("requestParameters|contains: a"), "").is_empty());
}

/// Members of a record that rules are asked about.
const MEMBERS: &str = r#","eventSource":"s3.amazonaws.com","sourceIPAddress":"203.0.113.7","userAgent":"[S3 Browser/9.5]","errorCode":null,"readOnly":false,"requestParameters":{"public":true,"port":443,"size":"10","empty":"","star":"a*b","cmd":"-enc dGVzdA==","dash":"/enc x","owner":"203.0.113.7","containers":[{"command":["sh","-c"]},{"command":["curl"]}]}"#;

#[test]
fn values_match_as_collections_write_them() {
    for (line, found) in [
        ("readOnly: 'false'", true),
        ("requestParameters.public: 'True'", true),
        ("requestParameters.public: true", true),
        ("requestParameters.port: '443'", true),
        ("requestParameters.port: 443", true),
        ("requestParameters.port|gte: 443", true),
        ("requestParameters.size: 10", true),
        ("requestParameters.empty: ''", true),
        ("requestParameters.none: ''", false),
        ("errorCode: null", true),
        ("errorMessage: null", true),
        ("eventSource: null", false),
        ("errorMessage|exists: false", true),
        ("eventSource|exists: 'yes'", true),
        ("eventsource: s3.amazonaws.com", false),
        ("eventSource: S3.AmazonAWS.com", true),
        ("eventSource|cased: S3.AmazonAWS.com", false),
        ("userAgent: '*s3 browser*'", true),
        ("userAgent: '[S3 Browser/?.?]'", true),
        ("userAgent|startswith: '[S3'", true),
        ("userAgent|endswith: [']', x]", true),
        ("userAgent|contains|all: [browser, '9.5']", true),
        ("userAgent|re: 'S3 Browser/\\d'", true),
        ("userAgent|re|i: 's3 BROWSER'", true),
        ("userAgent|re: 's3 BROWSER'", false),
        ("requestParameters.star: 'a\\*b'", true),
        ("requestParameters.star: 'a\\*c'", false),
        ("requestParameters.cmd|contains: '-enc'", true),
        ("requestParameters.dash|windash|contains: '-enc'", true),
        ("requestParameters.cmd|base64offset|contains: test", true),
        ("requestParameters.owner|fieldref: sourceIPAddress", true),
        ("requestParameters.size|fieldref: sourceIPAddress", false),
        ("sourceIPAddress|cidr: 203.0.113.0/24", true),
        ("sourceIPAddress|cidr: [10.0.0.0/8, 192.0.2.0/24]", false),
        ("requestParameters.containers.command: curl", true),
        ("requestParameters.containers.command|contains: url", true),
    ] {
        let rule = rule("id: a")
            .replace("{eventName: DisableKey}", &format!("{{eventName: DisableKey, {line}}}"));
        let rules =
            load(false, &[("a.yml", &rule)]).unwrap_or_else(|e| panic!("{line}: {e:?}")).rules;
        assert_eq!(matched(&rules, MEMBERS).len(), usize::from(found), "{line}");
    }
}

#[test]
fn detections_and_conditions_have_every_shape() {
    for (detection, found) in [
        ("selection: [browser]", true),
        ("selection: ['*S3 Browser*', other]", true),
        ("selection: [nobody]", false),
        ("selection: [{eventName: X}, {eventName: DisableKey}]", true),
        ("selection_a: {eventName: DisableKey}\n  selection_b: {eventName: X}", true),
    ] {
        for condition in
            ["1 of them", "1 of selection*", "any of selection*", "[all of them, 1 of them]"]
        {
            let text = format!(
                "title: T\n{LOGSOURCE}\ndetection:\n  {detection}\n  condition: {condition}\n"
            );
            let rules =
                load(false, &[("a.yml", &text)]).unwrap_or_else(|e| panic!("{text}: {e:?}")).rules;
            assert_eq!(matched(&rules, MEMBERS).len(), usize::from(found), "{text}");
        }
    }
}

#[test]
fn a_correlation_in_a_folder_costs_only_itself_and_what_rests_on_it() {
    let own = rule("id: one");
    let itself = many("[many]");
    let over = many("[many]").replace("many\ncorr", "over\ncorr").replace("Many", "Over");
    let files = [("a.yml", own.as_str()), ("b.yml", &itself), ("c.yml", &over)];
    let loaded = load(true, &files).unwrap();
    assert_eq!(loaded.rules.len(), registry::RULES.len() + 1);
    let told = problems(&loaded);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].contains("'Many' is not evaluated: the correlation rests on itself"),
        "{told:?}"
    );
    assert!(told[1].contains("'Over' is not evaluated"), "{told:?}");
    assert!(loaded.reasons["many"].contains("rests on itself"), "{:?}", loaded.reasons);
}

#[test]
fn a_uuid_in_capitals_is_the_same_id() {
    let id = "0c9f7b52-5a1e-4f6e-9a0f-2d0f6ac54a01";
    let one = rule(&format!("id: {id}"));
    let same = one.replace(id, &id.to_uppercase());
    let loaded = load(false, &[("a.yml", &one), ("b.yml", &same)]).unwrap();
    assert_eq!((reported(&loaded).len(), problems(&loaded).len()), (1, 0));
    let other = same.replace("DisableKey", "EnableKey");
    let loaded = load(false, &[("a.yml", &one), ("b.yml", &other)]).unwrap();
    assert_eq!((reported(&loaded).len(), problems(&loaded).len()), (0, 1));
}

#[test]
fn files_of_others_stop_nothing() {
    let own = rule("id: one");
    for text in [
        "name: x\nfilter: production\n",
        "filter: [a, b]\n",
        "name: dev\nfilter:\n  - env: prod\n",
        "filter:\n  rules: [a, b]\n",
        "title: laws\nlogsource: {product: windows}\ndetection: {a: {b: 1}, a: {b: 2}, condition: a}\n",
        "{{- if .Values.aws }}\nfilter: x\n{{- end }}\n",
        "{{- if .x }}\ncorrelation: x\n{{- end }}\n",
    ] {
        let loaded = load(false, &[("a.yml", own.as_str()), ("b.yml", text)]);
        let loaded = loaded.unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
        assert_eq!((reported(&loaded), loaded.skipped.len()), (vec!["one"], 1), "{text}");
    }
}
