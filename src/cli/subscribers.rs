//! `subscribers`: lists a gateway's streams, with the number of unsent events of each.

use super::{
    Failure,
    connect::Connection,
    filter, output,
    table::{BAD, Cell, DIM, GOOD, NAME, NOTE, Table},
    text,
};
use crate::proto::{ListSubscribersRequest, SubscriberState, SubscriberStatus};

/// Maximum subscribers of one request.
const PAGE_SIZE: i32 = 1000;

/// List subscribers with their numbers of unsent events
#[derive(Debug, clap::Args)]
#[command(
    after_help = "UNSENT counts stored events that were not sent to the subscriber yet, including those that its filter
excludes. WAITING is the time since the first of them was stored. SENT counts the events handed to the
connection. The gateway does not know which events the subscriber has processed: UNSENT 0 does not mean
that it has caught up. A line `only ..` shows the subscriber's filter, limited to what its token may
read. The last ended stream of each name stays listed for 24 hours, or until the gateway restarts."
)]
pub(super) struct Subscribers {
    /// Print each as a line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

impl Subscribers {
    pub(super) fn run(self) -> Result<(), Failure> {
        let (subscribers, replica) = self.connection.run(async |mut gateway| {
            let mut all = Vec::new();
            let mut request = ListSubscribersRequest { page_size: PAGE_SIZE, ..Default::default() };
            loop {
                let page = gateway.admin.list_subscribers(request.clone()).await?.into_inner();
                all.extend(page.subscribers);
                // The same token again would never end.
                if page.next_page_token.is_empty() || page.next_page_token == request.page_token {
                    return Ok((all, page.replica));
                }
                request.page_token = page.next_page_token;
            }
        })?;
        if self.json {
            return subscribers.iter().try_for_each(output::json_line);
        }
        if subscribers.is_empty() {
            let to = if replica.is_empty() { String::new() } else { format!(" to {replica}") };
            output::notice(&format!(
                "no subscriber is connected{to}, and no named stream has ended in the last 24 hours or since the gateway started, whichever is \
                 shorter; the gateway does not keep unnamed streams after they end"
            ));
            return Ok(());
        }
        let heading = ["NAME", "STATE", "UNSENT", "WAITING", "SENT", "SINCE", "PEER", "ENDED"];
        let mut table = Table::new(&heading);
        for subscriber in &subscribers {
            table.row(row(subscriber));
            if let Some(filter) = &subscriber.filter {
                table.note(&format!("only {}", filter::describe(filter)));
            }
        }
        output::table(&table)?;
        if !replica.is_empty() {
            output::notice(&format!("these are the subscribers of the gateway {replica}"));
        }
        Ok(())
    }
}

fn row(subscriber: &SubscriberStatus) -> [Cell; 8] {
    let blocked = text::span(subscriber.blocked_time.as_ref());
    let state = match subscriber.state() {
        SubscriberState::Live => Cell::new(GOOD, "live"),
        SubscriberState::CatchingUp => Cell::new(NOTE, "catching up"),
        SubscriberState::Blocked => Cell::new(BAD, format!("blocked for {}", text::duration(blocked))),
        SubscriberState::Ended => Cell::new(DIM, "ended"),
        SubscriberState::Unspecified => "?".into(),
    };
    let name = match subscriber.name.as_str() {
        "" => Cell::new(DIM, "(no name)"),
        name => Cell::new(NAME, name),
    };
    let (unsent, waiting) = match subscriber.lag_events {
        0 => ("0".to_owned(), "-".to_owned()),
        events => (events.to_string(), text::duration(text::span(subscriber.lag_time.as_ref()))),
    };
    let ended = match subscriber.end_time {
        Some(_) => format!("{}: {}", text::ago_or_dash(subscriber.end_time.as_ref()), subscriber.end_reason),
        None => "-".to_owned(),
    };
    [
        name,
        state,
        unsent.into(),
        waiting.into(),
        subscriber.sent_events.to_string().into(),
        text::ago_or_dash(subscriber.start_time.as_ref()).into(),
        subscriber.peer.as_str().into(),
        ended.into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_written_as_in_the_documentation() {
        let page = include_str!("../../docs/troubleshooting.md");
        let blocked_time = Some(crate::proto::well_known::Duration { seconds: 9, nanos: 800_000_000 });
        for (state, text) in [
            (SubscriberState::Live, "live"),
            (SubscriberState::CatchingUp, "catching up"),
            (SubscriberState::Blocked, "blocked for 9.8s"),
            (SubscriberState::Ended, "ended"),
        ] {
            let mut table = Table::new(&["STATE", "UNSENT"]);
            let [_, cell, unsent, ..] =
                row(&SubscriberStatus { state: state.into(), blocked_time, ..Default::default() });
            table.row([cell, unsent]);
            let mut out = Vec::new();
            table.write(&mut out, None).unwrap();
            let out = anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()).to_string();
            assert!(out.lines().last().unwrap().starts_with(&format!("{text}  ")), "{out}");
            assert!(page.contains(&format!("| `{text}`")), "{text}");
        }
    }
}
