//! Planted faults: without a rule of the protocol the search finds the shortest trace to a broken
//! promise, which is as long as `docs/MODEL.md` says; with it the same configuration holds.

use crate::config::*;
use crate::holds::assert_holds;
use crate::rules::Rules;
use crate::search::search;

/// What the documentation says of the planted faults: a line of the table for each.
const DOCUMENTATION: &str = include_str!("../../docs/MODEL.md");

/// The broken promise and the length of the trace that the documentation tells of a planted fault.
fn documented(name: &str) -> Option<(&'static str, usize)> {
    let row = format!("| `{name}` |");
    let line = DOCUMENTATION.lines().find(|line| line.starts_with(&row))?;
    let mut columns = line.trim_end_matches(" |").rsplit(" | ");
    let steps = columns.next()?.parse().ok()?;
    Some((columns.next()?, steps))
}

fn assert_found(name: &str, rules: Rules, config: Config) {
    assert_holds(Config {
        settle_every: Config::SMALL.settle_every,
        ..config.clone()
    });
    let found = search(Config { rules, ..config });
    println!("{found}");
    let trace = found.trace.as_ref();
    let trace = trace.map(|trace| (trace.promise, trace.steps.len()));
    assert!(trace.is_some(), "not found: {name}: {found}");
    assert_eq!(
        trace,
        documented(name),
        "not as documented: {name}: {found}"
    );
}

/// Tests, each with the rules that are left out and with what its configuration has beside the small
/// one.
macro_rules! planted {
    ($($name:ident [$($rule:ident),+] { $($field:ident: $value:expr),* })+) => {
        $(#[test]
        fn $name() {
            let rules = Rules { $($rule: false,)+ ..Rules::ALL };
            let config = Config { $($field: $value,)* ..Config::SMALL };
            assert_found(stringify!($name), rules, config);
        })+
    };
}

planted! {
    marks_left_out [marks] {}
    scope_of_old_user_left_out [scope_of_old_user] {}
    scope_of_new_user_left_out [scope_of_new_user] {}
    scope_of_all_left_out [scope_of_all] {}
    scope_of_names_left_out [scope_of_names] { attempts: RENAME }
    stamp_before_marks [marks_first] {}
    new_connection_trusted_at_once [drain] { faults: 1, kinds: &[Fault::Empty] }
    late_comers_served [queries_start_last] { reads: 2, views: &[0] }
    request_carried_out_twice [attempts_recorded] { attempts: TWO_TRIES }
    replica_not_confirmed [confirm] { replica: true, warm: false }
    raise_without_position [raise_position] { replica: true }
    mark_never_repaired [repair] { views: &[0], settle_every: 1, faults: 1, kinds: &[Fault::Kill] }
    repair_without_position [repair_position] { replica: true, faults: 1, kinds: &[Fault::Kill] }
    repair_by_time_alone [repair_asks] {}
    no_relay [relay_mark, relay_raise] { faults: 1, kinds: &[Fault::Cut] }
    relay_only_raises [relay_mark] { faults: 1, kinds: &[Fault::Cut] }
    refusing_peer_keeps_its_connection [refusal_drops] { faults: 1, kinds: &[Fault::Hang] }
    raise_creates_epoch [epoch_by_connections] {
        attempts: TWO_ROWS, views: &[0], faults: 1, kinds: &[Fault::Flush]
    }
    trust_in_another_redis [life] {
        views: &[0], faults: 2, kinds: &[Fault::Flush, Fault::Reset]
    }
}
