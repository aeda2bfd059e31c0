//! Outcomes of damages, and a table that counts them.

use std::{collections::BTreeMap, fmt};

/// Set if a gateway may refuse to start on a damaged store.
pub const MAY_REFUSE: bool = false;
/// Set if a gateway may reject callbacks until an operator repairs its store.
pub const MAY_KEEP_CALLBACKS_OUT: bool = false;

/// Outcome of a damage. The worst is the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// All events were served.
    Unharmed,
    /// Some events were reported as trimmed. All others were served.
    Trimmed,
    /// Some events were reported as lost. All others were served.
    Reported,
    /// The gateway crashed. The next one served or reported all events.
    Died,
    /// The log has a new epoch. Earlier cursors are rejected.
    NewEpoch,
    /// The gateway set the damaged store aside and began a new epoch.
    SetAside,
    /// The gateway rejected callbacks and was not ready. Reads worked.
    KeptOut,
    /// The gateway did not start, and named the reason.
    Refused,
    /// The gateway did something that contradicts its documentation.
    Broken,
    /// A read did not end, or a process hung.
    Stuck,
    /// An acknowledged event was neither served nor reported.
    SilentLoss,
    /// The gateway served something that was never posted.
    WrongData,
}

impl Outcome {
    const ALL: [Self; 12] = [
        Self::Unharmed,
        Self::Trimmed,
        Self::Reported,
        Self::Died,
        Self::NewEpoch,
        Self::SetAside,
        Self::KeptOut,
        Self::Refused,
        Self::Broken,
        Self::Stuck,
        Self::SilentLoss,
        Self::WrongData,
    ];

    /// Returns whether the outcome fails the campaign.
    pub fn fails(self) -> bool {
        match self {
            Self::Unharmed
            | Self::Trimmed
            | Self::Reported
            | Self::Died
            | Self::NewEpoch
            | Self::SetAside => false,
            Self::KeptOut => !MAY_KEEP_CALLBACKS_OUT,
            Self::Refused => !MAY_REFUSE,
            Self::Broken | Self::Stuck | Self::SilentLoss | Self::WrongData => true,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Unharmed => "unharmed",
            Self::Trimmed => "trimmed",
            Self::Reported => "reported",
            Self::Died => "died",
            Self::NewEpoch => "new epoch",
            Self::SetAside => "set aside",
            Self::KeptOut => "kept out",
            Self::Refused => "refused",
            Self::Broken => "BROKEN",
            Self::Stuck => "STUCK",
            Self::SilentLoss => "SILENT LOSS",
            Self::WrongData => "WRONG DATA",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why a check ended early.
#[derive(Debug, Clone)]
pub enum Trouble {
    /// The connection broke. The gateway may have crashed.
    Gone(String),
    /// The check failed.
    Failed(Outcome, String),
}

impl Trouble {
    pub fn broken(what: impl Into<String>) -> Self {
        Self::Failed(Outcome::Broken, what.into())
    }

    pub fn stuck(what: impl Into<String>) -> Self {
        Self::Failed(Outcome::Stuck, what.into())
    }

    pub fn silent(what: impl Into<String>) -> Self {
        Self::Failed(Outcome::SilentLoss, what.into())
    }

    pub fn wrong(what: impl Into<String>) -> Self {
        Self::Failed(Outcome::WrongData, what.into())
    }
}

/// Counts of the outcomes, by kind of damage.
#[derive(Debug, Default)]
pub struct Table(BTreeMap<String, BTreeMap<Outcome, usize>>);

impl Table {
    pub fn add(&mut self, kind: &str, outcome: Outcome) {
        *self.0.entry(kind.to_owned()).or_default().entry(outcome).or_default() += 1;
    }

    /// Returns the number of damages.
    pub fn total(&self) -> usize {
        self.0.values().flat_map(BTreeMap::values).sum()
    }

    fn count(&self, outcome: Outcome) -> usize {
        self.0.values().filter_map(|counts| counts.get(&outcome)).sum()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.keys().map(String::len).max().unwrap_or_default();
        let is_shown = |outcome: &Outcome| outcome.fails() || self.count(*outcome) > 0;
        let shown: Vec<Outcome> = Outcome::ALL.into_iter().filter(is_shown).collect();
        write!(f, "{:width$}", "damage")?;
        shown.iter().try_for_each(|outcome| write!(f, "  {outcome}"))?;
        for (kind, counts) in &self.0 {
            write!(f, "\n{kind:width$}")?;
            for outcome in &shown {
                let count = counts.get(outcome).map_or_else(String::new, usize::to_string);
                write!(f, "  {count:>0$}", outcome.name().len())?;
            }
        }
        write!(f, "\n{:width$}", "all")?;
        shown.iter().try_for_each(|outcome| write!(f, "  {:>1$}", self.count(*outcome), outcome.name().len()))
    }
}
