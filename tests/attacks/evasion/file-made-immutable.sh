# rule: File made immutable
# where: host
# needs: chattr
attack() {
    : > x
    cp "$(command -v chattr)" chattr
    ./chattr +i x || true
    ./chattr -i x || true
}
near_miss() {
    : > x
    cp "$(command -v chattr)" chattr
    ./chattr +d x || true
}
