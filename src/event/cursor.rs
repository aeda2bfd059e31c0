//! Positions in the log, as clients keep them.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{Epoch, Sequence};

/// A position after an event, and the event's identity.
///
/// To clients it is an opaque string: form version, epoch, sequence and, where
/// the position has a record, a check over it, in URL-safe base64. The check
/// notices a store that went back in time and reused sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// The log's life that the position belongs to.
    pub epoch: Epoch,
    /// The event before the position; 0 is the log's beginning.
    pub sequence: Sequence,
    /// [`Record::check`](super::Record::check) of that event, if the position has one.
    pub check: Option<u32>,
}

impl Cursor {
    /// A position whose event is not at hand, or gone, or never was.
    pub fn unchecked(epoch: Epoch, sequence: Sequence) -> Self {
        Self { epoch, sequence, check: None }
    }
}

const CURSOR_FORM: u8 = 1;
const CURSOR_BYTES_WITHOUT_CHECK: usize = 17;
const CURSOR_BYTES: usize = CURSOR_BYTES_WITHOUT_CHECK + 4;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; CURSOR_BYTES];
        bytes[0] = CURSOR_FORM;
        bytes[1..9].copy_from_slice(&self.epoch.0.to_be_bytes());
        bytes[9..17].copy_from_slice(&self.sequence.0.to_be_bytes());
        let mut len = CURSOR_BYTES_WITHOUT_CHECK;
        if let Some(check) = self.check {
            bytes[len..].copy_from_slice(&check.to_be_bytes());
            len = CURSOR_BYTES;
        }
        let mut text = [0; 28];
        let len = URL_SAFE_NO_PAD.encode_slice(&bytes[..len], &mut text).map_err(|_| fmt::Error)?;
        f.write_str(std::str::from_utf8(&text[..len]).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        if text.is_empty() {
            return Err(CursorError::Empty);
        }
        let mut bytes = [0; CURSOR_BYTES + 3];
        let len = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).map_err(|_| CursorError::Malformed)?;
        let bytes = &bytes[..len];
        match bytes.first() {
            Some(&CURSOR_FORM) => {}
            // Any word may look like one; no form has less to say.
            Some(&form) if form > CURSOR_FORM && len >= CURSOR_BYTES_WITHOUT_CHECK => {
                return Err(CursorError::NewerForm);
            }
            _ => return Err(CursorError::Malformed),
        }
        let number =
            |at: usize| -> Option<u64> { Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?)) };
        let check = match len {
            CURSOR_BYTES_WITHOUT_CHECK => None,
            CURSOR_BYTES => Some(u32::from_be_bytes(
                bytes[CURSOR_BYTES_WITHOUT_CHECK..].try_into().map_err(|_| CursorError::Malformed)?,
            )),
            _ => return Err(CursorError::Malformed),
        };
        Ok(Self {
            epoch: Epoch(number(1).ok_or(CursorError::Malformed)?),
            sequence: Sequence(number(9).ok_or(CursorError::Malformed)?),
            check,
        })
    }
}

/// Why a text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// The text is empty.
    #[error("the cursor is empty")]
    Empty,
    /// The text was not made by a gateway.
    #[error("the cursor is malformed")]
    Malformed,
    /// The text was made by a newer gateway.
    #[error("the cursor has a newer form than this gateway knows")]
    NewerForm,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cursors_that_were_not_made_here_are_refused() {
        let cursor = Cursor { epoch: Epoch(5), sequence: Sequence(9), check: Some(1) }.to_string();
        assert_eq!(cursor.len(), 28);
        assert_eq!("".parse::<Cursor>(), Err(CursorError::Empty));
        for text in
            ["x", "abcd", "AQ", "====", &cursor[1..], &format!("{cursor}AAAA"), &"A".repeat(1000), "ü"]
        {
            assert_eq!(text.parse::<Cursor>(), Err(CursorError::Malformed), "{text}");
        }
        let newer = URL_SAFE_NO_PAD.encode([2; 30]);
        assert_eq!(newer[..28].parse::<Cursor>(), Err(CursorError::NewerForm));
    }

    proptest! {
        #[test]
        fn a_cursor_survives_its_text(epoch: u64, sequence: u64, check: Option<u32>) {
            let cursor = Cursor { epoch: Epoch(epoch), sequence: Sequence(sequence), check };
            let text = cursor.to_string();
            prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
            prop_assert_eq!(text.parse(), Ok(cursor));
        }

        #[test]
        fn no_text_breaks_the_parser(text: String) {
            text.parse::<Cursor>().ok();
        }
    }
}
