//! The files that a container has changed, with owners, rights, times and attributes: packed where it stopped, unpacked where it goes on.
//!
//! They are the upper layer of the overlay file system, where a deleted file is a character device of number 0 and a replaced folder has a mark in
//! its attributes; Docker's interface can give files back but cannot delete any.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, lchown, symlink};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps, XattrFlags, lgetxattr, llistxattr, lsetxattr, mknodat, utimensat};
use rustix::io::Errno;
use tar::{Archive, Builder, EntryType, Header};

use super::Trouble;

/// The most entries of an archive.
const MOST_ENTRIES: usize = 1_000_000;
/// The mark of a folder that hides what lies below it in the image.
const OPAQUE: &[u8] = b"trusted.overlay.opaque";
/// What a file may do that its user may not.
const CAPABILITY: &[u8] = b"security.capability";
/// The attributes that users give.
const OF_USERS: &[u8] = b"user.";
/// The record of a file's attributes in an archive: as JSON, for the way of GNU tar has no place for a line's end in a value.
const RECORD: &str = "WHARFINGER.attributes";
/// The most that the names of a file's attributes take, and that the value of one does: Linux allows no more.
const MOST_ATTRIBUTES: usize = 64 << 10;

/// Names and values: neither has to be text.
type Attributes = Vec<(Vec<u8>, Vec<u8>)>;

/// Packs a layer. Sockets are left out: whoever listened at them does so again from its checkpoint. A hard link is packed as a file of its own.
///
/// # Errors
/// When it cannot be read, or the archive not be written.
pub fn pack(layer: &Path, archive: &Path) -> Result<(), Trouble> {
    let file = File::create(archive).map_err(Trouble::io(archive))?;
    let mut builder = Builder::new(io::BufWriter::new(file));
    builder.follow_symlinks(false);
    // A file with holes is packed whole: what is unpacked is never larger than what was sent.
    builder.sparse(false);
    pack_folder(&mut builder, layer, Path::new(""))?;
    let written = builder.into_inner().and_then(|writer| writer.into_inner().map_err(io::IntoInnerError::into_error));
    written.map(drop).map_err(Trouble::io(archive))
}

fn pack_folder<W: io::Write>(builder: &mut Builder<W>, layer: &Path, below: &Path) -> Result<(), Trouble> {
    let folder = layer.join(below);
    let mut entries = fs::read_dir(&folder).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(Trouble::io(&folder))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), below.join(entry.file_name()));
        let about = entry.metadata().map_err(Trouble::io(&path))?;
        let kind = about.file_type();
        let said = Trouble::io(&path);
        if kind.is_dir() || kind.is_file() {
            let attributes = attributes(&path).map_err(Trouble::io(&path))?;
            if !attributes.is_empty() {
                let text = serde_json::to_vec(&attributes).map_err(|error| Trouble::io(&path)(error.into()))?;
                builder.append_pax_extensions([(RECORD, &text[..])]).map_err(Trouble::io(&path))?;
            }
        }
        if kind.is_dir() {
            builder.append_dir(&name, &path).map_err(said)?;
            pack_folder(builder, layer, &name)?;
        } else if kind.is_file() || kind.is_symlink() {
            builder.append_path_with_name(&path, &name).map_err(said)?;
        } else if is_whiteout(&about) {
            let mut header = Header::new_gnu();
            header.set_metadata(&about);
            header.set_entry_type(EntryType::Char);
            header.set_size(0);
            builder.append_data(&mut header, &name, io::empty()).map_err(said)?;
        }
    }
    Ok(())
}

fn is_whiteout(about: &fs::Metadata) -> bool {
    FileType::from_raw_mode(about.mode()) == FileType::CharacterDevice && about.rdev() == 0
}

/// The attributes of a file or folder that travel.
fn attributes(path: &Path) -> io::Result<Attributes> {
    let mut buffer = vec![0; MOST_ATTRIBUTES];
    let names = match llistxattr(path, &mut buffer[..]) {
        Ok(length) => buffer[..length].to_vec(),
        Err(Errno::NOTSUP) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let value = |name: &[u8]| {
        let length = lgetxattr(path, name, &mut buffer[..])?;
        Ok((name.to_vec(), buffer[..length].to_vec()))
    };
    names.split(|&byte| byte == 0).filter(|name| travels(name)).map(value).collect()
}

fn travels(name: &[u8]) -> bool {
    name == OPAQUE || name == CAPABILITY || name.starts_with(OF_USERS)
}

/// Unpacks an archive into a layer that nothing uses yet. An entry that would lie outside, or is of a kind that no layer packed by us has, ends it.
///
/// # Errors
/// When the archive is not one of ours, or the system refuses.
pub fn unpack(archive: &Path, layer: &Path) -> Result<(), Trouble> {
    let file = File::open(archive).map_err(Trouble::io(archive))?;
    let mut archive_reader = Archive::new(io::BufReader::new(file));
    let entries = archive_reader.entries().map_err(Trouble::io(archive))?;
    // What is put into a folder changes its time, so that is set when all is there.
    let mut folders = Vec::new();
    for (count, entry) in entries.enumerate() {
        let mut entry = entry.map_err(Trouble::io(archive))?;
        if count >= MOST_ENTRIES {
            return Err(Trouble::Refused(format!("its archive has more than {MOST_ENTRIES} entries")));
        }
        let name = entry.path().map_err(Trouble::io(archive))?.into_owned();
        let path = place(layer, &name)?;
        let said = || Trouble::io(&path);
        let header = entry.header().clone();
        let mode = header.mode().map_err(said())?;
        match header.entry_type() {
            EntryType::Directory => {
                // A link is no folder, wherever it leads.
                if !path.symlink_metadata().is_ok_and(|about| about.is_dir()) {
                    fs::create_dir(&path).map_err(said())?;
                }
            }
            EntryType::Regular => {
                let mut made = File::create_new(&path).map_err(said())?;
                io::copy(&mut entry, &mut made).map_err(said())?;
            }
            EntryType::Symlink => {
                let target = entry.link_name().map_err(said())?.unwrap_or_default().into_owned();
                symlink(target, &path).map_err(said())?;
            }
            EntryType::Char
                if header.device_major().ok().flatten().unwrap_or(0) == 0 && header.device_minor().ok().flatten().unwrap_or(0) == 0 =>
            {
                mknodat(CWD, &path, FileType::CharacterDevice, Mode::empty(), 0).map_err(|error| said()(error.into()))?;
            }
            other => return Err(Trouble::Refused(format!("`{}` is of a kind that no image has ({other:?})", name.display()))),
        }
        let (user, group) = (header.uid().map_err(said())?, header.gid().map_err(said())?);
        let number = |id: u64| u32::try_from(id).ok();
        lchown(&path, number(user), number(group)).map_err(said())?;
        if header.entry_type() != EntryType::Symlink {
            fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode & 0o7777)).map_err(said())?;
            set_attributes(&mut entry, &path).map_err(said())?;
        }
        let changed = header.mtime().map_err(said())?;
        if header.entry_type() == EntryType::Directory {
            folders.push((path, changed));
        } else {
            set_time(&path, changed).map_err(said())?;
        }
    }
    folders.iter().try_for_each(|(path, changed)| set_time(path, *changed).map_err(Trouble::io(path)))
}

/// Gives a file the attributes of its entry. A new owner takes some away, so they come last.
fn set_attributes<R: io::Read>(entry: &mut tar::Entry<'_, R>, path: &Path) -> io::Result<()> {
    for record in entry.pax_extensions()?.into_iter().flatten() {
        let record = record?;
        if record.key() == Ok(RECORD) {
            for (name, value) in serde_json::from_slice::<Attributes>(record.value_bytes())?.iter().filter(|(name, _)| travels(name)) {
                lsetxattr(path, &name[..], value, XattrFlags::empty())?;
            }
        }
    }
    Ok(())
}

/// When it was changed, in seconds since 1970.
fn set_time(path: &Path, changed: u64) -> io::Result<()> {
    let time = Timespec { tv_sec: changed.cast_signed(), tv_nsec: 0 };
    Ok(utimensat(CWD, path, &Timestamps { last_access: time, last_modification: time }, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// Where an entry lies: below the layer, and below real folders of it alone, so that no link that was unpacked before leads out.
fn place(layer: &Path, name: &Path) -> Result<PathBuf, Trouble> {
    let refused = || Trouble::Refused(format!("`{}` would lie outside", name.display()));
    let parts: Vec<_> = name.components().collect();
    if parts.is_empty() || parts.iter().any(|part| !matches!(part, Component::Normal(_))) {
        return Err(refused());
    }
    let mut path = layer.to_owned();
    for part in &parts[..parts.len() - 1] {
        path.push(part);
        if !path.symlink_metadata().is_ok_and(|about| about.is_dir()) {
            return Err(refused());
        }
    }
    path.push(parts[parts.len() - 1]);
    Ok(path)
}

#[cfg(test)]
#[path = "../tests/driver/archive.rs"]
mod archive;

#[cfg(test)]
mod tests {
    use super::archive::archive;
    use super::*;

    #[test]
    fn nothing_is_written_outside() {
        let place = tempfile::tempdir().unwrap();
        let layer = place.path().join("layer");
        for entries in [
            &[("../out", EntryType::Regular, "")][..],
            &[("/tmp/wharfinger-out", EntryType::Regular, "")],
            &[("a/../../out", EntryType::Regular, "")],
            &[("link", EntryType::Symlink, ".."), ("link/out", EntryType::Regular, "")],
            &[("link", EntryType::Symlink, "../out"), ("link", EntryType::Regular, "")],
            &[("link", EntryType::Symlink, ".."), ("link", EntryType::Directory, "")],
            &[("out", EntryType::Link, "/etc/passwd")],
            &[("out", EntryType::Fifo, "")],
            &[("out", EntryType::Block, "")],
        ] {
            let _ = fs::remove_dir_all(&layer);
            fs::create_dir(&layer).unwrap();
            let file = tempfile::NamedTempFile::new().unwrap();
            fs::write(file.path(), archive(entries)).unwrap();
            let rights = || fs::metadata(place.path()).unwrap().mode();
            let before = rights();
            let refused = unpack(file.path(), &layer);
            assert!(refused.is_err(), "{entries:?}");
            assert_eq!(rights(), before, "{entries:?}");
            assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "{entries:?}");
            assert!(!Path::new("/tmp/wharfinger-out").exists());
        }
    }

    #[test]
    fn a_layer_comes_back_as_it_was() {
        let place = tempfile::tempdir().unwrap();
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        fs::create_dir_all(from.join("etc/deep")).unwrap();
        fs::create_dir(&to).unwrap();
        fs::write(from.join("etc/deep/file"), "kept").unwrap();
        symlink("/nowhere", from.join("etc/link")).unwrap();
        let holes = File::create(from.join("holes")).unwrap();
        holes.set_len(3 << 20).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&holes, b"end", (3 << 20) - 3).unwrap();
        let takes = |name: &[u8], value: &[u8]| lsetxattr(from.join("etc/deep"), name, value, XattrFlags::empty()).is_ok();
        let marks =
            [(&b"user.note"[..], &b"value\n\0"[..]), (b"user.\xff", b"no text"), (OPAQUE, b"y"), (b"trusted.overlay.origin", b"elsewhere")];
        let marks = marks.map(|(name, value)| (name, value, takes(name, value) && travels(name)));
        let devices = mknodat(CWD, from.join("etc/gone"), FileType::CharacterDevice, Mode::empty(), 0).is_ok();
        for name in ["etc/deep", "etc/link", "etc"] {
            set_time(&from.join(name), 1_000_000_000).unwrap();
        }
        let file = place.path().join(super::super::FILES);
        pack(&from, &file).unwrap();
        unpack(&file, &to).unwrap();
        for name in ["etc/deep/file", "etc/deep", "etc/link", "etc"] {
            let changed = |root: &Path| root.join(name).symlink_metadata().unwrap().mtime();
            assert_eq!(changed(&to), changed(&from), "{name}");
        }
        for (name, value, there) in marks {
            let mut found = [0; 64];
            let length = lgetxattr(to.join("etc/deep"), name, &mut found[..]);
            assert_eq!(length.is_ok_and(|length| found[..length] == *value), there, "{}", name.escape_ascii());
        }
        assert_eq!(fs::read_to_string(to.join("etc/deep/file")).unwrap(), "kept");
        assert!(fs::read(to.join("holes")).unwrap() == fs::read(from.join("holes")).unwrap());
        assert_eq!(fs::read_link(to.join("etc/link")).unwrap(), Path::new("/nowhere"));
        assert_eq!(to.join("etc/gone").symlink_metadata().is_ok_and(|about| is_whiteout(&about)), devices);
    }
}
