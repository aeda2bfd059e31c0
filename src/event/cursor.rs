//! Positions in the log, in the form that clients store.

use std::{fmt, str::FromStr};

use super::{
    Epoch, Sequence,
    opaque::{Kind, Opaque, OpaqueError},
};

/// A position after an event, and the event's identity.
///
/// Clients see an opaque text of the form that [`opaque`](super::opaque) describes. It holds the epoch,
/// the sequence and, where the position has a record, a check over that record. The record's check
/// notices a store that went back in time and reused sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// Epoch of the log.
    pub epoch: Epoch,
    /// The event before the position. 0 is the beginning of the log.
    pub sequence: Sequence,
    /// [`Record::check`](super::Record::check) of that event, if the position has one.
    pub check: Option<u32>,
}

impl Cursor {
    /// Returns a position without a record: the event is not loaded, was removed, or never existed.
    pub fn unchecked(epoch: Epoch, sequence: Sequence) -> Self {
        Self { epoch, sequence, check: None }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { epoch, sequence, check } = *self;
        Opaque { epoch: epoch.0, number: sequence.0, check }.write(Kind::Cursor, f)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        match Opaque::parse(Kind::Cursor, text) {
            Ok(Opaque { epoch, number, check }) => {
                Ok(Self { epoch: Epoch(epoch), sequence: Sequence(number), check })
            }
            Err(OpaqueError::Empty) => Err(CursorError::Empty),
            Err(OpaqueError::Malformed) => Err(CursorError::Malformed),
            Err(OpaqueError::Newer) => Err(CursorError::NewerForm),
            Err(OpaqueError::OtherKind(kind)) => Err(CursorError::OtherKind(kind)),
        }
    }
}

/// Error of parsing a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// The text is empty.
    #[error("the cursor is empty")]
    Empty,
    /// The text is not a cursor that a gateway created, or was changed since.
    #[error("the cursor is malformed")]
    Malformed,
    /// The text was made by a newer gateway.
    #[error("the cursor is from a newer gateway, in a form that this gateway does not know")]
    NewerForm,
    /// The text is a page token.
    #[error("this is {0}, not a cursor; pass the cursor of an event or a frame")]
    OtherKind(Kind),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_that_is_not_a_cursor_says_why() {
        let cursor = Cursor { epoch: Epoch(5), sequence: Sequence(9), check: Some(1) }.to_string();
        assert_eq!("".parse::<Cursor>(), Err(CursorError::Empty));
        for text in
            ["x", "abcd", "AQ", "====", &cursor[1..], &format!("{cursor}AAAA"), &"A".repeat(1000), "ü"]
        {
            assert_eq!(text.parse::<Cursor>(), Err(CursorError::Malformed), "{text}");
        }
        struct PageToken;
        impl fmt::Display for PageToken {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                Opaque { epoch: 5, number: 9, check: Some(1) }.write(Kind::EventsPage, f)
            }
        }
        let error = PageToken.to_string().parse::<Cursor>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "this is a page token of ListEvents, not a cursor; pass the cursor of an event or a frame"
        );
    }

    proptest! {
        #[test]
        fn a_cursor_survives_its_text(epoch: u64, sequence: u64, check: Option<u32>) {
            let cursor = Cursor { epoch: Epoch(epoch), sequence: Sequence(sequence), check };
            let text = cursor.to_string();
            prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
            prop_assert_eq!(text.parse(), Ok(cursor));
        }
    }
}
