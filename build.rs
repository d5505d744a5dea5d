//! Packs the samples of the built-in rules into the binary.
//!
//! `keytrail rules test` runs them wherever the program is installed, and they are too many to name
//! one by one. The pack is one file: of each sample its name and its text, both behind their length
//! in four bytes, little-endian, all of it as one zlib stream. `src/trial/pack.rs` is the other end.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// Where the samples lie, a folder a rule.
const SAMPLES: &str = "samples/rules";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={SAMPLES}");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("no OUT_DIR")?).join("samples.pack");
    let mut pack = ZlibEncoder::new(Vec::new(), Compression::best());
    for folder in sorted(Path::new(SAMPLES))?.iter().filter(|path| path.is_dir()) {
        for file in sorted(folder)? {
            let name = file.strip_prefix(SAMPLES)?.to_str().ok_or("a name that is not UTF-8")?;
            add(&mut pack, name.as_bytes())?;
            add(&mut pack, &fs::read(&file)?)?;
        }
    }
    fs::write(out, pack.finish()?)?;
    Ok(())
}

/// What is in a folder, by name: the same files give the same pack.
fn sorted(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.sort();
    Ok(paths)
}

fn add(pack: &mut impl Write, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    pack.write_all(&u32::try_from(bytes.len())?.to_le_bytes())?;
    pack.write_all(bytes)?;
    Ok(())
}
