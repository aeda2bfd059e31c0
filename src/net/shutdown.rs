//! Stages of a drain. Each stage is entered once and stays.

use tokio_util::sync::CancellationToken;

/// Current stage of the drain. Each task that reacts to it has a clone.
#[derive(Debug, Clone, Default)]
pub struct Drain {
    announced: CancellationToken,
    closing: CancellationToken,
    ending: CancellationToken,
    cut: CancellationToken,
}

impl Drain {
    /// Creates the state of a gateway in full service.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stage 1: readiness is withdrawn and HTTP responses have `Connection: close`. All else works as before,
    /// because proxies keep routing for seconds.
    pub fn announce(&self) {
        self.announced.cancel();
    }

    /// Stage 2: listeners and idle HTTP connections close. Requests that have begun are finished.
    pub fn close(&self) {
        self.announce();
        self.closing.cancel();
    }

    /// Stage 3: streams end.
    pub fn end(&self) {
        self.close();
        self.ending.cancel();
    }

    /// Stage 4, at the deadline: connections that are still open are cut.
    pub fn cut(&self) {
        self.end();
        self.cut.cancel();
    }

    /// Returns whether the drain was announced.
    pub fn is_announced(&self) -> bool {
        self.announced.is_cancelled()
    }

    /// Completes once the drain is announced.
    pub async fn announced(&self) {
        self.announced.cancelled().await;
    }

    /// Completes once listeners must close.
    pub async fn closing(&self) {
        self.closing.cancelled().await;
    }

    /// Returns whether streams must end.
    pub fn is_ending(&self) -> bool {
        self.ending.is_cancelled()
    }

    /// Completes once streams must end.
    pub async fn ending(&self) {
        self.ending.cancelled().await;
    }

    /// Returns a token that is cancelled when connections are cut. The caller can cancel it earlier.
    pub fn cut_token(&self) -> CancellationToken {
        self.cut.child_token()
    }

    /// Completes once connections are cut.
    pub fn until_cut(&self) -> tokio_util::sync::WaitForCancellationFutureOwned {
        self.cut.clone().cancelled_owned()
    }
}
