//! The HTTP transport against a socket that misbehaves. Bounds are set small; nothing here sleeps.

use crate::console::{TOKEN, json, run};
use sentinelone::{
    ApiError, Client, Console, Failure, HttpOptions, HttpTransport, Instead, Page, Request, Service, Token, Transport,
    TransportError,
};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// What the server does after it has sent its bytes.
#[derive(Clone, Copy)]
enum Then {
    Close,
    /// Keeps the connection open, silently, until the client leaves.
    Hold,
}

/// A server that sends these bytes to every connection; the heads of the requests come out of the channel.
fn serve(bytes: Vec<u8>, then: Then) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (heads, received) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let head = head_of(&mut stream);
            let _ = heads.send(head);
            let _ = stream.write_all(&bytes);
            if let Then::Hold = then {
                let _ = std::io::copy(&mut stream, &mut std::io::sink());
            }
        }
    });
    (address, received)
}

fn head_of(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0; 1];
    while !head.ends_with(b"\r\n\r\n") && head.len() < 4096 {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => break,
        }
        // A TLS greeting has no end that we know; its first byte tells.
        if head == [22] {
            break;
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

fn client(address: &str, options: HttpOptions) -> Client {
    let transport = Transport::Http(HttpTransport::new(options).unwrap());
    Client::new(Console::parse(address).unwrap(), Token::parse(TOKEN).unwrap(), transport)
}

fn small() -> HttpOptions {
    HttpOptions { response_bytes_max: 1024 * 1024, ..HttpOptions::default() }
}

fn ask(address: &str, options: HttpOptions) -> Result<Page, ApiError> {
    run(client(address, options).page(&Request::agents(), None))
}

fn transport_error(result: Result<Page, ApiError>) -> TransportError {
    match result.unwrap_err().failure() {
        Failure::Transport(error) => error.clone(),
        other => panic!("{other:?}"),
    }
}

fn response(head: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {head}\r\n\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

const BODY: &[u8] = br#"{"data":[{"id":"1","licenseKey":"hunter2"}]}"#;

#[test]
fn a_page_comes_over_the_wire_redacted_and_with_one_header_of_authorization() {
    let head = format!("200 OK\r\nX-RQID: abc-1\r\nConnection: close\r\nContent-Length: {}", BODY.len());
    let (address, heads) = serve(response(&head, BODY), Then::Close);
    let page = ask(&address, small()).unwrap();
    assert_eq!(page.record(0), br#"{"id":"1","licenseKey":""}"#);
    assert_eq!((page.request_id.as_deref(), page.wire_bytes), (Some("abc-1"), BODY.len() as u64));
    let head = heads.recv().unwrap().to_ascii_lowercase();
    assert!(head.starts_with("get /web/api/v2.1/agents http/1.1\r\n"));
    assert!(head.contains(&format!("\r\nauthorization: apitoken {TOKEN}\r\n")));
    assert!(!head.contains("accept-encoding"), "on this machine there is no wire to spare");
    assert!(head.contains("\r\nuser-agent: sentinelone-rs/"));
}

#[test]
fn the_status_of_a_console_is_asked_for_without_the_token() {
    let (address, heads) = serve(response("200 OK\r\nContent-Length: 22", br#"{"data":{"health":1}} "#), Then::Close);
    run(client(&address, small()).send(&Request::system_status())).unwrap();
    assert!(!heads.recv().unwrap().contains("canary"));
}

#[test]
fn one_console_in_the_process_stands_beside_all_others_on_the_network() {
    let (address, heads) = serve(response(&format!("200 OK\r\nContent-Length: {}", BODY.len()), BODY), Then::Close);
    let service: Service = Arc::new(|_| Box::pin(async { json(r#"{"data":[{"id":"inside"}]}"#) }));
    let network = HttpTransport::new(small()).unwrap();
    let transport = Transport::Beside { host: "demo.localhost".into(), service, network };
    let ask = |transport: &Transport, console: &str| {
        let client = Client::new(Console::parse(console).unwrap(), Token::parse(TOKEN).unwrap(), transport.clone());
        run(client.page(&Request::agents(), None))
    };
    assert_eq!(ask(&transport, "demo.localhost").unwrap().record(0), br#"{"id":"inside"}"#);
    assert_eq!(heads.try_recv().ok(), None, "nothing left the process");
    assert_eq!(ask(&transport, &address).unwrap().record(0), br#"{"id":"1","licenseKey":""}"#);
    // The fence before strangers' addresses stays, and so does what is inside.
    let fenced = transport.public_only();
    assert_eq!(transport_error(ask(&fenced, &address)), TransportError::Private);
    assert!(ask(&fenced, "demo.localhost").is_ok());
}

#[test]
fn a_body_that_breaks_off_is_transient() {
    let (address, _) = serve(response("200 OK\r\nContent-Length: 4000", &BODY[..17]), Then::Close);
    assert_eq!(transport_error(ask(&address, small())), TransportError::Interrupted { received: 17 });
    let chunked = b"10\r\n{\"data\":[{\"id\":\"\r\n";
    let (address, _) = serve(response("200 OK\r\nTransfer-Encoding: chunked", chunked), Then::Close);
    assert_eq!(transport_error(ask(&address, small())), TransportError::Interrupted { received: 16 });
    let (address, _) = serve(Vec::new(), Then::Close);
    assert_eq!(transport_error(ask(&address, small())), TransportError::Interrupted { received: 0 });
}

#[test]
fn silence_ends_after_the_read_timeout() {
    let options = || HttpOptions {
        connect_timeout: Duration::from_millis(50),
        read_timeout: Duration::from_millis(50),
        ..small()
    };
    let expected = TransportError::ReadTimeout { after: Duration::from_millis(50) };
    let (address, _) = serve(Vec::new(), Then::Hold);
    assert_eq!(transport_error(ask(&address, options())), expected);
    let (address, _) = serve(response("200 OK\r\nContent-Length: 4000", BODY), Then::Hold);
    assert_eq!(transport_error(ask(&address, options())), expected);
}

#[test]
fn a_trickle_ends_after_the_rate_window() {
    let options = HttpOptions { rate_window: Duration::from_millis(50), ..small() };
    let (address, _) = serve(response("200 OK\r\nContent-Length: 4000", BODY), Then::Hold);
    assert_eq!(transport_error(ask(&address, options)), TransportError::TooSlow { bytes_per_second: 1024 });
}

#[test]
fn the_whole_exchange_is_bounded() {
    let options = HttpOptions { total_timeout: Duration::from_millis(50), ..small() };
    let (address, _) = serve(response("200 OK\r\nContent-Length: 4000", BODY), Then::Hold);
    assert_eq!(
        transport_error(ask(&address, options)),
        TransportError::TotalTimeout { after: Duration::from_millis(50) }
    );
}

#[test]
fn a_large_answer_is_refused_before_and_while_it_comes() {
    let too_large = TransportError::TooLarge { bytes_max: 1024 * 1024 };
    let (address, _) = serve(response("200 OK\r\nContent-Length: 99999999999", b""), Then::Hold);
    assert_eq!(transport_error(ask(&address, small())), too_large);
    let (address, _) = serve(response("200 OK", &vec![b' '; 1024 * 1024 + 1]), Then::Close);
    assert_eq!(transport_error(ask(&address, small())), too_large);
}

#[test]
fn a_gzip_bomb_is_defused_while_it_unpacks() {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0; 1024 * 1024];
    for _ in 0..64 {
        packer.write_all(&zeros).unwrap();
    }
    let bomb = packer.finish().unwrap();
    let head = format!("200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}", bomb.len());
    let (address, _) = serve(response(&head, &bomb), Then::Close);
    assert_eq!(transport_error(ask(&address, small())), TransportError::TooLarge { bytes_max: 1024 * 1024 });
}

#[test]
fn a_redirection_is_reported_and_not_followed() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = elsewhere.local_addr().unwrap();
    let head = format!("302 Found\r\nLocation: http://{place}/web/api/v2.1/agents\r\nContent-Length: 0");
    let (address, _) = serve(response(&head, b""), Then::Close);
    let error = ask(&address, small()).unwrap_err();
    assert_eq!(error.failure(), &Failure::NotAConsole { what: Instead::Redirect });
    elsewhere.set_nonblocking(true).unwrap();
    assert_eq!(elsewhere.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn a_connection_that_cannot_be_made_says_why() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = listener.local_addr().unwrap().to_string();
    drop(listener);
    assert_eq!(transport_error(ask(&closed, small())), TransportError::Refused);
    assert_eq!(transport_error(ask("https://console.localhost.invalid", small())), TransportError::Dns);
    let (plain, _) = serve(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), Then::Hold);
    let error = transport_error(ask(&format!("https://{plain}"), small()));
    assert!(matches!(error, TransportError::Tls { .. }), "{error:?}");
}

#[test]
fn further_authorities_must_be_certificates() {
    for pem in [&b"nonsense"[..], b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let options = HttpOptions { extra_ca_pem: Some(pem.to_vec()), ..small() };
        assert!(matches!(HttpTransport::new(options), Err(TransportError::Tls { .. })));
    }
}
