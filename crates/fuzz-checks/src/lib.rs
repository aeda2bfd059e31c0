//! Properties that hold for every input. The fuzz targets check them for libFuzzer's inputs, and
//! `tests/it/fuzz_corpus.rs` for the corpus.

use std::{collections::BTreeSet, str, sync::LazyLock, time::Duration};

use callback_gateway::testing::{
    callback::{
        Apps, CommandSource, Envelope, MAX_TYPED_RESPONSE_BYTES, Part, Refusal, duplicates::Duplicates,
        signature::Tokens,
    },
    event::{
        Cursor, CursorError, Epoch, MAX_COMMAND_BYTES, Record, RecordError, Sequence, StoredRecord,
        Timestamp, is_command,
        opaque::{Kind, Opaque},
        seal,
    },
    grpc::{
        Encoded,
        page_token::{self, PageToken, PageTokenError},
    },
    subscription::Filter,
};
use imcallback::{DecodeStatus, Event, FILE_DESCRIPTOR_SET, ListEventsRequest};
use prost::Message as _;
use prost_reflect::{DescriptorPool, FieldDescriptor};
use serde::de::IgnoredAny;
use serde_json::Value;

/// Check of an input. Panics if a property does not hold.
pub type Check = fn(&[u8]);

/// Checks of the fuzz targets, by name.
pub const CHECKS: [(&str, Check); 6] = [
    ("cursor", cursor),
    ("envelope", envelope),
    ("page_token", page_token),
    ("payload", payload),
    ("query", query),
    ("record", stored_record),
];

/// App with signed callbacks. The callbacks of app 7 are not signed.
const SIGNED_APP: u32 = 8;
/// Size of a record's header, before its command, in bytes.
const RECORD_HEADER_BYTES: usize = 26;
/// Time of the clock in Unix seconds, from the vendor's example of a signature.
const NOW: u64 = 1_669_872_112;

static APPS: LazyLock<Apps> = LazyLock::new(|| Apps {
    tokens: Tokens::parse(&format!("{SIGNED_APP} other-token\n{SIGNED_APP} xxxxyyyy")).unwrap(),
    window: Duration::from_secs(60),
    ..APPS_WITHOUT_TOKENS.clone()
});

static APPS_WITHOUT_TOKENS: LazyLock<Apps> =
    LazyLock::new(|| Apps { ids: BTreeSet::from([7, SIGNED_APP]), ..Apps::default() });

/// Commands of the catalogue, sorted by name, as in `tests/fixtures`.
static COMMANDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let command = pool.get_extension_by_name("imcallback.v1.callback_command").unwrap();
    let event = pool.get_message_by_name("imcallback.v1.Event").unwrap();
    let payload = event.oneofs().find(|oneof| oneof.name() == "payload").unwrap();
    let of = |field: FieldDescriptor| field.options().get_extension(&command).as_str().unwrap().to_owned();
    let mut commands: Vec<_> = payload.fields().map(of).collect();
    commands.sort();
    commands
});

/// Checks the text of a cursor.
pub fn cursor(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    match text.parse::<Cursor>() {
        Ok(cursor) => {
            assert_eq!(cursor.to_string(), text, "a cursor has one text");
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        Err(problem) => assert!(!problem.to_string().is_empty()),
    }
}

/// Checks a page token. The input is the token up to the end of the first line, then the encoded request.
pub fn page_token(data: &[u8]) {
    let (text, request) = split_line(data);
    let Ok(text) = str::from_utf8(text) else { return };
    let mut request = ListEventsRequest::decode(request).unwrap_or_default();
    let arguments = page_token::arguments(&request);
    request.page_size ^= 1;
    request.page_token.push('x');
    assert_eq!(page_token::arguments(&request), arguments, "page size and page token may change");

    let parsed = PageToken::parse(text, arguments);
    match text.parse::<Cursor>() {
        Ok(_) => assert_eq!(parsed, Err(PageTokenError::OtherKind(Kind::Cursor))),
        Err(CursorError::Empty | CursorError::Malformed) => {
            assert_eq!(parsed, Err(PageTokenError::Malformed))
        }
        Err(CursorError::OtherKind(Kind::SubscribersPage)) => {
            assert_eq!(parsed, Err(PageTokenError::OtherKind(Kind::SubscribersPage)));
        }
        Err(CursorError::OtherKind(_) | CursorError::NewerForm) => {}
    }
    if let Ok(Opaque { epoch, number, check }) = Opaque::parse(Kind::EventsPage, text) {
        let token = PageToken { epoch: Epoch(epoch), position: Sequence(number) };
        assert_eq!(
            parsed,
            if check == Some(arguments) { Ok(token) } else { Err(PageTokenError::OtherArguments) }
        );
        if let Some(check) = check {
            assert_eq!(token.encode(check), text, "a token has one text");
        }
        assert_eq!(PageToken::parse(&token.encode(arguments), arguments), Ok(token));
        assert_eq!(
            PageToken::parse(&token.encode(arguments), !arguments),
            Err(PageTokenError::OtherArguments)
        );
    }
}

/// Checks the bytes of a record, as a log stores them.
pub fn stored_record(data: &[u8]) {
    read_stored(data.to_vec());
    // Few inputs have the right checksum by chance.
    let mut sealed = data.to_vec();
    sealed.resize(data.len().max(RECORD_HEADER_BYTES), 0);
    seal(&mut sealed);
    read_stored(sealed);
}

/// Reads all parts of a record from arbitrary bytes.
fn read_stored(bytes: Vec<u8>) {
    let stored = match StoredRecord::parse(bytes.clone().into()) {
        Ok(stored) => stored,
        Err(problem) => return assert!(!problem.to_string().is_empty()),
    };
    assert_eq!(stored.bytes(), &bytes);
    assert!((1..=MAX_COMMAND_BYTES).contains(&stored.command().len()) && stored.command().is_ascii());
    assert!(stored.accounts().bytes().eq(stored.accounts().map(str::as_bytes)));
    assert!(stored.group_ids().bytes().eq(stored.group_ids().map(str::as_bytes)));
    assert!(stored.raw_body().len() <= bytes.len());
    assert!(bytes.ends_with(stored.raw_body()));
    assert!(bytes.ends_with(stored.event(true)) && stored.event(true).starts_with(stored.event(false)));
    stored.traceparent();
    Filter::default().compare(&stored);

    let too_large = stored.with_too_large(b"");
    assert_eq!(StoredRecord::parse(too_large.bytes().clone()).as_ref(), Ok(&too_large));
    assert_eq!(too_large.raw_body(), stored.raw_body());
    assert_eq!((too_large.command(), too_large.order_hash()), (stored.command(), stored.order_hash()));

    let mut flipped = bytes.clone();
    let bit = stored.order_hash() as usize % (bytes.len() * 8);
    flipped[bit / 8] ^= 1 << (bit % 8);
    assert_eq!(StoredRecord::parse(flipped.into()), Err(RecordError::Damaged));

    let record = placed(stored);
    let (front, _) = record.event(true);
    let place = Event::decode(front).unwrap();
    assert_eq!((place.sequence, place.cursor), (u64::MAX, record.cursor().to_string()));
}

/// Checks the query of a URL.
pub fn query(data: &[u8]) {
    let Ok(query) = str::from_utf8(data) else { return };
    let read = |query: &str, apps| Envelope::from_query(query, apps, NOW);
    let parameters = Parameters::new(query);

    let unsigned = read(query, &APPS_WITHOUT_TOKENS);
    match &unsigned {
        Ok(_) => parameters.check(&event(query, &APPS_WITHOUT_TOKENS), None),
        Err(Refusal::ParameterRepeated(name)) => assert!(parameters.count(name) > 1),
        Err(Refusal::AppIdMissing) => assert_eq!(parameters.count("SdkAppid"), 0),
        Err(Refusal::AppIdUnknown(_)) => assert_eq!(parameters.app(), None),
        Err(Refusal::CommandInvalid(..)) => assert!(!is_command(parameters.get("CallbackCommand"))),
        Err(refusal) => panic!("{refusal:?} of an app without a token"),
    }

    let signed = read(query, &APPS);
    match &signed {
        Ok(_) if parameters.app() == Some(SIGNED_APP) => {
            let (sign, time) = (parameters.get("Sign"), parameters.get("RequestTime"));
            assert!(time.bytes().all(|byte| byte.is_ascii_digit()));
            let seconds = time.parse::<u64>().unwrap();
            assert!(NOW.abs_diff(seconds) <= APPS.window.as_secs());
            assert!(signs(time).any(|right| right.eq_ignore_ascii_case(sign)));
            parameters.check(&event(query, &APPS), Some(seconds));
        }
        Err(
            Refusal::SignMissing
            | Refusal::SignWrong(_)
            | Refusal::RequestTimeMissing
            | Refusal::RequestTimeMalformed(_)
            | Refusal::RequestTimeOutside { .. },
        ) => assert_eq!(parameters.app(), Some(SIGNED_APP)),
        signed => assert_eq!(*signed, unsigned, "the signature changes nothing else"),
    }

    // Other encodings of the same parameters have the same meaning.
    let rewritten = parameters.write(|_| true);
    assert_eq!(read(&rewritten, &APPS_WITHOUT_TOKENS), unsigned);
    assert_eq!(read(&rewritten, &APPS), signed);

    // No input has a valid signature by chance.
    let bare = parameters.write(|name| !matches!(name, "Sign" | "RequestTime"));
    let time = NOW.to_string();
    for sign in signs(&time) {
        let query = format!("{bare}&RequestTime={time}&Sign={sign}");
        match read(&query, &APPS) {
            Ok(_) => {
                let time = (parameters.app() == Some(SIGNED_APP)).then_some(NOW);
                Parameters::new(&query).check(&event(&query, &APPS), time);
            }
            rejected => assert_eq!(rejected, read(&query, &APPS_WITHOUT_TOKENS)),
        }
    }
}

/// Checks a callback. The input is the query of a URL up to the end of the first line, then the body.
pub fn envelope(data: &[u8]) {
    let (query, body) = split_line(data);
    let Ok(query) = str::from_utf8(query) else { return };
    if let Ok(envelope) = Envelope::from_query(query, &APPS, NOW) {
        record(envelope, &Parameters::new(query), body);
    }
}

/// Checks a body. The first byte of the input selects the command, starting at `0`.
pub fn payload(data: &[u8]) {
    let Some((&first, body)) = data.split_first() else { return };
    packet(&COMMANDS[usize::from(first.wrapping_sub(b'0')) % COMMANDS.len()], body);
}

/// Checks the body of a command.
pub fn packet(command: &str, body: &[u8]) {
    let query = format!("SdkAppid=7&CallbackCommand={command}");
    let read = |body: &[u8]| {
        let envelope = Envelope::from_query(&query, &APPS, NOW).unwrap();
        record(envelope, &Parameters::new(&query), body).expect("no body is rejected")
    };
    let event = read(body);
    assert_eq!(event.command, command);
    // A null member counts as absent.
    let Ok(json) = str::from_utf8(body) else { return };
    let Some(members) = json.trim_start().strip_prefix('{') else { return };
    let comma = if members.trim_start().starts_with('}') { "" } else { "," };
    let with_null = read(format!("{{\"NotDeclared\":null{comma}{members}").as_bytes());
    let decoded = |event: Event| (event.decode_status, event.payload, event.undecoded_paths);
    // The added member must not exceed the limit of decoded values.
    if with_null.decode_status() != DecodeStatus::TooLarge {
        assert_eq!(decoded(with_null), decoded(event), "a null member changes nothing");
    }
}

fn split_line(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &[]),
    }
}

/// Returns the valid signatures, one for each token.
fn signs(time: &str) -> impl Iterator<Item = String> {
    APPS.tokens.of(SIGNED_APP).iter().map(move |token| token.sign(time))
}

/// Parameters of a query, parsed independently of the gateway.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn new(query: &str) -> Self {
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let sibling = match name {
            "CallbackCommand" => "WebhookCommand",
            _ => name,
        };
        let same = move |key: &str| match name {
            "SdkAppid" => key.eq_ignore_ascii_case(name),
            _ => key == name || key == sibling,
        };
        self.0.iter().filter(move |(key, _)| same(key)).map(|(_, value)| value.as_str())
    }

    fn count(&self, name: &str) -> usize {
        self.all(name).count()
    }

    fn get(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    fn app(&self) -> Option<u32> {
        match self.get("SdkAppid").trim_start_matches('0') {
            "7" => Some(7),
            "8" => Some(8),
            _ => None,
        }
    }

    fn write(&self, is_wanted: impl Fn(&str) -> bool) -> String {
        let pairs = self.0.iter().filter(|(name, _)| is_wanted(name));
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    }

    /// Checks that the event has the parameters of an accepted query, and that the query has each of them at
    /// most once.
    fn check(&self, event: &Event, request_time: Option<u64>) {
        for name in ["SdkAppid", "CallbackCommand", "ClientIP", "OptPlatform", "Sign", "RequestTime"] {
            assert!(self.count(name) <= 1, "{name} is accepted twice");
        }
        assert_eq!(Some(event.sdk_app_id), self.app());
        assert_eq!(event.client_ip, self.get("ClientIP"));
        assert_eq!(event.opt_platform, self.get("OptPlatform"));
        if self.count("CallbackCommand") == 1 {
            assert_eq!(event.command, self.get("CallbackCommand"));
        }
        let seconds = event.request_time.as_ref().map(|time| time.seconds as u64);
        assert_eq!(seconds, request_time);
    }
}

/// Returns the event of an accepted query, with some body.
fn event(query: &str, apps: &Apps) -> Event {
    let envelope = || Envelope::from_query(query, apps, NOW).unwrap();
    let record = match envelope().into_record(b"{}", &no_duplicates()) {
        Err(Refusal::CommandMissing(_)) => {
            envelope().into_record(br#"{"CallbackCommand":"A.B"}"#, &no_duplicates())
        }
        record => record,
    };
    decode(&placed(record.unwrap().record), true)
}

fn no_duplicates() -> Duplicates {
    Duplicates::new(Duration::ZERO, 1)
}

fn placed(stored: StoredRecord) -> Record {
    Record::new(Epoch(u64::MAX), Sequence(u64::MAX), Timestamp(0), stored)
}

/// Decodes the event that a subscriber receives.
fn decode(record: &Record, include_raw_body: bool) -> Event {
    let (front, rest) = record.event(include_raw_body);
    Event::decode(&*[front, rest].concat()).expect("standard clients can read every event")
}

/// Creates a record and checks it. Returns `None` if the body was rejected for a valid reason.
fn record(envelope: Envelope, parameters: &Parameters, body: &[u8]) -> Option<Event> {
    // serde_json does not accept all JSON: it rejects lone surrogates and 1e999.
    let value = serde_json::from_slice::<Value>(body).ok();
    let in_body = value.as_ref().and_then(|value| value.get("CallbackCommand"));
    let in_body = in_body.filter(|command| !command.is_null());

    let stored = match envelope.into_record(body, &no_duplicates()) {
        Ok(decoded) => decoded.record,
        Err(refusal) => {
            assert_eq!(
                parameters.count("CallbackCommand"),
                0,
                "{refusal:?}: only a missing command is a reason"
            );
            match refusal {
                Refusal::CommandMissing(CommandSource::Absent) => assert_eq!(in_body, None),
                Refusal::CommandMissing(CommandSource::NotString) => {
                    assert!(!in_body.is_some_and(Value::is_string));
                }
                Refusal::CommandMissing(CommandSource::Repeated) => {
                    assert!(value.is_none() || in_body.is_some())
                }
                Refusal::CommandMissing(CommandSource::Unreadable(_)) => assert_eq!(value, None),
                Refusal::CommandInvalid(Part::Body, _) => {
                    let command = in_body.and_then(Value::as_str);
                    assert!(!command.is_some_and(is_command));
                }
                _ => panic!("{refusal:?} of a body"),
            }
            assert!(!refusal.detail().is_empty());
            return None;
        }
    };
    assert_eq!(stored.raw_body(), body, "the raw body is unchanged");
    assert_eq!(StoredRecord::parse(stored.bytes().clone()).as_ref(), Ok(&stored));

    let record = placed(stored);
    let stored = record.stored();
    let event = decode(&record, true);
    assert_eq!(event.body(), body);
    assert_eq!(event.raw_body.is_empty(), body.is_empty() || str::from_utf8(body).is_err());
    assert_eq!(event.command, stored.command());
    assert!(is_command(&event.command));
    assert_eq!(event.sdk_app_id, stored.sdk_app_id());
    assert_eq!(event.kind, i32::from(stored.kind()));
    assert_eq!(event.cursor, record.cursor().to_string());
    let seconds = event.request_time.as_ref().map(|time| time.seconds as u64);
    parameters.check(&event, seconds);
    if let Some(time) = &event.event_time {
        assert!((1_000_000_000..10_000_000_000).contains(&time.seconds), "never 1970");
        assert!((0..1_000_000_000).contains(&time.nanos));
    }
    let status = event.decode_status();
    let disagrees = in_body.is_some_and(|command| *command != *event.command);
    if value.as_ref().is_some_and(Value::is_object) && disagrees {
        use DecodeStatus::{CommandDisagrees, CommandNotString, CommandRepeated};
        assert!(matches!(status, CommandDisagrees | CommandNotString | CommandRepeated), "{status:?}");
    }

    assert_eq!(stored.status(), Some(status));
    let is_typed = matches!(status, DecodeStatus::Typed | DecodeStatus::Repaired | DecodeStatus::Partial);
    assert_eq!(event.payload.is_some(), is_typed);
    let may_have_paths = matches!(status, DecodeStatus::Partial | DecodeStatus::Mismatch);
    assert!(event.undecoded_paths.is_empty() || may_have_paths);
    assert!(event.undecoded_paths.len() <= 16 && event.undecoded_paths.iter().all(|path| path.len() <= 256));
    if is_typed {
        assert!(Encoded::list_entry_len(&record, true) <= MAX_TYPED_RESPONSE_BYTES);
        let printed = serde_json::to_value(&event).expect("a typed event has a JSON form");
        assert_eq!(serde_json::from_value::<Event>(printed).unwrap(), event);
    }
    let mut without_body = event.clone();
    let is_lossy = str::from_utf8(body).is_err();
    if status == DecodeStatus::Typed || (status == DecodeStatus::Repaired && !is_lossy) {
        without_body.raw_body.clear();
        without_body.binary_body.clear();
    }
    assert_eq!(
        decode(&record, false),
        without_body,
        "only an event with a complete payload is sent without its body"
    );

    if let Some(value) = value {
        let mut names = Names::default();
        names.collect(&value, "");
        // A `Value` has only the last of several members with the same key.
        let is_whole = names.members == members(str::from_utf8(body).unwrap());
        let same = |found: BTreeSet<&str>, cut: bool, expected: &BTreeSet<&str>| {
            cut || if is_whole { found == *expected } else { found.is_superset(expected) }
        };
        assert!(same(text_names(stored.accounts()), stored.accounts_cut(), &names.accounts));
        assert!(same(text_names(stored.group_ids()), stored.group_ids_cut(), &names.group_ids));
    }
    Some(event)
}

/// Skips names that may be numbers: a `Value` does not keep a number as written.
fn text_names<'a>(names: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
    names.filter(|name| !is_number(name)).collect()
}

fn is_number(name: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(name).is_ok()
        && name.starts_with(|c: char| c == '-' || c.is_ascii_digit())
}

/// Returns the number of members of all objects in a JSON text.
fn members(json: &str) -> usize {
    let mut members = 0;
    let mut bytes = json.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => {
                while let Some(byte) = bytes.next().filter(|byte| *byte != b'"') {
                    if byte == b'\\' {
                        bytes.next();
                    }
                }
            }
            b':' => members += 1,
            _ => {}
        }
    }
    members
}

/// Names in a parsed body, for comparison with the names that the gateway finds in the text.
#[derive(Default)]
struct Names<'a> {
    accounts: BTreeSet<&'a str>,
    group_ids: BTreeSet<&'a str>,
    members: usize,
}

impl<'a> Names<'a> {
    fn collect(&mut self, value: &'a Value, key: &str) {
        match value {
            Value::String(text) if text.is_empty() || is_number(text) => {}
            Value::String(text) if key.ends_with("Account") => drop(self.accounts.insert(text)),
            Value::String(text) if matches!(key, "GroupId" | "GroupID") => drop(self.group_ids.insert(text)),
            Value::Array(elements) => elements.iter().for_each(|element| self.collect(element, key)),
            Value::Object(members) => {
                self.members += members.len();
                members.iter().for_each(|(key, value)| self.collect(value, key));
            }
            _ => {}
        }
    }
}
