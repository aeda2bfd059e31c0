//! Filters of events.

#[cfg(test)]
mod tests;

use crate::{
    event::{
        Lane, MAX_LANES, MAX_NAME_BYTES, Marks, StoredRecord, is_command,
        json::{self, Item, Role, string_or_number, walk},
    },
    log::Terms,
    proto::DecodeStatus,
};

/// Most entries in each list of a filter.
pub const MAX_FILTER_ENTRIES: usize = 100;
/// Most bytes of names in a filter. Each stream has a filter of its own.
pub const MAX_FILTER_BYTES: usize = 8 * 1024;

/// Lists of a filter, as in a request. Empty lists select everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilterLists {
    /// Commands, and families such as `Sns.*`.
    pub commands: Vec<String>,
    /// SDKAppIDs.
    pub sdk_app_ids: Vec<u32>,
    /// Accounts that the body names.
    pub accounts: Vec<String>,
    /// Groups that the body names.
    pub group_ids: Vec<String>,
    /// Numbers of `CallbackKind`.
    pub kinds: Vec<u8>,
    /// Lane of the event's order key.
    pub lane: Option<Lane>,
}

/// Selects events: each list that is not empty must have a matching entry, and the lane must be the event's.
///
/// All lists are sorted, without duplicates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Exact commands.
    commands: Vec<String>,
    /// Prefixes of commands, with the dot: `Sns.` for `Sns.*`.
    families: Vec<String>,
    sdk_app_ids: Vec<u32>,
    accounts: Vec<String>,
    group_ids: Vec<String>,
    kinds: Vec<u8>,
    lane: Option<Lane>,
    /// Bloom filters, one for each list of names that is not empty: a record without common bits cannot match.
    marks: Vec<Marks>,
}

/// Error in a filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FilterError {
    /// Name of the list.
    pub field: &'static str,
    message: String,
}

impl Filter {
    /// Creates a filter from its lists.
    pub fn new(lists: FilterLists) -> Result<Self, FilterError> {
        let error = |field, message| Err(FilterError { field, message });
        for (field, entries) in [
            ("commands", lists.commands.len()),
            ("sdk_app_ids", lists.sdk_app_ids.len()),
            ("accounts", lists.accounts.len()),
            ("group_ids", lists.group_ids.len()),
            ("kinds", lists.kinds.len()),
        ] {
            if entries > MAX_FILTER_ENTRIES {
                return error(
                    field,
                    format!("at most {MAX_FILTER_ENTRIES} entries are accepted; split the filter"),
                );
            }
        }
        let mut bytes = 0;
        for (field, names) in
            [("commands", &lists.commands), ("accounts", &lists.accounts), ("group_ids", &lists.group_ids)]
        {
            bytes += names.iter().map(String::len).sum::<usize>();
            if bytes > MAX_FILTER_BYTES {
                return error(
                    field,
                    format!(
                        "names of at most {MAX_FILTER_BYTES} bytes in total are accepted; split the filter"
                    ),
                );
            }
        }
        if lists.lane.is_some_and(|lane| !lane.is_valid()) {
            let message = format!("count must be 1 to {MAX_LANES}, and index at least 0 and below count");
            return error("lane", message);
        }
        if lists.sdk_app_ids.contains(&0) {
            return error("sdk_app_ids", "0 is no SDKAppID".to_owned());
        }
        for (field, names) in [("accounts", &lists.accounts), ("group_ids", &lists.group_ids)] {
            if let Some(at) = names.iter().position(|name| name.is_empty() || name.len() > MAX_NAME_BYTES) {
                return error(field, format!("entry {at} must be 1 to {MAX_NAME_BYTES} bytes"));
            }
        }
        let (mut commands, mut families) = (Vec::new(), Vec::new());
        for (at, command) in lists.commands.into_iter().enumerate() {
            let family = command.strip_suffix(".*");
            if !is_command(family.unwrap_or(&command)) {
                return error(
                    "commands",
                    format!(
                        "entry {at} must be a command, such as Sns.CallbackFriendAdd, or a family, such as Sns.*"
                    ),
                );
            }
            match family {
                Some(family) => families.push(format!("{family}.")),
                None => commands.push(command),
            }
        }
        Ok(Self {
            commands: sorted(commands),
            families: sorted(families),
            sdk_app_ids: sorted(lists.sdk_app_ids),
            accounts: sorted(lists.accounts),
            group_ids: sorted(lists.group_ids),
            kinds: sorted(lists.kinds),
            lane: lists.lane,
            marks: Vec::new(),
        }
        .marked())
    }

    fn marked(mut self) -> Self {
        let marks_of = |names: &[String]| {
            let mut marks = Marks::default();
            names.iter().for_each(|name| marks.insert(name.as_bytes()));
            (!names.is_empty()).then_some(marks)
        };
        // The commands of a family are unknown.
        let commands: &[String] = if self.families.is_empty() { &self.commands } else { &[] };
        self.marks = [commands, &self.accounts, &self.group_ids].into_iter().filter_map(marks_of).collect();
        self
    }

    /// Returns the lists, as a request could have them.
    pub fn lists(&self) -> FilterLists {
        let families = self.families.iter().map(|family| format!("{family}*"));
        FilterLists {
            commands: self.commands.iter().cloned().chain(families).collect(),
            sdk_app_ids: self.sdk_app_ids.clone(),
            accounts: self.accounts.clone(),
            group_ids: self.group_ids.clone(),
            kinds: self.kinds.clone(),
            lane: self.lane,
        }
    }

    /// Returns whether every event matches.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Narrows the filter to the apps and commands of `allowed`. Returns the name of the list if the filter names others.
    pub fn within(mut self, allowed: &Self) -> Result<Self, &'static str> {
        if !allowed.sdk_app_ids.is_empty() {
            if self.sdk_app_ids.is_empty() {
                self.sdk_app_ids.clone_from(&allowed.sdk_app_ids);
            } else if !self.sdk_app_ids.iter().all(|app_id| has(&allowed.sdk_app_ids, app_id)) {
                return Err("sdk_app_ids");
            }
        }
        if !allowed.any_command() {
            if self.any_command() {
                self.commands.clone_from(&allowed.commands);
                self.families.clone_from(&allowed.families);
            } else {
                let mut names = self.commands.iter().chain(&self.families);
                // A family ends in its dot, so a family with the prefix of another is a part of it.
                let is_allowed = |name: &String| {
                    has_name(&allowed.commands, name.as_bytes())
                        || allowed.families.iter().any(|family| name.starts_with(family))
                };
                if !names.all(is_allowed) {
                    return Err("commands");
                }
            }
        }
        Ok(self.marked())
    }

    fn any_command(&self) -> bool {
        self.commands.is_empty() && self.families.is_empty()
    }

    /// Returns the most selective list by which an index can find matching events.
    pub fn terms(&self) -> Option<Terms> {
        if !self.accounts.is_empty() {
            Some(Terms::Accounts(self.accounts.clone()))
        } else if !self.group_ids.is_empty() {
            Some(Terms::GroupIds(self.group_ids.clone()))
        } else if !self.commands.is_empty() && self.families.is_empty() {
            Some(Terms::Commands(self.commands.clone()))
        } else {
            None
        }
    }

    /// Compares an event with the filter.
    pub fn compare(&self, record: &StoredRecord) -> FilterMatch {
        let fits_rest = self.lane.is_none_or(|lane| lane.has(record.order_hash()))
            && self.marks.iter().all(|marks| marks.may_share(record.marks()))
            && (self.sdk_app_ids.is_empty() || has(&self.sdk_app_ids, &record.sdk_app_id()))
            && (self.kinds.is_empty() || has(&self.kinds, &record.kind()))
            && (self.any_command() || self.fits_command(record.command()));
        let any_name = self.accounts.is_empty() && self.group_ids.is_empty();
        if !fits_rest {
            FilterMatch::No
        } else if any_name {
            FilterMatch::Yes
        } else {
            let accounts =
                fits_names(&self.accounts, || self.fits_accounts(record), record.has_unreadable_accounts());
            let group_ids = fits_names(
                &self.group_ids,
                || self.fits_group_ids(record),
                record.has_unreadable_group_ids(),
            );
            match (accounts, group_ids) {
                (FilterMatch::No, _) | (_, FilterMatch::No) => FilterMatch::No,
                (FilterMatch::Unknown, _) | (_, FilterMatch::Unknown) => FilterMatch::Unknown,
                (FilterMatch::Yes, FilterMatch::Yes) => FilterMatch::Yes,
            }
        }
    }

    fn fits_command(&self, command: &str) -> bool {
        has_name(&self.commands, command.as_bytes())
            || self.families.iter().any(|family| command.starts_with(family.as_str()))
    }

    fn fits_accounts(&self, record: &StoredRecord) -> bool {
        record.accounts().bytes().any(|name| has_name(&self.accounts, name))
            || (record.accounts_cut() && names_one(record, Role::Account, &self.accounts))
    }

    fn fits_group_ids(&self, record: &StoredRecord) -> bool {
        record.group_ids().bytes().any(|name| has_name(&self.group_ids, name))
            || (record.group_ids_cut() && names_one(record, Role::GroupId, &self.group_ids))
    }
}

/// Result of comparing an event with a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterMatch {
    /// The event matches.
    Yes,
    /// The event does not match.
    No,
    /// The event matches except for its accounts or groups, some of which cannot be read.
    Unknown,
}

/// Compares a list of names with the names of an event.
fn fits_names(wanted: &[String], has_one: impl FnOnce() -> bool, has_unreadable: bool) -> FilterMatch {
    if wanted.is_empty() || has_one() {
        FilterMatch::Yes
    } else if has_unreadable {
        FilterMatch::Unknown
    } else {
        FilterMatch::No
    }
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list.dedup();
    list
}

fn has<T: Ord>(sorted: &[T], entry: &T) -> bool {
    sorted.binary_search(entry).is_ok()
}

fn has_name(sorted: &[String], name: &[u8]) -> bool {
    sorted.binary_search_by(|entry| entry.as_bytes().cmp(name)).is_ok()
}

/// Returns whether the body has one of the names in this role. Needed for records whose list of names was cut.
fn names_one(record: &StoredRecord, wanted: Role, names: &[String]) -> bool {
    struct Found;
    let visit = |role, item: Item<'_>| match item {
        Item::Scalar { token, .. } if role == wanted => match string_or_number(token) {
            Some(name) if has_name(names, name.as_bytes()) => Err(Found),
            _ => Ok(()),
        },
        _ => Ok(()),
    };
    let body = record.raw_body();
    // A typed body is valid JSON as it is.
    if record.status() == Some(DecodeStatus::Typed)
        && let Ok(text) = std::str::from_utf8(body)
    {
        return walk(text, visit).is_err();
    }
    json::read(body).is_ok_and(|json| walk(&json.text, visit).is_err())
}
