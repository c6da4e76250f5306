//! Connections: so many at once, each with one request, and none without end.

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::answer::answer;
use super::looker::Looker;

/// How many connections are served at once; further ones wait to be accepted.
const CONNECTIONS: u32 = 16;
/// How long a client may take to ask.
const ASKING: Duration = Duration::from_secs(10);
/// How long a connection may last: longer than any scrape waits as a rule.
const LASTING: Duration = Duration::from_mins(2);
/// How long answers that are being written are waited for at the end.
const ENDING: Duration = Duration::from_secs(1);
/// How long is waited where no connection can be accepted: descriptors may have run out.
const REST: Duration = Duration::from_millis(100);

/// Serves until `end`.
pub(super) async fn until(
    listener: TcpListener,
    looker: Looker,
    end: impl Future<Output = ()>,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let places = Arc::new(Semaphore::new(CONNECTIONS as usize));
    let accepting = tokio::spawn(accept(listener, looker, Arc::clone(&places)));
    end.await;
    accepting.abort();
    // Whoever is not done by then is cut off.
    let _ = timeout(ENDING, places.acquire_many(CONNECTIONS)).await;
    Ok(())
}

async fn accept(listener: tokio::net::TcpListener, looker: Looker, places: Arc<Semaphore>) {
    // The semaphore is never closed.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let looker = looker.clone();
                tokio::spawn(async move {
                    serve(stream, looker).await;
                    drop(place);
                });
            }
            Err(_) => sleep(REST).await,
        }
    }
}

/// One request and its answer. What goes wrong on the way is the client's to see.
async fn serve(stream: TcpStream, looker: Looker) {
    let service = service_fn(move |request| {
        let looker = looker.clone();
        async move { Ok::<_, std::convert::Infallible>(answer(&request, &looker).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(ASKING).keep_alive(false);
    let _ = timeout(LASTING, http.serve_connection(TokioIo::new(stream), service)).await;
}
