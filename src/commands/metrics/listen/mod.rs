//! `portwho metrics --listen`: serves the metrics over HTTP, for who has no collector of files.
//!
//! One thread serves, another one looks: a look blocks, and a scrape may not wait for it without end.

mod answer;
mod looker;
mod serve;

use std::future::pending;
use std::net::{SocketAddr, TcpListener};

use anyhow::{Context, anyhow};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::wanted;
use crate::cli::MetricsRequest;
use crate::commands::{Outcome, Output};
use crate::platform::{System, SystemRequest, reason};
use crate::text::metrics as text;
use looker::Looker;

/// Serves until the system requests an end.
pub(super) fn run<S: System + Sync>(
    request: &MetricsRequest,
    address: SocketAddr,
    system: &'static S,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let looker = Looker::start(wanted(request, system)?, system).context(text::CANNOT_SERVE)?;
    let listener = TcpListener::bind(address)
        .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
        .map_err(|error| anyhow!(text::not_listening(address, &reason(&error))))?;
    let (tell, requests) = unbounded_channel();
    let tell = move |request| _ = tell.send(request);
    system.on_request(Box::new(tell)).context(text::CANNOT_SERVE)?;
    // Port 0 is any.
    output.remark(text::serving(listener.local_addr().unwrap_or(address)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let serving = serve::until(listener, looker, end(requests, system));
    runtime.context(text::CANNOT_SERVE)?.block_on(serving).context(text::CANNOT_SERVE)?;
    Ok(Outcome::Success)
}

/// Resolves when the system requests an end. Where it requests nothing, never.
async fn end<S: System>(mut requests: UnboundedReceiver<SystemRequest>, system: &'static S) {
    while let Some(request) = requests.recv().await {
        match request {
            SystemRequest::End(_) => return,
            SystemRequest::Die(_) | SystemRequest::Stop | SystemRequest::Continue => {
                system.obey(request);
            }
        }
    }
    pending::<()>().await;
}
