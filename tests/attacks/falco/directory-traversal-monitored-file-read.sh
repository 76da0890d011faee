# rule: Directory traversal monitored file read
# A web server that joins its root and what the request said. The rule leaves out
# children of shells, so the server is no `sh`.
serve() {
    cp /bin/sh "$WORK/nginx"
    mkdir -p "$WORK/www/html"
    cd "$WORK/www/html"
    "$WORK/nginx" -c "cat $1 > /dev/null; :"
}
attack() {
    serve ../../../../etc/passwd
}
near_miss() {
    serve /etc/passwd
}
