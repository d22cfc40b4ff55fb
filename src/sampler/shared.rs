//! What kernels of the host program see of a run.

/// The device buffers of a run, for kernels of the host program. No copy is made.
///
/// Positions there are offsets from [`Sampler::center`](crate::Sampler::center).
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Buffers<'a> {
    /// The particles' state in pages of rows: coordinate j of particle i is word
    /// `(j % page_rows) * particles + i` of page `j / page_rows`, the bits of an f32; the last row
    /// holds the index of the time-zero ancestor (u32), and the rows between are the integrator's
    /// own. They are the same buffers all through the run.
    pub pages: &'a [wgpu::Buffer],
    /// Rows per page.
    pub page_rows: u32,
    /// Rows in all.
    pub rows: u32,
    /// N log-weights (f32), up to a common constant.
    pub log_weights: &'a wgpu::Buffer,
    /// N.
    pub particles: u32,
    /// The number of coordinates.
    pub dim: u32,
}

impl<'a> Buffers<'a> {
    /// WGSL that reads them in kernels of your own: declarations of as many bindings as
    /// [`Buffers::entries`] gives, in this group from `first_binding` on, and
    ///
    /// - `fn position(i: u32, j: u32) -> f32`, coordinate j of particle i, an offset from
    ///   [`Sampler::center`](crate::Sampler::center);
    /// - `fn log_weight(i: u32) -> f32`, up to a common constant;
    /// - `fn ancestor(i: u32) -> u32`, the index of its time-zero ancestor;
    /// - `const PARTICLES: u32` and `const DIM: u32`.
    ///
    /// All other names begin with `wfr_`.
    pub fn wgsl(&self, group: u32, first_binding: u32) -> String {
        let mut text = String::new();
        let pages = self.rows.div_ceil(self.page_rows);
        let bound = |binding: u32, name: &str, ty: &str| {
            let binding = first_binding + binding;
            format!("@group({group}) @binding({binding}) var<storage, read> {name}: array<{ty}>;\n")
        };
        for page in 0..pages {
            text += &bound(page, &format!("wfr_page_{page}"), "u32");
        }
        text += &bound(pages, "wfr_log_weights", "f32");
        text += &format!("const PARTICLES: u32 = {}u;\n", self.particles);
        text += &format!("const DIM: u32 = {}u;\n", self.dim);
        text += "fn wfr_word(row: u32, i: u32) -> u32 {\n";
        text += &format!("    let at = row % {}u * PARTICLES + i;\n", self.page_rows);
        for page in 1..pages {
            let rows = page * self.page_rows;
            text += &format!("    if (row >= {rows}u && row < {}u) {{\n", rows + self.page_rows);
            text += &format!("        return wfr_page_{page}[at];\n    }}\n");
        }
        text += "    return wfr_page_0[at];\n}\n";
        text +=
            "fn position(i: u32, j: u32) -> f32 {\n    return bitcast<f32>(wfr_word(j, i));\n}\n";
        text += "fn log_weight(i: u32) -> f32 {\n    return wfr_log_weights[i];\n}\n";
        let last = self.rows - 1;
        text += &format!("fn ancestor(i: u32) -> u32 {{\n    return wfr_word({last}u, i);\n}}\n");
        text
    }

    /// The entries of a bind group for [`Buffers::wgsl`], from `first_binding` on.
    pub fn entries(&self, first_binding: u32) -> Vec<wgpu::BindGroupEntry<'a>> {
        let all = self.pages.iter().chain([self.log_weights]);
        let entry = |(binding, buffer): (u32, &'a wgpu::Buffer)| wgpu::BindGroupEntry {
            binding,
            resource: buffer.as_entire_binding(),
        };
        (first_binding..).zip(all).map(entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::buffers::storage;
    use crate::testing;
    use wgpu::naga;

    use super::*;

    /// Whatever the number of pages.
    #[test]
    fn the_text_finds_every_row_in_its_page() {
        let Some(gpu) = testing::gpu() else { return };
        let log_weights = storage(&gpu.device, "test", 40);
        for (rows, page_rows) in [(3, 3), (3, 2), (7, 3), (4, 1)] {
            let pages: Vec<_> = (0..rows)
                .step_by(page_rows)
                .map(|first| {
                    let rows = page_rows.min(rows - first);
                    let page = storage(&gpu.device, "test", 40 * rows as u64);
                    let row = |k: usize| (0..10).map(move |i| ((first + k) * 100 + i) as u32);
                    testing::write(&gpu, &page, &(0..rows).flat_map(row).collect::<Vec<_>>());
                    page
                })
                .collect();
            let buffers = Buffers {
                pages: &pages,
                page_rows: page_rows as u32,
                rows: rows as u32,
                log_weights: &log_weights,
                particles: 10,
                dim: rows as u32 - 1,
            };
            let text = buffers.wgsl(0, 1);
            let kernel = text
                + "@group(0) @binding(0) var<storage, read_write> out: array<u32>;
                @compute @workgroup_size(1) fn f(@builtin(global_invocation_id) id: vec3<u32>) {
                    let row = id.x / PARTICLES;
                    let i = id.x % PARTICLES;
                    out[id.x] = bitcast<u32>(position(i, row)) + bitcast<u32>(log_weight(i));
                    if (row == DIM) {
                        out[id.x] = ancestor(i);
                    }
                }";
            naga::front::wgsl::parse_str(&kernel).unwrap();
            let device = &gpu.device;
            let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: None,
                source: wgpu::ShaderSource::Wgsl(kernel.into()),
            });
            let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: None,
                layout: None,
                module: &module,
                entry_point: Some("f"),
                compilation_options: Default::default(),
                cache: None,
            });
            let out = storage(device, "test", 40 * rows as u64);
            let mut entries = buffers.entries(1);
            entries.push(wgpu::BindGroupEntry { binding: 0, resource: out.as_entire_binding() });
            let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: None,
                layout: &pipeline.get_bind_group_layout(0),
                entries: &entries,
            });
            testing::pass(&gpu, |pass| {
                pass.set_pipeline(&pipeline);
                pass.set_bind_group(0, &group, &[]);
                pass.dispatch_workgroups(10 * rows as u32, 1, 1);
            });
            let expected = (0..rows).flat_map(|row| (0..10).map(move |i| (row * 100 + i) as u32));
            assert!(testing::read::<u32>(&gpu, &out) == expected.collect::<Vec<_>>(), "{rows}");
        }
    }
}
