//! What may stand before a document in a line of text: what syslog and log collectors put there.
//!
//! Sources: RFC 3164 and RFC 5424; CloudWatch Logs, "Export log data to Amazon S3".

/// The longest text before a document, in bytes.
const LONGEST: usize = 512;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// How many bytes stand before the object in a line; `None` if there is no object, or something else
/// than a priority, a time and names of hosts and programs before it.
pub fn prefix_len(line: &str) -> Option<usize> {
    if line.starts_with('{') {
        return Some(0);
    }
    let end = line.len().min(LONGEST);
    let len = memchr::memchr(b'{', &line.as_bytes()[..end])?;
    let prefix = &line[..len];
    (begins_with_time(prefix) && !prefix.contains(['"', '}', '\n'])).then_some(len)
}

/// Whether a text begins with a time, or with a syslog priority.
fn begins_with_time(text: &str) -> bool {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    if let Some(rest) = text.strip_prefix('<') {
        let digits = digits(rest);
        return (1..=3).contains(&digits) && rest[digits..].starts_with('>');
    }
    let month = MONTHS.iter().find_map(|month| text.strip_prefix(month));
    if let Some(rest) = month {
        return digits(rest.trim_start_matches(' ')) > 0;
    }
    // `2026-03-01`, or the seconds since 1970.
    match digits(text) {
        4 => text[4..].starts_with('-') && digits(&text[5..]) == 2,
        10..=13 => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_priorities_may_stand_before_an_object() {
        for prefix in [
            "",
            "<134>Mar  1 10:00:00 host cloudtrail: ",
            "<134>1 2026-03-01T10:00:00Z host cloudtrail 7 - - ",
            "Mar  1 10:00:00 host cloudtrail[7]: ",
            "2026-03-01T10:00:00.000Z ",
            "2026-03-01 10:00:00 ",
            "1772359200 ",
        ] {
            assert_eq!(prefix_len(&format!("{prefix}{{}}")), Some(prefix.len()), "{prefix}");
        }
        for other in ["", "x", "var x = {}", "<b>{}", "<1>", "2 x {}", "\"2026-03-01\": {}"] {
            assert_eq!(prefix_len(other), None, "{other}");
        }
        assert_eq!(prefix_len(&format!("2026-03-01 {}{{}}", "x".repeat(600))), None);
    }
}
