//! What is asked for most, before the router: finding a way through all routes takes about as long as making a manifest.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::Response;
use hyper::body::Incoming;
use program::http::misses::TooOften;
use program::http::{Answers, Peer, Routes, error};

use super::{App, documents, pages, routes};

/// All that a tracker answers.
#[derive(Clone)]
pub struct Front {
    app: Arc<App>,
    routes: Routes,
}

impl Front {
    /// The routes of this tracker, and what goes before them.
    pub fn new(app: Arc<App>) -> Self {
        let routes = Routes::new(routes().with_state(app.clone()));
        Self { app, routes }
    }
}

impl Answers for Front {
    fn answer(
        &self,
        request: Request<Incoming>,
        peer: Peer,
    ) -> impl Future<Output = Response> + Send + 'static {
        let Self { app, routes } = self.clone();
        let client = app.policy.proxies.client(peer.0.ip(), request.headers());
        let peer = Peer((client, peer.0.port()).into());
        let refused = app.asks_too_often(client);
        let for_a_person = pages::reads_pages(request.method(), request.headers());
        let answer = async move {
            if let Some(refused) = refused {
                return refused;
            }
            match document(request.method(), request.uri()) {
                Some((channel, name)) => {
                    let caller = app.caller(request.headers(), peer);
                    documents::answer(&app, channel, name, request.uri().query(), &caller).await
                }
                None => routes.answer(request, peer).await,
            }
        };
        async move {
            let answer = answer.await;
            if for_a_person {
                pages::readable(answer).await
            } else {
                answer
            }
        }
    }
}

impl App {
    /// What an address is told that asks more than it may. Requests from the tracker's own machine are not counted.
    fn asks_too_often(&self, client: IpAddr) -> Option<Response> {
        if client.is_loopback() {
            return None;
        }
        let TooOften { retry_after } = self.requests.note(client, self.clock.now()).err()?;
        let seconds = retry_after.as_secs() + 1;
        let words =
            "there are more requests from this address than a tracker answers: --requests-per-address";
        let mut refusal = error(StatusCode::TOO_MANY_REQUESTS, words);
        refusal.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        Some(refusal)
    }
}

/// The channel and the document that are asked for, if a document is. Whoever spells it in another way goes by the router.
fn document<'a>(method: &Method, uri: &'a Uri) -> Option<(&'a str, &'a str)> {
    let path = Some(uri.path()).filter(|path| method == Method::GET && !path.contains('%'))?;
    let (channel, name) = path.strip_prefix("/live/")?.split_once('/')?;
    let is_whole = !channel.is_empty() && !name.is_empty() && !name.contains('/');
    is_whole.then_some((channel, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_documents_in_their_usual_spelling_pass_by_the_router() {
        let found = |method, uri: &'static str| {
            let uri = Uri::from_static(uri);
            document(&method, &uri).map(|(channel, name)| format!("{channel} {name}"))
        };
        let usual = found(Method::GET, "/live/demo/manifest.mpd?session=x/y");
        assert_eq!(usual.as_deref(), Some("demo manifest.mpd"));
        assert_eq!(found(Method::HEAD, "/live/demo/manifest.mpd"), None);
        for other in [
            "/",
            "/live/demo",
            "/live//x",
            "/live/demo/",
            "/live/demo/1/v0/1.m4v",
            "/live/d%65mo/manifest.mpd",
            "/compat/live/demo/x",
        ] {
            assert_eq!(found(Method::GET, other), None, "{other}");
        }
    }
}
