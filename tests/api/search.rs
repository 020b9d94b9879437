//! `GET /tasks?search=`.

use crate::helpers::TestApp;
use serde_json::json;

/// The titles of what a search finds, sorted.
async fn find(app: &TestApp, text: &str) -> Vec<String> {
    let query: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
    let answer = app.get(&format!("/tasks?limit=100&search={query}")).await;
    let data = answer.data(200);
    let titles = data.as_array().unwrap().iter();
    let mut titles: Vec<_> = titles
        .map(|task| task["title"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(answer.json()["total"], titles.len(), "{text}");
    titles.sort();
    titles
}

#[actix_web::test]
async fn search_matches_title_description_user_name_and_category_name() {
    let app = TestApp::start().await;
    let (ada, grace) = (
        app.add_user("Ada Lovelace").await,
        app.add_user("Grace Hopper").await,
    );
    let garden = app.create_category("Garden work").await;
    for task in [
        json!({"title": "Sweep the yard", "userId": ada}),
        json!({"title": "Mop", "description": "The yard can wait", "userId": grace}),
        json!({"title": "Weed", "userId": grace, "categoryId": garden}),
    ] {
        app.post("/tasks", task).await.data(201);
    }
    for (text, found) in [
        ("yard", &["Mop", "Sweep the yard"][..]),
        ("the YARD", &["Mop", "Sweep the yard"]),
        ("eep the ya", &["Sweep the yard"]),
        ("lovelace", &["Sweep the yard"]),
        ("HOPPER", &["Mop", "Weed"]),
        ("garden", &["Weed"]),
        ("e", &["Mop", "Sweep the yard", "Weed"]),
        ("yard sweep", &[]),
        // Neither e-mail addresses nor statuses are searched.
        ("example.com", &[]),
        ("pending", &[]),
    ] {
        assert_eq!(find(&app, text).await, found, "{text}");
    }
    // Names are searched as they are now.
    app.put(&format!("/users/{grace}"), json!({"name": "Barbara"}))
        .await
        .data(200);
    app.delete(&format!("/categories/{garden}")).await.json();
    assert_eq!(find(&app, "barbara").await, ["Mop", "Weed"]);
    assert_eq!(find(&app, "hopper").await, [""; 0]);
    assert_eq!(find(&app, "garden").await, [""; 0]);
}

#[actix_web::test]
async fn wildcards_in_a_search_match_themselves_only() {
    let app = TestApp::start().await;
    let user = app.add_user("Ada").await;
    let titles = [
        "100% sure",
        "100 sure",
        "snake_case",
        "snakeXcase",
        r"back\slash",
        "backslash",
        "it's",
        "its",
        "say \"hi\"",
        "say hi",
        "a+b",
        "a b",
        "a&b=c",
        "(x|y)*",
        "x",
        "#1",
        "; --",
        "100%_",
        r"\%",
        "$1",
        "{}",
        "tab\there",
        "two\nlines",
        "ends with \\",
    ];
    for title in titles {
        app.create_task(title, user).await;
    }
    for text in [
        "%", "_", "\\", "'", "\"", "0%", "e_c", r"k\s", "t's", "\"hi\"", "a+b", "a b", "&b=",
        "(x|y)*", "|", "*", ".", "^", "$", "#", ";", "--", "%_", r"\%", r"\\", "%%", "$1", "{}",
        "\t", "\n", "[", "?", ":", "::", " ", "  ",
    ] {
        let mut expected: Vec<_> = titles
            .iter()
            .filter(|title| title.contains(text))
            .map(|title| (*title).to_owned())
            .collect();
        expected.sort();
        assert_eq!(find(&app, text).await, expected, "{text:?}");
    }
}

#[actix_web::test]
async fn search_ignores_case_in_every_script() {
    let app = TestApp::start().await;
    let user = app.add_user("Zoë Ångström").await;
    for title in [
        "Über Äpfel",
        "Поливка",
        "ΑΘΗΝΑ",
        "日本語の本",
        "🧹 aufräumen",
    ] {
        app.create_task(title, user).await;
    }
    for (text, found) in [
        ("über ä", "Über Äpfel"),
        ("ÜBER", "Über Äpfel"),
        ("ПОЛИВ", "Поливка"),
        ("αθη", "ΑΘΗΝΑ"),
        ("本語の", "日本語の本"),
        ("🧹", "🧹 aufräumen"),
    ] {
        assert_eq!(find(&app, text).await, [found], "{text}");
    }
    assert_eq!(find(&app, "ZOË ÅNG").await.len(), 5);
    assert_eq!(
        find(&app, "uber").await,
        [""; 0],
        "letters with and without dots differ"
    );
}

#[actix_web::test]
async fn search_of_0_or_201_characters_is_400() {
    let app = TestApp::start().await;
    let user = app.add_user("Ada").await;
    let title = "猫".repeat(200);
    app.create_task(&title, user).await;
    assert_eq!(find(&app, &title).await, [&*title]);
    for text in ["", &*"猫".repeat(201)] {
        let answer = app.get(&format!("/tasks?search={text}")).await;
        assert_eq!(
            answer.problem(400),
            "search must be 1 to 200 characters long."
        );
    }
}

/// A new connection knows nothing yet, and a search is not prepared beforehand.
#[actix_web::test]
async fn search_works_as_the_first_statement_of_a_connection() {
    let app = TestApp::start().await;
    let user = app.add_user("Ada").await;
    app.create_task("Sweep", user).await;
    let other = app.sibling(&[]).await;
    let answer = other.get("/tasks?search=swe&status=pending").await;
    assert_eq!(answer.data(200)[0]["title"], "Sweep");
}
