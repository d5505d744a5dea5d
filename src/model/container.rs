//! The container of what was read: the bucket of an object, the path of a parameter, a secret.
//!
//! Whoever reads one object of a bucket every day reads other objects of it the next day. So what is
//! usual is told by containers. What must stay true: an ARN and a bare name of the same thing give the
//! same container.

use std::borrow::Cow;

use super::arn::Arn;

/// The container of a thing, by its ARN, or by its name as a request gives it. `None` for volumes and
/// snapshots, each of which is new and says nothing of the next.
pub fn container(thing: &str) -> Option<Cow<'_, str>> {
    let Some(arn) = Arn::parse(thing) else {
        return Some(match thing.starts_with('/') {
            true => path(thing).into(),
            false => thing.into(),
        });
    };
    let resource = arn.resource;
    match arn.service {
        "s3" => Some(resource.split('/').next().unwrap_or(resource).into()),
        "ssm" => resource.strip_prefix("parameter").map(|name| path(name).into()),
        "secretsmanager" => {
            resource.strip_prefix("secret:").map(|name| without_suffix(name).into())
        }
        "ec2" => None,
        _ => Some(thing.into()),
    }
}

/// The path of a parameter: its name up to the last slash.
fn path(name: &str) -> &str {
    name.rfind('/').map_or(name, |at| &name[..=at])
}

/// The name of a secret. Its ARN ends with a hyphen and six random characters.
fn without_suffix(name: &str) -> &str {
    const RANDOM: usize = 6;
    match name.rsplit_once('-') {
        Some((name, random)) if random.len() == RANDOM => name,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_and_names_have_the_same_container() {
        let of = |thing: &str| container(thing).map(Cow::into_owned);
        let at = "eu-central-1:111122223333";
        assert_eq!(of("arn:aws:s3:::data/a/b").as_deref(), Some("data"));
        assert_eq!(of("arn:aws:s3:::data").as_deref(), Some("data"));
        let parameter = format!("arn:aws:ssm:{at}:parameter/shop/db/password");
        assert_eq!(of(&parameter), of("/shop/db/password"));
        assert_eq!(of(&parameter).as_deref(), Some("/shop/db/"));
        let secret = format!("arn:aws:secretsmanager:{at}:secret:shop/db-a1B2c3");
        assert_eq!(of(&secret), of("shop/db"));
        assert_eq!(of(&format!("arn:aws:ec2:{at}:volume/vol-1")), None);
        assert_eq!(of("arn:aws:ssm").as_deref(), Some("arn:aws:ssm"));
    }
}
