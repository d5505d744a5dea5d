//! Where a call came from, coarsely: the network of the address, and the product of the user agent.
//!
//! Addresses of a workload change within a network, and versions of a product change with every
//! update. What must stay true: what a service calls has neither.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// No product has a longer name, in bytes; the caller writes what it likes.
const NAME: usize = 48;

/// The network of `sourceIPAddress`: `private`, or the prefix of 16 bits of IPv4 and of 32 bits of
/// IPv6. `None` if it is no address, as that of a service.
pub fn network(source_ip: &str) -> Option<String> {
    Some(match source_ip.parse::<IpAddr>().ok()?.to_canonical() {
        IpAddr::V4(ip) if ip.is_private() || ip.is_loopback() || ip.is_link_local() => {
            "private".to_owned()
        }
        IpAddr::V6(ip) if ip.is_unique_local() || ip.is_loopback() => "private".to_owned(),
        IpAddr::V4(ip) => {
            let [one, two, ..] = ip.octets();
            format!("{}/16", Ipv4Addr::new(one, two, 0, 0))
        }
        IpAddr::V6(ip) => {
            let [one, two, ..] = ip.segments();
            format!("{}/32", Ipv6Addr::new(one, two, 0, 0, 0, 0, 0, 0))
        }
    })
}

/// The first product that a user agent names, without its version.
pub fn product(user_agent: &str) -> &str {
    let text = user_agent.trim_start_matches(['[', ' ']);
    // AWS partners put their programme first.
    let text = text.strip_prefix("APN/1.0 ").unwrap_or(text);
    let name = text.split(['/', ' ', ';', ']']).next().unwrap_or(text);
    &name[..name.floor_char_boundary(NAME)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_networks_and_services_none() {
        let of = |ip| network(ip);
        assert_eq!(of("203.0.113.7"), of("203.0.5.9"));
        assert_ne!(of("203.0.113.7"), of("203.1.113.7"));
        assert_eq!(of("10.0.0.1").as_deref(), Some("private"));
        assert_eq!(of("10.0.0.1"), of("192.168.9.9"));
        assert_eq!(of("2001:db8:1::1"), of("2001:db8:9::9"));
        assert_eq!(of("::ffff:203.0.113.7"), of("203.0.113.7"));
        assert_eq!(of("secretsmanager.amazonaws.com"), None);
        assert_eq!(of("AWS Internal"), None);
    }

    #[test]
    fn products_lose_their_version() {
        assert_eq!(product("Boto3/1.34.1 md/Botocore"), "Boto3");
        assert_eq!(product("[aws-cli/2.15.10 Python/3.11.8]"), "aws-cli");
        assert_eq!(product("APN/1.0 HashiCorp/1.0 Terraform/1.9"), "HashiCorp");
        assert_eq!(product(""), "");
        assert_eq!(product(&"é".repeat(1_000)).len(), NAME);
    }
}
