//! Asks a tracker, and holds each answer against the document.

use std::collections::BTreeSet;

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use super::super::rig::Rig;
use super::contract::{Answer, Contract, Operation};
use crate::testing::{NOW, box_id};

/// The token that operators show.
pub(super) const TOKEN: &str = "a-token-of-the-operator";

/// What is there in this test, in the place of what a path leaves open.
pub(super) fn filled(path: &str) -> String {
    path.replace("{channel}", "demo")
        .replace("{epoch}", &NOW.to_string())
        .replace("{id}", &box_id(1).to_string())
}

/// Holds answers against the document.
pub(super) struct Witness {
    pub(super) contract: Contract,
    pub(super) seen: BTreeSet<(Operation, u16)>,
}

impl Witness {
    pub(super) async fn of(rig: &Rig) -> Self {
        let contract = Contract::of(rig).await;
        Self {
            contract,
            seen: BTreeSet::new(),
        }
    }

    /// Asks; the answer has to be one that the document has.
    pub(super) async fn asks(
        &mut self,
        request: RequestBuilder,
        method: &Method,
        path: &str,
    ) -> (u16, Value) {
        let answer = Answer::of(request.send().await.unwrap()).await;
        let operation = (method.as_str().to_lowercase(), path.to_owned());
        if let Err(wrong) = self.contract.check(&operation, &answer) {
            let body = String::from_utf8_lossy(&answer.body);
            panic!("{operation:?} {}: {wrong}\n{body}", answer.status);
        }
        self.seen.insert((operation, answer.status));
        let body = serde_json::from_slice(&answer.body).unwrap_or_default();
        (answer.status, body)
    }

    pub(super) async fn gets(&mut self, rig: &Rig, path: &str) -> (u16, Value) {
        let request = rig.client.get(format!("{}{path}", rig.base));
        self.asks(request.bearer_auth(TOKEN), &Method::GET, path).await
    }

    pub(super) async fn posts(&mut self, rig: &Rig, path: &str, body: impl Into<reqwest::Body>) -> u16 {
        let request = rig.client.post(format!("{}{path}", rig.base)).body(body);
        self.asks(request, &Method::POST, path).await.0
    }

    /// Gives an order about what is there; the document and the tracker are of one mind about its body.
    pub(super) async fn orders(
        &mut self,
        rig: &Rig,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> u16 {
        let request = rig
            .client
            .request(method.clone(), format!("{}{}", rig.base, filled(path)));
        let request = request.bearer_auth(TOKEN);
        let request = body.map_or(request.try_clone().unwrap(), |body| {
            request.body(body.to_string())
        });
        let status = self.asks(request, &method, path).await.0;
        if let Some(body) = body {
            let operation = (method.as_str().to_lowercase(), path.to_owned());
            let read = self.contract.check_request(&operation, body);
            assert_eq!(read.is_ok(), status == 204, "{path} {body}: {read:?}");
        }
        status
    }
}
