//! The Postman collection in `docs`, made from the OpenAPI document: a folder for each tag, a request for each
//! operation, with its parameters and an example of its body. To renew it after a change of the API:
//! `SCRIP_TEST_RENEW=1 cargo test --test it postman`.

use serde_json::{Map, Value, json};

const FILE: &str = "docs/postman.json";

#[test]
fn the_committed_collection_matches_the_document() {
    let generated = collection();
    let generated = serde_json::to_string_pretty(&generated).unwrap() + "\n";
    if std::env::var_os("SCRIP_TEST_RENEW").is_some() {
        std::fs::write(FILE, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(FILE).unwrap_or_default();
    assert!(committed == generated, "{FILE} is out of date: renew it as the head of this file says");
}

#[test]
fn every_operation_has_a_request() {
    let (document, collection) = (document(), collection());
    let operations: usize = document["paths"].as_object().unwrap().values().map(|p| p.as_object().unwrap().len()).sum();
    let folders = collection["item"].as_array().unwrap();
    let requests: Vec<&Value> = folders.iter().flat_map(|folder| folder["item"].as_array().unwrap()).collect();
    assert_eq!(requests.len(), operations);
    for request in requests {
        let (name, request) = (&request["name"], &request["request"]);
        let path = request["url"]["path"].as_array().unwrap();
        let variables = request["url"]["variable"].as_array().map_or(0, Vec::len);
        assert_eq!(path.iter().filter(|part| part.as_str().unwrap().starts_with(':')).count(), variables, "{name}");
        if let Some(body) = request["body"]["raw"].as_str() {
            let body: Value = serde_json::from_str(body).unwrap();
            assert!(body.as_object().is_some_and(|body| !body.is_empty()), "{name} has no example");
        }
        assert!(!request.to_string().contains("$ref"), "{name}");
    }
}

fn document() -> Value {
    serde_json::from_str(&scrip::web::api::document()).unwrap()
}

fn collection() -> Value {
    let document = document();
    let folder = |tag: &Value| {
        let requests: Vec<Value> = operations(&document)
            .filter(|(.., operation)| operation["tags"][0] == tag["name"])
            .map(|(path, method, operation)| request(&document, path, method, operation))
            .collect();
        json!({ "name": tag["name"], "description": tag["description"], "item": requests })
    };
    let folders: Vec<Value> = document["tags"].as_array().unwrap().iter().map(folder).collect();
    json!({
        "info": {
            "name": document["info"]["title"],
            "description": document["info"]["description"],
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
        },
        "auth": { "type": "bearer", "bearer": [{ "key": "token", "value": "{{token}}", "type": "string" }] },
        "variable": [
            { "key": "portal", "value": "http://127.0.0.1:8080", "type": "string" },
            { "key": "token", "value": "", "type": "string" },
        ],
        "item": folders,
    })
}

fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(|(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

fn request(document: &Value, path: &str, method: &str, operation: &Value) -> Value {
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    let of = |place: &str| parameters.iter().filter(|p| p["in"] == place).cloned().collect::<Vec<Value>>();
    let mut headers = Vec::new();
    for header in of("header") {
        // Postman makes another one for each request, so that sending one again does it again.
        headers.push(json!({ "key": header["name"], "value": "{{$guid}}", "description": header["description"] }));
    }
    let mut request = json!({
        "method": method.to_uppercase(),
        "description": operation["description"].as_str().or(operation["summary"].as_str()).unwrap(),
        "url": address(document, path, &of("path"), &of("query")),
    });
    if let Some(content) = operation["requestBody"]["content"].as_object() {
        let (kind, content) = content.iter().next().unwrap();
        let example = example(document, &content["schema"]);
        if kind == "application/json" {
            headers.push(json!({ "key": "Content-Type", "value": kind }));
            let raw = serde_json::to_string_pretty(&example).unwrap();
            request["body"] = json!({ "mode": "raw", "raw": raw, "options": { "raw": { "language": "json" } } });
        } else {
            let fields = example.as_object().cloned().unwrap_or_default();
            let field = |(name, value): (String, Value)| match name.as_str() {
                "file" => json!({ "key": name, "type": "file", "src": [] }),
                _ => json!({ "key": name, "type": "text", "value": plain(&value) }),
            };
            request["body"] =
                json!({ "mode": "formdata", "formdata": fields.into_iter().map(field).collect::<Vec<_>>() });
        }
    }
    request["header"] = json!(headers);
    json!({ "name": operation["summary"], "request": request })
}

/// Parameters that an operation does without are there, switched off.
fn address(document: &Value, path: &str, of_path: &[Value], of_query: &[Value]) -> Value {
    let value = |parameter: &Value| {
        let given = &parameter["example"];
        let value = if given.is_null() { example(document, &parameter["schema"]) } else { given.clone() };
        plain(&value)
    };
    let parts: Vec<String> =
        path.trim_start_matches('/').split('/').map(|part| part.replace('{', ":").replace('}', "")).collect();
    let query: Vec<Value> = of_query
        .iter()
        .map(|p| {
            let description = p["description"].as_str().unwrap_or_default();
            let is_off = p["required"] != true;
            json!({ "key": p["name"], "value": value(p), "description": description, "disabled": is_off })
        })
        .collect();
    let needed: Vec<String> = query
        .iter()
        .filter(|p| p["disabled"] == false)
        .map(|p| format!("{}={}", p["key"].as_str().unwrap(), p["value"].as_str().unwrap()))
        .collect();
    let raw = format!("{{{{portal}}}}/{}", parts.join("/"));
    let raw = if needed.is_empty() { raw } else { format!("{raw}?{}", needed.join("&")) };
    let mut address = json!({ "raw": raw, "host": ["{{portal}}"], "path": parts });
    if !query.is_empty() {
        address["query"] = json!(query);
    }
    if !of_path.is_empty() {
        let variables: Vec<Value> = of_path.iter().map(|p| json!({ "key": p["name"], "value": value(p) })).collect();
        address["variable"] = json!(variables);
    }
    address
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A value that a schema allows.
fn example(document: &Value, schema: &Value) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        return example(document, document.pointer(name.trim_start_matches('#')).unwrap());
    }
    for given in [&schema["example"], &schema["examples"][0], &schema["default"], &schema["enum"][0]] {
        if !given.is_null() {
            return given.clone();
        }
    }
    for choice in ["oneOf", "anyOf"] {
        if let Some(choices) = schema[choice].as_array() {
            let first = choices.iter().find(|choice| choice["type"] != "null").unwrap();
            return example(document, first);
        }
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let all: Map<String, Value> =
            parts.iter().filter_map(|part| example(document, part).as_object().cloned()).flatten().collect();
        return Value::Object(all);
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().find(|kind| *kind != "null").unwrap_or(&Value::Null),
        kind => kind,
    };
    match kind.as_str() {
        Some("object") => {
            let properties = schema["properties"].as_object().cloned().unwrap_or_default();
            properties.iter().map(|(name, schema)| (name.clone(), example(document, schema))).collect()
        }
        Some("array") => json!([example(document, &schema["items"])]),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("boolean") => json!(true),
        Some("string") => json!(""),
        _ => Value::Null,
    }
}
