//! Small configurations in which all promises hold in every state, and in which everything happens
//! that the rules are there for.

use crate::config::*;
use crate::rules::Rules;
use crate::search::{Found, search};
use crate::step::Event;

/// Fails unless every state was visited and none breaks a promise.
pub fn assert_holds(config: Config) -> Found {
    let found = search(config);
    println!("{found}");
    assert!(found.trace.is_none() && found.is_exhaustive, "{found}");
    found
}

/// Fails also if one of these events never occurred: the promises would hold for want of an occasion.
fn assert_holds_and_occur(config: Config, events: &[Event]) {
    let found = assert_holds(config);
    for event in events {
        assert!(found.count(*event) > 0, "{event:?} never occurred: {found}");
    }
}

#[test]
fn two_writers_of_one_task_and_no_fault() {
    let config = Config {
        attempts: TWO_WRITERS,
        ..Config::SMALL
    };
    assert_holds_and_occur(config, &[Event::Hit, Event::PrimaryAnswers]);
}

#[test]
fn writers_of_two_rows_and_a_replica() {
    let config = Config {
        attempts: TWO_ROWS,
        views: &[0, 2, 3],
        replica: true,
        ..Config::SMALL
    };
    let events = [Event::Confirmed, Event::NotConfirmed, Event::Hit];
    assert_holds_and_occur(config, &events);
}

#[test]
fn two_reads_at_a_time_and_a_replica() {
    let config = Config {
        views: &[0],
        reads: 2,
        replica: true,
        ..Config::SMALL
    };
    assert_holds_and_occur(config, &[Event::Confirmed, Event::NotConfirmed]);
}

#[test]
fn a_request_is_tried_at_both_instances_and_one_of_them_dies() {
    let config = Config {
        attempts: TWO_TRIES,
        faults: 1,
        kinds: &[Fault::Kill],
        ..Config::SMALL
    };
    assert_holds_and_occur(config, &[Event::FoundRepeated, Event::MarkRepaired]);
}

#[test]
fn an_instance_is_cut_off_from_redis() {
    let config = Config {
        faults: 1,
        kinds: &[Fault::Cut],
        ..Config::SMALL
    };
    let events = [
        Event::MarkRelayed,
        Event::RaiseRelayed,
        Event::MarkRepaired,
        Event::Drained,
        Event::CarriedOutLate,
        Event::Hit,
    ];
    assert_holds_and_occur(config, &events);
}

#[test]
fn redis_hangs() {
    let config = Config {
        faults: 1,
        kinds: &[Fault::Hang],
        ..Config::SMALL
    };
    let events = [
        Event::GoesUnmarked,
        Event::GoesUnraised,
        Event::CarriedOutLate,
        Event::Drained,
    ];
    assert_holds_and_occur(config, &events);
}

#[test]
fn redis_restarts_empty() {
    let config = Config {
        faults: 1,
        kinds: &[Fault::Empty],
        ..Config::SMALL
    };
    assert_holds_and_occur(config, &[Event::Drained, Event::Trusted]);
}

#[test]
fn redis_restarts_with_old_data() {
    let config = Config {
        faults: 1,
        kinds: &[Fault::Old],
        ..Config::SMALL
    };
    assert_holds_and_occur(config, &[Event::OldData, Event::Drained]);
}

#[test]
fn redis_is_flushed() {
    let config = Config {
        faults: 1,
        kinds: &[Fault::Flush],
        ..Config::SMALL
    };
    assert_holds_and_occur(config, &[Event::EpochMissed, Event::Drained]);
}

#[test]
fn an_instance_dies_and_there_is_a_replica() {
    let config = Config {
        views: &[0, 1, 3],
        replica: true,
        faults: 1,
        kinds: &[Fault::Kill],
        ..Config::SMALL
    };
    assert_holds_and_occur(config, &[Event::MarkRepaired, Event::Confirmed]);
}

#[test]
fn a_connection_is_reset() {
    let config = Config {
        faults: 1,
        kinds: &[Fault::Reset],
        ..Config::SMALL
    };
    assert_holds_and_occur(config, &[Event::Drained]);
}

#[test]
fn the_replica_crashes() {
    let config = Config {
        views: &[0, 1, 3],
        replica: true,
        faults: 1,
        kinds: &[Fault::Replica],
        ..Config::SMALL
    };
    assert_holds_and_occur(config, &[Event::ReplicaCrashes, Event::Confirmed]);
}

#[test]
fn an_instance_hears_no_notifications() {
    let config = Config {
        faults: 1,
        kinds: &[Fault::Deaf],
        ..Config::SMALL
    };
    assert_holds_and_occur(config, &[Event::Hit]);
}

#[test]
fn two_faults_and_one_list() {
    let config = Config {
        views: &[0],
        faults: 2,
        kinds: &[
            Fault::Empty,
            Fault::Hang,
            Fault::Flush,
            Fault::Cut,
            Fault::Kill,
            Fault::Reset,
        ],
        ..Config::SMALL
    };
    let events = [
        Event::Hit,
        Event::MarkRelayed,
        Event::RaiseRelayed,
        Event::MarkRepaired,
        Event::Drained,
        Event::CarriedOutLate,
        Event::NotTrusted,
    ];
    assert_holds_and_occur(config, &events);
}

/// Without the relay of raises marks stay until they are repaired: slower, and no less fresh.
#[test]
fn a_relay_that_only_leaves_marks() {
    let rules = Rules {
        relay_raise: false,
        ..Rules::ALL
    };
    let config = Config {
        rules,
        faults: 1,
        kinds: &[Fault::Cut],
        ..Config::SMALL
    };
    assert_holds_and_occur(config, &[Event::GoesUnraised, Event::MarkRepaired]);
}

/// The exception that remains: two faults at once, where the peer is silent and not dead.
#[test]
fn a_peer_that_reaches_redis_and_does_not_hear_is_taken_for_dead() {
    let found = search(Config {
        faults: 2,
        kinds: &[Fault::Cut, Fault::Deaf],
        ..Config::SMALL
    });
    let trace = found.trace.as_ref().map(|trace| trace.promise);
    assert_eq!(
        trace,
        Some("a read shows less than was shown before"),
        "{found}"
    );
}
