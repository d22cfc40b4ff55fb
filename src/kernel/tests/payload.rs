//! What a resampling without a run does to parents, weights and what particles carry.

use crate::buffers::storage;
use crate::layout::{Control, LANES};
use crate::reference::payload::payload_gather;
use crate::reference::settle::{settle_parents, settle_weights};
use crate::{Payload, Resampler, Resampling, testing};

#[test]
fn payloads_follow_their_parents() {
    let Some(gpu) = testing::gpu() else { return };
    for (n, words) in [(1, 1), (LANES + 1, 3), (5000, 2)] {
        let buffer = |bytes: u32| storage(&gpu.device, "test", bytes.into());
        let (log_weights, old, new) = (buffer(4 * n), buffer(4 * n * words), buffer(4 * n * words));
        let weights: Vec<f32> = (0..n).map(|i| 3.0 * (0.7 * i as f32).sin()).collect();
        testing::write(&gpu, &log_weights, &weights);
        let carried = testing::noise(7, (n * words) as usize);
        testing::write(&gpu, &old, &carried);
        // Always, and never.
        for threshold in [1.0, 0.0] {
            let resampling =
                Resampling::below(&gpu, &log_weights, n, Resampler::Systematic, 3, threshold);
            let resampling = resampling.unwrap();
            testing::poison(&gpu, &log_weights, 5);
            testing::write(&gpu, &log_weights, &weights);
            for payload in [Payload::Rows(words), Payload::Records(words)] {
                let gather = resampling.gather(payload, &old, &new).unwrap();
                let mut encoder = gpu.device.create_command_encoder(&Default::default());
                resampling.encode(&mut encoder);
                gather.encode_into(&mut encoder.begin_compute_pass(&Default::default()));
                resampling.encode_equal_weights(&mut encoder);
                gpu.queue.submit([encoder.finish()]);
                let parents: Vec<u32> = testing::read(&gpu, resampling.ancestors());
                let control: Vec<Control> = testing::read(&gpu, &resampling.scratch.control);
                let resampled = control[0].resampled != 0;
                let before: Vec<f32> = testing::read(&gpu, &log_weights);
                if resampled {
                    assert_eq!(before, settle_weights(&weights, true));
                    testing::write(&gpu, &log_weights, &weights);
                } else {
                    assert_eq!(before, settle_weights(&weights, false));
                    assert_eq!(parents, settle_parents(&parents, false));
                }
                assert_eq!(resampled, threshold > 0.0 && n > 1, "{n} {threshold}");
                let (slot, word) = match payload {
                    Payload::Rows(_) => (1, n as usize),
                    Payload::Records(_) => (words as usize, 1),
                };
                let expected = payload_gather(&parents, &carried, words as usize, slot, word);
                assert!(testing::read::<u32>(&gpu, &new) == expected, "{n} {payload:?}");
            }
        }
        let of = |payload| {
            Resampling::new(&gpu, &log_weights, n, Resampler::Residual, 1)
                .unwrap()
                .gather(payload, &old, &new)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(of(Payload::Rows(0)), "payload = Rows(0) does not have 1 to 1024 words");
        assert!(of(Payload::Records(words + 1)).contains("bytes, and a buffer has"));
    }
}
