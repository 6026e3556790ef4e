//! Nodes as people name them: `[NAME=][USER@]HOST[:PORT]`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// A real host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct NodeSpec {
    /// Its short name; `n1`, `n2` … by position if it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// Host name or address.
    pub(crate) host: String,
    /// The SSH port.
    pub(crate) port: u16,
    /// The login name, where it differs from that of the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
}

const fn ssh_port() -> u16 {
    22
}

impl NodeSpec {
    /// From `[NAME=][USER@]HOST[:PORT]`; an IPv6 address stands in brackets.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let bad =
            |why: &str| format!("{text:?} is not a node: {why}; write [NAME=][USER@]HOST[:PORT]");
        let (name, rest) = match text.split_once('=') {
            Some((name, rest)) => (Some(name), rest),
            None => (None, text),
        };
        let (user, rest) = match rest.rsplit_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, rest),
        };
        let (host, port) = match rest.strip_prefix('[') {
            Some(v6) => {
                let (host, after) = v6
                    .split_once(']')
                    .ok_or_else(|| bad("the bracket is never closed"))?;
                (
                    host,
                    after
                        .strip_prefix(':')
                        .or((!after.is_empty()).then_some(after)),
                )
            }
            None => match rest.split_once(':') {
                Some((_, port)) if port.contains(':') => {
                    return Err(bad("an IPv6 address stands in brackets"));
                }
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            },
        };
        let port = match port {
            Some(port) => port
                .parse()
                .map_err(|_| bad(&format!("{port:?} is not a port")))?,
            None => ssh_port(),
        };
        let plain = |s: &str| {
            s.chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.:%".contains(c))
                && !s.starts_with('-')
        };
        if host.is_empty() || !plain(host) {
            return Err(bad("it has no proper host"));
        }
        for (what, part) in [("name", name), ("user", user)] {
            if part.is_some_and(|p| p.is_empty() || !plain(p)) {
                return Err(bad(&format!(
                    "the {what} is not letters, digits, '-', '_' or '.'"
                )));
            }
        }
        let owned = |s: Option<&str>| s.map(str::to_owned);
        Ok(Self {
            name: owned(name),
            host: host.to_owned(),
            port,
            user: owned(user),
        })
    }
}

/// A text as for [`NodeSpec::parse`], or a map of its parts.
impl<'de> Deserialize<'de> for NodeSpec {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Visitor)
    }
}

struct Visitor;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    name: Option<String>,
    host: String,
    port: Option<u16>,
    user: Option<String>,
}

impl<'de> de::Visitor<'de> for Visitor {
    type Value = NodeSpec;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[NAME=][USER@]HOST[:PORT], or a map with `host`")
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<NodeSpec, E> {
        NodeSpec::parse(text).map_err(E::custom)
    }
    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<NodeSpec, A::Error> {
        let Parts {
            name,
            host,
            port,
            user,
        } = Parts::deserialize(de::value::MapAccessDeserializer::new(map))?;
        Ok(NodeSpec {
            name,
            host,
            port: port.unwrap_or_else(ssh_port),
            user,
        })
    }
}

impl fmt::Display for NodeSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            write!(f, "{name}=")?;
        }
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: Option<&str>, user: Option<&str>, host: &str, port: u16) -> NodeSpec {
        let owned = |s: Option<&str>| s.map(str::to_owned);
        NodeSpec {
            name: owned(name),
            host: host.to_owned(),
            port,
            user: owned(user),
        }
    }

    #[test]
    fn every_part_but_the_host_may_be_left_out() {
        let parse = |s| NodeSpec::parse(s).unwrap();
        assert_eq!(parse("db1"), spec(None, None, "db1", 22));
        assert_eq!(
            parse("a=root@db1.example:2222"),
            spec(Some("a"), Some("root"), "db1.example", 2222)
        );
        assert_eq!(
            parse("u@[fe80::1%eth0]:23"),
            spec(None, Some("u"), "fe80::1%eth0", 23)
        );
        assert_eq!(parse("[::1]"), spec(None, None, "::1", 22));
    }

    #[test]
    fn what_is_written_is_read_back() {
        for text in ["n1=u@h:22", "h:1", "n=[::1]:7"] {
            assert_eq!(NodeSpec::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn nonsense_is_refused_with_the_form_that_is_meant() {
        for bad in [
            "",
            "a=",
            "@h",
            "h:port",
            "h:99999",
            "::1",
            "[::1",
            "[::1]x",
            "-oProxyCommand=x",
            "h;rm",
        ] {
            let why = NodeSpec::parse(bad).unwrap_err();
            assert!(why.contains("[NAME=][USER@]HOST[:PORT]"), "{bad}: {why}");
        }
    }
}
