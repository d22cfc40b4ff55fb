//! A run from its beginning again, with everything that is compiled and allocated.

use super::{Offset, Sampler, check_integrator, losses, nowhere};
use crate::checkpoint::Identity;
use crate::error::{Error, Result};
use crate::flow::Flow;
use crate::kernel::step::{self, StepShape};
use crate::layout::Settings;
use crate::problem::Problem;
use crate::reaction::Reaction;
use crate::sampler::pace::Pace;
use crate::sampler::recording::Recordings;

impl Sampler {
    /// Begins anew with another seed: the particles are drawn again, and nothing is compiled or
    /// allocated. It costs milliseconds, and then the bits are those of a new sampler with this seed.
    ///
    /// `problem` is that of the run, or one that differs from it in numbers alone: parameters of the
    /// target ([`Target::set`](crate::Target::set)), data of the same shapes, means and widths of a
    /// start of the same kind, the rates of transport and reaction. Whole numbers and booleans among a text's
    /// `override`s are no such numbers, nor is an `override` that another declaration uses: these are
    /// compiled.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) for a problem whose kernels or
    /// buffers are others, with the sampler left as it was; those of [`Sampler::new`].
    pub async fn restart_async(&mut self, problem: &Problem, seed: u64) -> Result<()> {
        self.check_same(problem)?;
        self.gpu.check()?;
        self.config.seed = seed;
        let config = self.config.clone();
        let shape = super::weight_shape(&config).on(&self.gpu);
        let flow_data = problem.flow_data(&config)?;
        self.gpu.scoped(|| {
            let queue = &self.gpu.queue;
            let settings = Settings::of_run(&shape, problem, &config);
            self.state.numbers.write(&self.gpu, &settings, problem);
            for (buffer, data) in self.state.data.iter().zip(problem.data()) {
                queue.write_buffer(buffer, 0, bytemuck::cast_slice(data));
            }
            if let (Some((_, buffer)), Some(data)) = (&self.state.flow_data, &flow_data) {
                queue.write_buffer(buffer, 0, bytemuck::cast_slice(data));
            }
            let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
            for (_, buffer) in self.persistent() {
                encoder.clear_buffer(buffer, 0, None);
            }
            queue.submit([encoder.finish()]);
            if self.config.schedule.adaptivity().is_some() {
                let rows = config.schedule.rows();
                queue.write_buffer(&self.state.schedule, 0, bytemuck::cast_slice(&rows));
            }
        })?;
        self.composition = problem.composition.clone();
        self.offset = Offset { flow: problem.flow.clone(), target: problem.log_offset() };
        self.witness = nowhere::witness(problem);
        self.identity = Identity::of(problem, &config);
        self.center = problem.target.origin().clone();
        (self.encoded, self.finished) = (0, false);
        (self.trace_read, self.reaction_trace_read, self.seen) = (0, 0, 0);
        self.trace.clear();
        self.reaction_trace.clear();
        self.told = losses::Told::default();
        self.recordings = Recordings::new(&self.gpu)?;
        let (limit, every) = (config.submission_limit, config.test_every());
        self.pace = Pace::new(limit, self.plan.particles, self.max_segment, every);
        let init = self.init(problem)?;
        self.open(problem, init).await
    }

    /// Whether the kernels and the buffers suit a problem.
    fn check_same(&self, problem: &Problem) -> Result<()> {
        check_integrator(problem, &self.config, self.integrator)?;
        problem.check_resampling(&self.config)?;
        let refused = |what: &str| {
            let reason = format!("{what} than that of this sampler; make a new one");
            Err(Error::config("problem", reason))
        };
        let constants = problem.compiled_constants();
        if let Some((name, _)) = constants.iter().find(|one| !self.constants.contains(one)) {
            // A whole number, or one that another declaration of the text uses.
            return refused(&format!("has another {name}, which is compiled,"));
        }
        let but_rate = |flow: &Flow| {
            let rate = 0.0;
            flow.reaction().map(|reaction| Reaction { rate, ..reaction.clone() })
        };
        if but_rate(&problem.flow) != but_rate(&self.offset.flow) {
            return refused("has another reaction");
        }
        let shape = StepShape::of(&self.gpu, &self.config, self.dim);
        let linked = step::linked(problem, &self.plan, &self.config, self.integrator, shape);
        if linked.text() != self.wgsl || constants.len() != self.constants.len() {
            return refused("has another text");
        }
        let sizes = |data: &[f32]| 4 * data.len() as u64;
        let ours = self.state.data.iter().map(wgpu::Buffer::size);
        if !ours.eq(problem.data().map(sizes)) {
            return refused("has data of another shape");
        }
        let flow_data = problem.flow_data(&self.config)?.map(|data| sizes(&data));
        if flow_data != self.state.flow_data.as_ref().map(|(_, buffer)| buffer.size()) {
            return refused("has another number of components");
        }
        // The models of a composition are not in its text.
        if problem.composition.is_some() && Identity::of(problem, &self.config) != self.identity {
            return refused("has other models");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
