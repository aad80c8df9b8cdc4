//! The description of the REST interface, OpenAPI 3.1, put together from the route list: what is not in the list is not in
//! the description, and the other way round.

use axum::http::Method;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::problem::ProblemBody;
use crate::route::{API, Route, Who};

/// What the description says of one route.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Its name in generated clients: `list_assets`.
    pub id: String,
    /// One sentence.
    pub summary: String,
    /// What it belongs to: `Inventory`.
    pub tag: &'static str,
    /// Its parameters in path and query.
    pub parameters: Vec<Parameter>,
    /// What is sent, if anything.
    pub request: Option<Shape>,
    /// What is answered with 200.
    pub response: Shape,
}

/// A parameter.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Where it stands: `query` or `path`.
    pub place: &'static str,
    /// What it does.
    pub summary: &'static str,
    /// Its schema.
    pub schema: Value,
}

/// The shape of a body.
#[derive(Clone, Debug)]
pub enum Shape {
    /// A type of ours.
    Of(fn(&mut SchemaGenerator) -> Value),
    /// A schema that is put together.
    Built(Value),
}

impl Shape {
    /// The shape of a type.
    #[must_use]
    pub fn of<T: JsonSchema>() -> Shape {
        Shape::Of(|generator| generator.subschema_for::<T>().to_value())
    }
}

impl Operation {
    /// An operation without parameters.
    #[must_use]
    pub fn new(id: impl Into<String>, tag: &'static str, summary: impl Into<String>, response: Shape) -> Operation {
        Operation { id: id.into(), summary: summary.into(), tag, parameters: Vec::new(), request: None, response }
    }

    /// The same with a parameter in the query.
    #[must_use]
    pub fn query(mut self, name: &'static str, summary: &'static str, schema: Value) -> Operation {
        self.parameters.push(Parameter { name, place: "query", summary, schema });
        self
    }

    /// The same with a parameter in the path.
    #[must_use]
    pub fn path(mut self, name: &'static str, summary: &'static str) -> Operation {
        self.parameters.push(Parameter { name, place: "path", summary, schema: json!({ "type": "string" }) });
        self
    }

    /// The parameters that it knows in the query.
    pub(crate) fn asks(&self) -> Vec<&'static str> {
        self.parameters.iter().filter(|of| of.place == "query").map(|of| of.name).collect()
    }

    /// The same with a body that is sent.
    #[must_use]
    pub fn sends(self, request: Shape) -> Operation {
        Operation { request: Some(request), ..self }
    }
}

/// The document.
#[must_use]
pub fn document(routes: &[Route]) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let problem = generator.subschema_for::<ProblemBody>().to_value();
    let mut paths: Map<String, Value> = Map::new();
    for route in routes {
        let Some(operation) = &route.operation else { continue };
        let path = paths.entry(route.path.as_ref()).or_insert_with(|| json!({}));
        path[route.method.as_str().to_lowercase()] = told(route, operation, &problem, &mut generator);
    }
    let schemas = generator.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Muster",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Everything that the pages show. Lists are paged by key: ask again with the answer's `next` as \
                `after`. Problems are RFC 9457. A token may send 6,000 \
                requests a minute; then it gets 429, and waits for as long as `Retry-After` says. What changes one thing compares `If-Match`, where it is \
                sent, with the ETag that the thing was read with: 412 where it has changed since. Times are UTC, RFC 3339. Ids are opaque.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }, { "session": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "description": "An API token, muster_.." },
                "session": { "type": "apiKey", "in": "cookie", "name": "__Host-muster" },
            },
        },
    })
}

fn told(route: &Route, operation: &Operation, problem: &Value, generator: &mut SchemaGenerator) -> Value {
    let mut shape = |shape: &Shape| match shape {
        Shape::Of(of) => of(generator),
        Shape::Built(built) => built.clone(),
    };
    let parameters: Vec<Value> = operation
        .parameters
        .iter()
        .map(|of| {
            json!({
                "name": of.name, "in": of.place, "description": of.summary, "required": of.place == "path",
                "schema": of.schema,
            })
        })
        .collect();
    let answer =
        json!({ "description": "Done.", "content": { "application/json": { "schema": shape(&operation.response) } } });
    let refused =
        json!({ "description": "A problem.", "content": { "application/problem+json": { "schema": problem } } });
    let mut responses = json!({ "200": answer, "default": refused });
    if route.method == Method::GET {
        responses["304"] = json!({ "description": "What If-None-Match names is still right." });
    }
    let mut told = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": parameters,
        "responses": responses,
    });
    if let Some(request) = &operation.request {
        let content = json!({ "application/json": { "schema": shape(request) } });
        told["requestBody"] = json!({ "required": true, "content": content });
    }
    match route.who {
        Who::Anyone => told["security"] = json!([]),
        Who::May(permission) => told["x-permission"] = json!(format!("{permission:?}")),
        Who::Person | Who::HalfWay | Who::Explorer => {}
    }
    debug_assert!(route.path.starts_with(API));
    told
}
