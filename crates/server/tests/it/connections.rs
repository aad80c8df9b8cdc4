//! Clients that take their time, come in crowds, or speak TLS: sockets, not requests.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use access::Http;
use sentinelone::Transport;
use server::{Limits, ServeError, Settings, Tls};
use testkit::{Database, TestDir};
use tokio::sync::oneshot;

use crate::world::World;

testkit::on_each_database! {
    whoever_dawdles_is_cut_off,
    a_crowd_is_closed_out_and_comes_in_again_when_there_is_room,
    certificate_and_key_are_files_and_clients_check_them,
}

/// How long the service of these tests is patient.
const SHORT: Duration = Duration::from_millis(300);
/// How long a test is patient with the service: far longer, so that only a service that never cuts anybody off fails.
const LONG: Duration = Duration::from_secs(20);

fn world(database: &Database, limits: Limits) -> World {
    let transport = Transport::InProcess(Arc::new(|_| panic!("nothing here asks a console")));
    let http = Http::new(|_| async { panic!("nothing here asks an identity provider") });
    World::with(database, (transport, http), Settings { limits, ..Settings::default() })
}

fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream.set_write_timeout(Some(LONG)).unwrap();
    stream
}

/// What comes until the service closes the connection; panics where it does not.
fn until_closed(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    match stream.read_to_end(&mut all) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "it was not closed: {error}"),
    }
    String::from_utf8_lossy(&all).into_owned()
}

fn whoever_dawdles_is_cut_off(database: &Database) {
    let world = world(database, Limits { head: SHORT, request: SHORT, send: SHORT, ..Limits::default() });
    // Nothing, half of what HTTP/2 begins with, half a head.
    for begun in ["", "PRI * HTTP/2.0\r\n", "GET / HTTP/1.1\r\nhost: x\r\nx-long"] {
        let mut stream = connect(world.address);
        stream.write_all(begun.as_bytes()).unwrap();
        let told = until_closed(&mut stream);
        assert!(!told.contains("200 OK"), "{begun:?}: {told}");
    }
    // Between two requests too.
    let mut stream = connect(world.address);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let told = until_closed(&mut stream);
    assert!(told.starts_with("HTTP/1.1 200") && told.ends_with("alive\n"), "{told}");
    // A form of which only a part comes.
    let mut stream = connect(world.address);
    let head = "POST /sign-in HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n\
        content-length: 400\r\n\r\nlogin=ada";
    stream.write_all(head.as_bytes()).unwrap();
    let told = until_closed(&mut stream);
    assert!(told.starts_with("HTTP/1.1 504"), "{told}");
    // Answers that nobody takes: what waits fills what the system keeps for a connection, and then it is over.
    let mut stream = connect(world.address);
    let many = "GET /api/v1/openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(1000);
    let error = (0..1000).find_map(|_| stream.write_all(many.as_bytes()).err()).expect("it takes requests for ever");
    assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
    // Meanwhile, and afterwards, everybody else is answered.
    assert_eq!(world.get("/healthz", "").status, 200);
}

fn a_crowd_is_closed_out_and_comes_in_again_when_there_is_room(database: &Database) {
    let world = world(database, Limits { connections: 2, ..Limits::default() });
    let hello = |stream: &mut TcpStream| {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").ok()?;
        let mut word = [0; 12];
        stream.read_exact(&mut word).ok()?;
        Some(word)
    };
    let (mut first, mut second) = (connect(world.address), connect(world.address));
    assert_eq!(hello(&mut first).as_ref(), Some(b"HTTP/1.1 200"));
    assert_eq!(hello(&mut second).as_ref(), Some(b"HTTP/1.1 200"));
    let mut third = connect(world.address);
    assert_eq!(hello(&mut third), None, "there are two already");
    drop(first);
    // Its place is free as soon as the service has seen it go.
    let came_in = (0..10_000).any(|_| hello(&mut connect(world.address)).is_some());
    assert!(came_in, "the place of who left is never free");
}

fn certificate_and_key_are_files_and_clients_check_them(database: &Database) {
    let world = World::empty(database);
    let folder = TestDir::new();
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = params.self_signed(&authority_key).unwrap();
    let issuer = rcgen::Issuer::new(params, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let named = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let chain = named.signed_by(&key, &issuer).unwrap().pem() + &authority.pem();
    let tls = Tls { certificate: folder.write("chain.pem", &chain), key: folder.write("key.pem", key.serialize_pem()) };

    // What cannot be used is refused before anybody is let in, by its name.
    for (certificate, key, named) in [
        (folder.join("nowhere.pem"), tls.key.clone(), "nowhere.pem"),
        (tls.certificate.clone(), tls.certificate.clone(), "chain.pem"),
        (
            tls.certificate.clone(),
            folder.write("other.pem", rcgen::KeyPair::generate().unwrap().serialize_pem()),
            "chain.pem",
        ),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let wrong = Tls { certificate, key };
        let refused = world.run(server::serve(&world.app, listener, Some(&wrong), std::future::pending::<()>()));
        assert!(matches!(&refused, Err(ServeError::Tls { path, .. }) if path.ends_with(named)), "{refused:?}");
    }

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let (app, files) = (world.app.clone(), tls);
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let stopped = async move { drop(stopped.await) };
        runtime.block_on(server::serve(&app, listener, Some(&files), stopped)).unwrap();
    });
    let ask = |trusts: bool| {
        let mut roots = rustls::RootCertStore::empty();
        if trusts {
            roots.add(authority.der().clone()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let session = rustls::ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
        let mut stream = rustls::StreamOwned::new(session, connect(address));
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut told = String::new();
        stream.read_to_string(&mut told)?;
        Ok::<_, std::io::Error>((told, stream.conn.alpn_protocol().map(<[u8]>::to_vec)))
    };
    let (told, protocol) = ask(true).unwrap();
    assert!(told.starts_with("HTTP/1.1 200") && told.ends_with("ready\n"), "{told}");
    assert_eq!(protocol.as_deref(), Some(b"http/1.1".as_slice()));
    assert!(ask(false).is_err(), "a certificate of nobody we know was taken");
    // Who speaks no TLS is told nothing.
    let mut plain = connect(address);
    plain.write_all(b"GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    assert!(!until_closed(&mut plain).contains("ready"));
    drop(stop);
    thread.join().unwrap();
}
