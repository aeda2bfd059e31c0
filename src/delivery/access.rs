//! Access to the gRPC services: named bearer tokens with their rights.
//!
//! The format follows that of the callback tokens: lines in a file, which a secret store can hold. The gateway keeps only
//! digests of the tokens.

use std::fmt;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::{
    delivery::subscription::{Filter, FilterLists},
    ingest::callback::signature::TokensError,
};

/// Most tokens. Each call is compared with all of them.
pub const MAX_TOKENS: usize = 1000;
/// Length of the shortest token that is accepted. Shorter ones can be guessed.
pub const MIN_TOKEN_BYTES: usize = 16;
/// Length of the longest token, in bytes.
pub const MAX_TOKEN_BYTES: usize = 512;
/// Length of the longest name of a token, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// Tokens that clients may send. Without any, calls need no token.
#[derive(Debug, Clone, Default)]
pub struct Access(Vec<Token>);

/// A token, by its digest.
#[derive(Clone)]
pub struct Token {
    /// Name for logs and errors.
    pub name: String,
    /// Rights of callers with this token.
    pub rights: Rights,
    digest: [u8; 32],
}

/// Leaves out the digest: that of a weak token could be reversed.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("name", &self.name)
            .field("rights", &self.rights)
            .finish_non_exhaustive()
    }
}

/// Rights of a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// Events that the caller may read, by app and command: all with an empty filter, none with `None`.
    pub events: Option<Filter>,
    /// True if the caller may call `AdminService`.
    pub admin: bool,
}

impl Rights {
    /// Returns all rights, as without any token.
    pub fn all() -> Self {
        Self { events: Some(Filter::default()), admin: true }
    }
}

impl Access {
    /// Parses lines of the form `NAME TOKEN RIGHTS`. Skips empty lines, lines that start with `#`, and a byte order mark.
    ///
    /// Rights are one or more of `events`, `apps=1,2`, `commands=Sns.*,State.StateChange` and `admin`. `apps` and
    /// `commands` grant `events` within that bound.
    pub fn parse(text: &str) -> Result<Self, TokensError> {
        let mut access = Self::default();
        let mut problems = Vec::new();
        for (line, content) in (1..).zip(text.strip_prefix('\u{feff}').unwrap_or(text).lines()) {
            let content = content.trim();
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let added = parse_token(content).and_then(|token| access.add(token));
            problems.extend(added.err().map(|problem| (line, problem)));
        }
        if problems.is_empty() { Ok(access) } else { Err(TokensError::new(problems)) }
    }

    /// Adds the tokens of another list.
    pub fn extend(&mut self, other: Self) -> Result<(), String> {
        other.0.into_iter().try_for_each(|token| self.add(token))
    }

    fn add(&mut self, token: Token) -> Result<(), String> {
        if self.0.len() == MAX_TOKENS {
            return Err(format!("at most {MAX_TOKENS} tokens are accepted"));
        }
        // A name may have several tokens, as during a rotation. A token has one name.
        if self.0.iter().any(|other| other.digest == token.digest) {
            return Err("this token is in the list twice".to_owned());
        }
        self.0.push(token);
        Ok(())
    }

    /// Returns whether calls need a token.
    pub fn is_required(&self) -> bool {
        !self.0.is_empty()
    }

    /// Finds a token. Compares it with all tokens, each in constant time.
    pub fn find(&self, token: &[u8]) -> Option<&Token> {
        let digest = digest(token);
        let mut found = None;
        for known in &self.0 {
            if bool::from(known.digest.ct_eq(&digest)) {
                found = Some(known);
            }
        }
        found
    }

    /// Returns whether the list has this token with the same name and rights.
    pub fn has(&self, token: &Token) -> bool {
        self.0.iter().any(|other| {
            other.digest == token.digest && other.name == token.name && other.rights == token.rights
        })
    }
}

fn digest(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// Parses `NAME TOKEN RIGHTS`.
fn parse_token(line: &str) -> Result<Token, String> {
    let mut words = line.split_ascii_whitespace();
    let (Some(name), Some(token)) = (words.next(), words.next()) else {
        return Err("write NAME TOKEN RIGHTS, such as: billing TOKEN events apps=1400000000".to_owned());
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if name.len() > MAX_NAME_BYTES || !name.bytes().all(is_plain) {
        return Err("a name is 1 to 64 letters, digits, dots, hyphens and underscores".to_owned());
    }
    if token.starts_with("apps=") || token.starts_with("commands=") {
        return Err("the token is missing: write NAME TOKEN RIGHTS".to_owned());
    }
    let fits = (MIN_TOKEN_BYTES..=MAX_TOKEN_BYTES).contains(&token.len());
    if !fits || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!(
            "a token is {MIN_TOKEN_BYTES} to {MAX_TOKEN_BYTES} printable ASCII characters; \
             `openssl rand -hex 32` makes a good one"
        ));
    }
    let mut rights = Rights { events: None, admin: false };
    let mut lists = FilterLists::default();
    for right in words {
        let once = |is_empty: bool, name: &str| {
            if is_empty {
                Ok(())
            } else {
                Err(format!("write {name}= once, with all of them joined by commas"))
            }
        };
        match right.split_once('=') {
            None if right == "events" => {}
            None if right == "admin" => {
                rights.admin = true;
                continue;
            }
            Some(("apps", apps)) => {
                once(lists.sdk_app_ids.is_empty(), "apps")?;
                let apps = apps.split(',').map(str::parse).collect::<Result<_, _>>();
                lists.sdk_app_ids = apps.map_err(|_| "apps= needs SDKAppIDs joined by commas".to_owned())?;
            }
            Some(("commands", commands)) => {
                once(lists.commands.is_empty(), "commands")?;
                lists.commands = commands.split(',').map(str::to_owned).collect();
            }
            // The message leaves out the word, which may be a part of the token.
            _ => {
                return Err(
                    "a right is events, apps=.., commands=.. or admin; a token has no spaces".to_owned()
                );
            }
        }
        rights.events = Some(Filter::default());
    }
    if rights.events.is_some() {
        let filter = Filter::new(lists).map_err(|error| format!("{}: {error}", error.field))?;
        rights.events = Some(filter);
    } else if !rights.admin {
        return Err("the token has no rights: add events, apps=.., commands=.. or admin".to_owned());
    }
    Ok(Token { name: name.to_owned(), rights, digest: digest(token.as_bytes()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn rights(line: &str) -> Rights {
        Access::parse(line).unwrap().find(TOKEN.as_bytes()).unwrap().rights.clone()
    }

    fn events(commands: &[&str], sdk_app_ids: &[u32]) -> Option<Filter> {
        let commands = commands.iter().map(|command| (*command).to_owned()).collect();
        let lists = FilterLists { commands, sdk_app_ids: sdk_app_ids.to_vec(), ..Default::default() };
        Some(Filter::new(lists).unwrap())
    }

    #[test]
    fn each_token_has_a_name_and_rights() {
        let line = |rights: &str| format!("billing {TOKEN} {rights}");
        assert_eq!(rights(&line("events")), Rights { events: events(&[], &[]), admin: false });
        assert_eq!(rights(&line("admin")), Rights { events: None, admin: true });
        assert_eq!(rights(&line("events admin")), Rights::all());
        assert_eq!(
            rights(&line("apps=1,2 commands=Sns.*,State.StateChange")),
            Rights { events: events(&["Sns.*", "State.StateChange"], &[1, 2]), admin: false }
        );
        let access = Access::parse(&format!(
            "\u{feff}# comment\n\n a {TOKEN} events\n a {TOKEN}2 events\nb {TOKEN}3 admin"
        ))
        .unwrap();
        assert_eq!(access.find(format!("{TOKEN}3").as_bytes()).unwrap().name, "b");
        assert!(access.find(b"").is_none());
        assert!(access.find(&TOKEN.as_bytes()[1..]).is_none());
        assert!(access.is_required());
        assert!(!Access::default().is_required());
    }

    #[test]
    fn the_error_for_a_wrong_line_has_its_number_but_not_its_token() {
        for (line, problem) in [
            ("billing", "write NAME TOKEN RIGHTS"),
            ("bill/ing 0123456789abcdef events", "a name is"),
            ("billing short events", "a token is 16 to 512"),
            ("billing 0123456789abcdef", "no rights"),
            ("billing commands=State.StateChange events", "the token is missing"),
            ("billing 0123456789 abcdef events", "a token is 16"),
            ("billing 0123456789abcdef ghijk events", "a token has no spaces"),
            ("billing 0123456789abcdef apps=x", "SDKAppIDs"),
            ("billing 0123456789abcdef apps=0", "0 is no SDKAppID"),
            ("billing 0123456789abcdef apps=1 apps=2", "once"),
            ("billing 0123456789abcdef commands=", "commands: entry 0"),
            ("billing 0123456789abcdef commands=*", "commands: entry 0"),
            ("a 0123456789abcdef events\nb 0123456789abcdef admin", "twice"),
            (
                "a\nb 0123456789abcdef admin\nc",
                "line 1: write NAME TOKEN RIGHTS, such as: billing TOKEN events apps=1400000000; line 3: ",
            ),
        ] {
            let error = Access::parse(line).unwrap_err().to_string();
            assert!(error.contains(problem), "{line}: {error}");
            assert!(error.contains(&format!("line {}: ", line.lines().count())), "{error}");
            assert!(!error.contains("abcdef") && !error.contains("ghijk"), "{error}");
        }
        assert!(!format!("{:?}", Access::parse("billing 0123456789abcdef events")).contains("abcdef"));
    }
}
