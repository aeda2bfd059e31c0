//! Repairs of bodies that are almost JSON.

use std::fmt::Write as _;

/// Repairs the faults that [`read`](super::read) lists; the result may still not be JSON. `None` if there is invalid
/// UTF-8 outside strings.
pub(super) fn repair(body: &[u8]) -> Option<String> {
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let end =
        body.iter().rposition(|byte| !matches!(byte, 0 | b' ' | b'\t'..=b'\r')).map_or(0, |last| last + 1);
    let mut out = String::with_capacity(end);
    let mut place = Place::Outside;
    for chunk in body[..end].utf8_chunks() {
        for c in chunk.valid().chars() {
            // Behind a backslash a control character stays: escaped, it would make another text of both.
            if place == Place::Inside && c < ' ' {
                escape(c, &mut out);
                continue;
            }
            out.push(c);
            place = match (place, c) {
                (Place::Outside, '"') => Place::Inside,
                (Place::Outside, _) => Place::Outside,
                (Place::Inside, '"') => Place::Outside,
                (Place::Inside, '\\') => Place::Escape,
                (Place::Inside | Place::Escape, _) => Place::Inside,
            };
        }
        if !chunk.invalid().is_empty() {
            if place == Place::Outside {
                return None;
            }
            out.push(char::REPLACEMENT_CHARACTER);
            // Behind a backslash it is no escape, so the text is not JSON.
            place = Place::Inside;
        }
    }
    Some(out)
}

/// Where a character of a JSON text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Outside,
    /// Inside a string.
    Inside,
    /// Behind a backslash in a string.
    Escape,
}

fn escape(control: char, out: &mut String) {
    match control {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        _ => write!(out, "\\u{:04x}", u32::from(control)).expect("a string takes any text"),
    }
}
