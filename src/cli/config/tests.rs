//! The configuration file: what it may say, and what is refused where.

use super::*;

const FULL: &str = r#"
[accounts]
own = ["111122223333", "444455556666"]
trusted = ["777788889999"]
[regions]
allowed = ["eu-central-1", "us-gov-west-1"]
expected = ["eu-central-1"]
[tags.governed]
CostCenter = ["kostenstelle"]
Owner = []
[aliases]
scheme = "^alias/[a-z]+-[a-z]+$"
[roles]
automation = ["arn:aws:iam::111122223333:role/deploy-*"]
direct_use = ["*:role/vault"]
log_readers = ["*:role/siem"]
inventory = ["*:role/audit"]
encrypt_only = ["*:role/backup"]
[services]
require_customer_keys = ["secretsmanager", "ssm"]
[secrets_buckets."vault.example"]
key = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
readers = ["*:role/vault"]
[enclaves]
images = ["5A5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"]
[monitors]
names = ["kms-*"]
[mfa]
max_age = "15m"
[thresholds]
short_deletion_days = 14
rotation_days = 90
expiry_days = 30
blast_services = 4
blast_accounts = 5
blast_principals = 6
trust_spread_keys = 7
encrypt_only_uses = 8
gap_hours = 9
[[suppress]]
rule = "key-disabled"
principal = "*:role/deploy-*"
key = "alias/test-*"
resource = "*"
trust_context = true
account = "1111*"
region = "eu-*"
reason = "the test keys are switched off at night"
expires = 2027-01-31
[[suppress]]
rule = "key-created"
reason = "x"
expires = "2027-02-28"
"#;

fn read(text: &str) -> Config {
    let (config, wrong) = parse("k.toml", text.as_bytes());
    assert!(wrong.is_empty(), "{wrong:#?}");
    config
}

#[track_caller]
fn refused(text: &str, expected: &[&str]) {
    let (_, wrong) = parse("k.toml", text.as_bytes());
    assert_eq!(wrong, expected, "{text}");
}

#[test]
fn every_key_is_read() {
    let config = read(FULL);
    let estate = &config.estate;
    assert_eq!(estate.own_accounts.len(), 2);
    assert!(estate.trusted_accounts.contains("777788889999"));
    assert!(estate.regions.contains("us-gov-west-1"));
    assert_eq!(estate.expected_regions, ["eu-central-1".to_owned()].into());
    assert_eq!(estate.governed_tags.len(), 2, "in place of the usual ones");
    let tag = estate.governed_tag("Kosten-Stelle").map(|tag| tag.name.as_str());
    assert_eq!(tag, Some("CostCenter"));
    assert!(estate.alias_scheme.as_ref().unwrap().is_match("alias/prod-ledger"));
    assert!(estate.automation_roles.matches("arn:aws:iam::111122223333:role/deploy-eu"));
    assert!(estate.direct_use_roles.matches("arn:aws:iam::111122223333:role/vault"));
    assert!(!estate.log_readers.is_empty() && !estate.inventory_roles.is_empty());
    assert!(!estate.encrypt_only_roles.is_empty());
    assert!(estate.require_customer_keys.contains("ssm"));
    let bucket = &estate.secrets_buckets["vault.example"];
    assert!(bucket.key.is_some() && !bucket.readers.is_empty());
    assert_eq!(estate.enclave_images, ["5a".repeat(32)].into());
    assert!(estate.monitors.matches("kms-alarm"));
    assert_eq!(estate.mfa_max_age, 900);
    let limits = &estate.thresholds;
    assert_eq!(
        (limits.short_deletion_days, limits.rotation_days, limits.expiry_days),
        (14, 90, 30)
    );
    assert_eq!((limits.blast_services, limits.blast_accounts, limits.blast_principals), (4, 5, 6));
    assert_eq!((limits.trust_spread_keys, limits.encrypt_only_uses, limits.gap_hours), (7, 8, 9));
    let [first, second] = config.suppressions.as_slice() else { panic!("two suppressions") };
    assert_eq!(first.suppression.account.as_deref(), Some("1111*"));
    assert_eq!(first.suppression.expires.to_string(), "2027-01-31");
    assert_eq!(first.place, "k.toml:41:8");
    assert_eq!(second.suppression.expires.to_string(), "2027-02-28");
}

/// The template with the sign taken away from what is no remark.
fn set(template: &str) -> String {
    let is_set = |line: &&str| line.starts_with('#') && !line.starts_with("# ") && *line != "#";
    let line = |line| if is_set(&line) { line[1..].to_owned() } else { line.to_owned() };
    template.lines().map(line).collect::<Vec<String>>().join("\n")
}

#[test]
fn the_template_says_nothing_until_a_sign_is_taken_away() {
    let template = template::template();
    let config = read(&template);
    assert_eq!(config.lines(), Config::default().lines());
    assert_eq!((config.usual, config.suppressions.len()), (Usual::default(), 0));
    assert!(template.lines().all(|line| line.starts_with(['#', '[']) || line.is_empty()));
    let config = read(&set(&template));
    for name in keys::settings() {
        let places = config.places.keys();
        let found = places
            .into_iter()
            .any(|place| place == &name || place.starts_with(&format!("{name}[")));
        assert!(found, "{name} is not read");
    }
}

/// A key that is described and not read would be one that the user sets for nothing.
#[test]
fn each_key_that_is_described_is_read_and_no_other() {
    let usual = read("");
    for table in keys::TABLES {
        for key in table.keys {
            let (name, example) = match table.shape {
                key::Shape::One => (format!("[{}]", table.name), key.example),
                key::Shape::Named(name) => (format!("[{}.{name}]", table.name), key.example),
                key::Shape::Listed => (format!("[[{}]]", table.name), key.example),
            };
            let others = table.keys.iter().filter(|other| other.required && other.name != key.name);
            let others: String =
                others.map(|other| format!("{} = {}\n", other.name, other.example)).collect();
            let file = |example: &str| format!("{name}\n{others}{} = {example}\n", key.name);
            let (config, wrong) = parse("k.toml", file(example).as_bytes());
            let no_tag = "tags.shared[0].allow.CostCenter";
            assert!(wrong.iter().all(|wrong| wrong.contains(no_tag)), "{wrong:?}");
            let path = format!("{}.{}", table.name, key.name);
            let read = |place: &String| {
                let place = place.replace("[0]", "");
                place == path
                    || place.starts_with(table.name) && place.ends_with(&format!(".{}", key.name))
            };
            assert!(config.places.keys().any(read), "{path}: {:?}", config.places);
            // Where there is a default, the example is it.
            let stated = matches!(key.kind, key::Kind::Number(..) | key::Kind::Age);
            assert_eq!(config.lines() == usual.lines() && stated, stated, "{path}");
            let wrong = parse("k.toml", file("[[{}]]").as_bytes()).1;
            assert!(!wrong.is_empty(), "{path} takes anything");
        }
    }
    let values = usual.values();
    let names = values.iter().map(|(name, _)| (*name).to_owned());
    let known = keys::settings().filter(|name| !name.starts_with("scan."));
    assert_eq!(names.collect::<Vec<_>>(), known.collect::<Vec<_>>());
}

#[test]
fn what_is_written_as_toml_is_read_back() {
    let odd = "[tags.governed]\n\"a \\\" \u{e9}\" = [\"\u{202e}\\\\\", \"\u{e0001}\"]\n";
    for text in [FULL, "", odd, "[tags.governed]\n"] {
        let config = read(text);
        let values = config.values();
        let value = |name: &str| values.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone());
        let written = document(value, |_| "a remark\n\u{1b}[31m".to_owned());
        assert_eq!(read(&written).lines(), config.lines(), "{written}");
        assert!(!written.contains(['\u{1b}', '\u{202e}', '\u{e0001}']), "{written:?}");
    }
}

#[test]
fn an_empty_file_is_no_file() {
    for text in ["", "\u{feff}", "# nothing\n", "[accounts]\n[roles]\nautomation = []\r\n"] {
        assert_eq!(read(text).lines(), Config::default().lines(), "{text:?}");
    }
}

#[test]
fn the_digest_depends_on_every_value_and_on_no_spelling() {
    let lines = read(FULL).lines();
    assert_ne!(lines, Config::default().lines());
    let spelt =
        FULL.replace(" = ", "=").replace('\n', "\r\n").replace("2027-01-31", "\"2027-01-31\"");
    assert_eq!(read(&spelt).lines(), lines);
    for line in FULL.lines().filter(|line| line.contains(" = ") && !line.starts_with("rule")) {
        if line.starts_with("reason") || line.starts_with("expires") || line.ends_with("[]") {
            continue;
        }
        let without = FULL.replacen(&format!("{line}\n"), "", 1);
        assert_ne!(read(&without).lines(), lines, "{line}");
    }
}

#[test]
fn an_age_is_a_text_or_a_number_of_seconds() {
    for (text, secs) in [("300", 300), ("0x10", 16), ("\"300s\"", 300), ("\"12h\"", 43_200)] {
        assert_eq!(read(&format!("[mfa]\nmax_age = {text}")).estate.mfa_max_age, secs);
    }
    for text in ["0", "-1", "\"300\"", "\"-5s\"", "1.5", "true", "99999999999999", "\"9999999d\""] {
        let (_, wrong) = parse("k.toml", format!("[mfa]\nmax_age = {text}").as_bytes());
        assert_eq!(wrong.len(), 1, "{text}");
        assert!(wrong[0].starts_with("k.toml:2:11: mfa.max_age: expected an age"), "{wrong:?}");
    }
}

#[test]
fn everything_wrong_is_said_at_once_and_in_order() {
    let text = "acounts = 3\n\
                [accounts]\n\
                own = [\"11112222333\", 5]\n\
                trusted = \"x\"\n\
                [regions]\n\
                alowed = []\n\
                [thresholds]\n\
                gap_hours = 0\n\
                [[suppress]]\n\
                rule = \"*\"\n\
                since = 1\n";
    refused(
        text,
        &[
            "k.toml:1:1: unknown key 'acounts': expected one of accounts, regions, tags, aliases, \
             roles, services, secrets_buckets, enclaves, monitors, mfa, thresholds, scan, suppress",
            "k.toml:3:8: accounts.own: '11112222333': expected an account id of 12 digits",
            "k.toml:3:23: accounts.own: expected a text in quotes, found a whole number",
            "k.toml:4:11: accounts.trusted: expected a list of texts, found a text",
            "k.toml:6:1: unknown key 'alowed' in [regions]: expected one of allowed, expected",
            "k.toml:8:13: thresholds.gap_hours: expected a whole number from 1 to 876000",
            "k.toml:9:1: suppress: expires is missing: expected the last day, such as 2027-01-31",
            "k.toml:9:1: suppress: reason is missing: expected why the finding is accepted",
            "k.toml:10:8: suppress.rule: '*': expected one rule id; patterns are not for rules",
            "k.toml:11:1: unknown key 'since' in [suppress]: expected one of rule, principal, key, \
             resource, trust_context, account, region, reason, owner, ticket, expires",
        ],
    );
}

#[test]
fn values_of_the_wrong_form() {
    for (text, place) in [
        ("[regions]\nallowed = [\"Europe\"]", "2:12: regions.allowed"),
        ("[aliases]\nscheme = \"a(b\"", "2:10: aliases.scheme"),
        ("[aliases]\nscheme = \"\"", "2:10: aliases.scheme"),
        ("[roles]\nautomation = [\"deploy\"]", "2:15: roles.automation"),
        (
            "[roles]\nautomation = [\"*deploy\"]",
            "2:15: roles.automation: '*deploy': expected an ARN",
        ),
        ("[services]\nrequire_customer_keys = [\"s3.amazonaws.com\"]", "2:26: services"),
        ("[secrets_buckets.AB]", "1:18: secrets_buckets.AB"),
        ("[secrets_buckets.abc]\nkey = \"alias/x\"", "2:7: secrets_buckets.abc.key"),
        ("[secrets_buckets]\nabc = 1", "2:7: secrets_buckets.abc: expected a table"),
        ("[tags.governed]\nA = [\"b\"]\nB = []", "3:1: tags.governed.B: 'B' means the tag A"),
        ("[[accounts]]\nown = []", "1:1: accounts: expected a table, found a list"),
        ("[suppress]\nrule = \"x\"", "1:1: suppress: expected [[suppress]]"),
        ("suppress = [1]", "1:13: suppress: expected a table"),
        ("[thresholds]\nblast_accounts = 1.5", "2:18: thresholds.blast_accounts"),
        ("[thresholds]\nexpiry_days = 99999999999999999999999", "2:15: thresholds.expiry_days"),
        ("\u{e9} = 1", "1:1: no TOML"),
        ("[mfa]\nmax_age = 1\0", "2:11: no TOML"),
        ("[accounts]\nown = []\nown = []", "3:1: no TOML: duplicate key"),
    ] {
        let (_, wrong) = parse("k.toml", text.as_bytes());
        assert_eq!(wrong.len(), 1, "{wrong:#?}");
        assert!(wrong[0].starts_with(&format!("k.toml:{place}")), "{text}: {}", wrong[0]);
    }
}

#[test]
fn suppressions_of_the_wrong_form() {
    let suppress = |line: &str| {
        let rest = "rule = \"key-created\"\nreason = \"x\"\nexpires = 2027-01-31\n";
        let key = line.split(' ').next().unwrap();
        let rest: Vec<&str> = rest.lines().filter(|other| !other.starts_with(key)).collect();
        let text = format!("[[suppress]]\n{line}\n{}", rest.join("\n"));
        parse("k.toml", text.as_bytes()).1
    };
    for line in [
        "rule = \"key-*\"",
        "rule = \"\"",
        "principal = \"alice\"",
        "principal = \"\"",
        "key = \"1234abcd\"",
        "account = \"1234\"",
        "account = \"12x*\"",
        "region = \"Europe\"",
        "region = \"EU-*\"",
        "resource = \" \"",
        "reason = \"\\n \"",
        "reason = 5",
        "expires = \"2027-02-29\"",
        "expires = \"soon\"",
        "expires = 2027-01-31T00:00:00Z",
        "expires = 2027-01-31 00:00:00",
        "expires = 20:00:00",
        "expires = 2027",
    ] {
        let wrong = suppress(line);
        assert_eq!(wrong.len(), 1, "{line}: {wrong:#?}");
        assert!(wrong[0].starts_with("k.toml:2:"), "{line}: {wrong:#?}");
    }
    for line in
        ["principal = \"cloudtrail.amazonaws.com\"", "account = \"*\"", "region = \"eu-*-1\""]
    {
        assert_eq!(suppress(line), [""; 0], "{line}");
    }
}

#[test]
fn rules_are_named() {
    let mut config = read(FULL);
    let upper = |name: &str| Ok(name.to_uppercase());
    config.settle(upper).unwrap();
    assert_eq!(config.suppressions[0].suppression.rule, "KEY-DISABLED");
    let failures = read(FULL).settle(|_| Err("is no rule".into())).unwrap_err();
    let failures: Vec<String> = failures.iter().map(ToString::to_string).collect();
    assert_eq!(
        failures,
        ["k.toml:41:8: suppress.rule: is no rule", "k.toml:51:8: suppress.rule: is no rule"]
    );
}

#[test]
fn behind_a_syntax_error_nothing_is_guessed() {
    refused(
        "[mfa]\nage = 1\n[[suppress]]\nrule = = 3\n[nonsense]\n",
        &[
            "k.toml:2:1: unknown key 'age' in [mfa]: expected one of max_age",
            "k.toml:4:8: no TOML: extra `=`, expected nothing",
            "k.toml:4:10: no TOML: unexpected key or value, expected newline, `#`",
        ],
    );
}

#[test]
fn hostile_text_is_refused_quickly_and_briefly() {
    let deep = format!("a = {}", "[".repeat(100_000));
    let keys = format!("{} = 1", vec!["a"; 100_000].join("."));
    let many = "[a]\n".repeat(100_000);
    let long = format!("[regions]\nallowed = [\"{}\"]", "\u{1b}é".repeat(100_000));
    let unknown: String = (0..50_000).map(|n| format!("k{n} = 1\n")).collect();
    for text in [deep, keys, many, long, unknown] {
        let (_, wrong) = parse("k.toml", text.as_bytes());
        assert!((1..=101).contains(&wrong.len()), "{}", wrong.len());
        assert!(wrong.iter().all(|line| line.chars().count() < 400), "{:?}", wrong[0]);
    }
    let (_, wrong) = parse("k.toml", b"a = 1\n# \xc3\xa9\xff");
    assert_eq!(wrong, ["k.toml:2:4: is not UTF-8, expected TOML"]);
    let (_, wrong) = parse("k.toml", b"\xff\xfea\0=\0");
    assert_eq!(wrong, ["k.toml:1:1: is not UTF-8, expected TOML"]);
}
