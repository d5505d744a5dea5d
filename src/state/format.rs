//! The bytes of a state: one zstd frame with a checksum. In it, a line of JSON says what follows. Then
//! come numbers of fixed width, little-endian.
//!
//! ```text
//! {"schema":"keytrail.state/v1", …, "objects":N, "reported":N, "known":N, "recalled":N}\n
//! objects, reported, known      N times 16 bytes of id and 2 of day, ascending
//! recalled                      N times: length, JSON of its origin; length, the record
//! ```
//!
//! What must stay true: the reader doesn't trust the file. It believes a number only as far as bytes
//! follow.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::State;
use crate::model::coverage::Coverage;
use crate::model::memory::{Dated, Memory, Recalled};
use crate::model::origin::Origin;
use crate::model::time::Time;

/// The only schema that is understood.
const SCHEMA: &str = "keytrail.state/v1";
/// Fast, and half the size of what deflate makes.
const LEVEL: i32 = 3;
/// The longest line and the longest record that are believed.
const LINE_MAX: u64 = 64 << 20;
const RECORD_MAX: u64 = 64 << 20;

#[derive(Serialize, Deserialize)]
struct Head {
    schema: String,
    tool: String,
    written: Option<i64>,
    runs: u64,
    #[serde(rename = "rules")]
    asked: String,
    /// Not in states of earlier versions.
    #[serde(default)]
    rule_digests: BTreeMap<String, String>,
    seed: u64,
    first_event: Option<i64>,
    last_event: Option<i64>,
    accounts: BTreeSet<String>,
    coverage: Coverage,
    forgotten: u64,
    objects: u64,
    reported: u64,
    known: u64,
    recalled: u64,
}

#[derive(Serialize, Deserialize)]
struct Place {
    blob: String,
    record: Option<u64>,
    reported: bool,
    last: Option<i64>,
    count: u64,
}

/// The bytes of a state.
///
/// # Errors
/// When there is no memory for them.
pub fn encode(state: &State) -> io::Result<Vec<u8>> {
    let mut out = zstd::Encoder::new(Vec::new(), LEVEL)?;
    out.include_checksum(true)?;
    let State { objects, reported, memory, .. } = state;
    let head = Head {
        schema: SCHEMA.to_owned(),
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        written: state.written.map(|time| time.0),
        runs: state.runs,
        asked: state.asked.clone(),
        rule_digests: state.rules.clone(),
        seed: memory.seed,
        first_event: memory.first_event.map(|time| time.0),
        last_event: memory.last_event.map(|time| time.0),
        accounts: memory.accounts.clone(),
        coverage: memory.coverage.clone(),
        forgotten: memory.forgotten,
        objects: objects.rows().len() as u64,
        reported: reported.rows().len() as u64,
        known: memory.known.rows().len() as u64,
        recalled: memory.recalled.len() as u64,
    };
    serde_json::to_writer(&mut out, &head)?;
    out.write_all(b"\n")?;
    for dated in [objects, reported, &memory.known] {
        for ([a, b], day) in dated.rows() {
            out.write_all(&a.to_le_bytes())?;
            out.write_all(&b.to_le_bytes())?;
            out.write_all(&day.to_le_bytes())?;
        }
    }
    for recalled in &memory.recalled {
        let place = Place {
            blob: recalled.origin.blob.to_string(),
            record: recalled.origin.record,
            reported: recalled.reported,
            last: recalled.last.map(|time| time.0),
            count: recalled.count,
        };
        write_bytes(&mut out, &serde_json::to_vec(&place)?)?;
        write_bytes(&mut out, &recalled.text)?;
    }
    out.finish()
}

fn write_bytes(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    out.write_all(&(bytes.len() as u64).to_le_bytes())?;
    out.write_all(bytes)
}

/// A state from its bytes.
///
/// # Errors
/// Why they are none, in words.
pub fn decode(bytes: &[u8]) -> Result<State, String> {
    let damaged = |error: io::Error| format!("is damaged: {error}");
    let inflated = zstd::Decoder::new(bytes).map_err(damaged)?;
    let mut from = BufReader::new(inflated);
    let mut line = Vec::new();
    from.by_ref().take(LINE_MAX).read_until(b'\n', &mut line).map_err(|_| no_state())?;
    let head: Head = serde_json::from_slice(&line).map_err(|_| no_state())?;
    if head.schema != SCHEMA {
        let found: String = head.schema.chars().take(60).collect();
        return Err(format!("has the schema {found:?}, expected {SCHEMA:?}"));
    }
    let objects = dated(&mut from, head.objects).map_err(damaged)?;
    let reported = dated(&mut from, head.reported).map_err(damaged)?;
    let known = dated(&mut from, head.known).map_err(damaged)?;
    let mut recalled = Vec::new();
    for _ in 0..head.recalled {
        recalled.push(one(&mut from).map_err(damaged)?);
    }
    if from.read(&mut [0]).map_err(damaged)? != 0 {
        return Err("is damaged: something follows its end".to_owned());
    }
    let Head { written, runs, asked, rule_digests: rules, seed, accounts, coverage, .. } = head;
    let memory = Memory {
        seed,
        first_event: head.first_event.map(Time),
        last_event: head.last_event.map(Time),
        accounts,
        coverage,
        known,
        recalled,
        forgotten: head.forgotten,
    };
    Ok(State { written: written.map(Time), runs, asked, rules, objects, reported, memory })
}

fn no_state() -> String {
    "is no state that --state wrote".to_owned()
}

fn dated(from: &mut impl Read, count: u64) -> io::Result<Dated> {
    let mut rows = Vec::new();
    for _ in 0..count {
        let (a, b) = (word(from)?, word(from)?);
        let mut day = [0; 2];
        from.read_exact(&mut day)?;
        rows.push(([a, b], u16::from_le_bytes(day)));
    }
    Ok(Dated::new(rows))
}

fn word(from: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    from.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn one(from: &mut impl Read) -> io::Result<Recalled> {
    let place: Place = serde_json::from_slice(&read_bytes(from)?)?;
    let origin = Origin { blob: Arc::from(place.blob), record: place.record };
    let text = read_bytes(from)?;
    let Place { reported, count, .. } = place;
    Ok(Recalled { origin, text, reported, last: place.last.map(Time), count })
}

fn read_bytes(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let len = word(from)?;
    let mut bytes = Vec::new();
    // Grows as bytes come, so that a length that lies takes no memory.
    from.take(len.min(RECORD_MAX)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 == len {
        true => Ok(bytes),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn state() -> impl Strategy<Value = State> {
        let ids = || prop::collection::vec((any::<[u64; 2]>(), any::<u16>()), 0..20);
        let times = || prop::option::of(any::<i64>().prop_map(Time));
        let records = (
            ".{0,9}",
            prop::option::of(0..9u64),
            prop::collection::vec(any::<u8>(), 0..30),
            times(),
            any::<u64>(),
        )
            .prop_map(|(blob, record, text, last, count)| Recalled {
                origin: Origin { blob: blob.into(), record },
                text,
                reported: count % 2 == 0,
                last,
                count,
            });
        let memory = (any::<u64>(), times(), ids(), prop::collection::vec(records, 0..9)).prop_map(
            |(seed, first_event, known, recalled)| Memory {
                seed,
                first_event,
                last_event: first_event,
                accounts: ["111122223333".to_owned()].into(),
                coverage: Coverage::default(),
                known: Dated::new(known),
                recalled,
                forgotten: 3,
            },
        );
        (times(), any::<u64>(), ids(), ids(), memory).prop_map(
            |(written, runs, objects, reported, memory)| State {
                written,
                runs,
                asked: "sha256:r".into(),
                rules: BTreeMap::from([("key-created".into(), "sha256:s".into())]),
                objects: Dated::new(objects),
                reported: Dated::new(reported),
                memory,
            },
        )
    }

    #[test]
    fn a_state_from_before_rules_were_kept_one_by_one_is_read() {
        let state = State { runs: 3, asked: "sha256:r".into(), ..State::default() };
        let bytes = zstd::decode_all(&encode(&state).unwrap()[..]).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let earlier = text.replace("\"rule_digests\":{},", "");
        assert_ne!(earlier, text);
        let earlier = zstd::encode_all(earlier.as_bytes(), LEVEL).unwrap();
        assert_eq!(decode(&earlier), Ok(state));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(state in state()) {
            let bytes = encode(&state).unwrap();
            prop_assert_eq!(decode(&bytes), Ok(state));
        }

        #[test]
        fn damage_is_always_seen(state in state(), at in any::<prop::sample::Index>(), bit in 0..8u8, cut in any::<prop::sample::Index>()) {
            let mut bytes = encode(&state).unwrap();
            prop_assert!(decode(&bytes[..cut.index(bytes.len())]).is_err());
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            // A few bits of zstd's header mean nothing; whatever is read then must be the same.
            if let Ok(read) = decode(&bytes) {
                prop_assert_eq!(read, state);
            }
        }

        #[test]
        fn numbers_that_lie_are_no_state(counts in any::<[u64; 4]>(), rest in prop::collection::vec(any::<u8>(), 0..200)) {
            let head = serde_json::json!({"schema": SCHEMA, "tool": "x", "written": 1, "runs": 1,
                "rules": "", "seed": 1, "first_event": null, "last_event": null, "accounts": [], "coverage": Coverage::default(),
                "forgotten": 0, "objects": counts[0], "reported": counts[1], "known": counts[2],
                "recalled": counts[3]});
            let mut text = format!("{head}\n").into_bytes();
            text.extend(rest);
            let bytes = zstd::encode_all(text.as_slice(), 1).unwrap();
            prop_assert!(decode(&bytes).is_err());
        }
    }

    #[test]
    fn other_files_are_refused_in_words() {
        let text = |bytes: &[u8]| decode(&zstd::encode_all(bytes, 1).unwrap()).unwrap_err();
        assert_eq!(text(b"{}\n"), "is no state that --state wrote");
        assert!(decode(b"{\"schema\":1}").unwrap_err().starts_with("is "));
        let bytes = encode(&State::default()).unwrap();
        let other = zstd::decode_all(bytes.as_slice()).unwrap();
        let other = String::from_utf8(other).unwrap().replace("state/v1", "state/v9");
        assert!(text(other.as_bytes()).contains("keytrail.state/v9"));
    }
}
