//! Binds the listeners.

use std::{net::SocketAddr, sync::Arc};

use serde::Serialize;
use tokio::net::{TcpListener, TcpSocket};

use super::{App, Reload, StartError};
use crate::{config::Config, delivery::runtime::DeliveryRuntime, log::EventLog};

/// Maximum connections that wait to be accepted. Beyond it the system drops a client's first packet, and the
/// client retries after a second or more. The system has its own limit (`net.core.somaxconn` on Linux).
const BACKLOG: u32 = 4096;

/// Addresses of the listeners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Addresses {
    /// Address for callbacks.
    pub http: SocketAddr,
    /// Address for gRPC.
    pub grpc: SocketAddr,
    /// Address for probes and metrics.
    pub admin: SocketAddr,
}

/// The bound listeners.
pub(super) struct Listeners {
    http: TcpListener,
    grpc: TcpListener,
    admin: TcpListener,
    addresses: Addresses,
}

impl Listeners {
    pub(super) fn bind(config: &Config) -> Result<Self, StartError> {
        let settings = config.settings();
        let (http, http_at) = bind(settings.http_listen, "--http-listen")?;
        let (grpc, grpc_at) = bind(settings.grpc_listen, "--grpc-listen")?;
        let (admin, admin_at) = bind(settings.admin_listen, "--admin-listen")?;
        let addresses = Addresses { http: http_at, grpc: grpc_at, admin: admin_at };
        Ok(Self { http, grpc, admin, addresses })
    }

    pub(super) fn with_log(
        self,
        config: Config,
        reload: Reload,
        delivery: DeliveryRuntime,
        log: Arc<dyn EventLog>,
    ) -> App {
        let Self { http, grpc, admin, addresses } = self;
        App { config, reload: Arc::new(reload), delivery, log, http, grpc, admin, addresses }
    }
}

fn bind(address: SocketAddr, option: &'static str) -> Result<(TcpListener, SocketAddr), StartError> {
    let error = |source| StartError::Bind { address, option, source };
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(error)?;
    // `TcpListener::bind` sets this too. Otherwise a restart fails while old connections are in TIME_WAIT.
    socket.set_reuseaddr(true).map_err(error)?;
    socket.bind(address).map_err(error)?;
    let listener = socket.listen(BACKLOG).map_err(error)?;
    let bound = listener.local_addr().map_err(error)?;
    Ok((listener, bound))
}
