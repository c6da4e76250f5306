//! What is answered to a request.

use std::time::Duration;

use hyper::header::{ALLOW, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::time::timeout;

use super::looker::{Looker, Text};
use crate::text::metrics as text;

/// Where the metrics are.
const PATH: &str = "/metrics";
/// What Prometheus sends: how long it waits, in seconds.
const PATIENCE: &str = "x-prometheus-scrape-timeout-seconds";
/// What is left of that for the way back.
const FOR_THE_WAY: Duration = Duration::from_millis(500);
/// How long who does not say so waits for a look.
const USUAL: Duration = Duration::from_mins(1);

/// The answer to a request.
pub(super) async fn answer<B>(request: &Request<B>, looker: &Looker) -> Response<String> {
    if request.uri().path() != PATH {
        return plain(StatusCode::NOT_FOUND, text::NOT_FOUND);
    }
    if request.method() != Method::GET {
        let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, text::ONLY_GET);
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
        return answer;
    }
    match looked(looker, patience(request.headers())).await {
        Ok(metrics) => of(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", metrics),
        Err(why) => plain(StatusCode::SERVICE_UNAVAILABLE, &why),
    }
}

/// The text of a look, if it comes in time.
async fn looked(looker: &Looker, patience: Duration) -> Result<String, String> {
    let mut look = looker.look();
    let text = timeout(patience, look.wait_for(Option::is_some)).await;
    let text: Option<Text> = match text {
        Err(_) => return Err(text::TOO_SLOW.to_owned()),
        Ok(Err(_)) => None,
        Ok(Ok(text)) => text.clone(),
    };
    let bytes = text.unwrap_or_else(|| Err(text::CANNOT_SERVE.to_owned()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// How long a look may take for who asks so.
fn patience(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(PATIENCE).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let asked = seconds.and_then(|seconds: f64| Duration::try_from_secs_f64(seconds).ok());
    asked.map_or(USUAL, |asked| asked.saturating_sub(FOR_THE_WAY))
}

fn plain(status: StatusCode, line: &str) -> Response<String> {
    of(status, "text/plain; charset=utf-8", format!("{line}\n"))
}

fn of(status: StatusCode, kind: &'static str, body: String) -> Response<String> {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_second_is_left_for_the_way_back() {
        let of = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(PATIENCE, HeaderValue::from_static(value));
            patience(&headers)
        };
        assert_eq!(of("10"), Duration::from_millis(9_500));
        assert_eq!(of("0.25"), Duration::ZERO);
        for odd in ["", "-1", "NaN", "inf", "x"] {
            assert_eq!(of(odd), USUAL, "{odd}");
        }
        assert_eq!(patience(&HeaderMap::new()), USUAL);
    }
}
