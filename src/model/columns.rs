//! Which columns of a table are read: those that a record can come from.
//!
//! Names are compared in lower case, as Glue, Athena and Spark write them. What must stay true: a name
//! that a reader of records asks for stands here; any other column is not even decoded.

/// Columns of OCSF's API Activity (class 6003).
const OCSF: &[&str] = &[
    "activity_id",
    "accountid",
    "actor",
    "api",
    "category_uid",
    "class_name",
    "class_uid",
    "cloud",
    "device",
    "dst_endpoint",
    "http_request",
    "is_mfa",
    "metadata",
    "raw_data",
    "region",
    "resources",
    "session",
    "severity_id",
    "src_endpoint",
    "status",
    "status_code",
    "status_detail",
    "time",
    "time_dt",
    "tls",
    "type_uid",
    "unmapped",
];

/// Members of a record.
const RECORD: &[&str] = &[
    "addendum",
    "additionaleventdata",
    "apiversion",
    "awsregion",
    "edgedevicedetails",
    "errorcode",
    "errormessage",
    "eventcategory",
    "eventcontext",
    "eventid",
    "eventname",
    "eventsource",
    "eventtime",
    "eventtype",
    "eventversion",
    "managementevent",
    "readonly",
    "recipientaccountid",
    "requestid",
    "requestparameters",
    "resources",
    "responseelements",
    "serviceeventdetails",
    "sessioncredentialfromconsole",
    "sharedeventid",
    "sourceipaddress",
    "tlsdetails",
    "useragent",
    "useridentity",
    "vpcendpointaccountid",
    "vpcendpointid",
];

/// Columns that hold a whole record.
const WHOLE: &[&str] = &["eventjson", "cloudtrailevent", "message", "_raw"];

/// Whether a column is read.
pub fn is_read(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [OCSF, RECORD, WHOLE].iter().any(|names| names.contains(&&*name))
}

/// Whether a table with these columns can hold records.
pub fn can_hold_records<'n>(names: impl Iterator<Item = &'n str>) -> bool {
    let names: Vec<String> = names.map(str::to_ascii_lowercase).collect();
    let all = |wanted: &[&str]| wanted.iter().all(|one| names.iter().any(|name| name == one));
    let whole = WHOLE.iter().any(|one| all(&[one]));
    whole || all(&["class_uid", "api"]) || all(&["eventname", "eventsource"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_records_are_told_by_their_columns() {
        for (names, can) in [
            (&["class_uid", "api", "time"][..], true),
            (&["eventName", "eventSource"], true),
            (&["eventJson"], true),
            (&["_raw"], true),
            (&["eventname", "x"], false),
            (&["class_uid"], false),
            (&[], false),
        ] {
            assert_eq!(can_hold_records(names.iter().copied()), can, "{names:?}");
        }
        assert!(is_read("userIdentity") && is_read("unmapped") && !is_read("observables"));
    }
}
