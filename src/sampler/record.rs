//! A run written down in place of being run.

use std::collections::BTreeMap;
use std::mem::{offset_of, size_of};

use super::{Sampler, prepared};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::kernel::init::Init;
use crate::kernel::part::Estimates;
use crate::layout::{Control, ReactionRow, TraceRow};
use crate::problem::Problem;
use crate::recorded::{Outcome, RecordedPlan, SCHEMA, Settings, Table, Writer};

/// A table of records of a structure, with these of its fields.
macro_rules! table {
    ($buffer:literal, $rows:expr, $record:ident: $($field:ident),+) => {
        Table {
            buffer: $buffer.into(),
            rows: $rows,
            row_bytes: size_of::<$record>() as u32,
            fields: BTreeMap::from([
                $((stringify!($field).into(), offset_of!($record, $field) as u32)),+
            ]),
        }
    };
}

impl Sampler {
    /// The run as it would be recorded on this device, as one value: the texts, the buffers with
    /// their contents, the dispatches in their order. The kernels are compiled and the buffers
    /// allocated, and nothing is run.
    ///
    /// It is the whole schedule without a look at a result: losses stop nothing, whatever
    /// [`Config::on_loss`] says, and the trace keeps the last [`Config::trace_rows`] tests.
    ///
    /// # Errors
    /// Those of [`Sampler::new_async`];
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) for external models, which the host program evaluates between steps.
    pub async fn recorded_async(
        gpu: &Gpu,
        problem: &Problem,
        config: Config,
    ) -> Result<RecordedPlan> {
        if problem.composition.as_ref().is_some_and(|models| !models.externals().is_empty()) {
            let reason = "has external models, which the host program evaluates between steps, so \
                          that no plan holds the whole run; use mixtures or networks";
            return Err(Error::config("models", reason));
        }
        let (sampler, init) = prepared(gpu, problem, config, true).await?;
        sampler.write_given(problem)?;
        sampler.written(init).await
    }

    /// What is recorded up to the end of the schedule; the particles that are given are there.
    async fn written(mut self, init: Option<Init>) -> Result<RecordedPlan> {
        let mut writer = self.writer();
        self.encode_opening(&mut writer);
        init.iter().for_each(|init| init.encode(&mut writer, None));
        let opening = writer.block(0, 0);
        let mut order = Vec::new();
        while self.encoded < self.steps() {
            let first = self.encoded;
            self.encode_segment(&mut writer, self.steps());
            order.push(writer.block(first, self.encoded - first));
        }
        self.resampling.encode_report(&mut writer);
        let report = writer.block(0, 0);
        let lists = writer.finish(&self.gpu).await?;
        Ok(RecordedPlan {
            schema: SCHEMA,
            wfr: env!("CARGO_PKG_VERSION").into(),
            bits: crate::BITS,
            features: lists.features,
            settings: Settings {
                particles: self.plan.particles,
                dim: self.dim,
                steps: self.steps(),
                ess_every: self.config.test_every(),
                workgroup_size: self.config.workgroup_size,
                seed: self.config.seed,
            },
            texts: lists.texts,
            kernels: lists.kernels,
            buffers: lists.buffers,
            dispatches: lists.dispatches,
            opening,
            order,
            report,
            result: self.outcome(),
        })
    }

    /// One that knows the buffers that a host looks at by name.
    fn writer(&self) -> Writer {
        let mut writer = Writer::default();
        for (page, buffer) in self.state.pages.iter().enumerate() {
            writer.name(&state_name(page), buffer);
        }
        writer.name("log_weights", &self.state.log_weights);
        writer.name("control", &self.state.control);
        writer.name("trace", &self.resampling.scratch.trace);
        if let Some(Estimates { trace, .. }) = self.estimates() {
            writer.name("reaction_trace", trace);
        }
        // A text declares those alone that it reads.
        let numbers = ["settings", "coordinates", "preconditioner", "parameters"];
        for (name, (_, buffer)) in numbers.iter().zip(&self.state.numbers.problem.group.buffers) {
            writer.name(name, buffer);
        }
        writer
    }

    /// Where the results are once all steps are done.
    fn outcome(&self) -> Outcome {
        let rows = self.config.trace_rows;
        let reaction_trace = self.estimates().map(|_| {
            table!("reaction_trace", rows, ReactionRow: step, log_normalizer, relative_entropy,
                outside)
        });
        Outcome {
            state: (0..self.state.pages.len()).map(state_name).collect(),
            page_rows: self.plan.page_rows,
            rows: self.plan.rows,
            center: self.center.point().map(<[f64]>::to_vec),
            log_weights: "log_weights".into(),
            control: table!("control", 1, Control: nats, log2, step_begin, step_end, resamplings,
                trace_rows, failed, stages, beta, stop, dead),
            trace: table!("trace", rows, TraceRow: nats, log2, step, ess, max_weight, non_finite,
                resampled, failed, beta, cess, dead),
            log_offset: self.estimates().is_none().then(|| self.offset.at(1.0)),
            reaction_trace,
        }
    }
}

/// What a page of the state is called.
fn state_name(page: usize) -> String {
    format!("state_{page}")
}
