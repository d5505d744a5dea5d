//! Where in a file an error of the parser is: its line, and its column if that is known.
//!
//! Some messages contain the place. For others the text that they quote is looked for in the file.

/// The message, with the line (and column) that it is about.
pub fn locate(message: &str, text: &str) -> (String, Option<(usize, Option<usize>)>) {
    if let Some((what, line, column)) = yaml_place(message) {
        return (what, Some((line, Some(column))));
    }
    let line_with =
        |found: &dyn Fn(&str) -> bool| text.lines().position(found).map(|at| (at + 1, None));
    let quoted = message.split('\'').nth(1).unwrap_or_default();
    let place = if message.starts_with("Unknown modifier") {
        line_with(&|line| line.contains(&format!("|{quoted}")))
    } else if let Some(member) = message.strip_prefix("invalid ") {
        let member = member.split(':').next().unwrap_or_default();
        line_with(&|line| line.starts_with(&format!("{member}:")))
    } else if message.starts_with("Condition parse error")
        || message.starts_with("unknown detection identifier")
    {
        line_with(&|line| line.trim_start().starts_with("condition:"))
    } else if message.starts_with("invalid modifier combination") {
        message
            .rsplit_once("got |")
            .and_then(|(_, names)| names.split([',', ' ']).next())
            .and_then(|name| line_with(&|line| line.contains(&format!("|{name}"))))
    } else {
        None
    };
    (message.to_owned(), place)
}

/// Takes the first ` at line L column C` out of a message of the YAML reader.
fn yaml_place(message: &str) -> Option<(String, usize, usize)> {
    let (what, place) = message.split_once(" at line ")?;
    let (line, rest) = place.split_once(" column ")?;
    let column: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let rest = &rest[column.len()..];
    Some((format!("{what}{rest}"), line.parse().ok()?, column.parse().ok()?))
}
