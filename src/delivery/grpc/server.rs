//! Serves gRPC: connects the services, the front and the connections, until the drain.

use std::{fmt, future::pending, sync::Arc};

use futures_util::stream;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
};
use tonic_health::pb::health_server::HealthServer;
use tower::Layer as _;

use super::{
    admin_service::AdminService,
    caller::Authenticator,
    capacity,
    connections::Connections,
    event_service::{EventService, LISTS_AT_ONCE},
    front::{Front, Services},
    generated::{admin_service_server::AdminServiceServer, event_service_server::EventServiceServer},
    health::{Health, HealthService},
    http2,
    incoming::GrpcListener,
    limits::Limits,
    reflection,
    subscribe::{StreamRegistry, WithEventBodies},
    track_calls::TrackCalls,
};
use crate::{
    delivery::access::Access,
    ingest::refusals::Refusals,
    log::EventLog,
    net::{shutdown::Drain, tls},
};

/// Dependencies of the gRPC services.
pub(crate) struct Dependencies {
    /// Log with the events.
    pub log: Arc<dyn EventLog>,
    /// Open streams.
    pub streams: Arc<StreamRegistry>,
    /// Tokens and rights. When the list changes, streams end whose tokens are missing or have other rights.
    pub access: watch::Receiver<Arc<Access>>,
    /// Refused callbacks.
    pub refusals: Arc<Refusals>,
    /// States that `grpc.health.v1.Health` reports.
    pub health: Health,
    /// Name of this gateway, for operators.
    pub replica: Arc<str>,
}

impl fmt::Debug for Dependencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dependencies").finish_non_exhaustive()
    }
}

/// Serves gRPC, with TLS if given, until `drain` closes the listener and all streams have ended, or until `drain` cuts the
/// connections.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<tls::Acceptor>,
    served: Dependencies,
    limits: Limits,
    drain: Drain,
) {
    let Dependencies { log, streams, access, refusals, health, replica } = served;
    let metrics = streams.metrics();
    let authenticator = Authenticator { access: access.clone(), metrics: Arc::clone(metrics) };
    let event_service = EventService {
        log: Arc::clone(&log),
        registry: Arc::clone(&streams),
        authenticator: authenticator.clone(),
        limits,
        drain: drain.clone(),
        lists: Arc::new(Semaphore::new(LISTS_AT_ONCE)),
    };
    let health_service = HealthService::new(health, limits.max_streams, Arc::clone(metrics), drain.clone());
    let services = Services {
        events: WithEventBodies(EventServiceServer::new(event_service)),
        admin: AdminServiceServer::new(AdminService {
            log,
            registry: Arc::clone(&streams),
            refusals,
            replica,
        }),
        health: HealthServer::new(health_service),
        reflection: reflection::server(),
    };
    let front = Front::new(services, authenticator, drain.clone(), limits.max_streams, limits.stall_timeout);
    let connections = Connections::new(
        limits.max_connections,
        limits.first_call_timeout,
        // All clients of a proxy may reset their streams at once.
        capacity::connection_streams(limits.max_streams),
        drain.cut_token(),
        metrics,
    );
    let incoming = stream::unfold(GrpcListener::new(listener, tls, connections), GrpcListener::next);
    let service = TrackCalls.layer(front.clone());
    tokio::select! {
        () = http2::serve(incoming, service, limits, metrics, drain.closing()) => {}
        never = front.watch() => never,
        never = streams.watch() => never,
        never = revoke(access, &streams) => never,
    }
}

/// Ends the streams of callers that lose their rights, until the future is dropped.
async fn revoke<T>(mut access: watch::Receiver<Arc<Access>>, streams: &StreamRegistry) -> T {
    while access.changed().await.is_ok() {
        let access = Arc::clone(&access.borrow_and_update());
        streams.revoke(&access);
    }
    pending().await
}
