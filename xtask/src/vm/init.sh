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
busybox ip link set lo up
for module in /vm/*.ko; do
    [ -e "$module" ] && busybox insmod "$module"
done
# Messages of the kernel must not cut those of the tests in two.
busybox dmesg -n 1

# cgroup hierarchies as distributions mount them: LAYOUT is v1, hybrid or v2.
mount_cgroups() {
    if [ "$1" = v2 ]; then
        busybox mount -t cgroup2 cgroup2 /sys/fs/cgroup
        return
    fi
    busybox mount -t tmpfs tmpfs /sys/fs/cgroup
    for controller in cpu pids memory; do
        busybox mkdir "/sys/fs/cgroup/$controller"
        busybox mount -t cgroup -o "$controller" cgroup "/sys/fs/cgroup/$controller" ||
            busybox rmdir "/sys/fs/cgroup/$controller"
    done
    busybox mkdir /sys/fs/cgroup/systemd
    busybox mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
    if [ "$1" = hybrid ]; then
        busybox mkdir /sys/fs/cgroup/unified
        busybox mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified
    fi
}

unmount_cgroups() {
    for mount in /sys/fs/cgroup/* /sys/fs/cgroup; do
        busybox umount "$mount" 2>/dev/null
    done
}

# The kernel starts its first process outside of all sessions.
tests() {
    busybox setsid /vm/kernel --test-threads=2 "$@" 2>&1
}

export SENSOR_TEST_SLOWER=20
echo "vm: kernel $(busybox uname -r)"
mount_cgroups v2
# shellcheck disable=SC2046 # The file is a list of arguments.
tests $(busybox cat /vm/arguments)
echo "vm: tests ended with $?"
for layout in v1 hybrid; do
    unmount_cgroups
    mount_cgroups $layout
    tests cgroups::containers packets::questions
    echo "vm: cgroups $layout ended with $?"
done
/vm/sensor demo 2>&1
echo "vm: demo ended with $?"
busybox poweroff -f
