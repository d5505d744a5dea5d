//! Objects that a plan has chosen: fetched by key, each as it was when the plan was made.

use std::sync::{Arc, mpsc};

use super::address::Address;
use super::cloud::Cloud;
use super::explore::Listed;
use super::fetch::{Objects, fetch_all};
use super::refused::unreachable;
use super::wanted::{Chosen, Expected};
use crate::source::blob::blob_id;

impl Cloud {
    /// Begins to fetch objects of a bucket that are known by their names. They come as they arrive.
    pub fn read_chosen(self: &Arc<Cloud>, bucket: String, chosen: Vec<Chosen>) -> Objects {
        let (entries, received) = mpsc::channel();
        let address = Address { bucket, prefix: String::new() };
        let cloud = Arc::clone(self);
        self.start(async move {
            let access = cloud.access.clone();
            let client = cloud.client(&address).await;
            drop(cloud);
            let client = match client {
                Ok(client) => client,
                // Each of them is one that was not read.
                Err(refused) => {
                    for Chosen { key, .. } in chosen {
                        let address = Address { prefix: key, ..address.clone() };
                        unreachable(&address, refused.clone(), &entries);
                    }
                    return;
                }
            };
            let found = fetch_all(&client, &address, &access, (false, &entries));
            for Chosen { key, size, expected } in chosen {
                let etag = match &expected {
                    Expected::Tag(tag) => tag.clone(),
                    Expected::Size | Expected::Version(_) => String::new(),
                };
                let id = blob_id(&address.of(&key), size, &etag);
                if found.send(Listed { key, size, etag, id, expected }).await.is_err() {
                    return;
                }
            }
        });
        Objects::new(received, Arc::default(), self)
    }
}
