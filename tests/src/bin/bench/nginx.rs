//! The peer: nginx, with its RTMP module writing DASH, or serving files over HTTP, from Debian's packages.

use std::{
    env, fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use tests::{eventually::until, process::Process};
use tokio::net::TcpStream;

const MODULE: &str = "/usr/lib/nginx/modules/ngx_rtmp_module.so";

/// A running nginx, with all its files in a temporary folder.
pub(crate) struct Nginx {
    pub(crate) address: SocketAddr,
    process: Process,
    folder: TempDir,
}

impl Nginx {
    /// One that takes publishers in over RTMP, and writes DASH.
    pub(crate) async fn start() -> Result<Self> {
        Self::configured(ingesting).await
    }

    /// One that serves the files below `root` over HTTP.
    pub(crate) async fn serving(root: &Path) -> Result<Self> {
        Self::configured(|folder, http| serving(folder, http, root)).await
    }

    /// One that takes publishers in over RTMP, writes DASH as it does if nobody says how, and serves it over HTTP; and where
    /// it is published to.
    pub(crate) async fn broadcasting() -> Result<(Self, SocketAddr)> {
        let rtmp = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let nginx = Self::configured(|folder, http| broadcasting(folder, rtmp, http)).await?;
        Ok((nginx, rtmp))
    }

    async fn configured(configure: impl FnOnce(&Path, SocketAddr) -> String) -> Result<Self> {
        let folder = TempDir::with_prefix("boxmesh-nginx-")?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let configuration = folder.path().join("nginx.conf");
        fs::create_dir(folder.path().join("dash"))?;
        fs::write(&configuration, configure(folder.path(), address))?;

        let mut command = Command::new(binary()?);
        command.arg("-c").arg(&configuration).arg("-p").arg(folder.path());
        command.arg("-e").arg(folder.path().join("error.log"));
        let mut process = Process::start("nginx", command, folder.path())?;
        until("nginx to listen", Duration::from_secs(10), async || {
            if let Some(status) = process.ended()? {
                bail!("nginx ended: {status}\n{}", process.tail());
            }
            Ok(TcpStream::connect(address).await.is_ok())
        })
        .await?;
        Ok(Self {
            address,
            process,
            folder,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// How many channels it has a manifest of.
    pub(crate) fn manifests(&self) -> Result<usize> {
        let files = fs::read_dir(self.folder.path().join("dash"))?;
        let paths = files.filter_map(|file| file.ok().map(|file| file.path()));
        Ok(paths
            .filter(|path| path.extension().is_some_and(|it| it == "mpd"))
            .count())
    }
}

/// The same work as the origin's: RTMP in, segments of two seconds out, a minute of them kept.
fn ingesting(folder: &Path, rtmp: SocketAddr) -> String {
    let folder = folder.display();
    let user = user();
    format!(
        "load_module {MODULE};
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 256; }}
rtmp {{
  access_log off;
  server {{
    listen {rtmp};
    application live {{
      live on;
      dash on;
      dash_path {folder}/dash;
      dash_fragment 2s;
      dash_playlist_length 60s;
    }}
  }}
}}
"
    )
}

/// As whoever begins with it has it: in, out as DASH, and over HTTP to pages of any site.
fn broadcasting(folder: &Path, rtmp: SocketAddr, http: SocketAddr) -> String {
    let (folder, user) = (folder.display(), user());
    format!(
        "load_module {MODULE};
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 256; }}
rtmp {{
  access_log off;
  server {{
    listen {rtmp};
    application live {{
      live on;
      dash on;
      dash_path {folder}/dash;
    }}
  }}
}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  types {{ application/dash+xml mpd; video/mp4 m4v; audio/mp4 m4a; }}
  server {{
    listen {http};
    root {folder}/dash;
    add_header Cache-Control no-cache;
    add_header Access-Control-Allow-Origin *;
  }}
}}
"
    )
}

/// Files as nginx serves them at its best: sent by the kernel, many requests to a connection, nothing logged.
fn serving(folder: &Path, http: SocketAddr, root: &Path) -> String {
    let (folder, root, user) = (folder.display(), root.display(), user());
    format!(
        "{user}
daemon off;
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 100000000;
  open_file_cache max=1000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  types {{ video/mp4 m4v; }}
  server {{
    listen {http};
    root {root};
    add_header Cache-Control \"public, max-age=31536000, immutable\";
    add_header Access-Control-Allow-Origin *;
  }}
}}
"
    )
}

/// A worker of root's would become somebody who cannot work in these folders.
fn user() -> &'static str {
    if env::var("USER").is_ok_and(|user| user != "root") {
        ""
    } else {
        "user root;"
    }
}

fn binary() -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into()]);
    let found = folders
        .map(|folder| folder.join("nginx"))
        .find(|file| file.is_file());
    found.context("there is no nginx: apt-get install nginx libnginx-mod-rtmp")
}
