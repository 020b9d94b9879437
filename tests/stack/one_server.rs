//! What several servers with copies do wrong now and then and one server never does: the cases that
//! were seen, each made to happen.

use crate::direct::Direct;
use crate::stack::{INSTANCES, Stack, docker, wait_until};
use serde_json::json;
use std::process::Command;
use std::time::Duration;
use tokio::time::sleep;

/// Rounds of the case that depends on who is first.
const ROUNDS: usize = 12;
/// How much later than in the round before the quiet instance is asked.
const STEP: Duration = Duration::from_millis(15);

/// Undoes what was done to a part of the system when it is dropped, also where the test fails.
struct Undo(Vec<String>);

impl Undo {
    /// Runs `docker …`, and `docker …` at the end.
    async fn after(done: &[&str], undone: &[&str]) -> Self {
        let undo = Self(undone.iter().map(|&word| word.to_owned()).collect());
        docker(done, []).await;
        undo
    }

    async fn freeze(instance: &str) -> Self {
        let signal = |name| ["kill", "--signal", name, instance];
        Self::after(&signal("STOP"), &signal("CONT")).await
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        let output = Command::new("docker").args(&self.0).output();
        output.expect("docker undoes what a test has done");
    }
}

impl Stack {
    /// Makes every commit wait for a replica that does not exist, or no longer.
    async fn hold_commits(&self, held: bool) {
        let names = if held { "'nobody'" } else { "DEFAULT" };
        let set = format!("ALTER SYSTEM SET synchronous_standby_names TO {names}");
        self.psql("postgres", &set).await;
        self.psql("postgres", "SELECT pg_reload_conf()").await;
        wait_until("PostgreSQL has the setting", async || {
            let is = self
                .psql("postgres", "SHOW synchronous_standby_names")
                .await;
            (is.trim() == "nobody") == held
        })
        .await;
    }
}

/// NGINX passes a `PUT` on whose instance has frozen after its commit. Another `PUT` was acknowledged
/// in between: the first one must not be written over it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn put_that_nginx_passes_on_does_not_overwrite_a_later_one() {
    let stack = Stack::of_four().await;
    let direct = Direct::to_instances(&stack).await;
    let user = stack.create_user("Ada").await;
    for _ in 0..stack.rounds {
        let path = format!("/tasks/{}", stack.create_task("v0", user, None).await);
        stack.hold_commits(true).await;
        let (nginx, first) = (stack.client.clone(), format!("{}{path}", stack.url));
        let first = nginx.put(first).json(&json!({"title": "v1"})).send();
        let first = tokio::spawn(first);
        let commits = "SELECT host(client_addr) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        wait_until("the commit waits", async || {
            !stack.psql("postgres", commits).await.trim().is_empty()
        })
        .await;
        let address = stack.psql("postgres", commits).await;
        let frozen = direct.instance_at(address.trim());
        let freeze = Undo::freeze(frozen).await;
        stack.hold_commits(false).await;

        // The first write is there, and its instance can tell nobody.
        let all = direct.instances();
        let others: Vec<_> = all.into_iter().filter(|one| *one != frozen).collect();
        wait_until("v1 shows", async || {
            direct.get(others[0], &path).await.data(200)["title"] == "v1"
        })
        .await;
        assert!(!first.is_finished(), "the first PUT was answered too soon");
        let second = json!({"title": "v2"});
        direct.put(others[1], &path, &second).await.json(200);

        let answer = first.await.unwrap().unwrap();
        assert_eq!(answer.status(), 200, "NGINX passes it on");
        assert_ne!(answer.headers()["x-instance"], frozen);
        for instance in &others {
            let task = direct.get(instance, &path).await.data(200);
            assert_eq!(task["title"], "v2", "{instance} has lost a write");
        }
        drop(freeze);
        stack.settled(INSTANCES).await;
        for instance in direct.instances() {
            let task = direct.get(instance, &path).await.data(200);
            assert_eq!(task["title"], "v2", "{instance} has lost a write");
        }
        stack.remove([path]).await;
    }
    stack.remove([format!("/users/{user}")]).await;
}

/// An instance acknowledges a write while Redis hangs. Another one was quiet meanwhile, so that it has
/// not noticed, and must not serve its copy when Redis goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quiet_instance_serves_nothing_old_after_redis_has_hung() {
    let stack = Stack::of_four().await;
    let direct = Direct::to_instances(&stack).await;
    let user = stack.create_user("Ada").await;
    let path = format!("/tasks/{}", stack.create_task("v0", user, None).await);
    let list = format!("/tasks?userId={user}");
    let redis = stack.container("redis").await;
    for round in 0..ROUNDS {
        stack.all_ready_with("ok").await;
        let all = direct.instances();
        let (writer, quiet) = (all[round % INSTANCES], all[(round + 1) % INSTANCES]);
        wait_until("both serve copies", async || {
            let hits = async |one| direct.get(one, &list).await.header("x-cache") == "hit";
            hits(writer).await && hits(quiet).await
        })
        .await;

        let hung = Undo::after(&["pause", &redis], &["unpause", &redis]).await;
        let title = format!("v{}", round + 1);
        // By reads: what a write sends to Redis would be carried out when it goes on.
        wait_until("the writer has noticed", async || {
            direct.get(writer, &list).await.header("x-cache") == "bypass"
        })
        .await;
        let update = json!({"title": title});
        direct.put(writer, &path, &update).await.json(200);
        // The writer looks for Redis again and again, and is soon as fast as the first read here.
        let goes_on = tokio::task::spawn_blocking(|| drop(hung));
        sleep(STEP * round as u32).await;
        for _ in 0..50 {
            let answer = direct.get(quiet, &list).await;
            let shown = &answer.json(200)["data"][0]["title"];
            assert_eq!(*shown, title, "round {round}: {:?}", answer.headers);
        }
        goes_on.await.unwrap();
    }
    stack.all_ready_with("ok").await;
    stack.remove([path, format!("/users/{user}")]).await;
}

/// An instance that is cut off from Redis, and from nothing else, writes: the others have Redis, with
/// copies from before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_show_the_writes_of_an_instance_cut_off_from_redis_at_once() {
    let stack = Stack::of_four().await;
    let direct = Direct::to_instances(&stack).await;
    let network = format!("{}_cache", stack.project());
    let user = stack.create_user("Ada").await;
    let path = format!("/tasks/{}", stack.create_task("v0", user, None).await);
    let list = format!("/tasks?userId={user}");
    let all = direct.instances();
    let (cut_off, others) = all.split_first().unwrap();
    let cut = Undo::after(
        &["network", "disconnect", &network, cut_off],
        &["network", "connect", &network, cut_off],
    )
    .await;
    for round in 1..=20 {
        for other in others {
            wait_until("the others serve copies", async || {
                direct.get(other, &list).await.header("x-cache") == "hit"
            })
            .await;
        }
        let title = format!("v{round}");
        let update = json!({"title": title});
        direct.put(cut_off, &path, &update).await.json(200);
        for instance in others.iter().chain([cut_off]) {
            let answer = direct.get(instance, &list).await;
            let shown = &answer.json(200)["data"][0]["title"];
            assert_eq!(*shown, title, "round {round}: {:?}", answer.headers);
        }
    }
    drop(cut);
    stack.all_ready_with("ok").await;
    stack.settled(INSTANCES).await;
    stack.remove([path, format!("/users/{user}")]).await;
}
