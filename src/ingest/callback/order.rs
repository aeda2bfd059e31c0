//! Finds the order key of a body: the group or account whose events have one order.
//!
//! The catalogue has the paths to it for each command. The search reads the body's text and not the
//! typed payload, so an event that is stored without a payload keeps the lane of its group. It stops
//! at the first value, which most bodies have near their beginning.

use super::scan::ScannedBody;
use crate::{
    event::{
        OrderKey,
        json::{Item, Json, string_or_number, text, walk},
    },
    proto::{self, OrderPath},
};

/// Paths for commands outside the catalogue, and for bodies without a value at the paths of their command.
const FALLBACK: [OrderPath; 3] = [&["GroupId"], &["GroupID"], &["From_Account"]];

/// Returns the order key of a command's body. `json` is `None` for a body that cannot be read.
pub(super) fn order_key<'a>(
    command: &str,
    json: Option<&'a Json<'_>>,
    scanned: &'a ScannedBody<'_>,
) -> OrderKey<'a> {
    let paths = proto::order_key(command);
    if paths.is_some_and(<[_]>::is_empty) {
        return OrderKey::App;
    }
    let paths = paths.unwrap_or_default().iter().chain(&FALLBACK);
    let mut paths = paths.filter(|path| scanned.may_have_name(is_group(path)));
    // Most bodies have a name at the first path. Searching it alone is faster.
    let found = json.and_then(|json| find(json, paths.by_ref().take(1)).or_else(|| find(json, paths)));
    found.unwrap_or_else(|| scanned.fallback_order_key())
}

/// Returns whether a path leads to a group, and not to an account.
fn is_group(path: OrderPath) -> bool {
    matches!(path.last(), Some(&("GroupId" | "GroupID")))
}

/// Returns the key at the first path that leads to one.
fn find<'a, 'p>(json: &'a Json<'_>, paths: impl Iterator<Item = &'p OrderPath>) -> Option<OrderKey<'a>> {
    struct Settled;
    let mut searches: Vec<_> = paths.map(|path| Search::new(path)).collect();
    let mut depth = 0;
    let (Ok(()) | Err(Settled)) = walk(&json.text, |_, item| {
        for search in &mut searches {
            search.visit(item, depth, json.is_lossy);
        }
        match item {
            Item::Open { depth: inner, .. } => depth = inner,
            Item::Close => depth -= 1,
            Item::Key { .. } | Item::Scalar { .. } => {}
        }
        // Whether the searches before the first key, or all of them, ended without one.
        let first = searches.iter().find(|search| !matches!(search.state, State::Nothing));
        if first.is_none_or(|first| matches!(first.state, State::Found(_))) { Err(Settled) } else { Ok(()) }
    });
    searches.into_iter().find_map(|search| match search.state {
        State::Found(key) => Some(key),
        State::Member | State::Value | State::Nothing => None,
    })
}

/// Search along one path. Follows the first member of each name and the first element of each list, without
/// backtracking.
#[derive(Debug)]
struct Search<'a> {
    /// Names that are still to be found.
    path: OrderPath,
    is_group: bool,
    /// Number of open objects and arrays at the next name or value.
    depth: usize,
    state: State<'a>,
}

#[derive(Debug)]
enum State<'a> {
    /// Waits for the member with the next name.
    Member,
    /// Waits for the value of that member, or for the first element of its list.
    Value,
    Found(OrderKey<'a>),
    Nothing,
}

impl<'a> Search<'a> {
    fn new(path: OrderPath) -> Self {
        // Begin with the members of the top level.
        Self { path, is_group: is_group(path), depth: 1, state: State::Member }
    }

    /// Visits the next part of the text, which `depth` open objects and arrays enclose.
    fn visit(&mut self, item: Item<'a>, depth: usize, is_lossy: bool) {
        if depth != self.depth {
            return;
        }
        match (&self.state, item) {
            (State::Member, Item::Key { token }) => {
                if let Some((name, rest)) = self.path.split_first()
                    && text(token).is_some_and(|key| key == *name)
                {
                    self.path = rest;
                    self.state = State::Value;
                }
            }
            (State::Value, Item::Scalar { token, .. }) => self.state = self.end(token, is_lossy),
            (State::Value, Item::Open { is_object: false, depth }) => self.depth = depth,
            (State::Value, Item::Open { is_object: true, depth }) => {
                self.depth = depth;
                self.state = if self.path.is_empty() { State::Nothing } else { State::Member };
            }
            (State::Member | State::Value, Item::Close) => self.state = State::Nothing,
            _ => {}
        }
    }

    /// Ends the search at a scalar. A name that is not Unicode text, or in which a repair replaced bytes, is
    /// unknown.
    fn end(&self, token: &'a str, is_lossy: bool) -> State<'a> {
        let name = if self.path.is_empty() { string_or_number(token) } else { None };
        match name {
            Some(name) if name.is_empty() || (is_lossy && name.contains(char::REPLACEMENT_CHARACTER)) => {
                State::Nothing
            }
            Some(name) if self.is_group => State::Found(OrderKey::Group(name)),
            Some(name) => State::Found(OrderKey::Account(name)),
            None => State::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{event::json, ingest::callback::scan};

    /// `G:name`, `A:name` or `app`.
    fn key(command: &str, body: &str) -> String {
        key_of_bytes(command, body.as_bytes())
    }

    fn key_of_bytes(command: &str, body: &[u8]) -> String {
        let json = json::read(body).ok();
        let scanned = json.as_ref().map(|json| scan::scan(&json.text, json.is_lossy)).unwrap_or_default();
        match order_key(command, json.as_ref(), &scanned) {
            OrderKey::Group(name) => format!("G:{name}"),
            OrderKey::Account(name) => format!("A:{name}"),
            OrderKey::App => "app".to_owned(),
        }
    }

    #[test]
    fn the_first_path_with_a_name_counts() {
        for (body, expected) in [
            (r#"{"To_Account":"a","Events":[{"To_Account":"b"}]}"#, "A:a"),
            (r#"{"Events":[{"To_Account":"b"}],"To_Account":"a"}"#, "A:a"),
            (r#"{"Events":[{"To_Account":"b"},{"To_Account":"c"}]}"#, "A:b"),
            (r#"{"Events":[{"To_Account":"b"}],"To_Account":""}"#, "A:b"),
            (r#"{"Events":[{"To_Account":"b"}],"To_Account":null}"#, "A:b"),
            (r#"{"Events":[{"To_Account":"b"}],"To_Account":[]}"#, "A:b"),
            (r#"{"Events":[{"To_Account":"b"}],"To_Account":{"x":1}}"#, "A:b"),
            (r#"{"Events":[{"To_Account":"b"}],"To_Account":{"To_Account":"c"}}"#, "A:b"),
            (r#"{"Events":[{"To_Account":"b"}],"To_Account":true}"#, "A:b"),
        ] {
            assert_eq!(key("Push.OfflinePush", body), expected, "{body}");
        }
    }

    #[test]
    fn the_first_element_of_a_list_on_the_path_counts() {
        for (body, expected) in [
            (r#"{"PairList":[{"To_Account":"z","From_Account":"b"},{"From_Account":"a"}]}"#, "A:b"),
            // A single value counts as a list of one, and a number as a name.
            (r#"{"PairList":{"From_Account":"b"}}"#, "A:b"),
            (r#"{"PairList":[[{"From_Account":["b","a"]}]]}"#, "A:b"),
            (r#"{"PairList":[{"From_Account":7}]}"#, "A:7"),
            (r#"{"Pair\u004cist":[{"From\u005fAccount":"\u0062"}]}"#, "A:b"),
            (r#"{"PairList":[{"From_Account":"b"}],"PairList":[{"From_Account":"a"}]}"#, "A:b"),
            // No name at the path: the smallest of the body's accounts.
            (r#"{"PairList":[{"x":1},{"From_Account":"b"}],"x":{"y_Account":"a"}}"#, "A:a"),
            (r#"{"PairList":["From_Account",{"From_Account":"b"}]}"#, "A:b"),
            (r#"{"x":{"PairList":[{"From_Account":"b"}]},"y_Account":"a"}"#, "A:a"),
            (r#"{"x":"PairList","From_Account":"b","y_Account":"a"}"#, "A:b"),
            (r#"{"PairList":[{"From_Account":"\ud83d"}],"y_Account":"a"}"#, "A:a"),
        ] {
            assert_eq!(key("Sns.CallbackFriendAdd", body), expected, "{body}");
        }
    }

    #[test]
    fn a_body_without_a_value_at_the_paths_of_its_command_has_a_fallback() {
        for (body, expected) in [
            (r#"{"From_Account":"b","GroupID":"h","GroupId":"g"}"#, "G:g"),
            (r#"{"From_Account":"b","GroupID":"h"}"#, "G:h"),
            (r#"{"List":[{"GroupId":"g"}],"From_Account":"b"}"#, "A:b"),
            (r#"{"List":[{"GroupId":"g"},{"GroupId":"g","y_Account":"a"}]}"#, "G:g"),
            (r#"{"List":[{"GroupId":"g"},{"GroupId":"h","y_Account":"a"}]}"#, "A:a"),
            (r#"{"List":[{"y_Account":["c","a","b"]}]}"#, "A:a"),
            (r#"{"List":[{"GroupId":"g"},{"GroupId":"h"}]}"#, "app"),
            (r#"{"x":1}"#, "app"),
            ("{}", "app"),
            ("[]", "app"),
            (r#"[{"GroupId":"g"},{"GroupId":"h"}]"#, "app"),
            (r#""GroupId""#, "app"),
        ] {
            assert_eq!(key("Live.Tomorrow", body), expected, "{body}");
            assert_eq!(key("Sns.CallbackFriendAdd", body), expected, "{body}");
        }
    }

    #[test]
    fn repaired_bodies_have_a_key_and_unreadable_ones_that_of_the_app() {
        for (body, expected) in [
            (&b"\xef\xbb\xbf{\"GroupId\":\"g\",\"x\":\"\n\"}\0"[..], "G:g"),
            (b"{\"x\":\"\xff\",\"GroupId\":\"g\"}", "G:g"),
            (b"{\"GroupId\":\"\xff\",\"From_Account\":\"a\"}", "A:a"),
            (b"{\"GroupId\":\"\xff\"}", "app"),
            ("{\"GroupId\":\"\u{fffd}\"}".as_bytes(), "G:\u{fffd}"),
            (b"\xff{\"GroupId\":\"g\"}", "app"),
            (b"{\"GroupId\":\"g\"", "app"),
            (b"", "app"),
        ] {
            assert_eq!(key_of_bytes("Group.CallbackAfterSendMsg", body), expected, "{}", body.escape_ascii());
        }
    }

    #[test]
    fn events_of_the_whole_app_have_no_other_key() {
        let body = r#"{"GroupId":"g","From_Account":"a"}"#;
        assert_eq!(key("Alert.RequestOverLimit", body), "app");
        assert_eq!(key("Group.CallbackOnDailyGroupQuotaAlarm", body), "app");
        assert_eq!(key("Group.CallbackOnX", body), "G:g");
    }

    /// Names that are too long for the record's lists count, too.
    #[test]
    fn a_name_of_any_length_is_a_key() {
        let name = "x".repeat(10_000);
        let [group, account] = ["GroupId", "From_Account"].map(|key| format!(r#"{{"{key}":"{name}"}}"#));
        assert_eq!(key("Group.CallbackAfterSendMsg", &group), format!("G:{name}"));
        assert_eq!(key("Live.Tomorrow", &account), format!("A:{name}"));
    }

    /// Such bodies are not decoded.
    #[test]
    fn bodies_beyond_the_bounds_of_decoding_have_their_key() {
        let deep = format!(r#"{{"MsgBody":{}{},"GroupId":"g"}}"#, "[".repeat(100_000), "]".repeat(100_000));
        let many = format!(r#"{{"MsgBody":[{}1],"GroupId":"g"}}"#, "1,".repeat(200_000));
        for body in [deep, many] {
            assert_eq!(key("Group.CallbackAfterSendMsg", &body), "G:g");
        }
    }
}
