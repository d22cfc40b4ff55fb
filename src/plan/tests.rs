use super::*;

/// What every run has of the coordinates alone.
fn draft(particles: u32, dim: u32) -> Draft {
    let row = 4 * u64::from(particles);
    Draft {
        particles,
        carries: Carries::of(dim, Integrator::Euler, false),
        needs: vec![Need::whole("log_weights", row), Need::whole("ancestors", row)],
        data: 0,
        readings: Vec::new(),
        loops: Some(Vec::new()),
    }
}

fn software() -> Room {
    Room::within(&wgpu::Limits {
        max_storage_buffer_binding_size: 128 << 20,
        max_buffer_size: (1 << 31) - 1,
        max_storage_buffers_per_shader_stage: 32,
        ..wgpu::Limits::default()
    })
}

fn plan(particles: u32, dim: u32, room: &Room) -> Result<Plan> {
    Plan::largest(particles, room, |n| draft(n, dim))
}

#[test]
fn large_runs_fit_small_bindings() {
    for (particles, dim, pages) in [(1 << 24, 2, 2), (1 << 20, 64, 3), (1000, 2, 1)] {
        let plan = plan(particles, dim, &software()).unwrap();
        assert_eq!(plan.pages, pages);
        assert!(plan.limits().max_storage_buffer_binding_size <= 128 << 20);
        let rows: u32 = (0..plan.pages).map(|page| plan.rows_of_page(page)).sum();
        assert_eq!(rows, dim + 1);
    }
}

#[test]
fn too_large_names_the_largest_that_fits() {
    let error = plan(1 << 26, 8, &software()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "particles = 67108864 in 8 dimensions needs a 256 MiB binding, this adapter allows 128 MiB; \
         use at most 33554432"
    );
    assert!(plan(33_554_432, 8, &software()).is_ok());
    assert!(plan(33_554_433, 8, &software()).is_err());
}

/// What is there for memory counts with every buffer, and the error says what takes how much.
#[test]
fn memory_is_checked_by_arithmetic() {
    let fits = plan(1 << 20, 2, &software()).unwrap();
    assert_eq!(fits.bytes(), 32 << 20);
    let with = |memory| Room { memory: Some(memory), ..software() };
    assert!(plan(1 << 20, 2, &with(fits.bytes())).is_ok());
    let error = plan(1 << 20, 2, &with(10 << 20)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "particles = 1048576 in 2 dimensions needs 32 MiB of memory (state 24 MiB, log_weights 4 MiB, \
         ancestors 4 MiB), 10 MiB are available; use at most 327680"
    );
    let ErrorKind::OutOfMemory { needed, available, .. } = error.kind() else { panic!("{error}") };
    assert_eq!((*needed, *available), (Some(32 << 20), Some(10 << 20)));
    assert!(plan(327_680, 2, &with(10 << 20)).is_ok());
    assert!(plan(327_681, 2, &with(10 << 20)).is_err());
}

#[test]
fn what_no_number_of_particles_makes_fit_has_another_way_out() {
    let data = |n| {
        let mut draft = draft(n, 2);
        draft.needs.push(Need::whole("data", 200 << 20));
        draft
    };
    let error = Plan::largest(1000, &software(), data).unwrap_err().to_string();
    assert_eq!(
        error,
        "particles = 1000 in 2 dimensions needs a 200 MiB binding for data, this adapter allows 128 \
         MiB; no number of particles fits; use less data"
    );
}

/// A device that was requested with less than its adapter allows: the request is what helps, and no
/// dimension does.
#[test]
fn a_device_requested_with_too_little_is_told_of_its_request() {
    let few = |adapter| {
        let limits = wgpu::Limits { max_storage_buffers_per_shader_stage: 4, ..software().limits };
        Room { limits, adapter, ..software() }
    };
    let requirements = "wfr::requirements(&problem, &config, &adapter.limits())";
    let error = |room: &Room| plan(1000, 2, room).unwrap_err().to_string();
    assert_eq!(
        error(&few(Some(software().limits))),
        format!(
            "particles = 1000 in 2 dimensions needs 7 storage buffers in one kernel, this device was \
             requested with 4 of the 32 that its adapter allows; request it with the limits of \
             {requirements}"
        )
    );
    // Of a host's device the adapter is unknown.
    assert_eq!(
        error(&few(None)),
        format!(
            "particles = 1000 in 2 dimensions needs 7 storage buffers in one kernel, this device was \
             requested with 4; request it with the limits of {requirements}"
        )
    );
    let narrow = Room { adapter: None, ..software() };
    assert_eq!(
        plan(1 << 26, 8, &narrow).unwrap_err().to_string(),
        format!(
            "particles = 67108864 in 8 dimensions needs a 256 MiB binding, this device was requested \
             with 128 MiB; request it with the limits of {requirements}, or use at most 33554432"
        )
    );
}

#[test]
fn loops_are_checked_where_the_driver_stops_them() {
    let long = |n| {
        let way_out = "use fewer particles, or a GPU";
        let loops = Loops { kernel: "decide", iterations: u64::from(n) / 100, way_out };
        Draft { loops: Some(vec![loops]), ..draft(n, 2) }
    };
    assert!(Plan::largest(1 << 24, &software(), long).is_ok());
    let stops = Room { loops: Some(65_535), ..software() };
    let error = Plan::largest(1 << 24, &stops, long).unwrap_err().to_string();
    assert_eq!(
        error,
        "particles = 16777216 in 2 dimensions needs 167772 loop iterations in the kernel `decide`, \
         and this software driver silently stops at 65535; use at most 6553599"
    );
}

/// A device that had less than was thought: what it held then is what fits.
#[test]
fn a_device_that_refuses_is_told_of_with_the_need_per_buffer() {
    let room = software();
    let whole = plan(1 << 20, 2, &room).unwrap();
    for (held, most) in [(Some(16 << 20), 1 << 19), (None, 1 << 19), (Some(8 << 20), 1 << 18)] {
        let kind =
            ErrorKind::OutOfMemory { needed: None, available: held, hint: "none left".into() };
        let error = refused(kind.into(), &whole, &room, |n| draft(n, 2));
        assert_eq!(
            error.to_string(),
            format!(
                "particles = 1048576 needs 32 MiB of memory (state 24 MiB, log_weights 4 MiB, \
                 ancestors 4 MiB): none left; {most} particles may fit"
            )
        );
    }
    let other = Error::config("particles", "= 0");
    assert_eq!(refused(other, &whole, &room, |n| draft(n, 2)).to_string(), "particles = 0");
}

#[test]
fn buffers_of_one_kind_are_told_together() {
    let two = |n| {
        let mut draft = draft(n, 2);
        draft.needs.extend([Need::whole("grid", 100), Need::whole("grid", 100)]);
        draft.needs.push(Need::whole("nothing", 0));
        draft
    };
    let plan = Plan::largest(10, &software(), two).unwrap();
    let expected = [("state", 240), ("log_weights", 40), ("ancestors", 40), ("grid", 200)];
    assert_eq!(plan.buffers(), expected);
    assert_eq!(plan.bytes(), 520);
    assert!(
        plan.table().starts_with("520 bytes of memory on the device\n  state "),
        "{}",
        plan.table()
    );
}
