//! The evidence report as one page of HTML.
//!
//! Nothing is loaded from elsewhere and nothing is run: the page holds its own style and its charts,
//! forbids everything else by a Content-Security-Policy, and is whole on paper. What must stay true:
//! every text goes through `maud`, which escapes it, after [`visible`] has shown what would reorder or
//! hide it.

use std::io::{self, Write};

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::chart::Chart;
use super::pen::{Line, Pen, Span, Verdict};
use super::text::{anchor, clipped, is_page};
use crate::report::escape::visible;

const CSS: &str = include_str!("page.css");

/// No script, no picture, no font, no form: whatever a text may hold, the page does nothing with it.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// Writes HTML.
pub struct Html<'a> {
    out: &'a mut dyn Write,
    columns: Vec<String>,
    in_section: bool,
}

impl<'a> Html<'a> {
    /// One that writes to `out`.
    pub fn new(out: &'a mut dyn Write) -> Html<'a> {
        Html { out, columns: Vec::new(), in_section: false }
    }

    fn put(&mut self, markup: &Markup) -> io::Result<()> {
        self.out.write_all(markup.0.as_bytes())?;
        self.out.write_all(b"\n")
    }

    fn tag(&mut self, tag: &str) -> io::Result<()> {
        self.out.write_all(tag.as_bytes())?;
        self.out.write_all(b"\n")
    }
}

/// A text that nothing hides in.
fn shown(text: &str) -> String {
    visible(&clipped(text)).into_owned()
}

fn line(spans: &[Span]) -> Markup {
    html! { @for span in spans { (one(span)) } }
}

fn one(span: &Span) -> Markup {
    match span {
        Span::Plain(text) => html! { (shown(text)) },
        Span::Code(text) => html! { code { (shown(text)) } },
        Span::Time(time) => html! { time { (time) } },
        Span::Within(text, id) => html! { a href={ "#" (anchor(id)) } { (shown(text)) } },
        Span::Link(text, url) if is_page(url) => {
            html! { a href=(url) rel="noreferrer noopener" { (shown(text)) } }
        }
        Span::Link(text, _) => html! { (shown(text)) },
        Span::Level(level) => html! { span class={ "level " (level) } { (level) } },
        Span::Verdict(verdict, text) => {
            html! { span class={ "verdict " (class(*verdict)) } { (shown(text)) } }
        }
    }
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Good => "good",
        Verdict::Bad => "bad",
        Verdict::Open => "open",
    }
}

impl Pen for Html<'_> {
    fn begin(&mut self, title: &str, lead: &[Line], sections: &[(&str, &str)]) -> io::Result<()> {
        let head = html! {
            (DOCTYPE)
            (PreEscaped("<html lang=\"en\">"))
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content={ "keytrail " (env!("CARGO_PKG_VERSION")) };
                title { (shown(title)) }
                style { (PreEscaped(CSS)) }
            }
            (PreEscaped("<body>"))
            header {
                h1 { (shown(title)) }
                @for said in lead { p { (line(said)) } }
            }
            nav aria-label="Contents" {
                ol { @for (id, title) in sections { li { a href={ "#" (id) } { (title) } } } }
            }
            (PreEscaped("<main>"))
        };
        self.put(&head)
    }

    fn section(&mut self, id: &str, title: &str) -> io::Result<()> {
        if std::mem::replace(&mut self.in_section, true) {
            self.tag("</section>")?;
        }
        let heading = html! { h2 { (title) } };
        self.tag(&format!("<section id=\"{id}\">"))?;
        self.put(&heading)
    }

    fn part(&mut self, id: &str, title: &[Span]) -> io::Result<()> {
        self.put(&html! { h3 id=(anchor(id)) { (line(title)) } })
    }

    fn say(&mut self, spans: &[Span]) -> io::Result<()> {
        self.put(&html! { p { (line(spans)) } })
    }

    fn facts(&mut self, facts: &[(&str, Line)]) -> io::Result<()> {
        self.put(&html! {
            dl { @for (name, value) in facts { div { dt { (name) } dd { (line(value)) } } } }
        })
    }

    fn list(&mut self, lines: &[Line]) -> io::Result<()> {
        self.put(&html! { ul { @for said in lines { li { (line(said)) } } } })
    }

    fn columns(&mut self, names: &[&str]) -> io::Result<()> {
        self.columns = names.iter().map(ToString::to_string).collect();
        self.tag("<div class=\"table\" tabindex=\"0\" role=\"region\" aria-label=\"Table\"><table><thead>")?;
        self.put(&html! { tr { @for name in names { th scope="col" { (name) } } } })?;
        self.tag("</thead><tbody>")
    }

    fn row(&mut self, cells: &[Line]) -> io::Result<()> {
        let cells = cells.iter().zip(&self.columns);
        let row = html! { tr { @for (cell, column) in cells { td data-column=(column) { (line(cell)) } } } };
        self.put(&row)
    }

    fn end_table(&mut self) -> io::Result<()> {
        self.tag("</tbody></table></div>")
    }

    fn chart(&mut self, chart: &Chart) -> io::Result<()> {
        self.put(&html! { figure { (chart.svg()) figcaption { (chart.caption()) } } })
    }

    fn blanks(&mut self, names: &[&str]) -> io::Result<()> {
        self.put(
            &html! { dl class="blanks" { @for name in names { div { dt { (name) } dd {} } } } },
        )
    }

    fn end(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.in_section) {
            self.tag("</section>")?;
        }
        self.tag("</main>\n</body>\n</html>")
    }
}
