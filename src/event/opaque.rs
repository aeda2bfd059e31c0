//! Shared text format of cursors and page tokens: opaque, with a kind and a checksum.
//!
//! Clients store these texts, copy them from logs and paste them on command lines. A mistyped cursor
//! must not look like a position in another log, because the gateway would report a lost or restored log, and
//! a page token must not pass for a cursor.
//!
//! The text is URL-safe base64 without padding. In every form the first byte is the kind, the low seven
//! bits of the second byte are the form's number, and the last four bytes are a CRC-32, little-endian,
//! over all bytes before them. So an older gateway can read the kind and the checksum of a newer
//! form: it never reports a text with a correct checksum as malformed, nor a text with a typing error
//! as a newer form.
//!
//! Form 1 has a fixed length, so a text of any other length is malformed. A changed character,
//! or two exchanged neighbours, change at most 24 bits in a row, which a CRC-32 always notices. Letters
//! that differ only in case are different characters of the alphabet.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// Number of the form that this version writes.
const FORM: u8 = 1;
/// Bit of the second byte: the content has a check value.
const HAS_CHECK: u8 = 0x80;
const CRC_BYTES: usize = 4;
/// Kind, form, epoch, number, check value, CRC.
const BYTES: usize = 2 + 8 + 8 + 4 + CRC_BYTES;
/// Length of a text of form 1, in characters.
const TEXT_LEN: usize = (BYTES * 8).div_ceil(6);
/// Maximum length of a text of any form, in characters, as the API promises. Longer texts are malformed.
const MAX_TEXT_LEN: usize = 64;

/// Kind of a text. The value is the first byte, which determines the first character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A position in the log: `C...`.
    Cursor = 2 << 2,
    /// The next page of `ListEvents`: `E...`.
    EventsPage = 4 << 2,
    /// The next page of `ListSubscribers`: `S...`.
    SubscribersPage = 18 << 2,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Cursor, Self::EventsPage, Self::SubscribersPage];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cursor => "a cursor",
            Self::EventsPage => "a page token of ListEvents",
            Self::SubscribersPage => "a page token of ListSubscribers",
        })
    }
}

/// Content of a cursor or page token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opaque {
    /// Scope of the number: a log's epoch, or the start time of a process.
    pub epoch: u64,
    /// A position.
    pub number: u64,
    /// Checksum over the record or the arguments that the position belongs to.
    pub check: Option<u32>,
}

/// Error of parsing a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpaqueError {
    /// The text is empty.
    Empty,
    /// No gateway created the text, or it was changed since.
    Malformed,
    /// The text is whole and of a form or kind that this version does not know.
    Newer,
    /// The text is whole and of this kind instead.
    OtherKind(Kind),
}

impl Opaque {
    /// Writes the text to `f`.
    pub fn write(self, kind: Kind, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; BYTES];
        bytes[0] = kind as u8;
        bytes[1] = FORM | if self.check.is_some() { HAS_CHECK } else { 0 };
        bytes[2..10].copy_from_slice(&self.epoch.to_be_bytes());
        bytes[10..18].copy_from_slice(&self.number.to_be_bytes());
        bytes[18..22].copy_from_slice(&self.check.unwrap_or(0).to_be_bytes());
        // Little-endian, as the bits of this CRC run: only this order detects every short burst of errors, including
        // a burst that extends from the content into the checksum.
        let crc = crc32fast::hash(&bytes[..BYTES - CRC_BYTES]);
        bytes[BYTES - CRC_BYTES..].copy_from_slice(&crc.to_le_bytes());
        let mut text = [0; TEXT_LEN];
        URL_SAFE_NO_PAD.encode_slice(bytes, &mut text).map_err(|_| fmt::Error)?;
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }

    /// Reads a text of this kind.
    pub fn parse(kind: Kind, text: &str) -> Result<Self, OpaqueError> {
        if text.is_empty() {
            return Err(OpaqueError::Empty);
        }
        let mut buffer = [0; MAX_TEXT_LEN];
        if text.len() > MAX_TEXT_LEN {
            return Err(OpaqueError::Malformed);
        }
        let len = URL_SAFE_NO_PAD.decode_slice(text, &mut buffer).map_err(|_| OpaqueError::Malformed)?;
        let (content, crc) = buffer[..len].split_last_chunk::<CRC_BYTES>().ok_or(OpaqueError::Malformed)?;
        let [found, form, rest @ ..] = content else { return Err(OpaqueError::Malformed) };
        if crc32fast::hash(content) != u32::from_le_bytes(*crc) {
            return Err(OpaqueError::Malformed);
        }
        match Kind::ALL.into_iter().find(|kind| *kind as u8 == *found) {
            Some(found) if found == kind => {}
            Some(found) => return Err(OpaqueError::OtherKind(found)),
            None => return Err(OpaqueError::Newer),
        }
        match form & !HAS_CHECK {
            0 => return Err(OpaqueError::Malformed),
            FORM => {}
            _ => return Err(OpaqueError::Newer),
        }
        let has_check = form & HAS_CHECK != 0;
        let fields = rest.split_first_chunk::<8>().and_then(|(epoch, rest)| {
            let (number, rest) = rest.split_first_chunk::<8>()?;
            Some((
                u64::from_be_bytes(*epoch),
                u64::from_be_bytes(*number),
                u32::from_be_bytes(rest.try_into().ok()?),
            ))
        });
        match fields {
            // Any other value would allow two texts for the same content.
            Some((_, _, check)) if !has_check && check != 0 => Err(OpaqueError::Malformed),
            Some((epoch, number, check)) => Ok(Self { epoch, number, check: has_check.then_some(check) }),
            None => Err(OpaqueError::Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Text(Kind, Opaque);

    impl fmt::Display for Text {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.1.write(self.0, f)
        }
    }

    /// Appends the checksum that every form has.
    fn checked(mut bytes: Vec<u8>) -> String {
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    /// Returns every text that differs from another by one typing error.
    fn typing_errors(text: &str) -> Vec<String> {
        let bytes = text.as_bytes();
        let mut wrong = Vec::new();
        for at in 0..bytes.len() {
            for &byte in ALPHABET.iter().chain(b" =+/.") {
                let mut changed = bytes.to_vec();
                changed[at] = byte;
                wrong.push(changed);
                let mut inserted = bytes.to_vec();
                inserted.insert(at, byte);
                wrong.push(inserted);
            }
            let mut dropped = bytes.to_vec();
            dropped.remove(at);
            wrong.push(dropped);
            let mut doubled = bytes.to_vec();
            doubled.insert(at, bytes[at]);
            wrong.push(doubled);
            if at > 0 {
                let mut exchanged = bytes.to_vec();
                exchanged.swap(at - 1, at);
                wrong.push(exchanged);
            }
            wrong.push(bytes[..at].to_vec());
            wrong.push(bytes[at..].to_vec());
        }
        wrong.push([bytes, b"A"].concat());
        wrong.push(text.to_ascii_lowercase().into_bytes());
        wrong.push(text.to_ascii_uppercase().into_bytes());
        wrong.push([bytes, bytes].concat());
        wrong.retain(|changed| changed != bytes);
        wrong.into_iter().map(|changed| String::from_utf8(changed).unwrap()).collect()
    }

    #[test]
    fn the_first_character_determines_the_kind() {
        for (kind, letter) in [(Kind::Cursor, 'C'), (Kind::EventsPage, 'E'), (Kind::SubscribersPage, 'S')] {
            for check in [None, Some(u32::MAX)] {
                let text = Text(kind, Opaque { epoch: u64::MAX, number: u64::MAX, check }).to_string();
                assert!(
                    text.starts_with(letter) && text.len() == TEXT_LEN && TEXT_LEN <= MAX_TEXT_LEN,
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn the_checksum_distinguishes_a_newer_form_from_a_typing_error() {
        let newer = [
            checked(vec![Kind::Cursor as u8, 2]),
            checked([&[Kind::Cursor as u8, 0x7f][..], &[7; 40]].concat()),
            // An unknown kind.
            checked([&[0xff, FORM][..], &[7; 20]].concat()),
        ];
        for text in &newer {
            assert_eq!(Opaque::parse(Kind::Cursor, text), Err(OpaqueError::Newer), "{text}");
            for wrong in typing_errors(text).iter().filter(|wrong| wrong.len() == text.len()) {
                assert_eq!(Opaque::parse(Kind::Cursor, wrong), Err(OpaqueError::Malformed), "{wrong}");
            }
        }
        for wrong in [
            checked(vec![Kind::Cursor as u8]),
            checked(vec![]),
            checked([&[Kind::Cursor as u8, 0][..], &[7; 20]].concat()),
            checked([&[Kind::Cursor as u8, FORM][..], &[7; 20]].concat()),
            checked([&[Kind::Cursor as u8, FORM | HAS_CHECK][..], &[7; 21]].concat()),
            checked([&[Kind::Cursor as u8, 2][..], &[7; 60]].concat()),
        ] {
            let parsed = Opaque::parse(Kind::Cursor, &wrong);
            assert!(matches!(parsed, Err(OpaqueError::Malformed)), "{wrong}: {parsed:?}");
        }
    }

    fn any_kind() -> impl Strategy<Value = Kind> {
        proptest::sample::select(&Kind::ALL[..])
    }

    proptest! {
        #[test]
        fn a_text_is_parsed_only_as_its_own_kind(
            kind in any_kind(), epoch: u64, number: u64, check: Option<u32>,
        ) {
            let content = Opaque { epoch, number, check };
            let text = Text(kind, content).to_string();
            prop_assert!(text.bytes().all(|byte| ALPHABET.contains(&byte)));
            for wanted in Kind::ALL {
                let expected = if wanted == kind { Ok(content) } else { Err(OpaqueError::OtherKind(kind)) };
                prop_assert_eq!(Opaque::parse(wanted, &text), expected);
            }
        }

        #[test]
        fn no_text_breaks_the_parser(text: String) {
            Opaque::parse(Kind::Cursor, &text).ok();
        }
    }

    proptest! {
        // Each case tries about 16,000 texts.
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn every_typing_error_is_malformed(kind in any_kind(), epoch: u64, number: u64, check: Option<u32>) {
            let text = Text(kind, Opaque { epoch, number, check }).to_string();
            for wrong in typing_errors(&text) {
                for wanted in Kind::ALL {
                    let parsed = Opaque::parse(wanted, &wrong);
                    let expected = if wrong.is_empty() { OpaqueError::Empty } else { OpaqueError::Malformed };
                    prop_assert_eq!(parsed, Err(expected), "{} for {}", wrong, text);
                }
            }
        }
    }
}
