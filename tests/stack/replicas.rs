//! How much of the load replicas take.

use crate::stack::Stack;
use crate::traffic::Traffic;
use std::time::Duration;
use taskfleet::roles::verify::Pace;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_serve_most_of_what_reaches_postgresql() {
    let stack = Stack::of_four().await;
    for service in ["postgres-replica-1", "postgres-replica-2"] {
        stack.healthy(service, 1).await;
    }
    // About one write in twenty requests.
    let pace = Pace {
        readers: 8,
        read_every: Duration::from_millis(20),
        creators: 1,
        write_every: Duration::from_millis(300),
    };
    let traffic = Traffic::start_at(&stack, pace).await;
    for _ in 0..3 {
        traffic.goes_on().await;
    }
    let report = traffic.ends_clean("1 write in 20").await;
    let (reads, writes) = (report.reads as f64, report.writes as f64);
    let from = |name: &str| {
        let sources = report.sources.iter();
        let counts = sources.filter(|(source, _)| source.starts_with(name));
        counts.map(|(_, count)| *count).sum::<usize>() as f64
    };
    let share = from("replica") / (from("replica") + from("primary"));
    let written = writes / (reads + writes);
    println!("replicas served {share:.2} of the reads, with a share of {written:.3} writes");
    // On a slow machine more, which makes it harder for replicas to keep up.
    assert!(written > 0.04, "{written}");
    assert!(share >= 0.6, "{share}");
}
