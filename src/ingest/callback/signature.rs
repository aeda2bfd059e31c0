//! Verification of the signature on a callback's URL.
//!
//! `Sign = hex(sha256(Token || RequestTime))`, with RequestTime in decimal Unix seconds. The signature covers
//! neither the body nor the app, the command or any other parameter, and it is not an HMAC. A client that has
//! seen a signed URL can post any callback of an app with the same token until RequestTime leaves the window,
//! so URLs are secrets too.
//!
//! RequestTime must be strict digits: `1669872112&x` would have the hash of a text that the token's owner
//! never signed.
//!
//! Source: <https://intl.cloud.tencent.com/document/product/1047/34354>

use std::{collections::BTreeMap, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

use super::{Refusal, not_a_digit};
use crate::event::json::BytePosition;

/// Minimum length of a token in a list, in bytes, as in the vendor's example. Shorter ones can be guessed, or
/// are the start of a token that was written halfway.
pub const MIN_TOKEN_BYTES: usize = 8;
/// Maximum length of a token, in bytes.
pub const MAX_TOKEN_BYTES: usize = 128;
/// Maximum number of tokens of an app, for rotations.
pub const MAX_TOKENS: usize = 8;

/// Secret that signs an app's callbacks. Never printed.
#[derive(Debug, Clone)]
pub struct Token(SecretString);

impl Token {
    /// Creates a token of 1 to [`MAX_TOKEN_BYTES`] printable ASCII characters.
    pub fn new(text: &str) -> Option<Self> {
        let fits = (1..=MAX_TOKEN_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(text.into()))
    }

    /// Returns the signature of a RequestTime, in lower-case hex.
    pub fn sign(&self, request_time: &str) -> String {
        hex::encode(self.digest(request_time))
    }

    fn digest(&self, request_time: &str) -> [u8; 32] {
        Sha256::new().chain_update(self.0.expose_secret()).chain_update(request_time).finalize().into()
    }
}

/// Tokens of each app, by SDKAppID.
#[derive(Debug, Clone, Default)]
pub struct Tokens(BTreeMap<u32, Vec<Token>>);

/// Problems of a list of tokens, by line. Never contains the tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct TokensError(Vec<String>);

impl TokensError {
    /// Creates an error from problems with line numbers from 1. Shows the first ones and counts the rest.
    pub(crate) fn new(problems: Vec<(usize, String)>) -> Self {
        const SHOWN: usize = 10;
        let more = problems.len().saturating_sub(SHOWN);
        let shown = problems.into_iter().take(SHOWN);
        let mut lines: Vec<String> = shown.map(|(line, problem)| format!("line {line}: {problem}")).collect();
        if more > 0 {
            lines.push(format!("and {more} lines more"));
        }
        Self(lines)
    }
}

/// Error: an app has more than [`MAX_TOKENS`] tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the app {app_id} has more than 8 tokens")]
pub struct TooMany {
    /// The app.
    pub app_id: u32,
}

impl Tokens {
    /// Parses lines of the form `APP_ID TOKEN`, several per app. Skips empty lines, lines that begin with
    /// `#`, and a byte order mark.
    pub fn parse(text: &str) -> Result<Self, TokensError> {
        let mut tokens = Self::default();
        let mut problems = Vec::new();
        for (line, content) in (1..).zip(text.strip_prefix('\u{feff}').unwrap_or(text).lines()) {
            let content = content.trim();
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let added = read_line(content).and_then(|(app_id, token)| {
                tokens.add(app_id, token).map_err(|TooMany { .. }| "an app has at most 8 tokens")
            });
            problems.extend(added.err().map(|problem| (line, problem.to_owned())));
        }
        if problems.is_empty() { Ok(tokens) } else { Err(TokensError::new(problems)) }
    }

    /// Adds the tokens of another list.
    pub fn extend(&mut self, other: Self) -> Result<(), TooMany> {
        other
            .0
            .into_iter()
            .try_for_each(|(app_id, tokens)| tokens.into_iter().try_for_each(|token| self.add(app_id, token)))
    }

    fn add(&mut self, app_id: u32, token: Token) -> Result<(), TooMany> {
        let tokens = self.0.entry(app_id).or_default();
        if tokens.len() == MAX_TOKENS {
            return Err(TooMany { app_id });
        }
        tokens.push(token);
        Ok(())
    }

    /// Returns the tokens of these apps only.
    pub fn only(mut self, app_ids: &[u32]) -> Self {
        self.0.retain(|app_id, _| app_ids.contains(app_id));
        self
    }

    /// Returns the apps that have a token.
    pub fn apps(&self) -> impl Iterator<Item = u32> {
        self.0.keys().copied()
    }

    /// Returns the tokens of an app. Empty if its callbacks need no signature.
    pub fn of(&self, app_id: u32) -> &[Token] {
        self.0.get(&app_id).map_or(&[], Vec::as_slice)
    }
}

/// Parses `APP_ID TOKEN`.
fn read_line(line: &str) -> Result<(u32, Token), &'static str> {
    let (app_id, token) = line.split_once([' ', '\t']).ok_or("write APP_ID TOKEN")?;
    let app_id = super::app_id(app_id).ok_or("the SDKAppID must be a number in decimal digits")?;
    let token = token.trim_start();
    // Quotes as in a shell would be part of the token here.
    let is_quoted = |quote| token.len() > 1 && token.starts_with(quote) && token.ends_with(quote);
    if is_quoted('"') || is_quoted('\'') {
        return Err("write the token without quotes");
    }
    if token.len() < MIN_TOKEN_BYTES {
        return Err(
            "a token has at least 8 characters: shorter ones can be guessed; set a longer one in the console",
        );
    }
    let token = Token::new(token).ok_or("a token is 8 to 128 printable ASCII characters without spaces")?;
    Ok((app_id, token))
}

/// Result of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verified {
    /// RequestTime, in Unix seconds.
    pub(super) request_time: u64,
    /// Index of the matching token, from 0. The first one if several match.
    pub(super) token: u32,
}

/// Verifies a callback's signature.
///
/// Tries every token, also after a match, and compares in constant time.
pub(super) fn verify(
    tokens: &[Token],
    sign: Option<&str>,
    request_time: Option<&str>,
    now: u64,
    window: Duration,
) -> Result<Verified, Refusal> {
    let sign = sign.ok_or(Refusal::SignMissing)?;
    let request_time = request_time.ok_or(Refusal::RequestTimeMissing)?;
    // Accepts at most 20 digits. `parse` alone would accept a plus sign.
    const MAX_DIGITS: usize = 20;
    let malformed = |at| Refusal::RequestTimeMalformed(BytePosition::of(request_time.as_bytes(), at));
    if let Some(position) = not_a_digit(request_time) {
        return Err(Refusal::RequestTimeMalformed(position));
    }
    let seconds = request_time.parse().ok().filter(|_: &u64| request_time.len() <= MAX_DIGITS);
    let seconds = seconds.ok_or_else(|| malformed(MAX_DIGITS.min(request_time.len() - 1)))?;
    let mut given = [0; 32];
    hex::decode_to_slice(sign, &mut given).map_err(|_| {
        let at = sign.bytes().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(2 * given.len());
        Refusal::SignWrong(Some(BytePosition::of(sign.as_bytes(), at)))
    })?;
    let (mut fits, mut which) = (Choice::from(0), 0);
    for (index, token) in (0_u32..).zip(tokens) {
        let this_fits = token.digest(request_time).ct_eq(&given);
        which.conditional_assign(&index, this_fits & !fits);
        fits |= this_fits;
    }
    if !bool::from(fits) {
        return Err(Refusal::SignWrong(None));
    }
    if now.abs_diff(seconds) > window.as_secs() {
        let skew = i64::try_from(i128::from(seconds) - i128::from(now)).unwrap_or(i64::MAX);
        return Err(Refusal::RequestTimeOutside { skew });
    }
    Ok(Verified { request_time: seconds, token: which })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::json::ByteKind;

    const WINDOW: Duration = Duration::from_secs(60);
    /// The vendor's example.
    const TIME: &str = "1669872112";
    const NOW: u64 = 1_669_872_112;
    const SIGN: &str = "17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061";

    fn token() -> Token {
        Token::new("xxxxyyyy").unwrap()
    }

    fn check(sign: &str, time: &str, now: u64) -> Result<u64, Refusal> {
        let tokens = [Token::new("other").unwrap(), token()];
        verify(&tokens, Some(sign), Some(time), now, WINDOW).map(|verified| verified.request_time)
    }

    #[test]
    fn the_vendors_example_is_accepted() {
        assert_eq!(token().sign(TIME), SIGN);
        assert_eq!(check(SIGN, TIME, NOW), Ok(NOW));
        assert_eq!(check(&SIGN.to_uppercase(), TIME, NOW), Ok(NOW), "either case of hex");
    }

    #[test]
    fn the_matching_token_is_returned() {
        let tokens = ["a", "b", "a", "c"].map(|token| Token::new(token).unwrap());
        for (token, index) in [("a", 0), ("b", 1), ("c", 3)] {
            let sign = Token::new(token).unwrap().sign(TIME);
            let verified = verify(&tokens, Some(&sign), Some(TIME), NOW, WINDOW);
            assert_eq!(verified, Ok(Verified { request_time: NOW, token: index }));
        }
    }

    #[test]
    fn wrong_signatures_are_refused() {
        let other = Token::new("xxxxyyyz").unwrap().sign(TIME);
        let position = |offset, byte| Some(BytePosition { offset, byte });
        for (sign, position) in [
            (other.as_str(), None),
            ("", position(0, ByteKind::End)),
            (&SIGN[..63], position(63, ByteKind::End)),
            (&SIGN[..62], position(62, ByteKind::End)),
            (&format!("{SIGN}00"), position(64, ByteKind::Digit)),
            (&"g".repeat(64), position(0, ByteKind::Letter)),
            ("ü", position(0, ByteKind::BeyondAscii)),
        ] {
            assert_eq!(check(sign, TIME, NOW), Err(Refusal::SignWrong(position)), "{sign}");
        }
        assert_eq!(verify(&[], Some(SIGN), Some(TIME), NOW, WINDOW), Err(Refusal::SignWrong(None)));
        let missing = |sign, time| verify(&[token()], sign, time, NOW, WINDOW);
        assert_eq!(missing(None, Some(TIME)), Err(Refusal::SignMissing));
        assert_eq!(missing(Some(SIGN), None), Err(Refusal::RequestTimeMissing));
    }

    #[test]
    fn the_time_window_extends_equally_both_ways() {
        assert_eq!(check(SIGN, TIME, NOW + 60), Ok(NOW));
        assert_eq!(check(SIGN, TIME, NOW - 60), Ok(NOW));
        assert_eq!(check(SIGN, TIME, NOW + 61), Err(Refusal::RequestTimeOutside { skew: -61 }));
        assert_eq!(check(SIGN, TIME, NOW - 61), Err(Refusal::RequestTimeOutside { skew: 61 }));
    }

    /// The signature is correct, but the vendor never sends such a time. A client that can make the token's
    /// owner sign a longer text must not pass.
    #[test]
    fn a_request_time_is_strict_digits() {
        for time in
            ["1669872112&x", "+1669872112", " 1669872112", "1669872112 ", "", "0x6388", "-1", "1669872112.0"]
        {
            let sign = token().sign(time);
            let refused = check(&sign, time, NOW);
            assert!(matches!(refused, Err(Refusal::RequestTimeMalformed(_))), "{time}: {refused:?}");
        }
        let huge = "9".repeat(21);
        let position = BytePosition { offset: 20, byte: ByteKind::Digit };
        assert_eq!(check(&token().sign(&huge), &huge, NOW), Err(Refusal::RequestTimeMalformed(position)));
        let largest = u64::MAX.to_string();
        let far = Refusal::RequestTimeOutside { skew: i64::MAX };
        assert_eq!(check(&token().sign(&largest), &largest, NOW), Err(far));
    }

    #[test]
    fn a_list_of_tokens_is_parsed_by_line() {
        let tokens = Tokens::parse("# ours\n\n7 first-token\n7\tsecond-token\n 8   third-token \n").unwrap();
        assert_eq!((tokens.of(7).len(), tokens.of(8).len(), tokens.of(9).len()), (2, 1, 0));
        assert_eq!(tokens.of(8)[0].sign("1"), Token::new("third-token").unwrap().sign("1"));
        assert_eq!(tokens.apps().collect::<Vec<_>>(), [7, 8]);
        assert_eq!(
            Tokens::parse("\u{feff}7 first-token").unwrap().of(7).len(),
            1,
            "as some editors write it"
        );
    }

    #[test]
    fn combined_lists_have_the_limits_of_one() {
        let list = |count: usize| Tokens::parse(&"7 s3cr3t-t0ken\n".repeat(count)).unwrap();
        let mut tokens = list(5);
        tokens.extend(list(3)).unwrap();
        assert_eq!(tokens.of(7).len(), MAX_TOKENS);
        assert_eq!(tokens.extend(list(1)), Err(TooMany { app_id: 7 }));
        assert_eq!(tokens.of(7).len(), MAX_TOKENS);
    }

    #[test]
    fn errors_in_a_list_name_the_line_and_not_the_token() {
        let long = format!("7 {}", "s3cr3t-t0ken".repeat(11));
        let many = "7 s3cr3t-t0ken\n".repeat(9);
        for (text, line) in [
            ("7", 1),
            ("\n# x\ns3cr3t-t0ken", 3),
            ("x s3cr3t-t0ken", 1),
            ("+7 s3cr3t-t0ken", 1),
            ("7 s3cr3t", 1),
            ("7 \"s3cr3t-t0ken\"", 1),
            ("7 's3cr3t-t0ken'", 1),
            ("\"7 s3cr3t-t0ken\"", 1),
            ("7 s3cr3t-t0ken s3cr3t-t0ken", 1),
            ("7 s3cr3t-t0ken\u{7}", 1),
            (long.as_str(), 1),
            (many.as_str(), 9),
        ] {
            let error = Tokens::parse(text).unwrap_err();
            assert!(error.to_string().contains(&format!("line {line}: ")), "{error}");
            assert!(!error.to_string().contains("s3cr3t"));
        }
    }

    #[test]
    fn debug_output_has_no_tokens() {
        let tokens = Tokens::parse("7 s3cr3t-t0ken").unwrap();
        assert!(!format!("{tokens:?} {tokens:#?}").contains("s3cr3t-t0ken"));
    }
}
