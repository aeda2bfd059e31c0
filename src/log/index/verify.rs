//! Compares the index with its log, record by record, with the lookups that searches use.

use std::path::Path;

use super::{
    file::{FILE_NAME, Fault, Lookup},
    terms_of,
};
use crate::{
    event::{Epoch, Record, Sequence},
    log::ReadError,
};

/// Result of comparing the index with its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexCheck {
    /// There is no index. A running gateway builds one.
    Missing,
    /// Every record below this sequence is found by each of its terms.
    Agrees(Sequence),
    /// The index is damaged or incomplete, for this reason.
    Disagrees(String),
}

/// Compares the index in a directory with the records from `oldest` on. `record` returns a record, or `None`
/// if it is unreadable.
pub(in super::super) fn verify(
    dir: &Path,
    epoch: Epoch,
    oldest: Sequence,
    mut record: impl FnMut(Sequence) -> Result<Option<Record>, ReadError>,
) -> Result<IndexCheck, ReadError> {
    let path = dir.join(FILE_NAME);
    if !path.exists() {
        return Ok(IndexCheck::Missing);
    }
    let disagrees = |fault: Fault| {
        let (Fault::Transient(reason) | Fault::Unusable(reason)) = fault;
        Ok(IndexCheck::Disagrees(reason))
    };
    let (lookup, segments) = match Lookup::open(&path)
        .and_then(|lookup| lookup.segments(epoch).map(|segments| (lookup, segments)))
    {
        Ok(opened) => opened,
        Err(fault) => return disagrees(fault),
    };
    let mut end = oldest;
    for segment in segments {
        for sequence in (segment.first.max(oldest).0..segment.end.0).map(Sequence) {
            let Some(record) = record(sequence)? else { continue };
            let position = u16::try_from(sequence.0 - segment.first.0).ok();
            for term in terms_of(record.stored()) {
                let mut is_found = false;
                let looked = lookup.each(segment.number, &[term], |mut positions| {
                    is_found = Iterator::any(&mut positions, |found| Some(found) == position);
                });
                if let Err(fault) = looked {
                    return disagrees(fault);
                }
                if !is_found {
                    return Ok(IndexCheck::Disagrees(format!("it does not have event {sequence}")));
                }
            }
        }
        end = end.max(segment.end);
    }
    Ok(IndexCheck::Agrees(end))
}
