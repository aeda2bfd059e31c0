//! What holds for every input. The fuzz targets check it on what libFuzzer
//! makes, `tests/fuzz_corpus.rs` on the corpus.

use std::{collections::BTreeSet, str, sync::LazyLock, time::Duration};

use callback_gateway::{
    callback::{
        Apps, Envelope, MAX_TYPED_JSON_DEPTH, MAX_TYPED_RESPONSE_BYTES, Refusal, duplicates::Duplicates,
        signature::Tokens,
    },
    event::{
        Cursor, CursorError, Epoch, Record, Sequence, StoredRecord, Timestamp, is_command,
        opaque::{Kind, Opaque},
    },
    grpc::{
        Encoded,
        page_token::{self, PageToken, PageTokenError},
    },
    proto::{DecodeStatus, Event, FILE_DESCRIPTOR_SET, ListEventsRequest},
};
use prost::Message as _;
use prost_reflect::{DescriptorPool, FieldDescriptor};
use serde_json::Value;

/// Panics if something does not hold for an input.
pub type Check = fn(&[u8]);

/// The check of each fuzz target.
pub const CHECKS: [(&str, Check); 5] = [
    ("cursor", cursor),
    ("envelope", envelope),
    ("page_token", page_token),
    ("payload", payload),
    ("query", query),
];

/// The app whose callbacks are signed; 7 is the one whose are not.
const SIGNED_APP: u32 = 8;
/// The clock's time: that of the vendor's example of a signature.
const NOW: u64 = 1_669_872_112;

static APPS: LazyLock<Apps> = LazyLock::new(|| Apps {
    tokens: Tokens::parse(&format!("{SIGNED_APP} other\n{SIGNED_APP} xxxxyyyy")).unwrap(),
    window: Duration::from_secs(60),
    ..APPS_WITHOUT_TOKENS.clone()
});

static APPS_WITHOUT_TOKENS: LazyLock<Apps> =
    LazyLock::new(|| Apps { ids: BTreeSet::from([7, SIGNED_APP]), ..Apps::default() });

/// The commands of the catalogue, by name: in the order of `tests/fixtures`.
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

/// A cursor's text.
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

/// A page token up to the first line's end; the rest is the encoded request.
pub fn page_token(data: &[u8]) {
    let (text, request) = split_line(data);
    let Ok(text) = str::from_utf8(text) else { return };
    let mut request = ListEventsRequest::decode(request).unwrap_or_default();
    let arguments = page_token::arguments(&request);
    request.page_size ^= 1;
    request.page_token.push('x');
    assert_eq!(page_token::arguments(&request), arguments, "these two may change");

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

/// A URL's query.
pub fn query(data: &[u8]) {
    let Ok(query) = str::from_utf8(data) else { return };
    let read = |query: &str, apps| Envelope::from_query(query, apps, NOW);
    let parameters = Parameters::new(query);

    let unsigned = read(query, &APPS_WITHOUT_TOKENS);
    match &unsigned {
        Ok(_) => parameters.check(&event(query, &APPS_WITHOUT_TOKENS), None),
        Err(Refusal::ParameterRepeated(name)) => assert!(parameters.count(name) > 1),
        Err(Refusal::AppIdMissing) => assert_eq!(parameters.count("SdkAppid"), 0),
        Err(Refusal::AppIdUnknown) => assert_eq!(parameters.app(), None),
        Err(Refusal::CommandInvalid) => assert!(!is_command(parameters.get("CallbackCommand"))),
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
            | Refusal::SignWrong
            | Refusal::RequestTimeMissing
            | Refusal::RequestTimeMalformed
            | Refusal::RequestTimeOutside { .. },
        ) => assert_eq!(parameters.app(), Some(SIGNED_APP)),
        signed => assert_eq!(*signed, unsigned, "the signature decides on nothing else"),
    }

    // However it is written, it says the same.
    let rewritten = parameters.write(|_| true);
    assert_eq!(read(&rewritten, &APPS_WITHOUT_TOKENS), unsigned);
    assert_eq!(read(&rewritten, &APPS), signed);

    // No input would have a right signature by chance.
    let bare = parameters.write(|name| !matches!(name, "Sign" | "RequestTime"));
    let time = NOW.to_string();
    for sign in signs(&time) {
        let query = format!("{bare}&RequestTime={time}&Sign={sign}");
        match read(&query, &APPS) {
            Ok(_) => {
                let time = (parameters.app() == Some(SIGNED_APP)).then_some(NOW);
                Parameters::new(&query).check(&event(&query, &APPS), time);
            }
            refused => assert_eq!(refused, read(&query, &APPS_WITHOUT_TOKENS)),
        }
    }
}

/// A URL's query up to the first line's end; the rest is the body.
pub fn envelope(data: &[u8]) {
    let (query, body) = split_line(data);
    let Ok(query) = str::from_utf8(query) else { return };
    if let Ok(envelope) = Envelope::from_query(query, &APPS, NOW) {
        record(envelope, &Parameters::new(query), body);
    }
}

/// The first byte, from `0` on, picks the command; the rest is the body.
pub fn payload(data: &[u8]) {
    let Some((&first, body)) = data.split_first() else { return };
    packet(&COMMANDS[usize::from(first.wrapping_sub(b'0')) % COMMANDS.len()], body);
}

/// The body of a command.
pub fn packet(command: &str, body: &[u8]) {
    let query = format!("SdkAppid=7&CallbackCommand={command}");
    let read = |body: &[u8]| {
        let envelope = Envelope::from_query(&query, &APPS, NOW).unwrap();
        record(envelope, &Parameters::new(&query), body)
    };
    let Some(event) = read(body) else { return };
    // Any null sends the body to another reader, which must find the same in it.
    let (_, members) = event.raw_body.split_once('{').unwrap();
    let comma = if members.trim_start().starts_with('}') { "" } else { "," };
    let with_null = read(format!("{{\"NotDeclared\":null{comma}{members}").as_bytes()).unwrap();
    let what = |event: Event| (event.decode_status, event.payload);
    assert_eq!(what(with_null), what(event), "both ways of reading a body agree");
}

fn split_line(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &[]),
    }
}

/// The right signatures, one by each token.
fn signs(time: &str) -> impl Iterator<Item = String> {
    APPS.tokens.of(SIGNED_APP).iter().map(move |token| token.sign(time))
}

/// A query's parameters, read apart from the gateway's own reading.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn new(query: &str) -> Self {
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let sibling = match name {
            "SdkAppid" => "SdkAppId",
            "CallbackCommand" => "WebhookCommand",
            _ => name,
        };
        self.0.iter().filter(move |(key, _)| key == name || key == sibling).map(|(_, value)| value.as_str())
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

    /// An accepted query is in the event, with each parameter at most once.
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

/// What becomes of an accepted query with some body.
fn event(query: &str, apps: &Apps) -> Event {
    let envelope = || Envelope::from_query(query, apps, NOW).unwrap();
    let record = match envelope().into_record(b"{}", &no_duplicates()) {
        Err(Refusal::CommandMissing) => {
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

/// The event as a subscriber gets it.
fn decode(record: &Record, include_raw_body: bool) -> Event {
    let (front, rest) = record.event(include_raw_body);
    Event::decode(&*[front, rest].concat()).expect("standard clients can read every event")
}

/// Makes the record and checks it; `None` if the body is refused, rightly.
fn record(envelope: Envelope, parameters: &Parameters, body: &[u8]) -> Option<Event> {
    let text = str::from_utf8(body);
    // Does not take all that is JSON: neither lone surrogates nor 1e999.
    let value = text.ok().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let in_body = value.as_ref().and_then(|value| value.get("CallbackCommand"));
    let in_body = in_body.filter(|command| !command.is_null());

    let stored = match envelope.into_record(body, &no_duplicates()) {
        Ok(decoded) => decoded.record,
        Err(refusal) => {
            match refusal {
                Refusal::NotUtf8 => assert!(text.is_err()),
                Refusal::NotJson | Refusal::TooDeep => assert_eq!(value, None),
                Refusal::NotAnObject => assert!(!value.is_some_and(|value| value.is_object())),
                Refusal::CommandMissing => assert_eq!(in_body, None),
                Refusal::CommandDisagrees
                | Refusal::CommandInvalid
                | Refusal::CommandNotString
                | Refusal::CommandRepeated => assert!(value.is_none() || in_body.is_some()),
                _ => panic!("{refusal:?} of a body"),
            }
            return None;
        }
    };
    assert_eq!(stored.raw_body(), body, "byte for byte");
    assert_eq!(StoredRecord::parse(stored.bytes().clone()).as_ref(), Ok(&stored));

    let json = text.expect("only UTF-8 is accepted");
    let record = placed(stored);
    let stored = record.stored();
    let event = decode(&record, true);
    assert_eq!(event.raw_body, json);
    assert_eq!(event.command, stored.command());
    assert!(is_command(&event.command));
    assert_eq!(event.sdk_app_id, stored.sdk_app_id());
    assert_eq!(event.kind, i32::from(stored.kind()));
    assert_eq!(event.cursor, record.cursor().to_string());
    let seconds = event.request_time.as_ref().map(|time| time.seconds as u64);
    parameters.check(&event, seconds);
    assert!(in_body.is_none_or(|command| *command == *event.command));
    if let Some(time) = &event.event_time {
        assert!((0..=253_402_300_799).contains(&time.seconds) && (0..1_000_000_000).contains(&time.nanos));
    }

    let (depth, members) = structure(json);
    assert_eq!(stored.typed(), event.payload.is_some());
    assert_eq!(stored.typed(), event.decode_status() == DecodeStatus::Typed);
    let mut without_raw_body = event.clone();
    if stored.typed() {
        assert!(depth <= MAX_TYPED_JSON_DEPTH);
        assert!(Encoded::list_entry_len(&record, true) <= MAX_TYPED_RESPONSE_BYTES);
        let printed = serde_json::to_value(&event).expect("a typed event has a JSON form");
        // As JSON: the generated code reads a null member as an absent one.
        let again: Event = serde_json::from_value(printed.clone()).unwrap();
        assert_eq!(serde_json::to_value(&again).unwrap(), printed);
        without_raw_body.raw_body.clear();
    }
    assert_eq!(decode(&record, false), without_raw_body, "an untyped event keeps its raw body");

    if let Some(value) = value {
        let mut names = Names::default();
        names.collect(&value, "");
        // A `Value` has the last only of members that have the same key.
        let is_whole = names.members == members;
        let same = |found: BTreeSet<&str>, cut: bool, expected: &BTreeSet<&str>| {
            cut || if is_whole { found == *expected } else { found.is_superset(expected) }
        };
        assert!(same(stored.accounts().collect(), stored.accounts_cut(), &names.accounts));
        assert!(same(stored.group_ids().collect(), stored.group_ids_cut(), &names.group_ids));
    }
    Some(event)
}

/// How deep a JSON text nests, and how many members its objects have.
fn structure(json: &str) -> (usize, usize) {
    let (mut depth, mut deepest, mut members) = (0_usize, 0, 0);
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
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b':' => members += 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    (deepest, members)
}

/// The names in a parsed body, for comparison with those that the gateway finds in its text.
#[derive(Default)]
struct Names<'a> {
    accounts: BTreeSet<&'a str>,
    group_ids: BTreeSet<&'a str>,
    members: usize,
}

impl<'a> Names<'a> {
    fn collect(&mut self, value: &'a Value, key: &str) {
        match value {
            Value::String(text) if text.is_empty() => {}
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
