//! The stages in which the gateway ends. Each stage is entered once and stays.

use tokio_util::sync::CancellationToken;

/// How far the end has come; cloned into everything that has to react.
#[derive(Debug, Clone, Default)]
pub struct Drain {
    announced: CancellationToken,
    closing: CancellationToken,
    ending: CancellationToken,
    cut: CancellationToken,
}

impl Drain {
    /// A gateway in full service.
    pub fn new() -> Self {
        Self::default()
    }

    /// First: readiness is withdrawn and HTTP answers say `Connection: close`.
    /// Everything else works as before, because proxies keep routing for seconds.
    pub fn announce(&self) {
        self.announced.cancel();
    }

    /// Second: listeners close, and idle HTTP connections. What was begun is finished.
    pub fn close(&self) {
        self.announce();
        self.closing.cancel();
    }

    /// Third: streams end by themselves.
    pub fn end(&self) {
        self.close();
        self.ending.cancel();
    }

    /// Last, at the deadline: connections that are still open are cut.
    pub fn cut(&self) {
        self.end();
        self.cut.cancel();
    }

    /// Whether the end was announced.
    pub fn is_announced(&self) -> bool {
        self.announced.is_cancelled()
    }

    /// Completes once the end is announced.
    pub async fn announced(&self) {
        self.announced.cancelled().await;
    }

    /// Completes once listeners are to close.
    pub async fn closing(&self) {
        self.closing.cancelled().await;
    }

    /// Whether streams are to end.
    pub fn is_ending(&self) -> bool {
        self.ending.is_cancelled()
    }

    /// Completes once streams are to end.
    pub async fn ending(&self) {
        self.ending.cancelled().await;
    }

    /// A token that is cancelled once connections are cut, or before, on its own.
    pub fn cut_token(&self) -> CancellationToken {
        self.cut.child_token()
    }

    /// Completes once connections are cut.
    pub fn until_cut(&self) -> tokio_util::sync::WaitForCancellationFutureOwned {
        self.cut.clone().cancelled_owned()
    }
}
