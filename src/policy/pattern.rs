//! Patterns of resources: which of them match any key, and which match every key.

use crate::model::pattern::wildcard;

/// Whether a pattern is nothing but stars.
pub fn is_all(pattern: &str) -> bool {
    !pattern.is_empty() && pattern.bytes().all(|byte| byte == b'*')
}

/// Whether an ARN pattern, or `*`, takes in any key.
pub fn is_key_pattern(pattern: &str) -> bool {
    let fields: Vec<&str> = pattern.splitn(6, ':').collect();
    let key = |resource: &str| resource.starts_with("key/") || resource.starts_with('*');
    match fields.as_slice() {
        [_, _, service, _, _, resource] => wildcard(service, "kms") && key(resource),
        _ => is_all(pattern),
    }
}

/// Whether an ARN pattern, or `*`, takes in every key of some Region and account.
pub fn is_every_key(pattern: &str) -> bool {
    if is_all(pattern) {
        return true;
    }
    // By colons, since the partition may be a pattern too.
    let fields: Vec<&str> = pattern.splitn(6, ':').collect();
    let [_, _, service, _, _, resource] = fields.as_slice() else { return false };
    let ids = ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"];
    wildcard(service, "kms") && ids.iter().all(|id| wildcard(resource, &format!("key/{id}")))
}
