//! The log: one line an event, with key-values, for people or as JSON.

mod output;

use crate::config::{AppEnv, LogFormat, LogSettings};
use env_logger::fmt::Formatter;
use env_logger::{Target, WriteStyle};
use log::kv::{self, Key, Value, VisitSource};
use log::{Log, Metadata, Record};
use output::Output;
use serde::ser::{SerializeMap, Serializer as _};
use std::io::{self, IsTerminal, Write};

/// Starts the log of this process, whose lines carry the name of the instance. To be called once; call
/// [`end`] before the process ends, or its last lines are lost.
pub fn start(settings: &LogSettings, instance: &str, target: Target) {
    let format = settings.log_format.unwrap_or(match settings.app_env {
        AppEnv::Production => LogFormat::Json,
        AppEnv::Development => LogFormat::Pretty,
    });
    let process = Process {
        instance: instance.to_owned(),
        pid: std::process::id(),
    };
    // On standard error a line stands among what else is said there, so it is not held back.
    let output = matches!(target, Target::Stdout).then(|| Output::before(io::stdout()));
    let mut builder = env_logger::Builder::new();
    builder.filter_level(settings.log_level);
    match &output {
        Some(output) => builder
            .target(Target::Pipe(Box::new(output.clone())))
            .write_style(style(format)),
        None => builder.target(target),
    };
    // What these tell at the level of information is of no use to an operator.
    for module in ["actix_server", "sqlx", "moka"] {
        builder.filter_module(module, settings.log_level.min(log::LevelFilter::Warn));
    }
    match format {
        LogFormat::Json => builder.format(move |out, record| json_line(out, record, &process)),
        LogFormat::Pretty => builder.format(move |out, record| pretty_line(out, record, &process)),
    };
    let lines = builder.build();
    log::set_max_level(lines.filter());
    // Fails only where there is a log already.
    _ = log::set_boxed_logger(Box::new(Logger { lines, output }));
}

/// Waits until every line that was logged is written to standard output.
pub fn end() {
    log::logger().flush();
}

/// Colours where a person sees them on standard output. JSON has none, and "always" is how to tell
/// env_logger that it need not look for any to remove.
fn style(format: LogFormat) -> WriteStyle {
    let no_color = || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    match format {
        LogFormat::Json => WriteStyle::Always,
        LogFormat::Pretty if io::stdout().is_terminal() && !no_color() => WriteStyle::Always,
        LogFormat::Pretty => WriteStyle::Never,
    }
}

/// env_logger's logger, with a `flush` that waits until every line is written.
struct Logger {
    lines: env_logger::Logger,
    output: Option<Output>,
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata) -> bool {
        self.lines.enabled(metadata)
    }

    fn log(&self, record: &Record) {
        self.lines.log(record);
    }

    fn flush(&self) {
        if let Some(output) = &self.output {
            output.drain();
        }
    }
}

/// The names of this process in a line; the process id is read once, because that is a system call.
struct Process {
    instance: String,
    pid: u32,
}

fn pretty_line(out: &mut Formatter, record: &Record, process: &Process) -> io::Result<()> {
    struct Pairs<'a>(&'a mut Formatter);

    impl<'kvs> VisitSource<'kvs> for Pairs<'_> {
        fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
            Ok(write!(self.0, " {key}={value}")?)
        }
    }

    let (time, level) = (out.timestamp_millis(), record.level());
    let Process { instance, pid } = process;
    let style = out.default_level_style(level);
    write!(
        out,
        "{time} {style}{level:<5}{style:#} {instance}[{pid}] {target}: {message}",
        target = record.target(),
        message = record.args(),
    )?;
    record
        .key_values()
        .visit(&mut Pairs(out))
        .map_err(io::Error::other)?;
    out.write_all(b"\n")
}

fn json_line(out: &mut Formatter, record: &Record, process: &Process) -> io::Result<()> {
    struct JsonFields<'a, M: SerializeMap>(&'a mut M);

    impl<'kvs, M: SerializeMap> VisitSource<'kvs> for JsonFields<'_, M> {
        fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
            self.0
                .serialize_entry(key.as_str(), &value)
                .map_err(|_| kv::Error::msg("not JSON"))
        }
    }

    let time = out.timestamp_micros();
    // Of one piece: the formatter takes its time for each of many.
    let mut text = Vec::with_capacity(512);
    let mut serializer = serde_json::Serializer::new(&mut text);
    let mut line = serializer.serialize_map(None)?;
    line.serialize_entry("time", &format_args!("{time}"))?;
    line.serialize_entry("level", record.level().as_str())?;
    line.serialize_entry("target", record.target())?;
    line.serialize_entry("instance", &process.instance)?;
    line.serialize_entry("pid", &process.pid)?;
    line.serialize_entry("message", record.args())?;
    record
        .key_values()
        .visit(&mut JsonFields(&mut line))
        .map_err(io::Error::other)?;
    line.end()?;
    text.push(b'\n');
    out.write_all(&text)
}
