//! Bugs of ours: where a panic leaves what is needed to find it, and how the rest goes on.
//!
//! A dump is written by the panic hook, before anything unwinds: into the directory of the run that goes on, else into the
//! directory for temporary files.

use std::{
    any::Any,
    fmt::Write as _,
    panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind},
    path::{Path, PathBuf},
    pin::pin,
    sync::{Mutex, PoisonError},
    task::Poll,
};

use crate::exit::{Exit, Failure};

/// Where dumps go while a run goes on.
static PLACE: Mutex<Option<PathBuf>> = Mutex::new(None);

/// For tests: which place panics when it is reached. Not in release builds, and no value of the configuration.
#[cfg(debug_assertions)]
const FAIL_POINT: &str = "SCHISM_PROPERTY_PANIC";

/// From now on dumps belong to this run.
pub(crate) fn keep_in(dir: &Path) {
    *PLACE.lock().unwrap_or_else(PoisonError::into_inner) = Some(dir.to_owned());
}

/// The panic hook: what happened, and where the dump is.
#[expect(clippy::print_stderr, reason = "nothing else can be trusted any more")]
pub(crate) fn report(info: &PanicHookInfo<'_>) {
    let place = info
        .location()
        .map_or_else(String::new, ToString::to_string);
    let what = info.payload_as_str().unwrap_or("a panic");
    let version = env!("CARGO_PKG_VERSION");
    let text = text(what, &place);
    let written = match write(&text) {
        Ok(path) => format!("what is known of it is in {}", path.display()),
        Err(why) => format!("no dump could be written: {why}\n{text}"),
    };
    let what = reports::escape::inert(what, 2_000);
    eprintln!("schism: this is a bug in schism {version}: {what} ({place})\nschism: {written}");
}

fn text(what: &str, place: &str) -> String {
    let thread = std::thread::current();
    let mut text = format!(
        "schism {}\nwhat     {what}\nwhere    {place}\nthread   {}\nat       {}\ncommand ",
        env!("CARGO_PKG_VERSION"),
        thread.name().unwrap_or("without a name"),
        chrono::Utc::now().to_rfc3339(),
    );
    for arg in std::env::args() {
        let _ = write!(text, " {arg:?}");
    }
    let trace = std::backtrace::Backtrace::force_capture();
    let _ = write!(text, "\n\n{trace}");
    text
}

fn write(text: &str) -> std::io::Result<PathBuf> {
    let run = PLACE.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let folder = run
        .filter(|dir| dir.is_dir())
        .unwrap_or_else(std::env::temp_dir);
    let mut file = tempfile::Builder::new()
        .prefix("panic-")
        .suffix(".txt")
        .tempfile_in(folder)?;
    std::io::Write::write_all(&mut file, text.as_bytes())?;
    let (_, path) = file.keep()?;
    Ok(path)
}

/// The work's value, or the bug that ended it.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| failure(&*panic))
}

/// The same for work that waits.
pub(crate) async fn caught_async<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let mut work = pin!(work);
    std::future::poll_fn(|context| {
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Err(panic) => Poll::Ready(Err(failure(&*panic))),
        }
    })
    .await
}

/// A panic as a way to fail. The hook has told it already.
pub(crate) fn failure(panic: &(dyn Any + Send)) -> Failure {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Failure {
        exit: Exit::Bug,
        message: format!("a bug in schism: {}", text.unwrap_or("a panic")),
    }
}

/// Panics here, if a test wants it.
pub(crate) fn fail_point(place: &str) {
    #[cfg(debug_assertions)]
    if std::env::var(FAIL_POINT).is_ok_and(|wanted| wanted == place) {
        panic!("{FAIL_POINT} wants a panic at {place}");
    }
    #[cfg(not(debug_assertions))]
    let _ = place;
}
