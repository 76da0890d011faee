# rule: Kernel keyring read
# where: host
# needs: cc
attack() {
    cp "$TOOLS/sys" keyctl
    ./keyctl 248 user attack-story secret 6 -2 , 250 11 %0 @64 64
}
near_miss() {
    cp "$TOOLS/sys" keyctl
    ./keyctl 248 user attack-story secret 6 -2 , 250 6 %0 @64 64
}
