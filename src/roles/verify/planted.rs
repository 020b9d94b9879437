//! Histories made by hand: of each kind of fault, which must be found, and of good systems under
//! concurrency and failures, in which nothing must be found.

use super::check::{Anomaly, Violation, check};
use super::history::{
    ABSENT, FINAL_READER, History, Item, MISSING, Origin, ReadRecord, Register, Seen, Sight,
    WriteOutcome, WriteRecord,
};
use std::time::Duration;

const A: i64 = 1;
const B: i64 = 2;

/// A history of one register; times are in milliseconds.
struct Plant(History);

impl Plant {
    /// A title of a task that was made for user A before.
    fn new() -> Self {
        let register = Register {
            name: "title of task 7".to_owned(),
            ..Register::default()
        };
        let history = History {
            registers: vec![register],
            ..History::default()
        };
        Self(history).write(0, A, 0..1)
    }

    fn write(self, version: u64, class: i64, time: std::ops::Range<u64>) -> Self {
        self.insert(version, record(class, time, WriteOutcome::Acknowledged))
    }

    /// A write that no answer acknowledged.
    fn unknown(self, version: u64, class: i64, time: std::ops::Range<u64>) -> Self {
        self.insert(version, record(class, time, WriteOutcome::Unknown))
    }

    fn insert(mut self, version: u64, write: WriteRecord) -> Self {
        self.0.registers[0].writes.insert(version, write);
        self
    }

    /// A read of the task itself by reader 1.
    fn read(self, version: u64, time: std::ops::Range<u64>) -> Self {
        self.see(1, "/tasks/7", Seen::Version(version), time)
    }

    fn see(self, reader: usize, path: &str, seen: Seen, time: std::ops::Range<u64>) -> Self {
        let sight = Sight {
            registers: vec![(0, seen)],
            ..Sight::default()
        };
        self.look(reader, path, sight, time)
    }

    fn look(mut self, reader: usize, path: &str, sight: Sight, time: std::ops::Range<u64>) -> Self {
        self.0.reads.push(ReadRecord {
            reader,
            path: path.to_owned(),
            begin: Duration::from_millis(time.start),
            end: Duration::from_millis(time.end),
            origin: origin(),
            sight,
        });
        self
    }

    fn found(&self) -> Vec<Violation> {
        check(&self.0)
    }

    /// Exactly one violation of this kind, which names all of this.
    fn has(&self, anomaly: Anomaly, named: &[&str]) {
        let found = self.found();
        assert_eq!(found.len(), 1, "{found:#?}");
        assert_eq!(found[0].anomaly, anomaly, "{found:#?}");
        for name in named {
            assert!(found[0].description.contains(name), "{name}: {found:#?}");
        }
    }

    fn is_good(&self) {
        let found = self.found();
        assert!(found.is_empty(), "{found:#?}");
    }
}

fn record(class: i64, time: std::ops::Range<u64>, outcome: WriteOutcome) -> WriteRecord {
    WriteRecord {
        writer: 0,
        class,
        begin: Duration::from_millis(time.start),
        end: Duration::from_millis(time.end),
        outcome,
        origin: origin(),
    }
}

fn origin() -> Origin {
    Origin {
        instance: Some("instance-3".to_owned()),
        ..Origin::default()
    }
}

#[test]
fn read_of_what_an_acknowledged_write_replaced_is_stale() {
    let plant = Plant::new().write(1, B, 10..20).read(0, 30..40);
    plant.has(
        Anomaly::Stale,
        &[
            "GET /tasks/7 of reader 1 at 0.030 s-0.040 s (instance-3) shows version 0",
            "version 1 of the title of task 7 was acknowledged at 0.020 s by writer 0",
        ],
    );
    assert_eq!(plant.found()[0].age, Some(Duration::from_millis(10)));
}

#[test]
fn reads_that_run_backwards_between_clients_are_found_while_the_write_is_under_way() {
    let list = "/tasks?userId=2";
    let plant = Plant::new().write(1, B, 10..100).read(1, 20..30);
    plant.see(2, list, Seen::Version(0), 40..50).has(
        Anomaly::WentBack,
        &[
            "GET /tasks?userId=2 of reader 2",
            "of reader 1 at 0.020 s",
            "had shown version 1",
        ],
    );
}

#[test]
fn update_that_is_written_again_over_the_next_one_is_found() {
    // The first update was given up, carried out, replaced, and carried out again by a second try.
    let plant = Plant::new().unknown(1, A, 10..20).read(1, 30..40);
    let plant = plant.write(2, A, 50..60).read(2, 70..80);
    plant.is_good();
    plant.read(1, 90..100).has(
        Anomaly::Stale,
        &["shows version 1", "version 2", "acknowledged at 0.060 s"],
    );
}

#[test]
fn value_that_comes_back_is_found_where_no_write_was_acknowledged() {
    let plant = Plant::new().unknown(1, A, 10..20).unknown(2, A, 10..20);
    let plant = plant.read(1, 30..40).read(2, 50..60);
    plant.is_good();
    plant.read(1, 70..80).has(
        Anomaly::WentBack,
        &[
            "shows version 1",
            "at 0.050 s-0.060 s",
            "had shown version 2",
        ],
    );
}

#[test]
fn overlapping_reads_that_no_order_explains_are_found_with_what_ran_beside_them() {
    // Version 1 was there at 10 and at 20, version 2 at 15 and at 12: each pair alone could be.
    let plant = Plant::new().unknown(1, A, 2..3).unknown(2, A, 2..3);
    let plant = plant
        .read(1, 4..10)
        .see(2, "/tasks/7", Seen::Version(2), 5..15);
    let plant = plant.see(3, "/tasks/7", Seen::Version(2), 12..25);
    plant.is_good();
    let plant = plant.read(1, 20..30);
    plant.has(Anomaly::WentBack, &["which no order", "reader", "writer 0"]);
}

#[test]
fn list_that_lacks_a_task_that_moved_to_its_user_is_stale() {
    let plant = Plant::new().write(1, B, 10..20);
    plant
        .see(1, "/tasks?userId=2", Seen::Outside(B), 30..40)
        .has(
            Anomaly::Stale,
            &["no title of task 7 for user 2", "version 1"],
        );
}

#[test]
fn task_that_two_lists_show_or_none_while_it_moves_is_found() {
    let moving = || Plant::new().write(1, B, 10..100);
    let (of_a, of_b) = ("/tasks?userId=1", "/tasks?userId=2");
    let plant = moving().see(1, of_b, Seen::Version(1), 20..30);
    plant
        .see(2, of_a, Seen::Version(0), 40..50)
        .has(Anomaly::WentBack, &[of_a, of_b]);
    let plant = moving().see(1, of_a, Seen::Outside(A), 20..30);
    plant.see(2, of_b, Seen::Outside(B), 40..50).has(
        Anomaly::WentBack,
        &[of_b, of_a, "no title of task 7 for user 1"],
    );
}

#[test]
fn lists_of_two_users_that_agree_on_a_move_are_good() {
    let (of_a, of_b) = ("/tasks?userId=1", "/tasks?userId=2");
    let plant = Plant::new().write(1, B, 10..100).write(2, A, 50..150);
    let plant = plant.see(1, of_a, Seen::Version(0), 20..30);
    let plant = plant.see(1, of_b, Seen::Outside(B), 31..40);
    let plant = plant.see(2, of_a, Seen::Outside(A), 35..60);
    let plant = plant.see(2, of_b, Seen::Version(1), 70..80);
    plant.see(1, of_a, Seen::Version(2), 90..95).is_good();
}

#[test]
fn move_with_an_unknown_outcome_explains_a_list_without_the_task() {
    let of_a = "/tasks?userId=1";
    let plant = Plant::new().unknown(1, B, 10..20);
    let plant = plant.see(1, of_a, Seen::Outside(A), 30..40);
    plant.is_good();
    let plant = plant.see(1, of_a, Seen::Version(0), 50..60);
    plant.has(
        Anomaly::WentBack,
        &["shows version 0", "no title of task 7 for user 1"],
    );
}

#[test]
fn register_that_must_be_shown_and_is_not_is_stale() {
    Plant::new()
        .see(1, "/tasks?search=x", Seen::Within(MISSING), 30..40)
        .has(Anomaly::Stale, &["no title of task 7"]);
}

#[test]
fn version_that_nobody_had_written_yet_is_from_the_future() {
    let plant = Plant::new().write(1, B, 50..60);
    plant.read(1, 30..40).has(Anomaly::Future, &["version 1"]);
    Plant::new()
        .read(9, 30..40)
        .has(Anomaly::Future, &["version 9"]);
}

#[test]
fn answer_that_contradicts_itself_is_found() {
    let sight = Sight {
        contradictions: vec!["has the total 4, and shows 3 of at most 100".to_owned()],
        ..Sight::default()
    };
    Plant::new().look(1, "/tasks", sight, 30..40).has(
        Anomaly::Contradiction,
        &["GET /tasks of reader 1", "has the total 4"],
    );
}

#[test]
fn acknowledged_write_that_is_not_there_in_the_end_is_lost() {
    let plant = Plant::new().write(1, B, 10..20);
    let mut plant = plant.see(FINAL_READER, "/tasks/7", Seen::Version(0), 300..310);
    plant.0.final_reads = std::mem::take(&mut plant.0.reads);
    plant.has(Anomaly::Lost, &["version 0", "version 1"]);
}

#[test]
fn concurrent_writers_and_readers_may_see_either_order() {
    let two = || Plant::new().write(1, A, 10..100).write(2, B, 10..100);
    two()
        .read(1, 20..30)
        .read(2, 40..50)
        .read(2, 110..120)
        .is_good();
    two()
        .read(2, 20..30)
        .read(1, 40..50)
        .read(1, 110..120)
        .is_good();
    two().read(0, 20..99).read(1, 20..30).is_good();
    let plant = two().read(1, 110..120);
    plant.read(2, 130..140).has(
        Anomaly::WentBack,
        &["shows version 2", "had shown version 1"],
    );
}

#[test]
fn write_with_an_unknown_outcome_may_take_effect_late_or_never() {
    let plant = || Plant::new().unknown(1, A, 10..20).write(2, A, 30..40);
    plant().read(2, 50..60).is_good();
    plant()
        .read(2, 50..60)
        .read(1, 70..80)
        .read(1, 90..95)
        .is_good();
}

#[test]
fn item_that_is_shown_before_its_create_is_acknowledged_is_shown_from_then_on() {
    let name = (0, 3);
    let item = Item {
        create: record(ABSENT, 10..100, WriteOutcome::Acknowledged),
        delete: Some(record(ABSENT, 200..300, WriteOutcome::Acknowledged)),
        ids: [5].into(),
    };
    let plant = |shown: &[(bool, u64)]| {
        let mut plant = Plant::new();
        plant.0.items.insert(name, item.clone());
        shown.iter().fold(plant, |plant, (is_shown, begin)| {
            let sight = Sight {
                items: is_shown.then_some(name).into_iter().collect(),
                creators: 0..1,
                ..Sight::default()
            };
            plant.look(1, "/tasks", sight, *begin..begin + 5)
        })
    };
    let (shown, hidden) = (true, false);
    plant(&[
        (hidden, 1),
        (hidden, 20),
        (shown, 30),
        (shown, 210),
        (hidden, 220),
        (hidden, 400),
    ])
    .is_good();
    plant(&[(shown, 20), (hidden, 30)]).has(Anomaly::WentBack, &["no item 0-3"]);
    plant(&[(hidden, 110)]).has(Anomaly::Stale, &["no item 0-3", "the creation of item 0-3"]);
    plant(&[(hidden, 210), (shown, 220)]).has(Anomaly::WentBack, &["shows item 0-3"]);
    plant(&[(shown, 310)]).has(Anomaly::Stale, &["the deletion of item 0-3"]);
    plant(&[(shown, 1)]).has(Anomaly::Future, &["not written yet"]);
}
