//! Texts that the processes of a deployment send each other through the primary (`LISTEN` and `NOTIFY`),
//! where Redis is out of reach.

use super::connection::{connect_options, within};
use crate::config::DatabaseSettings;
use sqlx::postgres::{PgConnection, PgListener, PgPoolOptions};
use std::time::Duration;
use tokio::time::timeout;

/// The channel of the texts.
const CHANNEL: &str = "taskfleet_peers";
/// What the names begin with by which PostgreSQL knows connections that listen; the process' own name
/// follows.
const APPLICATION_NAME: &str = "taskfleet peer ";
/// The time that connecting, and the check of a silent connection, may take.
const TIMEOUT: Duration = Duration::from_secs(2);
/// After so much silence the connection is checked: the primary's host may be gone without a word.
const SILENCE: Duration = Duration::from_secs(5);

/// Listens as the process with this name until the connection breaks: calls `listening` once it does, and `receive` with each text that
/// is sent, in order. Returns the error that ended it.
pub async fn listen(
    settings: &DatabaseSettings,
    name: &str,
    listening: impl Fn(),
    receive: impl Fn(&str),
) -> sqlx::Error {
    let work = async {
        let options = connect_options(&settings.database_url.0)
            .application_name(&format!("{APPLICATION_NAME}{name}"));
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .connect_lazy_with(options);
        let mut listener = within(TIMEOUT, async {
            let mut listener = PgListener::connect_with(&pool).await?;
            listener.listen(CHANNEL).await?;
            Ok::<_, sqlx::Error>(listener)
        })
        .await?;
        listening();
        loop {
            match timeout(SILENCE, listener.try_recv()).await {
                Ok(Ok(Some(notification))) => receive(notification.payload()),
                // It broke, and listens again already.
                Ok(Ok(None)) => {}
                Ok(Err(error)) => return Err(error),
                Err(_) => {
                    within(TIMEOUT, sqlx::query("SELECT 1").execute(&mut listener)).await?;
                }
            }
        }
    };
    let ended: Result<std::convert::Infallible, sqlx::Error> = work.await;
    match ended {
        Err(error) => error,
    }
}

/// Sends a text to every process that listens, and returns the number of those but the one with this name.
pub(super) async fn notify(
    primary: &mut PgConnection,
    text: &str,
    name: &str,
) -> sqlx::Result<usize> {
    let listening = sqlx::query_scalar!(
        r#"SELECT (SELECT count(*) FROM pg_stat_activity
                   WHERE starts_with(application_name, $3) AND application_name <> $3 || $4
                     AND datname = current_database()) AS "count!"
           FROM pg_notify($1, $2)"#,
        CHANNEL,
        text,
        APPLICATION_NAME,
        name
    )
    .fetch_one(primary)
    .await?;
    Ok(usize::try_from(listening).unwrap_or(0))
}
