//! Which events a command is about.

use clap::ValueEnum;

use crate::proto::{CallbackKind, EventFilter};

/// Most values of one list that are shown.
const MAX_VALUES: usize = 5;

/// Several values of one option are alternatives; different options narrow each
/// other.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Which events")]
pub(super) struct Filter {
    /// Command, such as Sns.CallbackFriendAdd, or family, such as 'Sns.*'; repeat it for several
    #[arg(long = "command", value_name = "COMMAND")]
    commands: Vec<String>,
    /// SDKAppID; repeat it for several
    #[arg(long = "app", value_name = "N")]
    apps: Vec<u32>,
    /// UserID that the callback names, in whatever role; repeat it for several
    #[arg(long = "account", value_name = "USER")]
    accounts: Vec<String>,
    /// ID of a group that the callback names; repeat it for several
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// Kind of the callback: before or after the action that it reports, or unknown if neither the catalogue
    /// nor the command's name determines it. Repeatable
    #[arg(long = "kind", value_name = "KIND")]
    kinds: Vec<Kind>,
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
        };
        Some(filter).filter(|filter| *filter != EventFilter::default())
    }

    /// The one app that it is about, if it is.
    pub(super) fn only_app(&self) -> Option<u32> {
        match self.apps[..] {
            [app] => Some(app),
            _ => None,
        }
    }

    /// In words, to follow 'none': ` for account alice, command Sns.*`.
    pub(super) fn describe(&self) -> String {
        self.message().map(|filter| format!(" for {}", describe(&filter))).unwrap_or_default()
    }
}

/// A filter in words: `command Sns.*, account alice or bob`.
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
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_filter_is_shown_short() {
        let accounts: Vec<String> = (1..=1000).map(|n| format!("a{n}")).collect();
        let kinds = vec![CallbackKind::Before.into()];
        let filter = EventFilter { accounts, kinds, sdk_app_ids: vec![7, 8], ..Default::default() };
        assert_eq!(
            describe(&filter),
            "app 7 or 8, account a1 or a2 or a3 or a4 or a5 or 995 more, kind before"
        );
    }
}
