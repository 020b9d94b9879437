//! Swagger UI in a real browser, which reaches the system through NGINX like every client.

use crate::stack::{Stack, setting};
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::{Method, Url};
use serde_json::{Value, json};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

/// How long anything may take to appear.
const DEADLINE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn swagger_ui_shows_all_operations_and_try_it_out_gets_answers() {
    let stack = Stack::of_four().await;
    let operations = operations(&stack.get("/openapi.json").await.json(200));
    assert!(operations >= 19, "{operations}");
    let browser = open().await;
    let visitor = tokio::spawn(visit(browser.clone(), operations));
    let visited = visitor.await;
    let console = console(&browser).await;
    if visited.is_err() {
        println!("console of the browser: {console:#?}");
        take_screenshot(&browser).await;
    }
    browser.close().await.unwrap();
    if let Err(failure) = visited {
        std::panic::resume_unwind(failure.into_panic());
    }
    assert!(console.is_empty(), "console of the browser: {console:#?}");
}

/// How many operations the document has.
fn operations(document: &Value) -> usize {
    let paths = document["paths"].as_object().unwrap().values();
    let methods = ["get", "put", "post", "delete", "patch", "head", "options"];
    paths
        .map(|path| methods.iter().filter(|one| path.get(one).is_some()).count())
        .sum()
}

async fn visit(browser: Client, operations: usize) {
    let url = setting("STACK_BROWSER_URL");
    // The paths under which a person may look for the documentation.
    for path in ["/docs", "/api-docs"] {
        browser.goto(&format!("{url}{path}")).await.unwrap();
        let arrived = browser.current_url().await.unwrap();
        assert_eq!(arrived.as_str(), format!("{url}/docs/"));
        find(&browser, ".opblock").await;
        let shown = browser.find_all(Locator::Css(".opblock")).await.unwrap();
        assert_eq!(shown.len(), operations);
    }
    for (operation, shows) in [
        ("health-health", "\"instance\""),
        ("tasks-listTasks", "\"totalPages\""),
    ] {
        let body = try_out(&browser, operation).await;
        assert!(body.contains(shows), "{operation}: {body}");
    }
    let foreign = "return performance.getEntriesByType('resource').map(r => r.name)
                   .filter(name => !name.startsWith(location.origin) && !name.startsWith('data:'))";
    let foreign = browser.execute(foreign, Vec::new()).await.unwrap();
    assert_eq!(foreign, json!([]), "asked of others");
}

/// Executes an operation by hand, as it were, and returns the body that the page shows.
async fn try_out(browser: &Client, operation: &str) -> String {
    let block = format!("#operations-{operation}");
    click(browser, &format!("{block} .opblock-summary-control")).await;
    click(browser, &format!("{block} button.execute")).await;
    let answer = format!("{block} .live-responses-table .response");
    let status = format!("{answer} .response-col_status");
    let status = find(browser, &status).await.text().await.unwrap();
    let body = format!("{answer} .highlight-code");
    let body = find(browser, &body).await.text().await.unwrap();
    println!("{operation}: {status}, {} characters", body.len());
    assert_eq!(status.split_whitespace().next(), Some("200"), "{body}");
    body
}

async fn find(browser: &Client, css: &str) -> fantoccini::elements::Element {
    let wait = browser.wait().at_most(DEADLINE);
    let found = wait.for_element(Locator::Css(css)).await;
    found.unwrap_or_else(|error| panic!("{css}: {error}"))
}

async fn click(browser: &Client, css: &str) {
    let element = find(browser, css).await;
    let clicked = element.click().await;
    clicked.unwrap_or_else(|error| panic!("{css}: {error}"));
}

async fn open() -> Client {
    let capabilities = json!({
        "browserName": "chrome",
        "goog:loggingPrefs": {"browser": "ALL"},
        "goog:chromeOptions": {"args": [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--window-size=1280,1600",
        ]},
    });
    let capabilities: Capabilities = serde_json::from_value(capabilities).unwrap();
    ClientBuilder::new(HttpConnector::new())
        .capabilities(capabilities)
        .connect(&setting("STACK_WEBDRIVER"))
        .await
        .unwrap()
}

async fn take_screenshot(browser: &Client) {
    let Ok(image) = browser.screenshot().await else {
        return println!("no screenshot could be taken");
    };
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("swagger-ui.png");
    std::fs::write(&path, image).unwrap();
    println!("screenshot: {}", path.display());
}

/// The errors and warnings on the browser's console.
async fn console(browser: &Client) -> Vec<Value> {
    let log = browser.issue_cmd(ConsoleLog).await.unwrap();
    let lines = log.as_array().unwrap().iter();
    let grave = |line: &&Value| {
        ["SEVERE", "WARNING"]
            .iter()
            .any(|level| line["level"] == *level)
    };
    lines.filter(grave).cloned().collect()
}

/// chromedriver's own command for the log that `goog:loggingPrefs` asked for.
#[derive(Debug)]
struct ConsoleLog;

impl WebDriverCompatibleCommand for ConsoleLog {
    fn endpoint(
        &self,
        base_url: &Url,
        session: Option<&str>,
    ) -> Result<Url, <Url as FromStr>::Err> {
        base_url.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({"type": "browser"}).to_string()))
    }
}
