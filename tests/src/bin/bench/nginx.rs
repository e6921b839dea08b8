//! The peer: nginx with its RTMP module, writing DASH, from Debian's packages.

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
    pub(crate) rtmp: SocketAddr,
    process: Process,
    folder: TempDir,
}

impl Nginx {
    pub(crate) async fn start() -> Result<Self> {
        let folder = TempDir::with_prefix("boxmesh-nginx-")?;
        let rtmp = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let configuration = folder.path().join("nginx.conf");
        fs::create_dir(folder.path().join("dash"))?;
        fs::write(&configuration, configure(folder.path(), rtmp))?;

        let mut command = Command::new(binary()?);
        command.arg("-c").arg(&configuration).arg("-p").arg(folder.path());
        command.arg("-e").arg(folder.path().join("error.log"));
        let mut process = Process::start("nginx", command, folder.path())?;
        until("nginx to listen", Duration::from_secs(10), async || {
            if let Some(status) = process.ended()? {
                bail!("nginx ended: {status}\n{}", process.tail());
            }
            Ok(TcpStream::connect(rtmp).await.is_ok())
        })
        .await?;
        Ok(Self {
            rtmp,
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
fn configure(folder: &Path, rtmp: SocketAddr) -> String {
    let folder = folder.display();
    // A worker of root's would become somebody who cannot write here.
    let user = if env::var("USER").is_ok_and(|user| user != "root") {
        ""
    } else {
        "user root;"
    };
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

fn binary() -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into()]);
    let found = folders
        .map(|folder| folder.join("nginx"))
        .find(|file| file.is_file());
    found.context("there is no nginx: apt-get install nginx libnginx-mod-rtmp")
}
