//! Who may do what: one row for each operation. A request of a path and method that has no row is never authorised.

use axum::http::Method;
use model::Role;

/// What an operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing: whoever reaches the port may ask.
    Open,
    /// A token of this role or a later one.
    Role(Role),
}

/// An operation.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Its method.
    pub method: Method,
    /// Its path as a template.
    pub path: &'static str,
    /// What it needs.
    pub access: Access,
    /// It changes something.
    pub changes: bool,
}

const fn open(path: &'static str) -> Operation {
    Operation { method: Method::GET, path, access: Access::Open, changes: false }
}
const fn read(path: &'static str) -> Operation {
    Operation { method: Method::GET, path, access: Access::Role(Role::Read), changes: false }
}
const fn change(method: Method, path: &'static str, role: Role) -> Operation {
    Operation { method, path, access: Access::Role(role), changes: true }
}

/// Every operation of both ports.
pub const OPERATIONS: &[Operation] = &[
    // The commonest first: the table is searched in its order.
    change(Method::POST, "/v1/jobs", Role::Submit),
    read("/v1/jobs"),
    read("/v1/jobs/{job}"),
    read("/v1/jobs/{job}/why"),
    read("/v1/jobs/{job}/tasks/{task}"),
    read("/v1/jobs/{job}/tasks/{task}/logs"),
    read("/v1/jobs/{job}/tasks/{task}/progress"),
    change(Method::DELETE, "/v1/jobs/{job}", Role::Submit),
    change(Method::POST, "/v1/jobs/{job}/actions", Role::Submit),
    change(Method::PATCH, "/v1/jobs/{job}/tasks/{task}", Role::Submit),
    change(Method::POST, "/v1/jobs/{job}/tasks/{task}/actions", Role::Operate),
    change(Method::POST, "/v1/jobs/actions/migrate", Role::Operate),
    read("/v1/nodes"),
    read("/v1/nodes/{node}"),
    change(Method::POST, "/v1/nodes", Role::Operate),
    change(Method::PATCH, "/v1/nodes/{node}", Role::Operate),
    change(Method::DELETE, "/v1/nodes/{node}", Role::Operate),
    change(Method::POST, "/v1/nodes/{node}/actions", Role::Operate),
    read("/v1/policies"),
    change(Method::PUT, "/v1/policies/placement", Role::Admin),
    read("/v1/events"),
    read("/v1/cells"),
    read("/v1/queue"),
    read("/v1/history"),
    read("/v1/whoami"),
    change(Method::POST, "/v1/whatif", Role::Read),
    change(Method::POST, "/v1/gc", Role::Operate),
    Operation { method: Method::GET, path: "/v1/tokens", access: Access::Role(Role::Admin), changes: false },
    change(Method::POST, "/v1/tokens", Role::Admin),
    change(Method::DELETE, "/v1/tokens/{id}", Role::Admin),
    read("/v1/actors"),
    read("/v1/snapshot"),
    read("/v1/export"),
    read("/metrics"),
    open("/healthz"),
    open("/readyz"),
    open("/openapi.json"),
    open("/"),
    open("/assets/{hash}/{file}"),
    open("/docs"),
    open("/docs/"),
    open("/docs/{*rest}"),
    // The earlier routes. Two of them change something on GET.
    change(Method::POST, "/RESTfulSwarm/FE/request_new_job", Role::Submit),
    change(Method::GET, "/RESTfulSwarm/FE/switch_scheduler/{name}", Role::Admin),
    change(Method::GET, "/RESTfulSwarm/GM/init", Role::Admin),
    change(Method::POST, "/RESTfulSwarm/GM/request_join", Role::Operate),
    change(Method::POST, "/RESTfulSwarm/GM/request_new_task", Role::Submit),
    change(Method::POST, "/RESTfulSwarm/GM/request_new_job", Role::Submit),
    change(Method::POST, "/RESTfulSwarm/GM/checkpoint_cons", Role::Operate),
    change(Method::POST, "/RESTfulSwarm/GM/request_migrate", Role::Operate),
    change(Method::POST, "/RESTfulSwarm/GM/request_group_migration", Role::Operate),
    change(Method::POST, "/RESTfulSwarm/GM/request_leave", Role::Operate),
    change(Method::POST, "/RESTfulSwarm/GM/request_update_container", Role::Submit),
    read("/RESTfulSwarm/GM/get_worker_list"),
    read("/RESTfulSwarm/GM/{hostname}/describe_worker"),
    read("/RESTfulSwarm/GM/{hostname}/describe_manager"),
];

/// The operation of a method on a path template, where there is one. HEAD asks for what GET would answer.
#[must_use]
pub fn operation(method: &Method, path: &str) -> Option<&'static Operation> {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    OPERATIONS.iter().find(|operation| operation.path == path && operation.method == *method)
}

/// The methods that a path has, as the Allow header lists them.
#[must_use]
pub fn methods(path: &str) -> String {
    let mut words: Vec<&str> = OPERATIONS.iter().filter(|known| known.path == path).map(|known| known.method.as_str()).collect();
    if words.contains(&"GET") {
        words.push("HEAD");
    }
    words.join(", ")
}
