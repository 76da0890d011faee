#!/bin/busybox sh
# The first process of the virtual machine: makes the least a sensor needs of a
# system, runs what is in /vm, and powers off. Standard output is the serial line;
# `xtask/src/vm/guest.rs` reads the lines that begin with `vm:`.

PATH=/usr/bin:/bin
export PATH HOME=/root RUST_BACKTRACE=0
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t devtmpfs devtmpfs /dev
busybox mkdir -p /dev/shm
for dir in /dev/shm /tmp /run; do
    busybox mount -t tmpfs -o mode=1777 tmpfs "$dir"
done
busybox mount -t securityfs securityfs /sys/kernel/security
busybox mount -t tracefs tracefs /sys/kernel/tracing
busybox mount -t cgroup2 cgroup2 /sys/fs/cgroup
busybox ip link set lo up
for module in /vm/*.ko; do
    [ -e "$module" ] && busybox insmod "$module"
done
# Messages of the kernel must not cut those of the tests in two.
busybox dmesg -n 1

echo "vm: kernel $(busybox uname -r)"
# shellcheck disable=SC2046 # The file is a list of arguments.
# The kernel starts its first process outside of all sessions.
busybox setsid /vm/kernel --test-threads=1 $(busybox cat /vm/arguments) 2>&1
echo "vm: tests ended with $?"
/vm/sensor demo 2>&1
echo "vm: demo ended with $?"
busybox poweroff -f
