//! A run's files as they are. Its report is a page of ours; everything else that is text is `text/plain`, whatever its name says,
//! and what is no text is for saving.
//!
//! A report is sent with the policy of this program's reports, not with the one that it has itself: whoever could forge a report
//! could forge that, too. So one that another version wrote shows without its explorer, until `schism check RUN` writes it anew.

use std::{
    fs::File,
    io::{self, Read, Seek},
    sync::Arc,
};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderName, HeaderValue, Uri, header},
    response::{IntoResponse, Response},
};

use super::{Server, jail, not_found};
use crate::flow::blocking;

/// How much is read at a time.
const CHUNK: usize = 64 * 1024;
/// How much is looked at to tell text from other things.
const LOOK: usize = 8 * 1024;
/// The page of a run.
const REPORT: &str = "report.html";
/// What text is.
pub(super) const TEXT: &str = "text/plain; charset=utf-8";

/// Sends one.
pub(super) async fn file(State(server): State<Arc<Server>>, uri: Uri) -> Response {
    let Some(names) = jail::parse(uri.path()) else {
        return not_found();
    };
    let opened = blocking(move || {
        let mut file = server.jail.file(&names)?;
        let kind = Kind::of(&names, &mut file).ok()?;
        let length = file.metadata().ok()?.len();
        Some((file, kind, length))
    });
    let Some((file, kind, length)) = opened.await else {
        return not_found();
    };
    let mut headers = kind.headers();
    headers.push((header::CONTENT_LENGTH, HeaderValue::from(length)));
    let mut response = body(file, length).into_response();
    response.headers_mut().extend(headers);
    response
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Report,
    Text,
    Other,
}

impl Kind {
    /// Of an open file, which is at its beginning afterwards.
    fn of(names: &[String], file: &mut File) -> io::Result<Self> {
        // CASE/FAULTS/RUN/report.html. One that a node's log folder brought along is none of ours.
        if names.len() == 4 && names[3] == REPORT {
            return Ok(Self::Report);
        }
        let mut start = Vec::with_capacity(LOOK);
        file.by_ref().take(LOOK as u64).read_to_end(&mut start)?;
        file.rewind()?;
        Ok(match start.contains(&0) {
            true => Self::Other,
            false => Self::Text,
        })
    }

    fn headers(self) -> Vec<(HeaderName, HeaderValue)> {
        match self {
            Self::Report => page_headers(&reports::html::policy()),
            Self::Text => vec![(header::CONTENT_TYPE, HeaderValue::from_static(TEXT))],
            Self::Other => vec![
                (
                    header::CONTENT_TYPE,
                    HeaderValue::from_static("application/octet-stream"),
                ),
                (
                    header::CONTENT_DISPOSITION,
                    HeaderValue::from_static("attachment"),
                ),
            ],
        }
    }
}

/// What a page of ours is sent with: the policy that it has of itself, and that nobody may frame it, which a page cannot say.
pub(super) fn page_headers(policy: &str) -> Vec<(HeaderName, HeaderValue)> {
    let policy = format!("{policy}; frame-ancestors 'none'");
    vec![
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_str(&policy).expect("a policy is ASCII"),
        ),
    ]
}

/// A page of ours.
pub(super) fn page(html: impl Into<Body>, policy: &str) -> Response {
    let mut response = html.into().into_response();
    response.headers_mut().extend(page_headers(policy));
    response
}

/// As much of a file as there was when it was opened, read as fast as it is taken.
fn body(file: File, length: u64) -> Body {
    Body::from_stream(futures::stream::unfold(
        Some((file, length)),
        |left| async move {
            let (mut file, left) = left.filter(|(_, left)| *left > 0)?;
            let read = blocking(move || {
                let mut chunk = vec![0; CHUNK.min(usize::try_from(left).unwrap_or(CHUNK))];
                let n = file.read(&mut chunk)?;
                chunk.truncate(n);
                match n {
                    0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
                    _ => Ok((Bytes::from(chunk), file)),
                }
            });
            Some(match read.await {
                Ok((chunk, file)) => {
                    let left = left - chunk.len() as u64;
                    (Ok(chunk), Some((file, left)))
                }
                Err(error) => (Err(error), None),
            })
        },
    ))
}
