//! `taskfleet verify` finds nothing where nothing is wrong, and finds every fault that is put in its
//! way.

use crate::helpers::{TestApp, collections};
use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt, web};
use reqwest::Client;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use taskfleet::roles::verify::check::Anomaly;
use taskfleet::roles::verify::history::HOST;
use taskfleet::roles::verify::{Pace, Report, Session};

/// What a proxy in front of instances does wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// Nothing.
    None,
    /// It answers paths with this in them from copies, which no write outdates.
    OldCopies(&'static str),
    /// It answers lists from copies, which a write outdates before it is acknowledged, but long after
    /// its commit.
    OutdatesLate,
    /// It repeats each update of a task after the next one.
    WritesTwice,
    /// It embeds the names that users had at first.
    OldNames,
    /// It counts one more than there are in a list.
    WrongTotals,
    /// It shows the first row of a list twice.
    ShowsTwice,
    /// It acknowledges updates of tasks that it never makes.
    LosesWrites,
    /// It lets every instance forget idempotency keys.
    DropsKeys,
    /// It shows versions that no client has written.
    Invents,
    /// It fails some reads.
    Fails,
    /// It sends every write to the first instance, so that the others hear of none by themselves.
    WritesToFirst,
}

/// A proxy in front of instances, which take turns.
struct FaultyProxy {
    fault: Fault,
    upstreams: Vec<String>,
    client: Client,
    turn: AtomicUsize,
    copies: Mutex<HashMap<String, (Instant, Bytes)>>,
    /// How often the copies were outdated.
    generation: AtomicUsize,
    /// The last update of each path.
    updates: Mutex<HashMap<String, Bytes>>,
}

/// The shortest time between two writes of one writer.
const WRITE_EVERY: Duration = Duration::from_millis(30);
/// How long a copy is served.
const COPY: Duration = Duration::from_millis(500);
/// How long a write that is committed stays under way.
const LATE: Duration = Duration::from_millis(50);

async fn start(fault: Fault, apps: &[TestApp]) -> (String, ServerHandle) {
    let proxy = Data::new(FaultyProxy {
        fault,
        upstreams: apps.iter().map(|app| app.url.clone()).collect(),
        client: Client::builder().no_proxy().build().unwrap(),
        turn: AtomicUsize::new(0),
        copies: Mutex::default(),
        generation: AtomicUsize::new(0),
        updates: Mutex::default(),
    });
    let server = HttpServer::new(move || {
        App::new()
            .app_data(proxy.clone())
            .default_service(web::to(pass_on))
    })
    .workers(1)
    .disable_signals()
    .bind("127.0.0.1:0")
    .unwrap();
    let url = format!("http://{}", server.addrs()[0]);
    let server = server.run();
    let handle = server.handle();
    rt::spawn(server);
    (url, handle)
}

async fn pass_on(request: HttpRequest, body: Bytes, proxy: Data<FaultyProxy>) -> HttpResponse {
    let path = request.uri().to_string();
    let turn = proxy.turn.fetch_add(1, Ordering::Relaxed);
    let (is_read, is_list) = (request.method() == "GET", path.contains('?'));
    let is_copied = match proxy.fault {
        Fault::OldCopies(part) => path.contains(part),
        Fault::OutdatesLate => is_list,
        _ => false,
    };
    let generation = proxy.generation.load(Ordering::SeqCst);
    if is_read && is_copied {
        let copies = proxy.copies.lock().unwrap();
        if let Some((made, body)) = copies.get(&path)
            && made.elapsed() < COPY
        {
            return HttpResponse::Ok().body(body.clone());
        }
    }
    if is_read && proxy.fault == Fault::Fails && turn.is_multiple_of(50) {
        return HttpResponse::InternalServerError().finish();
    }
    let is_update = request.method() == "PUT" && path.starts_with("/tasks/");
    if is_update && proxy.fault == Fault::LosesWrites {
        return HttpResponse::Ok().finish();
    }
    let upstream = match proxy.fault {
        Fault::WritesToFirst if !is_read => &proxy.upstreams[0],
        _ => &proxy.upstreams[turn % proxy.upstreams.len()],
    };
    let method: reqwest::Method = request.method().as_str().parse().unwrap();
    let mut passed = proxy.client.request(method, format!("{upstream}{path}"));
    for (name, value) in request.headers() {
        let is_dropped = name == "idempotency-key" && proxy.fault == Fault::DropsKeys;
        if name != "host" && name != "content-length" && !is_dropped {
            passed = passed.header(name.as_str(), value.as_bytes());
        }
    }
    let again = passed.try_clone().unwrap();
    let answer = passed.body(body.clone()).send().await.unwrap();
    if is_update && proxy.fault == Fault::WritesTwice {
        let earlier = proxy.updates.lock().unwrap().insert(path.clone(), body);
        if let Some(earlier) = earlier {
            again.body(earlier).send().await.unwrap();
        }
    }
    if !is_read && proxy.fault == Fault::OutdatesLate {
        rt::time::sleep(LATE).await;
        proxy.generation.fetch_add(1, Ordering::SeqCst);
        proxy.copies.lock().unwrap().clear();
    }
    let status = StatusCode::from_u16(answer.status().as_u16()).unwrap();
    let mut response = HttpResponse::build(status);
    for name in ["x-instance", "x-cache", "x-served-from"] {
        if let Some(value) = answer.headers().get(name) {
            response.insert_header((name, value.as_bytes()));
        }
    }
    let mut body = answer.bytes().await.unwrap();
    if is_read && proxy.fault == Fault::Invents {
        let text = String::from_utf8(body.to_vec()).unwrap();
        body = text.replace("version 1", "version 91").into();
    }
    if is_read && is_list && status.is_success() {
        body = distort(proxy.fault, body);
    }
    if is_read && is_copied {
        let mut copies = proxy.copies.lock().unwrap();
        if proxy.generation.load(Ordering::SeqCst) == generation {
            copies.insert(path, (Instant::now(), body.clone()));
        }
    }
    response.body(body)
}

/// A list as the faulty proxy shows it.
fn distort(fault: Fault, body: Bytes) -> Bytes {
    let mut list: Value = serde_json::from_slice(&body).unwrap();
    let total = list["total"].as_u64().unwrap();
    let rows = list["data"].as_array_mut().unwrap();
    match fault {
        Fault::OldNames => {
            for row in rows.iter_mut().filter(|row| row["user"].is_object()) {
                row["user"]["name"] = "version 0".into();
            }
        }
        Fault::WrongTotals => list["total"] = (total + 1).into(),
        Fault::ShowsTwice if !rows.is_empty() => {
            rows.push(rows[0].clone());
            list["total"] = (total + 1).into();
        }
        _ => return body,
    }
    list.to_string().into()
}

/// Checks the deployment at this URL until there was enough to see.
async fn verify(url: &str, write_every: Duration) -> Report {
    let pace = Pace {
        readers: 4,
        read_every: Duration::from_millis(10),
        creators: 1,
        write_every,
    };
    let session = Session::start(url, pace).await.unwrap();
    crate::helpers::wait_until("there is enough to check", async || {
        session.so_far(|history| {
            let deleted = history
                .items
                .iter()
                .filter(|(_, item)| item.delete.is_some());
            let deleted: Vec<_> = deleted.map(|((creator, _), _)| *creator).collect();
            history.reads.len() > 400
                && history.writes > 80
                && deleted.contains(&0)
                && deleted.contains(&HOST)
        })
    })
    .await;
    session.end().await.unwrap()
}

async fn verify_with(fault: Fault) -> Report {
    let first = TestApp::start_with(&["--instance", "first"]).await;
    let apps = [first.sibling(&["--instance", "second"]).await, first];
    let (url, handle) = start(fault, &apps).await;
    let write_every = match fault {
        // Copies are to be made and served between two rounds of writes.
        Fault::OutdatesLate => Duration::from_millis(400),
        _ => WRITE_EVERY,
    };
    let report = verify(&url, write_every).await;
    handle.stop(false).await;
    for collection in collections() {
        let table = collection.table();
        let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        let remaining: i64 = sqlx::query_scalar(sql)
            .fetch_one(&apps[0].db)
            .await
            .unwrap();
        // The second thing under a key is found in the list, and so removed as well.
        assert_eq!(remaining, 0, "{table} are left of {fault:?}");
    }
    report
}

/// The kinds of anomaly that a report has.
fn anomalies(report: &Report) -> Vec<Anomaly> {
    let all = Anomaly::ALL.into_iter();
    all.filter(|anomaly| report.count(*anomaly) > 0).collect()
}

#[actix_web::test]
async fn healthy_deployment_has_no_anomaly() {
    let report = verify_with(Fault::None).await;
    assert!(report.is_clean(), "{report}");
    assert!(
        report.instances.len() == 2 && report.repeats > 0,
        "{report}"
    );
}

#[actix_web::test]
async fn copies_of_any_view_that_no_write_outdates_are_stale_reads() {
    for part in [
        "?userId=",
        "?categoryId=",
        "?search=",
        "/tasks?limit=",
        "/users?limit=",
        "/tasks/",
        "/users/",
        "/categories/",
    ] {
        let report = verify_with(Fault::OldCopies(part)).await;
        assert!(report.count(Anomaly::Stale) > 0, "{part}: {report}");
        let stalest = report.stalest().unwrap();
        assert!(
            Duration::ZERO < stalest && stalest <= 2 * COPY,
            "{stalest:?}"
        );
    }
}

/// Nothing is stale, because the copies go before the acknowledgement.
#[actix_web::test]
async fn copies_that_outlive_a_commit_make_reads_run_backwards() {
    let report = verify_with(Fault::OutdatesLate).await;
    assert_eq!(anomalies(&report), [Anomaly::WentBack], "{report}");
    assert!(
        report.to_string().contains("although before it GET /"),
        "{report}"
    );
}

#[actix_web::test]
async fn update_that_is_repeated_over_the_next_one_is_found() {
    let report = verify_with(Fault::WritesTwice).await;
    assert!(anomalies(&report).contains(&Anomaly::Stale), "{report}");
}

#[actix_web::test]
async fn old_names_in_tasks_are_stale_reads() {
    let report = verify_with(Fault::OldNames).await;
    assert!(anomalies(&report).contains(&Anomaly::Stale), "{report}");
    assert!(
        report.to_string().contains("of the name of user"),
        "{report}"
    );
}

#[actix_web::test]
async fn lists_with_a_wrong_total_or_a_row_twice_contradict_themselves() {
    for (fault, text) in [
        (Fault::WrongTotals, "has the total"),
        (Fault::ShowsTwice, "twice"),
    ] {
        let report = verify_with(fault).await;
        let found = anomalies(&report);
        assert!(found.contains(&Anomaly::Contradiction), "{report}");
        assert!(report.to_string().contains(text), "{report}");
    }
}

/// Its writes reach the database, and the other instance does not hear of them.
#[actix_web::test]
async fn instance_that_announces_nothing_has_stale_reads() {
    let other = TestApp::start().await;
    let prefix = format!("{}elsewhere:", other.settings.cache.redis_key_prefix);
    let silent = other.sibling(&["--redis-key-prefix", &prefix]).await;
    let apps = [silent, other];
    let (url, handle) = start(Fault::WritesToFirst, &apps).await;
    let report = verify(&url, WRITE_EVERY).await;
    handle.stop(false).await;
    assert!(anomalies(&report).contains(&Anomaly::Stale), "{report}");
    let text = report.to_string();
    assert!(
        text.contains("was acknowledged at") && text.contains("GET /"),
        "{text}"
    );
}

#[actix_web::test]
async fn proxy_that_loses_writes_has_lost_writes() {
    let report = verify_with(Fault::LosesWrites).await;
    assert_eq!(
        anomalies(&report),
        [Anomaly::Stale, Anomaly::Lost],
        "{report}"
    );
}

#[actix_web::test]
async fn proxy_that_drops_idempotency_keys_has_duplicates() {
    let report = verify_with(Fault::DropsKeys).await;
    assert_eq!(anomalies(&report), [Anomaly::Duplicate], "{report}");
}

#[actix_web::test]
async fn proxy_that_invents_versions_has_values_from_the_future() {
    let report = verify_with(Fault::Invents).await;
    assert!(anomalies(&report).contains(&Anomaly::Future), "{report}");
}

#[actix_web::test]
async fn failed_read_makes_the_report_unclean() {
    let report = verify_with(Fault::Fails).await;
    assert_eq!(anomalies(&report), [], "{report}");
    assert!(
        !report.failed_reads.is_empty() && !report.is_clean(),
        "{report}"
    );
}
