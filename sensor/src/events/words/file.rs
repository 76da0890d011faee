//! Words of calls on files.

use super::Words;

/// `O_*` where a call takes some of them, as the kernel numbers them.
pub(in crate::events) const OPEN: Words = &[
    (0o200_000, "O_DIRECTORY"),
    (0o40_000, "O_DIRECT"),
    (0o1_000, "O_TRUNC"),
    (0o4_000, "O_NONBLOCK"),
    (0o200, "O_EXCL"),
    (0o2_000, "O_APPEND"),
    (0o100, "O_CREAT"),
    (2, "O_RDWR"),
    (1, "O_WRONLY"),
    (0o2_000_000, "O_CLOEXEC"),
];

/// `AT_*` of calls that take them all.
pub(in crate::events) const AT: Words = &[
    (0x100, "AT_SYMLINK_NOFOLLOW"),
    (0x200, "AT_REMOVEDIR"),
    (0x400, "AT_SYMLINK_FOLLOW"),
    (0x800, "AT_NO_AUTOMOUNT"),
    (0x1000, "AT_EMPTY_PATH"),
    (0x6000, "AT_STATX_SYNC_TYPE"),
    (0x2000, "AT_STATX_FORCE_SYNC"),
    (0x4000, "AT_STATX_DONT_SYNC"),
];

/// `AT_*` of faccessat2, where one bit means something else.
pub(in crate::events) const ACCESS_AT: Words = &[
    (0x100, "AT_SYMLINK_NOFOLLOW"),
    (0x200, "AT_EACCESS"),
    (0x1000, "AT_EMPTY_PATH"),
];

pub(in crate::events) const UNLINKAT: Words = &[(0x200, "AT_REMOVEDIR")];

pub(in crate::events) const LINKAT: Words =
    &[(0x400, "AT_SYMLINK_FOLLOW"), (0x1000, "AT_EMPTY_PATH")];

pub(in crate::events) const RENAME: Words = &[
    (1, "RENAME_NOREPLACE"),
    (1 << 1, "RENAME_EXCHANGE"),
    (1 << 2, "RENAME_WHITEOUT"),
];

pub(in crate::events) const XATTR: Words = &[(1, "XATTR_CREATE"), (2, "XATTR_REPLACE")];

pub(in crate::events) const FALLOCATE: Words = &[
    (1, "FALLOC_FL_KEEP_SIZE"),
    (2, "FALLOC_FL_PUNCH_HOLE"),
    (8, "FALLOC_FL_COLLAPSE_RANGE"),
    (0x10, "FALLOC_FL_ZERO_RANGE"),
    (0x20, "FALLOC_FL_INSERT_RANGE"),
    (0x40, "FALLOC_FL_UNSHARE_RANGE"),
];

pub(in crate::events) const ACCESS: Words = &[(4, "R_OK"), (2, "W_OK"), (1, "X_OK"), (0, "F_OK")];

/// Permission bits, in the order rules see them.
pub(crate) const MODE: Words = &[
    (0o1, "S_IXOTH"),
    (0o2, "S_IWOTH"),
    (0o4, "S_IROTH"),
    (0o10, "S_IXGRP"),
    (0o20, "S_IWGRP"),
    (0o40, "S_IRGRP"),
    (0o100, "S_IXUSR"),
    (0o200, "S_IWUSR"),
    (0o400, "S_IRUSR"),
    (0o1_000, "S_ISVTX"),
    (0o2_000, "S_ISGID"),
    (0o4_000, "S_ISUID"),
];

/// The types of files, in the upper bits of a mode.
pub(crate) const FILE_TYPE: Words = &[
    (0o140_000, "S_IFSOCK"),
    (0o120_000, "S_IFLNK"),
    (0o100_000, "S_IFREG"),
    (0o060_000, "S_IFBLK"),
    (0o040_000, "S_IFDIR"),
    (0o020_000, "S_IFCHR"),
    (0o010_000, "S_IFIFO"),
];

pub(in crate::events) const CLOSE_RANGE: Words =
    &[(2, "CLOSE_RANGE_UNSHARE"), (4, "CLOSE_RANGE_CLOEXEC")];

pub(in crate::events) const FCNTL: Words = &[
    (0, "F_DUPFD"),
    (1, "F_GETFD"),
    (2, "F_SETFD"),
    (3, "F_GETFL"),
    (4, "F_SETFL"),
    (5, "F_GETLK"),
    (6, "F_SETLK"),
    (7, "F_SETLKW"),
    (8, "F_SETOWN"),
    (9, "F_GETOWN"),
    (10, "F_SETSIG"),
    (11, "F_GETSIG"),
    (15, "F_SETOWN_EX"),
    (16, "F_GETOWN_EX"),
    (36, "F_OFD_GETLK"),
    (37, "F_OFD_SETLK"),
    (38, "F_OFD_SETLKW"),
    (1024, "F_SETLEASE"),
    (1025, "F_GETLEASE"),
    (1026, "F_NOTIFY"),
    (1029, "F_CANCELLK"),
    (1030, "F_DUPFD_CLOEXEC"),
    (1031, "F_SETPIPE_SZ"),
    (1032, "F_GETPIPE_SZ"),
    (1033, "F_ADD_SEALS"),
    (1034, "F_GET_SEALS"),
];

pub(in crate::events) const FLOCK: Words = &[
    (1, "LOCK_SH"),
    (2, "LOCK_EX"),
    (4, "LOCK_NB"),
    (8, "LOCK_UN"),
];

pub(in crate::events) const SEEK: Words = &[
    (0, "SEEK_SET"),
    (1, "SEEK_CUR"),
    (2, "SEEK_END"),
    (3, "SEEK_DATA"),
    (4, "SEEK_HOLE"),
];

pub(in crate::events) const MEMFD: Words = &[
    (1, "MFD_CLOEXEC"),
    (2, "MFD_ALLOW_SEALING"),
    (4, "MFD_HUGETLB"),
    (8, "MFD_NOEXEC_SEAL"),
    (0x10, "MFD_EXEC"),
];

pub(in crate::events) const EVENTFD: Words = &[
    (0o2_000_000, "O_CLOEXEC"),
    (0o4_000, "O_NONBLOCK"),
    (1, "EFD_SEMAPHORE"),
];

pub(in crate::events) const PIDFD: Words = &[(0o200, "PIDFD_THREAD"), (0o4_000, "PIDFD_NONBLOCK")];

pub(in crate::events) const EPOLL_CTL: Words = &[
    (1, "EPOLL_CTL_ADD"),
    (2, "EPOLL_CTL_DEL"),
    (3, "EPOLL_CTL_MOD"),
];

pub(in crate::events) const FANOTIFY: Words = &[
    (1, "FAN_CLOEXEC"),
    (2, "FAN_NONBLOCK"),
    (4, "FAN_CLASS_CONTENT"),
    (8, "FAN_CLASS_PRE_CONTENT"),
    (0x10, "FAN_UNLIMITED_QUEUE"),
    (0x20, "FAN_UNLIMITED_MARKS"),
    (0x40, "FAN_ENABLE_AUDIT"),
    (0x80, "FAN_REPORT_PIDFD"),
    (0x100, "FAN_REPORT_TID"),
    (0x200, "FAN_REPORT_FID"),
    (0x400, "FAN_REPORT_DIR_FID"),
    (0x800, "FAN_REPORT_NAME"),
    (0x1000, "FAN_REPORT_TARGET_FID"),
];

pub(in crate::events) const RWF: Words = &[
    (1, "RWF_HIPRI"),
    (2, "RWF_DSYNC"),
    (4, "RWF_SYNC"),
    (8, "RWF_NOWAIT"),
    (0x10, "RWF_APPEND"),
    (0x20, "RWF_NOAPPEND"),
    (0x40, "RWF_ATOMIC"),
];

pub(in crate::events) const SPLICE: Words = &[
    (1, "SPLICE_F_MOVE"),
    (2, "SPLICE_F_NONBLOCK"),
    (4, "SPLICE_F_MORE"),
    (8, "SPLICE_F_GIFT"),
];
