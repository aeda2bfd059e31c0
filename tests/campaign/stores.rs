//! Undamaged stores. A gateway process creates each once. Each damage gets a copy.

use std::{
    fs,
    path::{Path, PathBuf},
};

use imcallback::GapPolicy;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::{
    callbacks::{ACCOUNTS, Bodies, MANY_ACCOUNTS, Posting},
    model::{Item, Model},
    process::{Gateway, Started},
    reads::{Followed, follow},
};
use crate::support::HANG;

/// Number of events that are posted first, and how many of these retention keeps.
const TRIMMED: (usize, u64) = (110, 90);
/// Events that are only in the write-ahead log when the gateway is killed. They take less than the 4 MiB after which
/// SQLite moves them into the store.
const IN_WAL: usize = 60;
/// Events after which SQLite has started to overwrite the write-ahead log from its beginning.
const WRAPPED: usize = 240;
/// Events with [`Bodies::ManyNames`] after which the index writes its first segment.
const INDEXED: usize = 1060;

/// State of an undamaged store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Its gateway was stopped.
    Closed,
    /// Its gateway was killed: some events are only in the write-ahead log.
    Killed,
    /// Its gateway was killed: old frames follow the newest ones in the write-ahead log.
    Wrapped,
    /// Its gateway was stopped: the index has a segment in its file.
    Indexed,
}

/// Undamaged store.
pub struct Store {
    dir: TempDir,
    pub model: Model,
    /// Accounts that the bodies name.
    pub accounts: Vec<String>,
}

impl Store {
    /// Copies the store.
    pub fn copy(&self) -> TempDir {
        let copy = TempDir::new().unwrap();
        copy_files(self.dir.path(), copy.path());
        copy
    }
}

fn copy_files(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}

/// Undamaged stores, each created on first use.
#[derive(Default)]
pub struct Stores {
    closed: OnceCell<Store>,
    killed: OnceCell<Store>,
    wrapped: OnceCell<Store>,
    indexed: OnceCell<Store>,
}

impl Stores {
    pub async fn get(&self, shape: Shape) -> &Store {
        match shape {
            Shape::Closed => self.closed.get_or_init(closed).await,
            Shape::Killed => {
                let closed = self.closed.get_or_init(closed).await;
                self.killed.get_or_init(|| killed(closed, 2, IN_WAL)).await
            }
            Shape::Wrapped => {
                let closed = self.closed.get_or_init(closed).await;
                self.wrapped.get_or_init(|| killed(closed, 3, WRAPPED)).await
            }
            Shape::Indexed => self.indexed.get_or_init(indexed).await,
        }
    }
}

/// Starts a gateway over an undamaged log.
pub async fn serve(dir: &Path, more: &[String]) -> Gateway {
    match Gateway::start(dir, more).await.unwrap() {
        Started::Ready(gateway) => *gateway,
        Started::Refused { log, .. } => panic!("an undamaged log is refused: {log}"),
    }
}

pub async fn post(gateway: &Gateway, bodies: Bodies, series: u64, count: usize) {
    let mut posting = Posting::start(gateway.addresses.http, bodies, series, count);
    assert!(posting.reaches(count, HANG).await);
    let posted = posting.stop().await.unwrap();
    assert!(posted.unknown.is_empty(), "nothing is refused: {posted:?}");
}

/// Returns the model of an undamaged log.
pub async fn model(gateway: &Gateway) -> Model {
    let mut client = gateway.client().await.unwrap();
    let Followed::Story { epoch, start, story } = follow(&mut client, None, GapPolicy::Fail).await.unwrap()
    else {
        panic!("a log begins somewhere")
    };
    let events = story.items.into_iter().map(|item| match item {
        Item::Event(event) => *event,
        gap => panic!("an undamaged log has no {gap:?}"),
    });
    Model::new(epoch, start, events.collect())
}

pub fn users() -> Vec<String> {
    (0..ACCOUNTS).map(|n| format!("user-{n}")).collect()
}

async fn closed() -> Store {
    let dir = TempDir::new().unwrap();
    let (posted, kept) = TRIMMED;
    let gateway = serve(dir.path(), &[format!("--retention-count={kept}")]).await;
    post(&gateway, Bodies::Mixed, 1, posted).await;
    gateway.until(HANG, |status| status.oldest_sequence == posted as u64 - kept + 1).await.unwrap();
    let model = model(&gateway).await;
    assert_eq!(model.events().count() as u64, kept);
    gateway.stop().await.unwrap();
    Store { dir, model, accounts: users() }
}

async fn killed(closed: &Store, series: u64, count: usize) -> Store {
    let dir = closed.copy();
    let gateway = serve(dir.path(), &[]).await;
    post(&gateway, Bodies::Mixed, series, count).await;
    let model = model(&gateway).await;
    gateway.kill();
    Store { dir, model, accounts: users() }
}

async fn indexed() -> Store {
    let dir = TempDir::new().unwrap();
    let gateway = serve(dir.path(), &[]).await;
    post(&gateway, Bodies::ManyNames, 4, INDEXED).await;
    gateway.until(HANG, |status| status.index_sequence == Some(status.latest_sequence + 1)).await.unwrap();
    let model = model(&gateway).await;
    gateway.stop().await.unwrap();
    let index = rusqlite::Connection::open(dir.path().join("index.db")).unwrap();
    let segments: i64 = index.query_row("SELECT count(*) FROM segment", [], |row| row.get(0)).unwrap();
    assert!(segments > 0, "the index has something in its file");
    index.close().unwrap();
    let accounts = (0..MANY_ACCOUNTS).step_by(97).map(|n| format!("a{n:04}")).collect();
    Store { dir, model, accounts }
}
