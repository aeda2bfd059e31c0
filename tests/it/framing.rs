//! Request boundaries, through sockets of the real program: requests that a proxy and the gateway could
//! delimit differently, so that a request is smuggled in the body of another one.
//!
//! Each request is accepted at most with the meaning that RFC 9112 defines. If the boundary is in
//! doubt, the connection ends, and no later bytes are read as a request.

use crate::support::gate::{Gate, chunked, framed, post};
use crate::support::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Callback after the request under test: it must not be read as a request if the boundary is in doubt.
const BEHIND: &str = r#"{"behind":true}"#;

/// Sends a request and then a callback, and checks the answers: each has a status, and a part of
/// `ErrorInfo` if there is a packet. With two answers of 200, both callbacks must be stored.
async fn answers(gate: &mut Gate, what: &str, request: &str, expected: &[&str], body: &str) {
    let mut http = gate.connect().await;
    http.send(request.to_owned() + &crate::support::request("A.B", BEHIND)).await;
    if expected.len() == 2 {
        // Only then does the server wait for more.
        http.stream.shutdown().await.unwrap();
    }
    let bytes = String::from_utf8(http.closed().await).unwrap();
    let answers: Vec<_> = bytes.split("HTTP/1.").skip(1).map(|answer| &answer[2..]).collect();
    assert_eq!(answers.len(), expected.len(), "{what}: {answers:?}");
    for ((answer, expected), body) in answers.iter().zip(expected).zip([body, BEHIND]) {
        let (status, info) = expected.split_at(3);
        assert!(answer.starts_with(status), "{what}: {answer}");
        if status == "200" {
            assert!(answer.ends_with(OK_PACKET), "{what}: {answer}");
            gate.stored.push(body.as_bytes().to_vec());
        } else if info.is_empty() {
            assert!(answer.ends_with("\r\n\r\n"), "{what}: {answer}");
        } else {
            assert!(answer.contains(r#"{"ActionStatus":"FAIL","ErrorCode":1,"#), "{what}: {answer}");
            assert!(answer.contains(info.trim_start()), "{what}: {answer}");
        }
    }
    gate.good_on_a_new_connection(what).await;
}

#[tokio::test]
async fn a_request_whose_end_is_in_doubt_is_refused_and_nothing_behind_it_is_taken() {
    let mut gate = Gate::open();
    let te = |value: &str| format!("Transfer-Encoding: {value}\r\n");
    let length = |value: &str| framed(&format!("Content-Length: {value}\r\n"), "{}");
    let whole = "2\r\n{}\r\n0\r\n\r\n";
    let broken = "400 the body is incomplete";
    let plain = "400 in plain chunks without trailers";
    for (what, request, answer) in [
        ("two lengths", framed("Content-Length: 2\r\nContent-Length: 3\r\n", "{} "), "400"),
        // Equal values in one field may be accepted or rejected (RFC 9112, 6.3).
        ("a list of lengths", length("2, 2"), "400"),
        ("a length with a plus", length("+2"), "400"),
        ("a negative length", length("-2"), "400"),
        ("a hexadecimal length", length("0x2"), "400"),
        ("an empty length", length(""), "400"),
        ("a length of 20 digits", length("99999999999999999999"), "400"),
        ("the largest length", length("18446744073709551615"), "431"),
        ("a length and junk", length("2 2"), "400"),
        ("a blank before the colon", framed("Content-Length : 2\r\n", "{}"), "400"),
        ("a folded length", framed("Content-Length:\r\n 2\r\n", "{}"), "400"),
        ("a folded field", framed("X: y\r\n Content-Length: 9\r\nContent-Length: 2\r\n", "{}"), "400"),
        ("a bare CR", framed("X: y\rContent-Length: 9\r\nContent-Length: 2\r\n", "{}"), "400"),
        ("a NUL", framed("X: \0\r\nContent-Length: 2\r\n", "{}"), "400"),
        ("a field without a name", framed(": y\r\nContent-Length: 2\r\n", "{}"), "400"),
        ("a field without a colon", framed("X\r\nContent-Length: 2\r\n", "{}"), "400"),
        ("identity", framed(&te("identity"), whole), "400"),
        ("xchunked", framed(&te("xchunked"), whole), "400"),
        ("chunked, then gzip", framed(&te("chunked, gzip"), whole), "400"),
        ("chunked, then nothing", framed(&te("chunked,"), whole), "400"),
        ("chunked in quotes", framed(&te("\"chunked\""), whole), "400"),
        ("chunked with a vertical tab", framed(&te("\x0bchunked"), whole), "400"),
        ("chunked with a parameter", framed(&te("chunked;q=1"), whole), "400"),
        ("chunked, then identity", framed(&(te("chunked") + &te("identity")), whole), "400"),
        ("no encoding", framed(&te(""), whole), "400"),
        ("identity and a length", framed(&(te("identity") + "Content-Length: 2\r\n"), "{}"), "400"),
        ("chunked in HTTP/1.0", chunked(whole).replace("HTTP/1.1", "HTTP/1.0"), "400"),
        // hyper accepts any list that ends in `chunked`, and does not decode the rest.
        ("gzip, then chunked", framed(&te("gzip, chunked"), whole), plain),
        ("identity, then chunked", framed(&te("identity, chunked"), whole), plain),
        ("identity, then chunked in two fields", framed(&(te("identity") + &te("chunked")), whole), plain),
        ("chunked twice", framed(&te("chunked, chunked"), whole), plain),
        ("chunked twice in two fields", framed(&te("chunked").repeat(2), whole), plain),
        ("chunked after nothing", framed(&te(", chunked"), whole), plain),
        ("a negative chunk", chunked("-2\r\n{}\r\n0\r\n\r\n"), broken),
        ("a chunk with a prefix", chunked("0x2\r\n{}\r\n0\r\n\r\n"), broken),
        ("a chunk of no size", chunked("\r\n{}\r\n0\r\n\r\n"), broken),
        ("a chunk of junk", chunked("2g\r\n{}\r\n0\r\n\r\n"), broken),
        ("a blank before the size", chunked(" 2\r\n{}\r\n0\r\n\r\n"), broken),
        ("two sizes", chunked("2 2\r\n{}\r\n0\r\n\r\n"), broken),
        ("a size of 17 digits", chunked("10000000000000002\r\n{}\r\n0\r\n\r\n"), broken),
        ("a chunk longer than its size", chunked("1\r\n{}\r\n0\r\n\r\n"), broken),
        ("a chunk shorter than its size", chunked("3\r\n{}\r\n0\r\n\r\n"), broken),
        ("a chunk without its end", chunked("2\r\n{}0\r\n\r\n"), broken),
        ("a chunk that ends in LF", chunked("2\r\n{}\n0\r\n\r\n"), broken),
        ("a size that ends in LF", chunked("2\n{}\r\n0\r\n\r\n"), broken),
        ("an extension with LF", chunked("2;x\n{}\r\n0\r\n\r\n"), broken),
        ("an extension with CR", chunked("2;x\ry\r\n{}\r\n0\r\n\r\n"), broken),
        ("a trailer without a colon", chunked("2\r\n{}\r\n0\r\nX\r\n\r\n"), broken),
        // hyper reads on to an empty line that ends in CRLF, past the end that other parsers see.
        ("a last chunk that ends in LF", chunked("2\r\n{}\r\n0\r\n\n"), plain),
        ("trailers", chunked("2\r\n{}\r\n0\r\nContent-Length: 99\r\nX: y\r\n\r\n"), plain),
        ("junk behind a refused callback", chunked("x").replace("A.B", "A..B"), "400 1 to 128 letters"),
        ("trailers of a refused callback", chunked("2\r\n{}\r\n0\r\n\n").replace("A.B", "A..B"), plain),
        ("a last chunk that ends in bare LFs", chunked("2\r\n{}\r\n0\n\n"), broken),
        ("another version", framed("Content-Length: 2\r\n", "{}").replace("1.1", "1.2"), "400"),
        // hyper recognizes the HTTP/2 preface, and closes without an answer.
        ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), ""),
        ("a target without a slash", framed("Content-Length: 2\r\n", "{}").replace("/?", "?"), "400"),
        ("a target with a blank", framed("Content-Length: 2\r\n", "{}").replace("/?", "/ ?"), "400"),
        ("HTTP/0.9", "POST /\r\n".to_owned(), "400"),
    ] {
        let expected: &[_] = if answer.is_empty() { &[] } else { &[answer] };
        answers(&mut gate, what, &request, expected, "").await;
    }
    gate.close().await;
}

#[tokio::test]
async fn a_request_that_is_unusual_but_clear_is_taken_and_so_is_the_one_behind_it() {
    let mut gate = Gate::open();
    let whole = "2\r\n{}\r\n0\r\n\r\n";
    let plain = framed("Content-Length: 2\r\n", "{}");
    let with = |field: &str| framed(&format!("{field}\r\nContent-Length: 2\r\n"), "{}");
    for (what, request, answer) in [
        // RFC 9112: 6.3 for lengths, 2.2 for line ends, 7.1.1 for extensions.
        ("the same length twice", framed(&"Content-Length: 2\r\n".repeat(2), "{}"), "200"),
        ("a length with zeros", framed("Content-Length: 0002\r\n", "{}"), "200"),
        ("empty lines before", "\r\n\r\n".to_owned() + &plain, "200"),
        ("line ends without CR", framed("Content-Length: 2\r\n", "{}").replace('\r', ""), "200"),
        ("chunks", chunked(whole), "200"),
        ("CHUNKED", framed("TRANSFER-ENCODING:\tCHUNKED\t\r\n", whole), "200"),
        ("a chunk with zeros", chunked("0002\r\n{}\r\n000\r\n\r\n"), "200"),
        ("an extension", chunked("2 ;x=\"y\"\r\n{}\r\n0;z\r\n\r\n"), "200"),
        // A server may ignore it (RFC 9110, 7.8).
        (
            "an upgrade to HTTP/2",
            with("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk"),
            "200",
        ),
        ("an upgrade to WebSocket", with("Connection: Upgrade\r\nUpgrade: websocket"), "200"),
        ("another expectation", with("Expect: the unexpected"), "200"),
        // The gateway listens at one address and ignores the host name.
        ("no Host", plain.replace("Host: gateway\r\n", ""), "200"),
        ("two Hosts", with("Host: elsewhere"), "200"),
        // Must be accepted (RFC 9112, 3.2.2).
        ("the whole URL", plain.replace("/?", "http://elsewhere:1/?"), "200"),
        ("an authority", plain.replacen(&format!("/?{}", query("A.B")), "gateway:80", 1), "403 SdkAppid"),
        ("an asterisk", plain.replacen(&format!("/?{}", query("A.B")), "*", 1), "404 --http-path"),
        ("a GET with a body", plain.replace("POST", "GET"), "405 only POST"),
        ("a tunnel", plain.replace("POST", "CONNECT"), "405 only POST"),
        ("HTTP/1.0, kept alive", with("Connection: keep-alive").replace("1.1", "1.0"), "200"),
    ] {
        answers(&mut gate, what, &request, &[answer, "200"], "{}").await;
    }
    gate.close().await;
}

#[tokio::test]
async fn behind_the_last_request_of_a_connection_nothing_is_taken() {
    let mut gate = Gate::open();
    // Both may be read as chunks, but then the connection must end (RFC 9112, 6.1).
    let (length, chunks) = ("Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n");
    for fields in [
        [length, chunks].concat(),
        [chunks, length].concat(),
        [length, length, chunks].concat(),
        [chunks, "Content-Length: x\r\n"].concat(),
    ] {
        let (whole, empty) = ("2\r\n{}\r\n0\r\n\r\n", "0\r\n\r\n");
        answers(&mut gate, &fields, &framed(&fields, whole), &["200"], "{}").await;
        answers(&mut gate, &fields, &framed(&fields, empty), &["200"], "").await;
    }
    let close = framed("Connection: close\r\nContent-Length: 2\r\n", "{}");
    answers(&mut gate, "close", &close, &["200"], "{}").await;
    let http_1_0 = framed("Content-Length: 2\r\n", "{}").replace("HTTP/1.1", "HTTP/1.0");
    answers(&mut gate, "HTTP/1.0", &http_1_0, &["200"], "{}").await;
    gate.close().await;
}

#[tokio::test]
async fn a_body_after_expect_100_continue_is_never_read_as_a_request() {
    let mut gate = Gate::open();
    let inner = request("A.B", BEHIND);
    let expecting = |query: &str, body: &str| {
        let head = format!("POST /?{query} HTTP/1.1\r\nHost: gateway\r\nExpect: 100-continue\r\n");
        format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())
    };
    let refused = "SdkAppid=1";
    for (what, request) in [
        ("with its body", expecting(refused, &inner)),
        ("with a small body", expecting(refused, "{}")),
        ("without its body", expecting(refused, &inner).replace(&inner, "")),
    ] {
        answers(&mut gate, what, &request, &["403 SdkAppid"], "").await;
    }
    let mut http = gate.connect().await;
    http.send(expecting(&query("A.B"), "{}") + &inner).await;
    http.stream.shutdown().await.unwrap();
    let answers = String::from_utf8(http.closed().await).unwrap();
    let statuses: Vec<_> = answers.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!(statuses, ["100", "200", "200"]);
    gate.stored.extend([b"{}".to_vec(), BEHIND.as_bytes().to_vec()]);
    gate.close().await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_turn_good_and_bad() {
    let mut gate = Gate::open();
    let mut requests = Vec::new();
    for n in 0..100 {
        let body = format!("{{\"n\":{n}}}");
        requests.extend(post(&query("A.B"), body.as_bytes()));
        requests.extend(post(&query("A..B"), b"{"));
        requests.extend(post("SdkAppid=1", request("A.B", "{}").as_bytes()));
        requests.extend(chunked("2\r\n{}\r\n0\r\n\r\n").replace("POST", "PUT").into_bytes());
        gate.stored.push(body.into_bytes());
    }
    let mut http = gate.connect().await;
    let (mut from, mut to) = http.stream.split();
    let mut answers = String::new();
    let (read, ()) = soon(async {
        tokio::join!(from.read_to_string(&mut answers), async {
            to.write_all(&requests).await.unwrap();
            to.shutdown().await.unwrap();
        })
    })
    .await;
    read.unwrap();
    let statuses: Vec<_> = answers.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!(statuses, ["200", "400", "403", "405"].repeat(100));
    gate.good_on_a_new_connection("pipelining").await;
    gate.close().await;
}
