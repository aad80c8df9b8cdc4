//! SQLite's own way to the file system, with a [`crate::Disk`] in between where a test asked for one.

#![expect(unsafe_code, reason = "SQLite is told of its files through C")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};

use libsqlite3_sys as ffi;

use crate::disk::{Done, State, Trouble, name_below};

/// The disks of this process, by folder. Files elsewhere are not interfered with.
static DISKS: Mutex<Vec<(PathBuf, Arc<Mutex<State>>)>> = Mutex::new(Vec::new());

/// What SQLite uses where nobody is in between.
static REAL: AtomicPtr<ffi::sqlite3_vfs> = AtomicPtr::new(ptr::null_mut());

/// Puts a disk at a folder, whose path must be free of links.
pub(crate) fn mount(folder: &Path, state: &Arc<Mutex<State>>) {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(register);
    disks().push((folder.to_owned(), Arc::clone(state)));
}

/// Takes a disk away; open files keep it.
pub(crate) fn unmount(state: &Arc<Mutex<State>>) {
    disks().retain(|(_, known)| !Arc::ptr_eq(known, state));
}

fn disks() -> MutexGuard<'static, Vec<(PathBuf, Arc<Mutex<State>>)>> {
    DISKS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The disk that a path is on, and the file's name there.
fn disk_of(path: *const c_char) -> Option<(Arc<Mutex<State>>, String)> {
    if path.is_null() {
        return None;
    }
    // SAFETY: SQLite hands over paths that end with a zero and live as long as the call.
    let path = Path::new(unsafe { CStr::from_ptr(path) }.to_str().ok()?);
    let disks = disks();
    disks.iter().find_map(|(folder, state)| Some((Arc::clone(state), name_below(folder, path)?.to_owned())))
}

/// Makes the shim SQLite's default.
fn register() {
    // SAFETY: the default exists always and is never freed; ours is a copy of it that lives for ever, with a larger file.
    unsafe {
        let real = ffi::sqlite3_vfs_find(ptr::null());
        assert!(!real.is_null(), "SQLite knows a file system");
        REAL.store(real, Ordering::Release);
        let mut shim = *real;
        shim.pNext = ptr::null_mut();
        shim.zName = c"muster-test-disk".as_ptr();
        shim.szOsFile = c_int::try_from(size_of::<Shim>()).expect("a shim is small") + (*real).szOsFile;
        shim.xOpen = Some(open);
        shim.xDelete = Some(delete);
        let registered = ffi::sqlite3_vfs_register(Box::leak(Box::new(shim)), 1);
        assert_eq!(registered, ffi::SQLITE_OK, "SQLite takes another file system");
    }
}

/// An open file: SQLite's part, ours, and behind it the real file in the same piece of memory.
#[repr(C)]
struct Shim {
    base: ffi::sqlite3_file,
    on: *mut On,
}

/// The disk that a file is on.
struct On {
    state: Arc<Mutex<State>>,
    name: String,
}

type File = *mut ffi::sqlite3_file;

/// The real file behind ours.
///
/// # Safety
/// `file` was opened by [`open`].
unsafe fn real(file: File) -> File {
    // SAFETY: SQLite made room for a shim and a real file in one piece.
    unsafe { file.cast::<Shim>().add(1).cast() }
}

/// The disk that a file is on, if it is on one.
///
/// # Safety
/// As [`real`]; the file is open.
unsafe fn on<'a>(file: File) -> Option<&'a On> {
    // SAFETY: it is null, or a box that lives until the file is closed.
    unsafe { (*file.cast::<Shim>()).on.as_ref() }
}

impl On {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Calls a method of the real file.
macro_rules! really {
    ($file:expr, $method:ident $(, $argument:expr)*) => {{
        let file = real($file);
        ((*(*file).pMethods).$method.expect("every file system has it"))(file $(, $argument)*)
    }};
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: File,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives room for `szOsFile` bytes at `file`, and the other arguments as the real one wants them.
    unsafe {
        let shim = file.cast::<Shim>();
        (*shim).base.pMethods = ptr::null();
        (*shim).on = ptr::null_mut();
        let found = disk_of(name);
        if let Some((state, _)) = &found
            && state.lock().unwrap_or_else(PoisonError::into_inner).count().is_err()
        {
            return ffi::SQLITE_CANTOPEN;
        }
        let vfs = REAL.load(Ordering::Acquire);
        let opened = ((*vfs).xOpen.expect("every file system has it"))(vfs, name, real(file), flags, out);
        if opened == ffi::SQLITE_OK {
            (*shim).base.pMethods = &raw const METHODS;
            (*shim).on = found.map_or(ptr::null_mut(), |(state, name)| Box::into_raw(Box::new(On { state, name })));
        }
        opened
    }
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    let found = disk_of(name);
    if let Some((state, _)) = &found
        && state.lock().unwrap_or_else(PoisonError::into_inner).count().is_err()
    {
        return ffi::SQLITE_IOERR_DELETE;
    }
    // SAFETY: the arguments are SQLite's own.
    let deleted = unsafe {
        let vfs = REAL.load(Ordering::Acquire);
        ((*vfs).xDelete.expect("every file system has it"))(vfs, name, sync)
    };
    if let Some((state, name)) = found.filter(|_| deleted == ffi::SQLITE_OK) {
        state.lock().unwrap_or_else(PoisonError::into_inner).note(Done::Delete { file: name });
    }
    deleted
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    // Without the third version's memory maps: every read and write passes here.
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

unsafe extern "C" fn close(file: File) -> c_int {
    // SAFETY: the file is open and SQLite closes it once.
    unsafe {
        let shim = file.cast::<Shim>();
        if !(*shim).on.is_null() {
            drop(Box::from_raw((*shim).on));
            (*shim).on = ptr::null_mut();
        }
        really!(file, xClose)
    }
}

unsafe extern "C" fn read(file: File, to: *mut c_void, bytes: c_int, at: ffi::sqlite3_int64) -> c_int {
    // SAFETY: the file is open, and `to` has room for `bytes`.
    unsafe {
        let Some(on) = on(file) else { return really!(file, xRead, to, bytes, at) };
        let mut state = on.state();
        if state.count().is_err() {
            return ffi::SQLITE_IOERR_READ;
        }
        let answer = really!(file, xRead, to, bytes, at);
        if answer == ffi::SQLITE_OK {
            let read = std::slice::from_raw_parts_mut(to.cast::<u8>(), usize::try_from(bytes).unwrap_or(0));
            state.spoil(&on.name, at.unsigned_abs(), read);
        }
        answer
    }
}

unsafe extern "C" fn write(file: File, from: *const c_void, bytes: c_int, at: ffi::sqlite3_int64) -> c_int {
    // SAFETY: the file is open, and `from` holds `bytes`.
    unsafe {
        let Some(on) = on(file) else { return really!(file, xWrite, from, bytes, at) };
        let mut state = on.state();
        let mut size = 0;
        let _ = really!(file, xFileSize, &raw mut size);
        let end = at + i64::from(bytes);
        match state.count().and_then(|()| state.grow(end.saturating_sub(size).max(0).unsigned_abs())) {
            Ok(()) => {}
            Err(Trouble::Full) => return ffi::SQLITE_FULL,
            Err(Trouble::Fails) => return ffi::SQLITE_IOERR_WRITE,
        }
        let answer = really!(file, xWrite, from, bytes, at);
        if answer == ffi::SQLITE_OK {
            let written = std::slice::from_raw_parts(from.cast::<u8>(), usize::try_from(bytes).unwrap_or(0));
            state.note(Done::Write { file: on.name.clone(), at: at.unsigned_abs(), bytes: written.to_vec() });
        }
        answer
    }
}

unsafe extern "C" fn truncate(file: File, size: ffi::sqlite3_int64) -> c_int {
    // SAFETY: the file is open.
    unsafe {
        let Some(on) = on(file) else { return really!(file, xTruncate, size) };
        let mut state = on.state();
        if state.count().is_err() {
            return ffi::SQLITE_IOERR_TRUNCATE;
        }
        let answer = really!(file, xTruncate, size);
        if answer == ffi::SQLITE_OK {
            state.note(Done::Truncate { file: on.name.clone(), size: size.unsigned_abs() });
        }
        answer
    }
}

/// The real disk is not asked: what a loss of power would leave is reckoned from what was done.
unsafe extern "C" fn sync(file: File, flags: c_int) -> c_int {
    // SAFETY: the file is open.
    unsafe {
        let Some(on) = on(file) else { return really!(file, xSync, flags) };
        let mut state = on.state();
        if state.count().is_err() {
            return ffi::SQLITE_IOERR_FSYNC;
        }
        state.note(Done::Sync { file: on.name.clone() });
        ffi::SQLITE_OK
    }
}

unsafe extern "C" fn file_size(file: File, size: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: the file is open.
    unsafe {
        match on(file).map(|on| on.state().count()) {
            Some(Err(_)) => ffi::SQLITE_IOERR_FSTAT,
            _ => really!(file, xFileSize, size),
        }
    }
}

unsafe extern "C" fn lock(file: File, level: c_int) -> c_int {
    // SAFETY: the file is open.
    unsafe {
        match on(file).map(|on| on.state().count()) {
            Some(Err(_)) => ffi::SQLITE_IOERR_LOCK,
            _ => really!(file, xLock, level),
        }
    }
}

/// Methods that only pass on.
macro_rules! passed_on {
    ($($name:ident = $method:ident($($argument:ident: $kind:ty),*) $(-> $answer:ty)?;)+) => {
        $(unsafe extern "C" fn $name(file: File, $($argument: $kind),*) $(-> $answer)? {
            // SAFETY: the file is open, and the arguments are SQLite's own.
            unsafe { really!(file, $method $(, $argument)*) }
        })+
    };
}

passed_on! {
    unlock = xUnlock(level: c_int) -> c_int;
    check_reserved_lock = xCheckReservedLock(held: *mut c_int) -> c_int;
    file_control = xFileControl(op: c_int, argument: *mut c_void) -> c_int;
    sector_size = xSectorSize() -> c_int;
    device_characteristics = xDeviceCharacteristics() -> c_int;
    shm_map = xShmMap(page: c_int, size: c_int, extend: c_int, to: *mut *mut c_void) -> c_int;
    shm_lock = xShmLock(offset: c_int, n: c_int, flags: c_int) -> c_int;
    shm_barrier = xShmBarrier();
    shm_unmap = xShmUnmap(delete: c_int) -> c_int;
}
