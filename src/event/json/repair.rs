//! Repairs of bodies that are almost JSON.

/// Repairs the faults that [`read`](super::read) lists; the result may still not be JSON. Fails with the offset of
/// invalid UTF-8 outside strings.
pub(super) fn repair(body: &[u8]) -> Result<String, usize> {
    let mut text = String::with_capacity(body.len());
    scan(body, |_, piece| text.push_str(piece)).map(|()| text)
}

/// Returns the offset in the body that corresponds to an offset in its repaired text.
pub(super) fn offset_in_body(body: &[u8], offset_in_text: usize) -> usize {
    let (mut len, mut found) = (0, None);
    // The body was repaired before, so this cannot fail.
    let scanned = scan(body, |offset, piece| {
        len += piece.len();
        if len > offset_in_text {
            found.get_or_insert(offset);
        }
    });
    scanned.err().or(found).unwrap_or(body.len())
}

/// Position of a character in a JSON text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ScanState {
    Outside,
    /// Inside a string.
    Inside,
    /// After a backslash in a string.
    Escape,
}

/// Passes the repaired text to `give` in pieces, with their offsets in the body.
fn scan(body: &[u8], mut give: impl FnMut(usize, &str)) -> Result<(), usize> {
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    let start = if body.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    let is_blank = |byte: &u8| matches!(byte, 0 | b' ' | b'\t'..=b'\r');
    let end = body.iter().rposition(|byte| !is_blank(byte)).map_or(start, |last| last + 1);
    let mut state = ScanState::Outside;
    let mut offset = start;
    for chunk in body[start..end].utf8_chunks() {
        for (at, c) in chunk.valid().char_indices() {
            // A control character after a backslash stays: escaping it would change the meaning of the backslash.
            if state == ScanState::Inside && c < ' ' {
                give(offset + at, ESCAPES[usize::from(c as u8)]);
                continue;
            }
            give(offset + at, &chunk.valid()[at..at + c.len_utf8()]);
            state = match (state, c) {
                (ScanState::Outside, '"') => ScanState::Inside,
                (ScanState::Outside, _) => ScanState::Outside,
                (ScanState::Inside, '"') => ScanState::Outside,
                (ScanState::Inside, '\\') => ScanState::Escape,
                (ScanState::Inside | ScanState::Escape, _) => ScanState::Inside,
            };
        }
        offset += chunk.valid().len();
        if !chunk.invalid().is_empty() {
            if state == ScanState::Outside {
                return Err(offset);
            }
            give(offset, "\u{fffd}");
            // After a backslash, U+FFFD makes an invalid escape, so the text stays invalid JSON.
            state = ScanState::Inside;
            offset += chunk.invalid().len();
        }
    }
    Ok(())
}

/// The escapes of the control characters.
#[rustfmt::skip]
const ESCAPES: [&str; 32] = [
    "\\u0000", "\\u0001", "\\u0002", "\\u0003", "\\u0004", "\\u0005", "\\u0006", "\\u0007",
    "\\b",     "\\t",     "\\n",     "\\u000b", "\\f",     "\\r",     "\\u000e", "\\u000f",
    "\\u0010", "\\u0011", "\\u0012", "\\u0013", "\\u0014", "\\u0015", "\\u0016", "\\u0017",
    "\\u0018", "\\u0019", "\\u001a", "\\u001b", "\\u001c", "\\u001d", "\\u001e", "\\u001f",
];
