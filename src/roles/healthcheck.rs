//! The role `healthcheck`: asks the instance on this host whether it is ready.

use std::error::Error;
use std::time::Duration;

/// How long the instance has to answer.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Asks the instance on this port of this host for `/health/ready`; an error unless it answers with a
/// success.
pub(super) async fn run(port: u16) -> Result<(), Box<dyn Error>> {
    let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
    let answer = client
        .get(format!("http://127.0.0.1:{port}/health/ready"))
        .send()
        .await?;
    let is_ready = answer.status().is_success();
    let body = answer.text().await?;
    match is_ready {
        true => Ok(()),
        false => Err(format!("The instance is not ready: {body}").into()),
    }
}
