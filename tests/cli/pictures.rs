//! The picture of the table in README.md is what a terminal shows.
//!
//! It is an SVG of text, made of what `scan` prints with colours; `UPDATE_DOCS=1 cargo test` rewrites it.
//! Its colours are chosen to be read on a dark ground, which it brings along.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::harness::Sandbox;

const COLUMNS: usize = 100;
/// How many lines of the table are shown: the first two cases.
const LINES: usize = 20;
/// A character and a line, in pixels.
const WIDE: f64 = 8.4;
const HIGH: usize = 19;
const MARGIN: usize = 14;

/// The colour of text after these codes, as the escapes of a terminal give them.
fn style(codes: &[&str]) -> String {
    let mut style = String::new();
    for code in codes {
        match *code {
            "1" => style += " font-weight=\"bold\"",
            "2" => style += " fill=\"#8b949e\"",
            "31" => style += " fill=\"#ff7b72\"",
            "33" => style += " fill=\"#e3b341\"",
            "34" => style += " fill=\"#79c0ff\"",
            "32" => style += " fill=\"#7ee787\"",
            other => panic!("a colour that the picture does not know: {other}"),
        }
    }
    style
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// One line with its escapes, as pieces of one style each. Every piece says where it begins, so that it
/// stands right whatever the font.
fn pieces(line: &str, y: usize) -> String {
    let (mut made, mut codes, mut column) = (String::new(), Vec::new(), 0);
    for (number, piece) in line.split("\x1b[").enumerate() {
        let text = if number == 0 {
            piece
        } else {
            let (code, text) = piece.split_once('m').expect("the end of an escape");
            match code {
                "0" => codes.clear(),
                code => codes.push(code),
            }
            text
        };
        let blanks = text.chars().take_while(|c| *c == ' ').count();
        let x = MARGIN as f64 + (column + blanks) as f64 * WIDE;
        column += text.chars().count();
        let text = text.trim();
        if !text.is_empty() {
            let long = text.chars().count() as f64 * WIDE;
            let style = style(&codes);
            let text = escaped(text);
            writeln!(
                made,
                "<text x=\"{x:.1}\" y=\"{y}\" textLength=\"{long:.1}\"{style}>{text}</text>"
            )
            .unwrap();
        }
    }
    made
}

#[test]
fn the_picture_of_the_table_is_what_a_terminal_shows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let run = Sandbox::new().keytrail(["scan", "samples/trail", "-q", "--color", "always"]);
    let run = run.within(root.to_str().unwrap()).env("COLUMNS", &COLUMNS.to_string()).run().code(0);
    let command = "\x1b[32m$\x1b[0m \x1b[1mkeytrail scan samples/trail\x1b[0m";
    let lines = [command, ""].into_iter().chain(run.stdout.lines().take(LINES));
    let lines: Vec<&str> = lines.collect();
    let wide = (COLUMNS as f64).mul_add(WIDE, 2.0 * MARGIN as f64);
    let high = lines.len() * HIGH + 2 * MARGIN;
    let mut made = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {wide} {high}\" width=\"{wide}\" height=\"{high}\" \
         font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"14\" \
         fill=\"#e6edf3\">\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#0d1117\"/>\n"
    );
    for (number, line) in lines.iter().enumerate() {
        made += &pieces(line, MARGIN + HIGH * number + 14);
    }
    made += "</svg>\n";
    let path = root.join("docs/pictures/table.svg");
    let held = fs::read_to_string(&path).unwrap_or_default();
    if made != held && std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, made).unwrap();
        return;
    }
    assert!(made == held, "docs/pictures/table.svg is out of date; UPDATE_DOCS=1 rewrites it");
}
