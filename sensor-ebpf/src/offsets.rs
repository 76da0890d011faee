//! Where the kernel keeps what the programs read.
//!
//! Rust emits no CO-RE relocations, so the loader resolves this table against
//! the running kernel's BTF and hands the numbers over as the read-only global
//! `OFFSETS`; the verifier sees constants and removes what a missing one
//! guards. One row is one number: its name, whether the capture can live
//! without it, and where to look, the alternatives for other kernel versions
//! separated by `|`:
//!
//! - `struct.member.member`: byte offset, anonymous members looked through;
//! - `bit:struct.member`: offset of a bit field in bits;
//! - `size:struct`: its size in bytes;
//! - `enum:type.NAME`: the value of an enumerator;
//! - `args:typedef`: number of parameters of the function it points to.

use zerocopy::{Immutable, IntoBytes};

/// Stands for a number this kernel does not have.
pub const MISSING: u32 = u32::MAX;

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The field of [`Offsets`].
    pub name: &'static str,
    /// Whether capture cannot work without it.
    pub essential: bool,
    /// Where to look, first hit wins.
    pub places: &'static str,
}

macro_rules! offsets {
    ($($need:ident $name:ident = $places:literal;)*) => {
        /// The resolved numbers, one per row, [`MISSING`] where there is none.
        #[derive(Debug, Clone, Copy, IntoBytes, Immutable)]
        #[repr(C)]
        #[expect(missing_docs, reason = "each row says where it points")]
        pub struct Offsets { $(pub $name: u32,)* }

        impl Offsets {
            /// All missing: what the object holds until it is loaded.
            pub const NONE: Self = Self { $($name: MISSING,)* };
        }

        /// The rows, in the order of [`Offsets`]' fields.
        pub const ROWS: &[Row] = &[$(Row {
            name: stringify!($name),
            essential: offsets!(@ $need),
            places: $places,
        },)*];
    };
    (@ must) => { true };
    (@ may) => { false };
}

offsets! {
    must task_pid = "task_struct.pid";
    must task_tgid = "task_struct.tgid";
    must task_comm = "task_struct.comm";
    must task_flags = "task_struct.flags";
    must task_start_boot = "task_struct.start_boottime|task_struct.real_start_time";
    must task_real_parent = "task_struct.real_parent";
    must task_group_leader = "task_struct.group_leader";
    must task_cred = "task_struct.cred";
    must task_mm = "task_struct.mm";
    must task_fs = "task_struct.fs";
    must task_files = "task_struct.files";
    must task_signal = "task_struct.signal";
    must task_stack = "task_struct.stack";
    must task_exit_code = "task_struct.exit_code";
    must task_thread_pid = "task_struct.thread_pid";
    may task_maj_flt = "task_struct.maj_flt";
    may task_min_flt = "task_struct.min_flt";
    may task_nsproxy = "task_struct.nsproxy";
    may task_cgroups = "task_struct.cgroups";
    may task_loginuid = "task_struct.loginuid";
    may task_thread_status = "task_struct.thread_info.status";

    must signal_live = "signal_struct.live";
    must signal_flags = "signal_struct.flags";
    must signal_group_exit_code = "signal_struct.group_exit_code";
    must signal_pids = "signal_struct.pids";
    may signal_rlim = "signal_struct.rlim";
    may signal_tty = "signal_struct.tty";
    may signal_has_child_subreaper = "bit:signal_struct.has_child_subreaper";
    may signal_is_child_subreaper = "bit:signal_struct.is_child_subreaper";
    may exit_arguments = "args:btf_trace_sched_process_exit";

    may siginfo_code = "kernel_siginfo.si_code";

    may tty_driver = "tty_struct.driver";
    may tty_index = "tty_struct.index";
    may tty_driver_major = "tty_driver.major";
    may tty_driver_minor_start = "tty_driver.minor_start";

    must cred_uid = "cred.uid";
    must cred_fsgid = "cred.fsgid";
    must cred_cap_inheritable = "cred.cap_inheritable";
    must cred_cap_ambient = "cred.cap_ambient";
    may cred_user_ns = "cred.user_ns";
    may cred_group_info = "cred.group_info";
    may group_info_ngroups = "group_info.ngroups";
    may group_info_gid = "group_info.gid";

    must pid_level = "pid.level";
    must pid_numbers = "pid.numbers";
    must upid_nr = "upid.nr";
    must upid_ns = "upid.ns";
    must upid_size = "size:upid";
    may pidns_child_reaper = "pid_namespace.child_reaper";
    may pidns_inum = "pid_namespace.ns.inum";
    may userns_inum = "user_namespace.ns.inum";
    may nsproxy_mnt = "nsproxy.mnt_ns";
    may nsproxy_net = "nsproxy.net_ns";
    may nsproxy_uts = "nsproxy.uts_ns";
    may nsproxy_ipc = "nsproxy.ipc_ns";
    may nsproxy_cgroup = "nsproxy.cgroup_ns";
    may mntns_inum = "mnt_namespace.ns.inum";
    may netns_inum = "net.ns.inum";
    may utsns_inum = "uts_namespace.ns.inum";
    may ipcns_inum = "ipc_namespace.ns.inum";
    may cgroupns_inum = "cgroup_namespace.ns.inum";

    may css_set_default = "css_set.dfl_cgrp";
    may css_set_links = "css_set.cgrp_links";
    may cgroup_link_cgroup = "cgrp_cset_link.cgrp";
    may cgroup_link_next = "cgrp_cset_link.cgrp_link";
    may cgroup_kn = "cgroup.kn";
    may cgroup_root = "cgroup.root";
    may kernfs_parent = "kernfs_node.__parent|kernfs_node.parent";
    may kernfs_id = "kernfs_node.id";
    may kernfs_hash = "kernfs_node.hash";
    may kernfs_name = "kernfs_node.name";

    must mm_arg_start = "mm_struct.arg_start";
    must mm_arg_end = "mm_struct.arg_end";
    must mm_env_start = "mm_struct.env_start";
    must mm_env_end = "mm_struct.env_end";
    may mm_total_vm = "mm_struct.total_vm";
    may mm_rss_stat = "mm_struct.rss_stat";
    may mm_rss_count = "mm_rss_stat.count";
    may percpu_counter_count = "percpu_counter.count";
    may percpu_counter_size = "size:percpu_counter";
    must mm_exe_file = "mm_struct.exe_file";
    must bprm_filename = "linux_binprm.filename";
    may bprm_fdpath = "linux_binprm.fdpath";

    must fs_pwd = "fs_struct.pwd";
    must files_fdt = "files_struct.fdt";
    must fdtable_max = "fdtable.max_fds";
    must fdtable_fd = "fdtable.fd";
    must file_path = "file.f_path";
    must file_inode = "file.f_inode";
    must file_mode = "file.f_mode";
    must file_private = "file.private_data";
    may file_flags = "file.f_flags";
    must path_mnt = "path.mnt";
    must path_dentry = "path.dentry";
    must dentry_parent = "dentry.d_parent";
    must dentry_name = "dentry.d_name.name";
    must dentry_name_len = "dentry.d_name.len";
    must vfsmount_root = "vfsmount.mnt_root";
    must mount_vfsmount = "mount.mnt";
    must mount_parent = "mount.mnt_parent";
    must mount_mountpoint = "mount.mnt_mountpoint";

    must inode_ino = "inode.i_ino";
    must inode_mode = "inode.i_mode";
    must inode_sb = "inode.i_sb";
    must inode_size = "size:inode";
    may inode_uid = "inode.i_uid";
    may inode_gid = "inode.i_gid";
    may inode_ctime_sec = "inode.i_ctime_sec|inode.__i_ctime.tv_sec|inode.i_ctime.tv_sec";
    may inode_ctime_nsec = "inode.i_ctime_nsec|inode.__i_ctime.tv_nsec|inode.i_ctime.tv_nsec";
    may inode_mtime_sec = "inode.i_mtime_sec|inode.__i_mtime.tv_sec|inode.i_mtime.tv_sec";
    may inode_mtime_nsec = "inode.i_mtime_nsec|inode.__i_mtime.tv_nsec|inode.i_mtime.tv_nsec";
    may inode_private = "inode.i_private";
    may ns_ops = "ns_common.ops";
    may ns_ops_name = "proc_ns_operations.name";
    may sb_magic = "super_block.s_magic";
    may sb_dev = "super_block.s_dev";

    must regs_nr = "pt_regs.orig_ax";
    must regs_arg0 = "pt_regs.di";
    must regs_arg1 = "pt_regs.si";
    must regs_arg2 = "pt_regs.dx";
    must regs_arg3 = "pt_regs.r10";
    must regs_arg4 = "pt_regs.r8";
    must regs_arg5 = "pt_regs.r9";
    must regs_bx = "pt_regs.bx";
    must regs_cx = "pt_regs.cx";
    must regs_bp = "pt_regs.bp";
    must regs_size = "size:pt_regs";
    may helper_task_pt_regs = "enum:bpf_func_id.BPF_FUNC_task_pt_regs";

    must socket_sk = "socket.sk";
    must sock_family = "sock_common.skc_family";
    must sock_type = "sock.sk_type";
    must sock_protocol = "sock.sk_protocol";
    must sock_local4 = "sock_common.skc_rcv_saddr";
    must sock_local_port = "sock_common.skc_num";
    must sock_remote4 = "sock_common.skc_daddr";
    must sock_remote_port = "sock_common.skc_dport";
    may sock_local6 = "sock_common.skc_v6_rcv_saddr";
    may sock_remote6 = "sock_common.skc_v6_daddr";
    may sock_net = "sock_common.skc_net.net";
    may sock_flags = "sock_common.skc_flags";
    may inet_local_port = "inet_sock.inet_sport";
    may tcp_bytes_sent = "tcp_sock.bytes_sent";
    may tcp_bytes_received = "tcp_sock.bytes_received";
    may sock_state = "sock_common.skc_state";
    may sock_backlog = "sock.sk_ack_backlog";
    may sock_backlog_max = "sock.sk_max_ack_backlog";
    may sock_peer_pid = "sock.sk_peer_pid";
    may sock_peer_cred = "sock.sk_peer_cred";
    may netlink_portid = "netlink_sock.portid";
    may netlink_dst_portid = "netlink_sock.dst_portid";
    may netlink_dst_group = "netlink_sock.dst_group";
    may netlink_groups = "netlink_sock.groups";
    may vsock_local = "vsock_sock.local_addr";
    may vsock_remote = "vsock_sock.remote_addr";
    may unix_peer = "unix_sock.peer";
    may unix_address = "unix_sock.addr";
    may unix_address_len = "unix_address.len";
    may unix_address_name = "unix_address.name";

    may filename_name = "filename.name";
    may uring_submit_arguments = "args:btf_trace_io_uring_submit_sqe";
    may uring_complete_arguments = "args:btf_trace_io_uring_complete";
    may uring_ctx = "io_kiocb.ctx";
    may uring_user_data = "io_kiocb.cqe.user_data|io_kiocb.user_data";
    may uring_opcode = "io_kiocb.opcode";
    may uring_flags = "io_kiocb.flags";
    may uring_fd = "io_kiocb.cqe.fd";
    may uring_file = "io_kiocb.file";
    may uring_async = "io_kiocb.async_data";
    may uring_async_address = "io_async_msghdr.addr";
    may uring_open_dfd = "io_open.dfd";
    may uring_open_name = "io_open.filename";
    may uring_open_how = "io_open.how";
    may uring_unlink_dfd = "io_unlink.dfd";
    may uring_unlink_flags = "io_unlink.flags";
    may uring_unlink_name = "io_unlink.filename";
    may uring_mkdir_dfd = "io_mkdir.dfd";
    may uring_mkdir_mode = "io_mkdir.mode";
    may uring_mkdir_name = "io_mkdir.filename";
    may uring_link_old_dfd = "io_link.old_dfd";
    may uring_link_new_dfd = "io_link.new_dfd";
    may uring_link_old = "io_link.oldpath";
    may uring_link_new = "io_link.newpath";
    may uring_link_flags = "io_link.flags";
    may uring_rename_old_dfd = "io_rename.old_dfd";
    may uring_rename_new_dfd = "io_rename.new_dfd";
    may uring_rename_old = "io_rename.oldpath";
    may uring_rename_new = "io_rename.newpath";
    may uring_rename_flags = "io_rename.flags";
    may uring_connect_addr = "io_connect.addr";
    may uring_connect_len = "io_connect.addr_len";
    may uring_sr_buf = "io_sr_msg.buf";
    may uring_sr_len = "io_sr_msg.len";
    may uring_splice_in = "io_splice.splice_fd_in";
    may uring_splice_len = "io_splice.len";
    may uring_splice_flags = "io_splice.flags";
    may uring_bind_len = "io_bind.addr_len";
    may uring_listen_backlog = "io_listen.backlog";
    may uring_close_fd = "io_close.fd";
    may uring_ftruncate_len = "io_ftrunc.len";
    may uring_xattr_file = "io_xattr.filename";
    may uring_xattr_name = "io_xattr.ctx.kname";
    may uring_xattr_size = "io_xattr.ctx.size";
    may uring_rw_addr = "io_rw.addr";
    may uring_rw_len = "io_rw.len";
    may uring_socket_domain = "io_socket.domain";
    may uring_socket_type = "io_socket.type";
    may uring_socket_protocol = "io_socket.protocol";
}
