//! What a bucket answers when it is asked what it holds.

use s3s::dto::{CommonPrefix, EncodingType, ListObjectsV2Output, Object, Timestamp};

use super::{Bucket, lock};

impl Bucket {
    /// The keys below a prefix that follow `after`, folded at the delimiter, as many as fit.
    pub(super) fn page(
        &self,
        prefix: &str,
        delimiter: Option<&str>,
        after: &str,
    ) -> ListObjectsV2Output {
        if lock(&self.endless).as_ref().is_some_and(|below| prefix.starts_with(below)) {
            let folder = |n| CommonPrefix { prefix: Some(format!("{prefix}{n:03}/")) };
            return ListObjectsV2Output {
                common_prefixes: Some((0..100).map(folder).collect()),
                ..ListObjectsV2Output::default()
            };
        }
        let objects = lock(&self.objects);
        let (mut contents, mut folders) = (Vec::new(), Vec::new());
        let mut token = None;
        let mut last = String::new();
        for (key, held) in objects.iter().filter(|(key, _)| key.starts_with(prefix)) {
            let below = &key[prefix.len()..];
            let folder = delimiter
                .and_then(|delimiter| below.find(delimiter))
                .map(|at| key[..=prefix.len() + at].to_owned());
            let name = folder.clone().unwrap_or_else(|| key.clone());
            if name.as_str() <= after || name == last {
                continue;
            }
            if contents.len() + folders.len() == self.page {
                token = Some(last);
                break;
            }
            last.clone_from(&name);
            match folder {
                Some(folder) => folders.push(CommonPrefix { prefix: Some(folder) }),
                None => contents.push(Object {
                    e_tag: Some(held.etag()),
                    key: Some(key.clone()),
                    size: Some(i64::try_from(held.bytes.len()).unwrap()),
                    last_modified: Some(Timestamp::from(time::OffsetDateTime::UNIX_EPOCH)),
                    ..Object::default()
                }),
            }
        }
        ListObjectsV2Output {
            is_truncated: Some(token.is_some()),
            next_continuation_token: token,
            contents: Some(contents),
            common_prefixes: Some(folders),
            ..ListObjectsV2Output::default()
        }
    }
}

/// Writes the names of a page in URL encoding, as S3 does.
pub(super) fn encode(page: &mut ListObjectsV2Output) {
    let keys = page.contents.iter_mut().flatten().filter_map(|object| object.key.as_mut());
    let folders = page.common_prefixes.iter_mut().flatten().filter_map(|f| f.prefix.as_mut());
    for name in keys.chain(folders) {
        *name = name.bytes().map(encoded).collect();
    }
    page.encoding_type = Some(EncodingType::from_static(EncodingType::URL));
}

fn encoded(byte: u8) -> String {
    match byte {
        b' ' => "+".to_owned(),
        b'/' | b'-' | b'_' | b'.' | b'*' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    }
}
