//! One page of a listing: asked for, and read with the names as they are.
//!
//! A key may hold any character, and XML cannot write them all, so names are asked for in URL
//! encoding (`encoding-type=url`). A server that does not know that parameter leaves it out of its
//! answer, and its names are taken as they stand. Source: Amazon S3 API reference, ListObjectsV2.

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::{EncodingType, RequestPayer};

use super::address::{Address, decoded};
use super::refused::Refused;

/// What to ask for.
pub(super) struct Ask<'a> {
    pub client: &'a Client,
    pub address: &'a Address,
    pub prefix: &'a str,
    /// Whether folders are named and not entered.
    pub by_folder: bool,
    /// Only keys behind this one.
    pub after: Option<String>,
    /// Where the page before ended.
    pub token: Option<String>,
    pub requester_pays: bool,
}

/// What a page says.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// Folders, each with its slash.
    pub folders: Vec<String>,
    pub objects: Vec<Named>,
    /// Names that are no UTF-8, which S3 does not have.
    pub unread: usize,
    /// Whether another page follows.
    pub is_truncated: bool,
    /// What to ask for it with.
    pub token: Option<String>,
}

/// An object on a page.
#[derive(Debug)]
pub(super) struct Named {
    pub key: String,
    pub size: u64,
    pub version: String,
}

impl Ask<'_> {
    /// Asks for a page.
    ///
    /// # Errors
    /// What S3 answers instead.
    pub async fn page(self) -> Result<Page, Refused> {
        let Ask { client, address, prefix, by_folder, after, token, requester_pays } = self;
        let request = client
            .list_objects_v2()
            .bucket(&address.bucket)
            .prefix(prefix)
            .encoding_type(EncodingType::Url)
            .set_delimiter(by_folder.then(|| "/".to_owned()))
            .set_start_after(after.filter(|_| token.is_none()))
            .set_continuation_token(token)
            .set_request_payer(requester_pays.then_some(RequestPayer::Requester));
        match request.send().await {
            Ok(answer) => Ok(Page::of(answer)),
            Err(error) => {
                let resource = format!("arn:aws:s3:::{}", address.bucket);
                Err(Refused::of(&error, "s3:ListBucket", &resource))
            }
        }
    }
}

impl Page {
    fn of(answer: ListObjectsV2Output) -> Page {
        let encoded = answer.encoding_type == Some(EncodingType::Url);
        let mut page = Page {
            is_truncated: answer.is_truncated == Some(true),
            token: answer.next_continuation_token,
            ..Page::default()
        };
        let mut unread = 0;
        let mut read = |name: Option<String>| {
            let name = name?;
            let read = if encoded { decoded(&name) } else { Some(name) };
            unread += usize::from(read.is_none());
            read
        };
        let folders = answer.common_prefixes.unwrap_or_default().into_iter();
        page.folders.extend(folders.filter_map(|folder| read(folder.prefix)));
        for object in answer.contents.unwrap_or_default() {
            let Some(key) = read(object.key) else { continue };
            let size = u64::try_from(object.size.unwrap_or_default()).unwrap_or_default();
            let version = object.e_tag.unwrap_or_default();
            page.objects.push(Named { key, size, version });
        }
        page.unread = unread;
        page
    }

    /// Whether its objects are in the order of their keys, all of them behind `last`.
    pub fn follows(&self, last: Option<&str>) -> bool {
        let keys = || self.objects.iter().map(|object| object.key.as_str());
        keys().is_sorted() && keys().next().is_none_or(|first| Some(first) > last)
    }

    /// The last of its names, as they sort.
    pub fn newest(&self) -> Option<String> {
        let keys = self.objects.iter().map(|object| &object.key);
        self.folders.iter().chain(keys).max().cloned()
    }
}
