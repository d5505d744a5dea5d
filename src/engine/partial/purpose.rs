//! How a key was named in a use, and what the use was for.

use super::entry::{Reader, Writer};
use crate::model::finding::{Key, Resource};

/// How the key was named, and what it was used on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Purpose {
    /// The account that owns the key.
    pub key_account: Option<String>,
    /// The alias by which the call named the key.
    pub alias: Option<String>,
    /// The resource, ARN and type.
    pub resource: Option<(String, Option<String>)>,
    /// What the context names beside it.
    pub beside: Option<(String, Option<String>)>,
    /// Whether there is a context.
    pub has_context: bool,
    /// What the context says of governed tags: names and values. Only where it names no resource.
    pub declared: Vec<(String, String)>,
}

impl Purpose {
    /// Writes what [`read`](Purpose::read) reads: of a key, a resource, what is beside it, and what
    /// the context says.
    pub fn write(
        bytes: &mut Vec<u8>,
        key: Option<&Key>,
        resources: [Option<&Resource>; 2],
        (has_context, declared): (bool, &[(String, String)]),
    ) {
        let mut writer = Writer(bytes);
        writer.number(u32::from(has_context));
        writer.text(key.and_then(|key| key.account.as_deref()));
        writer.text(key.and_then(|key| key.alias.as_deref()));
        for resource in resources {
            writer.text(resource.map(|resource| resource.arn.as_str()));
            writer.text(resource.and_then(|resource| resource.kind.as_deref()));
        }
        for (name, value) in declared {
            writer.text(Some(name)).text(Some(value));
        }
    }

    /// Reads an entry.
    pub fn read(bytes: &[u8]) -> Purpose {
        let mut reader = Reader(bytes);
        let has_context = reader.number() != 0;
        let (key_account, alias) = (reader.owned(), reader.owned());
        let mut resource = || {
            let (arn, kind) = (reader.owned(), reader.owned());
            arn.map(|arn| (arn, kind))
        };
        let (on, beside) = (resource(), resource());
        let declared = std::iter::from_fn(|| reader.owned().zip(reader.owned())).collect();
        Purpose { key_account, alias, resource: on, beside, has_context, declared }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn purposes_read_back_as_they_were_written() {
        let purpose = Purpose {
            key_account: Some("111122223333".into()),
            alias: None,
            resource: Some(("arn:aws:s3:::b".into(), Some("AWS::S3::Bucket".into()))),
            beside: Some(("x".into(), None)),
            has_context: true,
            declared: vec![("Owner".into(), "ana".into()), ("Application".into(), String::new())],
        };
        let account = purpose.key_account.clone();
        let key = Key { arn: String::new(), account, alias: None, tags: BTreeMap::new() };
        let resource = |of: &Option<(String, Option<String>)>| {
            let (arn, kind) = of.clone()?;
            Some(Resource { arn, kind, tags: BTreeMap::new() })
        };
        let (on, beside) = (resource(&purpose.resource), resource(&purpose.beside));
        let mut bytes = Vec::new();
        Purpose::write(
            &mut bytes,
            Some(&key),
            [on.as_ref(), beside.as_ref()],
            (true, &purpose.declared),
        );
        assert_eq!(Purpose::read(&bytes), purpose);
        assert_eq!(Purpose::read(&bytes[..3]), Purpose::default(), "what is cut reads as nothing");
    }
}
