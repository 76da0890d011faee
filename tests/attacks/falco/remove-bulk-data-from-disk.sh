# rule: Remove Bulk Data from Disk
attack() {
    echo precious > "$WORK/data"
    shred -u "$WORK/data"
}
near_miss() {
    echo precious > "$WORK/data"
    rm "$WORK/data"
}
