//! Steps of opening the log: connections, the stream with its epoch, rights, and the directory on disk.

use std::{path::Path, sync::Arc, time::Duration};

use tokio::{
    runtime::Handle,
    time::{Instant, sleep, timeout},
};

use super::{
    api::{self, Api, StartAt},
    connection, epoch,
    error::{ApiError, OpenError},
    follow::Follower,
    history::History,
    info::StreamInfo,
    mark::MarkFile,
    options::Options,
    scratch::ScratchDir,
    settings,
    state::StreamState,
};
use crate::event::{Cursor, Record, Sequence};

/// How long the gateway waits at its start until the stream has a leader.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause between two attempts meanwhile.
const OPEN_PAUSE: Duration = Duration::from_millis(500);

/// Connects for appends and the tail.
pub(super) async fn connect(options: &Options) -> Result<Api, OpenError> {
    connect_as("callback-gateway", options).await
}

/// Connects for history.
///
/// The client receives messages on the runtime where it connects. Beside ten readers of history callbacks took 0.9 ms at the
/// median with the runtime that delivers events, 1.6 with the other one, and 4 with one connection for both
/// (`cargo bench --bench replay -- --log nats`).
pub(super) async fn connect_for_history(options: &Options) -> Result<Api, OpenError> {
    let runtime = options.reading_runtime.clone().unwrap_or_else(Handle::current);
    let options = options.clone();
    let connecting = runtime.spawn(async move { connect_as("callback-gateway-history", &options).await });
    connecting.await.map_err(OpenError::Panic)?
}

async fn connect_as(name: &'static str, options: &Options) -> Result<Api, OpenError> {
    let (client, status) = connection::connect(options, name).await?;
    Ok(Api { client, stream: options.stream.clone(), status })
}

/// Opens the directory with the mark and the index. The log works without it, but has no index and may miss a loss.
pub(super) fn open_scratch(dir: &Path, stream: &str) -> Option<(MarkFile, ScratchDir)> {
    let opened =
        ScratchDir::open(dir).and_then(|scratch| Ok((MarkFile::open(&scratch.path, stream)?, scratch)));
    opened
        .inspect_err(|error| {
            tracing::warn!(
                dir = %dir.display(),
                %error,
                "cannot use the data directory: the gateway may not notice that the stream lost its end, and searches \
                 without an index take longer"
            );
        })
        .ok()
}

/// Creates or checks the stream, and begins a new epoch if the stream has lost the end that `mark` names. Returns the
/// stream's state, and its newest record if that can be read.
pub(super) async fn begin(
    api: &Api,
    options: &Options,
    mark: Option<Cursor>,
) -> Result<(StreamInfo, Option<Record>), OpenError> {
    let begin = Instant::now();
    loop {
        let opened = async {
            if let Some(mark) = mark
                && api.info().await.map_err(OpenError::Unreachable)?.is_none()
            {
                report_missing(mark, options)?;
            }
            settings::create_or_check(api, options).await?;
            if let Some(mark) = mark {
                compare_with(mark, api, options).await?;
            }
            let info = api.info().await.map_err(OpenError::Unreachable)?.ok_or(OpenError::Gone)?;
            let last = info.state.end().previous();
            let newest = api.get(StartAt::Sequence(last)).await.map_err(OpenError::Unreachable)?;
            let newest = newest.and_then(|newest| newest.into_record(info.epoch()).ok());
            Ok::<_, OpenError>((info, newest))
        };
        match opened.await {
            Err(error) if error.can_retry() && begin.elapsed() < OPEN_TIMEOUT => {
                tracing::warn!(%error, "waiting for JetStream");
                sleep(OPEN_PAUSE).await;
            }
            opened => return opened,
        }
    }
}

/// Reports a stream that is missing although this gateway has seen events in it.
fn report_missing(mark: Cursor, options: &Options) -> Result<(), OpenError> {
    let (stream, last) = (options.stream.clone(), mark.sequence);
    if !options.accepts_lost_end {
        return Err(OpenError::LostEnd { stream, first: Sequence::FIRST, last });
    }
    tracing::error!(
        stream,
        %last,
        "the stream is missing, but this gateway has seen events in it; creating an empty stream, and subscribers with \
         earlier cursors get LOG_REPLACED"
    );
    Ok(())
}

/// Begins a new epoch if the stream has lost the event at `mark`.
async fn compare_with(mark: Cursor, api: &Api, options: &Options) -> Result<(), OpenError> {
    let lost = epoch::lost_since(api, options.replicas, mark).await.map_err(OpenError::Unreachable)?;
    let Some(first) = lost else { return Ok(()) };
    let last = mark.sequence;
    if !options.accepts_lost_end {
        return Err(OpenError::LostEnd { stream: options.stream.clone(), first, last });
    }
    tracing::error!(
        %first,
        %last,
        "the stream lost events that it had acknowledged; a new epoch begins, and subscribers with earlier cursors get \
         LOG_REPLACED"
    );
    epoch::begin(api, mark.epoch).await.map_err(OpenError::NewEpoch)
}

/// Creates the tail's first consumer. A gateway that cannot create one would store events and never deliver them.
pub(super) async fn create_follower(state: &Arc<StreamState>) -> Result<Follower, OpenError> {
    let begin = Instant::now();
    loop {
        let created = timeout(OPEN_TIMEOUT, Follower::new(state)).await;
        let created = created.unwrap_or_else(|_| Err(ApiError::Unreachable("no connection".to_owned())));
        match created.map_err(OpenError::Follow) {
            Err(error) if error.can_retry() && begin.elapsed() < OPEN_TIMEOUT => {
                tracing::warn!(%error, "waiting for JetStream");
                sleep(OPEN_PAUSE).await;
            }
            created => return created,
        }
    }
}

/// Checks the rights that the gateway needs later. Without this check, the first callback or reader would fail.
pub(super) async fn check_rights(
    state: &StreamState,
    history: &History,
    options: &Options,
) -> Result<(), OpenError> {
    let subject = format!("{}.0.A", options.subject_prefix);
    if let Err(ApiError::Denied(_)) = state.api.may_publish(subject).await {
        let needed = format!("{}.>", options.subject_prefix);
        return Err(OpenError::Publish(ApiError::Denied(api::publish_to(&needed))));
    }
    // Without this right the gateway could not report that the stream lost its end.
    if let Err(error @ ApiError::Denied(_)) = state.api.may_update().await {
        return Err(OpenError::Update(error));
    }
    if let Err(error @ ApiError::Denied(_)) = history.may_read().await {
        return Err(OpenError::Read(error));
    }
    Ok(())
}
