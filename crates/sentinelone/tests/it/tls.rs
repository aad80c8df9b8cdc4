//! The HTTP transport against a real TLS server whose certificate is exchanged, whose connections end between two requests,
//! and whose name comes and goes. Nothing here sleeps.
//!
//! The client offers `http/1.1` alone, so no server can answer it in HTTP/2: what GOAWAY is there, the end of a kept
//! connection is here.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::console::{TOKEN, run};
use sentinelone::{
    ApiError, Client, Console, Failure, HttpOptions, HttpTransport, Page, Request, Token, Transport, TransportError,
};

const BODY: &[u8] = br#"{"data":[{"id":"1"}],"pagination":{"nextCursor":null,"totalItems":1}}"#;

/// Requests that one connection answers before the server closes it without a word.
const PER_CONNECTION: usize = 2;

/// A certificate authority and a server's certificate signed by it.
struct Signed {
    authority: String,
    server: Arc<rustls::ServerConfig>,
}

fn signed(alpn: &[&[u8]]) -> Signed {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).unwrap();
    let pem = authority.pem();
    let issuer = rcgen::Issuer::new(params, key);
    let own = rcgen::KeyPair::generate().unwrap();
    let named = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = named.signed_by(&own, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            rustls::pki_types::PrivateKeyDer::Pkcs8(own.serialize_der().into()),
        )
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Signed { authority: pem, server: Arc::new(config) }
}

/// A server that speaks TLS, with a certificate that can be exchanged while it runs.
struct Server {
    address: String,
    certificate: Arc<Mutex<Arc<rustls::ServerConfig>>>,
    requests: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    fn start(first: &Signed) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Server {
            address: format!("https://{}", listener.local_addr().unwrap()),
            certificate: Arc::new(Mutex::new(first.server.clone())),
            requests: Arc::default(),
            connections: Arc::default(),
        };
        let (certificate, requests, connections) =
            (server.certificate.clone(), server.requests.clone(), server.connections.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                connections.fetch_add(1, Ordering::SeqCst);
                let (config, requests) = (certificate.lock().unwrap().clone(), requests.clone());
                std::thread::spawn(move || serve(stream, config, &requests));
            }
        });
        server
    }

    fn exchange(&self, next: &Signed) {
        *self.certificate.lock().unwrap() = next.server.clone();
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    fn client(&self, trusted: &Signed) -> Client {
        let options =
            HttpOptions { extra_ca_pem: Some(trusted.authority.clone().into_bytes()), ..HttpOptions::default() };
        let transport = Transport::Http(HttpTransport::new(options).unwrap());
        Client::new(Console::parse(&self.address).unwrap(), Token::parse(TOKEN).unwrap(), transport)
    }
}

fn serve(stream: TcpStream, config: Arc<rustls::ServerConfig>, requests: &AtomicUsize) {
    let connection = rustls::ServerConnection::new(config).unwrap();
    let mut tls = rustls::StreamOwned::new(connection, stream);
    for _ in 0..PER_CONNECTION {
        let mut head = Vec::new();
        let mut byte = [0; 1];
        while !head.ends_with(b"\r\n\r\n") {
            match tls.read(&mut byte) {
                Ok(1) => head.push(byte[0]),
                _ => return,
            }
        }
        requests.fetch_add(1, Ordering::SeqCst);
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", BODY.len());
        if tls.write_all(&[answer.as_bytes(), BODY].concat()).and_then(|()| tls.flush()).is_err() {
            return;
        }
    }
    // It promised to go on (HTTP/1.1, no `Connection: close`), and goes.
}

async fn ask(client: &Client) -> Result<Page, ApiError> {
    client.page(&Request::agents(), None).await
}

fn transport_error(result: Result<Page, ApiError>) -> TransportError {
    match result.unwrap_err().failure() {
        Failure::Transport(error) => error.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn fault_19_a_certificate_exchanged_for_one_that_nobody_vouches_for_gets_no_request() {
    let (ours, theirs) = (signed(&[b"http/1.1"]), signed(&[b"http/1.1"]));
    let server = Server::start(&ours);
    let client = server.client(&ours);
    run(async {
        assert_eq!(ask(&client).await.unwrap().len(), 1);
        server.exchange(&theirs);
        // The connection that is open was proven before, and is used to its end.
        assert_eq!(ask(&client).await.unwrap().len(), 1);
        let before = server.requests();
        for _ in 0..3 {
            let error = transport_error(ask(&client).await);
            let TransportError::Tls { reason } = &error else { panic!("{error:?}") };
            assert!(reason.contains("certificate"), "{reason}");
            assert!(error.to_string().contains("certificate"), "{error}");
        }
        assert_eq!(server.requests(), before, "neither token nor request went to the impostor");
        server.exchange(&ours);
        assert_eq!(ask(&client).await.unwrap().len(), 1, "the same client goes on");
    });
}

#[test]
fn fault_19_a_connection_that_ends_between_two_requests_costs_a_new_one_and_no_answer() {
    let ours = signed(&[b"http/1.1"]);
    let server = Server::start(&ours);
    let client = server.client(&ours);
    let asked = 10;
    let (answered, interrupted) = run(async {
        let (mut answered, mut interrupted) = (0, 0);
        // A request may meet the end of its connection; then it is sent again, as the engine does.
        while answered < asked {
            match ask(&client).await {
                Ok(page) => answered += page.len(),
                Err(error) => {
                    assert_eq!(transport_error(Err(error)), TransportError::Interrupted { received: 0 });
                    interrupted += 1;
                    assert!(interrupted <= asked, "it ends");
                }
            }
        }
        (answered, interrupted)
    });
    assert_eq!(answered, asked);
    assert_eq!(server.requests(), asked, "each was answered once");
    let connections = server.connections.load(Ordering::SeqCst);
    assert!((asked / PER_CONNECTION..=asked / PER_CONNECTION + interrupted).contains(&connections), "{connections}");
}

#[test]
fn fault_19_http_2_is_never_offered_so_that_no_goaway_can_come() {
    // A server that would rather speak HTTP/2 gets HTTP/1.1, and answers.
    let both = signed(&[b"h2", b"http/1.1"]);
    let server = Server::start(&both);
    let client = server.client(&both);
    assert_eq!(run(ask(&client)).unwrap().len(), 1);
    // One that speaks nothing else is not spoken to.
    let only = signed(&[b"h2"]);
    let server = Server::start(&only);
    let error = transport_error(run(ask(&server.client(&only))));
    assert!(matches!(error, TransportError::Tls { .. }), "{error:?}");
    assert_eq!(server.requests(), 0);
}
