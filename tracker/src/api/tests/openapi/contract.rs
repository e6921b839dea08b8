//! The document, and whether an answer keeps to it.

use std::collections::BTreeSet;

use reqwest::Response;
use serde_json::{Value, json};

use super::super::rig::Rig;

/// A method in lower case, and a path with its variable parts in braces.
pub(super) type Operation = (String, String);

const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

/// What a tracker says of itself.
pub(super) struct Contract(Value);

/// An answer as far as the document says something of it.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: reqwest::header::HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) async fn of(response: Response) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await.unwrap().to_vec(),
        }
    }
}

impl Contract {
    pub(super) async fn of(rig: &Rig) -> Self {
        Self(rig.json(super::super::super::openapi::PATH).await)
    }

    /// The document of that text.
    pub(super) fn from_text(text: &str) -> Self {
        Self(serde_json::from_str(text).unwrap())
    }

    pub(super) fn text(&self) -> String {
        self.0.to_string()
    }

    pub(super) fn operations(&self) -> BTreeSet<Operation> {
        let paths = self.0["paths"].as_object().unwrap().iter();
        let of_path = |(path, item): (&String, &Value)| {
            let methods = METHODS.into_iter().filter(|method| item.get(method).is_some());
            let path = path.clone();
            let of_method = |method: &str| (method.to_owned(), path.clone());
            methods.map(of_method).collect::<Vec<_>>()
        };
        paths.flat_map(of_path).collect()
    }

    /// All answers that there may be.
    pub(super) fn answers(&self) -> BTreeSet<(Operation, u16)> {
        let answers = self.operations().into_iter().flat_map(|operation| {
            let statuses = self.operation(&operation)["responses"].as_object().unwrap();
            let statuses: Vec<u16> = statuses.keys().map(|status| status.parse().unwrap()).collect();
            statuses
                .into_iter()
                .map(move |status| (operation.clone(), status))
        });
        answers.collect()
    }

    /// Those that take a token.
    pub(super) fn takes_token(&self, operation: &Operation) -> bool {
        self.operation(operation)["security"] == json!([{"token": []}])
    }

    /// What is wrong with an answer, if anything is.
    pub(super) fn check(&self, operation: &Operation, answer: &Answer) -> Result<(), String> {
        let responses = &self.operation(operation)["responses"];
        let promised = responses
            .get(answer.status.to_string())
            .ok_or_else(|| format!("{operation:?} answers {}, which is nowhere", answer.status))?;
        let promised = self.resolve(promised);
        for (name, header) in promised["headers"].as_object().into_iter().flatten() {
            match answer.headers.get(name) {
                Some(value) => self.validate(&header["schema"], &json!(value.to_str().unwrap()))?,
                None if header["required"] == true => return Err(format!("it has no {name}")),
                None => {}
            }
        }
        let Some(content) = promised.get("content") else {
            return answer
                .body
                .is_empty()
                .then_some(())
                .ok_or("there should be no body".into());
        };
        let kind = answer.headers["content-type"].to_str().unwrap();
        let schema = &content.get(kind).ok_or_else(|| format!("it is {kind}"))?["schema"];
        let body: Value = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
        self.validate(schema, &body)
    }

    /// What is wrong with a body that is sent, if anything is.
    pub(super) fn check_request(&self, operation: &Operation, body: &Value) -> Result<(), String> {
        let request = self.resolve(&self.operation(operation)["requestBody"]);
        self.validate(&request["content"]["application/json"]["schema"], body)
    }

    /// What is wrong with the document itself, if anything is: each schema is one, and says all that an object has.
    pub(super) fn check_schemas(&self) -> Result<(), String> {
        for (name, schema) in self.0["components"]["schemas"].as_object().unwrap() {
            if !jsonschema::draft202012::meta::is_valid(schema) {
                return Err(format!("{name} is no schema"));
            }
            self.check_closed(name, schema)?;
        }
        Ok(())
    }

    fn check_closed(&self, name: &str, schema: &Value) -> Result<(), String> {
        let Some(parts) = schema.as_object() else {
            let mut items = schema.as_array().into_iter().flatten();
            return items.try_for_each(|item| self.check_closed(name, item));
        };
        if schema["type"] == "object" && schema["additionalProperties"] != false {
            return Err(format!("{name} has an object with whatever else"));
        }
        if let Some(target) = schema.get("$ref")
            && self
                .0
                .pointer(target.as_str().unwrap().trim_start_matches('#'))
                .is_none()
        {
            return Err(format!("{name} has a reference to nothing: {target}"));
        }
        parts.values().try_for_each(|part| self.check_closed(name, part))
    }

    fn operation(&self, (method, path): &Operation) -> &Value {
        let operation = self.0["paths"].get(path).and_then(|item| item.get(method));
        operation.unwrap_or_else(|| panic!("the document has no {method} {path}"))
    }

    fn resolve<'a>(&'a self, part: &'a Value) -> &'a Value {
        match part["$ref"].as_str() {
            Some(target) => self.0.pointer(target.trim_start_matches('#')).unwrap(),
            None => part,
        }
    }

    fn validate(&self, schema: &Value, instance: &Value) -> Result<(), String> {
        // References lead to the components, so these go along.
        let mut whole = schema.clone();
        whole["components"] = self.0["components"].clone();
        let validator = jsonschema::draft202012::new(&whole).map_err(|error| error.to_string())?;
        let wrong = validator.iter_errors(instance);
        let wrong: Vec<String> = wrong
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(wrong.join("; "))
        }
    }
}
