//! Peers: the processes of a deployment do for each other in Redis what one that is cut off from it
//! cannot.
//!
//! They send each other texts through the primary, which whoever writes reaches. One yes is enough; a peer
//! that cannot reach Redis either drops its connections, so that it serves no copies, and says no.

use crate::backoff::Backoff;
use crate::cache::{Links, Relayed};
use crate::config::DatabaseSettings;
use crate::db::{self, Questions};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout_at};
use uuid::Uuid;

/// A peer that stays silent for this long is a dead one.
const ANSWER_LIMIT: Duration = Duration::from_millis(500);
/// The pauses between attempts to listen.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));

/// This process among its peers.
pub struct Peers {
    /// Tells this process from its peers.
    name: String,
    links: Arc<Links>,
    /// The way to answer.
    questions: Questions,
    is_listening: watch::Sender<bool>,
    /// Where the answers go to each request that waits for them.
    waiting: Mutex<HashMap<String, mpsc::UnboundedSender<Answer>>>,
}

/// The answer of a peer.
struct Answer {
    peer: String,
    is_done: bool,
}

impl Peers {
    /// Starts a background task that listens to what peers ask, for as long as the process lives.
    pub fn start(
        settings: &DatabaseSettings,
        questions: Questions,
        links: Arc<Links>,
    ) -> Arc<Self> {
        let peers = Arc::new(Self {
            name: Uuid::new_v4().simple().to_string(),
            links,
            questions,
            is_listening: watch::Sender::new(false),
            waiting: Mutex::default(),
        });
        tokio::spawn(Arc::clone(&peers).keep_listening(settings.clone()));
        peers
    }

    /// Waits until this process listens.
    pub async fn until_heard(&self) {
        // The sender lives as long as this does, so this cannot fail.
        _ = self.is_listening.subscribe().wait_for(|is| *is).await;
    }

    /// Asks the peers to take a step; true as soon as one has taken it, false where none can, or none
    /// that answers in time.
    pub async fn ask(&self, questions: &Questions, step: &Relayed) -> bool {
        let deadline = Instant::now() + ANSWER_LIMIT;
        let request = Uuid::new_v4().simple().to_string();
        let (sender, mut answers) = mpsc::unbounded_channel();
        self.waiting().insert(request.clone(), sender);
        let _waiting = scopeguard::guard((), |()| {
            self.waiting().remove(&request);
        });
        let text = format!("ask {} {request} {step}", self.name);
        let work = async {
            let Some(peers) = questions.notify(&text, &self.name).await else {
                return false;
            };
            let mut refused = HashSet::new();
            while refused.len() < peers {
                match answers.recv().await {
                    Some(Answer { is_done: true, .. }) => return true,
                    Some(Answer { peer, .. }) => refused.insert(peer),
                    None => return false,
                };
            }
            false
        };
        timeout_at(deadline, work).await.unwrap_or(false)
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<String, mpsc::UnboundedSender<Answer>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn keep_listening(self: Arc<Self>, settings: DatabaseSettings) {
        let mut backoff = BACKOFF;
        loop {
            let begun = Instant::now();
            let listening = || {
                self.is_listening.send_replace(true);
            };
            let error =
                db::listen(&settings, &self.name, listening, |text| self.receive(text)).await;
            self.is_listening.send_replace(false);
            log::warn!("cannot hear peers: {error}");
            if begun.elapsed() > ANSWER_LIMIT {
                backoff.reset();
            }
            sleep(backoff.next_pause()).await;
        }
    }

    /// Takes a text that somebody sent: `ask PEER REQUEST STEP` or `answer PEER REQUEST NAME yes|no`.
    fn receive(self: &Arc<Self>, text: &str) {
        let Some((kind, rest)) = text.split_once(' ') else {
            return;
        };
        let mut words = rest.splitn(3, ' ');
        let (Some(peer), Some(request), Some(rest)) = (words.next(), words.next(), words.next())
        else {
            return;
        };
        match kind {
            "ask" if peer != self.name => {
                let work = Arc::clone(self).answer(peer.into(), request.into(), rest.into());
                tokio::spawn(work);
            }
            "answer" if peer == self.name => {
                if let Some((name, answer)) = rest.split_once(' ')
                    && let Some(waiting) = self.waiting().get(request)
                {
                    let peer = name.to_owned();
                    let is_done = answer == "yes";
                    // Nobody waits any more where the receiver is gone.
                    _ = waiting.send(Answer { peer, is_done });
                }
            }
            _ => {}
        }
    }

    async fn answer(self: Arc<Self>, peer: String, request: String, step: String) {
        let is_done = match step.parse() {
            Ok(step) => self.links.carry_out(&step).await,
            // Of a later version; what it means, nobody here knows, so nothing is served from copies.
            Err(()) => self.links.refuse(),
        };
        let answer = if is_done { "yes" } else { "no" };
        let text = format!("answer {peer} {request} {} {answer}", self.name);
        // Where this fails, the peer hears of it by the silence.
        _ = self.questions.notify(&text, &self.name).await;
    }
}
