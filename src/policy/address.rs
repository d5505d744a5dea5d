//! Conditions on the network address of a caller.
//!
//! An address is no fence: it says where a call came from and not whose it is. But a statement that
//! is open to few addresses is not open to everybody. Source: IAM user guide, "AWS global condition
//! context keys", `aws:SourceIp`.

use std::net::IpAddr;

use super::condition::{Condition, Test};

/// Bits that the ranges of a condition must fix together, of IPv4 and of IPv6 addresses: one range of
/// 65,536 addresses, or one that a Regional registry hands to a provider. Clouds have larger ones,
/// and whoever likes gets an address there.
const FIXED: [i32; 2] = [16, 32];

/// Whether a condition admits few addresses only.
pub(super) fn admits_few(condition: &Condition) -> bool {
    let is_address = condition.operator().is_some_and(|operator| {
        operator.test == Test::Address && !operator.if_exists && operator.set.is_none()
    });
    let is_positive = condition.operator.eq_ignore_ascii_case("IpAddress");
    if !is_address || !is_positive || !condition.is_about(&["aws:sourceip"]) {
        return false;
    }
    let mut parts = [0.0, 0.0];
    for value in &condition.values {
        let Some((family, part)) = part(value) else { return false };
        parts[family] += part;
    }
    parts.into_iter().zip(FIXED).all(|(part, bits)| part <= f64::from(-bits).exp2())
}

/// Whether a range is of IPv4 (0) or IPv6 (1), and which part of all its addresses it is; `None` if
/// it is no range.
fn part(range: &str) -> Option<(usize, f64)> {
    let (address, bits) = match range.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse::<i32>().ok()?)),
        None => (range, None),
    };
    let (family, most) = match address.parse::<IpAddr>().ok()? {
        IpAddr::V4(_) => (0, 32),
        IpAddr::V6(_) => (1, 128),
    };
    let bits = bits.unwrap_or(most);
    (0..=most).contains(&bits).then(|| (family, f64::from(-bits).exp2()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn few(operator: &str, values: &[&str]) -> bool {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        admits_few(&Condition {
            operator: operator.to_owned(),
            key: "aws:SourceIp".to_owned(),
            values,
        })
    }

    #[test]
    fn ranges_count_together() {
        assert!(few("IpAddress", &["203.0.113.0/24"]));
        assert!(few("ipaddress", &["203.0.113.7", "198.51.100.0/24", "2001:db8::/32"]));
        assert!(!few("IpAddress", &["0.0.0.0/0"]));
        assert!(!few("IpAddress", &["0.0.0.0/1", "128.0.0.0/1"]));
        assert!(!few("IpAddress", &["203.0.113.0/24", "0.0.0.0/8"]));
        assert!(!few("IpAddress", &["198.18.0.0/16", "203.0.113.0/24"]));
        assert!(!few("IpAddress", &["2600::/12"]));
        assert!(!few("IpAddress", &["203.0.113.0/33"]));
        assert!(!few("IpAddress", &["*"]));
        assert!(!few("NotIpAddress", &["203.0.113.0/24"]));
        assert!(!few("IpAddressIfExists", &["203.0.113.0/24"]));
        assert!(!few("StringEquals", &["203.0.113.0/24"]));
    }
}
