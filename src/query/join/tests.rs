//! Rows of calls that do or do not belong together.

use super::*;
use crate::model::occurrence::{NamedKey, Place};
use crate::model::time::Time;

fn call(event: &str, secs: i64, resource: &str) -> Occurrence {
    let kms = ["Decrypt", "GenerateDataKey"].contains(&event);
    let source = if kms { kms::SOURCE } else { "s3.amazonaws.com" };
    Occurrence {
        time: Some(Time::from_secs(secs)),
        event: event.into(),
        source: source.into(),
        account: Some("111122223333".into()),
        region: None,
        id: None,
        shared: None,
        principal: Principal {
            kind: Some("AssumedRole".into()),
            arn: Some("arn:aws:iam::111122223333:role/app".into()),
            account: Some("111122223333".into()),
            session: Some("one".into()),
            invoked_by: kms.then(|| "AWS Internal".into()),
            mfa: crate::model::principal::Mfa::Unknown,
        },
        principal_id: Some("AROAEXAMPLE:one".into()),
        access_key: None,
        source_ip: None,
        user_agent: None,
        keys: Vec::new(),
        resources: vec![resource.into()],
        error: None,
        message: None,
        place: Place { blob: "b".into(), record: 0 },
        copies: 0,
        also: Vec::new(),
        served: Vec::new(),
        text: None,
        of_use: false,
    }
}

/// Each row as `event+served@also`.
fn rows(calls: Vec<Occurrence>) -> Vec<String> {
    let mut window = Window::new(true);
    let mut rows = Vec::new();
    for call in calls {
        window.add(call);
        rows.extend(std::iter::from_fn(|| window.ready()));
    }
    rows.extend(std::iter::from_fn(|| window.last()));
    let served = |row: &Occurrence| row.served.iter().map(|s| format!("+{}", s.event)).collect();
    let also = |row: &Occurrence| {
        row.also.iter().map(|s| format!("@{}", s.account.as_deref().unwrap())).collect()
    };
    rows.iter()
        .map(|row| {
            format!(
                "{}{}{}",
                row.event,
                {
                    let s: String = served(row);
                    s
                },
                {
                    let a: String = also(row);
                    a
                }
            )
        })
        .collect()
}

#[test]
fn what_a_service_calls_joins_the_call_that_it_served() {
    assert_eq!(
        rows(vec![call("GetObject", 5, "o"), call("Decrypt", 5, "o")]),
        ["GetObject+Decrypt"]
    );
    assert_eq!(
        rows(vec![call("Decrypt", 5, "o"), call("GetObject", 6, "o")]),
        ["GetObject+Decrypt"]
    );
    assert_eq!(
        rows(vec![call("Decrypt", 5, "o"), call("GetObject", 7, "o")]),
        ["Decrypt", "GetObject"]
    );
    assert_eq!(
        rows(vec![call("Decrypt", 5, "p"), call("GetObject", 5, "o")]),
        ["Decrypt", "GetObject"]
    );
    let mut other = call("Decrypt", 5, "o");
    other.principal.session = Some("two".into());
    assert_eq!(rows(vec![call("GetObject", 5, "o"), other]), ["GetObject", "Decrypt"]);
    let mut direct = call("Decrypt", 5, "o");
    direct.principal.invoked_by = None;
    assert_eq!(rows(vec![call("GetObject", 5, "o"), direct]), ["GetObject", "Decrypt"]);
}

#[test]
fn secrets_and_parameters_are_the_same_by_name_and_by_arn() {
    let secret = "arn:aws:secretsmanager:r:111122223333:secret:prod/db-AbCdEf";
    let parameter = "arn:aws:ssm:r:111122223333:parameter/app/db";
    let other = "arn:aws:ssm:r:444455556666:parameter/app/db";
    let of = |service: &str, event: &str, resource: &str| {
        let mut row = call(event, 5, resource);
        row.region = Some("r".into());
        if row.source != kms::SOURCE {
            row.source = format!("{service}.amazonaws.com");
        }
        row
    };
    for (service, event, named, arn, joined) in [
        ("secretsmanager", "GetSecretValue", "prod/db", secret, true),
        ("secretsmanager", "GetSecretValue", secret, secret, true),
        ("secretsmanager", "GetSecretValue", "prod/d", secret, false),
        ("ssm", "GetParameter", "/app/db", parameter, true),
        ("ssm", "GetParameters", parameter, parameter, true),
        ("ssm", "GetParameter", "/app/db", other, false),
        ("ssm", "GetParameter", "/app", parameter, false),
    ] {
        let both = vec![of(service, event, named), of(service, "Decrypt", arn)];
        let one = format!("{event}+Decrypt");
        let expected = if joined { vec![one.as_str()] } else { vec![event, "Decrypt"] };
        assert_eq!(rows(both), expected, "{named}");
    }
}

#[test]
fn one_that_is_too_old_hides_none_that_is_not() {
    let half = |mut row: Occurrence| {
        row.time = row.time.map(|time| Time(time.0 + 500_000));
        row
    };
    let calls = vec![
        call("Decrypt", 5, "o"),
        half(call("Decrypt", 5, "o")),
        half(call("GetObject", 6, "o")),
    ];
    assert_eq!(rows(calls), ["Decrypt", "GetObject+Decrypt"]);
    let calls = vec![
        call("GetObject", 5, "o"),
        half(call("GetObject", 5, "o")),
        half(call("Decrypt", 6, "o")),
    ];
    assert_eq!(rows(calls), ["GetObject", "GetObject+Decrypt"]);
}

#[test]
fn of_several_that_fit_none_is_chosen() {
    let twice = vec![
        call("GetObject", 5, "o"),
        call("Decrypt", 5, "o"),
        call("Decrypt", 5, "o"),
        call("GetObject", 5, "o"),
    ];
    // Nobody can say which of them served which.
    assert_eq!(rows(twice), ["GetObject", "Decrypt", "Decrypt", "GetObject"]);
    let mut many = call("GetObject", 5, "o");
    many.resources.push("p".into());
    let all = vec![call("Decrypt", 5, "p"), many.clone(), call("Decrypt", 5, "o")];
    assert_eq!(rows(all), ["GetObject+Decrypt+Decrypt"]);
    let more =
        vec![call("Decrypt", 5, "o"), call("Decrypt", 5, "p"), many, call("Decrypt", 5, "o")];
    assert_eq!(rows(more), ["Decrypt", "GetObject+Decrypt", "Decrypt"]);
}

#[test]
fn a_call_is_served_by_what_it_needs_and_what_ended_alike() {
    let failed = |name: &str, error: &str| {
        let mut row = call(name, 5, "o");
        row.error = Some(error.into());
        row
    };
    for name in ["DeleteObject", "GetObjectAcl", "PutObject"] {
        let apart = vec![call(name, 5, "o"), call("Decrypt", 5, "o")];
        assert_eq!(rows(apart), [name, "Decrypt"]);
    }
    let both = vec![
        call("GetObject", 5, "o"),
        call("PutObject", 5, "o"),
        call("Decrypt", 5, "o"),
        call("GenerateDataKey", 5, "o"),
    ];
    assert_eq!(rows(both), ["GetObject+Decrypt", "PutObject+GenerateDataKey"]);
    let denied = failed("GetObject", "AccessDenied");
    let one = vec![denied.clone(), call("GetObject", 5, "o"), call("Decrypt", 5, "o")];
    assert_eq!(rows(one), ["GetObject", "GetObject+Decrypt"]);
    let refused = failed("Decrypt", "AccessDenied");
    assert_eq!(rows(vec![denied, refused.clone()]), ["GetObject+Decrypt"]);
    assert_eq!(rows(vec![call("GetObject", 5, "o"), refused]), ["GetObject", "Decrypt"]);
    let (disabled, passed) =
        (failed("Decrypt", "DisabledException"), failed("GetObject", "KMS.DisabledException"));
    assert_eq!(rows(vec![passed, disabled]), ["GetObject+Decrypt"]);
}

#[test]
fn one_shared_id_does_not_make_two_calls_one() {
    let side = |account: &str| {
        let mut side = call("Decrypt", 5, "o");
        side.principal.invoked_by = None;
        side.keys = vec![NamedKey { arn: "k".into(), alias: None }];
        (side.shared, side.account) = (Some("s".into()), Some(account.into()));
        side
    };
    let (own, other) = (side("111122223333"), side("444455556666"));
    let (mut by, mut of, mut about) = (other.clone(), other.clone(), other.clone());
    by.principal.arn = Some("arn:aws:iam::111122223333:role/evil".into());
    of.keys[0].arn = "another".into();
    about.resources = vec!["p".into()];
    for forged in [by, of, about] {
        // What does not belong hides none that does.
        let all = vec![forged, own.clone(), other.clone()];
        assert_eq!(rows(all), ["Decrypt", "Decrypt@444455556666"]);
    }
    let mut bare = other;
    (bare.principal.arn, bare.principal.session) = (None, None);
    bare.resources.clear();
    assert_eq!(rows(vec![own, bare]), ["Decrypt@444455556666"]);
}

#[test]
fn the_owners_side_knows_its_caller_by_id_and_account() {
    let side = |account: &str| {
        let mut side = call("Decrypt", 5, "o");
        side.principal.invoked_by = None;
        (side.shared, side.account) = (Some("s".into()), Some(account.into()));
        side
    };
    let own = side("111122223333");
    let owners = |id: &str, caller: &str| {
        let mut side = side("444455556666");
        side.principal = Principal {
            kind: Some("AWSAccount".into()),
            arn: Some(id.into()),
            account: Some(caller.into()),
            ..Principal::nobody()
        };
        side.principal_id = Some(id.into());
        side
    };
    let same = owners("AROAEXAMPLE:one", "111122223333");
    for both in [[own.clone(), same.clone()], [same.clone(), own.clone()]] {
        assert_eq!(rows(both.into()), ["Decrypt@444455556666"]);
    }
    for (id, caller) in [
        ("AROAEXAMPLE:two", "111122223333"),
        ("AROAOTHER:one", "111122223333"),
        ("AROAEXAMPLE:one", "777788889999"),
    ] {
        // A forged one hides none that is real.
        let all = vec![owners(id, caller), own.clone(), same.clone()];
        assert_eq!(rows(all), ["Decrypt", "Decrypt@444455556666"]);
    }
}

#[test]
fn two_sides_are_one_row_of_the_callers() {
    let side = |account: &str| {
        let mut side = call("Decrypt", 5, "o");
        side.principal.invoked_by = None;
        (side.shared, side.account) = (Some("s".into()), Some(account.into()));
        side
    };
    for order in [["111122223333", "444455556666"], ["444455556666", "111122223333"]] {
        assert_eq!(rows(order.map(side).into()), ["Decrypt@444455556666"]);
    }
    let mut service = side("444455556666");
    service.principal.account = None;
    assert_eq!(rows(vec![side("111122223333"), service]).len(), 2);
    assert_eq!(rows(vec![side("111122223333"), side("111122223333")]).len(), 2);
}

#[test]
fn a_flood_of_one_second_waits_in_bounded_memory() {
    let mut window = Window::new(true);
    let mut out = 0;
    for number in 0..20_000 {
        window.add(call("Decrypt", 5, &(number % 15_000).to_string()));
        out += std::iter::from_fn(|| window.ready()).count();
        assert!(window.held.len() < HELD_MAX);
        assert!(window.alike.len() <= HELD_MAX);
    }
    out += std::iter::from_fn(|| window.last()).count();
    assert_eq!(out, 20_000);
    assert!(window.alike.is_empty() && window.shared.is_empty());
}
