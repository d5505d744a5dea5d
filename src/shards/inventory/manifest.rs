//! `manifest.json`: what an inventory is of, and its files.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use crate::model::time::Time;
use crate::source::s3::{Address, Cloud, Files};

/// No manifest has more bytes (64 MiB).
const BYTES_MAX: u64 = 64 << 20;

/// What a manifest says.
#[derive(Debug)]
pub(super) struct Manifest {
    pub bucket: String,
    pub made: Option<Time>,
    pub format: Format,
    pub files: Vec<DataFile>,
}

/// What its files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Format {
    /// With these fields, in order.
    Csv(Vec<String>),
    Parquet,
}

/// A file of an inventory.
#[derive(Debug, Deserialize)]
pub(super) struct DataFile {
    pub key: String,
    #[serde(rename = "MD5checksum")]
    pub md5: Option<String>,
}

/// As it is written.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    source_bucket: String,
    destination_bucket: String,
    /// Milliseconds since 1970.
    creation_timestamp: Option<String>,
    file_format: String,
    #[serde(default)]
    file_schema: String,
    files: Vec<DataFile>,
}

/// Where the files of an inventory are.
#[derive(Debug)]
pub(super) enum Place {
    /// In one of these folders, by the last part of their keys.
    Disk([PathBuf; 2]),
    /// In the bucket that the manifest names.
    Bucket(Files),
}

/// Reads a manifest.
pub(super) fn open(name: &OsStr, cloud: Option<&Arc<Cloud>>) -> Result<(Manifest, Place), String> {
    let Some(word) = name.to_str().filter(|word| Address::is_meant(word)) else {
        let path = Path::new(name);
        let file = regular(path)?.ok_or("is not there")?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let place = Place::Disk([folder.to_owned(), folder.join("../data")]);
        return Ok((read(file)?.0, place));
    };
    let cloud = cloud.ok_or("S3 cannot be reached")?;
    let files = |bucket: &str| {
        let root = Address { bucket: bucket.to_owned(), prefix: String::new() };
        Files::new(Arc::clone(cloud), root)
    };
    let Address { bucket, prefix } = Address::parse(word)?;
    let file = files(&bucket).fetch(&prefix)?.ok_or("is not there")?;
    let (manifest, destination) = read(file)?;
    Ok((manifest, Place::Bucket(files(&destination))))
}

/// The manifest in a file, and the bucket in which its files are.
fn read(file: File) -> Result<(Manifest, String), String> {
    let mut bytes = Vec::new();
    let taken = file.take(BYTES_MAX + 1).read_to_end(&mut bytes);
    taken.map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(format!("is no manifest: expected at most {BYTES_MAX} bytes"));
    }
    let expected = "expected the manifest.json of an S3 Inventory";
    let written: Written = serde_json::from_slice(&bytes)
        .map_err(|error| format!("is no manifest: {error}; {expected}"))?;
    let format = match written.file_format.as_str() {
        "CSV" => {
            let fields = written.file_schema.split(',').map(|field| field.trim().to_owned());
            Format::Csv(fields.collect())
        }
        "Parquet" => Format::Parquet,
        "ORC" => {
            return Err("its files are ORC, which is not read: expected an inventory in CSV or \
                        Parquet"
                .to_owned());
        }
        other => {
            let shown: String = other.chars().take(60).collect();
            return Err(format!("its files are {shown}: expected CSV or Parquet"));
        }
    };
    let millis = written.creation_timestamp.and_then(|millis| millis.parse::<i64>().ok());
    let made = millis.and_then(|millis| millis.checked_mul(1_000)).map(Time);
    let destination = written.destination_bucket;
    let destination = destination.rsplit(":::").next().unwrap_or_default().to_owned();
    let (bucket, mut files) = (written.source_bucket, written.files);
    // One that is named twice is read once.
    let mut met = HashSet::new();
    files.retain(|file| met.insert(file.key.clone()));
    Ok((Manifest { bucket, made, format, files }, destination))
}

/// A file on disk; `None` if it is not there.
fn regular(path: &Path) -> Result<Option<File>, String> {
    match fs::metadata(path) {
        Ok(meta) if meta.is_file() => {
            File::open(path).map(Some).map_err(|error| format!("cannot be read: {error}"))
        }
        Ok(_) => Err("is no regular file".to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("cannot be read: {error}")),
    }
}

impl Place {
    /// What a file is called for people.
    pub fn full(&self, key: &str) -> String {
        match self {
            Place::Disk([folder, _]) => folder.join(last(key)).display().to_string(),
            Place::Bucket(files) => files.full(key),
        }
    }

    /// A file.
    pub fn fetch(&self, key: &str) -> Result<File, String> {
        let there = match self {
            Place::Disk([beside, data]) => match regular(&beside.join(last(key)))? {
                Some(file) => Some(file),
                None => regular(&data.join(last(key)))?,
            },
            Place::Bucket(files) => files.fetch(key)?,
        };
        there.ok_or_else(|| "it is not there".to_owned())
    }
}

/// The last part of a key, which leads to no other folder.
fn last(key: &str) -> &str {
    let last = key.rsplit('/').next().unwrap_or(key);
    if last == ".." { "." } else { last }
}
