//! Which events a command is about.

use clap::ValueEnum;

use crate::proto::{CallbackKind, EventFilter};

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
    /// Whether the callback came before or after what it tells of; unknown: of a command that was
    /// not in the catalogue
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
        let mut parts = Vec::new();
        let mut add = |name: &str, values: Vec<String>| {
            if !values.is_empty() {
                parts.push(format!("{name} {}", values.join(" or ")));
            }
        };
        add("command", self.commands.clone());
        add("app", self.apps.iter().map(u32::to_string).collect());
        add("account", self.accounts.clone());
        add("group", self.groups.clone());
        let kinds = self.kinds.iter().filter_map(ValueEnum::to_possible_value);
        add("kind", kinds.map(|kind| kind.get_name().to_owned()).collect());
        if parts.is_empty() { String::new() } else { format!(" for {}", parts.join(", ")) }
    }
}
