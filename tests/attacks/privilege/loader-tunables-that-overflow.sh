# rule: Loader tunables that overflow
# where: host
attack() {
    GLIBC_TUNABLES=glibc.malloc.mxfast=glibc.malloc.mxfast=A /bin/true
}
near_miss() {
    GLIBC_TUNABLES=glibc.malloc.arena_max=2:glibc.malloc.mxfast=64 /bin/true
}
