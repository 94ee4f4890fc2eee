//! The way to a server: a socket, TCP, or TLS.

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};

use super::{Address, Options, client::ClientError, tls};

/// Bytes both ways.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Opens one, within [`Options::connect_ms`].
pub(super) async fn open(options: &Options) -> Result<Box<dyn Stream>, ClientError> {
    let opening = tokio::time::timeout(options.connect(), connect(options));
    opening.await.unwrap_or(Err(ClientError::Silent { what: "connect", within_ms: options.connect_ms }))
}

async fn connect(options: &Options) -> Result<Box<dyn Stream>, ClientError> {
    let failed = |error| ClientError::from_io(&error);
    Ok(match &options.address {
        Address::Unix(path) => Box::new(UnixStream::connect(path).await.map_err(failed)?),
        Address::Tcp { host, port } => Box::new(tcp(host, *port).await.map_err(failed)?),
        Address::Tls { host, port } => {
            let stream = tcp(host, *port).await.map_err(failed)?;
            Box::new(tls::shake_hands(options, host, stream).await?)
        }
    })
}

async fn tcp(host: &str, port: u16) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    // A request is one small packet, and is waited for.
    stream.set_nodelay(true)?;
    Ok(stream)
}
