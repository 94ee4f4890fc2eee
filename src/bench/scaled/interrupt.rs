//! Being told to stop: what is measured ends, and what it has made is taken away.

use std::io;

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use super::super::BenchError;

/// Ctrl-C or SIGTERM, from now on.
pub(in crate::bench) struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    pub(in crate::bench) fn listen() -> io::Result<Self> {
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let (come, told) = watch::channel(false);
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            come.send_replace(true);
        });
        Ok(Self(told))
    }

    /// Does something, unless it is interrupted.
    pub(in crate::bench) async fn or<T>(
        &self,
        work: impl Future<Output = Result<T, BenchError>>,
    ) -> Result<T, BenchError> {
        let mut told = self.0.clone();
        let come = async move {
            if told.wait_for(|come| *come).await.is_err() {
                // Nobody can tell any more.
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = come => Err(BenchError::Interrupted),
            done = work => done,
        }
    }
}
