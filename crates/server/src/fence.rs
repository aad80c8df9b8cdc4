//! The fence around what addresses lead to that somebody typed: the one of consoles, for other clients.

use access::Fence;

/// The switch of the identity provider, as it is named to people.
const PROVIDER: &str = "--allow-private-provider";

/// The fence around the client of the identity provider: the public Internet alone, as for consoles.
#[must_use]
pub fn provider_fence() -> Fence {
    of(PROVIDER)
}

/// The fence around the client of the Vault.
#[must_use]
pub fn vault_fence() -> Fence {
    of(access::VAULT_PRIVATE_VARIABLE)
}

fn of(switch: &'static str) -> Fence {
    Fence {
        is_private: sentinelone::is_private_address,
        names: sentinelone::public_names(),
        leads_inside: sentinelone::leads_inside,
        switch,
    }
}

#[cfg(test)]
mod tests {
    use access::{Elsewhere, Http};
    use std::net::TcpListener;

    use super::*;

    fn refused(switch: &str) -> String {
        format!(
            "it stands on this machine or inside a private network, which this server asks only if {switch} says so"
        )
    }

    #[test]
    fn a_provider_inside_a_private_network_is_asked_nothing_unless_it_is_said_so() {
        let inside = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = inside.local_addr().unwrap().port();
        inside.set_nonblocking(true).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let http = Http::fenced(None, provider_fence()).unwrap();
        // The last two are names: what they lead to is only known once they have been looked up.
        for host in
            ["127.0.0.1", "[::1]", "10.0.0.1", "169.254.169.254", "[::ffff:127.0.0.1]", "2130706433", "localhost"]
        {
            let request = axum::http::Request::get(format!("http://{host}:{port}/")).body(Vec::new()).unwrap();
            let told = runtime.block_on(http.send(request)).unwrap_err().to_string();
            assert_eq!(told, refused(PROVIDER), "{host}");
        }
        assert!(inside.accept().is_err(), "nobody has connected");
    }

    #[test]
    fn a_vault_inside_a_private_network_is_asked_nothing_unless_it_is_said_so() {
        let inside = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", inside.local_addr().unwrap());
        inside.set_nonblocking(true).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let token = dir.path().join("token");
        std::fs::write(&token, "s.right").unwrap();
        let elsewhere = |private: Option<&'static str>| {
            let (address, token) = (address.clone(), token.clone());
            let env = move |name: &str| match name {
                access::VAULT_ADDRESS_VARIABLE => Some(address.clone().into()),
                access::VAULT_TOKEN_FILE_VARIABLE => Some(token.clone().into()),
                access::VAULT_PRIVATE_VARIABLE => private.map(Into::into),
                _ => None,
            };
            Elsewhere::load(env, vault_fence())
        };
        assert!(elsewhere(Some("perhaps")).is_err());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let follow = |elsewhere: Elsewhere| {
            let reference = access::Reference::parse("vault://secret/app#token").unwrap();
            let now = kernel::Timestamp::from_seconds(1_795_230_000);
            let error = runtime.block_on(access::fetch(&reference, &elsewhere.outside(), now)).unwrap_err();
            std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default()
        };
        for none in [None, Some("false")] {
            assert_eq!(follow(elsewhere(none).unwrap()), refused(access::VAULT_PRIVATE_VARIABLE), "{none:?}");
        }
        assert!(inside.accept().is_err(), "nobody has connected");
        // Where it is said so, it is asked; this one hangs up.
        let heard = std::thread::spawn(move || {
            inside.set_nonblocking(false).unwrap();
            inside.accept().is_ok()
        });
        assert_ne!(follow(elsewhere(Some("true")).unwrap()), refused(access::VAULT_PRIVATE_VARIABLE));
        assert!(heard.join().unwrap());
    }
}
