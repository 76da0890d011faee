# rule: Run shell untrusted
serve() {
    cp /bin/sh "$WORK/nginx"
    "$WORK/nginx" -c "$1; :"
}
attack() {
    serve "sh -c id > /dev/null"
}
near_miss() {
    serve "id > /dev/null"
}
