//! The documents, the pages and the dashboard.

use std::path::Path;

use serde_json::Value;

use super::site::Site;
use crate::api::{METRICS, Port, document};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_published_schema_of_each_port_is_that_of_the_code() {
    for (port, file) in [(Port::FrontEnd, "docs/openapi.json"), (Port::GlobalManager, "docs/openapi-global-manager.json")] {
        let text = format!("{}\n", serde_json::to_string_pretty(&document(port)).unwrap());
        let path = root().join(file);
        if std::env::var_os("WHARFINGER_BLESS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(published == text, "{file} is not what the code says; run `cargo xtask schema`");
    }
}

#[test]
fn documents_are_whole() {
    for port in [Port::FrontEnd, Port::GlobalManager] {
        let document = document(port);
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        let mut ids = std::collections::BTreeSet::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let responses = operation["responses"].as_object().unwrap();
                assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{method} {path}: its id comes twice");
                assert!(responses.keys().any(|status| status.starts_with('2') || status == "406"), "{method} {path}");
                assert!(operation["summary"].is_string(), "{method} {path}: no summary");
                for (status, response) in responses.iter().filter(|(status, _)| status.starts_with('4')) {
                    assert!(response["content"].is_object(), "{method} {path} {status}: no content");
                }
            }
        }
        check_references(&document, &document);
        check_ranges(&document);
    }
}

/// A whole number has the range of its format, which not every reader knows.
fn check_ranges(part: &Value) {
    match part {
        Value::Object(fields) => {
            if fields.get("format").and_then(Value::as_str).is_some_and(|format| format.contains("int")) {
                assert!(["minimum", "maximum"].iter().all(|end| fields.get(*end).is_some_and(Value::is_number)), "{fields:?}");
            }
            fields.values().for_each(check_ranges);
        }
        Value::Array(items) => items.iter().for_each(check_ranges),
        _ => {}
    }
}

/// Every reference leads to a schema of the document.
fn check_references(document: &Value, part: &Value) {
    match part {
        Value::Object(fields) => {
            if let Some(Value::String(to)) = fields.get("$ref") {
                let found = document.pointer(to.trim_start_matches('#'));
                assert!(found.is_some(), "{to} leads nowhere");
            }
            fields.values().for_each(|field| check_references(document, field));
        }
        Value::Array(items) => items.iter().for_each(|item| check_references(document, item)),
        _ => {}
    }
}

#[test]
fn the_page_names_what_is_served_for_good_and_nothing_from_elsewhere() {
    let site = Site::open();
    let page = site.get("/");
    assert_eq!((page.status, page.header("content-type"), page.header("cache-control")), (200, "text/html; charset=utf-8", "no-cache"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    let named: Vec<&str> = page.text.split('"').filter(|part| part.starts_with("assets/")).collect();
    assert_eq!(named.len(), 3, "{}", page.text);
    for name in named {
        let asset = site.get(&format!("/{name}"));
        assert!(asset.status == 200 && asset.header("cache-control").contains("immutable"), "{name}: {asset:?}");
        let (_, file) = name.rsplit_once('/').unwrap();
        assert_eq!(site.get(&format!("/assets/0123456789abcdef/{file}")).status, 404, "another hash, another file");
    }
    assert!(!page.text.contains("<script>") && !page.text.contains("style="), "nothing is inline");
    let hash = page.text.split("assets/").nth(1).unwrap().split('/').next().unwrap();
    assert_eq!(site.get(&format!("/assets/{hash}/../page.js")).status, 404);
    assert_eq!(site.get(&format!("/assets/{hash}/other.js")).problem().1, "api-unknown-route");
}

#[test]
fn the_document_and_swagger_ui_are_served() {
    let site = Site::open();
    assert_eq!(site.get("/openapi.json").json(), document(Port::FrontEnd));
    let page = site.get("/docs/");
    assert!(page.status == 200 && page.text.contains("swagger-ui"), "{page:?}");
    assert!(site.get("/docs/swagger-initializer.js").text.contains("/openapi.json"));
    assert_eq!(site.get("/docs/swagger-ui.css").status, 200);
}

#[test]
fn the_dashboard_asks_for_series_that_there_are() {
    let text = std::fs::read_to_string(root().join("docs/grafana/wharfinger.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let mut asked = 0;
    for target in dashboard["panels"].as_array().unwrap().iter().flat_map(|panel| panel["targets"].as_array().unwrap()) {
        let query = target["expr"].as_str().unwrap();
        for name in
            query.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').filter(|word| word.starts_with("wharfinger_"))
        {
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            assert!(METRICS.iter().any(|(known, _)| *known == base || *known == name), "{query}: {name}");
            asked += 1;
        }
    }
    assert!(asked >= 12, "{asked}");
    let page = std::fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    let unsaid: Vec<_> = METRICS.iter().filter(|(name, _)| !page.contains(&format!("`{name}`"))).collect();
    assert!(unsaid.is_empty(), "docs/metrics.md says nothing of {unsaid:?}");
}
