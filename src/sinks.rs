//! Sinks of the program: what the driver has to say goes to whoever watches, and what the clients do is judged while they do
//! it.

use std::{collections::HashMap, sync::Arc};

use checkers::online::{Watch, Watcher};
use history::{Codec, Event, Moment, Nanos, Nodes, Operation, Outcome, Process};
use nemesis::Nemesis;
use reports::escape::{PROSE, inert};
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

/// Tells every call as it ends.
pub(crate) struct Calls<O: Operation> {
    ui: Arc<Ui>,
    nodes: Nodes,
    open: HashMap<Process, Event<O>>,
}

impl<O: Operation> Calls<O> {
    /// To this one.
    pub(crate) fn new(ui: &Arc<Ui>, nodes: &Nodes) -> Self {
        Self {
            ui: Arc::clone(ui),
            nodes: nodes.clone(),
            open: HashMap::new(),
        }
    }
}

impl<O: Codec> Sink<O> for Calls<O> {
    fn event(&mut self, event: &Event<O>) {
        let Moment::Complete(outcome) = &event.moment else {
            self.open.insert(event.process, event.clone());
            return;
        };
        let Some(Event {
            index,
            time,
            node,
            moment: Moment::Invoke(call),
            ..
        }) = self.open.remove(&event.process)
        else {
            return;
        };
        let (text, outcome) = match outcome {
            Outcome::Ok(ret) => (O::describe(&call, ret), "ok".to_owned()),
            Outcome::Fail(why) => (O::describe_call(&call), format!("fail: {why}")),
            Outcome::Info(why) => (O::describe_call(&call), format!("info: {why}")),
        };
        let node = node.map_or("?", |node| self.nodes.name(node));
        let line = format!(
            "{}  p{}  {node}  {text}  {time}–{}  {outcome}",
            index.0, event.process.0, event.time
        );
        self.ui.aloud(&inert(&line, PROSE));
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
