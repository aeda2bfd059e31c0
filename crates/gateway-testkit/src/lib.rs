//! Test support that needs types of the gateway, above all a gateway in the process of the test.
//! Re-exports `testkit`.

#![allow(missing_docs, reason = "names of helpers say enough")]

mod log;
pub mod operator;

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use callback_gateway::testing::log::EventLog;
use callback_gateway::{
    app::{App, RunError},
    config::{Config, Settings},
};
use imcallback::event_service_client::EventServiceClient;
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle};
use tonic::transport::Channel;

pub use self::log::*;
pub use testkit::*;

/// Returns the settings of a test gateway: the program's defaults with free ports and a short drain
/// delay.
pub fn settings(data_dir: &Path) -> Settings {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    Settings {
        sdk_app_ids: vec![APP_ID],
        data_dir: data_dir.to_owned(),
        replica_name: "test".to_owned(),
        http_listen: any,
        grpc_listen: any,
        admin_listen: any,
        drain_delay: Duration::from_millis(100),
        ..Settings::default()
    }
}

/// Gateway in the process of the test.
pub struct Gateway {
    pub addresses: Addresses,
    shutdown: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), RunError>>,
}

impl Gateway {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        let dir = TempDir::new().unwrap();
        let mut settings = settings(&dir.path().join("data"));
        change(&mut settings);
        Self::run(App::bind(Config::new(settings).unwrap()).await.unwrap(), Some(dir))
    }

    pub async fn start_in(data_dir: &Path) -> Self {
        Self::start_in_with(data_dir, |_| {}).await
    }

    pub async fn start_in_with(data_dir: &Path, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = settings(data_dir);
        change(&mut settings);
        Self::run(App::bind(Config::new(settings).unwrap()).await.unwrap(), None)
    }

    pub async fn start_over(log: Arc<dyn EventLog>) -> Self {
        Self::start_over_with(log, |_| {}).await
    }

    pub async fn start_over_with(log: Arc<dyn EventLog>, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = settings(Path::new("unused"));
        change(&mut settings);
        Self::run(App::bind_with_log(Config::new(settings).unwrap(), log).await.unwrap(), None)
    }

    fn run(app: App, dir: Option<TempDir>) -> Self {
        let callback_gateway::app::Addresses { http, grpc, admin } = app.addresses();
        let addresses = Addresses { http, grpc, admin };
        let (shutdown, at_shutdown) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            // Delete it after the gateway has ended: a running gateway would create its files again.
            let _dir = dir;
            app.run(async {
                at_shutdown.await.ok();
            })
            .await
        });
        Self { addresses, shutdown: Some(shutdown), task }
    }

    pub fn begin_shutdown(&mut self) {
        self.shutdown.take().expect("shut down once").send(()).expect("the gateway runs");
    }

    /// Drains the gateway and waits for its end.
    pub async fn stop(mut self) {
        if self.shutdown.is_some() {
            self.begin_shutdown();
        }
        soon(&mut self.task).await.unwrap().unwrap();
    }

    pub async fn client(&self) -> EventServiceClient<Channel> {
        client(self.addresses.grpc).await
    }

    pub async fn post(&self, command: &str, body: &str) -> Answer {
        Http::connect(self.addresses.http).await.post(command, body).await
    }
}
