//! What gives more than it should.

use super::super::parquet::tests::alike;
use super::*;

#[test]
fn members_that_share_their_bytes_are_a_bomb() {
    let whole = zip(&[("a", &vec![b' '; 1 << 19])], DEFLATE);
    let (central, end) = (places(&whole, CENTRAL)[0], places(&whole, END)[0]);
    let entry = &whole[central..end];
    let mut bytes = [&whole[..central], &entry.repeat(1000)].concat();
    let (size, count) = (1000 * entry.len() as u32, 1000_u16.to_le_bytes());
    bytes.extend([&whole[end..end + 8], &count, &count, &size.to_le_bytes()].concat());
    bytes.extend_from_slice(&whole[end + 16..]);
    let noted = read(&bytes);
    assert!(noted.wrong.iter().all(|(_, why)| why.contains("bomb")), "{:?}", noted.wrong);
    assert!(!noted.wrong.is_empty());
    assert!(noted.texts.len() < 100, "{}", noted.texts.len());
}

#[test]
fn bombs_are_cut_by_what_all_layers_share() {
    let zeros = vec![b' '; 900 << 10];
    let bomb = gzip(&zeros);
    let files: Vec<_> = (0..50).map(|n| format!("{n}")).collect();
    let files: Vec<_> = files.iter().map(|name| (name.as_str(), &bomb[..])).collect();
    // 45 MB out of some kilobytes, though each member is below the floor.
    for bytes in [gzip(&tar(&files)), zstd(&zip(&files, STORE)), gzip(&gzip(&tar(&files)))] {
        let noted = noted(Body::Object(Object::whole(bytes.into(), None)), small());
        let text: usize = noted.texts.iter().map(|(_, text)| text.len()).sum();
        assert!(text <= (2 << 20), "{text}");
        assert!(noted.wrong.iter().all(|(_, why)| why.contains("bomb")), "{:?}", noted.wrong);
        assert_eq!(noted.wrong.len(), 1, "{:?}", noted.wrong);
    }
    // As stored they are large enough for all of it.
    let noted = read(&tar(&[("a", &zeros), ("b", &zeros)]));
    assert_eq!((noted.texts.len(), noted.wrong.len()), (2, 0));
}

#[test]
fn behind_a_bomb_nothing_is_read_and_one_problem_is_told() {
    let noise: Vec<u8> = (0..100_000_u32).map(|n| (n.wrapping_mul(n) >> 7) as u8 | 1).collect();
    let bomb = gzip(&vec![b' '; 3 << 20]);
    let files: &Files<'_> = &[("noise", &noise), ("a", &bomb), ("b", &bomb), ("c", A)];
    for (bytes, at) in [
        (tar(files), "x!/a"),
        (zip(files, STORE), "x!/a"),
        (tar(&[("t", &zip(files, STORE)), ("u", A)]), "x!/t!/a"),
        (zip(&[("t", &tar(files)), ("u", A)], STORE), "x!/t!/a"),
    ] {
        // How much of a bomb is read before it is one depends on how it is read.
        let noted = noted(Body::Object(Object::whole(bytes.into(), None)), small());
        noted.wrong(at, "decompression bomb");
        assert_eq!((noted.texts.len(), noted.names()[1]), (2, at));
    }
}

#[test]
fn what_comes_out_of_a_pipe_is_measured_by_what_went_in() {
    // Seven bytes and one more of each eight come to about a fifth.
    let mut seed = 1_u32;
    let text: Vec<u8> = (0..900 << 10)
        .map(|at| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if at % 8 == 0 { b'a' + (seed >> 28) as u8 } else { b' ' }
        })
        .collect();
    let whole = zip(&[("a", &text), ("b", &text), ("c", &text)], DEFLATE);
    for bytes in [gzip(&whole), whole] {
        assert!(bytes.len() > 100 << 10);
        let noted = piped(&bytes);
        assert_eq!((noted.texts.len(), noted.wrong), (3, vec![]));
    }
    // What the zip has is not what was stored.
    let text = vec![b' '; 900 << 10];
    let whole = zip(&[("a", &text), ("b", &text), ("c", &text)], STORE);
    let noted = piped(&gzip(&whole));
    assert!(noted.texts.len() < 3 && !noted.wrong.is_empty(), "{:?}", noted.wrong);
}

#[test]
fn tables_count_with_all_that_an_archive_gives() {
    // Some hundred bytes each, and 0.9 MB of lines.
    let table = alike(30_000);
    assert!(table.len() < 2000);
    let names: Vec<String> = (0..20).map(|n| format!("{n}.parquet")).collect();
    let files: Vec<_> = names.iter().map(|name| (name.as_str(), &table[..])).collect();
    for whole in [tar(&files), zip(&files, STORE)] {
        // As they lie there, and so packed that all tables together are one.
        let all = read(&whole);
        assert_eq!((all.texts.len(), all.wrong), (20, vec![]));
        let noted = noted(Body::Object(Object::whole(gzip(&whole).into(), None)), small());
        let text: usize = noted.texts.iter().map(|(_, text)| text.len()).sum();
        assert!(text <= 10 << 20, "{text}");
        let [(_, why)] = &noted.wrong[..] else { panic!("{:?}", noted.wrong) };
        assert!(why.contains("bomb"), "{why}");
    }
}
