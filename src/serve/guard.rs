//! Who is let in, and what goes out with every answer.
//!
//! A page of another site in the same browser can make it ask here. It cannot read answers, as nothing here allows other
//! origins; but it could reach us under a name of its own that it lets resolve to this machine (DNS rebinding), so a server for
//! this machine only answers to this machine's names. It could also have archives packed or streams opened by the
//! hundred, so other sites may lead here by a link to a page and by nothing else (`Sec-Fetch-Site`; W3C, "Fetch Metadata Request
//! Headers"). And it could put us in a frame and have the reader click: no page of ours can be framed.
//!
//! The token comes once as `?token=`, is put into a cookie that no script can read, and is redirected away, so that it
//! stays in neither the address bar nor the history. `SameSite=Lax`, since a link in a chat should open. Cookies
//! know no ports: the name has ours, so that two servers of one machine do not overwrite each other's.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{Server, address::Address, refusal};

/// What a response may do that says nothing else: nothing.
const NOTHING: &str =
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

/// Goes out with everything.
const ALWAYS: [(&str, &str); 7] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "DENY"),
    ("cache-control", "no-store"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    // Names in links are not looked up before somebody follows them.
    ("x-dns-prefetch-control", "off"),
];

/// What is done with a request.
#[derive(Debug, PartialEq, Eq)]
enum Decision {
    Answer,
    Refuse(StatusCode, &'static str),
    /// The token was right: it goes into a cookie, and the address goes on without it.
    Welcome(String),
}

/// Answers, or does not.
pub(super) async fn guard(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    let decision = decide(
        &server.address,
        request.method(),
        request.uri(),
        request.headers(),
    );
    let mut response = match decision {
        Decision::Answer => next.run(request).await,
        Decision::Refuse(status, why) => refusal(status, why),
        Decision::Welcome(to) => welcome(&server.address, &to),
    };
    let status = response.status();
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(NOTHING));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

fn decide(address: &Address, method: &Method, uri: &Uri, headers: &HeaderMap) -> Decision {
    if ![Method::GET, Method::HEAD].contains(method) {
        return Decision::Refuse(
            StatusCode::METHOD_NOT_ALLOWED,
            "This server only shows; it takes GET and HEAD.",
        );
    }
    if address.is_loopback() && !is_for_this_machine(uri, headers) {
        return Decision::Refuse(
            StatusCode::MISDIRECTED_REQUEST,
            "This server answers to the names of this machine only: http://127.0.0.1 or http://localhost, with its port.",
        );
    }
    if comes_from_elsewhere(headers) && !is_link_to_page(uri, headers) {
        return Decision::Refuse(
            StatusCode::FORBIDDEN,
            "Other sites may link to pages here, and nothing else.",
        );
    }
    let Some(token) = &address.token else {
        return Decision::Answer;
    };
    if let Some((given, rest)) = take_token(uri) {
        return match token.is(given.as_bytes()) {
            true => Decision::Welcome(rest),
            false => Decision::Refuse(StatusCode::UNAUTHORIZED, "That is not the token."),
        };
    }
    let cookie = cookie_name(address);
    let cookies = headers.get_all(header::COOKIE).into_iter();
    let mut cookies = cookies.flat_map(|c| c.as_bytes().split(|b| *b == b';'));
    let shown = cookies.any(|pair| {
        let pair = pair.trim_ascii();
        let value = pair.strip_prefix(cookie.as_bytes());
        let value = value.and_then(|v| v.strip_prefix(b"="));
        value.is_some_and(|v| token.is(v))
    });
    match shown {
        true => Decision::Answer,
        false => Decision::Refuse(
            StatusCode::UNAUTHORIZED,
            "This server asks for a token: open it once as /?token=TOKEN, with what `schism serve` printed or was given.",
        ),
    }
}

/// Whether the name that is asked for is one of this machine's own.
fn is_for_this_machine(uri: &Uri, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).into_iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let host = host.to_str().is_ok_and(is_local);
    // `GET http://elsewhere/ HTTP/1.1` says it a second time.
    host && uri.authority().is_none_or(|a| is_local(a.as_str()))
}

fn is_local(authority: &str) -> bool {
    let name = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']'),
        None => Some(authority.split_at(authority.find(':').unwrap_or(authority.len()))),
    };
    let Some((name, port)) = name else {
        return false;
    };
    let port = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|p| p.parse::<u16>().is_ok());
    // Any port: it may be another one that ssh forwards to ours.
    port && (name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.to_canonical().is_loopback()))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|v| v.to_str().unwrap_or("?"))
}

/// Whether a browser says that another site made it ask. `same-site` is elsewhere, too: every port of this machine is the
/// same site. Those who say nothing are not browsers of today.
fn comes_from_elsewhere(headers: &HeaderMap) -> bool {
    text(headers, "sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none"))
}

fn is_link_to_page(uri: &Uri, headers: &HeaderMap) -> bool {
    let path = uri.path();
    let costs =
        ["/api/", "/download/"].iter().any(|p| path.starts_with(p)) || path.ends_with("/events");
    text(headers, "sec-fetch-mode") == Some("navigate")
        && text(headers, "sec-fetch-dest") == Some("document")
        && !costs
}

/// The token in an address, and the address without it; on this server, whatever the path looks like.
fn take_token(uri: &Uri) -> Option<(&str, String)> {
    let query = uri.query()?;
    let given = query.split('&').find_map(|p| p.strip_prefix("token="))?;
    let others: Vec<&str> = query
        .split('&')
        .filter(|p| !p.starts_with("token="))
        .collect();
    // Two slashes, or a slash and a backslash, would lead to another host.
    let path = uri.path().trim_start_matches(['/', '\\']);
    let mut to = format!("/{path}");
    if !others.is_empty() {
        to.push('?');
        to.push_str(&others.join("&"));
    }
    Some((given, to))
}

fn cookie_name(address: &Address) -> String {
    format!("schism-{}", address.socket.port())
}

fn welcome(address: &Address, to: &str) -> Response {
    let token = address.token.as_ref().expect("it was compared");
    let cookie = format!(
        "{}={}; Path=/; HttpOnly; SameSite=Lax",
        cookie_name(address),
        token.reveal()
    );
    let headers = [
        (header::LOCATION, to.to_owned()),
        (header::SET_COOKIE, cookie),
    ];
    (StatusCode::SEE_OTHER, headers).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::address::tests::token;

    const SECRET: &str = "0123456789abcdef";

    fn local() -> Address {
        Address::new("127.0.0.1", 8080, None).unwrap()
    }

    fn open() -> Address {
        Address::new("0.0.0.0", 8080, Some(token(SECRET))).unwrap()
    }

    fn asked(address: &Address, uri: &str, headers: &[(&'static str, &str)]) -> Decision {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        decide(address, &Method::GET, &uri.parse().unwrap(), &map)
    }

    fn status(decision: &Decision) -> u16 {
        match decision {
            Decision::Answer => 200,
            Decision::Refuse(status, _) => status.as_u16(),
            Decision::Welcome(_) => 303,
        }
    }

    #[test]
    fn a_server_for_this_machine_answers_to_its_names_only() {
        for (host, code) in [
            ("127.0.0.1:8080", 200),
            ("127.0.0.1", 200),
            ("localhost:9000", 200),
            ("LocalHost", 200),
            ("[::1]:8080", 200),
            ("evil.example", 421),
            ("evil.example:8080", 421),
            ("127.0.0.1.evil.example", 421),
            ("localhost.evil.example", 421),
            ("localhost:8080@evil.example", 421),
            ("evil.example:80:localhost", 421),
            ("192.168.0.7:8080", 421),
            ("0.0.0.0:8080", 421),
            ("[::1", 421),
            ("", 421),
        ] {
            assert_eq!(
                status(&asked(&local(), "/", &[("host", host)])),
                code,
                "{host}"
            );
        }
        assert_eq!(status(&asked(&local(), "/", &[])), 421, "no name at all");
        let twice = [("host", "localhost"), ("host", "evil.example")];
        assert_eq!(status(&asked(&local(), "/", &twice)), 421);
        let absolute = asked(&local(), "http://evil.example/", &[("host", "localhost")]);
        assert_eq!(status(&absolute), 421);
    }

    #[test]
    fn it_only_shows() {
        let host = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("localhost"))]);
        let uri = "/".parse().unwrap();
        for method in [
            "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW",
        ] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let said = decide(&local(), &method, &uri, &host);
            assert_eq!(status(&said), 405, "{method}");
        }
        assert_eq!(
            decide(&local(), &Method::HEAD, &uri, &host),
            Decision::Answer
        );
    }

    #[test]
    fn other_sites_may_link_to_pages_and_do_nothing_else() {
        let page = "/register/kill/20261121T024512Z-k3f9/report.html";
        for (uri, site, mode, dest, code) in [
            ("/", "none", "navigate", "document", 200),
            ("/live/x/events", "same-origin", "cors", "empty", 200),
            (
                "/download/x.tar.gz",
                "same-origin",
                "navigate",
                "document",
                200,
            ),
            (page, "cross-site", "navigate", "document", 200),
            (page, "cross-site", "navigate", "iframe", 403),
            (page, "cross-site", "no-cors", "image", 403),
            (page, "same-site", "no-cors", "script", 403),
            ("/live/x/events", "cross-site", "cors", "empty", 403),
            ("/live/x/events", "cross-site", "navigate", "document", 403),
            ("/api/x/history", "same-site", "navigate", "document", 403),
            (
                "/download/x.tar.gz",
                "cross-site",
                "navigate",
                "document",
                403,
            ),
        ] {
            let headers = [
                ("host", "localhost:8080"),
                ("sec-fetch-site", site),
                ("sec-fetch-mode", mode),
                ("sec-fetch-dest", dest),
            ];
            let said = asked(&local(), uri, &headers);
            assert_eq!(status(&said), code, "{uri} {site} {mode} {dest}");
        }
    }

    #[test]
    fn a_token_is_asked_for_once_and_shown_in_a_cookie_after() {
        for (uri, cookie, code) in [
            ("/", "", 401),
            ("/?token=", "", 401),
            ("/?token=0123456789abcdeF", "", 401),
            ("/?token=0123456789abcdef", "", 303),
            ("/?x=1&token=0123456789abcdef", "", 303),
            // A wrong token is wrong, also with a right cookie.
            ("/?token=no", "schism-8080=0123456789abcdef", 401),
            ("/", "schism-8080=0123456789abcdef", 200),
            ("/", "a=b; schism-8080=0123456789abcdef; c=d", 200),
            ("/", "schism-8081=0123456789abcdef", 401),
            ("/", "schism-8080=0123456789abcde", 401),
            ("/", "schism-8080", 401),
            ("/", "schism-8080=", 401),
            ("/", "xschism-8080=0123456789abcdef", 401),
            ("/live/x/events", "", 401),
            ("/api/x/history", "", 401),
            ("/download/x.tar.gz", "", 401),
        ] {
            let said = asked(&open(), uri, &[("host", "any.example"), ("cookie", cookie)]);
            assert_eq!(status(&said), code, "{uri} {cookie}");
        }
    }

    #[test]
    fn after_the_token_one_stays_on_this_server() {
        for (uri, to) in [
            ("/?token=0123456789abcdef", "/"),
            ("/a/b?x=1&token=0123456789abcdef&y=2", "/a/b?x=1&y=2"),
            ("//evil.example/?token=0123456789abcdef", "/evil.example/"),
            ("///evil.example/?token=0123456789abcdef", "/evil.example/"),
            ("/?token=0123456789abcdef&token=x", "/"),
        ] {
            let said = asked(&open(), uri, &[("host", "any.example")]);
            assert_eq!(said, Decision::Welcome(to.to_owned()), "{uri}");
        }
        let response = welcome(&open(), "/");
        let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
        for part in [
            "schism-8080=0123456789abcdef",
            "HttpOnly",
            "SameSite=Lax",
            "Path=/",
        ] {
            assert!(cookie.contains(part), "{cookie}");
        }
    }
}
