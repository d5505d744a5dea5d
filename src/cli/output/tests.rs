//! Output files are whole or not there, whatever is in their place.

use std::os::unix::fs::symlink;

use super::*;

fn write(path: &Path, text: &str) {
    let mut output = Output::open(Some(path)).unwrap();
    output.write_all(text.as_bytes()).unwrap();
    output.finish().unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_appears_when_it_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report");
    let mut output = Output::open(Some(&path)).unwrap();
    output.write_all(b"half").unwrap();
    assert!(!path.exists());
    drop(output);
    assert_eq!(names(folder.path()), [""; 0]);
    write(&path, "whole");
    assert_eq!(fs::read_to_string(&path).unwrap(), "whole");
    assert_eq!(names(folder.path()), ["report"]);
}

#[test]
fn an_unfinished_output_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report");
    fs::write(&path, "old").unwrap();
    let mut output = Output::open(Some(&path)).unwrap();
    output.write_all(b"new").unwrap();
    drop(output);
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
}

#[test]
fn mode_and_links_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("file"), folder.path().join("link"));
    fs::write(&file, "old").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o602)).unwrap();
    symlink("file", &link).unwrap();
    write(&link, "new");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o602);
}

#[test]
fn a_new_file_has_the_mode_that_any_program_would_give_it() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, plain) = (folder.path().join("ours"), folder.path().join("plain"));
    write(&ours, "");
    fs::write(&plain, "").unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(ours), mode(plain));
}

#[test]
fn a_link_to_nothing_creates_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("link");
    symlink("later", &link).unwrap();
    write(&link, "new");
    assert_eq!(fs::read_to_string(folder.path().join("later")).unwrap(), "new");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[test]
fn places_where_nothing_can_be_written_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let looped = folder.path().join("loop");
    symlink("loop", &looped).unwrap();
    for path in [
        folder.path().to_path_buf(),
        folder.path().join("no/such/folder"),
        folder.path().join("new/"),
        looped,
        PathBuf::new(),
    ] {
        assert!(Output::open(Some(&path)).is_err(), "{}", path.display());
    }
    assert_eq!(names(folder.path()), ["loop"]);
}

#[test]
fn a_full_device_is_an_error_at_the_latest_in_the_end() {
    let path = Path::new("/dev/full");
    if !path.exists() {
        return;
    }
    let mut output = Output::open(Some(path)).unwrap();
    output.write_all(b"text").unwrap();
    assert!(output.finish().is_err());
}
