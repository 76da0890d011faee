# rule: Fileless execution via memfd_create
# Both run a program by its descriptor; once it is in memory only.
attack() {
    "$TOOLS/exec-descriptor" memory /bin/true
}
near_miss() {
    "$TOOLS/exec-descriptor" file /bin/true
}
