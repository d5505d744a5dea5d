//! What a terminal needs: colour, width, messages on standard error.
//!
//! The environment and the terminal are asked here and nowhere else, and the decisions are plain
//! functions of the answers. Text from outside is escaped on its way to the terminal.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::str::FromStr;

use super::failure::Failure;
use crate::report::escape;

/// The three answers to "when?".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// As the environment and the terminal suggest.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl FromStr for When {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "auto" => Ok(When::Auto),
            "always" => Ok(When::Always),
            "never" => Ok(When::Never),
            _ => Err("expected auto, always or never".into()),
        }
    }
}

/// Whether to colour what goes to a stream.
///
/// First that speaks: `--color`, `NO_COLOR`, `FORCE_COLOR` and `CLICOLOR_FORCE`, `CLICOLOR=0`,
/// `TERM=dumb`, whether the stream is a terminal. Source: no-color.org, bixense.com/clicolors.
pub fn color(when: When, env: impl Fn(&str) -> Option<OsString>, is_terminal: bool) -> bool {
    let is = |name: &str, value: &str| env(name).is_some_and(|v| v == value);
    let set = |name: &str| env(name).is_some_and(|v| !v.is_empty());
    let forced = |name: &str| set(name) && !is(name, "0");
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto if set("NO_COLOR") => false,
        When::Auto if forced("FORCE_COLOR") || forced("CLICOLOR_FORCE") => true,
        When::Auto => is_terminal && !is("CLICOLOR", "0") && !is("TERM", "dumb"),
    }
}

/// Prints help, the version, or what is wrong with a command line.
///
/// # Errors
/// Those of the stream.
pub fn print(message: &clap::Error, when: When) -> io::Result<()> {
    let is_terminal = match message.use_stderr() {
        true => io::stderr().is_terminal(),
        false => io::stdout().is_terminal(),
    };
    let text = message.render();
    let text = match color(when, |name| env::var_os(name), is_terminal) {
        true => text.ansi().to_string(),
        false => text.to_string(),
    };
    if message.use_stderr() {
        return io::stderr().lock().write_all(text.as_bytes());
    }
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Whether a terminal makes links of text (OSC 8). There is no way to ask, so only those count that
/// say who they are and are known to; others might show the URL as garbage.
pub fn links(when: When, env: impl Fn(&str) -> Option<OsString>, is_terminal: bool) -> bool {
    let text = |name: &str| env(name).and_then(|value| value.into_string().ok());
    let one_of = |name: &str, known: &[&str]| {
        text(name).is_some_and(|value| known.iter().any(|known| value.starts_with(known)))
    };
    let asked = text("FORCE_HYPERLINK").filter(|value| !value.is_empty());
    // What is between may be too old for it.
    let between = env("TMUX").is_some() || env("STY").is_some() || one_of("TERM", &["dumb"]);
    let vte = text("VTE_VERSION").and_then(|version| version.parse::<u32>().ok());
    let known = vte.is_some_and(|version| version >= 5000)
        || ["WT_SESSION", "KITTY_WINDOW_ID", "DOMTERM"].iter().any(|name| env(name).is_some())
        || one_of("TERM_PROGRAM", &["iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "rio"])
        || one_of("TERM", &["xterm-kitty", "xterm-ghostty", "alacritty", "foot", "contour"]);
    match asked.as_deref() {
        _ if !is_terminal || !color(when, &env, true) => false,
        Some("0") => false,
        Some(_) => true,
        None => known && !between,
    }
}

/// The width of standard output in columns: `COLUMNS`, else the terminal's; `None` if neither is
/// known, as in a pipe.
pub fn width() -> Option<u16> {
    let columns = env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    columns.filter(|&columns| columns > 0).or_else(|| comfy_table::Table::new().width())
}

/// The width of standard error in columns, if it is a terminal.
pub fn width_of_stderr() -> Option<u16> {
    let size = rustix::termios::tcgetwinsize(io::stderr()).ok()?;
    Some(size.ws_col).filter(|&columns| columns > 0)
}

/// Standard error: `error:` and `hint:` lines as Cargo writes them.
///
/// A line that cannot be written is lost: there is nowhere left to say so.
#[derive(Debug, Clone, Copy)]
pub struct Messages {
    color: bool,
}

impl Messages {
    /// With or without colour, as `when` and the environment say.
    pub fn new(when: When) -> Self {
        Messages { color: color(when, |name| env::var_os(name), io::stderr().is_terminal()) }
    }

    /// Failures, each with its hint.
    pub fn failures(self, failures: &[Failure]) {
        for failure in failures {
            self.line("error", "31", failure);
            if let Some(hint) = failure.hint() {
                self.line("hint", "36", &hint);
            }
        }
    }

    /// Something the user should know, although the run goes on.
    pub fn warning(self, text: impl fmt::Display) {
        self.line("warning", "33", &text);
    }

    /// Something worth saying.
    pub fn note(self, text: impl fmt::Display) {
        self.line("note", "36", &text);
    }

    fn line(self, label: &str, ansi: &str, text: &dyn fmt::Display) {
        let line = labelled(label, ansi, self.color, &text.to_string());
        let _ = io::stderr().lock().write_all(line.as_bytes());
    }
}

/// A line `LABEL: TEXT`, escaped, the label in the colour of this ANSI code.
pub fn labelled(label: &str, ansi: &str, color: bool, text: &str) -> String {
    let text = escape::visible(text);
    match color {
        true => format!("\x1b[1;{ansi}m{label}\x1b[0m: {text}\n"),
        false => format!("{label}: {text}\n"),
    }
}

/// `1 rule`, `2 rules`.
pub fn plural<N: fmt::Display + PartialEq + From<u8>>(count: N, noun: &str) -> String {
    let ending = if count == N::from(1) { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(when: When, vars: &[(&str, &str)], is_terminal: bool) -> bool {
        let env = |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).into());
        color(when, env, is_terminal)
    }

    #[test]
    fn links_are_for_terminals_that_are_known() {
        let decide = |when, vars: &[(&str, &str)], is_terminal| {
            let env = |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).into());
            links(when, env, is_terminal)
        };
        let auto = |vars: &[(&str, &str)]| decide(When::Auto, vars, true);
        assert!(auto(&[("TERM", "xterm-kitty")]) && auto(&[("VTE_VERSION", "7600")]));
        assert!(auto(&[("FORCE_HYPERLINK", "1")]) && auto(&[("TERM_PROGRAM", "vscode")]));
        assert!(
            !auto(&[]) && !auto(&[("TERM", "xterm-256color")]) && !auto(&[("VTE_VERSION", "4000")])
        );
        assert!(!auto(&[("TERM", "foot"), ("TMUX", "x")]) && !auto(&[("FORCE_HYPERLINK", "0")]));
        assert!(!auto(&[("WT_SESSION", "x"), ("NO_COLOR", "1")]));
        assert!(!decide(When::Never, &[("FORCE_HYPERLINK", "1")], true));
        assert!(!decide(When::Always, &[("FORCE_HYPERLINK", "1")], false), "never in a pipe");
    }

    #[test]
    fn the_first_that_speaks_decides() {
        let auto = |vars, is_terminal| decide(When::Auto, vars, is_terminal);
        assert!(auto(&[], true) && !auto(&[], false));
        assert!(!auto(&[("NO_COLOR", "1"), ("FORCE_COLOR", "1")], true));
        assert!(auto(&[("NO_COLOR", "")], true));
        assert!(auto(&[("CLICOLOR_FORCE", "1")], false) && auto(&[("FORCE_COLOR", "3")], false));
        assert!(!auto(&[("CLICOLOR_FORCE", "0")], false) && !auto(&[("FORCE_COLOR", "")], false));
        assert!(!auto(&[("CLICOLOR", "0")], true) && !auto(&[("TERM", "dumb")], true));
        assert!(decide(When::Always, &[("NO_COLOR", "1")], false));
        assert!(!decide(When::Never, &[("FORCE_COLOR", "1")], true));
    }
}
