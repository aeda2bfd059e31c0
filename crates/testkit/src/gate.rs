//! The real program under hostile input: the log contains exactly the callbacks that were answered with
//! 200, nothing panics, and the next good callback works.

use imcallback::Event;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::{Http, Process, all_events, query, soon};

/// Gateway process, and the expected content of its log.
pub struct Gate {
    pub gateway: Process,
    /// Bodies that were answered with 200, in order.
    pub stored: Vec<Vec<u8>>,
    /// Bodies that were answered with 503, on a busy machine. They may be stored or not.
    unknown: Vec<Vec<u8>>,
    _dir: TempDir,
}

impl Gate {
    pub fn open() -> Self {
        Self::open_with(&[])
    }

    pub fn open_with(more: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let more = [&["--drain-delay", "0s"], more].concat();
        Self {
            gateway: Process::serve(dir.path(), &more),
            stored: Vec::new(),
            unknown: Vec::new(),
            _dir: dir,
        }
    }

    pub async fn connect(&self) -> Http {
        Http::connect(self.gateway.addresses.http).await
    }

    /// Posts a good callback with a unique body.
    pub async fn good(&mut self, http: &mut Http, after: &str) {
        let body = format!("{{\"good\":{}}}", self.stored.len());
        self.store(http, "A.B", body, after).await;
    }

    /// Posts a callback, and retries until it is stored.
    pub async fn store(&mut self, http: &mut Http, command: &str, body: impl Into<Vec<u8>>, what: &str) {
        let body = body.into();
        soon(async {
            loop {
                http.send(post(&query(command), &body)).await;
                let answer = http.answer().await;
                if answer.is_stored() {
                    return;
                }
                assert_eq!(answer.status, 503, "{what}: {answer:?}");
                self.unknown.push(body.clone());
            }
        })
        .await;
        self.stored.push(body);
    }

    pub async fn good_on_a_new_connection(&mut self, after: &str) {
        let mut http = self.connect().await;
        self.good(&mut http, after).await;
    }

    /// Checks that the log contains exactly the stored callbacks, byte for byte, and that nothing
    /// panicked. Returns the log.
    pub async fn close(mut self) -> Vec<Event> {
        let mut events = all_events(&mut self.gateway.client().await).await;
        let mut stored = self.stored.iter().peekable();
        events.retain(|event| {
            let body = event.body();
            if stored.next_if(|stored| *stored == body).is_some() {
                return true;
            }
            let at = self.unknown.iter().position(|unknown| unknown == body);
            let shown = String::from_utf8_lossy(&body[..body.len().min(200)]);
            self.unknown.swap_remove(
                at.unwrap_or_else(|| panic!("the log has {shown} where the test did not send it")),
            );
            false
        });
        assert_eq!(events.len(), self.stored.len(), "the log ends before the last stored callback");
        self.gateway.signal(Signal::TERM);
        let (status, log) = self.gateway.ended().await;
        assert!(status.success(), "{status}");
        assert!(!log.iter().any(|line| line.contains("panicked")), "{log:#?}");
        events
    }
}

/// Returns a callback request with any bytes as its body.
pub fn post(query: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("POST /?{query} HTTP/1.1\r\nHost: gateway\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Returns a callback request with the given framing headers.
pub fn framed(fields: &str, body: &str) -> String {
    format!("POST /?{} HTTP/1.1\r\nHost: gateway\r\n{fields}\r\n{body}", query("A.B"))
}

/// Returns a callback request with a chunked body.
pub fn chunked(body: &str) -> String {
    framed("Transfer-Encoding: chunked\r\n", body)
}
