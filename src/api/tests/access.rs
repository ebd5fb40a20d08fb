//! Every operation of the documents with every role.

use link::token::{ApiToken, JoinToken};
use model::{Millis, Request, Role, Token};
use secrecy::ExposeSecret;

use super::site::{Answer, Site, named};
use crate::api::access::{self, Access, OPERATIONS};
use crate::api::{Port, document};

/// Pages are no operations of a document.
const PAGES: [&str; 5] = ["/", "/assets/{hash}/{file}", "/docs", "/docs/", "/docs/{*rest}"];

fn guarded() -> Site {
    Site::with(actors::Limits::default(), 64, |options| options.tokens_required = true)
}

impl Site {
    /// Makes a token of this role, which ends then; what to show.
    fn token(&self, role: Role, expires: Millis) -> String {
        let token = ApiToken::new();
        self.keep(&token.id, role, token.hash().into(), expires);
        format!("Bearer {}", token.reveal().expose_secret())
    }

    fn keep(&self, id: &str, role: Role, hash: [u8; 32], expires: Millis) {
        let kept = Token { id: named(id), note: String::new(), role, hash, made: Millis::ZERO, expires, once: role.joins() };
        self.ask(Request::AddToken(Box::new(kept)));
    }

    fn as_bearer(&self, port: Port, method: &str, path: &str, bearer: Option<&str>) -> Answer {
        let to = if port == Port::FrontEnd { self.front_end } else { self.global_manager };
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(bearer.map(|bearer| ("authorization", bearer)));
        self.send_to(to, method, path, &headers, if method == "GET" { b"" } else { b"{}" })
    }
}

/// A row of the documents: port, method, path, role.
fn rows() -> Vec<(Port, String, String, Option<String>)> {
    let mut rows = Vec::new();
    for port in [Port::FrontEnd, Port::GlobalManager] {
        for (path, methods) in document(port)["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let role = operation.get("x-role").map(|role| role.as_str().unwrap().to_owned());
                assert_eq!(operation["security"].as_array().unwrap().is_empty(), role.is_none(), "{method} {path}");
                rows.push((port, method.to_uppercase(), path.clone(), role));
            }
        }
    }
    rows
}

#[test]
fn every_operation_has_a_row_and_every_row_an_operation() {
    let documented = rows();
    assert!(documented.len() > 40, "{}", documented.len());
    for (_, method, path, role) in &documented {
        let row = access::operation(&method.parse().unwrap(), path).unwrap_or_else(|| panic!("{method} {path}: no row in the table"));
        let needed = if let Access::Role(role) = row.access { Some(role.word()) } else { None };
        assert_eq!(needed, role.as_deref(), "{method} {path}");
        assert_eq!(row.changes, method != "GET" || path.contains("/switch_scheduler/") || path.ends_with("/init"), "{method} {path}");
    }
    for row in OPERATIONS.iter().filter(|row| !PAGES.contains(&row.path)) {
        assert!(documented.iter().any(|(_, method, path, _)| method == row.method.as_str() && path == row.path), "{row:?}: not documented");
    }
}

#[test]
fn every_operation_answers_every_role_as_the_table_says() {
    let site = guarded();
    let bearers: Vec<(Role, String)> = Role::ALL.map(|role| (role, site.token(role, Millis::NEVER))).into();
    for (port, method, path, role) in rows() {
        let filled = path.replace("{job}", "j77").replace("{task}", "run").replace("{node}", "n").replace("{id}", "none");
        let filled = filled.replace("{name}", "best-fit").replace("{hostname}", "n");
        // A stream would not end; a number that is not there yet is refused at once.
        let filled = if path == "/v1/events" { format!("{filled}?since=99999999") } else { filled };
        let filled = if path == "/v1/cells" { format!("{filled}?frames=1") } else { filled };
        let needed = role.map(|role| Role::ALL.into_iter().find(|known| known.word() == role).unwrap());
        let without = site.as_bearer(port, &method, &filled, None).status;
        assert_eq!(without == 401, needed.is_some(), "{method} {path} without a token: {without}");
        for (role, bearer) in &bearers {
            let answer = site.as_bearer(port, &method, &filled, Some(bearer));
            let enough = needed.is_none_or(|needed| role.includes(needed));
            assert_eq!(answer.status == 403, !enough, "{method} {path} as {role:?}: {answer:?}");
            assert!(answer.status != 401 && answer.status < 500, "{method} {path} as {role:?}: {answer:?}");
        }
    }
}

#[test]
fn a_token_that_is_wrong_ended_revoked_or_of_another_kind_is_refused() {
    let site = guarded();
    let good = site.token(Role::Read, Millis::NEVER);
    assert_eq!(site.as_bearer(Port::FrontEnd, "GET", "/v1/jobs", Some(&good)).status, 200);
    let ended = site.token(Role::Admin, site.trial.door.now());
    let forged = format!("{}{}", &good[..good.len() - 1], if good.ends_with('a') { 'b' } else { 'a' });
    let join = JoinToken::new(site.options.authority.unwrap());
    site.keep(&join.id, Role::Join, join.hash().into(), Millis::NEVER);
    let join = format!("Bearer {}", join.reveal().expose_secret());
    let unknown = format!("Bearer {}", ApiToken::new().reveal().expose_secret());
    for bearer in [&ended, &forged, &join, &unknown, "Bearer", "Bearer x", "Basic YTpi", "bearer wh__"] {
        let answer = site.as_bearer(Port::FrontEnd, "GET", "/v1/jobs", Some(bearer));
        assert_eq!(answer.problem(), (401, "api-unauthorized".into(), "Authorization".into()), "{bearer}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        let secret = bearer.split(['_', ' ']).next_back().unwrap();
        assert!(secret.len() < 10 || !answer.text.contains(secret), "{answer:?}");
    }
    let id = good.split('_').nth(1).unwrap().to_owned();
    site.ask(Request::RevokeToken(named(&id)));
    assert_eq!(site.as_bearer(Port::FrontEnd, "GET", "/v1/jobs", Some(&good)).status, 401);
}

#[test]
fn where_no_token_is_asked_for_a_token_that_is_shown_counts() {
    let site = Site::open();
    let read = site.token(Role::Read, Millis::NEVER);
    assert_eq!(site.as_bearer(Port::FrontEnd, "GET", "/v1/tokens", None).status, 200);
    assert_eq!(site.as_bearer(Port::FrontEnd, "GET", "/v1/tokens", Some(&read)).status, 403);
}
