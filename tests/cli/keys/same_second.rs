//! Records of one second: their order is not known, unless one has to follow the other.

use serde_json::{Value, json};

use super::{asking, one};
use crate::trail::{KEY, with};

/// Two records in both orders that their event ids can give them.
fn orders(two: [&dyn Fn(&str) -> Value; 2]) -> [[Value; 2]; 2] {
    let [first, second] = two;
    [[first("e1"), second("e2")], [first("e2"), second("e1")]]
}

#[test]
fn a_grant_that_ends_in_the_second_in_which_it_is_made_has_ended() {
    let made = |seconds: u32, event: &str| {
        let request = json!({"granteePrincipal": "arn:aws:iam::111122223333:role/app",
            "operations": ["Decrypt"]});
        let made = asking("CreateGrant", event, seconds, &request);
        with(made, &[("/responseElements", json!({"grantId": "g1"}))])
    };
    for ends in ["RevokeGrant", "RetireGrant"] {
        let ended = |event: &str| asking(ends, event, 5, &json!({"grantId": "g1"}));
        let open = |records: &[Value]| {
            let dossier = one(records, &["--key", KEY])["dossier"].clone();
            (dossier["grants"]["count"].clone(), dossier["grants_ended"].clone())
        };
        for records in orders([&|event| made(5, event), &ended]) {
            assert_eq!(open(&records), (json!(0), json!(1)), "{records:?}");
            let before = [vec![made(0, "e0")], records.to_vec()].concat();
            assert_eq!(open(&before), (json!(0), json!(1)), "{before:?}");
            let again = [records.to_vec(), vec![made(6, "e0")]].concat();
            assert_eq!(open(&again), (json!(1), json!(0)), "{again:?}");
        }
    }
}
