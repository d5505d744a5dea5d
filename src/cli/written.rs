//! Which reports are written, as meant.

use super::args::written::WrittenArgs;
use super::check::Check;
use super::exports::{self, Export};
use super::ui::Messages;
use super::values;
use crate::report::{Format, OcsfVersion, View};

/// The main report and the ones beside it.
#[derive(Debug)]
pub struct Written {
    /// The format of the main report.
    pub format: Format,
    /// The format that the suffix of its file says, where `--format` says another.
    suffix: Option<Format>,
    /// The version of OCSF that is written.
    pub ocsf: OcsfVersion,
    /// The reports beside the main one.
    pub exports: Vec<Export>,
    /// The machine's name, if evidence is to hold it.
    pub host: Option<String>,
    /// What a table is about.
    pub view: View,
}

impl Written {
    /// Resolves what was typed. `None` if something is wrong.
    pub fn settle(check: &mut Check, typed: &WrittenArgs) -> Option<Written> {
        let suffix = Format::of_path(&typed.output);
        let format = match &typed.format {
            Some(format) => check.value("--format", format, values::format),
            None => Some(suffix.unwrap_or_default()),
        };
        let exports = typed.exports.iter();
        let exports: Option<Vec<Export>> =
            exports.map(|text| check.value("--export", text, exports::parse)).collect();
        let ocsf = ocsf(check, typed.ocsf_version.as_deref(), format, exports.as_deref());
        let view = typed.view.as_ref();
        if view.is_some() && format.is_some_and(|format| format != Format::Table) {
            check.usage("--view is for the table", "leave out --view, or -f");
        }
        let view = match view {
            Some(view) => check.value("--view", view, values::view),
            None => Some(View::default()),
        };
        Some(Written {
            format: format?,
            suffix: suffix.filter(|suffix| Some(*suffix) != format),
            ocsf: ocsf?,
            exports: exports?,
            host: typed.host.clone(),
            view: view?,
        })
    }

    /// Whether one of the reports tells of keys and names the files that were read.
    pub fn is_evidence(&self) -> bool {
        self.format.is_evidence() || self.exports.iter().any(|export| export.format.is_evidence())
    }

    /// Warns of a suffix that says another format.
    pub fn say(&self, messages: Messages) {
        if let Some(suffix) = self.suffix {
            let format = self.format;
            let said = format!("--output has the suffix of {suffix}, and --format says {format}");
            messages.warning(said);
        }
        for Export { format, path } in &self.exports {
            if let Some(suffix) = Format::of_path(path).filter(|suffix| suffix != format) {
                let path = path.display();
                messages.warning(format!(
                    "--export {format}={path} writes {format}, and the suffix is that of {suffix}"
                ));
            }
        }
    }
}

/// The version of OCSF. `None` for a format or exports that are wrong anyway.
fn ocsf(
    check: &mut Check,
    typed: Option<&str>,
    format: Option<Format>,
    exports: Option<&[Export]>,
) -> Option<OcsfVersion> {
    let Some(typed) = typed else { return Some(OcsfVersion::default()) };
    let main = format.is_none_or(|format| format == Format::Ocsf);
    let is_ocsf = |exports: &[Export]| exports.iter().any(|export| export.format == Format::Ocsf);
    if !main && !exports.is_none_or(is_ocsf) {
        check.usage("--ocsf-version is for the format ocsf", "leave it out, or give -f ocsf");
    }
    check.value("--ocsf-version", typed, values::ocsf_version)
}
