//! How much memory the machine has left: what software adapters compute in.

use std::fs;
use std::path::{Path, PathBuf};

/// Bytes of memory that are free to use, where the system says so: what the machine has left, or what
/// the container it runs in may still take.
pub(crate) fn available() -> Option<u64> {
    available_below(Path::new("/"))
}

/// The same where the system's files are below a folder.
fn available_below(root: &Path) -> Option<u64> {
    let machine = machine(&fs::read_to_string(root.join("proc/meminfo")).ok()?)?;
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    Some(groups.lines().filter_map(|line| group(root, line)).fold(machine, u64::min))
}

fn machine(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find(|line| line.starts_with("MemAvailable:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    kib.checked_mul(1024)
}

/// How the two versions of control groups spell what there is.
struct Names {
    mount: &'static str,
    limit: &'static str,
    usage: &'static str,
    /// What the kernel gives back when memory is short, in `memory.stat`.
    reclaimable: &'static str,
}

const V1: Names = Names {
    mount: "sys/fs/cgroup/memory",
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    reclaimable: "total_inactive_file",
};

const V2: Names = Names {
    mount: "sys/fs/cgroup",
    limit: "memory.max",
    usage: "memory.current",
    reclaimable: "inactive_file",
};

/// What the group of a line of /proc/self/cgroup may still take, and every group around it.
fn group(root: &Path, line: &str) -> Option<u64> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (controllers, path) = (parts.next()?, parts.next()?);
    let names = match controllers {
        "" => &V2,
        _ if controllers.split(',').any(|name| name == "memory") => &V1,
        _ => return None,
    };
    let mount = root.join(names.mount);
    // Inside of a container the path may be that of the host, and the mount the group itself.
    let inner: PathBuf = mount.join(path.trim_start_matches('/'));
    let folders = inner.ancestors().take_while(|folder| folder.starts_with(&mount));
    folders.filter_map(|folder| left(folder, names)).min()
}

fn left(folder: &Path, names: &Names) -> Option<u64> {
    let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
    let number = |name: &str| read(name)?.trim().parse::<u64>().ok();
    // "max" is no number, and no limit.
    let limit = number(names.limit)?;
    let given_back = read("memory.stat").and_then(|stat| {
        let line = stat.lines().find_map(|line| line.strip_prefix(names.reclaimable))?;
        line.trim().parse::<u64>().ok()
    });
    let used = number(names.usage)?.saturating_sub(given_back.unwrap_or(0));
    Some(limit.saturating_sub(used))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: &str = "MemTotal: 8000 kB\nMemAvailable:   4000 kB\n";

    /// A system with these files.
    fn system(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn a_machine_says_what_is_available() {
        assert_eq!(available_below(system(&[]).path()), None);
        let plain = system(&[("proc/meminfo", MEMINFO)]);
        assert_eq!(available_below(plain.path()), Some(4_096_000));
        assert_eq!(available_below(system(&[("proc/meminfo", "MemFree: 1 kB")]).path()), None);
        if cfg!(target_os = "linux") {
            assert!(available().is_some_and(|bytes| bytes > 0));
        }
    }

    /// The tightest of all groups around a process counts, less what it uses, except for files that
    /// are only kept in memory.
    #[test]
    fn a_container_may_have_less() {
        let v2 = system(&[
            ("proc/meminfo", MEMINFO),
            ("proc/self/cgroup", "0::/jobs/mine\n"),
            ("sys/fs/cgroup/jobs/mine/memory.max", "max\n"),
            ("sys/fs/cgroup/jobs/mine/memory.current", "5\n"),
            ("sys/fs/cgroup/jobs/memory.max", "1000000\n"),
            ("sys/fs/cgroup/jobs/memory.current", "300000\n"),
            ("sys/fs/cgroup/jobs/memory.stat", "anon 1\ninactive_file 100000\n"),
            ("sys/fs/cgroup/memory.max", "2000000\n"),
            ("sys/fs/cgroup/memory.current", "300000\n"),
        ]);
        assert_eq!(available_below(v2.path()), Some(800_000));
        let inside = system(&[
            ("proc/meminfo", MEMINFO),
            ("proc/self/cgroup", "0::/../../of/the/host\n"),
            ("sys/fs/cgroup/memory.max", "900\n"),
            ("sys/fs/cgroup/memory.current", "1000\n"),
        ]);
        assert_eq!(available_below(inside.path()), Some(0));
        let v1 = system(&[
            ("proc/meminfo", MEMINFO),
            ("proc/self/cgroup", "5:cpu,cpuacct:/a\n4:memory:/a\n0::/\n"),
            ("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "3000000\n"),
            ("sys/fs/cgroup/memory/a/memory.usage_in_bytes", "1000000\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "1000000\n"),
        ]);
        assert_eq!(available_below(v1.path()), Some(2_000_000));
        let roomy = system(&[
            ("proc/meminfo", MEMINFO),
            ("proc/self/cgroup", "0::/\n"),
            ("sys/fs/cgroup/memory.max", "90000000\n"),
            ("sys/fs/cgroup/memory.current", "0\n"),
        ]);
        assert_eq!(available_below(roomy.path()), Some(4_096_000));
    }
}
