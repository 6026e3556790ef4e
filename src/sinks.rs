//! What the driver has to say besides events goes to whoever watches.

use std::sync::Arc;

use history::{Event, Nanos, Nodes, Operation};
use runner::{Notice, Sink};

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
