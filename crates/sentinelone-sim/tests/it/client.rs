//! The smallest client that can ask a simulated console.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use sentinelone::TransportError;
use sentinelone_sim::{Fault, FaultPlan, World, tokens};
use serde_json::Value;

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {} {}", self.status, self.text()))
    }

    pub(crate) fn records(&self, path: &str) -> Vec<Value> {
        let json = self.json();
        let rows = if path == "/sites" { &json["data"]["sites"] } else { &json["data"] };
        rows.as_array().unwrap_or_else(|| panic!("{path}: {json}")).clone()
    }

    pub(crate) fn cursor(&self) -> Option<String> {
        self.json()["pagination"]["nextCursor"].as_str().map(str::to_owned)
    }
}

pub(crate) fn encode(text: &str) -> String {
    text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

pub(crate) fn try_send(
    world: &World,
    method: &str,
    authorization: &str,
    path: &str,
    query: &str,
    body: &[u8],
) -> Result<Answer, TransportError> {
    let uri = format!("https://console.example/web/api/v2.1{path}?{query}");
    let request = http::Request::builder()
        .method(method)
        .uri(uri.trim_end_matches('?'))
        .header("authorization", authorization)
        .body(Bytes::copy_from_slice(body))
        .unwrap();
    // The console answers at once: one poll is enough.
    let service = world.service();
    let mut answer = pin!(service(request));
    let Poll::Ready(response) = answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("the console does not answer at once");
    };
    let response = response?;
    assert!(response.headers().contains_key("x-rqid") && response.headers().contains_key("server"));
    Ok(Answer {
        status: response.status().as_u16(),
        content_type: response.headers()["content-type"].to_str().unwrap().to_owned(),
        body: response.into_body(),
    })
}

pub(crate) fn send(world: &World, method: &str, authorization: &str, path: &str, query: &str, body: &[u8]) -> Answer {
    try_send(world, method, authorization, path, query, body).unwrap()
}

pub(crate) fn try_get(world: &World, token: &str, path: &str, query: &str) -> Result<Answer, TransportError> {
    try_send(world, "GET", &format!("ApiToken {token}"), path, query, b"")
}

pub(crate) fn get(world: &World, token: &str, path: &str, query: &str) -> Answer {
    try_get(world, token, path, query).unwrap()
}

/// All pages of a list.
pub(crate) fn pages(world: &World, token: &str, path: &str, query: &str) -> Vec<Answer> {
    let mut out = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let query = match &cursor {
            None => query.to_owned(),
            Some(cursor) => format!("{query}&cursor={}", encode(cursor)),
        };
        let answer = get(world, token, path, query.trim_end_matches('&'));
        assert_eq!(answer.status, 200, "{path}?{query}: {}", answer.text());
        cursor = answer.cursor();
        out.push(answer);
        if cursor.is_none() {
            return out;
        }
    }
}

/// All records of a list.
pub(crate) fn all(world: &World, token: &str, path: &str, query: &str) -> Vec<Value> {
    pages(world, token, path, query).iter().flat_map(|page| page.records(path)).collect()
}

pub(crate) fn ids(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

/// The headers of an answer.
pub(crate) fn headers(world: &World, request: http::Request<Bytes>) -> http::HeaderMap {
    let service = world.service();
    let mut answer = pin!(service(request));
    let Poll::Ready(response) = answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("the console does not answer at once");
    };
    response.unwrap().headers().clone()
}

/// Asks over HTTP for a compressed answer: its size, and how much of it unpacks within a bound.
pub(crate) fn over_http_packed(world: &World, bound: u64) -> (usize, u64) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let console = world.clone();
    runtime.handle().clone().spawn(async move { sentinelone_sim::serve(console, listener).await });
    let mut stream = TcpStream::connect(address).unwrap();
    let head = "GET /web/api/v2.1/agents?limit=20 HTTP/1.1\r\nHost: console\r\nAccept-Encoding: gzip\r\n";
    stream.write_all(format!("{head}Authorization: ApiToken {}\r\n\r\n", tokens::GLOBAL).as_bytes()).unwrap();
    let (head, body) = read_response(&mut stream);
    assert!(head.contains("content-encoding: gzip"), "{head}");
    let mut decoder = flate2::read::GzDecoder::new(body.as_slice()).take(bound);
    let unpacked = std::io::copy(&mut decoder, &mut std::io::sink()).unwrap();
    drop(runtime);
    (body.len(), unpacked)
}

/// Reads one response from a connection: head and body by its length. Stops early if the connection does.
fn read_response(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            return (String::from_utf8(bytes).unwrap(), Vec::new());
        }
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).unwrap().to_lowercase();
    let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match stream.read(&mut body[filled..]) {
            Ok(0) | Err(_) => break,
            Ok(n) => filled += n,
        }
    }
    body.truncate(filled);
    (head, body)
}

pub(crate) fn over_http(world: &World) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let console = world.clone();
    let server = runtime.handle().clone();
    server.spawn(async move { sentinelone_sim::serve(console, listener).await });
    let ask = |stream: &mut TcpStream, extra: &str| {
        let token = tokens::GLOBAL;
        let head = "GET /web/api/v2.1/agents?limit=20 HTTP/1.1\r\nHost: console\r\n";
        stream.write_all(format!("{head}Authorization: ApiToken {token}\r\n{extra}\r\n").as_bytes()).unwrap();
        read_response(stream)
    };
    let mut stream = TcpStream::connect(address).unwrap();
    let plain = get(world, tokens::GLOBAL, "/agents", "limit=20").body;
    let (head, body) = ask(&mut stream, "");
    assert!(head.starts_with("http/1.1 200") && head.contains("x-rqid: ") && head.contains("server: nginx"), "{head}");
    assert_eq!(body, plain);
    let (head, body) = ask(&mut stream, "Accept-Encoding: gzip\r\n");
    assert!(head.contains("content-encoding: gzip"), "{head}");
    assert!(body.len() < plain.len() / 3);
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(body.as_slice()).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain);
    world.set_faults(FaultPlan::once(Fault::Truncated, 1, "/agents"));
    let (head, body) = ask(&mut stream, "");
    assert!(head.starts_with("http/1.1 200") && body.len() < plain.len(), "{head}");
    let mut stream = TcpStream::connect(address).unwrap();
    world.set_faults(FaultPlan::once(Fault::Reset, 1, "/agents"));
    assert_eq!(ask(&mut stream, ""), (String::new(), Vec::new()));
    drop(runtime);
}
