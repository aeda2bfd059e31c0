//! HTTP/2 frames by hand, for clients that violate the protocol.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use crate::soon;

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const ACK: u8 = 1;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

pub const SETTINGS_INITIAL_WINDOW_SIZE: u16 = 4;
pub const ENHANCE_YOUR_CALM: u32 = 11;

/// Encodes a frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![len[1], len[2], len[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Encodes the preface of a client and its settings.
pub fn preface(settings: &[(u16, u32)]) -> Vec<u8> {
    let payload: Vec<u8> = settings
        .iter()
        .flat_map(|(name, value)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat())
        .collect();
    [PREFACE, &frame(SETTINGS, 0, 0, &payload)].concat()
}

pub fn window_update(stream: u32, bytes: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &bytes.to_be_bytes())
}

pub fn reset(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())
}

/// Encodes a header field without adding it to the dynamic table.
pub fn field(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        string(&mut bytes, text);
    }
    bytes
}

/// Appends a string of a header block, with its length.
pub fn string(bytes: &mut Vec<u8>, text: &str) {
    if text.len() < 127 {
        bytes.push(text.len() as u8);
    } else {
        bytes.push(127);
        let mut rest = text.len() - 127;
        while rest >= 128 {
            bytes.push(128 | (rest % 128) as u8);
            rest /= 128;
        }
        bytes.push(rest as u8);
    }
    bytes.extend(text.as_bytes());
}

/// Encodes the header block of a gRPC call.
pub fn call_block(path: &str, token: Option<&str>) -> Vec<u8> {
    // `:method: POST` and `:scheme: http`.
    let mut block = vec![0x83, 0x86];
    block.extend(field(":path", path));
    block.extend(field(":authority", "gateway"));
    block.extend(field("content-type", "application/grpc"));
    block.extend(field("te", "trailers"));
    if let Some(token) = token {
        block.extend(field("authorization", &format!("Bearer {token}")));
    }
    block
}

/// Encodes the headers of a gRPC call.
pub fn call(stream: u32, path: &str, token: Option<&str>) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, &call_block(path, token))
}

/// Encodes a call with its message, which ends the request.
pub fn whole_call(stream: u32, path: &str, token: Option<&str>, message: &[u8]) -> Vec<u8> {
    let len = u32::try_from(message.len()).unwrap().to_be_bytes();
    let data = [&[0], &len[..], message].concat();
    [call(stream, path, token), frame(DATA, END_STREAM, stream, &data)].concat()
}

/// Received frame.
#[derive(Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    /// Returns the error code of a GOAWAY.
    pub fn error(&self) -> u32 {
        u32::from_be_bytes(self.payload[4..8].try_into().unwrap())
    }
}

/// Connection. Both halves can be used independently: a client that floods may or may not read.
pub struct Raw {
    pub reader: OwnedReadHalf,
    pub writer: OwnedWriteHalf,
}

impl Raw {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = soon(TcpStream::connect(address)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (reader, writer) = stream.into_split();
        Self { reader, writer }
    }

    /// Connects and sends the preface.
    pub async fn open(address: SocketAddr, settings: &[(u16, u32)]) -> Self {
        let mut raw = Self::connect(address).await;
        raw.send(&preface(settings)).await.unwrap();
        raw
    }

    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes).await
    }

    pub async fn frame(&mut self) -> io::Result<Frame> {
        read_frame(&mut self.reader).await
    }

    /// Reads until GOAWAY or the end of the connection, and answers pings and settings. Returns the
    /// error of the GOAWAY.
    pub async fn until_closed(&mut self) -> Option<u32> {
        let mut error = None;
        while let Ok(frame) = self.frame().await {
            if frame.kind == GOAWAY {
                error = Some(frame.error());
            }
            self.answer(&frame).await.ok();
        }
        error
    }

    /// Answers a ping or settings.
    pub async fn answer(&mut self, received: &Frame) -> io::Result<()> {
        if matches!(received.kind, PING | SETTINGS) && received.flags & ACK == 0 {
            let payload = if received.kind == PING { &received.payload[..] } else { &[] };
            self.send(&frame(received.kind, ACK, 0, payload)).await?;
        }
        Ok(())
    }
}

pub async fn read_frame(reader: &mut OwnedReadHalf) -> io::Result<Frame> {
    let mut head = [0; 9];
    reader.read_exact(&mut head).await?;
    let len = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
    let stream = u32::from_be_bytes(head[5..9].try_into().unwrap()) & !(1 << 31);
    let mut payload = vec![0; len];
    reader.read_exact(&mut payload).await?;
    Ok(Frame { kind: head[3], flags: head[4], stream, payload })
}
