//! A network between the store and its database that can lose things.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

const PASS: u8 = 0;
const LOSE_COMMIT: u8 = 1;
const SILENT: u8 = 2;

/// Stands in front of a server.
pub(super) struct Proxy {
    port: u16,
    mode: Arc<AtomicU8>,
    accepting: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Proxy {
    /// In front of the server of a URL (`postgres://user@host:port/database`).
    pub(super) async fn before(url: &str) -> Self {
        let server = url.split('@').nth(1).unwrap().split('/').next().unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, mode) = (listener.local_addr().unwrap().port(), Arc::new(AtomicU8::new(PASS)));
        let shared = Arc::clone(&mode);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(between(client, server.clone(), Arc::clone(&shared)));
            }
        });
        Self { port, mode, accepting }
    }

    /// The URL that leads through it.
    pub(super) fn url(&self, url: &str) -> String {
        let (user, rest) = url.split_once('@').unwrap();
        let (_, database) = rest.split_once('/').unwrap();
        format!("{user}@127.0.0.1:{}/{database}", self.port)
    }

    /// The next commit reaches the server; its answer reaches nobody, and the connection ends.
    pub(super) fn lose_the_next_commit(&self) {
        self.mode.store(LOSE_COMMIT, Ordering::SeqCst);
    }

    /// From now on nothing gets through, and no connection ends.
    pub(super) fn fall_silent(&self) {
        self.mode.store(SILENT, Ordering::SeqCst);
    }

    /// From now on new connections get through.
    pub(super) fn pass(&self) {
        self.mode.store(PASS, Ordering::SeqCst);
    }
}

async fn between(mut client: TcpStream, server: String, mode: Arc<AtomicU8>) {
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut losing = false;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(count @ 1..) = read else { return };
                if mode.load(Ordering::SeqCst) == SILENT {
                    return std::future::pending().await;
                }
                losing = contains(&asked[..count], b"COMMIT\0")
                    && mode.compare_exchange(LOSE_COMMIT, PASS, Ordering::SeqCst, Ordering::SeqCst).is_ok();
                if server.write_all(&asked[..count]).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut answered) => {
                let Ok(count @ 1..) = read else { return };
                if losing {
                    if contains(&answered[..count], b"COMMIT\0") {
                        return;
                    }
                    continue;
                }
                if client.write_all(&answered[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
