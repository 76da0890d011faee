//! How a command's steps are shown, and where their long output goes.
//!
//! In: sentences and commands. Out: one line per step on standard error, with a
//! coloured mark where the terminal shows colours; and a log file per long step
//! below `target/xtask`, of which a person sees only the end, and only on failure.
//!
//! Always holds: a line says what a person can do or read next; nothing secret is
//! printed, because commands are shown by name and never with their environment.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anstyle::{AnsiColor, Style};
use anyhow::{Context as _, Result, bail};

/// Lines of a failed step's log that are shown.
const TAIL_LINES: usize = 60;

/// The same where the log file is gone once somebody reads the output.
const TAIL_LINES_IN_CI: usize = 600;

/// A step is done, or its matter was in order already.
pub(crate) fn ok(text: &str) {
    line(AnsiColor::Green, "ok", text);
}

/// A step begins that takes more than a moment.
pub(crate) fn doing(text: &str) {
    line(AnsiColor::Cyan, "doing", text);
}

/// A step cannot work here, and why.
pub(crate) fn cannot(text: &str) {
    line(AnsiColor::Yellow, "cannot", text);
}

/// A step went wrong.
pub(crate) fn failed(text: &str) {
    line(AnsiColor::Red, "failed", text);
}

fn line(colour: AnsiColor, mark: &str, text: &str) {
    let style = Style::new().fg_color(Some(colour.into())).bold();
    anstream::eprintln!("{style}{mark:>7}{style:#} {text}");
}

/// The directory of the workspace, wherever the command was typed.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

/// Where cargo puts what it builds.
pub(crate) fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Whether this run is the project's continuous integration.
pub(crate) fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

/// A command of the cargo that runs us, in the workspace.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs one command with its output in the log called `log`.
///
/// # Errors
///
/// When it does not start or does not end well: the message carries the end of the log.
pub(crate) fn logged(command: &mut Command, log: &str) -> Result<()> {
    let path = log_path(log)?;
    let file = File::options().create(true).append(true).open(&path);
    let mut file = file.with_context(|| format!("cannot write {}", path.display()))?;
    writeln!(file, "$ {}", shown(command))?;
    let begin = file.metadata()?.len();
    let status = command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .status()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    ensure_success(status, command, || {
        format!(
            "{}\n        (all of it: {})",
            tail(&path, begin),
            path.display()
        )
    })
}

/// Runs one command whose output the person sees as it comes.
pub(crate) fn shown_live(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    ensure_success(status, command, String::new)
}

/// What a command prints on standard output, if it starts and ends well.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then_some(text)
}

/// Whether a program of this name can be started.
pub(crate) fn has_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(name).is_file())
}

/// The log called `log`, in a directory that exists.
fn log_path(log: &str) -> Result<PathBuf> {
    let dir = target_dir().join("xtask");
    fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    Ok(dir.join(log).with_extension("log"))
}

/// Empties the log called `log`, so that a person finds only this run in it.
pub(crate) fn begin_log(log: &str) -> Result<PathBuf> {
    let path = log_path(log)?;
    File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// What this run wrote to the log called `log`.
pub(crate) fn read_log(log: &str) -> Option<String> {
    let bytes = fs::read(log_path(log).ok()?).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn ensure_success(
    status: ExitStatus,
    command: &Command,
    details: impl Fn() -> String,
) -> Result<()> {
    if !status.success() {
        bail!("{} ended with {status}\n{}", shown(command), details());
    }
    Ok(())
}

/// A command as a person would type it.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program());
    std::iter::once(name)
        .chain(command.get_args())
        .map(|part| part.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The last lines a command wrote to its log, which it began at byte `begin`.
fn tail(path: &Path, begin: u64) -> String {
    let log = fs::read(path).unwrap_or_default();
    let begin = usize::try_from(begin).unwrap_or_default();
    let text = String::from_utf8_lossy(log.get(begin..).unwrap_or_default());
    let lines: Vec<_> = text.lines().collect();
    let shown = if in_ci() {
        TAIL_LINES_IN_CI
    } else {
        TAIL_LINES
    };
    let from = lines.len().saturating_sub(shown);
    let last = lines.get(from..).unwrap_or_default();
    let indented: Vec<_> = last.iter().map(|line| format!("        {line}")).collect();
    indented.join(
        "
",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_typed_without_its_directory_and_environment() {
        let mut command = Command::new("/usr/lib/cargo");
        command.args(["build", "--locked"]).env("TOKEN", "secret");
        assert_eq!(shown(&command), "cargo build --locked");
    }

    #[test]
    fn the_tail_is_the_end_of_what_one_command_wrote() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let lines: Vec<_> = (0..2 * TAIL_LINES_IN_CI).map(|n| n.to_string()).collect();
        let lines = lines.join("\n");
        fs::write(&path, format!("an earlier command\n{lines}")).unwrap();
        let tail = tail(&path, "an earlier command\n".len() as u64);
        let last = 2 * TAIL_LINES_IN_CI - 1;
        assert!(tail.ends_with(&last.to_string()));
        assert!([TAIL_LINES, TAIL_LINES_IN_CI].contains(&tail.lines().count()));
    }

    #[test]
    fn a_command_that_fails_says_how_and_what_it_wrote_last() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo the reason >&2; exit 3"]);
        let error = logged(&mut command, "test-of-progress")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("exit status: 3") && error.contains("the reason"),
            "{error}"
        );
    }
}
