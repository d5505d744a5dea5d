//! A row as JSON.
//!
//! Times are RFC 3339, bytes that are UTF-8 are text and others base64, decimals are numbers. What JSON
//! has no number for is null.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, NaiveTime};
use parquet::basic::{LogicalType, Repetition, TimeUnit};
use parquet::data_type::Decimal;
use parquet::record::{Field, Row};
use parquet::schema::types::Type;

use crate::model::time::Time;

/// Writes a row as an object. `schema` has the same columns.
pub(super) fn row(row: &Row, schema: Option<&Type>, out: &mut Vec<u8>) {
    out.push(b'{');
    let fields = schema.filter(|schema| schema.is_group()).map_or(&[][..], Type::get_fields);
    for (at, (name, field)) in row.get_column_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        text(name, out);
        out.push(b':');
        value(field, fields.get(at).map(|field| &**field), out);
    }
    out.push(b'}');
}

fn value(field: &Field, schema: Option<&Type>, out: &mut Vec<u8>) {
    match field {
        Field::Null => out.extend_from_slice(b"null"),
        Field::Bool(value) => number(value, out),
        Field::Byte(value) => number(value, out),
        Field::Short(value) => number(value, out),
        Field::Int(value) => number(value, out),
        Field::Long(value) => match is_nanos(schema) {
            true => time(value / 1000, out),
            false => number(value, out),
        },
        Field::UByte(value) => number(value, out),
        Field::UShort(value) => number(value, out),
        Field::UInt(value) => number(value, out),
        Field::ULong(value) => number(value, out),
        Field::Float16(value) => float(value.to_f64(), out),
        Field::Float(value) => float(f64::from(*value), out),
        Field::Double(value) => float(*value, out),
        Field::Decimal(value) => decimal(value, out),
        Field::Str(value) => text(value, out),
        Field::Bytes(value) => match std::str::from_utf8(value.data()) {
            Ok(value) => text(value, out),
            Err(_) => text(&STANDARD.encode(value.data()), out),
        },
        Field::Date(days) => date(*days, out),
        Field::TimeMillis(value) => time_of_day(i64::from(*value) * 1000, out),
        Field::TimeMicros(value) => time_of_day(*value, out),
        Field::TimestampMillis(value) => time(value.saturating_mul(1000), out),
        Field::TimestampMicros(value) => time(*value, out),
        Field::Group(value) => row(value, schema, out),
        Field::ListInternal(list) => {
            let schema = schema.and_then(element);
            out.push(b'[');
            for (at, field) in list.elements().iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                value(field, schema, out);
            }
            out.push(b']');
        }
        Field::MapInternal(map) => {
            let schema = schema.and_then(|schema| only(schema)?.get_fields().get(1));
            out.push(b'{');
            for (at, (key, field)) in map.entries().iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                name(key, out);
                out.push(b':');
                value(field, schema.map(|schema| &**schema), out);
            }
            out.push(b'}');
        }
    }
}

/// The name of an entry of a map.
fn name(key: &Field, out: &mut Vec<u8>) {
    match key {
        Field::Str(key) => text(key, out),
        key => {
            let mut name = Vec::new();
            value(key, None, &mut name);
            let name = String::from_utf8_lossy(&name);
            // Of bytes the value is a text already.
            match name.starts_with('"') {
                true => out.extend_from_slice(name.as_bytes()),
                false => text(&name, out),
            }
        }
    }
}

/// The one field of a group.
fn only(schema: &Type) -> Option<&Type> {
    match schema.is_group().then(|| schema.get_fields())? {
        [one] => Some(one),
        _ => None,
    }
}

/// What the elements of a list are: its repeated field, or what that holds.
fn element(schema: &Type) -> Option<&Type> {
    if schema.get_basic_info().has_repetition()
        && schema.get_basic_info().repetition() == Repetition::REPEATED
    {
        return Some(schema);
    }
    let repeated = only(schema)?;
    let is_element = repeated.is_primitive()
        || repeated.get_fields().len() > 1
        || repeated.name() == "array"
        || repeated.name().ends_with("_tuple");
    if is_element { Some(repeated) } else { only(repeated) }
}

/// Whether a whole number is of nanoseconds since the epoch.
fn is_nanos(schema: Option<&Type>) -> bool {
    let logical = schema.and_then(|schema| schema.get_basic_info().logical_type_ref());
    matches!(logical, Some(LogicalType::Timestamp(time)) if time.unit == TimeUnit::NANOS)
}

fn number(value: impl std::fmt::Display, out: &mut Vec<u8>) {
    // Writing to memory does not fail, here and below.
    let _ = write!(out, "{value}");
}

fn float(value: f64, out: &mut Vec<u8>) {
    let _ = serde_json::to_writer(out, &value);
}

fn text(value: &str, out: &mut Vec<u8>) {
    let _ = serde_json::to_writer(out, value);
}

fn time(micros: i64, out: &mut Vec<u8>) {
    let _ = write!(out, "\"{}\"", Time(micros));
}

fn date(days: i32, out: &mut Vec<u8>) {
    match DateTime::from_timestamp(i64::from(days) * 86_400, 0) {
        Some(time) => {
            let _ = write!(out, "\"{}\"", time.date_naive());
        }
        None => out.extend_from_slice(b"null"),
    }
}

fn time_of_day(micros: i64, out: &mut Vec<u8>) {
    let (seconds, rest) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let time = u32::try_from(seconds).ok().zip(u32::try_from(rest * 1000).ok());
    match time.and_then(|(secs, nanos)| NaiveTime::from_num_seconds_from_midnight_opt(secs, nanos))
    {
        Some(time) => {
            let _ = write!(out, "\"{time}\"");
        }
        None => out.extend_from_slice(b"null"),
    }
}

/// A decimal with at most 38 digits; a longer one is text, in hex.
fn decimal(value: &Decimal, out: &mut Vec<u8>) {
    let (data, scale) = (value.data(), usize::try_from(value.scale()).unwrap_or_default());
    if data.is_empty() || data.len() > 16 || scale > 38 {
        let hex: String = data.iter().take(64).map(|byte| format!("{byte:02x}")).collect();
        return text(&hex, out);
    }
    let sign = if data[0] & 0x80 == 0 { 0 } else { u128::MAX };
    let bits = data.iter().fold(sign, |bits, byte| bits << 8 | u128::from(*byte));
    let (minus, mut digits) =
        (bits.cast_signed() < 0, format!("{:0>1$}", bits.cast_signed().unsigned_abs(), scale + 1));
    if scale > 0 {
        digits.insert(digits.len() - scale, '.');
    }
    let _ = write!(out, "{}{digits}", if minus { "-" } else { "" });
}
