//! The plan's window against the time that the upgrade itself demands.

use super::Check;
use crate::check::Code;

impl Check<'_> {
    pub(super) fn window(&mut self) {
        let Some(window) = &self.plan.window else { return };
        let (demanded, length) = (self.plan.demanded_waits_s(), window.length_s());
        if demanded > length {
            self.find(
                Code::WindowShort,
                None,
                format!(
                    "{} min of demanded waits do not fit into the {} min of {window}",
                    demanded.div_ceil(60),
                    length / 60
                ),
                "the run waits for the next window in between: until then the cluster works in both releases",
                "nothing, if that is wanted; else make the window longer or the stagger shorter".into(),
            );
        }
    }
}
