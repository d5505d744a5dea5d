//! Word to whoever watches the process: a file, and systemd.
//!
//! What must stay true: nothing here may end the follower. Whoever does not hear of it takes it for dead,
//! and that is all.

use std::fs;
use std::path::{Path, PathBuf};

use sd_notify::NotifyState;
use serde_json::json;

use crate::model::time::Time;

/// The file that takes the place of the file at `path`.
pub fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".health-new");
    name.into()
}

/// Who is told.
#[derive(Debug)]
pub struct Health {
    path: Option<PathBuf>,
}

impl Health {
    /// A file, if one was asked for. systemd is told where it listens.
    pub fn new(path: Option<PathBuf>) -> Health {
        Health { path }
    }

    /// It is ready: the first turn may take long.
    pub fn began(&self) {
        let _ = sd_notify::notify(&[NotifyState::Ready]);
    }

    /// A turn ended: it goes on.
    pub fn turned(&self, now: Time, in_hand: usize) {
        let status = format!("{in_hand} objects in hand");
        let _ = sd_notify::notify(&[NotifyState::Watchdog, NotifyState::Status(&status)]);
        if let Some(path) = &self.path {
            let text = json!({"time": now.to_string(), "in_hand": in_hand}).to_string();
            let new = unfinished(path);
            let _ = fs::write(&new, text + "\n").and_then(|()| fs::rename(&new, path));
        }
    }

    /// It ended.
    pub fn ended(&self) {
        let _ = sd_notify::notify(&[NotifyState::Stopping]);
        if let Some(path) = &self.path {
            let _ = fs::remove_file(path);
        }
    }
}
