//! The program: reads its role and settings, and runs it.

use env_logger::Target;
use mimalloc::MiMalloc;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;
use taskfleet::config::{Cli, CliError, DatabaseSettings, Role};
use taskfleet::startup::{Application, host_name};
use taskfleet::{db, import, openapi, shutdown, telemetry, verify};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[actix_web::main]
async fn main() -> ExitCode {
    let role = match Cli::read(std::env::args()) {
        Ok(cli) => cli.role,
        Err(CliError::Sentence(sentence)) => {
            eprintln!("{sentence}");
            return ExitCode::from(2);
        }
        Err(CliError::Clap(error)) => error.exit(),
    };
    let result = run(role).await;
    telemetry::end();
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(role: Role) -> Result<ExitCode, Box<dyn Error>> {
    match role {
        Role::Serve(settings) => {
            let name = settings.http.instance.clone().unwrap_or_else(host_name);
            telemetry::start(&settings.log, &name, Target::Stdout);
            if !database_is_there(&settings.database).await? {
                return Ok(ExitCode::SUCCESS);
            }
            let (host, port) = (settings.http.host, settings.http.port);
            let application = Application::build(&settings)
                .map_err(|error| format!("Cannot listen on {host}:{port}: {error}."))?;
            application.run_until_signalled().await?;
        }
        Role::Migrate(settings) => {
            telemetry::start(&settings.log, &host_name(), Target::Stdout);
            if !database_is_there(&settings.database).await? {
                return Ok(ExitCode::SUCCESS);
            }
            db::migrations::migrate(&settings.database.database_url.0)
                .await
                .map_err(|error| format!("The migrations could not be applied: {error}."))?;
            log::info!("the database has all migrations");
        }
        Role::Import(settings) => {
            // Standard output is for what the import did.
            telemetry::start(&settings.log, &host_name(), Target::Stderr);
            import::run(&settings).await?;
        }
        Role::Verify(settings) => {
            let is_clean = verify::run(&settings)
                .await
                .map_err(|error| format!("The deployment cannot be checked: {error}."))?;
            return Ok(if is_clean {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            });
        }
        Role::Openapi => print!("{}", openapi::json()),
        Role::Healthcheck(settings) => healthcheck(settings.port).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Waits for PostgreSQL; false where somebody asked the process to end meanwhile.
async fn database_is_there(settings: &DatabaseSettings) -> Result<bool, Box<dyn Error>> {
    tokio::select! {
        there = db::wait::until_reachable(settings) => match there {
            Ok(()) => Ok(true),
            Err(error) => {
                let seconds = settings.database_wait_seconds;
                Err(format!("Gave up after {seconds} s (DATABASE_WAIT_SECONDS): {error}.").into())
            }
        },
        asked = shutdown::asked() => {
            asked?;
            log::info!("ended while waiting for PostgreSQL");
            Ok(false)
        }
    }
}

/// Fails unless the instance on this host is ready.
async fn healthcheck(port: u16) -> Result<(), Box<dyn Error>> {
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(3))
        .build()?;
    let answer = client
        .get(format!("http://127.0.0.1:{port}/health/ready"))
        .send()
        .await?;
    let ready = answer.status().is_success();
    let body = answer.text().await?;
    if ready {
        Ok(())
    } else {
        Err(format!("The instance is not ready: {body}").into())
    }
}
