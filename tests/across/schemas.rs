//! Real output against the schemas that the program ships.

use serde_json::Value;

/// Where `value` is not what `schema` says: a path, and why. It knows what our schemas use of JSON Schema, and panics at
/// anything else, so that nothing passes unread.
pub(crate) fn violations(schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (word, rule) in schema.as_object().expect("a schema is an object") {
        match word.as_str() {
            "$schema" | "title" => {}
            "const" if rule == value => {}
            "const" => found.push(format!("{at}: {value} is not {rule}")),
            "enum" if rule.as_array().expect("a list").contains(value) => {}
            "enum" => found.push(format!("{at}: {value} is none of {rule}")),
            "type" => {
                let one = [rule.clone()];
                let types = rule.as_array().map_or(&one[..], Vec::as_slice);
                if !types.iter().any(|t| is(value, t.as_str().expect("a word"))) {
                    found.push(format!("{at}: {value} is no {rule}"));
                }
            }
            "items" => {
                for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                    found.extend(violations(rule, item, &format!("{at}/{i}")));
                }
            }
            "required" => {
                for name in rule.as_array().expect("a list") {
                    if value.get(name.as_str().expect("a word")).is_none() {
                        found.push(format!("{at}: {name} is missing"));
                    }
                }
            }
            "properties" => {
                for (name, of) in rule.as_object().expect("a map") {
                    let inner = value.get(name);
                    found.extend(
                        inner
                            .into_iter()
                            .flat_map(|v| violations(of, v, &format!("{at}/{name}"))),
                    );
                }
            }
            "additionalProperties" => {
                assert_eq!(rule, &Value::Bool(false), "nothing else is used");
                let known = &schema["properties"];
                for name in value.as_object().into_iter().flat_map(|o| o.keys()) {
                    if known.get(name).is_none() {
                        found.push(format!("{at}: {name} is not in the schema"));
                    }
                }
            }
            "oneOf" => {
                let tries = rule.as_array().expect("a list").iter();
                let tries: Vec<_> = tries.map(|s| violations(s, value, at)).collect();
                if tries.iter().filter(|t| t.is_empty()).count() != 1 {
                    let nearest = tries.into_iter().min_by_key(Vec::len).unwrap_or_default();
                    found.push(format!("{at}: not one of several: {}", nearest.join("; ")));
                }
            }
            other => panic!("{other:?} is not known to this test"),
        }
    }
    found
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{other:?} is no type"),
    }
}
