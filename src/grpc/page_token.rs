//! Page tokens of `ListEvents`: a position, bound to the call's arguments.

use prost::Message as _;

use crate::{
    event::{Cursor, Epoch, Sequence},
    proto::ListEventsRequest,
};

/// Where the next page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageToken {
    pub epoch: Epoch,
    /// `List::next` of the page before.
    pub position: Sequence,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PageTokenError {
    #[error("page_token is malformed; pass next_page_token of the previous response as it was")]
    Malformed,
    #[error(
        "page_token belongs to other arguments; repeat those of the first page, or start without a token"
    )]
    OtherArguments,
}

/// A check over the arguments that must stay the same from page to page: all
/// but the token and the page size.
pub fn arguments(request: &ListEventsRequest) -> u32 {
    let arguments = ListEventsRequest { page_size: 0, page_token: String::new(), ..request.clone() };
    crc32fast::hash(&arguments.encode_to_vec())
}

impl PageToken {
    /// A token has a cursor's form, with the arguments' check in the place of the record's.
    pub fn encode(self, arguments: u32) -> String {
        Cursor { epoch: self.epoch, sequence: self.position, check: Some(arguments) }.to_string()
    }

    pub fn parse(text: &str, arguments: u32) -> Result<Self, PageTokenError> {
        let token: Cursor = text.parse().map_err(|_| PageTokenError::Malformed)?;
        if token.check != Some(arguments) {
            return Err(PageTokenError::OtherArguments);
        }
        Ok(Self { epoch: token.epoch, position: token.sequence })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_its_text_and_only_with_its_arguments() {
        let token = PageToken { epoch: Epoch(3), position: Sequence(99) };
        let text = token.encode(7);
        assert_eq!(PageToken::parse(&text, 7), Ok(token));
        assert_eq!(PageToken::parse(&text, 8), Err(PageTokenError::OtherArguments));
        for text in ["", "x", "AAAA", &text[1..], &format!("{text}AAAA"), "ü", &"A".repeat(999)] {
            assert_eq!(PageToken::parse(text, 7), Err(PageTokenError::Malformed), "{text}");
        }
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
