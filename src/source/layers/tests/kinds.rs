//! Members of every kind: folders, links, and what is packed in a way that is not read.

use ::tar::EntryType;

use super::*;

#[test]
fn only_files_are_members_and_each_has_a_name_of_its_own() {
    let mut tar = ::tar::Builder::new(Vec::new());
    let mut add = |kind: EntryType, path: &str, text: &[u8]| {
        let mut header = ::tar::Header::new_gnu();
        header.set_entry_type(kind);
        // Old tars write the size of the file that a link is to.
        header.set_size(if path == "hard" { 4711 } else { text.len() as u64 });
        if kind.is_symlink() || kind.is_hard_link() {
            header.set_link_name("a").unwrap();
        }
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        tar.append(&header, text).unwrap();
    };
    add(EntryType::XGlobalHeader, "pax_global_header", b"17 comment=words\n");
    add(EntryType::Directory, "d/", b"");
    add(EntryType::Regular, "../../a", A);
    add(EntryType::Symlink, "link", b"");
    add(EntryType::Link, "hard", b"");
    add(EntryType::Fifo, "fifo", b"");
    add(EntryType::Regular, "/../../a", B);
    add(EntryType::new(b'Z'), "unknown", A);
    add(EntryType::GNUSparse, "holes", B);
    add(EntryType::new(b'V'), "label", b"");
    add(EntryType::XHeader, "p", b"12 path=b!/\n20 GNU.sparse.map=0\n");
    add(EntryType::Regular, "c", B);
    add(EntryType::XHeader, "p", b"16 SCHILY.x=a\nb\n13 path=b!/c\n");
    add(EntryType::Regular, "c", B);
    let noted = read(&tar.into_inner().unwrap());
    assert_eq!(noted.names(), ["x!/../../a", "x!/(2)/../../a", "x!/unknown", "x!/b\\x21/c"]);
    noted.wrong("x", "2 of its members are sparse, such as holes; extract them first");
}

#[test]
fn a_folder_with_content_is_told() {
    let folder = tar(&[("d", b""), ("a", A)]);
    let mut bytes = [tar(&[("d", B)]), folder].concat();
    // A folder, and one that has the bytes of a file.
    for at in [0, 2048] {
        bytes[at + 1] = b'/';
        let header = ::tar::Header::from_byte_slice(&bytes[at..at + 512]);
        let sum = header.cksum().unwrap() + u32::from(b'/');
        bytes[at + 148..at + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    let noted = read(&bytes);
    assert_eq!(noted.names(), ["x!/a"]);
    noted.wrong("x", "1 of its members is named like a folder, though with content, such as d/;");
    for (method, sign) in [(STORE, b'/'), (DEFLATE, b'/'), (STORE, b'\\')] {
        let mut bytes = zip(&[("dd", b""), ("ee", B), ("a", A)], method);
        places(&bytes.clone(), b"dd").iter().for_each(|at| bytes[at + 1] = sign);
        assert_eq!(read(&bytes).wrong, vec![]);
        places(&bytes.clone(), b"ee").iter().for_each(|at| bytes[at + 1] = sign);
        let noted = read(&bytes);
        assert_eq!(noted.names(), ["x!/a"]);
        noted.wrong("x", "named like a folder, though with content, such as e/; extract it");
    }
}

#[test]
fn a_header_of_pax_sizes_the_member_and_not_what_comes_before_it() {
    let mut tar = ::tar::Builder::new(Vec::new());
    let mut add = |kind: EntryType, size: u64, text: &[u8]| {
        let mut header = ::tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_path("a").unwrap();
        header.set_cksum();
        tar.append(&header, text).unwrap();
    };
    let long = b"long/name\0";
    add(EntryType::XHeader, 11, b"11 size=14\n");
    add(EntryType::GNULongName, long.len() as u64, long);
    add(EntryType::Regular, 0, A);
    add(EntryType::Regular, B.len() as u64, B);
    let bytes = tar.into_inner().unwrap();
    assert_eq!(A.len(), 14);
    both(&bytes, ["x!/long/name", "x!/a"]);
}

#[test]
fn a_link_of_a_zip_is_one_only_as_long_as_a_path_may_be() {
    let long = [B, &vec![b' '; 5000]].concat();
    let mut bytes = zip(&[("link", b"../a"), ("long", &long)], STORE);
    for at in places(&bytes.clone(), CENTRAL) {
        // Made by Unix, as a link.
        bytes[at + 5] = 3;
        bytes[at + 40..at + 42].copy_from_slice(&0o120_777_u16.to_le_bytes());
    }
    let noted = read(&bytes);
    assert_eq!(noted.names(), ["x!/long"]);
    assert_eq!(noted.wrong, vec![]);
}

#[test]
fn kinds_that_are_not_read_are_counted_however_many_there_are() {
    let names: Vec<String> = (0..40).map(|n| format!("{n}")).collect();
    let files: Vec<_> = names.iter().map(|name| (name.as_str(), A)).collect();
    let whole = zip(&files, STORE);
    let directory = places(&whole, CENTRAL);
    let told = |method: &dyn Fn(usize) -> u16| {
        let mut bytes = whole.clone();
        for (n, at) in directory.iter().enumerate() {
            bytes[at + 10..at + 12].copy_from_slice(&method(n).to_le_bytes());
        }
        let noted = read(&bytes);
        assert_eq!(noted.texts, vec![]);
        let wrong: Vec<String> = noted.wrong.into_iter().map(|(_, why)| why).collect();
        let counts = wrong.iter().filter_map(|why| why.split(' ').next()?.parse::<usize>().ok());
        assert_eq!(counts.sum::<usize>(), 40, "{wrong:?}");
        wrong
    };
    // Methods of numbers that nobody gave are one kind.
    let wrong = told(&|n| 1000 + n as u16);
    assert_eq!(wrong.len(), 1);
    assert!(wrong[0].starts_with("40 of its members are compressed by methods that nobody knows"));
    // Those with a name are a kind each, up to a limit.
    let named = [1, 2, 3, 4, 5, 6, 9, 10, 18, 19, 94, 96, 97, 98];
    let wrong = told(&|n| named[n % named.len()]);
    assert!(wrong.len() <= 1 + KINDS, "{wrong:?}");
    assert!(wrong.iter().all(|why| why.contains("compressed by")), "{wrong:?}");
}

#[test]
fn the_rest_of_a_file_from_another_volume_is_told() {
    let mut bytes = tar(&[("a", A), ("b", B)]);
    let header = ::tar::Header::from_byte_slice(&bytes[1024..1536]);
    let sum = header.cksum().unwrap() + u32::from(b'M') - u32::from(bytes[1024 + 156]);
    bytes[1024 + 148..1024 + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    bytes[1024 + 156] = b'M';
    let noted = read(&bytes);
    assert_eq!(noted.names(), ["x!/a"]);
    noted.wrong("x", "the rest of a file from another volume, such as b");
}
