//! Whose certificate is believed, with a listener that shakes hands as a PostgreSQL server does and then hangs up.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use store::{Access, DatabaseUrl, Store, StoreError};
use testkit::TestDir;

/// What a client sends first: eight bytes that ask for TLS.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// A listener with a certificate for `localhost`, and the authority that signed it.
struct Listener {
    port: u16,
    authority: String,
    /// Whether a client asked for TLS, shook hands to the end, and spoke.
    outcome: JoinHandle<(bool, bool)>,
}

impl Listener {
    fn start() -> Listener {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
            .unwrap();
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let outcome = std::thread::spawn(move || {
            let (mut stream, _) = socket.accept().unwrap();
            let mut first = [0; 8];
            stream.read_exact(&mut first).unwrap();
            if first != SSL_REQUEST {
                return (false, false);
            }
            stream.write_all(b"S").unwrap();
            let mut server = rustls::ServerConnection::new(Arc::new(config)).unwrap();
            let mut tls = rustls::Stream::new(&mut server, &mut stream);
            (true, tls.read_exact(&mut first).is_ok())
        });
        Listener { port, authority: authority.pem(), outcome }
    }

    /// Tries to open a database there; whether TLS was asked for, whether it came about, and what the person is told.
    fn meets(self, host: &str, options: &str) -> (bool, bool, String) {
        let url = format!("postgres://ann:hunter2@{host}:{}/muster{options}", self.port);
        let url: DatabaseUrl = url.parse().unwrap();
        let error = Store::open(&url, Access::Reader, &[]).map(drop).unwrap_err();
        let (asked, spoke) = self.outcome.join().unwrap();
        assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
        (asked, spoke, error.to_string())
    }
}

#[test]
fn encryption_is_used_where_it_is_offered() {
    let (asked, spoke, _) = Listener::start().meets("localhost", "");
    assert!(asked && spoke);
    let (asked, _, _) = Listener::start().meets("localhost", "?sslmode=disable");
    assert!(!asked);
}

#[test]
fn a_required_certificate_must_be_known_and_fit_the_name() {
    let (asked, spoke, told) = Listener::start().meets("localhost", "?sslmode=require");
    assert!(asked && !spoke && told.contains("UnknownIssuer"), "{told}");

    let dir = TestDir::new();
    let trusting =
        |listener: &Listener| format!("?sslrootcert={}", dir.write("authority.pem", &listener.authority).display());
    let listener = Listener::start();
    let options = trusting(&listener);
    let (asked, spoke, told) = listener.meets("localhost", &options);
    assert!(asked && spoke, "{told}");

    let listener = Listener::start();
    let options = trusting(&listener);
    let (asked, spoke, told) = listener.meets("127.0.0.1", &options);
    assert!(asked && !spoke && told.contains("not valid for name"), "{told}");
}

#[test]
fn root_certificates_that_cannot_be_read_are_named() {
    let dir = TestDir::new();
    let empty = dir.write("empty.pem", "");
    for path in [dir.join("nowhere.pem"), empty] {
        let url: DatabaseUrl = format!("postgres://127.0.0.1:1/muster?sslrootcert={}", path.display()).parse().unwrap();
        let error = Store::open(&url, Access::Reader, &[]).map(drop).unwrap_err();
        assert!(matches!(error, StoreError::Url(_)), "{error:?}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
}

#[test]
fn a_server_on_another_machine_proves_itself_or_is_told_plainly_that_it_need_not() {
    let (asked, spoke, told) = Listener::start().meets("db.example", "?hostaddr=127.0.0.1");
    assert!(asked && !spoke && told.contains("UnknownIssuer") && told.contains("add ?sslrootcert=FILE"), "{told}");
    let (asked, spoke, told) = Listener::start().meets("db.example", "?hostaddr=127.0.0.1&sslmode=prefer");
    assert!(asked && spoke && !told.contains("sslrootcert"), "{told}");
    let (asked, _, _) = Listener::start().meets("db.example", "?hostaddr=127.0.0.1&sslmode=disable");
    assert!(!asked);
    // It offers no encryption at all: nothing is sent to it.
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = socket.accept().unwrap();
        let mut first = [0; 8];
        stream.read_exact(&mut first).unwrap();
        stream.write_all(b"N").unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        rest
    });
    let url = format!("postgres://ann:hunter2@db.example:{port}/muster?hostaddr=127.0.0.1");
    let error = Store::open(&url.parse().unwrap(), Access::Reader, &[]).map(drop).unwrap_err().to_string();
    assert!(error.contains("sslmode=disable"), "{error}");
    assert!(heard.join().unwrap().is_empty());
}
