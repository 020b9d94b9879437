//! Whether hits come back: from any state, once all faults have ended and everything under way has come
//! to its end, a list that is read again is answered from a copy.

use crate::model::Model;
use crate::state::*;
use crate::step::{Event, Step};

/// The rank of an event in the order in which a system comes to rest; `None` for what need not happen.
fn rank(event: Event) -> Option<u8> {
    Some(match event {
        Event::Resumes | Event::Heals | Event::Hears | Event::Revives => 0,
        Event::InLog | Event::Visible | Event::Replayed => 1,
        Event::CarriedOut | Event::CarriedOutLate => 2,
        Event::LookedUp
        | Event::Hit
        | Event::PrimaryAnswers
        | Event::LateComersServed
        | Event::Confirmed
        | Event::NotConfirmed => 3,
        Event::MarkLeft | Event::MarkRelayed | Event::Raised | Event::RaiseRelayed => 4,
        Event::PeerRefuses | Event::GoesUnmarked | Event::GoesUnraised => 5,
        Event::Connects
        | Event::AsksWhatRuns
        | Event::AsksPosition
        | Event::Drained
        | Event::Trusted
        | Event::NotTrusted => 6,
        Event::MarkRepaired => 7,
        Event::EpochMissed => 8,
        _ => return None,
    })
}

impl Model {
    /// Whether hits come back at both instances.
    pub fn settles(&self, state: &State) -> bool {
        let mut config = self.config.clone();
        config.faults = 0;
        let quiet = Self::new(config);
        let mut state = *state;
        let view = usize::from(self.config.views[0]);
        (0..INSTANCES).all(|instance| quiet.hits_again(&mut state, instance, view))
    }

    /// Reads a list at an instance until it hits: the first read may find out that the connection is to
    /// be made anew, the second one may miss.
    fn hits_again(&self, state: &mut State, instance: usize, view: usize) -> bool {
        for _ in 0..4 {
            self.rest(state);
            let begin = Step(Event::ReadBegins, instance, view);
            let miss = Step(Event::EpochMissed, instance, 0);
            let steps = self.steps(state);
            let Some(next) = steps.iter().find(|next| [begin, miss].contains(&next.step)) else {
                return false;
            };
            *state = next.state;
            let steps = self.steps(state);
            if let Some(next) = steps.iter().find(|next| next.step.0 == Event::Hit) {
                *state = next.state;
                return true;
            }
        }
        false
    }

    /// Lets everything come to its end that is under way.
    fn rest(&self, state: &mut State) {
        loop {
            let steps = self.steps(state).into_iter();
            let ranked = steps.filter_map(|next| Some((rank(next.step.0)?, next.state)));
            match ranked.min_by_key(|(rank, _)| *rank) {
                Some((_, next)) => *state = next,
                None => return,
            }
        }
    }
}
