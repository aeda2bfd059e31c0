//! `get`: prints one event.

use std::io::{self, IsTerminal as _, Write as _};

use crate::proto::well_known::Timestamp;

use super::{
    Failure,
    connect::Connection,
    event_text, output,
    table::{HEADING, NAME, NOTE},
    text,
};
use crate::{
    event::{Cursor, CursorError},
    proto::{CallbackKind, Event, GetEventRequest, get_event_request},
};

/// Show one event in full
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  callback-gateway get 1042
  callback-gateway get CIHl31Unl8aiNgAAAAAAAAAB3CYO4Bq8tpA --raw
  callback-gateway get 1042 --json | jq .rawBody")]
pub(super) struct Get {
    /// Sequence or cursor of the event
    #[arg(value_name = "SEQUENCE|CURSOR", value_parser = parse_identity)]
    event: get_event_request::Event,
    /// Print only the callback's body, byte for byte. On a terminal, control characters are escaped
    #[arg(long, conflicts_with = "json")]
    raw: bool,
    /// Print the event with its body as a line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

fn parse_identity(text: &str) -> Result<get_event_request::Event, String> {
    if let Ok(sequence) = text.parse() {
        return Ok(get_event_request::Event::Sequence(sequence));
    }
    match text.parse::<Cursor>() {
        // The gateway may know a newer form.
        Ok(_) | Err(CursorError::NewerForm) => Ok(get_event_request::Event::Cursor(text.to_owned())),
        Err(error @ CursorError::OtherKind(_)) => Err(error.to_string()),
        Err(CursorError::Empty | CursorError::Malformed) => Err(
            "neither a sequence nor a cursor: use an event's sequence, such as 1042, or its complete cursor as `get` \
             and `tail --json` print it"
                .to_owned(),
        ),
    }
}

impl Get {
    pub(super) fn run(self) -> Result<(), Failure> {
        let request = GetEventRequest { event: Some(self.event.clone()), include_raw_body: true };
        let response =
            self.connection.run(async |mut gateway| Ok(gateway.events.get_event(request).await?))?;
        let event = response.into_inner().event;
        let event = event.ok_or_else(|| Failure::Other("the gateway's response has no event".to_owned()))?;
        if self.json {
            return output::json_line(&event);
        }
        if self.raw && !io::stdout().is_terminal() {
            return output::text(event.body());
        }
        let mut out = anstream::stdout().lock();
        if self.raw {
            return Ok(writeln!(out, "{}", shown_body(&event))?);
        }
        write(&mut out, &event)
    }
}

fn write(out: &mut impl std::io::Write, event: &Event) -> Result<(), Failure> {
    let mut line = |name: &str, value: &str| match value {
        "" => Ok(()),
        value => writeln!(out, "{HEADING}{name:<13}{HEADING:#}{}", text::escape(value)),
    };
    let moment = |time: Option<&Timestamp>| match time.and_then(text::system_time) {
        Some(then) => format!("{} ({})", text::time(time), text::ago(then)),
        None => String::new(),
    };
    line("sequence", &event.sequence.to_string())?;
    line("cursor", &event.cursor)?;
    line("received", &moment(event.receive_time.as_ref()))?;
    line("happened", &moment(event.event_time.as_ref()))?;
    line("signed", &moment(event.request_time.as_ref()))?;
    line("app", &event.sdk_app_id.to_string())?;
    line("command", &event.command)?;
    let kind = match event.kind() {
        CallbackKind::Before => "before: requested, may not have happened",
        CallbackKind::After => "after",
        CallbackKind::Unspecified => "unknown",
    };
    line("kind", kind)?;
    line("client", &event.client_ip)?;
    line("platform", &event.opt_platform)?;
    if event.possible_duplicate_of > 0 {
        line("again?", &format!("the same body as event {}", event.possible_duplicate_of))?;
    }
    line("traceparent", &event.traceparent)?;
    let status = event_text::decode_status(event.decode_status());
    line("decoded", status)?;
    line("left out", &event.undecoded_paths.join(", "))?;
    writeln!(out)?;
    if event.payload.is_none() {
        writeln!(out, "{NOTE}{status}; the body as received:{NOTE:#}")?;
        return Ok(writeln!(out, "{}", shown_body(event))?);
    }
    let payload = Event { payload: event.payload.clone(), ..Event::default() };
    let payload = serde_json::to_string_pretty(&payload)
        .map_err(|error| Failure::Other(format!("cannot convert the payload to JSON: {error}")))?;
    Ok(writeln!(out, "{NAME}{}{NAME:#}", text::escape_json_lines(&payload))?)
}

/// Returns the body, escaped for a terminal.
fn shown_body(event: &Event) -> String {
    text::escape_json_lines(&String::from_utf8_lossy(event.body())).into_owned()
}
