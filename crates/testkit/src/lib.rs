//! Test support that needs no types of the gateway: the real program, clients that tests control, and
//! other programs such as NATS and Envoy.
//!
//! Unit tests of the gateway use this crate too. It must not depend on the gateway, because they would
//! see each type twice. Helpers that need types of the gateway are in `gateway-testkit`.

#![allow(missing_docs, reason = "names of helpers say enough")]
#![allow(clippy::new_without_default, reason = "`new` of a fixture writes files and starts programs")]

pub mod btree;
pub mod burst;
pub mod certificates;
pub mod child;
pub mod envoy;
pub mod gate;
pub mod grpcurl;
mod http;
pub mod nats;
pub mod neighbours;
pub mod people;
mod process;
pub mod proxy;
pub mod python;
pub mod raw_http2;
pub mod scripted_server;
mod subscriber;
pub mod tools;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::timeout;

pub use self::{http::*, process::*, subscriber::*};

/// Longer than any wait takes, even on a busy machine. A test that reaches this limit hangs.
pub const HANG: Duration = Duration::from_secs(60);

pub const APP_ID: u32 = 1_400_000_000;
pub const OK_PACKET: &str = r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#;

/// Request packets of the vendor's pages, byte for byte.
pub const FRIEND_ADD: &str = include_str!("friend_add.json");
pub const BLACK_LIST_ADD: &str = include_str!("black_list_add.json");

/// Waits for something that must happen. Panics after [`HANG`].
pub async fn soon<F: Future>(what: F) -> F::Output {
    timeout(HANG, what).await.expect("it did not happen in time")
}

/// Polling interval of [`eventually`].
pub const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// Polls until there is a value. For state without notifications, such as metrics or another program's
/// state.
pub async fn eventually<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let mut looks = tokio::time::interval(LOOK_INTERVAL);
    soon(async {
        loop {
            looks.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    })
    .await
}

/// Returns whether `./scripts/test` reported that this could not be installed.
pub fn is_without(what: &str) -> bool {
    let without = std::env::var("CALLBACK_GATEWAY_TESTS_WITHOUT").unwrap_or_default();
    without.split(',').any(|one| one == what)
}

/// Returns the directory of the gateway's package, which is the root of the repository.
pub fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}
