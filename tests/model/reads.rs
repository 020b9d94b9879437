//! The steps of reads: two lookups, then a hit, or a query of the primary or of the replica, whose
//! result is confirmed.

use crate::model::{Model, Steps};
use crate::program::position;
use crate::state::*;
use crate::step::{Event, Violation};
use taskfleet::cache::view::{Source, View};

impl Model {
    pub(super) fn reads(&self, state: &State, steps: &mut Steps<'_>) {
        let idle = state
            .reads
            .iter()
            .position(|read| read.phase == Reading::Idle);
        let busy = state
            .reads
            .iter()
            .filter(|read| read.phase != Reading::Idle);
        if let Some(number) = idle.filter(|_| busy.count() < self.config.reads) {
            self.begin(state, number, steps);
        }
        for (number, read) in state.reads.iter().enumerate() {
            match read.phase {
                Reading::Idle => {}
                Reading::Begun => self.look_up(state, number, steps),
                Reading::Waiting => self.query(state, number, steps),
                Reading::Queried => self.serve_late_comers(state, number, steps),
                Reading::Unconfirmed => self.confirm(state, number, steps),
            }
        }
    }

    /// A read begins with the marks. One without a trusted connection is answered by the primary, which
    /// is certain to be right.
    fn begin(&self, state: &State, number: usize, steps: &mut Steps<'_>) {
        for instance in 0..INSTANCES {
            if !state.is_trusted(instance) || !state.is_clear(instance) {
                continue;
            }
            if state.redis.values[EPOCH] == ABSENT {
                self.miss_epoch(state, instance, steps);
                continue;
            }
            for view in self.config.views {
                let mut next = *state;
                let read = &mut next.reads[number];
                *read = Read {
                    phase: Reading::Begun,
                    instance: u8::try_from(instance).unwrap(),
                    view: *view,
                    floor: self.floor(state, *view),
                    ..Read::default()
                };
                match self.config.rules.marks_first {
                    true => read.marked = self.program.look(state, *view).is_marked(),
                    false => self.look_up_stamp(state, read),
                }
                steps.add(Event::ReadBegins, instance, usize::from(*view), next);
            }
        }
    }

    /// Looks up stamp and position, and a copy under that stamp: the instance's own or Redis' entry.
    fn look_up_stamp(&self, state: &State, read: &mut Read) {
        read.stamp = self.program.stamp(&state.redis, read.view);
        read.position = state.redis.position;
        if read.view != SINGLE {
            let list = usize::from(read.view);
            let own = state.instances[usize::from(read.instance)].copies[list];
            let view = self.program.seen(read);
            // Marks that are looked up later may still forbid it.
            let copies = [own, state.redis.entries[list]].into_iter().flatten();
            let mut good = copies.filter(|copy| view.stamp == copy.stamp.stamp());
            read.shown = good.next().map(|copy| copy.shown);
        }
    }

    fn look_up(&self, state: &State, number: usize, steps: &mut Steps<'_>) {
        let mut read = state.reads[number];
        let (instance, view) = (usize::from(read.instance), usize::from(read.view));
        if !state.is_trusted(instance) || !state.is_clear(instance) {
            return;
        }
        if state.redis.values[EPOCH] == ABSENT {
            return self.miss_epoch(state, instance, steps);
        }
        match self.config.rules.marks_first {
            true => self.look_up_stamp(state, &mut read),
            false => read.marked = self.program.look(state, read.view).is_marked(),
        }
        let seen = self.program.seen(&read);
        let mut next = *state;
        if let Some(shown) = read.shown.filter(|_| seen.lets_hit(seen.stamp)) {
            next.reads[number] = read;
            let stamp = read.stamp;
            self.keep(&mut next, &read, Entry { stamp, shown });
            let violation = self.answer(&mut next, number, shown);
            steps.add_checked(Event::Hit, instance, view, next, violation);
            return;
        }
        read.phase = Reading::Waiting;
        read.shown = None;
        read.stamp = seen.stamp_of_copy().map_or(Symbols::DEAD, Symbols::of);
        next.reads[number] = read;
        steps.add(Event::LookedUp, instance, view, next);
    }

    /// A lookup that finds no epoch has found a new Redis.
    fn miss_epoch(&self, state: &State, instance: usize, steps: &mut Steps<'_>) {
        let mut next = *state;
        self.drop_connection(&mut next, instance);
        steps.add(Event::EpochMissed, instance, 0, next);
    }

    /// The reads of the same list at the same instance that are in this phase.
    fn gathered(state: &State, read: &Read, phase: Reading) -> Vec<usize> {
        let reads = state.reads.iter().enumerate();
        reads
            .filter(|(_, other)| {
                let is_same = (other.instance, other.view) == (read.instance, read.view);
                is_same && other.phase == phase
            })
            .map(|(number, _)| number)
            .collect()
    }

    /// One query serves all reads that wait. Which of them joined last does not matter, so each may be
    /// it, whose view is then the query's.
    fn query(&self, state: &State, number: usize, steps: &mut Steps<'_>) {
        let last = state.reads[number];
        let (instance, view) = (usize::from(last.instance), usize::from(last.view));
        let runs = |phase| !Self::gathered(state, &last, phase).is_empty();
        if runs(Reading::Queried) {
            return;
        }
        // Who has waited long for a query that others wait for asks alone.
        let is_alone = runs(Reading::Unconfirmed);
        let readers = match is_alone {
            true => vec![number],
            false => Self::gathered(state, &last, Reading::Waiting),
        };
        let views = readers
            .iter()
            .map(|reader| self.program.seen(&state.reads[*reader]));
        let source = views
            .map(|view: View| view.source())
            .reduce(Source::stricter);
        let gather = |next: &mut State, phase, shown| {
            for reader in &readers {
                let read = &mut next.reads[*reader];
                read.phase = phase;
                read.shown = Some(shown);
                (read.stamp, read.marked) = (last.stamp, last.marked);
            }
        };
        let mut next = *state;
        let shown = self.primary_shows(state, last.view);
        gather(&mut next, Reading::Queried, shown);
        let violation = match self.config.rules.queries_start_last {
            true => self.answer_all(&mut next, &readers, shown),
            false => None,
        };
        steps.add_checked(Event::PrimaryAnswers, instance, view, next, violation);

        let Some(Source::ReplicaAt(needed)) = source else {
            return;
        };
        let replayed = position(state.replayed + 1);
        if is_alone
            || !self.config.replica
            || !replayed.is_some_and(|replayed| needed.is_reached_by(replayed))
        {
            return;
        }
        let mut next = *state;
        let shown = self.replica_shows(state, last.view);
        gather(&mut next, Reading::Unconfirmed, shown);
        let violation = match self.config.rules.confirm {
            true => None,
            false => self.answer_all(&mut next, &readers, shown),
        };
        steps.add_checked(Event::ReplicaAnswers, instance, view, next, violation);
    }

    /// Without the rule, a query's result also serves reads that came after it had started.
    fn serve_late_comers(&self, state: &State, number: usize, steps: &mut Steps<'_>) {
        let read = state.reads[number];
        let mut readers = Self::gathered(state, &read, Reading::Queried);
        readers.extend(Self::gathered(state, &read, Reading::Waiting));
        let mut next = *state;
        let shown = read.shown.unwrap_or_default();
        let violation = self.answer_all(&mut next, &readers, shown);
        let (instance, view) = (usize::from(read.instance), usize::from(read.view));
        steps.add_checked(Event::LateComersServed, instance, view, next, violation);
    }

    /// What a replica returned counts if a second lookup confirms it; else the primary is asked.
    fn confirm(&self, state: &State, number: usize, steps: &mut Steps<'_>) {
        let read = state.reads[number];
        let (instance, view) = (usize::from(read.instance), usize::from(read.view));
        let readers = Self::gathered(state, &read, Reading::Unconfirmed);
        let is_first = readers.first() == Some(&number);
        if !is_first || !state.is_trusted(instance) || !state.is_clear(instance) {
            return;
        }
        if state.redis.values[EPOCH] == ABSENT {
            return self.miss_epoch(state, instance, steps);
        }
        let mut next = *state;
        let now = self.program.look(state, read.view);
        if now.confirms(&self.program.seen(&read)) {
            let violation = self.answer_all(&mut next, &readers, read.shown.unwrap_or_default());
            steps.add_checked(Event::Confirmed, instance, view, next, violation);
        } else {
            for reader in &readers {
                next.reads[*reader].ask_primary();
            }
            steps.add(Event::NotConfirmed, instance, view, next);
        }
    }

    /// Answers all reads that a query serves and stores the copy that came of it.
    fn answer_all(&self, state: &mut State, readers: &[usize], shown: u8) -> Option<Violation> {
        let read = state.reads[*readers.first()?];
        let stamp = self.program.seen(&read).stamp_of_copy().map(Symbols::of);
        let is_list = read.view != SINGLE;
        if let Some(stamp) = stamp.filter(|stamp| is_list && *stamp != Symbols::DEAD) {
            let copy = Entry { stamp, shown };
            self.keep(state, &read, copy);
            let instance = &mut state.instances[usize::from(read.instance)];
            if instance.connection != Connection::None {
                push(&mut instance.queue, Command::Store(read.view, copy));
            }
        }
        let answers = readers
            .iter()
            .map(|reader| self.answer(state, *reader, shown));
        answers.fold(None, Option::or)
    }

    /// Keeps a copy in the memory of the read's instance.
    fn keep(&self, state: &mut State, read: &Read, copy: Entry) {
        if self.config.memory {
            let instance = &mut state.instances[usize::from(read.instance)];
            instance.copies[usize::from(read.view)] = Some(copy);
        }
    }

    fn answer(&self, state: &mut State, number: usize, shown: u8) -> Option<Violation> {
        let read = std::mem::take(&mut state.reads[number]);
        let is_right = self.is_linearizable(state, &read, shown);
        (!is_right).then_some(Violation::Stale)
    }
}

impl Read {
    /// Leaves Redis and the replica out from now on.
    pub fn ask_primary(&mut self) {
        self.phase = Reading::Waiting;
        self.marked = true;
        self.position = 0;
        self.stamp = Symbols::DEAD;
        self.shown = None;
    }
}
