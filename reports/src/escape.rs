//! Text from a system under test is hostile. Here it is made inert: nothing in it can move a cursor, reverse a line,
//! hide, or fill a page. What it then means to HTML, XML or Markdown is each renderer's own concern.
//!
//! Sources: Unicode 16 §23.2 (layout controls), "Trojan Source" (Boucher & Anderson 2021) for the bidirectional
//! controls, XML 1.0 §2.2 for the characters that XML cannot carry.

use crate::number::grouped;

/// The longest value that is shown in full, in characters.
pub const VALUE: usize = 200;
/// The longest sentence or paragraph.
pub const PROSE: usize = 4_000;
/// The longest configuration.
pub const DOCUMENT: usize = 64 * 1024;

/// One line of text, with everything that is invisible or commanding made visible, at most `max` characters of it.
pub fn inert(text: &str, max: usize) -> String {
    render(text, max, false)
}

/// Like [`inert`], but line ends and tabs stay.
pub fn inert_lines(text: &str, max: usize) -> String {
    render(text, max, true)
}

fn render(text: &str, max: usize, lines: bool) -> String {
    let mut out = String::with_capacity(text.len().min(max * 4));
    for (shown, c) in text.chars().enumerate() {
        if shown == max {
            let all = text.chars().count() as u64;
            out.push_str(&format!("… ({} characters)", grouped(all)));
            break;
        }
        match c {
            '\n' | '\t' if lines => out.push(c),
            '\0'..='\x1f' => out.extend(char::from_u32(0x2400 + c as u32)),
            '\x7f' => out.push('␡'),
            c if is_treacherous(c) => out.push_str(&format!("⟨U+{:04X}⟩", c as u32)),
            c => out.push(c),
        }
    }
    mute_commands(&out)
}

/// Invisible, line-breaking, direction-changing, or forbidden in XML.
fn is_treacherous(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e007f}')
        || (c as u32) & 0xfffe == 0xfffe
}

/// Text that may be printed where a CI service reads along, with the line starts and markers that such services obey
/// (`::error::`, `##[group]`, `##vso[`, `##teamcity[`) broken.
pub fn mute_commands(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let body = line.trim_start();
        let (indent, body) = (&line[..line.len() - body.len()], body);
        out.push_str(indent);
        match body.strip_prefix("::") {
            Some(rest) => {
                out.push_str(": :");
                out.push_str(rest);
            }
            None => out.push_str(body),
        }
    }
    for marker in ["##[", "##vso[", "##teamcity["] {
        if out.contains(marker) {
            out = out.replace(marker, &format!("# {}", &marker[1..]));
        }
    }
    out
}

/// Text for a line of Markdown that may also be read as HTML (as on GitHub): no markup, no link, no mention, no cell
/// border survives.
pub fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // `http://` and `:smile:`, but times like 0:31 stay readable in the source.
            ':' if rest.peek().is_none_or(|n| n.is_ascii_digit() || *n == ' ') => out.push(':'),
            // Mentions, links and cell borders are also found behind a backslash by some renderers.
            '@' | '|' | ':' | '`' => out.push_str(&format!("&#{};", c as u32)),
            '\n' => out.push(' '),
            '\\' | '*' | '_' | '[' | ']' | '#' | '!' | '~' | '$' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// Text for a line of HTML within Markdown, where some renderers read Markdown and others do not: whatever could be either
/// is written by its number, which neither takes for markup.
pub fn markdown_in_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => out.push(' '),
            '&' | '<' | '>' | '"' | '\'' | '@' | '|' | '`' | '\\' | '*' | '_' | '[' | ']' | '#'
            | '!' | '~' | '$' | ':' => out.push_str(&format!("&#{};", c as u32)),
            c => out.push(c),
        }
    }
    out
}

/// Text for HTML and SVG, in an element or in a quoted attribute.
pub fn markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// The same text for a terminal that knows ASCII only: our own signs get a likeness, everything else its number.
pub fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_ascii() => out.push(c),
            '→' => out.push_str("->"),
            '×' => out.push('x'),
            '·' | '—' | '–' | '─' | '−' => out.push('-'),
            '━' => out.push('='),
            '▶' => out.push('>'),
            '⚠' => out.push('!'),
            '≤' => out.push_str("<="),
            '≥' => out.push_str(">="),
            '±' => out.push_str("+/-"),
            'Δ' => out.push_str("change"),
            '…' => out.push_str("..."),
            '✗' | '✘' => out.push('x'),
            '✓' | '✔' => out.push('+'),
            '»' => out.push_str(">>"),
            'µ' => out.push('u'),
            '∞' => out.push_str("inf"),
            '⟨' => out.push('<'),
            '⟩' => out.push('>'),
            '␡' => out.push_str("^?"),
            '\u{2400}'..='\u{241f}' => {
                out.push('^');
                out.extend(char::from_u32(c as u32 - 0x2400 + 0x40));
            }
            c => out.push_str(&format!("\\u{{{:x}}}", c as u32)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_become_pictures() {
        assert_eq!(inert("a\0b\x1b[31m\x7f\u{85}", 99), "a␀b␛[31m␡⟨U+0085⟩");
    }

    #[test]
    fn direction_cannot_be_changed() {
        assert_eq!(inert("a\u{202e}b\u{2066}", 99), "a⟨U+202E⟩b⟨U+2066⟩");
    }

    #[test]
    fn long_values_are_elided_with_their_length() {
        assert_eq!(inert(&"x".repeat(1200), 3), "xxx… (1,200 characters)");
        assert_eq!(inert("xyz", 3), "xyz");
    }

    #[test]
    fn line_ends_stay_only_where_asked() {
        assert_eq!(inert("a\nb", 9), "a␊b");
        assert_eq!(inert_lines("a\n\tb\r", 9), "a\n\tb␍");
    }

    #[test]
    fn workflow_commands_are_broken() {
        assert_eq!(
            mute_commands("  ::error::x\na::b\n"),
            "  : :error::x\na::b\n"
        );
        assert_eq!(
            mute_commands("x ##[group]y ##vso[z"),
            "x # #[group]y # #vso[z"
        );
    }

    #[test]
    fn markdown_is_inert() {
        assert_eq!(
            markdown("*a* <b>|@c\n#[d](http://e) 0:31"),
            "\\*a\\* &lt;b&gt;&#124;&#64;c \\#\\[d\\](http&#58;//e) 0:31"
        );
    }

    #[test]
    fn markdown_in_html_shows_its_text_and_no_backslashes() {
        assert_eq!(
            markdown_in_html("a_b *c*\n<i>@x"),
            "a&#95;b &#42;c&#42; &#60;i&#62;&#64;x"
        );
    }

    #[test]
    fn ascii_shows_what_it_cannot_draw() {
        assert_eq!(ascii("✗ a → b ␛ é"), "x a -> b ^[ \\u{e9}");
        assert_eq!(ascii("⚠ R ≤ N ▶ ━━─ ±3"), "! R <= N > ==- +/-3");
    }
}
