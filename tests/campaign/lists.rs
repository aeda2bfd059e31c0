//! Checks of lists.

use imcallback::{Event, GapReason, ListOrder};

use super::{
    callbacks::names,
    check::Check,
    model::{Item, Reported, Story, short},
    outcome::Trouble,
    ranges::Ranges,
    reads::{Client, Listing, list},
};
use crate::support::nanos;

/// Sizes of the pages of lists.
const PAGE_SIZES: [i32; 3] = [37, 150, 1000];

impl Check<'_> {
    /// Lists all events in some orders.
    pub async fn lists(
        &mut self,
        client: &mut Client,
        orders: &[ListOrder],
        reported: &Reported,
    ) -> Result<(), Trouble> {
        for &order in orders {
            let listing = list(client, order, None, self.random.pick(&PAGE_SIZES)).await?;
            let listed = self.list(order, &listing, reported)?;
            self.compare(order.as_str_name(), reported, &listed)?;
        }
        Ok(())
    }

    /// Lists the events of an account in both orders.
    pub async fn lists_of_accounts(
        &mut self,
        client: &mut Client,
        reported: &Reported,
    ) -> Result<(), Trouble> {
        for order in [ListOrder::OldestFirst, ListOrder::NewestFirst] {
            let account = &self.accounts[self.random.below(self.accounts.len())];
            let listing = list(client, order, Some(account), self.random.pick(&PAGE_SIZES)).await?;
            self.list_of(account, order, &listing, reported)?;
        }
        Ok(())
    }

    /// Checks a list of all events.
    fn list(
        &mut self,
        order: ListOrder,
        listing: &Listing,
        reported: &Reported,
    ) -> Result<Reported, Trouble> {
        let (from, oldest) = (self.model.start_sequence(), self.oldest(reported)?);
        let mut story = Story { from, items: in_order(order, listing)?, end: reported.end };
        if oldest > from + 1 {
            // Lists do not report trimmed events.
            let trimmed = Item::Gap { first: from + 1, last: oldest - 1, reason: GapReason::Trimmed };
            story.items.insert(0, trimmed);
        }
        let listed = self.model.judge(order.as_str_name(), &story)?;
        let is_gone =
            |event: &&Event| listed.lost.contains(event.sequence) || listed.trimmed.contains(event.sequence);
        let newest = self.model.events().filter(is_gone).map(|event| nanos(event.receive_time)).max();
        if newest.is_some_and(|newest| newest >= listing.complete_since) {
            return Err(Trouble::silent("complete_since is not after the last event that is gone"));
        }
        Ok(listed)
    }

    /// Checks a list of an account's events.
    fn list_of(
        &mut self,
        account: &str,
        order: ListOrder,
        listing: &Listing,
        reported: &Reported,
    ) -> Result<(), Trouble> {
        let (mut listed, mut gaps) = (Vec::new(), Vec::new());
        for item in in_order(order, listing)? {
            match item {
                Item::Event(event) if names(&event.raw_body, account) => {
                    self.model.check(&event)?;
                    listed.push(event.sequence);
                }
                Item::Event(event) => {
                    return Err(Trouble::wrong(format!("{} does not name {account}", short(&event))));
                }
                Item::Gap { first, last, .. } => gaps.push(first..=last),
            }
        }
        let (gaps, oldest) = (Ranges::of(gaps), self.oldest(reported)?);
        let is_due = |event: &&Event| {
            (oldest..=reported.end).contains(&event.sequence) && names(&event.raw_body, account)
        };
        let mut due = self.model.events().filter(is_due);
        match due
            .find(|event| listed.binary_search(&event.sequence).is_err() && !gaps.contains(event.sequence))
        {
            Some(missing) => Err(Trouble::silent(format!(
                "{account}, {}: {} is missing",
                order.as_str_name(),
                short(missing)
            ))),
            None => Ok(()),
        }
    }
}

/// Checks the order of a list. Returns its items in the order of the log.
fn in_order(order: ListOrder, listing: &Listing) -> Result<Vec<Item>, Trouble> {
    let sequences: Vec<u64> = listing
        .items
        .iter()
        .filter_map(|item| match item {
            Item::Event(event) => Some(event.sequence),
            Item::Gap { .. } => None,
        })
        .collect();
    let is_in_order = match order {
        ListOrder::OldestFirst => sequences.is_sorted_by(|a, b| a < b),
        _ => sequences.is_sorted_by(|a, b| a > b),
    };
    if !is_in_order {
        return Err(Trouble::wrong(format!("{}: not in order: {sequences:?}", order.as_str_name())));
    }
    let mut items = listing.items.clone();
    items.sort_by_key(|item| match item {
        Item::Event(event) => event.sequence,
        Item::Gap { first, .. } => *first,
    });
    Ok(items)
}
