# rule: Passwords of a browser read
# where: host
attack() {
    mkdir -p /root/.mozilla/firefox/x1.default && echo '{}' > /root/.mozilla/firefox/x1.default/logins.json
    cat /root/.mozilla/firefox/x1.default/logins.json > /dev/null
}
near_miss() {
    mkdir -p /root/.mozilla/firefox/x1.default && echo '{}' > /root/.mozilla/firefox/x1.default/prefs.js
    cat /root/.mozilla/firefox/x1.default/prefs.js > /dev/null
}
