//! [`Route`]: one line of the route list, with the guard that stands before its handler.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;

use access::Permission;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::Method;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};

use crate::App;
use crate::guard::BODY_BYTES_MAX;
use crate::openapi::Operation;

/// Who may come through a route. There is no route without an answer to this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Whoever asks: health, assets, signing in. Nothing that an organization owns may be behind it.
    Anyone,
    /// Whoever has signed in, whatever the role, to reach what is their own.
    Person,
    /// Whoever has given the password and not yet the second factor.
    HalfWay,
    /// An Explorer that comes with its own token, and was not revoked.
    Explorer,
    /// Whoever has this permission in the organization that they look at.
    May(Permission),
}

/// How a route speaks with whom it turns away, and which proof of intent it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A page or a form of the console: a cookie opens it, a form has to carry its token.
    Page,
    /// The REST interface: a bearer token or a cookie, problems as JSON.
    Api,
    /// Files and machine endpoints without a person behind them.
    Plain,
}

/// One line of the route list.
pub struct Route {
    /// Which method it answers; `GET` answers `HEAD` too.
    pub method: Method,
    /// Its path, with `{name}` where a part varies.
    pub path: Cow<'static, str>,
    /// Who may come through.
    pub who: Who,
    /// How it speaks.
    pub kind: Kind,
    /// What the interface's description says of it; only of the REST interface.
    pub operation: Option<Operation>,
    /// The largest body that it takes, in bytes.
    pub bytes_max: usize,
    pub(crate) handler: MethodRouter<App>,
}

/// A handler without its type: there are hundreds, and the way to them is compiled once.
type Call = Arc<dyn Fn(Request, App) -> Pin<Box<dyn Future<Output = Response> + Send>> + Send + Sync>;

impl Route {
    fn new<H, T>(method: Method, path: impl Into<Cow<'static, str>>, who: Who, kind: Kind, handler: H) -> Route
    where
        H: Handler<T, App>,
        T: 'static,
    {
        Route::of(
            method,
            path.into(),
            who,
            kind,
            Arc::new(move |request, app| Box::pin(handler.clone().call(request, app))),
        )
    }

    fn of(method: Method, path: Cow<'static, str>, who: Who, kind: Kind, call: Call) -> Route {
        let filter = MethodFilter::try_from(method.clone()).expect("a method that axum knows");
        let handler = on(filter, move |State(app): State<App>, request: Request| call(request, app));
        Route { method, path, who, kind, operation: None, bytes_max: BODY_BYTES_MAX, handler }
    }

    /// The same, for bodies of up to so many bytes.
    #[must_use]
    pub fn takes(self, bytes_max: usize) -> Route {
        Route { bytes_max, ..self }
    }
}

/// A page that is read.
pub fn page<H: Handler<T, App>, T: 'static>(path: impl Into<Cow<'static, str>>, who: Who, handler: H) -> Route {
    Route::new(Method::GET, path, who, Kind::Page, handler)
}

/// A form that is sent. The guard has compared its token before the handler sees it.
pub fn form<H: Handler<T, App>, T: 'static>(path: impl Into<Cow<'static, str>>, who: Who, handler: H) -> Route {
    Route::new(Method::POST, path, who, Kind::Page, handler)
}

/// A file, or an endpoint for machines that keep watch.
pub fn plain<H: Handler<T, App>, T: 'static>(path: impl Into<Cow<'static, str>>, handler: H) -> Route {
    Route::new(Method::GET, path, Who::Anyone, Kind::Plain, handler)
}

/// A request of a program that is no person: an Explorer.
pub fn remote<H: Handler<T, App>, T: 'static>(path: impl Into<Cow<'static, str>>, who: Who, handler: H) -> Route {
    Route::new(Method::POST, path, who, Kind::Plain, handler)
}

/// A request of the REST interface, under `/api/v1`.
pub fn api<H: Handler<T, App>, T: 'static>(
    method: Method,
    path: &str,
    who: Who,
    operation: Operation,
    handler: H,
) -> Route {
    let route = Route::new(method, format!("{API}{path}"), who, Kind::Api, handler);
    Route { operation: Some(operation), ..route }
}

/// What the paths of the REST interface begin with.
pub const API: &str = "/api/v1";
