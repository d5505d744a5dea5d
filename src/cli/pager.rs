//! Long text on a terminal goes through a pager, as git and cargo do it.
//!
//! What must stay true: a pager that cannot be started loses nothing, and one that is left early is no
//! error. `PAGER` empty or `cat` means none.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::SIGINT;

/// What a shell ends with if it cannot run a command.
const NOT_RUN: [i32; 2] = [126, 127];

/// Shows a text through the pager, if there is one and the text is longer than the screen. Says
/// whether it was shown.
pub fn show(text: &[u8]) -> bool {
    let lines = text.iter().filter(|byte| **byte == b'\n').count();
    let command = pager(|name| env::var(name).ok());
    match command {
        Some(command) if is_longer(lines) => page(&command, text).unwrap_or(false),
        _ => false,
    }
}

/// The pager's command line.
fn pager(env: impl Fn(&str) -> Option<String>) -> Option<String> {
    if env("TERM").is_none_or(|term| term == "dumb") {
        return None;
    }
    let command = env("PAGER").unwrap_or_else(|| "less".to_owned());
    Some(command).filter(|command| !matches!(command.trim(), "" | "cat"))
}

/// Whether so many lines do not fit on the screen.
fn is_longer(lines: usize) -> bool {
    let stdout = io::stdout();
    let size = rustix::termios::tcgetwinsize(&stdout);
    // The last line is the shell's.
    stdout.is_terminal() && size.is_ok_and(|size| size.ws_row > 0 && lines >= size.ws_row.into())
}

/// Runs the pager; `false` if there is none of that name.
fn page(command: &str, text: &[u8]) -> io::Result<bool> {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).stdin(Stdio::piped());
    // As git has it: quit where all fits, let colours through, leave the text on the screen.
    for (name, value) in [("LESS", "FRX"), ("LV", "-c")] {
        if env::var_os(name).is_none() {
            shell.env(name, value);
        }
    }
    // Ctrl-C is the pager's business.
    signal_hook::flag::register(SIGINT, Arc::new(AtomicBool::new(false)))?;
    let mut child = shell.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // Whoever leaves the pager has read enough.
        let _ = stdin.write_all(text);
    }
    let code = child.wait()?.code();
    Ok(!code.is_some_and(|code| NOT_RUN.contains(&code)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pager_is_less_unless_somebody_says_otherwise() {
        let with = |vars: &[(&str, &str)]| {
            let all = vars.iter().map(|(name, value)| (name.to_string(), value.to_string()));
            let all: std::collections::HashMap<String, String> = all.collect();
            pager(|name| all.get(name).cloned())
        };
        assert_eq!(with(&[("TERM", "xterm")]).as_deref(), Some("less"));
        assert_eq!(with(&[("TERM", "xterm"), ("PAGER", "more -s")]).as_deref(), Some("more -s"));
        for vars in [&[("TERM", "dumb")][..], &[], &[("TERM", "xterm"), ("PAGER", "cat")]] {
            assert_eq!(with(vars), None, "{vars:?}");
        }
        assert_eq!(with(&[("TERM", "xterm"), ("PAGER", "")]), None);
    }

    #[test]
    fn a_pager_that_cannot_start_shows_nothing() {
        assert!(!page("no-such-pager-anywhere 2>/dev/null", b"text\n").unwrap());
        assert!(page("cat >/dev/null", b"text\n").unwrap());
        assert!(page("exit 0", &vec![b'x'; 1 << 20]).unwrap(), "left early");
    }
}
