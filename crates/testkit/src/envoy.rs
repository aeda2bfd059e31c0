//! A real Envoy, configured as in a mesh: it loads its endpoints dynamically.

use std::{
    collections::BTreeSet,
    fs,
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{child::Running, eventually, tools::tool};

/// Listener of the proxy and the cluster behind it.
pub struct EnvoyListener {
    name: &'static str,
    upstreams: Vec<SocketAddr>,
    /// Settings of the listener's connection manager and route.
    manager: Value,
    route: Value,
    cluster: Value,
    /// TLS of connections to the listener.
    tls: Option<Value>,
}

impl EnvoyListener {
    /// Creates a listener for callbacks over HTTP/1.1.
    pub fn to_callbacks(upstreams: &[SocketAddr]) -> Self {
        Self::new("callbacks", upstreams, json!({}))
    }

    /// Creates a listener for gRPC.
    pub fn to_grpc(upstreams: &[SocketAddr]) -> Self {
        let http2 = json!({
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": { "http2_protocol_options": {} },
        });
        let options = json!({ "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2 });
        Self::new("grpc", upstreams, json!({ "typed_extension_protocol_options": options }))
    }

    fn new(name: &'static str, upstreams: &[SocketAddr], cluster: Value) -> Self {
        let upstreams = upstreams.to_vec();
        // No timeout for the whole response, as in meshes. Envoy's own default is 15 s.
        Self { name, upstreams, manager: json!({}), route: json!({ "timeout": "0s" }), cluster, tls: None }
    }

    /// Adds settings of the connection manager, such as `stream_idle_timeout`.
    pub fn manager(mut self, more: Value) -> Self {
        extend(&mut self.manager, more);
        self
    }

    /// Adds settings of the route, such as `timeout` and `retry_policy`.
    pub fn route(mut self, more: Value) -> Self {
        extend(&mut self.route, more);
        self
    }

    /// Adds settings of the cluster.
    pub fn cluster(mut self, more: Value) -> Self {
        extend(&mut self.cluster, more);
        self
    }

    /// Uses TLS for clients, and mutual TLS between Envoy and the gateway.
    pub fn tls(mut self, tls: &Tls<'_>) -> Self {
        let pair = |[cert, key]: [&str; 2]| json!([{ "certificate_chain": { "filename": cert }, "private_key": { "filename": key } }]);
        self.tls = Some(json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                "common_tls_context": {
                    "tls_certificates": pair(tls.server),
                    "alpn_protocols": ["h2", "http/1.1"],
                },
            },
        }));
        let upstream = json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                "common_tls_context": {
                    "tls_certificates": pair(tls.client),
                    "alpn_protocols": if self.name == "grpc" { ["h2"] } else { ["http/1.1"] },
                    "validation_context": {
                        "trusted_ca": { "filename": tls.gateway_ca },
                        "match_typed_subject_alt_names": [{ "san_type": "IP_ADDRESS", "matcher": { "exact": "127.0.0.1" } }],
                    },
                },
            },
        });
        self.cluster(json!({ "transport_socket": upstream }))
    }

    fn listener(&self) -> Value {
        let Self { name, .. } = self;
        let mut route = json!({ "cluster": name });
        extend(&mut route, self.route.clone());
        let mut manager = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": name,
            // As in meshes.
            "normalize_path": true,
            "route_config": {
                "virtual_hosts": [{
                    "name": name,
                    "domains": ["*"],
                    "routes": [{ "match": { "prefix": "/" }, "route": route }],
                }],
            },
            "http_filters": [{
                "name": "envoy.filters.http.router",
                "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
            }],
        });
        extend(&mut manager, self.manager.clone());
        let mut chain = json!({ "filters": [{ "name": "envoy.filters.network.http_connection_manager", "typed_config": manager }] });
        if let Some(tls) = &self.tls {
            extend(&mut chain, json!({ "transport_socket": tls }));
        }
        json!({ "name": name, "address": address(SocketAddr::from(([127, 0, 0, 1], 0))), "filter_chains": [chain] })
    }

    fn cluster_config(&self, dir: &Path) -> Value {
        let mut cluster = json!({
            "name": self.name,
            "type": "EDS",
            "connect_timeout": "5s",
            "eds_cluster_config": {
                "eds_config": {
                    "resource_api_version": "V3",
                    "path_config_source": { "path": endpoints(dir, self.name) },
                },
            },
        });
        extend(&mut cluster, self.cluster.clone());
        cluster
    }
}

/// TLS files: certificate and key of the proxy for clients and for the gateway, and the CA of the
/// gateway's certificate.
pub struct Tls<'a> {
    pub server: [&'a str; 2],
    pub client: [&'a str; 2],
    pub gateway_ca: &'a str,
}

/// Envoy process. Dropping it kills it.
pub struct Envoy {
    /// Before the directory: fields are dropped in this order.
    _running: Running,
    dir: TempDir,
    admin: String,
}

impl Envoy {
    /// Starts Envoy and waits until it serves.
    pub fn start(ways: &[EnvoyListener]) -> Self {
        let dir = TempDir::new().unwrap();
        for way in ways {
            write_endpoints(dir.path(), way.name, &way.upstreams);
        }
        let config = json!({
            "node": { "id": "test", "cluster": "test" },
            "admin": { "address": address(SocketAddr::from(([127, 0, 0, 1], 0))) },
            "static_resources": {
                "listeners": ways.iter().map(EnvoyListener::listener).collect::<Vec<_>>(),
                "clusters": ways.iter().map(|way| way.cluster_config(dir.path())).collect::<Vec<_>>(),
            },
        });
        let config_path = dir.path().join("envoy.json");
        fs::write(&config_path, config.to_string()).unwrap();
        let mut command = Command::new(tool("bin/envoy"));
        command
            // With hot restart, all Envoys of this machine would share a socket.
            .args(["--disable-hot-restart", "--concurrency", "1"])
            // A drain starts immediately, and listeners close after a second.
            .args(["--drain-strategy", "immediate", "--drain-time-s", "1", "--config-path"])
            .arg(config_path)
            .arg("--admin-address-path")
            .arg(dir.path().join("admin"))
            .stdout(Stdio::null());
        let running = Running::server(&mut command, "starting workers");
        let admin = fs::read_to_string(dir.path().join("admin")).unwrap();
        Self { _running: running, dir, admin }
    }

    /// Returns the address of a listener.
    pub fn address(&self, way: &str) -> SocketAddr {
        let listeners = self.ask("/listeners?format=json");
        let listeners = listeners["listener_statuses"].as_array().unwrap();
        let listener = listeners.iter().find(|listener| listener["name"] == way).expect("a way of that name");
        port(&listener["local_address"])
    }

    /// Changes the endpoints of a cluster and waits until Envoy uses them.
    pub async fn set_upstreams(&self, way: &'static str, upstreams: &[SocketAddr]) {
        write_endpoints(self.dir.path(), way, upstreams);
        let wanted: BTreeSet<SocketAddr> = upstreams.iter().copied().collect();
        eventually(async || {
            let clusters = self.ask("/clusters?format=json");
            let clusters = clusters["cluster_statuses"].as_array().unwrap();
            let cluster = clusters.iter().find(|cluster| cluster["name"] == way).unwrap();
            let hosts = cluster["host_statuses"].as_array().into_iter().flatten();
            (hosts.map(|host| port(&host["address"])).collect::<BTreeSet<_>>() == wanted).then_some(())
        })
        .await;
    }

    fn ask(&self, path: &str) -> Value {
        let text = ureq::get(format!("http://{}{path}", self.admin)).call().unwrap();
        let text = text.into_body().read_to_string().unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// Starts a drain: Envoy tells connected clients to reconnect, and soon accepts no more connections.
    pub fn drain(&self) {
        ureq::post(format!("http://{}/drain_listeners?graceful", self.admin)).send_empty().unwrap();
    }

    /// Returns one of its counters.
    pub fn counter(&self, name: &str) -> u64 {
        let stats = self.ask(&format!("/stats?format=json&filter=^{name}$"));
        stats["stats"][0]["value"].as_u64().unwrap_or_else(|| panic!("no counter {name}: {stats}"))
    }
}

/// Adds members to an object, replacing those with the same names.
fn extend(object: &mut Value, more: Value) {
    let Value::Object(more) = more else { panic!("not an object: {more}") };
    object.as_object_mut().unwrap().extend(more);
}

fn address(address: SocketAddr) -> Value {
    json!({ "socket_address": { "address": address.ip().to_string(), "port_value": address.port() } })
}

fn port(address: &Value) -> SocketAddr {
    let address = &address["socket_address"];
    let ip: std::net::IpAddr = address["address"].as_str().unwrap().parse().unwrap();
    SocketAddr::from((ip, u16::try_from(address["port_value"].as_u64().unwrap()).unwrap()))
}

fn endpoints(dir: &Path, way: &str) -> String {
    dir.join(format!("{way}.json")).to_str().unwrap().to_owned()
}

/// Writes to a temporary file first: Envoy reads the file when it is moved into place.
fn write_endpoints(dir: &Path, way: &str, upstreams: &[SocketAddr]) {
    let endpoint = |&upstream: &SocketAddr| json!({ "endpoint": { "address": address(upstream) } });
    let assignment = json!({
        "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": way,
        "endpoints": [{ "lb_endpoints": upstreams.iter().map(endpoint).collect::<Vec<_>>() }],
    });
    let unfinished = dir.join(format!("{way}.tmp"));
    fs::write(&unfinished, json!({ "resources": [assignment] }).to_string()).unwrap();
    fs::rename(unfinished, endpoints(dir, way)).unwrap();
}
