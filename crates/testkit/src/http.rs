//! HTTP client that a test controls byte by byte.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{APP_ID, OK_PACKET, eventually, soon};

/// Answer of the HTTP listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// Parses the first answer in these bytes if it is complete. Returns it with the remaining bytes.
    fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let head_len = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        let head = String::from_utf8(bytes[..head_len].to_vec()).unwrap();
        let length = head
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok()
            })
            .unwrap_or(0);
        let body = bytes.get(head_len..head_len + length)?;
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Some((Self { status, head, body }, &bytes[head_len + length..]))
    }

    pub fn is_stored(&self) -> bool {
        self.status == 200 && self.body == OK_PACKET
    }

    /// Returns the text of a FAIL packet.
    pub fn error_info(&self) -> String {
        let packet: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(packet["ActionStatus"], "FAIL", "{self:?}");
        assert_eq!(packet["ErrorCode"], 1, "{self:?}");
        packet["ErrorInfo"].as_str().unwrap().to_owned()
    }

    /// Returns whether the server closes the connection after this answer.
    pub fn closes(&self) -> bool {
        self.head.to_ascii_lowercase().contains("\r\nconnection: close")
    }
}

/// Connection to the HTTP listener.
pub struct Http {
    pub stream: TcpStream,
}

pub fn query(command: &str) -> String {
    format!("SdkAppid={APP_ID}&CallbackCommand={command}&contenttype=json&ClientIP=127.0.0.1&OptPlatform=iOS")
}

pub fn request(command: &str, body: &str) -> String {
    format!(
        "POST /?{} HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        query(command),
        body.len()
    )
}

impl Http {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = soon(TcpStream::connect(address)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Posts a callback and reads the answer.
    pub async fn post(&mut self, command: &str, body: &str) -> Answer {
        self.try_post(command, body).await.expect("the server answers")
    }

    /// Posts a callback and reads the answer, on a connection that may break.
    pub async fn try_post(&mut self, command: &str, body: &str) -> std::io::Result<Answer> {
        self.stream.write_all(request(command, body).as_bytes()).await?;
        self.try_answer().await
    }

    pub async fn answer(&mut self) -> Answer {
        self.try_answer().await.expect("the server answers")
    }

    /// Reads one answer.
    pub async fn try_answer(&mut self) -> std::io::Result<Answer> {
        soon(async {
            let mut bytes = Vec::new();
            loop {
                if let Some((answer, rest)) = Answer::parse(&bytes) {
                    assert!(rest.is_empty(), "more than one answer arrived");
                    return Ok(answer);
                }
                if self.stream.read_buf(&mut bytes).await? == 0 {
                    return Err(std::io::ErrorKind::UnexpectedEof.into());
                }
            }
        })
        .await
    }

    /// Reads this many answers to pipelined requests.
    pub async fn answers(&mut self, count: usize) -> Vec<Answer> {
        let mut bytes = Vec::new();
        let mut answers = Vec::new();
        while answers.len() < count {
            assert!(self.stream.read_buf(&mut bytes).await.unwrap() > 0, "every request is answered");
            while let Some((answer, rest)) = Answer::parse(&bytes) {
                answers.push(answer);
                bytes = rest.to_vec();
            }
        }
        answers
    }

    /// Waits until the server closes the connection. Returns the bytes that it sent before.
    pub async fn closed(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match soon(self.stream.read_to_end(&mut bytes)).await {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
        bytes
    }
}

/// Waits until `/readyz` answers with this status.
pub async fn until_ready_is(admin: SocketAddr, status: u16) {
    eventually(async || (get(admin, "/readyz").await.status == status).then_some(())).await;
}

/// Sends a GET request to the admin listener.
pub async fn get(address: SocketAddr, path: &str) -> Answer {
    let mut http = Http::connect(address).await;
    http.send(format!("GET {path} HTTP/1.1\r\nHost: gateway\r\n\r\n")).await;
    http.answer().await
}
