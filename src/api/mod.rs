//! The REST interface: native routes, the earlier routes, SSE, Swagger UI. It asks machines and their read model, never a store.

pub mod body;
