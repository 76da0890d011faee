# rule: Requests through io_uring by an unusual program
# where: host
# needs: cc
attack() {
    "$TOOLS/sys" 425 4 @160
}
near_miss() {
    cp "$TOOLS/sys" mariadbd
    ./mariadbd 425 4 @160
}
