//! Clients of an adapter, as the runner drives them.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use control::Node;
use history::{Key, Outcome, RegisterCall, RegisterReturn};
use kit::{Client, Target};

use crate::{
    AdapterFile, Address, Means,
    http::HttpClient,
    stdio::{Opening, StdioClient},
};

/// What was asked, what was answered, and what was made of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The request, in a few words or lines.
    pub request: String,
    /// What came back.
    pub response: String,
    /// What it is taken for.
    pub outcome: Outcome<RegisterReturn>,
    /// The rule by which.
    pub rule: String,
}

/// Opens clients of an adapter.
#[derive(Debug, Clone)]
pub struct AdapterTarget {
    file: Arc<AdapterFile>,
    addresses: Arc<BTreeMap<String, Address>>,
    /// How long a call may take, for those who want to know.
    deadline: Duration,
    /// Where programs complain, a file for each node.
    complaints: Option<PathBuf>,
    /// What is added to the numbers of keys.
    first_key: i64,
}

impl AdapterTarget {
    /// For nodes that serve at these addresses.
    pub fn new(
        file: Arc<AdapterFile>,
        addresses: impl IntoIterator<Item = (String, Address)>,
        deadline: Duration,
    ) -> Self {
        Self {
            file,
            addresses: Arc::new(addresses.into_iter().collect()),
            deadline,
            complaints: None,
            first_key: 0,
        }
    }

    /// The same, where key 0 is sent as this number: the node may hold what others wrote.
    pub fn keys_from(self, first_key: i64) -> Self {
        Self { first_key, ..self }
    }

    /// The same, where what programs say on their standard error is kept in this directory.
    pub fn complaining_into(self, directory: PathBuf) -> Self {
        Self {
            complaints: Some(directory),
            ..self
        }
    }

    /// Opens a client.
    pub async fn open(&self, node: &Node) -> Result<AdapterClient, String> {
        let asks = self.asks(node).await?;
        Ok(AdapterClient {
            asks,
            first_key: self.first_key,
        })
    }

    async fn asks(&self, node: &Node) -> Result<Asks, String> {
        let address = self.addresses.get(&node.name).ok_or("no such node")?;
        match &self.file.means {
            Means::Http {
                ops,
                outcomes,
                timeout,
            } => {
                let client =
                    HttpClient::connect(address, Arc::clone(ops), Arc::clone(outcomes), *timeout)
                        .await?;
                Ok(Asks::Http(client))
            }
            Means::Stdio(words) => {
                let opening = Opening {
                    words: &words.0,
                    directory: &self.file.dir,
                    node: &node.name,
                    address,
                    nodes: self.addresses.values().map(ToString::to_string).collect(),
                    deadline: self.deadline,
                    complaints: self.complaints.as_deref(),
                };
                Ok(Asks::Stdio(Box::new(StdioClient::open(opening).await?)))
            }
        }
    }
}

impl Target<history::Register> for AdapterTarget {
    type Client = AdapterClient;
    async fn connect(&self, node: &Node) -> Result<AdapterClient, String> {
        self.open(node).await
    }
}

/// Speaks to one node.
#[derive(Debug)]
pub struct AdapterClient {
    asks: Asks,
    first_key: i64,
}

#[derive(Debug)]
enum Asks {
    Http(HttpClient),
    Stdio(Box<StdioClient>),
}

impl AdapterClient {
    /// One call, with all that can be told of it. Nothing but its end is waited for: deadlines are the caller's.
    pub async fn ask(&mut self, call: &RegisterCall) -> Asked {
        let shifted = match &call.key {
            Key::Int(n) => RegisterCall {
                key: Key::Int(n + self.first_key),
                op: call.op,
            },
            Key::Text(_) => call.clone(),
        };
        match &mut self.asks {
            Asks::Http(client) => client.ask(&shifted).await,
            Asks::Stdio(client) => client.ask(&shifted).await,
        }
    }

    /// Whether it offers compare-and-set.
    pub fn has_cas(&self) -> bool {
        match &self.asks {
            Asks::Http(client) => client.has_cas(),
            Asks::Stdio(client) => client.offers("cas"),
        }
    }

    /// The program behind it, where there is one.
    pub fn program(&mut self) -> Option<&mut StdioClient> {
        match &mut self.asks {
            Asks::Http(_) => None,
            Asks::Stdio(client) => Some(client),
        }
    }
}

impl Client<history::Register> for AdapterClient {
    async fn invoke(&mut self, call: &RegisterCall) -> Outcome<RegisterReturn> {
        self.ask(call).await.outcome
    }
}
