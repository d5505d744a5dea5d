//! `--principal`, `--access-key` and `--ip`: who called, and from where.
//!
//! A person types what the report shows or what the console says: a user's or a role's name, a
//! session, an ARN, an account. So a record has many names for its caller, and a pattern has to be all
//! of one of them.
//!
//! An IPv4 address may stand in an IPv6 address (`::ffff:198.51.100.7`). What must stay true: in a record
//! and in a filter it is the IPv4 address, and [`spellings`] has a piece of every way to write it.

use std::borrow::Cow;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use crate::model::arn::Arn;
use crate::model::pattern::wildcard;
use crate::record::json::Json;
use crate::record::kms::{Actor, View};

/// A principal as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskedPrincipal {
    /// All of an account.
    Account(String),
    /// Whoever has a name like this.
    Like(String),
}

impl AskedPrincipal {
    /// Reads a principal.
    ///
    /// # Errors
    /// What is expected instead.
    pub fn parse(text: &str) -> Result<AskedPrincipal, String> {
        match text {
            "" => Err("expected the name, the ARN or the account of a principal".into()),
            _ if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) => {
                Ok(AskedPrincipal::Account(text.to_owned()))
            }
            _ => Ok(AskedPrincipal::Like(text.to_owned())),
        }
    }

    /// Whether it made a call.
    pub fn made(&self, view: &View<'_>) -> bool {
        match self {
            AskedPrincipal::Account(account) => {
                view.caller_account().is_some_and(|caller| caller == *account)
            }
            AskedPrincipal::Like(pattern) => names(view).iter().any(|name| wildcard(pattern, name)),
        }
    }

    /// A text that stands in the record of every call of it. Of a pattern the longest piece that comes
    /// from one place of a record.
    pub fn literal(&self) -> &str {
        match self {
            AskedPrincipal::Account(account) => account,
            AskedPrincipal::Like(pattern) => {
                let pieces = pattern.split(['*', '?', '/', ':', '(', ')', ' ']);
                pieces.max_by_key(|piece| piece.len()).unwrap_or_default()
            }
        }
    }
}

/// All names of a caller.
pub fn names(view: &View<'_>) -> Vec<String> {
    let event = view.event();
    let at = |path: &[&str]| event.path(path).and_then(Json::text).map(Cow::into_owned);
    let arn = at(&["userIdentity", "arn"]);
    let stable = view.principal_arn().map(Cow::into_owned);
    let session = view.who().session.map(str::to_owned);
    let mut names: Vec<String> = Vec::new();
    for text in [&arn, &stable].into_iter().flatten() {
        let Some(arn) = Arn::parse(text) else { continue };
        names.push(arn.resource.to_owned());
        let Some((kind, rest)) = arn.resource.split_once('/') else { continue };
        // The name without its path; of a session, both names.
        let (kind, name) = match kind {
            "assumed-role" => ("role", rest.split('/').next().unwrap_or(rest)),
            _ => (kind, rest.rsplit('/').next().unwrap_or(rest)),
        };
        names.extend([rest.to_owned(), name.to_owned(), format!("{kind}/{name}")]);
        if let Some(session) = &session {
            names.push(format!("{name}/{session}"));
            names.push(format!("{kind}/{name}/{session}"));
            names.push(format!("{kind}/{name} ({session})"));
        }
    }
    let id = at(&["userIdentity", "principalId"]);
    if let Some((first, second)) = id.as_deref().and_then(|id| id.split_once(':')) {
        names.extend([first.to_owned(), second.to_owned()]);
    }
    names.extend(at(&["userIdentity", "userName"]));
    names.extend(view.identity().map(Cow::into_owned));
    names.extend(view.invoked_by().filter(|_| view.actor() == Actor::Service).map(str::to_owned));
    names.extend([arn, stable, session, id].into_iter().flatten());
    names.sort_unstable();
    names.dedup();
    names
}

/// An address, or a block of them.
///
/// # Errors
/// What is expected instead.
pub fn addresses(text: &str) -> Result<IpNet, String> {
    let one = text.parse::<IpAddr>().map(IpNet::from);
    one.or_else(|_| text.parse()).map(unmapped).map_err(|_| {
        "expected an address or a block such as 198.51.100.7, 198.51.100.0/24 or 2001:db8::/32"
            .into()
    })
}

/// Bits of an IPv6 address before the IPv4 address in it.
const MAPPED: u8 = 96;

/// The block of IPv4 addresses, if all in it are such.
fn unmapped(net: IpNet) -> IpNet {
    let inner = |net: &ipnet::Ipv6Net| {
        let bits = net.prefix_len().checked_sub(MAPPED)?;
        Ipv4Net::new(net.addr().to_ipv4_mapped()?, bits).ok()
    };
    match net {
        IpNet::V6(outer) => inner(&outer).map_or(net, IpNet::V4),
        IpNet::V4(_) => net,
    }
}

/// Whether a call came from there. Where a service called, no address is told.
pub fn came_from(nets: &[IpNet], view: &View<'_>) -> bool {
    let address = view.source_ip().and_then(|text| text.parse::<IpAddr>().ok());
    let address = address.map(|address| address.to_canonical());
    address.is_some_and(|address| nets.iter().any(|net| net.contains(&address)))
}

/// Texts of which one stands in every record that has the one address of a block, if these are few.
pub fn spellings(net: &IpNet) -> Option<Vec<String>> {
    match net {
        IpNet::V4(net) if net.prefix_len() == 32 => {
            Some([net.addr().to_string()].into_iter().chain(in_ipv6()).collect())
        }
        _ => None,
    }
}

/// What stands before an IPv4 address in an IPv6 address, in all mixtures of case. Behind it the IPv4
/// address may be in hexadecimal, so that its usual spelling is not there.
fn in_ipv6() -> impl Iterator<Item = String> {
    let letter = |mixture: u8, bit: u8| if mixture >> bit & 1 == 0 { 'f' } else { 'F' };
    let word = move |mixture| (0..4).map(|bit| letter(mixture, bit)).collect::<String>();
    (0..16).map(move |mixture| format!(":{}:", word(mixture)))
}
