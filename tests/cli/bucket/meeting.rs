//! Requests that wait for each other: proof that they are on their way at once, however slow the
//! machine is.
//!
//! A client that makes one request after the other never gets its first answer. It must wait longer
//! than [`LIMIT`] for it; what it gave up and asked for again in another's stead would count too.

use std::collections::BTreeSet;

use tokio::sync::watch;

use crate::harness::LIMIT;

/// Where requests meet.
#[derive(Default)]
pub struct Meeting(watch::Sender<Met>);

#[derive(Default)]
struct Met {
    keys: BTreeSet<String>,
    is_over: bool,
    missed: Option<String>,
}

impl Meeting {
    /// Waits until `count` different objects are asked for. Who comes later does not wait, nor
    /// does anybody after the limit.
    pub async fn join(&self, key: &str, count: usize) {
        let mut met = self.0.subscribe();
        self.0.send_modify(|met| {
            met.keys.insert(key.to_owned());
            met.is_over |= met.keys.len() >= count;
        });
        if tokio::time::timeout(LIMIT, met.wait_for(|met| met.is_over)).await.is_err() {
            self.0.send_modify(|met| {
                let came = met.keys.len();
                let text = format!("{came} at once after {LIMIT:?}, expected {count}");
                met.missed.get_or_insert(text);
                met.is_over = true;
            });
        }
    }

    /// How many came if some were missing.
    pub fn missed(&self) -> Option<String> {
        self.0.borrow().missed.clone()
    }
}
