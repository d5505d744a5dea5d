//! The walk on real folders: order, links, odd files, odd names.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::model::problem::Stage;

fn folder(files: &[&str]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for file in files {
        let path = dir.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }
    dir
}

fn list(sources: &[&Path]) -> Vec<Entry> {
    rest_of(Listing::open(sources).unwrap_or_else(|errors| panic!("{errors:?}")))
}

fn rest_of(mut listing: Listing) -> Vec<Entry> {
    let stop = AtomicBool::new(false);
    std::iter::from_fn(|| listing.next(&stop)).collect()
}

/// What was listed, relative to `dir`; problems as `name: message`.
fn lines(dir: &Path, entries: Vec<Entry>) -> Vec<String> {
    let prefix = format!("{}/", dir.display());
    let line = |entry| match entry {
        Entry::Blob(blob) => blob.name.to_string(),
        Entry::Problem(problem) => {
            assert_eq!(problem.stage, Stage::Read);
            format!("{}: {}", problem.origin.blob, problem.message)
        }
        Entry::Known(name) => format!("known {name}"),
    };
    entries.into_iter().map(line).map(|line| line.replace(&prefix, "")).collect()
}

#[test]
fn a_folder_is_walked_in_the_order_of_names() {
    let dir = folder(&["b/z.json", "b/a.json", "B.json", "a.json", ".hidden", "c/d/e/f.json"]);
    let expected = [".hidden", "B.json", "a.json", "b/a.json", "b/z.json", "c/d/e/f.json"];
    for _ in 0..2 {
        assert_eq!(lines(dir.path(), list(&[dir.path()])), expected);
    }
}

#[test]
fn names_are_as_typed() {
    let dir = folder(&["sub/a.json"]);
    let typed = dir.path().join("sub/../sub");
    let entries = list(&[&typed]);
    let Entry::Blob(blob) = &entries[0] else { panic!("{entries:?}") };
    assert_eq!(&*blob.name, typed.join("a.json").to_str().unwrap());
    assert_eq!(blob.body, Body::File(typed.join("a.json")));
}

#[test]
fn one_source_by_several_spellings_is_read_once() {
    let dir = folder(&["sub/a.json", "b.json"]);
    let (sub, file) = (dir.path().join("sub"), dir.path().join("b.json"));
    let (other_sub, other_file) = (dir.path().join("sub/../sub/"), dir.path().join("./b.json"));
    let dash = Path::new("-");
    let entries = list(&[&sub, dash, &file, &other_sub, &other_file, dash, &sub]);
    assert_eq!(lines(dir.path(), entries), ["sub/a.json", "-", "b.json"]);
}

#[test]
fn all_missing_sources_are_told_at_once() {
    let dir = folder(&["a.json"]);
    let (good, bad) = (dir.path().join("a.json"), dir.path().join("b.json"));
    let under = good.join("c");
    let sources = [good.as_os_str(), bad.as_os_str(), OsStr::new("s3://b/k"), under.as_os_str()];
    let errors = Listing::open(&sources).err().unwrap();
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let missing = |name: &Path| format!("{}: no such file or folder", name.display());
    assert_eq!(
        told,
        [
            missing(&bad),
            "s3://b/k: expected s3://BUCKET/PREFIX with the name of a bucket".to_owned(),
            missing(&under)
        ]
    );
    assert!(errors.iter().all(|error| !error.hint().is_empty()));
    assert!(Listing::open(&[""]).is_err());
}

#[test]
fn an_empty_folder_and_no_source_list_nothing() {
    let dir = folder(&[]);
    assert_eq!(list(&[dir.path()]), []);
    assert_eq!(list(&[]), []);
}

#[test]
fn empty_files_are_blobs() {
    let dir = folder(&[]);
    fs::write(dir.path().join("empty"), "").unwrap();
    assert_eq!(lines(dir.path(), list(&[dir.path()])), ["empty"]);
}

#[test]
fn a_listing_can_go_to_another_thread() {
    fn is_send<T: Send>(_: &T) {}
    is_send(&Listing::open(&["-"]).unwrap_or_else(|errors| panic!("{errors:?}")));
}

#[cfg(unix)]
mod unix {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn links_are_followed() {
        let (dir, elsewhere) = (folder(&["z.json"]), folder(&["x/y.json"]));
        symlink(elsewhere.path(), dir.path().join("link")).unwrap();
        symlink(elsewhere.path().join("x/y.json"), dir.path().join("file")).unwrap();
        let found = lines(dir.path(), list(&[dir.path()]));
        assert_eq!(found, ["file", "link/x/y.json", "z.json"]);
    }

    #[test]
    fn a_link_loop_is_told_and_the_walk_goes_on() {
        let dir = folder(&["a/b/c.json", "d.json"]);
        symlink(dir.path().join("a"), dir.path().join("a/b/up")).unwrap();
        let found = lines(dir.path(), list(&[dir.path()]));
        assert_eq!(found[0], "a/b/c.json");
        assert!(found[1].starts_with("a/b/up: symbolic link loop: leads back to a,"), "{found:?}");
        assert_eq!(found[2..], ["d.json"]);
    }

    #[test]
    fn dangling_links_are_told_and_the_walk_goes_on() {
        let dir = folder(&["z.json"]);
        symlink("gone", dir.path().join("dangling")).unwrap();
        symlink("self", dir.path().join("self")).unwrap();
        let found = lines(dir.path(), list(&[dir.path()]));
        assert!(found[0].starts_with("dangling: symbolic link that leads to no"), "{found:?}");
        assert!(found[1].starts_with("self: symbolic link that leads to no"), "{found:?}");
        assert_eq!(found[2..], ["z.json"]);

        let errors = Listing::open(&[dir.path().join("dangling"), dir.path().join("self")]).err();
        let errors = errors.unwrap();
        assert!(errors.iter().all(|error| matches!(error, SourceError::Dangling { .. })));
        assert_eq!(errors.len(), 2);
    }

    #[test]
    fn pipes_and_sockets_met_on_the_walk_are_not_opened() {
        let dir = folder(&["z.json"]);
        let fifo = dir.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let _socket = UnixListener::bind(dir.path().join("socket")).unwrap();
        let found = lines(dir.path(), list(&[dir.path()]));
        assert!(found[0].starts_with("fifo: not a regular file but a named pipe"), "{found:?}");
        assert!(found[1].starts_with("socket: not a regular file but a socket"), "{found:?}");
        assert_eq!(found[2..], ["z.json"]);
        // Named, it is a source like any other.
        assert_eq!(lines(dir.path(), list(&[&fifo])), ["fifo"]);
    }

    #[test]
    fn names_need_not_be_utf8() {
        let dir = folder(&[]);
        let name = OsStr::from_bytes(b"a\xffb\\c.json");
        if fs::write(dir.path().join(name), "").is_err() {
            return; // Some file systems refuse such names.
        }
        assert_eq!(lines(dir.path(), list(&[dir.path()])), ["a\\xffb\\\\c.json"]);
    }

    #[test]
    fn an_unreadable_folder_is_told_and_the_walk_goes_on() {
        let dir = folder(&["a/hidden.json", "z.json"]);
        let closed = dir.path().join("a");
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
        let denied = fs::read_dir(&closed).is_err();
        let found = lines(dir.path(), list(&[dir.path()]));
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
        if denied {
            assert!(found[0].starts_with("a: cannot be walked: "), "{found:?}");
            assert_eq!(found[1..], ["z.json"]);
        }
    }

    #[test]
    fn a_folder_that_vanishes_is_told_and_the_walk_goes_on() {
        let dir = folder(&["a/b.json", "c.json"]);
        let (gone, file) = (dir.path().join("a"), dir.path().join("c.json"));
        let listing = Listing::open(&[&gone, &file]).unwrap_or_else(|errors| panic!("{errors:?}"));
        fs::remove_dir_all(&gone).unwrap();
        let found = lines(dir.path(), rest_of(listing));
        assert!(found[0].starts_with("a: cannot be walked: "), "{found:?}");
        assert_eq!(found[1..], ["c.json"]);
    }
}
