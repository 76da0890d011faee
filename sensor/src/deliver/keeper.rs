//! One output's thread: its backlog kept, its workers run, its end in order.
//!
//! Each output has a thread of its own, so that whatever blocks, a receiver, a
//! disk or a long computation, is the trouble of one output alone.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::oneshot::Receiver;
use tokio::task::{JoinSet, LocalSet};

use super::backlog::Backlog;
use super::backoff::Retry;
use super::common::Senders;
use super::queue::{Batching, Limits, Queue};
use super::spool::config::SpoolConfig;
use super::worker::Worker;

/// An output that is ready to start.
pub(crate) struct Keeper {
    pub(crate) name: String,
    pub(crate) queue: Arc<Queue>,
    /// One for each request that may be under way.
    pub(crate) senders: Senders,
    pub(crate) batching: Batching,
    pub(crate) limits: Limits,
    pub(crate) retry: Retry,
    pub(crate) spool: SpoolConfig,
    /// Where its spool is, if it is to have one.
    pub(crate) directory: Option<PathBuf>,
}

impl Keeper {
    /// Runs until the workers are done, or told to stop and the deadline is over.
    pub(crate) fn run(self, runtime: Runtime, stopped: Receiver<Duration>) {
        let (limits, spool) = (self.limits, self.spool);
        let backlog = Backlog::open(&self.name, self.queue, limits, spool, self.directory);
        let backlog = Rc::new(backlog);
        let local = LocalSet::new();
        let mut workers = JoinSet::new();
        for output in self.senders {
            let backlog = Rc::clone(&backlog);
            let name = self.name.clone();
            let worker = Worker::new(name, backlog, output, self.batching, self.retry);
            workers.spawn_local_on(worker.run(), &local);
        }
        local.spawn_local(keep(Rc::clone(&backlog), spool.sync_interval()));
        runtime.block_on(local.run_until(async move {
            // A sender dropped without a word leaves no time for anything.
            let deadline = stopped.await.unwrap_or_default();
            let all = async { while workers.join_next().await.is_some() {} };
            let _ = tokio::time::timeout(deadline, all).await;
        }));
        backlog.finish();
        // A write to a stopped terminal or a dead network disk may never return;
        // its thread must not keep the sensor from exiting.
        runtime.shutdown_background();
    }
}

/// Takes over what is pushed as it comes, and makes sure of it in time.
async fn keep(backlog: Rc<Backlog>, interval: Duration) {
    let mut tick = tokio::time::interval(interval);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = backlog.queue().changed() => {
                backlog.run_errands();
                backlog.absorb();
            }
            _ = tick.tick() => backlog.tick(),
        }
    }
}
