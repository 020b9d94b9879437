//! Larger configurations, for the optimized model.

use crate::config::*;
use crate::holds::assert_holds;

/// All faults but the one that makes the exception with others.
const FAULTS: &[Fault] = &[
    Fault::Empty,
    Fault::Old,
    Fault::Hang,
    Fault::Flush,
    Fault::Cut,
    Fault::Kill,
    Fault::Reset,
];
/// The same without old data, which multiplies the states.
const FAULTS_OF_NOW: &[Fault] = &[
    Fault::Empty,
    Fault::Hang,
    Fault::Flush,
    Fault::Cut,
    Fault::Kill,
    Fault::Reset,
];

/// Those, and the replica's crash.
const FAULTS_WITH_REPLICA: &[Fault] = &[
    Fault::Empty,
    Fault::Hang,
    Fault::Flush,
    Fault::Cut,
    Fault::Kill,
    Fault::Reset,
    Fault::Replica,
];

/// What the long configurations have in common.
const LARGE: Config = Config {
    settle_every: 256,
    limit: 60_000_000,
    ..Config::SMALL
};

/// Tests, each with what its configuration has beside the large one.
macro_rules! long {
    ($($name:ident { $($field:ident: $value:expr),* })+) => {
        $(#[test]
        #[ignore = "long: up to ten million states"]
        fn $name() {
            assert_holds(Config { $($field: $value,)* ..LARGE });
        })+
    };
}

long! {
    two_faults { faults: 2, kinds: FAULTS_OF_NOW }
    two_faults_with_old_data_and_copies_in_memory {
        views: &[0, 2], memory: true, faults: 2, kinds: FAULTS
    }
    two_faults_with_a_replica {
        views: &[0, 3], replica: true, faults: 2, kinds: FAULTS_WITH_REPLICA
    }
    two_faults_and_a_request_that_is_tried_twice {
        attempts: TWO_TRIES, views: &[0], faults: 2, kinds: FAULTS_OF_NOW
    }
    any_fault_and_two_reads_at_a_time {
        views: &[0, 1], reads: 2, faults: 1, kinds: FAULTS
    }
    any_fault_and_two_writers_of_one_task {
        attempts: TWO_WRITERS, faults: 1, kinds: FAULTS
    }
    any_fault_and_writers_of_two_rows {
        attempts: TWO_ROWS, faults: 1, kinds: FAULTS_OF_NOW
    }
    a_dead_or_cut_instance_and_three_attempts {
        attempts: THREE, faults: 1, kinds: &[Fault::Cut, Fault::Kill]
    }
    a_replica_and_three_attempts_and_two_reads_at_a_time {
        attempts: THREE, views: &[0, 3], reads: 2, replica: true
    }
}
