//! The file of an adapter.
//!
//! ```yaml
//! adapter: mydb
//! port: 7000
//! ops:
//!   read:  { get: "/kv/{key}", value: "$.value", absent: 404 }
//!   write: { put: "/kv/{key}", json: { value: "{value}" } }
//!   cas:   { post: "/kv/{key}/cas", json: { from: "{from}", to: "{to}" }, mismatch: 409 }
//! ```
//!
//! or, in place of `ops`, `stdio: python3 adapter.py`. `launch` says how a node is started, where schism shall do that.

use std::{
    collections::BTreeMap,
    fs, io,
    marker::PhantomData,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use control::Node;
use reqwest::{
    Method,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, json};
use serde_json_path::JsonPath;

use crate::{
    Address, Outcomes,
    rules::{OutcomesSection, Symptoms},
    template::{Shape, Template},
};

/// An adapter, as its file describes it.
#[derive(Debug, Clone)]
pub struct AdapterFile {
    /// Its name: small letters, digits and hyphens.
    pub name: String,
    /// Where nodes serve clients, unless an address says otherwise.
    pub port: u16,
    /// How the database is asked.
    pub means: Means,
    /// How a node is started.
    pub launch: Option<Launch>,
    /// How it is known which node leads.
    pub primary: Option<Primary>,
    /// Where the file is: programs are run there.
    pub dir: PathBuf,
}

/// How the database is asked.
#[derive(Debug, Clone)]
pub enum Means {
    /// Over HTTP.
    Http {
        /// By these requests.
        ops: Arc<Ops>,
        /// With these rules.
        outcomes: Arc<Outcomes>,
        /// After which time an answer is no longer waited for; the deadline of the call if it is not said.
        timeout: Option<Duration>,
    },
    /// By a program that speaks JSON Lines.
    Stdio(Words),
}

/// Why a file is no adapter.
#[derive(Debug, thiserror::Error)]
pub enum BadAdapter {
    /// It cannot be read.
    #[error("cannot read {0}: {1}")]
    Read(PathBuf, io::Error),
    /// It says something that it should not, at a place.
    #[error("{path}: {error}")]
    Yaml {
        /// The file.
        path: PathBuf,
        /// What stands in it.
        text: String,
        /// What is wrong, and where.
        error: serde_yaml::Error,
    },
    /// It makes no sense as a whole.
    #[error("{0}: {1}")]
    Nonsense(PathBuf, String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    adapter: Name,
    port: u16,
    ops: Option<Ops>,
    outcomes: Option<OutcomesSection>,
    timeout: Option<Seconds>,
    stdio: Option<Words>,
    launch: Option<Launch>,
    primary: Option<Primary>,
}

impl AdapterFile {
    /// Reads one.
    pub fn read(path: &Path) -> Result<Self, BadAdapter> {
        let text = fs::read_to_string(path).map_err(|e| BadAdapter::Read(path.to_owned(), e))?;
        let section: Section = match serde_yaml::from_str(&text) {
            Ok(section) => section,
            Err(error) => {
                let path = path.to_owned();
                return Err(BadAdapter::Yaml { path, text, error });
            }
        };
        let dir = match path.parent() {
            Some(dir) if dir != Path::new("") => dir,
            _ => Path::new("."),
        };
        let dir = dir
            .canonicalize()
            .map_err(|e| BadAdapter::Read(path.to_owned(), e))?;
        Self::of(section, dir).map_err(|why| BadAdapter::Nonsense(path.to_owned(), why))
    }

    /// Whether a file is meant as one: it has the key `adapter` at its top.
    pub fn is_meant_by(path: &Path) -> bool {
        #[derive(Deserialize)]
        struct Top {
            #[expect(dead_code, reason = "it is only looked for")]
            adapter: String,
        }
        fs::read_to_string(path).is_ok_and(|text| serde_yaml::from_str::<Top>(&text).is_ok())
    }

    fn of(said: Section, dir: PathBuf) -> Result<Self, String> {
        let means = match (said.ops, said.stdio) {
            (Some(ops), None) => Means::Http {
                ops: Arc::new(ops),
                outcomes: Arc::new(Outcomes::of(said.outcomes.unwrap_or_default())?),
                timeout: said.timeout.map(|t| t.0),
            },
            (None, Some(words)) if said.outcomes.is_some() || said.timeout.is_some() => {
                return Err(format!(
                    "`outcomes` and `timeout` are for `ops`; {} decides them itself",
                    words.0.join(" ")
                ));
            }
            (None, Some(words)) => Means::Stdio(words),
            (Some(_), Some(_)) => return Err("either `ops` or `stdio`, not both".to_owned()),
            (None, None) => {
                return Err(
                    "how is it asked? say `ops` for HTTP, or `stdio: python3 adapter.py`"
                        .to_owned(),
                );
            }
        };
        Ok(Self {
            name: said.adapter.0,
            port: said.port,
            means,
            launch: said.launch,
            primary: said.primary,
            dir,
        })
    }

    /// Where a node is, unless somebody says otherwise.
    pub fn here(&self) -> Address {
        Address {
            host: "localhost".to_owned(),
            port: self.port,
        }
    }
}

/// A name that can be part of a path.
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        match (1..=40).contains(&name.len()) && name.bytes().all(good) && !name.starts_with('-') {
            true => Ok(Self(name)),
            false => Err(de::Error::custom(format!(
                "{name:?} cannot be a name: up to 40 small letters, digits and hyphens, as in my-db"
            ))),
        }
    }
}

/// `2s`, `500ms`.
struct Seconds(Duration);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let bad = || de::Error::custom(format!("{text:?} is no time; write 2s or 500ms"));
        let read = |digits: &str| digits.parse::<u64>().ok().filter(|n| *n > 0);
        let time = match text.strip_suffix("ms") {
            Some(ms) => read(ms).map(Duration::from_millis),
            None => text
                .strip_suffix('s')
                .and_then(read)
                .map(Duration::from_secs),
        };
        time.map(Self).ok_or_else(bad)
    }
}

/// A program and its arguments: a list, or a text that is split as a shell would, without its expansions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(pub Vec<String>);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Text(String),
            List(Vec<String>),
        }
        let words = match Written::deserialize(from)? {
            Written::List(words) => Some(words),
            Written::Text(text) => shlex::split(&text),
        };
        match words {
            None => Err(de::Error::custom("a quotation in it does not end")),
            Some(words) if words.is_empty() => Err(de::Error::custom("which program?")),
            Some(words) => Ok(Self(words)),
        }
    }
}

/// The requests of an HTTP adapter.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ops {
    #[serde(deserialize_with = "of_read")]
    pub(crate) read: Request,
    #[serde(deserialize_with = "of_write")]
    pub(crate) write: Request,
    #[serde(default, deserialize_with = "of_cas")]
    pub(crate) cas: Option<Request>,
}

fn of_read<'de, D: Deserializer<'de>>(from: D) -> Result<Request, D::Error> {
    PhantomData::<Read>.request(from)
}

fn of_write<'de, D: Deserializer<'de>>(from: D) -> Result<Request, D::Error> {
    PhantomData::<Write>.request(from)
}

fn of_cas<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Request>, D::Error> {
    PhantomData::<Cas>.request(from).map(Some)
}

/// What an operation may say besides its request.
trait Op {
    const PLACES: &'static [&'static str];
    const READS: bool = false;
    const COMPARES: bool = false;
}

struct Read;
struct Write;
struct Cas;

impl Op for Read {
    const PLACES: &'static [&'static str] = &["key"];
    const READS: bool = true;
}

impl Op for Write {
    const PLACES: &'static [&'static str] = &["key", "value"];
}

impl Op for Cas {
    const PLACES: &'static [&'static str] = &["key", "from", "to"];
    const COMPARES: bool = true;
}

trait Requests {
    fn request<'de, D: Deserializer<'de>>(self, from: D) -> Result<Request, D::Error>;
}

impl<O: Op> Requests for PhantomData<O> {
    fn request<'de, D: Deserializer<'de>>(self, from: D) -> Result<Request, D::Error> {
        let said = RequestSection::deserialize(from)?;
        Request::of::<O>(said).map_err(de::Error::custom)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestSection {
    get: Option<String>,
    put: Option<String>,
    post: Option<String>,
    patch: Option<String>,
    delete: Option<String>,
    json: Option<Value>,
    body: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    value: Option<String>,
    absent: Option<Symptoms>,
    mismatch: Option<Symptoms>,
}

/// A request, and what its answer means.
#[derive(Debug, Clone)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) path: Template,
    pub(crate) body: Body,
    pub(crate) headers: HeaderMap,
    /// Where in a JSON answer the value is; the whole text if it is not said.
    pub(crate) value: Option<JsonPath>,
    pub(crate) absent: Symptoms,
    pub(crate) mismatch: Symptoms,
}

/// What is sent with a request.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    None,
    Json(Shape),
    Text(Template),
}

impl Request {
    fn of<O: Op>(said: RequestSection) -> Result<Self, String> {
        let methods = [
            (Method::GET, said.get),
            (Method::PUT, said.put),
            (Method::POST, said.post),
            (Method::PATCH, said.patch),
            (Method::DELETE, said.delete),
        ];
        let mut methods = methods.into_iter().filter_map(|(m, path)| Some((m, path?)));
        let (Some((method, path)), None) = (methods.next(), methods.next()) else {
            return Err("exactly one of get, put, post, patch and delete, with a path".to_owned());
        };
        if !path.starts_with('/') {
            return Err(format!(
                "{path:?} is no path: it begins with a slash, and the address comes from elsewhere"
            ));
        }
        let body = match (said.json, said.body) {
            (Some(_), Some(_)) => return Err("either `json` or `body`, not both".to_owned()),
            (Some(json), None) => Body::Json(Shape::parse(&json, O::PLACES)?),
            (None, Some(text)) => Body::Text(Template::parse(&text, O::PLACES)?),
            (None, None) => Body::None,
        };
        let of_reads = said.value.is_some() || said.absent.is_some();
        if of_reads && !O::READS {
            return Err("`value` and `absent` are for `read`".to_owned());
        }
        if said.mismatch.is_some() && !O::COMPARES {
            return Err("`mismatch` is for `cas`".to_owned());
        }
        if O::COMPARES && said.mismatch.is_none() {
            return Err("`mismatch` is missing: which status says that the value was another one? 409 or 412, mostly".to_owned());
        }
        let path_of = |text: String| {
            JsonPath::parse(&text).map_err(|e| format!("`value`: {text:?} is no JSONPath: {e}"))
        };
        Ok(Self {
            method,
            path: Template::parse(&path, O::PLACES)?,
            body,
            headers: headers(&said.headers)?,
            value: said.value.map(path_of).transpose()?,
            absent: said.absent.unwrap_or_default(),
            mismatch: said.mismatch.unwrap_or_default(),
        })
    }
}

fn headers(said: &BTreeMap<String, String>) -> Result<HeaderMap, String> {
    let one = |(name, value): (&String, &String)| {
        let name: HeaderName = name
            .parse()
            .map_err(|_| format!("{name:?} is no name of a header"))?;
        let text = secret(value)?;
        let mut value: HeaderValue = text
            .parse()
            .map_err(|_| format!("{name}: its value cannot be sent"))?;
        value.set_sensitive(true);
        Ok((name, value))
    };
    said.iter().map(one).collect()
}

/// A text, or the variable that `${env:NAME}` names.
fn secret(text: &str) -> Result<String, String> {
    let Some((before, rest)) = text.split_once("${env:") else {
        return Ok(text.to_owned());
    };
    let (name, after) = rest.split_once('}').ok_or("${env:NAME} does not end")?;
    let value = std::env::var(name).map_err(|_| format!("the variable {name} is not set"))?;
    Ok(format!("{before}{value}{after}"))
}

/// How a node is started.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "LaunchSection")]
pub struct Launch {
    command: Vec<Template>,
    each: Template,
    version: Option<Words>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LaunchSection {
    command: Words,
    each: Option<String>,
    version: Option<Words>,
}

impl TryFrom<LaunchSection> for Launch {
    type Error = String;
    fn try_from(said: LaunchSection) -> Result<Self, String> {
        const PLACES: [&str; 7] = ["node", "address", "port", "peer", "data", "all", "others"];
        let word = |word: &String| Template::parse(word, &PLACES);
        let each = said.each.as_deref().unwrap_or("{address}:{port}");
        Ok(Self {
            command: said.command.0.iter().map(word).collect::<Result<_, _>>()?,
            each: Template::parse(each, &PLACES[..4])?,
            version: said.version,
        })
    }
}

impl Launch {
    /// The words that start this one of these nodes, with these ports for clients and for the other nodes, and with its data in
    /// this directory.
    pub fn argv(
        &self,
        node: &Node,
        nodes: &[Node],
        (port, peer): (u16, u16),
        data: &str,
    ) -> Vec<String> {
        let own = |node: &Node| {
            [
                ("node", json!(node.name)),
                ("address", json!(bracketed(&node.address))),
                ("port", json!(port)),
                ("peer", json!(peer)),
            ]
        };
        let list = |nodes: &mut dyn Iterator<Item = &Node>| {
            let each: Vec<_> = nodes.map(|n| self.each.text(&own(n))).collect();
            each.join(",")
        };
        let all = list(&mut nodes.iter());
        let others = list(&mut nodes.iter().filter(|n| n.name != node.name));
        let more = [
            ("data", json!(data)),
            ("all", json!(all)),
            ("others", json!(others)),
        ];
        let places: Vec<_> = own(node).into_iter().chain(more).collect();
        self.command.iter().map(|word| word.text(&places)).collect()
    }

    /// Whether it keeps its data where it is told to.
    pub fn keeps_data(&self) -> bool {
        self.command.iter().any(|word| word.has("data"))
    }

    /// What prints its version.
    pub fn version(&self) -> Option<&[String]> {
        self.version.as_ref().map(|words| &words.0[..])
    }
}

/// How it is known whether a node leads: what it says of itself over HTTP.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "PrimarySection")]
pub struct Primary {
    /// Where it is asked.
    pub(crate) path: String,
    /// At which port, if not where clients are served.
    pub(crate) port: Option<u16>,
    at: JsonPath,
    is: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PrimarySection {
    get: String,
    when: String,
    port: Option<u16>,
}

impl TryFrom<PrimarySection> for Primary {
    type Error = String;
    fn try_from(said: PrimarySection) -> Result<Self, String> {
        let bad = || {
            let when = &said.when;
            format!(
                "`when`: {when:?} should be a JSONPath, == and a value, such as $.role == 'leader'"
            )
        };
        if !said.get.starts_with('/') {
            return Err(format!("{:?} is no path: it begins with a slash", said.get));
        }
        let (at, is) = said.when.split_once("==").ok_or_else(bad)?;
        let is = is.trim();
        let quoted = is
            .strip_prefix('\'')
            .and_then(|rest| rest.strip_suffix('\''));
        let is = match quoted {
            Some(text) => json!(text),
            None => serde_json::from_str(is).map_err(|_| bad())?,
        };
        let at = JsonPath::parse(at.trim()).map_err(|e| format!("{}: {e}", bad()))?;
        Ok(Self {
            path: said.get,
            port: said.port,
            at,
            is,
        })
    }
}

impl Primary {
    /// Whether whoever answers so leads.
    pub(crate) fn is_said_by(&self, answer: &str) -> bool {
        let json = serde_json::from_str::<Value>(answer);
        json.is_ok_and(|json| self.at.query(&json).all() == [&self.is])
    }
}

/// As it stands before a colon and a port.
fn bracketed(address: &str) -> String {
    match address.contains(':') {
        true => format!("[{address}]"),
        false => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn read(yaml: &str) -> Result<AdapterFile, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.yaml");
        fs::write(&path, yaml).unwrap();
        let said = AdapterFile::read(&path).map_err(|e| e.to_string());
        said.map_err(|e| e.replace(dir.path().to_str().unwrap(), "DIR"))
    }

    const GOOD: &str = "
adapter: mydb
port: 7000
ops:
  read:  { get: '/kv/{key}', value: '$.value', absent: 404 }
  write: { put: '/kv/{key}', json: { value: '{value}' } }
  cas:   { post: '/kv/{key}/cas', json: { from: '{from}', to: '{to}' }, mismatch: [409, 412] }
launch:
  command: mydb --id {node} --listen {address}:{port} --data {data} --peers '{others}' --all={all}
  each: '{node}@{address}:{peer}'
";

    #[test]
    fn the_file_of_the_guide_is_read() {
        let file = read(GOOD).unwrap();
        let Means::Http { ops, .. } = &file.means else {
            panic!("{:?}", file.means)
        };
        assert_eq!(
            (file.name.as_str(), file.port, ops.cas.is_some()),
            ("mydb", 7000, true)
        );
        let nodes = [Node::new("n1", "10.0.0.1"), Node::new("n2", "fe80::1")];
        let argv = file
            .launch
            .unwrap()
            .argv(&nodes[1], &nodes, (7000, 7001), "/data dir");
        let expected = [
            "mydb",
            "--id",
            "n2",
            "--listen",
            "[fe80::1]:7000",
            "--data",
            "/data dir",
            "--peers",
            "n1@10.0.0.1:7001",
            "--all=n1@10.0.0.1:7001,n2@[fe80::1]:7001",
        ];
        assert_eq!(argv, expected);
    }

    #[test]
    fn a_node_leads_if_it_says_exactly_that() {
        let with = |when: &str| {
            let text = format!("{GOOD}primary: {{ get: /status, when: \"{when}\" }}\n");
            read(&text).map(|file| file.primary.unwrap())
        };
        let word = with("$.role == 'leader'").unwrap();
        assert!(word.is_said_by(r#"{"role": "leader"}"#));
        for other in [
            r#"{"role": "follower"}"#,
            "{}",
            "",
            r#"{"role": ["leader"]}"#,
        ] {
            assert!(!word.is_said_by(other), "{other}");
        }
        assert!(
            with("$.leads == true")
                .unwrap()
                .is_said_by(r#"{"leads": true}"#)
        );
        for bad in ["$.role", "$.role == leader", "role == 'leader'"] {
            let said = with(bad).unwrap_err();
            assert!(said.contains("such as $.role == 'leader'"), "{said}");
        }
    }

    #[test]
    fn a_mistake_is_told_with_its_place_and_what_to_write() {
        for (from, to, told) in [
            (
                "'/kv/{key}', value",
                "'/kv/{kye}', value",
                "nothing is known as {kye}",
            ),
            ("value: '$.value'", "value: 'value'", "is no JSONPath"),
            ("put:", "puut:", "unknown field `puut`"),
            ("put: '/kv/{key}'", "put: 'kv/{key}'", "begins with a slash"),
            (", mismatch: [409, 412]", "", "`mismatch` is missing"),
            ("absent: 404", "mismatch: 404", "`mismatch` is for `cas`"),
            ("absent: 404", "absent: 4o4", "write a status as 409"),
            ("adapter: mydb", "adapter: ../mydb", "cannot be a name"),
        ] {
            let said = read(&GOOD.replace(from, to)).unwrap_err();
            assert!(said.contains(told) && said.contains(" at line "), "{said}");
        }
        let neither = read("adapter: x\nport: 1\n").unwrap_err();
        assert!(
            neither.contains("DIR/x.yaml: how is it asked?"),
            "{neither}"
        );
        let both = read(&format!("{GOOD}stdio: python3 a.py\n")).unwrap_err();
        assert!(both.contains("not both"), "{both}");
        let quoted = read("adapter: x\nport: 1\nstdio: 'python3 \"a.py'\n").unwrap_err();
        assert!(quoted.contains("does not end"), "{quoted}");
    }
}
