//! Which columns of a table are read: those that a record can come from.
//!
//! Names are told whatever their case, with or without underscores, since Glue, Athena, Spark and
//! Steampipe each write them in their own way. What must stay true: a name that a reader of records asks
//! for stands here; any other column of a Parquet file is not even decoded.

/// Top-level fields of OCSF's API Activity (class 6003), and the columns by which Security Lake parts
/// its tables.
const OCSF: [&str; 18] = [
    "accountid",
    "actor",
    "api",
    "class_uid",
    "cloud",
    "http_request",
    "is_mfa",
    "metadata",
    "region",
    "resources",
    "src_endpoint",
    "status",
    "status_code",
    "status_detail",
    "status_id",
    "time",
    "time_dt",
    "unmapped",
];

/// The members of a record.
pub const MEMBERS: [&str; 28] = [
    "eventVersion",
    "userIdentity",
    "eventTime",
    "eventSource",
    "eventName",
    "awsRegion",
    "sourceIPAddress",
    "userAgent",
    "errorCode",
    "errorMessage",
    "requestParameters",
    "responseElements",
    "additionalEventData",
    "requestID",
    "eventID",
    "readOnly",
    "resources",
    "eventType",
    "apiVersion",
    "managementEvent",
    "recipientAccountId",
    "serviceEventDetails",
    "sharedEventID",
    "vpcEndpointId",
    "vpcEndpointAccountId",
    "eventCategory",
    "sessionCredentialFromConsole",
    "tlsDetails",
];

/// Members that few records have, so that nothing follows from a table without a column for them.
pub const RARE: [&str; 4] = ["insightDetails", "eventContext", "addendum", "edgeDeviceDetails"];

/// The columns that hold a whole record, by their [`plain`] names, the best first.
pub const WHOLE: [&str; 6] =
    ["eventjson", "cloudtrailevent", "raw", "event.original", "@message", "message"];

/// The name of a column without what tools add to it.
pub fn plain(name: &str) -> String {
    name.trim().chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()).collect()
}

/// Whether a column is read.
pub fn is_read(name: &str) -> bool {
    let of_record = plain(name);
    let is_member = |member: &&str| member.eq_ignore_ascii_case(&of_record);
    OCSF.contains(&&*name.to_ascii_lowercase())
        || MEMBERS.iter().chain(&RARE).any(is_member)
        || WHOLE.contains(&&*of_record)
}

/// Whether rows with these columns are records, as text. A message may be anything.
pub fn are_of_records<'n>(names: impl IntoIterator<Item = &'n str>) -> bool {
    let names: Vec<String> = names.into_iter().map(plain).collect();
    let has = |name: &str| names.iter().any(|column| column == name);
    has("eventname") && has("eventsource") || WHOLE[..4].iter().any(|name| has(name))
}

/// Whether a table of Parquet with these columns can hold records.
pub fn can_hold_records(names: &[&str]) -> bool {
    let has = |wanted: &str| names.iter().any(|name| name.eq_ignore_ascii_case(wanted));
    let is_ocsf = has("class_uid") && has("api");
    are_of_records(names.iter().copied()) || is_ocsf || has("message") || has("@message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_records_are_told_by_their_columns() {
        for (names, can) in [
            (&["class_uid", "api", "time"][..], true),
            (&["eventName", "eventSource"], true),
            (&["event_name", "event_source"], true),
            (&["eventJson"], true),
            (&["cloudtrail_event"], true),
            (&["_raw"], true),
            (&["message"], true),
            (&["eventname", "x"], false),
            (&["class_uid"], false),
            (&[], false),
        ] {
            assert_eq!(can_hold_records(names), can, "{names:?}");
        }
        assert!(!are_of_records(["message"]) && are_of_records(["EventName", "eventsource"]));
        assert!(is_read("userIdentity") && is_read("user_identity") && is_read("unmapped"));
        assert!(is_read("insightdetails") && !is_read("observables"));
    }
}
