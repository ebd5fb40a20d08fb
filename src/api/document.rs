//! The OpenAPI document of each port: made of the handlers, then of what holds for all of them.

use axum::http::Method;
use model::document::{NativeJob, PolicyDocument, SwarmJob};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::access::{self, Access, Operation};
use super::body::{Problem, placeholder};
use super::desk::Desk;
use super::{earlier, routes};

/// A port with an API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// The FrontEnd's: everything native.
    FrontEnd,
    /// The GlobalManager's: only the earlier routes.
    GlobalManager,
}

/// What the documents begin with.
#[derive(OpenApi)]
#[openapi(
    info(title = "Wharfinger", description = "Jobs on a cluster of nodes. Every refusal is a problem with a stable code: docs/errors."),
    tags((name = "jobs"), (name = "tasks"), (name = "nodes"), (name = "events"), (name = "simulation"), (name = "system"),
        (name = "earlier", description = "Routes of the earlier system, kept for its clients. They answer in plain text.")),
    components(schemas(Problem))
)]
struct Beginning;

impl Port {
    pub(super) fn routes(self) -> OpenApiRouter<Desk> {
        let routes = match self {
            Self::FrontEnd => routes::native().merge(earlier::front_end()),
            Self::GlobalManager => routes::health().merge(earlier::global_manager()),
        };
        OpenApiRouter::with_openapi(Beginning::openapi()).merge(routes)
    }
}

/// The document of a port.
#[must_use]
pub fn document(port: Port) -> Value {
    let (_, api) = port.routes().split_for_parts();
    let mut document = serde_json::to_value(api).expect("a document has no keys but text");
    document["components"]["securitySchemes"] =
        json!({"bearer": {"type": "http", "scheme": "bearer", "description": "`wh_<id>_<secret>`"}});
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object_mut().into_iter().flatten() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("documents name methods");
            if let Some(row) = access::operation(&method, path) {
                complete(row, operation);
            }
        }
    }
    refer(&mut document);
    bound(&mut document);
    tie(&mut document);
    stream(&mut document);
    document
}

/// Numbers are as large as what they are read into. A format says so only to those who know it.
fn bound(part: &mut Value) {
    match part {
        Value::Array(parts) => parts.iter_mut().for_each(bound),
        Value::Object(fields) => {
            // utoipa writes `u-int32` for what is `uint32` in the registry of formats and to schemars.
            let format = fields.get("format").and_then(Value::as_str).unwrap_or_default().replace("u-int", "uint");
            let range = match format.as_str() {
                "uint8" => Some((0, u64::from(u8::MAX))),
                "uint16" => Some((0, u64::from(u16::MAX))),
                "uint32" => Some((0, u64::from(u32::MAX))),
                "uint64" => Some((0, u64::MAX)),
                "int32" => Some((i32::MIN, i32::MAX as u64)),
                _ => None,
            };
            if let Some((least, most)) = range {
                fields["format"] = format.into();
                fields.entry("minimum").or_insert_with(|| least.into());
                fields.entry("maximum").or_insert_with(|| most.into());
            }
            fields.values_mut().for_each(bound);
        }
        _ => {}
    }
}

/// Fields that one action alone takes.
fn tie(document: &mut Value) {
    let ties = [("TaskAction", "to", json!({"type": "string"}), "migrate"), ("NodeAction", "migrate", json!({"const": true}), "drain")];
    for (schema, field, given, action) in ties {
        if let Some(schema) = document["components"]["schemas"].get_mut(schema) {
            schema["if"] = json!({"required": [field], "properties": {field: given}});
            schema["then"] = json!({"properties": {"action": {"const": action}}});
        }
    }
}

/// What a reader of server-sent events hands out is an event with fields; the JSON is text in one of them. A reader that is too slow
/// gets a problem as its last event, which has no number.
fn stream(document: &mut Value) {
    let place = "/paths/~1v1~1events/get/responses/200/content/text~1event-stream";
    let Some(content) = document.pointer_mut(place) else { return };
    let either = json!({"anyOf": [content["schema"].take(), {"$ref": "#/components/schemas/Problem"}]});
    let properties = json!({
        "id": {"type": "string", "description": "The event's number"},
        "event": {"type": "string", "description": "The event's type, or `problem`"},
        "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": either},
    });
    content["schema"] = json!({"type": "object", "required": ["event", "data"], "properties": properties});
}

/// What the table knows of an operation: who may use it, and what it may be refused with.
fn complete(row: &Operation, operation: &mut Value) {
    let is_earlier = row.path.starts_with("/RESTfulSwarm/");
    operation["security"] = match row.access {
        Access::Open => json!([]),
        Access::Role(role) => {
            operation["x-role"] = role.word().into();
            json!([{"bearer": []}])
        }
    };
    let has_body = operation.get("requestBody").is_some();
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    let within = |place: &str| parameters.iter().any(|parameter| parameter["in"] == place);
    let secured = row.access != Access::Open;
    let refusals = [
        ("400", "A field is wrong", has_body || is_earlier || within("query") || within("header")),
        ("401", "Who asks is not known", secured),
        ("403", "Who asks may not do that", secured),
        // A group of moves names its jobs in its body.
        ("404", "There is no such thing", within("path") || row.path == "/v1/jobs/actions/migrate"),
        ("408", "It took too long", true),
        ("409", "It does not go with the present state", row.changes),
        ("410", "The events are gone", row.path == "/v1/events"),
        ("413", "The body is too large", has_body),
        ("415", "The body is of another type", has_body),
        ("421", "The Host header names another host", true),
        ("429", "Too many at once", true),
        (
            "503",
            "The system is stopping, does not write, or the node is away",
            row.changes || ["/logs", "/progress"].iter().any(|end| row.path.ends_with(end)),
        ),
        ("507", "The store is full", row.changes),
    ];
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    for (status, description, _) in refusals.into_iter().filter(|(.., may)| *may) {
        responses.entry(status).or_insert_with(|| refusal(status, description, is_earlier));
    }
    responses.sort_keys();
}

fn refusal(status: &str, description: &str, is_earlier: bool) -> Value {
    let problem = json!({"schema": {"$ref": "#/components/schemas/Problem"}});
    let text = json!({"schema": {"type": "string"}});
    let mut content = Map::new();
    // The guard answers a problem everywhere; the earlier handlers answer text.
    content.insert("application/problem+json".to_owned(), problem);
    if is_earlier {
        content.insert("text/plain".to_owned(), text);
    }
    let mut response = json!({"description": description, "content": content});
    if matches!(status, "429" | "503" | "507") {
        response["headers"] = json!({"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 0}}});
    }
    response
}

/// Puts in the documents that `model` describes: jobs and policies.
fn refer(document: &mut Value) {
    let mut generator =
        SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = "/components/schemas".into()).into_generator();
    let native = generator.subschema_for::<NativeJob>().to_value();
    let swarm = generator.subschema_for::<SwarmJob>().to_value();
    let policy = generator.subschema_for::<PolicyDocument>().to_value();
    if let Some(question) = document["components"]["schemas"].get_mut("WhatIfQuestion") {
        question["properties"]["policy"] = policy.clone();
    }
    let bodies = [
        ("/v1/jobs", "post", json!({"anyOf": [native, swarm]}), example("native")),
        ("/v1/policies/placement", "put", policy, json!("best-fit")),
        ("/RESTfulSwarm/FE/request_new_job", "post", swarm.clone(), example("swarm")),
        ("/RESTfulSwarm/GM/request_new_job", "post", swarm, example("swarm")),
    ];
    for (path, method, schema, example) in bodies {
        if let Some(content) =
            document["paths"].get_mut(path).and_then(|path| path[method]["requestBody"]["content"].get_mut("application/json"))
        {
            *content = json!({"schema": schema, "example": example});
        }
    }
    let Some(schemas) = document["components"]["schemas"].as_object_mut() else { return };
    for (name, schema) in generator.take_definitions(true) {
        let before = schemas.insert(name, schema);
        debug_assert!(before.is_none_or(|before| before == placeholder()), "two schemas of one name");
    }
    schemas.sort_keys();
}

fn example(format: &str) -> Value {
    match format {
        "native" => {
            json!({"name": "tide", "tasks": {"run": {"kind": "container", "command": ["sleep", "5"], "resources": {"cores": 1, "memory": "64m"}}}})
        }
        _ => json!({"job_name": "job1-1", "job_info": {"network": {"name": "net"}, "tasks": {
            "job1-1_task1": {"container_name": "job1-1_task1", "image": "busybox", "command": "sleep 5", "req_cores": 1, "mem_limit": "10m"}}}}),
    }
}
