//! Sinks of the program: what the driver has to say goes to whoever watches, and what the clients do is judged while they do
//! it.

use std::sync::Arc;

use checkers::online::{Watch, Watcher};
use history::{Event, Moment, Nanos, Nodes, Operation, Outcome};
use nemesis::Nemesis;
use runner::{Notice, Sink, StopToken, store::RunDir};
use serde_json::json;

use crate::{flow::ORDERS, ui::Ui};

/// Shows notices.
pub(crate) struct Notices {
    ui: Arc<Ui>,
    nodes: Nodes,
}

impl Notices {
    /// To this one.
    pub(crate) fn new(ui: &Arc<Ui>, nodes: &Nodes) -> Self {
        Self {
            ui: Arc::clone(ui),
            nodes: nodes.clone(),
        }
    }
}

impl<O: Operation> Sink<O> for Notices {
    fn event(&mut self, _: &Event<O>) {}
    fn notice(&mut self, _: Nanos, notice: &Notice) {
        self.ui.notice(notice, &self.nodes);
    }
}

/// Records what is asked of the nemesis, and what it answers: with the seed, all from which the schedule decides.
pub(crate) struct Orders {
    dir: RunDir,
}

impl Orders {
    /// In this run's directory.
    pub(crate) fn new(dir: &RunDir) -> Self {
        Self { dir: dir.clone() }
    }
}

impl Sink<Nemesis> for Orders {
    fn event(&mut self, event: &Event<Nemesis>) {
        let said = match &event.moment {
            Moment::Invoke(order) => json!({ "order": order }),
            Moment::Complete(Outcome::Ok(done)) => json!({ "ok": done }),
            Moment::Complete(Outcome::Fail(why)) => json!({ "fail": why.to_string() }),
            Moment::Complete(Outcome::Info(why)) => json!({ "info": why.to_string() }),
        };
        let line = json!({ "time": event.time, "process": event.process.0, "did": said });
        // As with events: where nothing can be written, the journal will say so.
        let _ = self.dir.append_json(ORDERS, &line);
    }
}

/// Judges while the run goes on.
pub(crate) struct Live<O: Operation> {
    watcher: Watcher<O>,
    ui: Arc<Ui>,
    fail_fast: Option<StopToken>,
}

impl<O: Operation> Live<O> {
    /// With this watch; its first alarm stops what `fail_fast` stops.
    pub(crate) fn new(
        watch: impl Watch<O> + 'static,
        ui: &Arc<Ui>,
        fail_fast: Option<StopToken>,
    ) -> Self {
        Self {
            watcher: Watcher::new(watch),
            ui: Arc::clone(ui),
            fail_fast,
        }
    }
}

impl<O: Operation> Sink<O> for Live<O> {
    fn event(&mut self, event: &Event<O>) {
        if self.ui.is_disturbed() {
            crate::dump::fail_point("workload");
        }
        let Some(alarm) = self.watcher.event(event) else {
            return;
        };
        self.ui.alarm(&alarm);
        if let Some(stop) = &self.fail_fast {
            stop.stop();
        }
    }
}
