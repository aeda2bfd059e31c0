//! Page tokens: positions in a list, bound to the call's arguments or to the process.

use std::fmt;

use prost::Message as _;

use crate::{
    event::{
        Epoch, Sequence, Timestamp,
        opaque::{Kind, Opaque, OpaqueError},
    },
    proto::ListEventsRequest,
};

/// Start of a page of `ListEvents`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageToken {
    /// Epoch of the log.
    pub epoch: Epoch,
    /// `List::next` of the previous page.
    pub position: Sequence,
}

/// Error of reading a page token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PageTokenError {
    /// No gateway created the text, or it was changed since.
    #[error("page_token is malformed; pass next_page_token of the previous response unchanged")]
    Malformed,
    /// A newer gateway created the text.
    #[error("page_token has a newer form than this gateway knows; start without a token")]
    NewerForm,
    /// The text is a cursor, or the token of another list.
    #[error("page_token is {0}; pass next_page_token of the previous response of this call")]
    OtherKind(Kind),
    /// The caller changed the arguments between pages.
    #[error(
        "page_token belongs to other arguments; repeat those of the first page, or start without a token"
    )]
    OtherArguments,
    /// Another gateway process issued the token.
    #[error("page_token belongs to another gateway process; start without a token")]
    OtherProcess,
}

impl From<OpaqueError> for PageTokenError {
    fn from(error: OpaqueError) -> Self {
        match error {
            OpaqueError::Empty | OpaqueError::Malformed => Self::Malformed,
            OpaqueError::Newer => Self::NewerForm,
            OpaqueError::OtherKind(kind) => Self::OtherKind(kind),
        }
    }
}

/// Returns a checksum of the arguments that must not change between pages: all except the token and the page size.
pub fn arguments(request: &ListEventsRequest) -> u32 {
    let arguments = ListEventsRequest { page_size: 0, page_token: String::new(), ..request.clone() };
    crc32fast::hash(&arguments.encode_to_vec())
}

/// Text of a page token.
struct Text(Kind, Opaque);

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.1.write(self.0, f)
    }
}

impl PageToken {
    /// Returns the text, bound to the checksum of the arguments.
    pub fn encode(self, arguments: u32) -> String {
        let content = Opaque { epoch: self.epoch.0, number: self.position.0, check: Some(arguments) };
        Text(Kind::EventsPage, content).to_string()
    }

    /// Parses a text, and checks that it belongs to these arguments.
    pub fn parse(text: &str, arguments: u32) -> Result<Self, PageTokenError> {
        let token = Opaque::parse(Kind::EventsPage, text)?;
        if token.check != Some(arguments) {
            return Err(PageTokenError::OtherArguments);
        }
        Ok(Self { epoch: Epoch(token.epoch), position: Sequence(token.number) })
    }
}

/// Returns the token of the page of `ListSubscribers` after this stream. The ids of streams restart with each process, which
/// is identified by its start time.
pub(super) fn after_subscriber(process_start: Timestamp, stream_id: u64) -> String {
    let content = Opaque { epoch: process_start.0.cast_unsigned(), number: stream_id, check: None };
    Text(Kind::SubscribersPage, content).to_string()
}

/// Parses a token of [`after_subscriber`].
pub(super) fn parse_after_subscriber(process_start: Timestamp, text: &str) -> Result<u64, PageTokenError> {
    let token = Opaque::parse(Kind::SubscribersPage, text)?;
    if token.epoch != process_start.0.cast_unsigned() {
        return Err(PageTokenError::OtherProcess);
    }
    Ok(token.number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Cursor;

    #[test]
    fn a_token_is_parsed_with_its_own_arguments_only() {
        let token = PageToken { epoch: Epoch(3), position: Sequence(99) };
        let text = token.encode(7);
        assert_eq!(PageToken::parse(&text, 7), Ok(token));
        assert_eq!(PageToken::parse(&text, 8), Err(PageTokenError::OtherArguments));
        for text in ["", "x", "AAAA", &text[1..], &format!("{text}AAAA"), "ü", &"A".repeat(999)] {
            assert_eq!(PageToken::parse(text, 7), Err(PageTokenError::Malformed), "{text}");
        }
    }

    #[test]
    fn a_subscribers_token_belongs_to_its_process_and_its_list() {
        let text = after_subscriber(Timestamp(5), 42);
        assert_eq!(parse_after_subscriber(Timestamp(5), &text), Ok(42));
        assert_eq!(parse_after_subscriber(Timestamp(6), &text), Err(PageTokenError::OtherProcess));
        let other = PageToken { epoch: Epoch(5), position: Sequence(42) }.encode(0);
        let error = parse_after_subscriber(Timestamp(5), &other).unwrap_err();
        assert_eq!(error, PageTokenError::OtherKind(Kind::EventsPage));
        let cursor = Cursor::unchecked(Epoch(5), Sequence(42)).to_string();
        for wrong in [
            parse_after_subscriber(Timestamp(5), &cursor).unwrap_err(),
            PageToken::parse(&cursor, 0).unwrap_err(),
        ] {
            assert_eq!(
                wrong.to_string(),
                "page_token is a cursor; pass next_page_token of the previous response of this call"
            );
        }
        assert_eq!(parse_after_subscriber(Timestamp(5), "42"), Err(PageTokenError::Malformed));
    }

    #[test]
    fn page_size_and_token_may_change_from_page_to_page() {
        let first = ListEventsRequest { page_size: 5, include_raw_body: true, ..Default::default() };
        let next = ListEventsRequest { page_size: 9, page_token: "x".to_owned(), ..first.clone() };
        assert_eq!(arguments(&first), arguments(&next));
        let other = ListEventsRequest { include_raw_body: false, ..first.clone() };
        assert_ne!(arguments(&first), arguments(&other));
    }
}
