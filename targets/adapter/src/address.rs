//! Where a node serves.

use std::{fmt, str::FromStr};

use serde::{Deserialize, de};

/// A host and a port: `localhost:7000`, `[::1]:7000`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// A name or an address, an IPv6 one without brackets.
    pub host: String,
    /// A TCP port.
    pub port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl FromStr for Address {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is no host and port; write localhost:7000");
        // What people copy is often the address of a page.
        let bare = text.strip_prefix("http://").unwrap_or(text);
        let bare = bare.strip_suffix('/').unwrap_or(bare);
        let (host, port) = bare.rsplit_once(':').ok_or_else(bad)?;
        let host = match host.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']').ok_or_else(bad)?,
            None if host.contains(':') => return Err(bad()),
            None => host,
        };
        let odd = |c: char| c.is_whitespace() || c.is_control() || "/?#@[]".contains(c);
        if host.is_empty() || host.contains(odd) {
            return Err(bad());
        }
        Ok(Self {
            host: host.to_owned(),
            port: port.parse().map_err(|_| bad())?,
        })
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: de::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_addresses_and_urls_are_read_and_nothing_else() {
        let read = |text: &str| text.parse::<Address>().map(|a| a.to_string());
        assert_eq!(read("localhost:7000").unwrap(), "localhost:7000");
        assert_eq!(read("http://db1.example:80/").unwrap(), "db1.example:80");
        assert_eq!(read("[::1]:7000").unwrap(), "[::1]:7000");
        for bad in [
            "",
            "localhost",
            ":1",
            "::1:7000",
            "h:0x",
            "a/b:1",
            "u@h:1",
            "[::1:2",
            "h:70000",
        ] {
            assert!(read(bad).unwrap_err().contains("localhost:7000"), "{bad}");
        }
    }
}
