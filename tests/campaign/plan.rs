//! Derives a damage from the seed and its number. The kinds take turns, so that each occurs equally often. Everything
//! else is random.

use std::fmt;

use super::{
    damage::{DataFile, Manner},
    nats::StreamDamage,
    random::Random,
    rows::Rows,
    stores::Shape,
};

/// Consecutive damages in a round: some at rest, some under a running gateway, the rest to a NATS stream.
const ROUND: u64 = 20;
/// Damages of a round at rest.
const AT_REST: u64 = 14;
/// Damages of a round under a running gateway.
const RUNNING: u64 = 5;
/// Distance in the list of targets between two consecutive damages. Must not divide the length of the list.
const STRIDE: u64 = 7;

/// Target of a damage to a data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    File(DataFile, Manner),
    Rows(Rows),
}

/// State of the gateway when its files are damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// No gateway runs.
    AtRest,
    /// A gateway runs and continues.
    Running,
    /// A gateway runs and is killed afterwards.
    Killed,
}

/// Planned damage.
pub struct Plan {
    pub kind: Kind,
    pub random: Random,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Disk { course: Course, target: Target, shape: Shape },
    Stream(StreamDamage),
}

impl Plan {
    /// Returns the damage with a number. The first one is 0.
    pub fn of(seed: u64, number: u64) -> Self {
        let mut random = Random::of(seed, number);
        let (round, turn) = (number / ROUND, number % ROUND);
        let kind = match turn {
            ..AT_REST => Self::on_disk(Course::AtRest, round * AT_REST + turn, &mut random),
            _ if turn < AT_REST + RUNNING => {
                let turn = round * RUNNING + turn - AT_REST;
                let course = if turn.is_multiple_of(2) { Course::Running } else { Course::Killed };
                // Both courses have the same target.
                Self::on_disk(course, turn / 2, &mut random)
            }
            _ => Kind::Stream(StreamDamage::nth(round, &mut random)),
        };
        Self { kind, random }
    }

    fn on_disk(course: Course, nth: u64, random: &mut Random) -> Kind {
        let count = targets(0).len() as u64;
        assert_ne!(count % STRIDE, 0, "every target has its turn");
        let target = targets(nth / count)[(nth * STRIDE % count) as usize];
        let shapes: &[Shape] = match target {
            Target::File(DataFile::Wal | DataFile::Shm, _) => &[Shape::Killed, Shape::Wrapped],
            Target::File(DataFile::Index, _) => &[Shape::Indexed],
            Target::File(..) | Target::Rows(_) => &[Shape::Closed, Shape::Killed, Shape::Wrapped],
        };
        Kind::Disk { course, target, shape: random.pick(shapes) }
    }
}

/// Returns the targets of a pass over all of them. Damages to the index take longest: each pass has half of them.
fn targets(pass: u64) -> Vec<Target> {
    let mut targets = Vec::new();
    for (manner, n) in Manner::ALL.into_iter().zip(0..) {
        let is_left_out = |file| file == DataFile::Index && n % 2 != pass % 2;
        let files = DataFile::ALL.into_iter().filter(|file| !is_left_out(*file));
        targets.extend(files.map(|file| Target::File(file, manner)));
    }
    targets.extend(Rows::ALL.map(Target::Rows));
    targets
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (course, target) = match self {
            Self::Disk { course, target, .. } => (course, target),
            Self::Stream(damage) => return write!(f, "{damage}"),
        };
        let course = match course {
            Course::AtRest => "at rest",
            Course::Running => "running",
            Course::Killed => "running, killed",
        };
        match target {
            Target::File(file, manner) => write!(f, "{course}, {}: {manner}", file.name()),
            Target::Rows(rows) => write!(f, "{course}, rows: {rows}"),
        }
    }
}
