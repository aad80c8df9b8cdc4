//! A console that answers by script, in this process.

use bytes::Bytes;
use sentinelone::{Client, Console, Service, Token, Transport, TransportError};
use std::sync::{Arc, Mutex};

/// The token of every test; it must never come back.
pub const TOKEN: &str = "canary-token-0123456789";

pub type Reply = Result<http::Response<Bytes>, TransportError>;

/// A reply with a JSON body.
pub fn json(body: impl Into<Bytes>) -> Reply {
    reply(200, &[("content-type", "application/json")], body)
}

/// A reply with anything.
pub fn reply(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Reply {
    let mut response = http::Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    Ok(response.body(body.into()).unwrap())
}

/// What a scripted console was asked: path and query of each request.
pub type Asked = Arc<Mutex<Vec<String>>>;

/// A client of a console that answers each request by a function of its path and query.
pub fn scripted(answer: impl Fn(&http::Request<Bytes>) -> Reply + Send + Sync + 'static) -> (Client, Asked) {
    let asked = Asked::default();
    let log = asked.clone();
    let service: Service = Arc::new(move |request| {
        log.lock().unwrap().push(request.uri().path_and_query().unwrap().to_string());
        let reply = answer(&request);
        Box::pin(async move { reply })
    });
    let console = Console::parse("acme.sentinelone.net").unwrap();
    (Client::new(console, Token::parse(TOKEN).unwrap(), Transport::InProcess(service)), asked)
}

/// Runs a future to its end.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
