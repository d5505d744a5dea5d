//! Objects that were being read when the process ended.
//!
//! An object that ends the process, by its memory or by a fault of ours, is delivered again to the next one, and
//! ends that too. So a file beside the state has the names of what is being read for the first time. Whoever finds
//! it reads what it names apart from everything else: first some at once, then each alone. One that was alone as often
//! as `--tries` says is not opened any more.
//!
//! What must stay true: the names are in the file before anything of the objects is read; an object that was read
//! is not in it, so that killing the process at random makes none suspect for long.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::scanner::Scanner;
use crate::follow::{Announced, Judge, Judged, LookedAt, Settled};

/// Suspects that are read at once the second time.
const SOME: usize = 32;

/// What is in the file.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    /// What is being read.
    opened: BTreeSet<String>,
    /// What was being read when a process ended.
    ended: BTreeMap<String, Ended>,
}

/// How often a process has ended while this was read.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct Ended {
    times: u32,
    /// How often of these nothing else was being read.
    alone: u32,
}

/// What is being read, and what was when a process ended.
#[derive(Debug)]
pub struct Suspects {
    path: Option<PathBuf>,
    kept: Kept,
    tries: u32,
}

impl Suspects {
    /// What the file tells; nothing outlives the process if there is none.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn of(path: Option<PathBuf>, tries: u32) -> io::Result<Suspects> {
        let text = path.as_ref().map(fs::read);
        let mut kept: Kept = match text {
            None => Kept::default(),
            Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => Kept::default(),
            Some(text) => serde_json::from_slice(&text?)?,
        };
        let opened = std::mem::take(&mut kept.opened);
        let alone = u32::from(opened.len() == 1);
        for name in opened {
            let ended = kept.ended.entry(name).or_default();
            ended.times = ended.times.saturating_add(1);
            ended.alone = ended.alone.saturating_add(alone);
        }
        Ok(Suspects { path, kept, tries })
    }

    /// Why an object is not opened any more.
    pub fn refusal(&self, object: &Announced) -> Option<String> {
        let ended = self.kept.ended.get(&key(object))?;
        let times = ended.times;
        (ended.alone >= self.tries).then(|| {
            format!("the process has ended {times} times while this was read: it is not opened")
        })
    }

    /// What may be read together: all without suspicion, then the others in groups that become smaller.
    pub fn groups(&self, objects: Vec<Announced>) -> Vec<Vec<Announced>> {
        let mut groups: BTreeMap<u32, Vec<Announced>> = BTreeMap::new();
        for object in objects {
            let ended = self.kept.ended.get(&key(&object));
            groups.entry(ended.map_or(0, |ended| ended.times)).or_default().push(object);
        }
        let apart = groups.into_iter().flat_map(|(times, objects)| {
            let most = match times {
                0 => usize::MAX,
                1 => SOME,
                _ => 1,
            };
            objects.chunks(most).map(<[Announced]>::to_vec).collect::<Vec<_>>()
        });
        apart.collect()
    }

    /// These are being read from now on.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn open(&mut self, objects: &[Announced]) -> io::Result<()> {
        self.kept.opened = objects.iter().map(key).collect();
        self.write()
    }

    /// They were read, and nothing happened.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn close(&mut self, objects: &[Announced]) -> io::Result<()> {
        self.kept.opened.clear();
        for object in objects {
            self.kept.ended.remove(&key(object));
        }
        self.write()
    }

    /// A process that is killed loses nothing of what it wrote; a machine that fails is no object's fault.
    fn write(&self) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        if self.kept.opened.is_empty() && self.kept.ended.is_empty() {
            return match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        }
        let new = unfinished(path);
        fs::write(&new, serde_json::to_vec(&self.kept)?)?;
        fs::rename(&new, path)
    }
}

/// The file that takes the place of another one.
pub fn unfinished(path: &Path) -> PathBuf {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    new.into()
}

/// Judges with the engine, and notes what is being read.
pub struct Careful {
    inner: Scanner,
    suspects: Suspects,
}

impl Careful {
    /// One that knows these suspects.
    pub fn new(inner: Scanner, suspects: Suspects) -> Careful {
        Careful { inner, suspects }
    }

    /// Who judges.
    pub fn scanner(&mut self) -> &mut Scanner {
        &mut self.inner
    }

    /// Objects that are opened, and the others.
    fn parted(&self, objects: &[Announced]) -> (Vec<Announced>, Vec<Announced>) {
        objects.iter().cloned().partition(|object| self.suspects.refusal(object).is_none())
    }
}

impl Judge for Careful {
    fn look(&mut self, objects: &[Announced]) -> io::Result<Judged> {
        let (opened, refused) = self.parted(objects);
        let mut all = Judged::default();
        for object in refused {
            let fault = self.suspects.refusal(&object);
            all.lines
                .extend(self.inner.problem(&object.name, fault.as_deref().unwrap_or_default()));
            let name = object.name;
            all.objects.push(LookedAt { name, latest: Vec::new(), fault, passing: false });
        }
        for group in self.suspects.groups(opened) {
            self.suspects.open(&group)?;
            let Judged { lines, objects } = self.inner.look(&group)?;
            self.suspects.close(&group)?;
            all.lines.extend(lines);
            all.objects.extend(objects);
        }
        Ok(all)
    }

    // What was read before does no harm, and is concluded over together, so that the order of time holds.
    fn settle(&mut self, objects: &[Announced]) -> io::Result<Settled> {
        let (opened, refused) = self.parted(objects);
        let mut settled = self.inner.settle(&opened)?;
        settled.partly.extend(refused);
        Ok(settled)
    }

    fn commit(&mut self) -> Result<(), String> {
        self.inner.commit()
    }

    fn problem(&mut self, about: &str, message: &str) -> Vec<u8> {
        self.inner.problem(about, message)
    }

    fn forget(&mut self, objects: &[Announced]) {
        self.inner.forget(objects);
    }
}

/// An object that was replaced is another one.
fn key(object: &Announced) -> String {
    match &object.etag {
        Some(etag) => format!("{} {etag}", object.name),
        None => object.name.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(number: usize) -> Announced {
        Announced { name: format!("s3://b/{number}").into(), etag: None }
    }

    #[test]
    fn what_ends_the_process_is_found_and_what_was_beside_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("opened");
        let poison = object(77);
        let mut all: Vec<Announced> = (0..100).map(object).collect();
        for process in 1.. {
            assert!(process < 10, "it is never found");
            let mut suspects = Suspects::of(Some(path.clone()), 4).unwrap();
            if suspects.refusal(&poison).is_some() {
                break;
            }
            assert!(all.iter().all(|object| suspects.refusal(object).is_none()));
            let mut is_alive = true;
            for group in suspects.groups(all.clone()) {
                suspects.open(&group).unwrap();
                if group.contains(&poison) {
                    is_alive = false;
                    break;
                }
                suspects.close(&group).unwrap();
                all.retain(|object| !group.contains(object));
            }
            assert!(!is_alive);
        }
        assert!(all.contains(&poison));
        let mut suspects = Suspects::of(Some(path.clone()), 4).unwrap();
        suspects.close(&all).unwrap();
        assert!(!path.exists());
    }
}
