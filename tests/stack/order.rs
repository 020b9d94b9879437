//! No read shows less than a read showed that had ended before it began, whichever client made it,
//! through whichever instance, from a copy or not.

use crate::http::{client, try_send};
use crate::stack::Stack;
use reqwest::Client;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Readers of each path.
const READERS: usize = 4;

/// What a read showed, or a write made, and when.
#[derive(Clone, Copy, Debug)]
struct Operation {
    began: Instant,
    ended: Instant,
    value: u64,
}

/// A writer that counts up, and readers of what it writes.
pub struct Counting {
    ends: Arc<AtomicBool>,
    writer: JoinHandle<Vec<Operation>>,
    readers: Vec<JoinHandle<Vec<Operation>>>,
    things: [String; 2],
}

/// Which ways the readers take.
#[derive(Clone, Copy, Debug)]
pub enum View {
    Lists,
    Single,
    Both,
}

impl Counting {
    /// Begins to write and to read.
    pub async fn start(stack: &Stack, view: View) -> Self {
        let user = stack.create_user("Counter").await;
        let task = format!("/tasks/{}", stack.create_task("0", user, None).await);
        let list = format!("/tasks?userId={user}");
        let single = (task.clone(), "/data/title");
        let lists = [
            (list, "/data/0/title"),
            (
                format!("/tasks?userId={user}&sort=asc&limit=7"),
                "/data/0/title",
            ),
        ];
        let views = match view {
            View::Lists => lists.to_vec(),
            View::Single => vec![single],
            View::Both => lists.into_iter().chain([single]).collect(),
        };
        let ends = Arc::new(AtomicBool::new(false));
        let writer = write(format!("{}{task}", stack.url), Arc::clone(&ends));
        let readers = views.iter().flat_map(|(path, place)| {
            let url = format!("{}{path}", stack.url);
            std::iter::repeat_n((url, *place), READERS)
        });
        let readers = readers.map(|(url, place)| tokio::spawn(read(url, place, Arc::clone(&ends))));
        Self {
            readers: readers.collect(),
            writer: tokio::spawn(writer),
            ends,
            things: [task, format!("/users/{user}")],
        }
    }

    /// Ends, and fails where a read showed less than it had to.
    pub async fn ends_in_order(self, stack: &Stack, what: &str) {
        self.ends.store(true, Ordering::Relaxed);
        let writes = self.writer.await.unwrap();
        let mut reads = Vec::new();
        for reader in self.readers {
            reads.extend(reader.await.unwrap());
        }
        stack.remove(self.things).await;
        println!("{what}: {} reads, {} writes", reads.len(), writes.len());
        assert!(
            reads.len() > 100 && writes.len() > 10,
            "too little happened"
        );
        let late = out_of_order(&writes, &reads);
        let worst = late.iter().map(|(_, age)| *age).max().unwrap_or_default();
        let first = late.first();
        assert!(
            late.is_empty(),
            "{what}: {} of {} reads show too little, the worst {worst:.0?} after it was known; {first:?}",
            late.len(),
            reads.len()
        );
    }
}

async fn write(url: String, ends: Arc<AtomicBool>) -> Vec<Operation> {
    let client = client();
    let mut writes = Vec::new();
    while !ends.load(Ordering::Relaxed) {
        let value = writes.len() as u64 + 1;
        let update = json!({"title": value.to_string()});
        let began = Instant::now();
        let answer = try_send(client.put(&url).json(&update)).await.unwrap();
        answer.json(200);
        let ended = Instant::now();
        writes.push(Operation {
            began,
            ended,
            value,
        });
        sleep(Duration::from_millis(5)).await;
    }
    writes
}

async fn read(url: String, place: &'static str, ends: Arc<AtomicBool>) -> Vec<Operation> {
    // Of its own, so that each reader has a connection to itself.
    let client: Client = client();
    let mut reads = Vec::new();
    while !ends.load(Ordering::Relaxed) {
        let began = Instant::now();
        let body = try_send(client.get(&url)).await.unwrap().json(200);
        let ended = Instant::now();
        let title = body.pointer(place).and_then(|title| title.as_str());
        let value = title.and_then(|title| title.parse().ok());
        let value = value.unwrap_or_else(|| panic!("{url}: {body}"));
        reads.push(Operation {
            began,
            ended,
            value,
        });
    }
    reads
}

/// The reads that show less than what had been read or acknowledged before they began, each with the
/// time since then; a sweep over all beginnings and ends.
fn out_of_order(writes: &[Operation], reads: &[Operation]) -> Vec<(Operation, Duration)> {
    let mut known: Vec<_> = writes.iter().chain(reads).copied().collect();
    known.sort_by_key(|operation| operation.ended);
    let mut begun = reads.to_vec();
    begun.sort_by_key(|read| read.began);
    let mut known = known.into_iter().peekable();
    let (mut floor, mut late) = (None::<Operation>, Vec::new());
    for read in begun {
        while let Some(operation) = known.next_if(|operation| operation.ended < read.began) {
            if floor.is_none_or(|floor| operation.value > floor.value) {
                floor = Some(operation);
            }
        }
        if let Some(floor) = floor.filter(|floor| read.value < floor.value) {
            late.push((read, read.began - floor.ended));
        }
    }
    late
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_read_shows_less_than_an_earlier_read_of_another_client() {
    let stack = Stack::of_four().await;
    for view in [View::Lists, View::Single, View::Both] {
        let counting = Counting::start(&stack, view).await;
        sleep(Duration::from_secs(6)).await;
        let what = format!("one writer, {view:?}");
        counting.ends_in_order(&stack, &what).await;
    }
}

#[test]
fn read_that_shows_less_than_an_earlier_one_is_found() {
    let start = Instant::now();
    let at = |began, ended, value| Operation {
        began: start + Duration::from_millis(began),
        ended: start + Duration::from_millis(ended),
        value,
    };
    let writes = [at(0, 30, 1)];
    let newer = at(5, 10, 1);
    // At the same time as the one that showed more: either may come first.
    let beside = at(9, 20, 0);
    let less = at(11, 20, 0);
    assert!(out_of_order(&writes, &[newer, beside]).is_empty());
    assert_eq!(out_of_order(&writes, &[newer, beside, less]).len(), 1);
    // Less than what was acknowledged.
    assert_eq!(out_of_order(&writes, &[at(31, 40, 0)]).len(), 1);
}
