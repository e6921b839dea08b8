//! Where Redis is, as an operator writes it.
//!
//! | form | what it names |
//! |---|---|
//! | `redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]` | one server |
//! | `redis://HOST:PORT,HOST:PORT,…` | nodes of a cluster: whichever holds the registry is found through any of them |
//! | `redis+sentinel://[USER:PASSWORD@]HOST[:PORT],…/NAME[/DATABASE]` | sentinels, and the name by which they know the server |
//! | `redis+unix:///PATH` | one server on this machine |

use std::str::FromStr;

use ::redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};

/// So many servers may be named.
const MAX_SERVERS: usize = 16;

const REDIS: &str = "redis://";
const SENTINEL: &str = "redis+sentinel://";
const SENTINEL_PORT: u16 = 26379;

/// Where Redis is.
#[derive(Clone)]
pub struct RedisUrl {
    /// The servers, or the sentinels; one at least.
    pub(super) servers: Vec<ConnectionInfo>,
    /// What sentinels know, if these are sentinels.
    pub(super) behind: Option<Behind>,
}

/// The server that sentinels lead to.
#[derive(Clone)]
pub(super) struct Behind {
    /// The name by which they know it.
    pub(super) name: String,
    /// User, password and database; its address is asked for.
    pub(super) server: ConnectionInfo,
}

/// Why a text is no URL of a Redis.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it should be redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], several HOST:PORT of a cluster with commas, \
     redis+sentinel://HOST[:PORT],…/NAME or redis+unix:///PATH: {0}"
)]
pub struct BadRedisUrl(String);

impl FromStr for RedisUrl {
    type Err = BadRedisUrl;

    fn from_str(text: &str) -> Result<Self, BadRedisUrl> {
        if let Some(rest) = text.strip_prefix(SENTINEL) {
            return sentinels(rest);
        }
        let Some(rest) = text.strip_prefix(REDIS) else {
            return Ok(Self {
                servers: vec![server(text)?],
                behind: None,
            });
        };
        let (user, hosts, path) = parts(rest);
        let each = named(hosts)?.map(|host| server(&format!("{REDIS}{user}{host}{path}")));
        Ok(Self {
            servers: each.collect::<Result<_, _>>()?,
            behind: None,
        })
    }
}

impl RedisUrl {
    /// The addresses in it. The rest may hold a password.
    pub(super) fn addresses(&self) -> String {
        let addresses: Vec<String> = self.servers.iter().map(|one| one.addr().to_string()).collect();
        addresses.join(",")
    }
}

impl std::fmt::Debug for RedisUrl {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "RedisUrl({})", self.addresses())
    }
}

fn sentinels(rest: &str) -> Result<RedisUrl, BadRedisUrl> {
    let (user, hosts, path) = parts(rest);
    let (name, database) = path[path.len().min(1)..]
        .split_once('/')
        .unwrap_or((&path[path.len().min(1)..], ""));
    if name.is_empty() {
        return Err(BadRedisUrl("the name that the sentinels know is missing".into()));
    }
    let sentinel = |host: &str| {
        let sentinel = server(&format!("{REDIS}{host}"))?;
        Ok(match sentinel.addr().clone() {
            // The port that the crate takes where none is named is that of a server.
            ConnectionAddr::Tcp(name, _) if has_no_port(host) => {
                sentinel.set_addr(ConnectionAddr::Tcp(name, SENTINEL_PORT))
            }
            _ => sentinel,
        })
    };
    let each = named(hosts)?.map(sentinel);
    Ok(RedisUrl {
        servers: each.collect::<Result<_, _>>()?,
        behind: Some(Behind {
            name: name.to_owned(),
            server: server(&format!("{REDIS}{user}localhost/{database}"))?,
        }),
    })
}

/// User and password with their `@`, the hosts, and the path with its `/`.
fn parts(rest: &str) -> (&str, &str, &str) {
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (user, hosts) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
    (user, hosts, path)
}

fn named(hosts: &str) -> Result<impl Iterator<Item = &str>, BadRedisUrl> {
    let count = hosts.split(',').count();
    if count > MAX_SERVERS {
        return Err(BadRedisUrl(format!(
            "{count} servers are more than {MAX_SERVERS}"
        )));
    }
    Ok(hosts.split(','))
}

fn has_no_port(host: &str) -> bool {
    !host.rsplit(']').next().unwrap_or(host).contains(':')
}

fn server(url: &str) -> Result<ConnectionInfo, BadRedisUrl> {
    let info = url.into_connection_info();
    info.map_err(|error| BadRedisUrl(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(url: &str) -> String {
        url.parse::<RedisUrl>().unwrap().addresses()
    }

    #[test]
    fn one_server_nodes_of_a_cluster_and_sentinels_are_told_apart() {
        assert_eq!(addresses("redis://127.0.0.1"), "127.0.0.1:6379");
        assert_eq!(addresses("redis://a:1,b:2,c:3"), "a:1,b:2,c:3");
        assert_eq!(addresses("redis+unix:///run/redis.sock"), "/run/redis.sock");
        let url: RedisUrl = "redis+sentinel://me:pass@a,b:7,[::1]/mesh/2".parse().unwrap();
        assert_eq!(url.addresses(), "a:26379,b:7,::1:26379");
        let behind = url.behind.unwrap();
        assert_eq!(behind.name, "mesh");
        assert_eq!(behind.server.redis_settings().db(), 2);
        assert_eq!(behind.server.redis_settings().password(), Some("pass"));
        assert_eq!(url.servers[0].redis_settings().password(), None);
    }

    #[test]
    fn what_names_no_server_is_refused() {
        for bad in [
            "",
            "http://a",
            "redis+sentinel://a",
            "redis+sentinel://a/",
            "redis://a:x",
            "a",
        ] {
            assert!(bad.parse::<RedisUrl>().is_err(), "{bad}");
        }
        let many = format!("redis://{}", vec!["a"; MAX_SERVERS + 1].join(","));
        assert!(many.parse::<RedisUrl>().is_err());
    }

    #[test]
    fn a_password_is_not_shown() {
        let url: RedisUrl = "redis://me:secret@a:1,b:2".parse().unwrap();
        assert_eq!(format!("{url:?}"), "RedisUrl(a:1,b:2)");
    }
}
