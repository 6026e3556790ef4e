//! Sinks of the program: what the driver has to say goes to whoever watches, and what the clients do is judged while they do
//! it.

use std::sync::Arc;

use checkers::online::{Watch, Watcher};
use history::{Event, Nanos, Nodes, Operation};
use runner::{Notice, Sink, StopToken};

use crate::ui::Ui;

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
        let Some(alarm) = self.watcher.event(event) else {
            return;
        };
        self.ui.alarm(&alarm);
        if let Some(stop) = &self.fail_fast {
            stop.stop();
        }
    }
}
