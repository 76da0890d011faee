# rule: Program removed its own file
# where: host
# needs: perl
attack() {
    cp "$(readlink -f "$(command -v perl)")" "$WORK/x"
    "$WORK/x" -e 'unlink "'"$WORK/x"'"'
}
near_miss() {
    cp "$(readlink -f "$(command -v perl)")" "$WORK/x"
    : > "$WORK/x.log"
    "$WORK/x" -e 'unlink "'"$WORK/x.log"'"'
}
