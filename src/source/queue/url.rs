//! The address of a queue.

/// The address of a queue: `https://sqs.REGION.amazonaws.com/ACCOUNT/NAME`, or that of another server
/// with SQS's protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueUrl {
    pub(super) url: String,
    /// The part before the path, where requests go.
    pub(super) endpoint: String,
    /// The Region that the host's name has.
    pub(super) region: Option<String>,
}

impl QueueUrl {
    /// Reads an address.
    ///
    /// # Errors
    /// What was expected of it.
    pub fn parse(text: &str) -> Result<QueueUrl, String> {
        let expected = || "expected https://sqs.REGION.amazonaws.com/ACCOUNT/QUEUE".to_owned();
        let (scheme, rest) = text.split_once("://").ok_or_else(expected)?;
        let (host, path) = rest.split_once('/').ok_or_else(expected)?;
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        if !matches!(scheme, "https" | "http") || host.is_empty() || path.is_empty() || !is_plain {
            return Err(expected());
        }
        let region = host
            .strip_prefix("sqs.")
            .and_then(|rest| rest.split_once(".amazonaws.com"))
            .map(|(region, _)| region.to_owned());
        let endpoint = format!("{scheme}://{host}");
        Ok(QueueUrl { url: text.to_owned(), endpoint, region })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_where_the_queue_is() {
        let amazon = "https://sqs.eu-central-1.amazonaws.com/111122223333/keytrail";
        let amazon = QueueUrl::parse(amazon).unwrap();
        assert_eq!(amazon.endpoint, "https://sqs.eu-central-1.amazonaws.com");
        assert_eq!(amazon.region.as_deref(), Some("eu-central-1"));
        let china = QueueUrl::parse("https://sqs.cn-north-1.amazonaws.com.cn/1/q").unwrap();
        assert_eq!(china.region.as_deref(), Some("cn-north-1"));
        let other = QueueUrl::parse("http://localhost:9324/000000000000/q").unwrap();
        assert_eq!((other.endpoint.as_str(), other.region), ("http://localhost:9324", None));
        for odd in
            ["", "keytrail", "sqs://x/y", "https://", "https://host", "https:///q", "http://h/a b"]
        {
            assert!(QueueUrl::parse(odd).is_err(), "{odd}");
        }
    }
}
