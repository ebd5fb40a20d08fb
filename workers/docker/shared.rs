//! The shared volume of a job: folders below a root that is the same on every node, by whatever means the operator mounts it.
//!
//! `ROOT/CLUSTER/JOB/shared` is for all tasks of a job, `ROOT/CLUSTER/JOB/task-INSTANCE` for one instance. The cluster is called after its
//! authority, so that a new one finds nothing of an earlier one whose jobs had the same numbers. Nothing in these paths is a name that a user chose, and
//! containers see the last folder alone, so that none of them can put a link in the way.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use engine::Check;
use link::identity::Identity;
use model::{JobId, TaskKey, Volume};
use rustix::fs::{Access, access};

/// How much of the authority's digest the folder of a cluster is called after.
const CLUSTER: usize = 16;

/// The folders of the cluster whose identity a worker has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedRoot(PathBuf);

impl SharedRoot {
    /// Those below a root, for the worker of this folder.
    ///
    /// # Errors
    /// When the worker's identity cannot be read.
    pub fn of(root: &Path, worker: &Path) -> io::Result<Self> {
        let identity = Identity::load(&worker.join("identity")).map_err(io::Error::other)?;
        let identity = identity.ok_or_else(|| io::Error::other("this worker belongs to no cluster yet"))?;
        Ok(Self(root.join(&identity.authority().to_string()[..CLUSTER])))
    }

    /// The folder that a task asks for by one of the reserved names, made if it is not there; nothing for any other volume.
    ///
    /// # Errors
    /// When it cannot be made, or something else is in its place.
    pub fn folder(&self, task: TaskKey, volume: &Volume) -> io::Result<Option<PathBuf>> {
        let name = match &volume.source[..] {
            Volume::OF_JOB => "shared".to_owned(),
            Volume::OF_TASK => format!("task-{}", task.instance),
            _ => return Ok(None),
        };
        let job = self.0.join(task.job.0.to_string());
        make(&self.0, 0o711)?;
        make(&job, 0o711)?;
        let folder = job.join(name);
        // Containers are of any user.
        make(&folder, 0o777)?;
        Ok(Some(folder))
    }

    /// The jobs that have folders.
    #[must_use]
    pub fn jobs(&self) -> Vec<JobId> {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        let number = |name: &str| name.parse().ok().map(JobId).filter(|job| job.0.to_string() == name);
        entries.filter_map(|entry| number(entry.file_name().to_str()?)).collect()
    }

    /// Removes the folders of a job, whatever is in them.
    ///
    /// # Errors
    /// When they cannot be removed.
    pub fn remove(&self, job: JobId) -> io::Result<()> {
        match fs::remove_dir_all(self.0.join(job.0.to_string())) {
            // Another node was quicker.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}

/// The rights of a folder that was just made.
const NEW: u32 = 0o700;

/// Makes a folder with these rights, or finds it; another node may make it at the same time.
fn make(folder: &Path, rights: u32) -> io::Result<()> {
    match DirBuilder::new().mode(NEW).create(folder) {
        Ok(()) => fs::set_permissions(folder, Permissions::from_mode(rights)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let about = fs::symlink_metadata(folder)?;
            if !about.is_dir() {
                return Err(error);
            }
            // Whoever made it may have ended before it had its rights, or may be about to give them.
            let is_new = about.mode() & 0o7777 == NEW;
            if is_new { fs::set_permissions(folder, Permissions::from_mode(rights)) } else { Ok(()) }
        }
        Err(error) => Err(error),
    }
}

/// Whether the root can be used, and whether it looks as if other nodes had it too.
pub fn check(root: &Path) -> Check {
    let shown = root.display();
    let found = fs::metadata(root).and_then(|about| if about.is_dir() { Ok(about) } else { Err(io::Error::other("it is no folder")) });
    if let Err(error) = found {
        return Check::fail("shared", format!("{shown}: {error}"), "mount there what all nodes share, or name another --shared-root");
    }
    if let Err(error) = access(root, Access::WRITE_OK | Access::EXEC_OK) {
        return Check::fail("shared", format!("{shown} cannot be written: {error}"), "give the worker's user the right to write there");
    }
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let of = |line: &&str| line.split(' ').nth(1).is_some_and(|at| root.canonicalize().is_ok_and(|root| root.starts_with(at)));
    let mount = mounts.lines().filter(of).max_by_key(|line| line.split(' ').nth(1).map_or(0, str::len));
    let kind = mount.and_then(|line| line.split(' ').nth(2)).unwrap_or("unknown");
    let spans = ["nfs", "cifs", "smb", "fuse", "ceph", "glusterfs", "9p", "virtiofs", "gfs2", "ocfs2", "lustre", "beegfs"];
    if spans.iter().any(|known| kind.starts_with(known)) {
        return Check::ok("shared", format!("{shown} is on {kind}, which other nodes can have too"));
    }
    let mend = "mount NFS, sshfs or the like there, unless all workers are on this host";
    Check::warn("shared", format!("{shown} is on {kind}, which only this host has"), mend)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(source: &str) -> Volume {
        Volume { source: source.into(), target: "/mnt".into(), read_only: false }
    }

    #[test]
    fn folders_are_those_of_the_job_and_of_the_instance_and_go_whole() {
        let place = tempfile::tempdir().unwrap();
        let root = SharedRoot(place.path().join("cluster"));
        let task = TaskKey { job: JobId(7), instance: 2 };
        let made = |source| root.folder(task, &volume(source)).unwrap();
        for _ in 0..2 {
            assert_eq!(made(Volume::OF_JOB), Some(place.path().join("cluster/7/shared")));
            assert_eq!(made(Volume::OF_TASK), Some(place.path().join("cluster/7/task-2")));
        }
        assert_eq!((made("data"), made("/srv")), (None, None));
        assert_eq!(root.jobs(), [JobId(7)]);
        // What a container has left is a link out, which is removed and not followed.
        let outside = place.path().join("outside");
        fs::create_dir(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, place.path().join("cluster/7/shared/out")).unwrap();
        root.remove(JobId(7)).unwrap();
        root.remove(JobId(7)).unwrap();
        assert!(outside.exists() && root.jobs().is_empty());
        // A link in the place of a folder is not followed either.
        std::os::unix::fs::symlink(&outside, place.path().join("cluster/7")).unwrap();
        assert!(root.folder(task, &volume(Volume::OF_JOB)).is_err());
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    }

    #[test]
    fn a_root_that_cannot_be_used_is_told_from_one_that_only_this_host_has() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(check(place.path()).verdict, engine::Verdict::Warn);
        assert_eq!(check(&place.path().join("none")).verdict, engine::Verdict::Fail);
    }
}
