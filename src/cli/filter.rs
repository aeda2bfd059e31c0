//! Filter options of the commands that read events.

use clap::ValueEnum;

use crate::{
    event::{Lane, MAX_LANES},
    proto::{CallbackKind, EventFilter, LaneSelector},
};

/// Maximum values shown of one list.
const MAX_VALUES: usize = 5;

/// Several values of one option are alternatives. Different options narrow each other.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Filter")]
pub(super) struct Filter {
    /// Command, such as Sns.CallbackFriendAdd, or family, such as 'Sns.*'. Repeatable
    #[arg(long = "command", value_name = "COMMAND")]
    commands: Vec<String>,
    /// SDKAppID. Repeatable
    #[arg(long = "app", value_name = "N")]
    apps: Vec<u32>,
    /// UserID that the callback names, in any role. Repeatable
    #[arg(long = "account", value_name = "USER")]
    accounts: Vec<String>,
    /// ID of a group that the callback names. Repeatable
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// Kind of the callback: before or after its action, or unknown if neither the catalogue nor the
    /// command's name determines it. Repeatable
    #[arg(long = "kind", value_name = "KIND")]
    kinds: Vec<Kind>,
    /// One of several lanes, such as 0/8: events whose group or account has this order hash modulo 8. 1 to 64
    /// lanes, counted from 0
    #[arg(long = "lane", value_name = "INDEX/COUNT", value_parser = lane)]
    lane: Option<LaneSelector>,
}

fn lane(text: &str) -> Result<LaneSelector, String> {
    let lane = text.split_once('/').and_then(|(index, count)| {
        Some(Lane { index: index.parse().ok()?, count: count.parse().ok()? }).filter(|lane| lane.is_valid())
    });
    lane.map(|Lane { count, index }| LaneSelector { count, index })
        .ok_or_else(|| format!("use INDEX/COUNT, such as 0/8: COUNT 1 to {MAX_LANES}, INDEX below COUNT"))
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Before,
    After,
    Unknown,
}

impl Kind {
    fn proto(self) -> CallbackKind {
        match self {
            Self::Before => CallbackKind::Before,
            Self::After => CallbackKind::After,
            Self::Unknown => CallbackKind::Unspecified,
        }
    }
}

impl Filter {
    pub(super) fn message(&self) -> Option<EventFilter> {
        let filter = EventFilter {
            commands: self.commands.clone(),
            sdk_app_ids: self.apps.clone(),
            accounts: self.accounts.clone(),
            group_ids: self.groups.clone(),
            kinds: self.kinds.iter().map(|kind| kind.proto().into()).collect(),
            lane: self.lane,
        };
        Some(filter).filter(|filter| *filter != EventFilter::default())
    }

    /// Returns the app if the filter selects exactly one.
    pub(super) fn only_app(&self) -> Option<u32> {
        match self.apps[..] {
            [app] => Some(app),
            _ => None,
        }
    }

    /// Describes the filter, to follow 'none': ` for account alice, command Sns.*`.
    pub(super) fn describe(&self) -> String {
        self.message().map(|filter| format!(" for {}", describe(&filter))).unwrap_or_default()
    }
}

/// Describes a filter: `command Sns.*, account alice or bob`.
pub(super) fn describe(filter: &EventFilter) -> String {
    let mut parts = Vec::new();
    let mut add = |name: &str, mut values: Vec<String>| {
        if values.len() > MAX_VALUES {
            let left_out = values.len() - MAX_VALUES;
            values.truncate(MAX_VALUES);
            values.push(format!("{left_out} more"));
        }
        if !values.is_empty() {
            parts.push(format!("{name} {}", values.join(" or ")));
        }
    };
    add("command", filter.commands.clone());
    add("app", filter.sdk_app_ids.iter().map(u32::to_string).collect());
    add("account", filter.accounts.clone());
    add("group", filter.group_ids.clone());
    let kind = |kind| match kind {
        CallbackKind::Before => "before".to_owned(),
        CallbackKind::After => "after".to_owned(),
        CallbackKind::Unspecified => "unknown".to_owned(),
    };
    add("kind", filter.kinds().map(kind).collect());
    add("lane", filter.lane.iter().map(|lane| format!("{} of {}", lane.index, lane.count)).collect());
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_filter_is_abbreviated() {
        let accounts: Vec<String> = (1..=1000).map(|n| format!("a{n}")).collect();
        let kinds = vec![CallbackKind::Before.into()];
        let lane = Some(LaneSelector { count: 8, index: 3 });
        let filter = EventFilter { accounts, kinds, lane, sdk_app_ids: vec![7, 8], ..Default::default() };
        assert_eq!(
            describe(&filter),
            "app 7 or 8, account a1 or a2 or a3 or a4 or a5 or 995 more, kind before, lane 3 of 8"
        );
    }

    #[test]
    fn a_lane_is_an_index_and_a_count() {
        assert_eq!(lane("7/8"), Ok(LaneSelector { count: 8, index: 7 }));
        for wrong in ["", "7", "8/8", "0/0", "0/65", "-1/8", "1/8/8", "a/8", "1/"] {
            assert!(lane(wrong).unwrap_err().contains("such as 0/8"), "{wrong}");
        }
    }
}
