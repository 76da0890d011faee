# rule: Read sensitive file trusted after startup
# The web server opens the file itself, before and after the five seconds that the
# rule grants it.
serve() {
    cp /bin/sh "$WORK/nginx"
    "$WORK/nginx" -c "sleep $1; read line < /etc/shadow"
}
attack() {
    serve 5.5
}
near_miss() {
    serve 0
}
