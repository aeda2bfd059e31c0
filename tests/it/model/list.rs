//! Lists, compared with the model.

use imcallback::{Event, Gap, GapReason, ListEventsRequest, ListOrder};
use tonic::Code;

use super::{Model, filter, fits};
use crate::support::*;

/// Smaller than the log, so that a list has several pages.
const PAGE_SIZE: i32 = 15;

impl Model {
    /// Lists all matching events and compares them with the model.
    pub(crate) async fn list(&self, filter: usize, order: ListOrder) {
        let before = self.oldest().await;
        // A list that is trimmed while it is read must be restarted.
        let Some((mut events, gaps)) = self.pages(filter, order).await else { return };
        let after = self.oldest().await;
        if order == ListOrder::NewestFirst {
            events.reverse();
        }
        assert!(events.is_sorted_by_key(|event| event.sequence), "in order");
        let mut told = Vec::new();
        for gap in &gaps {
            let range = gap.first_missing_sequence..=gap.last_missing_sequence;
            for sequence in range {
                assert_eq!(
                    self.lost.get(&sequence),
                    Some(&gap.reason()),
                    "{sequence} is lost for this reason"
                );
                told.push(sequence);
            }
        }
        let listed: Vec<_> = events.iter().map(|event| event.sequence).collect();
        for event in &events {
            let stored = &self.events[event.sequence as usize - 1];
            assert_eq!((event.command.as_str(), &event.raw_body), (stored.command, &stored.body));
            assert!(
                event.sequence >= before && fits(filter, stored) && !self.lost.contains_key(&event.sequence)
            );
        }
        // Events that were trimmed meanwhile may be in the list or not.
        for sequence in after..=self.events.len() as u64 {
            if fits(filter, &self.events[sequence as usize - 1]) {
                let is_lost = self.lost.contains_key(&sequence);
                let times = |all: &[u64]| all.iter().filter(|one| **one == sequence).count();
                let expected = if is_lost { (0, 1) } else { (1, 0) };
                assert_eq!((times(&listed), times(&told)), expected, "{sequence}, {order:?}");
            }
        }
    }

    async fn pages(&self, filter: usize, order: ListOrder) -> Option<(Vec<Event>, Vec<Gap>)> {
        let mut client = self.gateway.client().await;
        let (mut events, mut gaps) = (Vec::new(), Vec::new());
        let mut request = ListEventsRequest {
            page_size: PAGE_SIZE,
            include_raw_body: true,
            order: order.into(),
            filter: self::filter(filter),
            ..Default::default()
        };
        loop {
            let page = match soon(client.list_events(request.clone())).await {
                Ok(page) => page.into_inner(),
                Err(status) => {
                    assert_eq!(status.code(), Code::OutOfRange, "{status}");
                    return None;
                }
            };
            events.extend(page.events);
            gaps.extend(page.gaps);
            if page.next_page_token.is_empty() {
                assert!(gaps.iter().all(|gap| gap.reason() != GapReason::Trimmed), "{gaps:?}");
                return Some((events, gaps));
            }
            request.page_token = page.next_page_token;
        }
    }
}
