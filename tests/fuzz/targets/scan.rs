//! Every scan agrees with its plain twin, and the marks with `serde_json`.

#![no_main]

use std::collections::BTreeMap;

use keytrail::record::event::{Event, Marked, Raw};
use keytrail::record::json::Json;
use keytrail::record::scan::tape::Tape;
use keytrail::record::scan::{self, Flags, Index, Scan, Verdict, plain};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use serde_json::value::RawValue;

/// What a scan says, its verdict settled.
type Said = Option<(usize, Vec<u32>, Flags, bool)>;

fn say(scan: Scan, text: &[u8], index: &mut Index) -> Said {
    let (len, verdict) = scan(text, index)?;
    let valid = plain::valid(&text[..len]);
    assert!(valid || verdict == Verdict::Unsure, "sound, and no JSON");
    Some((len, index.colons().to_vec(), index.flags, valid))
}

/// Marks that an earlier record left must not show in the next.
fn used(scan: Scan) -> Index {
    let mut index = Index::default();
    let text = format!(r#"{{"\u0061":[{{"b":"{}é"}}],"c":{{"#, ",\\\"".repeat(2_000));
    scan(text.as_bytes(), &mut index);
    let text = r#"{"a":1,"b":"#.to_owned() + &"[".repeat(70) + "\u{e9}" + &"]".repeat(70) + "}";
    scan(text.as_bytes(), &mut index);
    index
}

fn same(text: &[u8]) {
    let mut index = Index::default();
    let expected = say(plain::scan, text, &mut index);
    if let Some((len, _, _, true)) = expected {
        members(Marked::new(&text[..len], &index));
    }
    for (name, scan) in scan::all() {
        for mut index in [Index::default(), used(scan)] {
            assert_eq!(say(scan, text, &mut index), expected, "{name}");
            if let Some((len, _, _, true)) = expected {
                members(Marked::new(&text[..len], &index));
            }
        }
    }
}

/// The header and each member that the marks lead to are those of a plain walk.
fn members(marked: Marked<'_>) {
    let header = marked.header();
    let found = [
        ("eventSource", header.source),
        ("eventName", header.name),
        ("eventTime", header.time),
        ("awsRegion", header.region),
        ("recipientAccountId", header.account),
        ("eventID", header.id),
    ];
    let _ = found.map(|(_, raw)| raw.and_then(Raw::time));
    let Some(event) = marked.event() else { return };
    along_tapes(&event);
    for (name, raw) in found {
        let plain = event.json().get(name);
        assert_eq!(event.get(name).map(Json::raw), plain.map(Json::raw), "{name}");
        assert_eq!(raw.is_some(), plain.is_some(), "{name}");
        assert_eq!(raw.and_then(Raw::text), plain.and_then(Json::scalar), "{name}");
    }
    // Refused where a name holds half a surrogate pair.
    let Ok(twin) = serde_json::from_str::<BTreeMap<String, &RawValue>>(event.text()) else {
        return;
    };
    for (name, value) in &twin {
        let here = event.get(name);
        assert_eq!(here.map(Json::raw), Some(value.get()), "{name}");
        if let (Some(here), Ok(value)) = (here, serde_json::from_str::<Value>(value.get()))
            && depth(value.clone()) < keytrail::record::json::DEEPEST
        {
            assert_eq!(here.to_value(), value, "{name}");
        }
    }
    for (name, raw) in found {
        let twin = twin.get(name).and_then(|value| serde_json::from_str(value.get()).ok());
        if let (Some(Value::String(text)), Some(raw)) = (twin, raw) {
            assert_eq!(raw.text().as_deref(), Some(&*text), "{name}");
            assert!(raw.plain().is_none_or(|plain| plain == text.as_bytes()), "{name}");
        }
    }
}

/// A walk along any tape gives what a walk over the bytes gives.
fn along_tapes(event: &Event<'_>) {
    let plain = event.json().to_value();
    let mut tape = Tape::default();
    for fill in scan::all_fills() {
        // What an earlier record left must not show.
        fill(br#"{"a\n":[1,{"b":"c"}],"d":true}"#, &mut tape);
        fill(event.text().as_bytes(), &mut tape);
        let along = event.with_tape(&tape);
        assert_eq!(along.json().to_value(), plain);
        for (name, _) in event.json().members() {
            let name = name.text();
            assert_eq!(along.get(&name).map(Json::raw), event.get(&name).map(Json::raw), "{name}");
        }
    }
}

fn depth(value: Value) -> usize {
    1 + match value {
        Value::Array(values) => values.into_iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => members.into_iter().map(|(_, v)| depth(v)).max().unwrap_or(0),
        _ => 0,
    }
}

fuzz_target!(|data: &[u8]| {
    let text = [b"{", data].concat();
    same(&text);
    // The same at another place in its block, and across the end of the blocks checked together.
    let sum = data.iter().fold(data.len(), |sum, &byte| sum.wrapping_mul(31) + usize::from(byte));
    let pad = match sum % 3 {
        0 => sum / 3 % 64,
        1 => 4_096 - 16 - sum / 3 % 192,
        _ => 8_192 - 16 - sum / 3 % 192,
    };
    same(&[b"{\"p\":\"", &*vec![b'p'; pad], b"\",", data].concat());
    let numbers = b"1,".repeat(pad / 2);
    same(&[b"{\"p\":[", &*numbers, b"{}],", data].concat());
});
