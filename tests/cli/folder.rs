//! A folder in a bucket, into which many machines put files: the library against the bucket on loopback.
//!
//! Credentials come from the environment, which a test cannot set for itself. So each of these tests runs
//! its own name again, in a process that has the variables of the server.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::process::Command;
use std::sync::Arc;

use keytrail::folder::{self, Folder, Put};
use keytrail::source::s3::{Access, Cloud};

use crate::bucket::{Server, Trouble};

/// What the second process is told by.
pub const INSIDE: &str = "KEYTRAIL_TEST_INSIDE";

/// Runs the test of that name again, as a client of the server; it must do well.
pub fn again(server: &Server, test: &str) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env_clear()
        .envs(server.variables())
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{out}\n{errors}");
}

/// The folder, in the second process.
fn inside() -> Option<Arc<dyn Folder>> {
    std::env::var_os(INSIDE)?;
    let cloud = Cloud::connect(Access::default()).unwrap();
    Some(folder::open(OsStr::new("s3://example-logs/out"), Some(cloud)).unwrap())
}

fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn read(folder: &dyn Folder, name: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    folder.fetch(name).unwrap()?.read_to_end(&mut bytes).unwrap();
    Some(bytes)
}

#[test]
fn files_are_put_once_and_found_again() {
    if let Some(folder) = inside() {
        assert_eq!((read(&*folder, "a"), folder.has("a")), (None, Ok(false)));
        for n in 0..25 {
            let (name, bytes) = (format!("a/{n:02}=x/b"), vec![n; 100]);
            assert_eq!(folder.put(&name, &mut file(&bytes)), Ok(Put::New));
            assert_eq!(folder.put(&name, &mut file(b"other")), Ok(Put::Exists));
            assert_eq!(read(&*folder, &name).unwrap(), bytes);
            assert_eq!(folder.has(&name), Ok(true));
        }
        assert_eq!(folder.put("ab", &mut file(b"")), Ok(Put::New));
        assert_eq!(folder.names("").unwrap().len(), 26);
        let names = folder.names("a").unwrap();
        assert!(names.len() == 25 && names.is_sorted(), "{names:?}");
        assert_eq!(folder.names("a/03=x").unwrap(), ["a/03=x/b"]);
        assert_eq!(folder.names("b").unwrap(), [""; 0]);
        assert!(folder.put("../a", &mut file(b"")).is_err());
        return;
    }
    let server = Server::start(10);
    server.put("out/odd name", b"");
    server.put("outside", b"");
    again(&server, "folder::files_are_put_once_and_found_again");
    assert_eq!(server.get("out/a/07=x/b").unwrap(), vec![7; 100]);
}

#[test]
fn a_large_file_is_put_in_parts_and_only_once() {
    let bytes: Vec<u8> = (0..(18_usize << 20)).map(|at| (at >> 10) as u8).collect();
    if let Some(folder) = inside() {
        assert_eq!(folder.put("large", &mut file(&bytes)), Ok(Put::New));
        assert!(read(&*folder, "large").unwrap() == bytes);
        assert_eq!(folder.put("large", &mut file(&bytes[1..])), Ok(Put::Exists));
        return;
    }
    let server = Server::start(10);
    server.reading(|_, before| if before == 0 { Trouble::Cut(5 << 20) } else { Trouble::Nothing });
    again(&server, "folder::a_large_file_is_put_in_parts_and_only_once");
    assert!(server.get("out/large").unwrap() == bytes);
    assert_eq!(server.uploads(), 0, "what was begun is given up");
}

#[test]
fn a_file_whose_answer_was_lost_is_known_again() {
    if let Some(folder) = inside() {
        assert_eq!(folder.put("a", &mut file(b"mine")), Ok(Put::New));
        assert_eq!(read(&*folder, "a").unwrap(), b"mine");
        return;
    }
    let server = Server::start(10);
    server.lose_answer();
    again(&server, "folder::a_file_whose_answer_was_lost_is_known_again");
}

#[test]
fn a_large_file_whose_answer_was_lost_is_known_again() {
    if let Some(folder) = inside() {
        assert_eq!(folder.put("a", &mut file(&vec![7; 17 << 20])), Ok(Put::New));
        return;
    }
    let server = Server::start(10);
    server.lose_answer();
    again(&server, "folder::a_large_file_whose_answer_was_lost_is_known_again");
    assert_eq!(server.get("out/a").unwrap().len(), 17 << 20);
}

#[test]
fn of_two_at_once_the_second_tries_again() {
    if let Some(folder) = inside() {
        assert_eq!(folder.put("a", &mut file(b"mine")), Ok(Put::New));
        assert_eq!(folder.put("b", &mut file(b"mine")), Ok(Put::Exists));
        assert_eq!(read(&*folder, "b").unwrap(), b"theirs");
        return;
    }
    let server = Server::start(10);
    server.writing(|key, before| match (key, before) {
        ("out/a", 0..2) => Trouble::Refused("ConditionalRequestConflict", 409, "at once"),
        ("out/b", 0) => Trouble::Overtaken("out/b", b"theirs".to_vec()),
        _ => Trouble::Nothing,
    });
    again(&server, "folder::of_two_at_once_the_second_tries_again");
}

#[test]
fn what_is_refused_names_the_file_and_the_permission() {
    if let Some(folder) = inside() {
        let error = folder.put("a/b", &mut file(b"x")).unwrap_err().to_string();
        assert!(error.starts_with("s3://example-logs/out/a/b: access denied"), "{error}");
        assert!(error.contains("s3:PutObject on arn:aws:s3:::example-logs/out/a/b"), "{error}");
        let error = folder.fetch("a/b").unwrap_err().to_string();
        assert!(error.contains("s3:GetObject on arn:aws:s3:::example-logs/out/a/b"), "{error}");
        let error = folder.names("a").unwrap_err().to_string();
        assert!(error.contains("s3:ListBucket on arn:aws:s3:::example-logs"), "{error}");
        return;
    }
    let server = Server::start(10);
    let denied = || Trouble::Refused("AccessDenied", 403, "no");
    server.writing(move |_, _| denied());
    server.reading(move |_, _| denied());
    server.listing(move |_, _| denied());
    again(&server, "folder::what_is_refused_names_the_file_and_the_permission");
}

#[test]
fn a_listing_that_leads_nowhere_ends() {
    if let Some(folder) = inside() {
        let error = folder.names("").unwrap_err().to_string();
        assert!(error.contains("no page brings new names"), "{error}");
        return;
    }
    let server = Server::start(10);
    (0..15).for_each(|n| server.put(&format!("out/{n}"), b""));
    server.listing(|_, _| Trouble::Cut(0));
    again(&server, "folder::a_listing_that_leads_nowhere_ends");
}
