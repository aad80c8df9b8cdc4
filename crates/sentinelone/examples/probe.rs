//! Asks a console what a token can see: `probe https://acme.sentinelone.net < token-file`, then counts its agents.

use futures_util::{StreamExt as _, future::BoxFuture};
use sentinelone::{Client, Console, HttpOptions, HttpTransport, Request, Token, Transport, probe};
use std::io::Write as _;
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_default();
    let console = Console::parse(&address)?;
    let token = Token::parse(&std::io::read_to_string(std::io::stdin())?)?;
    let client = Client::new(console, token, Transport::Http(HttpTransport::new(HttpOptions::default())?));
    let mut out = std::io::stdout().lock();
    let found = probe(&client, &pause).await?;
    writeln!(
        out,
        "{:?} token, role {:?}, scope {:?}, ends {:?}",
        found.kind, found.role, found.scope, found.expires_at
    )?;
    for module in &found.modules {
        writeln!(out, "  {}: {:?}", module.endpoint, module.state)?;
    }
    let mut agents = 0;
    let mut pages = std::pin::pin!(client.pages(Request::agents().limit(1000)));
    while let Some(page) = pages.next().await {
        agents += page?.len();
    }
    writeln!(out, "{agents} agents")?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "an example has no clock of its own")]
fn pause(attempt: u32, asked: Option<Duration>) -> BoxFuture<'static, ()> {
    Box::pin(tokio::time::sleep(asked.unwrap_or(Duration::from_millis(200) * attempt)))
}
