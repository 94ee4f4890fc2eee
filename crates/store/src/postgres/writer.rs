//! The tasks that write what many callers ask for one by one.
//!
//! Each takes what has queued up and puts it into one transaction: so many requests share the cost of one, and none
//! waits for another when there is nothing to do. If a transaction fails on what it says (not for want of a database),
//! its requests are done again one by one, so that one bad request fails nobody else.

use std::{future::Future, sync::Arc};

use rehome_domain::ports::StoreError;
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
};

use super::{
    Options,
    session::{Db, Session, Work},
    trouble::Trouble,
};

/// A request that is done together with others.
pub(super) trait Grouped: Send + Sync + Sized + 'static {
    /// What it answers.
    type Answer: Send + 'static;

    /// What it is, in the words of [`StoreError::Failed`].
    const WHAT: &'static str;

    /// See [`Work::repeatable`].
    const REPEATABLE: bool;

    /// Does requests in one transaction, each as if those before it had been done by themselves. Answers in order.
    fn together(
        requests: &[Self],
        session: &Session,
    ) -> impl Future<Output = Result<Vec<Self::Answer>, Trouble>> + Send;
}

/// Requests in one transaction.
struct Group<'a, R>(&'a [R]);

impl<R: Grouped> Work for Group<'_, R> {
    type Answer = Vec<R::Answer>;

    fn what(&self) -> &'static str {
        R::WHAT
    }

    fn requests(&self) -> usize {
        self.0.len()
    }

    fn repeatable(&self) -> bool {
        R::REPEATABLE
    }

    async fn attempt(&self, session: &Session) -> Result<Vec<R::Answer>, Trouble> {
        R::together(self.0, session).await
    }
}

type Answer<R> = oneshot::Sender<Result<<R as Grouped>::Answer, StoreError>>;

/// The way to a writing task.
pub(super) struct Writer<R: Grouped> {
    queue: mpsc::Sender<(R, Answer<R>)>,
}

impl<R: Grouped> Writer<R> {
    pub(super) fn start(runtime: &Handle, db: Arc<Db>, options: &Options) -> Self {
        let (queue, mut waiting) = mpsc::channel(options.queue.max(1));
        let batch = options.batch.max(1);
        runtime.spawn(async move {
            let mut taken = Vec::with_capacity(batch);
            while waiting.recv_many(&mut taken, batch).await > 0 {
                let (requests, answers) = taken.drain(..).unzip();
                settle(&db, requests, answers).await;
            }
        });
        Self { queue }
    }

    /// Has a request done; resolves when it is durable.
    pub(super) async fn write(&self, request: R) -> Result<R::Answer, StoreError> {
        let ended = || StoreError::Failed { what: R::WHAT, detail: "the writing task ended".to_owned() };
        let (to, answer) = oneshot::channel();
        self.queue.send((request, to)).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

/// Does requests and answers each.
async fn settle<R: Grouped>(db: &Db, requests: Vec<R>, answers: Vec<Answer<R>>) {
    let trouble = match db.transact(&Group(&requests)).await {
        Ok(done) => {
            for (done, to) in done.into_iter().zip(answers) {
                // Whoever asked may have stopped waiting.
                let _ = to.send(Ok(done));
            }
            return;
        }
        Err(trouble) => trouble,
    };
    let nobodys_fault = matches!(trouble, Trouble::Away(_) | Trouble::Unknown(_));
    if nobodys_fault || requests.len() == 1 {
        let failed = trouble.failed(R::WHAT);
        for to in answers {
            let _ = to.send(Err(failed.clone()));
        }
        return;
    }
    tracing::warn!(
        ?trouble,
        requests = requests.len(),
        "a transaction failed, its requests are done one by one"
    );
    for (request, to) in requests.iter().zip(answers) {
        let done = db.transact(&Group(std::slice::from_ref(request))).await;
        let done = done.map(|mut done| done.pop()).map_err(|trouble| trouble.failed(R::WHAT));
        let lost = || StoreError::Failed { what: R::WHAT, detail: "its answer got lost".to_owned() };
        let _ = to.send(done.and_then(|done| done.ok_or_else(lost)));
    }
}
